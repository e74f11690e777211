//! The server at the other end: which model it has, and chat completions in both forms.

use std::fmt;

use llmetry::RequestBuilderExt;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

const DEFAULT_URL: &str = "http://127.0.0.1:8000/v1";
/// An example's answer need not be long.
const MAX_TOKENS: u32 = 64;

pub(crate) struct Server {
    client: reqwest::Client,
    base_url: String,
    key: Option<String>,
    model: String,
}

impl Server {
    /// The one at `OPENAI_BASE_URL`, and the first model that it has.
    pub(crate) async fn from_env() -> Result<Self, Failed> {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let base_url = set("OPENAI_BASE_URL").unwrap_or_else(|| DEFAULT_URL.to_owned());
        let mut server = Self {
            client: reqwest::Client::new(),
            base_url: base_url.trim_end_matches('/').to_owned(),
            key: set("OPENAI_API_KEY"),
            model: String::new(),
        };
        let url = format!("{}/models", server.base_url);
        let answer = server.with_key(server.client.get(&url)).send().await;
        let answer = answer.map_err(|cause| Failed::NoServer { url, cause })?;
        let models: Value = accepted(answer).await?.json().await?;
        server.model = text(&models["data"][0]["id"], "model")?;
        Ok(server)
    }

    /// The whole answer at once.
    pub(crate) async fn complete(&self, prompt: &str) -> Result<String, Failed> {
        let answer = self.chat(self.question(prompt)).await?;
        let answer: Value = answer.json().await?;
        text(&answer["choices"][0]["message"]["content"], "content")
    }

    /// The answer as it is made, put together.
    pub(crate) async fn stream(&self, prompt: &str) -> Result<String, Failed> {
        let mut question = self.question(prompt);
        question["stream"] = true.into();
        // Without this a stream says nothing of tokens.
        question["stream_options"] = json!({"include_usage": true});
        let mut answer = self.chat(question).await?;
        let (mut said, mut line) = (String::new(), Vec::new());
        while let Some(chunk) = answer.chunk().await? {
            // A chunk may end anywhere, a line ends with a line feed.
            for byte in chunk {
                if byte != b'\n' {
                    line.push(byte);
                    continue;
                }
                said.push_str(&piece(&line));
                line.clear();
            }
        }
        Ok(said)
    }

    fn question(&self, prompt: &str) -> Value {
        json!({
            "model": self.model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": MAX_TOKENS,
            "temperature": 0.7,
        })
    }

    async fn chat(&self, question: Value) -> Result<Response, Failed> {
        let request = self.client.post(format!("{}/chat/completions", self.base_url)).json(&question);
        // All that is needed: the call has a span, and the server's span is its child.
        accepted(self.with_key(request).send_traced().await?).await
    }

    fn with_key(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }
}

/// What an event of the stream adds to the answer: the last one has token counts only, and `[DONE]` is no JSON.
fn piece(line: &[u8]) -> String {
    let event = line.strip_prefix(b"data:").and_then(|data| serde_json::from_slice::<Value>(data).ok());
    let delta = event.as_ref().and_then(|event| event["choices"][0]["delta"]["content"].as_str());
    delta.unwrap_or_default().to_owned()
}

async fn accepted(answer: Response) -> Result<Response, Failed> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    Err(Failed::Refused { status: status.as_u16(), body: answer.text().await? })
}

fn text(value: &Value, what: &'static str) -> Result<String, Failed> {
    value.as_str().map(str::to_owned).ok_or(Failed::NotUnderstood { what })
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failed {
    Telemetry(llmetry::Error),
    NoServer { url: String, cause: reqwest::Error },
    Request(reqwest::Error),
    Refused { status: u16, body: String },
    NotUnderstood { what: &'static str },
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Telemetry(error) => error.fmt(f),
            Self::NoServer { url, cause } => {
                write!(f, "no vLLM answers at {url} (OPENAI_BASE_URL says where it is): ")?;
                with_causes(cause, f)
            }
            Self::Request(cause) => with_causes(cause, f),
            Self::Refused { status, body } => write!(f, "the server refused with {status}: {body}"),
            Self::NotUnderstood { what } => write!(f, "the server's answer has no {what}"),
        }
    }
}

fn with_causes(error: &reqwest::Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{error}")?;
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause {
        write!(f, ": {deeper}")?;
        cause = deeper.source();
    }
    Ok(())
}

impl std::error::Error for Failed {}

impl From<llmetry::Error> for Failed {
    fn from(error: llmetry::Error) -> Self {
        Self::Telemetry(error)
    }
}

impl From<reqwest::Error> for Failed {
    fn from(error: reqwest::Error) -> Self {
        Self::Request(error)
    }
}
