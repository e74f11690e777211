//! A receiver that answers: what is repeated and what is not, what it stores although it says no, what is split.

use std::thread;
use std::time::Duration;

use tonic::Code;

use crate::receiver::answer::{After, INTERNAL, TOO_LARGE, UNAVAILABLE, busy, no};
use crate::receiver::{Answer, Door, Protocol, Receiver, Reply};
use crate::support::{
    A_WHILE, LONG, address, always, assert_settled, eager, ends_complete, first, make, make_heavy, patient,
    receiver, scenarios, until_exported,
};

scenarios! {
    unavailable_is_asked_again;
    a_proxy_that_finds_no_receiver_is_asked_again;
    busy_for_a_second_is_not_asked_before;
    a_long_wait_is_cut_short_by_the_shutdown;
    a_time_that_makes_no_sense_harms_nobody;
    a_refusal_is_not_repeated;
    a_refusal_by_a_proxy_is_not_repeated;
    a_batch_that_is_too_large_is_split;
    a_batch_of_too_many_spans_is_split;
    a_span_that_never_fits_is_the_only_one_that_fails;
    rejected_spans_are_counted_and_not_repeated;
    a_count_of_rejected_spans_that_makes_no_sense_unbalances_nothing;
    what_is_stored_and_then_denied_for_now_comes_again;
    what_is_stored_and_then_denied_for_good_is_counted_as_lost;
    what_is_stored_and_then_cut_off_comes_again;
    an_answer_that_breaks_off_confirms_nothing;
    a_hanging_request_is_given_up_and_repeated with [("OTEL_EXPORTER_OTLP_TIMEOUT", "300")];
    one_that_always_hangs_costs_the_spans with [("OTEL_EXPORTER_OTLP_TIMEOUT", "50")];
    one_that_is_slow_gets_everything_once;
    one_that_takes_two_seconds_gets_everything_once;
}

/// Sends 50 spans, of which the receiver takes what it likes; gives back what failed, how many were stored, and after how many requests.
#[track_caller]
fn fifty(receiver: &Receiver) -> (u64, usize, usize) {
    let guard = patient().init().unwrap();
    let made = make(50);
    guard.flush(LONG);
    let report = guard.shutdown(LONG);
    assert_settled(&report, receiver, &made);
    assert_eq!(report.stats.dropped_total(), 0);
    (report.stats.failed, receiver.store().len(), receiver.requests())
}

/// As [`fifty`], with a receiver of its own that always does the same.
fn fifty_to(protocol: Protocol, answer: Answer) -> (u64, usize, usize) {
    fifty(&receiver(protocol, always(answer)))
}

fn unavailable_is_asked_again(protocol: Protocol) {
    let receiver = receiver(protocol, first([Answer::say(UNAVAILABLE), Answer::say(UNAVAILABLE)]));
    let guard = patient().init().unwrap();
    let made = make(50);
    guard.flush(LONG);
    until_exported(&guard, 50);
    assert_eq!(receiver.store().sizes, [50, 50, 50]);
    ends_complete(guard, &receiver, &made);
}

fn a_proxy_that_finds_no_receiver_is_asked_again(protocol: Protocol) {
    let receiver =
        receiver(protocol, first([502, 503, 504, 429].map(|status| Answer::say(Reply::Proxy(status)))));
    let guard = patient().init().unwrap();
    let made = make(50);
    guard.flush(LONG);
    until_exported(&guard, 50);
    assert_eq!(receiver.store().sizes, [50; 5]);
    ends_complete(guard, &receiver, &made);
}

fn busy_for_a_second_is_not_asked_before(protocol: Protocol) {
    let receiver = receiver(protocol, first([Answer::say(busy(After::Seconds(1)))]));
    let guard = patient().init().unwrap();
    let made = make(50);
    guard.flush(LONG);
    thread::sleep(A_WHILE);
    assert_eq!(receiver.requests(), 1, "a repetition of our own pace would have come by now");
    until_exported(&guard, 50);
    assert_eq!(receiver.requests(), 2);
    ends_complete(guard, &receiver, &made);
}

