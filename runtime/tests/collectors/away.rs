//! A receiver that is not there: down at start, dying in between, gone from one connection to the next.

use std::time::Duration;

use llmetry::export::MemoryExporter;

use crate::program;
use crate::receiver::{Answer, Protocol, Receiver, Reply};
use crate::support::{
    A_WHILE, Environment, LONG, address, always, assert_settled, eager, ends_complete, first, make, patient,
    receiver, scenarios, until, until_exported,
};

scenarios! {
    one_that_is_up_gets_everything_once;
    one_that_is_down_at_start_gets_everything_once_it_is_up;
    one_that_never_comes_costs_the_spans_and_nothing_else;
    one_that_dies_and_returns_gets_everything;
    one_that_dies_with_requests_under_way_gets_everything;
    one_that_closes_each_connection_gets_everything_once;
    one_that_resets_is_asked_again_until_it_answers;
    an_outage_of_two_thousand_spans_loses_none;
    a_flush_is_answered_although_nobody_is_there;
    one_that_is_down_holds_no_other_exporter;
}

fn one_that_is_up_gets_everything_once(protocol: Protocol) {
    let receiver = receiver(protocol, always(Answer::take()));
    let guard = eager().init().unwrap();
    let made = make(1000);
    until_exported(&guard, 1000);
    ends_complete(guard, &receiver, &made);
    assert_eq!(receiver.requests(), receiver.store().sizes.len(), "no request was in vain");
}

fn one_that_is_down_at_start_gets_everything_once_it_is_up(protocol: Protocol) {
    let receiver = Receiver::down(address(), protocol, always(Answer::take()));
    let guard = eager().init().unwrap();
    let made = make(100);
    until("a failed attempt", || guard.stats().last_error.is_some());
    receiver.open();
    until_exported(&guard, 100);
    ends_complete(guard, &receiver, &made);
}

fn one_that_never_comes_costs_the_spans_and_nothing_else(protocol: Protocol) {
    let receiver = Receiver::down(address(), protocol, always(Answer::take()));
    let guard = eager().init().unwrap();
    let made = make(100);
    let report = guard.shutdown(LONG);
    assert_settled(&report, &receiver, &made);
    assert_eq!((report.stats.exported, report.stats.failed, report.stats.dropped_total()), (0, 100, 0));
}

fn one_that_dies_and_returns_gets_everything(protocol: Protocol) {
    let receiver = receiver(protocol, always(Answer::take()));
    let guard = eager().init().unwrap();
    let mut made = Vec::new();
    for round in 1..=3 {
        made.extend(make(100));
        until_exported(&guard, 200 * (round - 1) + 100);
        receiver.close();
        made.extend(make(100));
        let before = guard.stats().exported;
        std::thread::sleep(A_WHILE);
        assert_eq!(guard.stats().exported, before, "nobody was there to confirm anything");
        receiver.open();
        until_exported(&guard, 200 * round);
    }
    ends_complete(guard, &receiver, &made);
}

fn one_that_dies_with_requests_under_way_gets_everything(protocol: Protocol) {
    let receiver = receiver(protocol, always(Answer::slow(Duration::from_millis(30))));
    let guard = eager().init().unwrap();
    let mut made = Vec::new();
    for _ in 0..5 {
        let requests = receiver.requests();
        made.extend(make(200));
        until("a request", || receiver.requests() > requests);
        receiver.close();
        receiver.open();
    }
    let report = guard.shutdown(LONG);
    assert!(report.is_complete(), "{report}");
    assert_settled(&report, &receiver, &made);
    assert_eq!(receiver.store().len(), made.len());
}

fn one_that_closes_each_connection_gets_everything_once(protocol: Protocol) {
    let receiver = receiver(protocol, always(Answer::take_and_leave()));
    let guard = patient().init().unwrap();
    let mut made = Vec::new();
    for round in 1..=8 {
        made.extend(make(10));
        guard.flush(LONG);
        until_exported(&guard, 10 * round);
    }
    ends_complete(guard, &receiver, &made);
}

