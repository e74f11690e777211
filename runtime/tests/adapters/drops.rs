//! Programs that lose interest: a dropped answer is a cancelled call, unless all of it has come.

use llmetry::task;
use llmetry::testing::{Trace, record};
use reqwest::Request;

use crate::exchange::{ANSWER, EVENTS, Question, Way, text};
use crate::server::{Script, Server};

/// Reads until `bytes` have come, and drops the answer.
#[task]
async fn reads(way: Way, request: Request, bytes: usize) {
    let mut answer = way.send(reqwest::Client::new(), request).await.unwrap();
    let mut read = 0;
    while read < bytes {
        read += answer.chunk().await.unwrap().unwrap().len();
    }
}

async fn read(way: Way, question: &Question, script: Script, bytes: usize) -> Trace {
    let server = Server::playing([script]).await;
    record(reads(way, question.request(&server), bytes)).await.1
}

#[tokio::test]
async fn a_stream_that_is_dropped_early_is_cancelled_with_what_it_said() {
    let begun = EVENTS.find(": ping").unwrap();
    for way in Way::OURS {
        let script = Script::events(&EVENTS[..begun], 10).falls_silent();
        let trace = read(way, &Question::stream(), script, begun).await;
        assert_eq!(trace.to_string(), "reads\n  chat small cancelled\n");
        let span = trace.span("chat small");
        assert_eq!(text(span, "gen_ai.response.id").as_deref(), Some("c-1"));
        assert!(span.attribute("gen_ai.response.time_to_first_chunk").is_some());
        assert_eq!(span.attribute("gen_ai.usage.input_tokens"), None);
    }
}

#[tokio::test]
async fn a_stream_that_is_dropped_behind_its_end_mark_is_complete() {
    for way in Way::OURS {
        // The connection stays open: the end of the body never comes.
        let script = Script::events(EVENTS, 10).falls_silent();
        let trace = read(way, &Question::stream(), script, EVENTS.len()).await;
        assert_eq!(trace.to_string(), "reads\n  chat small\n");
        assert_eq!(text(trace.span("chat small"), "gen_ai.usage.output_tokens").as_deref(), Some("3"));
    }
}

#[tokio::test]
async fn an_answer_whose_body_nobody_reads_is_cancelled() {
    for way in Way::OURS {
        let trace = read(way, &Question::default(), Script::json("200 OK", ANSWER), 0).await;
        assert_eq!(trace.to_string(), "reads\n  chat small cancelled\n");
    }
}

#[tokio::test]
async fn an_answer_without_a_body_is_complete() {
    for way in Way::OURS {
        let trace = read(way, &Question::default(), Script::json("200 OK", ""), 0).await;
        assert_eq!(trace.to_string(), "reads\n  chat small\n");
    }
}

#[tokio::test]
async fn an_answer_of_known_length_is_complete_with_its_last_byte() {
    for way in Way::OURS {
        let trace = read(way, &Question::default(), Script::json("200 OK", ANSWER), ANSWER.len()).await;
        assert_eq!(trace.to_string(), "reads\n  chat small\n");
    }
}

#[tokio::test]
async fn an_error_status_is_enough_of_an_answer() {
    for way in Way::OURS {
        let trace = read(way, &Question::default(), Script::json("503 Busy", "{}"), 0).await;
        assert_eq!(trace.to_string(), "reads\n  chat small !503\n");
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_before_its_answer_is_cancelled() {
    #[task]
    async fn gives_up(way: Way, request: Request, server: &Server) {
        tokio::select! {
            _ = way.send(reqwest::Client::new(), request) => unreachable!("there is no answer"),
            () = async { while server.received().is_empty() { tokio::task::yield_now().await } } => {}
        }
    }
    for way in Way::OURS {
        let server = Server::playing([Script::no_answer()]).await;
        let ((), trace) = record(gives_up(way, Question::stream().request(&server), &server)).await;
        assert_eq!(trace.to_string(), "gives_up\n  chat small cancelled\n");
    }
}

#[tokio::test]
async fn an_answer_may_be_read_in_another_task() {
    #[task]
    async fn hands_on(way: Way, request: Request) -> reqwest::Response {
        way.send(reqwest::Client::new(), request).await.unwrap()
    }
    for way in Way::OURS {
        let server = Server::playing([Script::events(EVENTS, 10)]).await;
        let question = Question::stream().request(&server);
        let reads = async {
            let answer = hands_on(way, question).await;
            tokio::spawn(async move { answer.bytes().await.unwrap() }).await.unwrap()
        };
        let (bytes, trace) = record(reads).await;
        assert_eq!(bytes, EVENTS);
        assert_eq!(trace.to_string(), "hands_on\n  chat small\n");
    }
}
