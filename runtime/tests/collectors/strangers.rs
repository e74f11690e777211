//! What listens is no receiver of ours: another protocol, a page for people, noise, silence, a certificate that nobody knows.

use std::time::Duration;

use crate::receiver::{Answer, Door, Protocol, Receiver, Reply};
use crate::support::{
    Environment, LONG, address, always, assert_adds_up, assert_settled, make, patient, receiver, scenarios,
    until,
};

scenarios! {
    a_page_is_no_confirmation;
    noise_is_no_confirmation;
    the_other_protocol_is_no_confirmation;
    a_greeting_is_no_confirmation;
    silence_cannot_hold_up_the_shutdown;
    silence_costs_the_spans with [("OTEL_EXPORTER_OTLP_TIMEOUT", "50")];
    a_receiver_with_tls_gets_nothing_in_plain_text;
}

/// Fifty spans to something that confirms nothing; gives back what the account says about the cause.
#[track_caller]
fn nothing_is_delivered(receiver: &Receiver) -> String {
    let guard = patient().init().unwrap();
    let made = make(50);
    guard.flush(LONG);
    let report = guard.shutdown(LONG);
    assert_settled(&report, receiver, &made);
    assert_eq!((report.stats.failed, report.stats.exported, report.stats.dropped_total()), (50, 0, 0));
    report.stats.last_error.unwrap()
}

fn a_page_is_no_confirmation(protocol: Protocol) {
    let receiver = receiver(protocol, always(Answer::say(Reply::Page)));
    nothing_is_delivered(&receiver);
    assert_eq!(receiver.requests(), 1, "what is no receiver does not become one");
}

fn noise_is_no_confirmation(protocol: Protocol) {
    let receiver = receiver(protocol, always(Answer::say(Reply::Noise)));
    nothing_is_delivered(&receiver);
    assert_eq!(receiver.requests(), 1);
}

fn the_other_protocol_is_no_confirmation(protocol: Protocol) {
    let receiver = receiver(protocol.other(), always(Answer::take()));
    nothing_is_delivered(&receiver);
    assert_eq!(receiver.store().len(), 0);
}

fn behind(door: Door, protocol: Protocol) -> Receiver {
    let receiver = Receiver::behind(door, address(), protocol, usize::MAX, always(Answer::take()));
    receiver.open();
    receiver
}

fn a_greeting_is_no_confirmation(protocol: Protocol) {
    nothing_is_delivered(&behind(Door::Greeting, protocol));
}

fn silence_cannot_hold_up_the_shutdown(protocol: Protocol) {
    let _silent = behind(Door::Silence, protocol);
    let guard = patient().init().unwrap();
    make(50);
    let report = guard.shutdown(Duration::from_millis(200));
    assert_adds_up(&report.stats);
    assert!(!report.is_complete(), "{report}");
    assert_eq!((report.stats.exported, report.stats.failed + report.stats.queued), (0, 50));
}

fn silence_costs_the_spans(protocol: Protocol) {
    nothing_is_delivered(&behind(Door::Silence, protocol));
}

/// The reverse stands at the end of the file.
fn a_receiver_with_tls_gets_nothing_in_plain_text(protocol: Protocol) {
    let receiver = behind(Door::SelfSigned, protocol);
    nothing_is_delivered(&receiver);
    assert_eq!(receiver.requests(), 0);
}

/// A certificate that nobody has signed.
fn certificate(protocol: Protocol) {
    let receiver = behind(Door::SelfSigned, protocol);
    let error = nothing_is_delivered(&receiver);
    assert!(error.to_lowercase().contains("certificate"), "{error}");
    until("the receiver is told", || receiver.certificate_refused());
    assert_eq!(receiver.requests(), 0);
}

/// https to somebody who does not speak it.
fn no_tls(protocol: Protocol) {
    let receiver = behind(Door::Plain, protocol);
    nothing_is_delivered(&receiver);
    assert_eq!(receiver.requests(), 0);
}

/// The same scenario over both protocols, with https in the endpoint.
macro_rules! over_tls {
    ($($test:ident => $scenario:ident($protocol:ident);)*) => {
        $(
            #[test]
            fn $test() {
                let environment = Environment::new(Protocol::$protocol).over_tls();
                crate::program::with_env(&environment.variables(), || $scenario(Protocol::$protocol));
            }
        )*
    };
}

over_tls! {
    a_certificate_of_its_own_is_refused_over_http => certificate(Http);
    a_certificate_of_its_own_is_refused_over_grpc => certificate(Grpc);
    a_receiver_without_tls_gets_nothing_over_http => no_tls(Http);
    a_receiver_without_tls_gets_nothing_over_grpc => no_tls(Grpc);
}
