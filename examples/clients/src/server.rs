//! A model server for those who have none at hand: chat completions, whole or as a stream, and embeddings, over HTTP on loopback.
//!
//! Asked with tools at hand it asks for the first of them, once; then it answers. What it is asked for the model [`FLAKY`] it refuses the
//! first time, and of a stream of [`SILENT`] only the first piece comes. It prints the `traceparent` of each request: that is what a real server would join.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The model that answers.
pub const MODEL: &str = "rain-1";
/// A model whose first request is refused with a 503.
pub const FLAKY: &str = "flaky-1";
/// A model whose streams stop after their first piece, and do not end.
pub const SILENT: &str = "silent-1";
/// What every answer costs: tokens of the input, and of the output.
pub const TOKENS: (u64, u64) = (11, 3);
const WORDS: [&str; 3] = ["It ", "rains ", "in Bern."];
/// Requests may not be larger than this.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A running server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it is, with `/v1`.
    pub base_url: String,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    traceparents: Mutex<Vec<Option<String>>>,
    bodies: Mutex<Vec<Value>>,
    refused: AtomicBool,
}

impl Server {
    /// Starts it on a free port of this machine.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let base_url = format!("http://{}/v1", listener.local_addr()?);
        let server = Self { base_url, seen: Arc::default() };
        let seen = Arc::clone(&server.seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    if let Err(error) = serve(stream, &seen).await {
                        eprintln!("model server: {error}");
                    }
                });
            }
        });
        Ok(server)
    }

    /// The `traceparent` of each request so far.
    #[must_use]
    pub fn traceparents(&self) -> Vec<Option<String>> {
        self.seen.traceparents.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The body of each request so far.
    #[must_use]
    pub fn bodies(&self) -> Vec<Value> {
        self.seen.bodies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One request, one response, and the connection is closed.
async fn serve(mut stream: TcpStream, seen: &Seen) -> io::Result<()> {
    let mut lines = BufReader::new((&mut stream).take(MAX_BYTES));
    let mut first = String::new();
    lines.read_line(&mut first).await?;
    let (mut length, mut traceparent) = (0, None);
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().map_err(io::Error::other)?,
            "traceparent" => traceparent = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut body = Vec::new();
    lines.take(length).read_to_end(&mut body).await?;
    let line = first.rsplit_once(' ').map_or("", |(line, _)| line);
    eprintln!("model server: {line}, traceparent {}", traceparent.as_deref().unwrap_or("missing"));
    seen.traceparents.lock().unwrap_or_else(PoisonError::into_inner).push(traceparent);
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    seen.bodies.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    let (status, content_type, body) = answer(line, &request, seen);
    if request["model"] == SILENT {
        let first = body.split_inclusive("\n\n").next().unwrap_or_default();
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\nconnection: close\r\n\r\n{first}");
        stream.write_all(head.as_bytes()).await?;
        std::future::pending::<()>().await;
    }
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await
}

fn answer(line: &str, request: &Value, seen: &Seen) -> (&'static str, &'static str, String) {
    let json = "application/json";
    if request["model"] == FLAKY && !seen.refused.swap(true, Ordering::SeqCst) {
        return ("503 Service Unavailable", json, json!({"error": {"message": "try again"}}).to_string());
    }
    match line {
        "POST /v1/chat/completions" if request["stream"] == true => {
            ("200 OK", "text/event-stream", stream(request))
        }
        "POST /v1/chat/completions" => ("200 OK", json, completion(request).to_string()),
        "POST /v1/embeddings" => ("200 OK", json, embeddings(request).to_string()),
        _ => ("404 Not Found", json, json!({"error": {"message": "this is not here"}}).to_string()),
    }
}

/// The first tool, if it was not asked for yet.
fn tool(request: &Value) -> Option<Value> {
    let name = request["tools"][0]["function"]["name"].as_str()?;
    let messages = request["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let was_asked = messages.iter().any(|message| message["role"] == "tool");
    let arguments = json!({"city": "Bern"}).to_string();
    (!was_asked).then(
        || json!({"id": "call-1", "type": "function", "function": {"name": name, "arguments": arguments}}),
    )
}

fn completion(request: &Value) -> Value {
    let (message, reason) = match tool(request) {
        Some(tool) => (json!({"role": "assistant", "content": null, "tool_calls": [tool]}), "tool_calls"),
        None => (json!({"role": "assistant", "content": WORDS.concat()}), "stop"),
    };
    json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": request["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": usage(),
    })
}

fn stream(request: &Value) -> String {
    let chunk = |choices: Value, usage: Value| {
        let chunk = json!({
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": request["model"],
            "choices": choices,
            "usage": usage,
        });
        format!("data: {chunk}\n\n")
    };
    let mut body = String::new();
    let reason = if let Some(mut tool) = tool(request) {
        tool["index"] = json!(0);
        body +=
            &chunk(json!([{"index": 0, "delta": {"role": "assistant", "tool_calls": [tool]}}]), Value::Null);
        "tool_calls"
    } else {
        for word in WORDS {
            body +=
                &chunk(json!([{"index": 0, "delta": {"role": "assistant", "content": word}}]), Value::Null);
        }
        "stop"
    };
    body += &chunk(json!([{"index": 0, "delta": {}, "finish_reason": reason}]), Value::Null);
    if request["stream_options"]["include_usage"] == true {
        body += &chunk(json!([]), usage());
    }
    body + "data: [DONE]\n\n"
}

fn embeddings(request: &Value) -> Value {
    json!({
        "object": "list",
        "model": request["model"],
        "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5, 0.125, 1.0]}],
        "usage": {"prompt_tokens": TOKENS.0, "total_tokens": TOKENS.0},
    })
}

fn usage() -> Value {
    let (input, output) = TOKENS;
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
}
