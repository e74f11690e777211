//! A recorded exchange: a file with a request, its answer, and the facts that a right reader finds; and the reading of it.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use llmetry::wire::{
    Content, Facts, Head, Operation, RequestFacts, RequestReader, ResponseReader, Route, ToolCall, route,
};
use serde_json::{Map, Value, json};

/// More than any text of the recordings.
const CONTENT: Content = Content::Keep { bytes: 16 * 1024 * 1024 };

#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) id: String,
    pub(crate) facts: Map<String, Value>,
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) request: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) headers: Map<String, Value>,
    pub(crate) response: Vec<u8>,
}

/// Every exchange below `folder`, in the order of their names.
pub(crate) fn below(folder: &Path) -> Result<Vec<Exchange>, Box<dyn Error>> {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
        .iter()
        .map(|file| Exchange::load(file).map_err(|error| format!("{}: {error}", file.display()).into()))
        .collect()
}

impl Exchange {
    fn load(file: &Path) -> Result<Self, Box<dyn Error>> {
        let value: Value = serde_json::from_slice(&fs::read(file)?)?;
        let text = |key: &str| {
            value[key].as_str().map(str::to_owned).ok_or_else(|| format!("no text under `{key}`"))
        };
        let map =
            |key: &str| value[key].as_object().cloned().ok_or_else(|| format!("no object under `{key}`"));
        Ok(Self {
            id: text("id")?,
            facts: map("facts")?,
            method: text("method")?,
            host: text("host")?,
            path: text("path")?,
            request: body(&value["request_body"])?,
            status: value["status"].as_u64().and_then(|status| status.try_into().ok()).ok_or("no status")?,
            headers: map("response_headers")?,
            response: body(&value["response_body"])?,
        })
    }

    /// The facts of it, with bodies in pieces whose lengths `lengths` says.
    pub(crate) fn read(&self, mut lengths: impl FnMut() -> usize) -> Map<String, Value> {
        let (route, request, facts) = self.read_with(CONTENT, &mut lengths);
        as_json(&route, &request, &facts)
    }

    /// The same as the readers have it.
    pub(crate) fn read_with(
        &self,
        content: Content,
        lengths: &mut dyn FnMut() -> usize,
    ) -> (Route, RequestFacts, Facts) {
        let route = route(&self.method, &self.host, &self.path);
        let mut reader = RequestReader::new(&route, content);
        pieces(&self.request, lengths, |piece| reader.push(piece));
        let request = reader.finish();
        // The recordings are decoded.
        let head = self.headers.iter().fold(Head::new(self.status), |head, (name, value)| {
            head.header(name, value.as_str().unwrap_or_default())
        });
        let mut reader =
            ResponseReader::new(route.format, request.operation, request.stream, head.decoded(), content);
        pieces(&self.response, lengths, |piece| reader.push(piece));
        (route, request, reader.finish())
    }
}

fn pieces(mut body: &[u8], lengths: &mut dyn FnMut() -> usize, mut push: impl FnMut(&[u8])) {
    while !body.is_empty() {
        let (piece, rest) = body.split_at(lengths().clamp(1, body.len()));
        push(piece);
        body = rest;
    }
}

/// Facts under the names that the recordings have for them.
fn as_json(route: &Route, request: &RequestFacts, facts: &Facts) -> Map<String, Value> {
    let is_embedding = request.operation == Some(Operation::Embeddings);
    let choices = if is_embedding || facts.choices.is_empty() { None } else { Some(facts.choices.len()) };
    let calls = |calls: &[ToolCall]| -> Value {
        calls.iter().map(|call| json!({"id": call.id, "name": call.name})).collect()
    };
    let mut map = Map::new();
    let mut set = |key: &str, value: Value| map.insert(key.to_owned(), value);
    set("format", json!(route.format.map_or("other", llmetry::wire::Format::name)));
    set("operation", json!(request.operation.map(Operation::name)));
    set("provider", json!(route.provider));
    set("provider_hint", json!(route.provider_hint));
    set("stream", json!(request.stream));
    set("request_model", json!(request.model));
    set("response_model", json!(facts.model));
    set("response_id", json!(facts.id));
    set("input_tokens", json!(facts.usage.input));
    set("output_tokens", json!(facts.usage.output));
    set("cache_read", json!(facts.usage.cache_read));
    set("cache_write", json!(facts.usage.cache_write));
    set("reasoning_tokens", json!(facts.usage.reasoning));
    set("finish_reasons", json!(facts.finish_reasons()));
    set("tool_calls", calls(&facts.tool_calls));
    set("server_tool_calls", calls(&facts.server_tool_calls));
    set("choices", json!(choices));
    let names = facts.error.as_ref().map(|error| &error.names);
    set("error_type", json!(names.and_then(|names| names.first())));
    set("error_names", json!(names));
    set("embedding_dimensions", json!(facts.embedding_dimensions));
    set("text", json!(facts.text()));
    set("stream_complete", json!(facts.stream_complete));
    set("block_reason", json!(facts.block_reason));
    set("unexplained_total", json!(facts.usage.unexplained_total()));
    map
}

/// Fields that a recording names only where they are said, and readers always.
const RARE: [&str; 2] = ["block_reason", "unexplained_total"];
/// Fields that are about the recording.
const ABOUT: [&str; 2] = ["alternatives", "finish_reasons_raw"];

/// Each field of the recording's facts, and whether `found` agrees.
pub(crate) fn compare<'a>(
    right: &'a Map<String, Value>,
    found: &'a Map<String, Value>,
) -> impl Iterator<Item = (&'a str, bool)> {
    let absent = RARE.into_iter().filter(|key| !right.contains_key(*key) && !found[*key].is_null());
    let keys = right.keys().map(String::as_str).filter(|key| !ABOUT.contains(key)).chain(absent);
    keys.map(|key| {
        let (right, found) = (right.get(key).unwrap_or(&Value::Null), found.get(key).unwrap_or(&Value::Null));
        (key, is_same(key, right, found))
    })
}

fn is_same(key: &str, right: &Value, found: &Value) -> bool {
    match (key, right, found) {
        // Which words are right, in any order behind the first, which is `error_type`.
        ("error_names", Value::Array(right), Value::Array(found)) => {
            right.len() == found.len() && right.iter().all(|name| found.contains(name))
        }
        ("error_names", Value::Array(none), Value::Null) => none.is_empty(),
        _ => right == found,
    }
}

fn body(value: &Value) -> Result<Vec<u8>, Box<dyn Error>> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(text.clone().into_bytes()),
        Value::Object(map) => from_base64(map["base64"].as_str().ok_or("no base64")?),
        _ => Err("a body is a text or base64".into()),
    }
}

fn from_base64(text: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for character in text.bytes().filter(|byte| *byte != b'=') {
        let digit = DIGITS.iter().position(|digit| *digit == character).ok_or("no base64")?;
        bits = bits << 6 | u32::try_from(digit)?;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(bits.checked_shr(held).unwrap_or(0).to_le_bytes()[0]);
        }
    }
    Ok(bytes)
}
