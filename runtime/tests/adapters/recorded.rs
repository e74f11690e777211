//! Recorded exchanges of providers, played over HTTP: what the reader finds in them stands on the spans, unchanged.
//!
//! `RECORDED_EXCHANGES` names a folder with more of them, in the form that `tests/recorded` has.

use std::path::PathBuf;

use llmetry::RequestBuilderExt;
use llmetry::testing::{RecordedSpan, record};
use opentelemetry::{Array, Value};
use serde_json::json;

use crate::recorded_exchange::{self, Exchange};
use crate::server::{Script, Server};

/// Attributes and the facts that they are.
const TEXTS: [(&str, &str); 5] = [
    ("gen_ai.operation.name", "operation"),
    ("gen_ai.request.model", "request_model"),
    ("gen_ai.response.model", "response_model"),
    ("gen_ai.response.id", "response_id"),
    ("error.type", "error_type"),
];
const NUMBERS: [(&str, &str); 6] = [
    ("gen_ai.usage.input_tokens", "input_tokens"),
    ("gen_ai.usage.output_tokens", "output_tokens"),
    ("gen_ai.usage.cache_read.input_tokens", "cache_read"),
    ("gen_ai.usage.cache_write.input_tokens", "cache_write"),
    ("gen_ai.usage.reasoning.output_tokens", "reasoning_tokens"),
    ("gen_ai.embeddings.dimension.count", "embedding_dimensions"),
];

/// What the span says, as JSON.
fn said(span: &RecordedSpan, key: &str) -> serde_json::Value {
    match span.attribute(key) {
        None => serde_json::Value::Null,
        Some(Value::I64(number)) => json!(number),
        Some(Value::Bool(value)) => json!(value),
        Some(Value::Array(Array::String(texts))) => {
            json!(texts.iter().map(opentelemetry::StringValue::as_str).collect::<Vec<_>>())
        }
        Some(other) => json!(other.as_str()),
    }
}

/// Sends the exchange's request to a server that gives its answer, under the provider's own host name.
async fn played(exchange: &Exchange) -> (Vec<u8>, RecordedSpan) {
    let script = Script::recorded(exchange.status, &exchange.headers, &exchange.response, 97);
    let server = Server::playing([script]).await;
    let host = exchange.host.split(':').next().unwrap_or_default();
    let client = reqwest::Client::builder().resolve(host, server.address).build().unwrap();
    let url = format!("http://{host}:{}{}", server.address.port(), exchange.path);
    let method = exchange.method.parse().unwrap();
    let (body, trace) = record(async {
        let request = client.request(method, url).body(exchange.request.clone());
        request.send_traced().await.unwrap().bytes().await.unwrap()
    })
    .await;
    (body.to_vec(), trace.spans()[0].clone())
}

#[tokio::test]
async fn facts_of_recorded_exchanges_stand_on_their_spans() {
    let folder = std::env::var_os("RECORDED_EXCHANGES").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded/exchanges")),
        PathBuf::from,
    );
    let exchanges = recorded_exchange::below(&folder).unwrap();
    assert!(exchanges.len() >= 60);
    let mut wrong = Vec::new();
    for exchange in &exchanges {
        let facts = exchange.read(|| 97);
        let is_call = !facts["operation"].is_null() && facts["format"] != "other";
        let (body, span) = played(exchange).await;
        assert!(body == exchange.response, "{}: the bytes are the server's", exchange.id);
        let mut check = |key: &str, right: &serde_json::Value| {
            let said = said(&span, key);
            if said != *right {
                wrong.push(format!("{} {key}: {said} instead of {right}", exchange.id));
            }
        };
        if !is_call {
            check("gen_ai.operation.name", &serde_json::Value::Null);
            continue;
        }
        for (key, fact) in TEXTS.into_iter().chain(NUMBERS) {
            // An error without a word of the provider's has its status.
            if fact != "error_type" || !facts[fact].is_null() {
                check(key, &facts[fact]);
            }
        }
        check("gen_ai.response.finish_reasons", &facts["finish_reasons"]);
        if facts["stream"] == true {
            check("gen_ai.request.stream", &json!(true));
        }
        let provider = [&facts["provider"], &facts["provider_hint"]].into_iter().find(|name| !name.is_null());
        if let Some(provider) = provider {
            check("gen_ai.provider.name", provider);
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
