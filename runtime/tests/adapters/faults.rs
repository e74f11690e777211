//! What goes wrong: the program sees the client's own error, and the span says which it was.

use std::time::Duration;

use opentelemetry::Value;

use crate::exchange::{ANSWER, EVENTS, Exchange, Question, exchanges, text};
use crate::server::Script;

/// Long enough for a slow machine to get an answer's first bytes.
const SHORT: Duration = Duration::from_secs(1);

#[track_caller]
fn assert_failed(exchange: &Exchange, error: &str) {
    let span = exchange.span();
    assert!(span.is_error(), "{}", exchange.trace);
    assert!(!span.is_cancelled());
    assert_eq!(text(span, "error.type").as_deref(), Some(error));
    assert_eq!(text(span, "gen_ai.request.model").as_deref(), Some("small"));
    assert!(span.events().is_empty());
}

async fn fails(question: Question, script: Script, error: &str) -> Vec<Exchange> {
    let exchanges = exchanges(&question, &reqwest::Client::new(), |_| vec![script.clone()]).await;
    for exchange in &exchanges {
        assert_failed(exchange, error);
    }
    exchanges
}

#[tokio::test]
async fn error_statuses_say_what_the_provider_says() {
    let limited =
        r#"{"error":{"message":"Slow down, sk-canary","type":"requests","code":"rate_limit_exceeded"}}"#;
    let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    for (status, body, error) in [
        ("429 Too Many Requests", limited, "rate_limit_exceeded"),
        ("529 Overloaded", overloaded, "overloaded_error"),
        ("500 Broken Today", "<h1>oops</h1>", "500"),
        ("502 Bad Gateway", "", "502"),
    ] {
        for question in [Question::default(), Question::stream()] {
            for exchange in fails(question, Script::json(status, body), error).await {
                let code = status[..3].parse().unwrap();
                assert_eq!(exchange.span().attribute("http.response.status_code"), Some(&Value::I64(code)));
                let shown = format!("{:?}", exchange.span().data());
                assert!(!shown.contains("canary"), "messages are content: {shown}");
            }
        }
    }
}

#[tokio::test]
async fn an_error_in_mid_stream_keeps_what_came_before() {
    let begun = &EVENTS[..EVENTS.find(": ping").unwrap()];
    let error = "data: {\"error\":{\"message\":\"oops\",\"type\":\"server_error\",\"code\":null}}\n\n";
    let events = format!("{begun}{error}data: [DONE]\n\n");
    for bytes in [1, 7, events.len()] {
        for exchange in fails(Question::stream(), Script::events(&events, bytes), "server_error").await {
            assert_eq!(text(exchange.span(), "gen_ai.response.id").as_deref(), Some("c-1"));
            assert_eq!(exchange.seen.chunks.concat(), events.as_bytes());
        }
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_with_partial_facts() {
    let begun = &EVENTS[..EVENTS.find(": ping").unwrap()];
    for script in [Script::events(begun, 30).breaks_off(), Script::events(begun, 30).reset_midway()] {
        for exchange in fails(Question::stream(), script, "body").await {
            let span = exchange.span();
            assert_eq!(text(span, "gen_ai.response.model").as_deref(), Some("small-1"));
            assert!(span.attribute("gen_ai.response.time_to_first_chunk").is_some());
        }
    }
    for script in [Script::json("200 OK", ANSWER).breaks_off(), Script::json("200 OK", ANSWER).reset_midway()]
    {
        for exchange in fails(Question::default(), script, "body").await {
            assert_eq!(text(exchange.span(), "gen_ai.response.model").as_deref(), Some("small-1"));
        }
    }
}

#[tokio::test]
async fn compressed_rubbish_is_the_clients_error() {
    let broken = Script::json("200 OK", ANSWER).gzipped().spoilt();
    fails(Question::default(), broken, "body").await;
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_timeout() {
    let ask = |timeout| Question { timeout: Some(timeout), ..Question::stream() };
    fails(ask(SHORT), Script::no_answer(), "timeout").await;
    let silent = Script::events(&EVENTS[..150], 50).falls_silent();
    for exchange in fails(ask(SHORT), silent, "timeout").await {
        assert_eq!(exchange.seen.chunks.concat(), &EVENTS.as_bytes()[..150]);
        assert_eq!(text(exchange.span(), "gen_ai.response.id").as_deref(), Some("c-1"));
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_connection_that_failed() {
    // Nobody listens at the port that localhost is said to have.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxied = reqwest::Proxy::all(format!("http://{port}")).unwrap();
    let client = reqwest::Client::builder().proxy(proxied).build().unwrap();
    for exchange in exchanges(&Question::default(), &client, |_| Vec::new()).await {
        assert!(exchange.received.is_empty());
        assert_failed(&exchange, "connect");
    }
}

#[tokio::test]
async fn too_many_redirects_are_the_clients_error() {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::limited(1)).build().unwrap();
    let scripts = |server: std::net::SocketAddr| {
        let to = format!("http://{server}/v1/chat/completions");
        vec![Script::redirect(to.clone()), Script::redirect(to)]
    };
    for exchange in exchanges(&Question::default(), &client, scripts).await {
        assert_failed(&exchange, "redirect");
    }
}
