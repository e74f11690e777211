//! Attempts: each one carries the context of a span that is there.

use std::time::Duration;

use llmetry::testing::{Trace, record};
use llmetry::{LlmMiddleware, RequestBuilderExt, task};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;

use crate::exchange::{ANSWER, CHAT, Question, text, traceparent};
use crate::server::{Received, Script, Server};

fn retrying() -> RetryTransientMiddleware<ExponentialBackoff> {
    let soon = Duration::from_millis(1);
    let policy = ExponentialBackoff::builder().retry_bounds(soon, soon).build_with_max_retries(2);
    RetryTransientMiddleware::new_with_policy(policy)
}

fn innermost() -> ClientWithMiddleware {
    ClientBuilder::new(reqwest::Client::new()).with(retrying()).with(LlmMiddleware::new()).build()
}

fn outermost() -> ClientWithMiddleware {
    ClientBuilder::new(reqwest::Client::new()).with(LlmMiddleware::new()).with(retrying()).build()
}

#[task]
async fn asks(client: ClientWithMiddleware, server: &Server) -> Result<String, String> {
    let request = Question::default().request(server);
    let answer = client.execute(request).await.map_err(|error| error.to_string())?;
    answer.text().await.map_err(|error| error.to_string())
}

async fn run<const N: usize>(
    client: ClientWithMiddleware,
    scripts: [Script; N],
) -> (bool, Vec<Received>, Trace) {
    let server = Server::playing(scripts).await;
    let (answer, trace) = record(asks(client, &server)).await;
    (answer.is_ok_and(|answer| answer == ANSWER), server.received(), trace)
}

fn busy() -> Script {
    Script::json("503 Service Unavailable", r#"{"error":{"message":"Busy","type":"server_busy"}}"#)
}

#[tokio::test]
async fn innermost_each_attempt_is_a_call() {
    let (answered, received, trace) = run(innermost(), [busy(), Script::json("200 OK", ANSWER)]).await;
    assert!(answered);
    // The body of the first answer was not read.
    assert_eq!(trace.to_string(), "asks\n  chat small !503\n  chat small\n");
    let sent: Vec<_> = received.iter().map(|request| request.header("traceparent").unwrap()).collect();
    let spans: Vec<_> = trace.children(trace.span("asks")).map(traceparent).collect();
    assert_eq!(sent, spans, "each attempt carries its own span");
}

#[tokio::test]
async fn outermost_all_attempts_are_one_call() {
    let (answered, received, trace) = run(outermost(), [busy(), Script::json("200 OK", ANSWER)]).await;
    assert!(answered);
    assert_eq!(trace.to_string(), "asks\n  chat small\n");
    let span = trace.span("chat small");
    assert_eq!(text(span, "gen_ai.usage.total_tokens").as_deref(), Some("12"));
    assert_eq!(received.len(), 2);
    for request in received {
        assert_eq!(request.header("traceparent"), Some(&*traceparent(span)));
    }
}

#[tokio::test]
async fn in_both_places_a_call_is_counted_once() {
    let stack = ClientBuilder::new(reqwest::Client::new());
    let both = stack.with(LlmMiddleware::new()).with(retrying()).with(LlmMiddleware::new()).build();
    let (answered, received, trace) = run(both, [busy(), Script::json("200 OK", ANSWER)]).await;
    assert!(answered);
    assert_eq!(trace.to_string(), "asks\n  chat small\n");
    let span = trace.span("chat small");
    assert_eq!(text(span, "gen_ai.usage.total_tokens").as_deref(), Some("12"));
    let sent: Vec<_> = received.iter().map(|request| request.header("traceparent").unwrap()).collect();
    assert_eq!(sent, [traceparent(span), traceparent(span)]);
}

#[tokio::test]
async fn another_call_inside_of_a_call_has_its_own_span() {
    struct Guardrail(String);
    #[async_trait::async_trait]
    impl reqwest_middleware::Middleware for Guardrail {
        async fn handle(
            &self,
            request: reqwest::Request,
            extensions: &mut http::Extensions,
            next: reqwest_middleware::Next<'_>,
        ) -> reqwest_middleware::Result<reqwest::Response> {
            let question = r#"{"model":"guard"}"#;
            reqwest::Client::new().post(&self.0).body(question).send_traced().await?.text().await?;
            next.run(request, extensions).await
        }
    }
    let answer = || Script::json("200 OK", ANSWER);
    // To the very same place.
    let server = Server::playing([answer(), answer()]).await;
    let stack = ClientBuilder::new(reqwest::Client::new()).with(LlmMiddleware::new());
    let stack = stack.with(Guardrail(server.url(CHAT))).build();
    let (answered, trace) = record(asks(stack, &server)).await;
    assert_eq!(answered.as_deref(), Ok(ANSWER));
    assert_eq!(trace.to_string(), "asks\n  chat small\n    chat guard\n");
}

#[tokio::test]
async fn attempts_that_all_fail_say_what_the_last_one_was() {
    for (client, tree) in [
        (
            innermost(),
            "asks !alloc::string::String\n  chat small !request\n  chat small !request\n  chat small !request\n",
        ),
        (outermost(), "asks !alloc::string::String\n  chat small !request\n"),
    ] {
        let (answered, received, trace) =
            run(client, [Script::hangs_up(), Script::hangs_up(), Script::hangs_up()]).await;
        assert!(!answered);
        assert_eq!(received.len(), 3);
        assert_eq!(trace.to_string(), tree);
    }
}

#[tokio::test]
async fn a_program_that_tries_again_has_a_span_an_attempt() {
    #[task]
    async fn insists(server: &Server) -> String {
        let client = reqwest::Client::new();
        let request = Question::default().request(server);
        loop {
            let attempt = reqwest::RequestBuilder::from_parts(client.clone(), request.try_clone().unwrap());
            let answer = attempt.send_traced().await.unwrap();
            assert!(!request.headers().contains_key("traceparent"), "the program's own headers stay");
            let is_good = answer.status().is_success();
            let text = answer.text().await.unwrap();
            if is_good {
                return text;
            }
        }
    }
    let server = Server::playing([busy(), busy(), Script::json("200 OK", ANSWER)]).await;
    let (answer, trace) = record(insists(&server)).await;
    assert_eq!(answer, ANSWER);
    assert_eq!(
        trace.to_string(),
        "insists\n  chat small !server_busy\n  chat small !server_busy\n  chat small\n"
    );
    let spans: Vec<_> = trace.children(trace.span("insists")).map(traceparent).collect();
    let received = server.received();
    let sent: Vec<_> = received.iter().map(|request| request.header("traceparent").unwrap()).collect();
    assert_eq!(sent, spans);
}