fn a_long_wait_is_cut_short_by_the_shutdown(protocol: Protocol) {
    let mut waits = vec![After::Seconds(20), After::Seconds(3600), After::Seconds(u64::MAX)];
    if protocol == Protocol::Http {
        waits.push(After::Text("Fri, 31 Dec 9999 23:59:59 GMT"));
    }
    for wait in waits {
        let receiver = receiver(protocol, first([Answer::say(busy(wait))]));
        let guard = patient().init().unwrap();
        let made = make(50);
        guard.flush(LONG);
        thread::sleep(A_WHILE);
        assert_eq!(receiver.requests(), 1, "{wait:?}");
        ends_complete(guard, &receiver, &made);
        assert_eq!(receiver.requests(), 2, "{wait:?}");
    }
}

fn a_time_that_makes_no_sense_harms_nobody(protocol: Protocol) {
    let texts = ["soon", "-1", "1e9", "", "Thu, 99 Foo 2026", "99999999999999999999999999"];
    // A time in the past is none.
    let past = "Sun, 06 Nov 1994 08:49:37 GMT";
    for text in texts.into_iter().chain([past]) {
        let busy = if protocol == Protocol::Http { busy(After::Text(text)) } else { busy(After::Seconds(0)) };
        let receiver = receiver(protocol, first([Answer::say(busy)]));
        let guard = patient().init().unwrap();
        let made = make(50);
        guard.flush(LONG);
        ends_complete(guard, &receiver, &made);
        assert_eq!(receiver.requests(), 2, "{text}");
    }
}

fn a_refusal_is_not_repeated(protocol: Protocol) {
    let refusals = [
        (400, Code::InvalidArgument),
        (401, Code::Unauthenticated),
        (403, Code::PermissionDenied),
        (404, Code::Unimplemented),
        (422, Code::FailedPrecondition),
        (500, Code::Internal),
        (501, Code::Unknown),
    ];
    for (status, code) in refusals {
        let receiver = receiver(protocol, always(Answer::say(no(status, code))));
        assert_eq!(fifty(&receiver), (50, 0, 1), "{status} {code:?}");
    }
    // Without a time, a receiver that has no room for us is not asked again: that is how gRPC tells it from one that is busy.
    if protocol == Protocol::Grpc {
        assert_eq!(fifty_to(protocol, Answer::say(no(429, Code::ResourceExhausted))), (50, 0, 1));
    }
}

fn a_refusal_by_a_proxy_is_not_repeated(protocol: Protocol) {
    for status in [301, 400, 401, 403, 404, 500] {
        let receiver = receiver(protocol, always(Answer::say(Reply::Proxy(status))));
        assert_eq!(fifty(&receiver), (50, 0, 1), "{status}");
    }
}

fn a_batch_that_is_too_large_is_split(protocol: Protocol) {
    let receiver = Receiver::behind(Door::Plain, address(), protocol, 4096, always(Answer::take()));
    receiver.open();
    let guard = patient().init().unwrap();
    let made = make(200);
    guard.flush(LONG);
    until_exported(&guard, 200);
    ends_complete(guard, &receiver, &made);
    let store = receiver.store();
    assert!(store.sizes.len() > 1 && store.sizes.len() < 200, "halves, not single spans: {:?}", store.sizes);
}

fn a_batch_of_too_many_spans_is_split(protocol: Protocol) {
    let receiver =
        receiver(protocol, |asked| if asked.spans > 10 { Answer::say(TOO_LARGE) } else { Answer::take() });
    let guard = patient().init().unwrap();
    let made = make(64);
    guard.flush(LONG);
    until_exported(&guard, 64);
    ends_complete(guard, &receiver, &made);
    let mut sizes = receiver.store().sizes;
    sizes.sort_unstable();
    assert_eq!(sizes, [8, 8, 8, 8, 8, 8, 8, 8, 16, 16, 16, 16, 32, 32, 64]);
}

fn a_span_that_never_fits_is_the_only_one_that_fails(protocol: Protocol) {
    let receiver = Receiver::behind(Door::Plain, address(), protocol, 4096, always(Answer::take()));
    receiver.open();
    let guard = patient().init().unwrap();
    let mut made = make(20);
    let heavy = make_heavy(8192);
    made.push(heavy);
    made.extend(make(20));
    guard.flush(LONG);
    let report = guard.shutdown(LONG);
    assert_settled(&report, &receiver, &made);
    assert_eq!((report.stats.exported, report.stats.failed), (40, 1));
    let store = receiver.store();
    assert!(store.len() == 40 && !store.ids().contains(&heavy));
    assert_eq!(store.doubles(), 0);
}

