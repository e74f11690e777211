//! A model server for those who have none at hand: chat completions over HTTP, and a "model" that quotes.
//!
//! Asked a question, it asks for a search with the question's words; given passages, it answers with those of their sentences that
//! share most words with the question. It prints the `traceparent` of each request: that is what a real server would join.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::document::words;

pub(crate) const MODEL: &str = "quote-1";
/// Requests may not be larger than this, head and body.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Starts the server on a free port of this machine and gives back its base URL.
pub(crate) async fn start() -> io::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let base_url = format!("http://{}/v1", listener.local_addr()?);
    eprintln!(
        "model server: OPENAI_BASE_URL is not set, so a small one inside this program answers at {base_url}"
    );
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Err(error) = serve(stream).await {
                    eprintln!("model server: {error}");
                }
            });
        }
    });
    Ok(base_url)
}

/// One request, one response, and the connection is closed.
async fn serve(mut stream: TcpStream) -> io::Result<()> {
    let request = Request::read(&mut stream).await?;
    let traceparent = request.traceparent.as_deref().unwrap_or("missing");
    eprintln!("model server: {}, traceparent {traceparent}", request.line);
    let (status, body) = match serde_json::from_slice(&request.body) {
        Ok(body) if request.line == "POST /v1/chat/completions" => ("200 OK", completion(&body)),
        Ok(_) => ("404 Not Found", json!({"error": {"message": "only /v1/chat/completions is here"}})),
        Err(error) => ("400 Bad Request", json!({"error": {"message": error.to_string()}})),
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await
}

struct Request {
    /// Method and path.
    line: String,
    traceparent: Option<String>,
    body: Vec<u8>,
}

impl Request {
    async fn read(stream: &mut TcpStream) -> io::Result<Self> {
        let mut lines = BufReader::new(stream.take(MAX_BYTES));
        let mut first = String::new();
        lines.read_line(&mut first).await?;
        let mut request = Self {
            line: first.split(' ').take(2).collect::<Vec<_>>().join(" "),
            traceparent: None,
            body: Vec::new(),
        };
        let mut length = 0;
        loop {
            let mut line = String::new();
            lines.read_line(&mut line).await?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().map_err(io::Error::other)?,
                "traceparent" => request.traceparent = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        lines.take(length).read_to_end(&mut request.body).await?;
        Ok(request)
    }
}

/// A `chat.completion` object.
fn completion(request: &Value) -> Value {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let content = |role: &str| {
        let messages = request["messages"].as_array().map_or(&[][..], Vec::as_slice);
        messages.iter().rfind(|message| message["role"] == role)?["content"].as_str()
    };
    let question = content("user").unwrap_or_default();
    let (message, finish_reason) = match content("tool") {
        Some(passages) => (json!({"role": "assistant", "content": quote(passages, question)}), "stop"),
        None => (ask_for_search(number, question), "tool_calls"),
    };
    let (input, output) = (count_words(&request["messages"]), count_words(&message));
    let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    json!({
        "id": format!("chatcmpl-{number}"),
        "object": "chat.completion",
        "created": created,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        // This model's tokens are words.
        "usage": {"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output},
    })
}

fn ask_for_search(number: u32, question: &str) -> Value {
    let mut query: Vec<String> = telling_words(question);
    query.sort();
    let arguments = json!({"query": query.join(" ")}).to_string();
    json!({
        "role": "assistant",
        "content": null,
        "tool_calls": [{
            "id": format!("call-{number}"),
            "type": "function",
            "function": {"name": "search_document", "arguments": arguments},
        }],
    })
}

/// The sentences that share most words with the question, two at most.
fn quote(passages: &str, question: &str) -> String {
    let asked = telling_words(question);
    let text = passages.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut sentences: Vec<(usize, usize, &str)> = text
        .split_inclusive(". ")
        .enumerate()
        .map(|(place, sentence)| {
            let said = words(sentence);
            (asked.iter().filter(|word| said.contains(*word)).count(), place, sentence.trim())
        })
        .filter(|(shared, ..)| *shared > 0)
        .collect();
    sentences.sort_by_key(|(shared, place, _)| (usize::MAX - shared, *place));
    let most = sentences.first().map_or(0, |(shared, ..)| *shared);
    sentences.retain(|(shared, ..)| *shared == most);
    sentences.truncate(2);
    if sentences.is_empty() {
        return "The document says nothing about that.".to_owned();
    }
    sentences.iter().map(|(.., sentence)| *sentence).collect::<Vec<_>>().join(" ")
}

/// Words of four letters and more; the short ones stand everywhere.
fn telling_words(question: &str) -> Vec<String> {
    let common = ["what", "when", "where", "which", "does", "that", "this", "with", "from"];
    words(question).into_iter().filter(|word| word.len() > 3 && !common.contains(&word.as_str())).collect()
}

fn count_words(value: &Value) -> usize {
    value.to_string().split_whitespace().count()
}
