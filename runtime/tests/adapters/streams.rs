//! What goes well: whole answers, and streams cut in any way.

use opentelemetry::Value;

use crate::exchange::{ANSWER, EVENTS, Exchange, Question, Way, exchange, exchanges, text};
use crate::server::Script;

const FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";

#[track_caller]
pub(crate) fn assert_answered(exchange: &Exchange) {
    let span = exchange.span();
    assert_eq!(span.name(), "chat small");
    assert!(!span.is_error() && !span.is_cancelled(), "{}", exchange.trace);
    for (key, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.model", "small"),
        ("gen_ai.response.model", "small-1"),
        ("gen_ai.response.id", "c-1"),
        ("gen_ai.usage.input_tokens", "9"),
        ("gen_ai.usage.output_tokens", "3"),
        ("gen_ai.response.finish_reasons", "[\"stop\"]"),
    ] {
        assert_eq!(text(span, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(span.attribute("error.type"), None);
    for (key, value) in span.attributes() {
        assert!(!value.to_string().contains("secret"), "{key}: headers are never recorded");
    }
}

#[tokio::test]
async fn a_whole_answer_is_read_as_it_passes() {
    let ask = Question::default();
    for exchange in exchanges(&ask, &reqwest::Client::new(), |_| vec![Script::json("200 OK", ANSWER)]).await {
        assert_answered(&exchange);
        let span = exchange.span();
        assert_eq!(text(span, "server.address").as_deref(), Some("127.0.0.1"));
        assert_eq!(span.attribute("gen_ai.request.temperature"), Some(&Value::F64(0.5)));
        assert_eq!(span.attribute("gen_ai.request.stream"), None);
        assert_eq!(span.attribute(FIRST_CHUNK), None, "of streams only");
        assert_eq!(span.attribute("http.response.status_code"), None);
        assert_eq!(exchange.seen.chunks.concat(), ANSWER.as_bytes());
    }
}

#[tokio::test]
async fn a_stream_passes_chunk_by_chunk_however_it_is_cut() {
    let client = reqwest::Client::new();
    for bytes in (1..=40).chain([100, EVENTS.len() - 1, EVENTS.len()]) {
        let script = Script::events(EVENTS, bytes);
        for exchange in exchanges(&Question::stream(), &client, |_| vec![script.clone()]).await {
            assert_eq!(exchange.seen.chunks, script.pieces(), "pieces of {bytes}");
            assert_answered(&exchange);
            let span = exchange.span();
            assert_eq!(span.attribute("gen_ai.request.stream"), Some(&Value::Bool(true)));
            let Some(Value::F64(seconds)) = span.attribute(FIRST_CHUNK) else { panic!("no first chunk") };
            assert!(*seconds >= 0.0);
        }
    }
}

#[tokio::test]
async fn a_stream_may_be_cut_at_every_byte() {
    let client = reqwest::Client::new();
    for at in 1..EVENTS.len() {
        let script = Script::events(EVENTS, EVENTS.len()).cut_at(at);
        let way = Way::OURS[at % Way::OURS.len()];
        let exchange = exchange(way, &Question::stream(), client.clone(), |_| vec![script.clone()]).await;
        assert_eq!(exchange.seen.chunks, script.pieces(), "cut at {at}");
        assert_answered(&exchange);
    }
}

#[tokio::test]
async fn a_stream_without_its_end_mark_is_over_when_its_body_is() {
    let client = reqwest::Client::new();
    let events = EVENTS.replace("data: [DONE]\n\n", "");
    for exchange in exchanges(&Question::stream(), &client, |_| vec![Script::events(&events, 9)]).await {
        assert_answered(&exchange);
    }
}

#[tokio::test]
async fn compressed_answers_are_read_where_the_client_decodes_them() {
    for script in [Script::json("200 OK", ANSWER).gzipped(), Script::events(EVENTS, 9).gzipped()] {
        let ask = Question::stream();
        for exchange in exchanges(&ask, &reqwest::Client::new(), |_| vec![script.clone()]).await {
            assert_answered(&exchange);
        }
        // A client that leaves it to the program: the program decodes, and we do not read.
        let plain = reqwest::Client::builder().no_gzip().build().unwrap();
        for exchange in exchanges(&ask, &plain, |_| vec![script.clone()]).await {
            assert_eq!(exchange.seen.chunks.concat(), script.pieces().concat());
            let span = exchange.span();
            assert!(!span.is_error() && !span.is_cancelled());
            assert_eq!(text(span, "gen_ai.request.model").as_deref(), Some("small"));
            assert_eq!(span.attribute("gen_ai.usage.input_tokens"), None);
        }
    }
}

#[tokio::test]
async fn redirects_are_one_call_under_one_header() {
    let scripts = |server: std::net::SocketAddr| {
        let to = format!("http://localhost:{}/elsewhere/v1/chat/completions", server.port());
        vec![Script::redirect(to), Script::json("200 OK", ANSWER)]
    };
    for exchange in exchanges(&Question::default(), &reqwest::Client::new(), scripts).await {
        assert_eq!(exchange.received.len(), 2);
        assert!(exchange.received[1].line.starts_with("POST /elsewhere/"));
        assert_answered(&exchange);
    }
}

#[tokio::test]
async fn a_call_that_is_none_to_a_model_is_a_plain_client_span() {
    let ask = Question { path: "/v1/models?key=secret", ..Question::default() };
    for exchange in exchanges(&ask, &reqwest::Client::new(), |_| vec![Script::json("200 OK", "{}")]).await {
        let span = exchange.span();
        assert_eq!(span.name(), "POST");
        assert_eq!(text(span, "http.request.method").as_deref(), Some("POST"));
        assert_eq!(span.attribute("http.response.status_code"), Some(&Value::I64(200)));
        assert!(span.attributes().all(|(_, value)| !value.to_string().contains("secret")));
    }
}