fn rejected_spans_are_counted_and_not_repeated(protocol: Protocol) {
    for (rejected, message) in
        [(0, "take care"), (0, ""), (7, "seven are odd"), (50, "not one of them"), (1, "")]
    {
        let receiver = receiver(protocol, always(Answer::partial(rejected, message)));
        let guard = patient().init().unwrap();
        let made = make(50);
        guard.flush(LONG);
        let report = guard.shutdown(LONG);
        assert_settled(&report, &receiver, &made);
        let stats = &report.stats;
        let count = rejected as u64;
        assert_eq!((stats.exported, stats.failed, stats.rejected), (50 - count, count, count), "{message}");
        assert_eq!(report.is_complete(), rejected == 0);
        assert_eq!((receiver.store().len(), receiver.requests()), (50 - rejected, 1));
    }
}

fn a_count_of_rejected_spans_that_makes_no_sense_unbalances_nothing(protocol: Protocol) {
    for (count, stored) in [(-1, 50_usize), (i64::MIN, 50), (51, 0), (i64::MAX, 0)] {
        let reply = Reply::Confirm { rejected: count, message: "miscounted" };
        let answer = if stored == 0 { Answer::say(reply) } else { Answer::store_and(reply) };
        assert_eq!(fifty_to(protocol, answer), (50 - stored as u64, stored, 1), "{count}");
    }
}

fn what_is_stored_and_then_denied_for_now_comes_again(protocol: Protocol) {
    let receiver =
        receiver(protocol, first([Answer::store_and(UNAVAILABLE), Answer::store_and(UNAVAILABLE)]));
    let guard = patient().init().unwrap();
    let made = make(50);
    guard.flush(LONG);
    until_exported(&guard, 50);
    let report = guard.shutdown(LONG);
    assert!(report.is_complete(), "{report}");
    assert_settled(&report, &receiver, &made);
    let store = receiver.store();
    assert_eq!((store.len(), store.sizes), (50, vec![50; 3]));
}

fn what_is_stored_and_then_denied_for_good_is_counted_as_lost(protocol: Protocol) {
    assert_eq!(fifty_to(protocol, Answer::store_and(INTERNAL)), (50, 50, 1));
}

fn what_is_stored_and_then_cut_off_comes_again(protocol: Protocol) {
    let receiver = receiver(protocol, first([Answer::store_and(Reply::Cut), Answer::store_and(Reply::Cut)]));
    assert_eq!(fifty(&receiver), (0, 50, 3));
}

fn an_answer_that_breaks_off_confirms_nothing(protocol: Protocol) {
    let receiver = receiver(protocol, first([Answer::store_and(Reply::CutHalfway)]));
    let expected = match protocol {
        // The status said yes: the receiver might have the spans twice if they came again.
        Protocol::Http => (50, 50, 1),
        // The status comes last, and has not come.
        Protocol::Grpc => (0, 50, 2),
    };
    assert_eq!(fifty(&receiver), expected);
}

fn a_hanging_request_is_given_up_and_repeated(protocol: Protocol) {
    let receiver = receiver(protocol, first([Answer::say(Reply::Hang)]));
    let guard = patient().init().unwrap();
    let made = make(50);
    guard.flush(LONG);
    until_exported(&guard, 50);
    assert_eq!(receiver.store().sizes, [50, 50]);
    ends_complete(guard, &receiver, &made);
}

fn one_that_always_hangs_costs_the_spans(protocol: Protocol) {
    let (failed, stored, _) = fifty_to(protocol, Answer::say(Reply::Hang));
    assert_eq!((failed, stored), (50, 0));
}

fn one_that_is_slow_gets_everything_once(protocol: Protocol) {
    for millis in [2, 20] {
        let receiver = receiver(protocol, always(Answer::slow(Duration::from_millis(millis))));
        let guard = eager().init().unwrap();
        let made = make(1280);
        ends_complete(guard, &receiver, &made);
        assert!(receiver.store().sizes.iter().all(|spans| *spans <= 64));
    }
}

fn one_that_takes_two_seconds_gets_everything_once(protocol: Protocol) {
    let receiver = receiver(protocol, always(Answer::slow(Duration::from_secs(2))));
    let guard = patient().init().unwrap();
    let made = make(100);
    ends_complete(guard, &receiver, &made);
    assert_eq!(receiver.requests(), 1);
}
