//! What is said of it: once on stderr, in full by the account, and to whoever asked to be told of each attempt.

use std::sync::Mutex;

use llmetry::ExportOutcome;
use tokio::runtime;
use tonic::Code;

use crate::program::{self, Said};
use crate::receiver::answer::{TOO_LARGE, UNAVAILABLE, no};
use crate::receiver::{Answer, Protocol, Receiver};
use crate::support::{
    Environment, LONG, address, always, assert_settled, eager, ends_complete, first, make, patient, receiver,
    scenarios, shared, until, until_exported,
};

scenarios! {
    an_error_names_what_the_receiver_said;
    each_attempt_is_told_to_who_wants_to_know;
    a_receiver_on_this_machine_is_not_looked_for_behind_a_proxy with [
        // Nobody listens there.
        ("HTTP_PROXY", "http://127.0.0.1:1"),
        ("http_proxy", "http://127.0.0.1:1"),
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
        ("NO_PROXY", ""),
    ];
    a_program_may_be_its_own_receiver;
}

fn an_error_names_what_the_receiver_said(protocol: Protocol) {
    let refusals = [
        (400, Code::InvalidArgument, "400", "invalid"),
        (401, Code::Unauthenticated, "401", "authentic"),
        (404, Code::Unimplemented, "404", "implement"),
        (500, Code::Internal, "500", "internal"),
    ];
    for (status, code, over_http, over_grpc) in refusals {
        let receiver = receiver(protocol, always(Answer::say(no(status, code))));
        let guard = patient().init().unwrap();
        let made = make(50);
        let report = guard.shutdown(LONG);
        assert_settled(&report, &receiver, &made);
        let error = report.stats.last_error.clone().unwrap();
        let expected = if protocol == Protocol::Http { over_http } else { over_grpc };
        assert!(error.to_lowercase().contains(expected), "{error}");
        assert!(error.contains(&address().to_string()), "{error}");
        assert!(report.to_string().contains(&error), "{report}");
    }
}

fn each_attempt_is_told_to_who_wants_to_know(protocol: Protocol) {
    let answers = [
        Answer::say(UNAVAILABLE),
        Answer::say(TOO_LARGE),
        Answer::partial(4, "four are odd"),
        Answer::say(no(400, Code::InvalidArgument)),
    ];
    let receiver = receiver(protocol, first(answers));
    let (told, tell) = shared::<Mutex<Vec<_>>>();
    let guard = patient()
        .on_export(move |attempt| {
            let name = attempt.exporter.to_owned();
            tell.lock().unwrap().push((name, attempt.spans, attempt.outcome, attempt.error.is_some()));
            // Whatever it does is its own affair.
            panic!("the callback is broken");
        })
        .init()
        .unwrap();
    let made = make(50);
    guard.flush(LONG);
    until("all attempts", || receiver.requests() == 4);
    let report = guard.shutdown(LONG);
    assert_settled(&report, &receiver, &made);
    let told: Vec<_> = told.lock().unwrap().clone();
    let expected = [
        (50, ExportOutcome::WillRetry, true),
        (50, ExportOutcome::WillSplit, true),
        (25, ExportOutcome::Delivered { rejected: 4 }, true),
        (25, ExportOutcome::Failed, true),
    ];
    assert_eq!(told, expected.map(|(spans, outcome, error)| ("otlp".to_owned(), spans, outcome, error)));
    let stats = report.stats;
    assert_eq!((stats.exported, stats.failed, stats.rejected), (21, 29, 4));
}

fn a_receiver_on_this_machine_is_not_looked_for_behind_a_proxy(protocol: Protocol) {
    let receiver = receiver(protocol, always(Answer::take()));
    let guard = patient().init().unwrap();
    let made = make(50);
    ends_complete(guard, &receiver, &made);
}

fn a_program_may_be_its_own_receiver(protocol: Protocol) {
    let receiver = Receiver::down(address(), protocol, always(Answer::take()));
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (report, made) = runtime.block_on(async {
        receiver.serve_here().await;
        let guard = patient().init().unwrap();
        let made = make(50);
        (guard.shutdown_async(LONG).await, made)
    });
    assert!(report.is_complete(), "{report}");
    assert_settled(&report, &receiver, &made);
    assert_eq!(receiver.store().len(), 50);
}

/// How often `text` was said.
fn said(said: &Said, text: &str) -> usize {
    said.stderr.matches(text).count()
}

/// Down, up, down again, up again.
fn on_and_off(protocol: Protocol) {
    let receiver = Receiver::down(address(), protocol, always(Answer::take()));
    let guard = eager().init().unwrap();
    let mut made = Vec::new();
    for round in 1..=2 {
        let failures = guard.stats().last_error.is_some();
        assert_eq!(failures, round > 1);
        made.extend(make(100));
        guard.flush(LONG);
        receiver.open();
        until_exported(&guard, 100 * round);
        receiver.close();
    }
    receiver.open();
    ends_complete(guard, &receiver, &made);
}

#[test]
fn the_first_failure_and_the_first_recovery_are_said_once_over_http() {
    let environment = Environment::new(Protocol::Http);
    let words = program::with_env(&environment.variables(), || on_and_off(Protocol::Http));
    assert_eq!(
        (said(&words, "export failed"), said(&words, "export works again")),
        (1, 1),
        "{}",
        words.stderr
    );
}

#[test]
fn the_first_failure_and_the_first_recovery_are_said_once_over_grpc() {
    let environment = Environment::new(Protocol::Grpc);
    let words = program::with_env(&environment.variables(), || on_and_off(Protocol::Grpc));
    assert_eq!(
        (said(&words, "export failed"), said(&words, "export works again")),
        (1, 1),
        "{}",
        words.stderr
    );
}

#[test]
fn what_a_receiver_says_about_spans_that_it_took_is_said_once() {
    for protocol in [Protocol::Http, Protocol::Grpc] {
        let name = [("PROTOCOL", protocol.name())];
        let environment = Environment::new(protocol).and(&name);
        let words = program::with_env(&environment.variables(), || {
            let receiver = receiver(named(), always(Answer::partial(0, "use the other port")));
            let guard = patient().init().unwrap();
            let mut made = make(50);
            guard.flush(LONG);
            made.extend(make(50));
            ends_complete(guard, &receiver, &made);
        });
        assert_eq!(said(&words, "use the other port"), 1, "{}", words.stderr);
        assert_eq!(said(&words, "export failed"), 0, "{}", words.stderr);
    }
}

/// The protocol that the test has named to its program.
fn named() -> Protocol {
    let name = std::env::var("PROTOCOL").unwrap();
    if name == Protocol::Grpc.name() { Protocol::Grpc } else { Protocol::Http }
}

/// A receiver that does not like us, asked with a secret.
fn with_a_secret(protocol: Protocol) {
    let _receiver = receiver(protocol, always(Answer::say(no(401, Code::Unauthenticated))));
    let guard = patient().init().unwrap();
    make(50);
    let report = guard.shutdown(LONG);
    assert_eq!(report.stats.failed, 50);
    assert!(!format!("{report} {report:?}").contains("sesame"), "{report:?}");
}

#[test]
fn headers_stay_out_of_all_words() {
    for protocol in [Protocol::Http, Protocol::Grpc] {
        let secret =
            [("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer sesame"), ("PROTOCOL", protocol.name())];
        let environment = Environment::new(protocol).and(&secret);
        let words = program::with_env(&environment.variables(), || {
            with_a_secret(named());
        });
        assert_eq!((said(&words, "export failed"), said(&words, "sesame")), (1, 0), "{}", words.stderr);
    }
}
