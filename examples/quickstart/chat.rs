//! A client of the chat completions API, on plain reqwest.

use llmetry::RequestBuilderExt;
use serde_json::{Value, json};

use crate::error::Error;
use crate::server;

/// Where the model is.
pub(crate) struct Chat {
    client: reqwest::Client,
    base_url: String,
    key: Option<String>,
    model: String,
}

/// What the model said.
#[derive(Debug)]
pub(crate) enum Reply {
    Answer(String),
    Search(Search),
}

/// A search that the model asks for.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) query: String,
    call_id: String,
    message: Value,
}

/// The conversation's beginning.
pub(crate) fn opening(question: &str) -> Vec<Value> {
    vec![
        json!({"role": "system", "content": "Search the document, then answer in one or two sentences."}),
        json!({"role": "user", "content": question}),
    ]
}

impl Search {
    /// The messages by which the model gets what it asked for.
    pub(crate) fn with_result(self, found: &str) -> [Value; 2] {
        [self.message, json!({"role": "tool", "tool_call_id": self.call_id, "content": found})]
    }
}

impl Chat {
    /// The server that `OPENAI_BASE_URL`, `OPENAI_API_KEY` and `OPENAI_MODEL` name, or else one of our own.
    pub(crate) async fn from_env() -> Result<Self, Error> {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (base_url, model) = match set("OPENAI_BASE_URL") {
            Some(url) if url.starts_with("http://") => (url, "gpt-4o-mini"),
            Some(url) => return Err(Error::NotHttp { url }),
            None => (server::start().await.map_err(Error::Server)?, server::MODEL),
        };
        Ok(Self {
            client: reqwest::Client::new(),
            base_url: base_url.trim_end_matches('/').to_owned(),
            key: set("OPENAI_API_KEY"),
            model: set("OPENAI_MODEL").unwrap_or_else(|| model.to_owned()),
        })
    }

    /// One `POST /chat/completions`.
    pub(crate) async fn complete(&self, messages: &[Value]) -> Result<Reply, Error> {
        let mut request = self.client.post(format!("{}/chat/completions", self.base_url));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let body = json!({"model": self.model, "messages": messages, "tools": [search_tool()]});
        // All that is needed: the call has a span with model and tokens, and the server's spans join it.
        let response = request.json(&body).send_traced().await?;

        let status = response.status();
        if !status.is_success() {
            return Err(Error::Refused { status: status.as_u16(), body: response.text().await? });
        }
        understand(&response.json().await?)
    }
}

fn search_tool() -> Value {
    json!({
        "type": "function",
        "function": {
            "name": "search_document",
            "description": "Finds the passages of the document that share most words with the query.",
            "parameters": {
                "type": "object",
                "properties": {"query": {"type": "string"}},
                "required": ["query"],
            },
        },
    })
}

fn understand(completion: &Value) -> Result<Reply, Error> {
    let message = &completion["choices"][0]["message"];
    let Some(call) = message["tool_calls"].get(0) else {
        return Ok(Reply::Answer(text(&message["content"], "content")?));
    };
    // Arguments are JSON inside a JSON string.
    let arguments = text(&call["function"]["arguments"], "arguments")?;
    let arguments: Value =
        serde_json::from_str(&arguments).map_err(|_| Error::NotUnderstood { what: "valid arguments" })?;
    Ok(Reply::Search(Search {
        query: text(&arguments["query"], "query")?,
        call_id: text(&call["id"], "tool call id")?,
        message: message.clone(),
    }))
}

fn text(value: &Value, what: &'static str) -> Result<String, Error> {
    value.as_str().map(str::to_owned).ok_or(Error::NotUnderstood { what })
}