fn one_that_resets_is_asked_again_until_it_answers(protocol: Protocol) {
    let receiver = receiver(protocol, first([Answer::say(Reply::Cut), Answer::say(Reply::Cut)]));
    receiver.cut_early(1);
    let guard = patient().init().unwrap();
    let made = make(50);
    guard.flush(LONG);
    until_exported(&guard, 50);
    assert_eq!(receiver.requests(), 4, "cut early, cut twice without an answer, taken");
    ends_complete(guard, &receiver, &made);
}

fn an_outage_of_two_thousand_spans_loses_none(protocol: Protocol) {
    let receiver = Receiver::down(address(), protocol, always(Answer::take()));
    let guard = llmetry::builder().schedule_delay(Duration::from_millis(10)).init().unwrap();
    let mut made = Vec::new();
    for _ in 0..20 {
        made.extend(make(100));
        std::thread::sleep(Duration::from_millis(5));
    }
    until("a failed attempt", || guard.stats().last_error.is_some());
    receiver.open();
    until_exported(&guard, 2000);
    ends_complete(guard, &receiver, &made);
}

fn a_flush_is_answered_although_nobody_is_there(protocol: Protocol) {
    let receiver = Receiver::down(address(), protocol, always(Answer::take()));
    let guard = patient().init().unwrap();
    let made = make(50);
    for _ in 0..3 {
        let report = guard.flush(LONG);
        assert!(report.in_time && !report.is_complete(), "{report}");
        assert_eq!((report.stats.queued, report.stats.failed), (50, 0), "they still wait");
    }
    receiver.open();
    until_exported(&guard, 50);
    ends_complete(guard, &receiver, &made);
}

fn one_that_is_down_holds_no_other_exporter(protocol: Protocol) {
    let receiver = Receiver::down(address(), protocol, always(Answer::take()));
    let memory = MemoryExporter::new();
    let guard = eager().exporter(memory.clone()).exporters_from_env(true).init().unwrap();
    let made = make(300);
    until("the other has all", || memory.spans().len() == 300);
    assert_eq!((guard.stats().exported, guard.stats().queued), (0, 300), "exported is what all have");
    receiver.open();
    until_exported(&guard, 300);
    ends_complete(guard, &receiver, &made);
    assert_eq!(memory.spans().len(), 300, "it did not get them again");
}

/// Forks that find the parent's connection open and its exporter at work.
#[cfg(unix)]
mod forks {
    use super::*;
    use crate::system;

    scenarios! { forked_processes_have_connections_of_their_own; }

    fn forked_processes_have_connections_of_their_own(protocol: Protocol) {
        const FORKS: usize = 10;
        let receiver = receiver(protocol, always(Answer::take()));
        let guard = eager().init().unwrap();
        for _ in 0..FORKS {
            make(3);
            guard.flush(LONG);
            make(3);
            let child = system::fork(|| drop(make(2)));
            assert_eq!(system::wait(child).code(), Some(0));
        }
        let report = guard.shutdown(LONG);
        assert!(report.is_complete(), "{report}");
        assert_eq!(report.stats.exported, 6 * FORKS as u64);
        let store = receiver.store();
        assert_eq!((store.len(), store.doubles()), (8 * FORKS, 0));
    }
}

#[test]
fn a_collector_that_is_up_gets_everything() {
    let environment = Environment::new(Protocol::Http);
    let said = program::with_env(&environment.variables(), || {
        let receiver = receiver(Protocol::Http, always(Answer::take()));
        let guard = llmetry::init("first-day").unwrap();
        let made = make(40);
        drop(guard);
        assert_eq!(receiver.store().ids(), made.into_iter().collect());
    });
    assert_eq!(said.stderr.matches("llmetry:").count(), 0, "{}", said.stderr);
}

#[test]
fn a_collector_that_is_down_costs_the_spans_and_nothing_else() {
    let environment = Environment::new(Protocol::Http);
    let said = program::with_env(&environment.variables(), || {
        let guard = llmetry::init("first-day").unwrap();
        assert_eq!(make(40).len(), 40);
        drop(guard);
    });
    let lines = ["export failed", "0 spans delivered, 40 failed"];
    assert_eq!(lines.map(|line| said.stderr.matches(line).count()), [1, 1], "{}", said.stderr);
}
