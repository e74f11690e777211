//! What a model says: an answer in [`CHUNKS`] events, as vLLM and OpenAI send them, and the question.

use bytes::Bytes;

use super::CHUNKS;

pub(super) const PATH: &str = "/v1/chat/completions";
pub(super) const QUESTION: &[u8] =
    br#"{"model":"llama-3.1-8b","stream":true,"stream_options":{"include_usage":true},
"temperature":0.7,"max_tokens":16384,"messages":[{"role":"system","content":"Answer at length."},
{"role":"user","content":"What is a trace, and what is it good for?"}]}"#;

/// Tokens, in the form in which they stand in JSON.
const WORDS: [&str; 8] = [" a", " trace", " is", " what", ".", "\\n", " \\\"spans\\\"", " naïve"];

/// The pieces of an answer: each a whole event, the last one with `[DONE]` behind it.
pub(super) fn chunks() -> Vec<Bytes> {
    let event = |choices: String, usage: &str| {
        format!(
            r#"data: {{"id":"chatcmpl-5f1c2a9de0b74c6f","object":"chat.completion.chunk","created":1795255200,"model":"llama-3.1-8b","system_fingerprint":"fp_1a2b3c4d","choices":[{choices}]{usage}}}"#
        )
    };
    let choice = |delta: String, reason: &str| {
        format!(r#"{{"index":0,"delta":{{{delta}}},"logprobs":null,"finish_reason":{reason}}}"#)
    };
    let mut chunks = Vec::with_capacity(CHUNKS);
    chunks.push(event(choice(r#""role":"assistant","content":"""#.to_owned(), "null"), ""));
    for word in (0..CHUNKS - 3).map(|number| WORDS[number % WORDS.len()]) {
        chunks.push(event(choice(format!(r#""content":"{word}""#), "null"), ""));
    }
    chunks.push(event(choice(String::new(), r#""stop""#), ""));
    let usage = r#","usage":{"prompt_tokens":31,"completion_tokens":9997,"total_tokens":10028}"#;
    chunks.push(format!("{}\n\ndata: [DONE]", event(String::new(), usage)));
    chunks.into_iter().map(|text| Bytes::from(text + "\n\n")).collect()
}

/// Bytes of one answer's body.
pub fn body_bytes() -> usize {
    chunks().iter().map(Bytes::len).sum()
}
