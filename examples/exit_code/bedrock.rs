//! A client of Bedrock's Converse API, on plain reqwest, with an API key for credentials.

use std::fmt;
use std::io;

use llmetry::RequestBuilderExt;
use serde_json::{Value, json};

use crate::server;

const MODEL: &str = "amazon.nova-lite-v1:0";

/// Where the model is.
pub(crate) struct Bedrock {
    client: reqwest::Client,
    base_url: String,
    key: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Error {
    Request(reqwest::Error),
    Refused { status: u16, message: String },
    NotUnderstood,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(cause) => write!(f, "the model does not answer: {cause}"),
            Self::Refused { status, message } => write!(f, "the model refused with {status}: {message}"),
            Self::NotUnderstood => f.write_str("the model's answer has no text"),
        }
    }
}

impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        Self::Request(error)
    }
}

impl Bedrock {
    /// The endpoint that `BEDROCK_BASE_URL` and `AWS_BEARER_TOKEN_BEDROCK` name, or else one of our own.
    pub(crate) async fn from_env() -> io::Result<Self> {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let base_url = match set("BEDROCK_BASE_URL") {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => server::start().await?,
        };
        let key = set("AWS_BEARER_TOKEN_BEDROCK").unwrap_or_else(|| "an-expired-key".to_owned());
        Ok(Self { client: reqwest::Client::new(), base_url, key })
    }

    /// One `POST /model/{id}/converse`.
    pub(crate) async fn converse(&self, prompt: &str) -> Result<String, Error> {
        let body = json!({
            "messages": [{"role": "user", "content": [{"text": prompt}]}],
            "inferenceConfig": {"maxTokens": 64},
        });
        let url = format!("{}/model/{MODEL}/converse", self.base_url);
        let response = self.client.post(url).bearer_auth(&self.key).json(&body).send_traced().await?;
        let status = response.status();
        let answer: Value = response.json().await?;
        if !status.is_success() {
            let message = answer["message"].as_str().unwrap_or("no reason is given").to_owned();
            return Err(Error::Refused { status: status.as_u16(), message });
        }
        let text = answer["output"]["message"]["content"][0]["text"].as_str();
        text.map(str::to_owned).ok_or(Error::NotUnderstood)
    }
}
