//! Signals that ask a process to end: telemetry ends first where the program wants it, whoever waits sees the signal, and handlers of the
//! program's own decide.

use std::ffi::c_int;
use std::os::unix::process::ExitStatusExt;
use std::process::exit;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use llmetry::{Signal, workflow};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use crate::ended::{
    JSON, assert_code, assert_ended_by, default_signals, each_way, number, outer, spans, wait_for_the_end,
};
use crate::program::{self};
use crate::support::{multi_thread, step, steps};
use crate::system::{self, Action};

/// Which signal the program is to get.
const SIGNAL: &str = "SIGNAL";

fn signalled() {
    let wanted = std::env::var(SIGNAL).unwrap();
    let signal = Signal::ALL.into_iter().find(|signal| format!("{signal:?}") == wanted).unwrap();
    system::signal(number(signal));
    wait_for_the_end();
}

#[test]
fn a_signal_ends_telemetry_and_then_the_process() {
    for signal in Signal::ALL {
        let name = format!("{signal:?}");
        let ended = each_way(&[JSON[0], JSON[1], (SIGNAL, &name)], || {
            default_signals();
            std::mem::forget(llmetry::builder().end_on_signals(Signal::ALL).init().unwrap());
            outer(signalled);
        });
        for ended in ended {
            assert_ended_by(ended, signal);
        }
    }
}

#[test]
fn a_signal_that_nobody_asked_for_is_left_alone() {
    let (status, said) = program::ends(&JSON, || {
        let _guard = llmetry::builder().end_on_signals([Signal::Hangup]).init().unwrap();
        step();
        system::signal(libc::SIGTERM);
        wait_for_the_end();
    });
    assert_eq!((status.signal(), spans(&said).len()), (Some(libc::SIGTERM), 0));
}

#[test]
fn a_signal_after_telemetry_has_ended_ends_the_process_as_ever() {
    let (status, said) = program::ends(&JSON, || {
        let guard = llmetry::builder().end_on_signals(Signal::ALL).init().unwrap();
        step();
        drop(guard);
        system::signal(libc::SIGTERM);
        wait_for_the_end();
    });
    assert_eq!((status.signal(), spans(&said).len()), (Some(libc::SIGTERM), 1), "{}", said.stderr);
}

#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    let ended = program::ends(&JSON, || {
        system::on(libc::SIGHUP, &Action::Ignored);
        let _guard = llmetry::builder().end_on_signals(Signal::ALL).init().unwrap();
        system::signal(libc::SIGHUP);
        assert_eq!(system::on(libc::SIGHUP, &Action::Ignored).sa_sigaction, libc::SIG_IGN);
        steps(3);
    });
    assert_eq!(spans(&assert_code(ended, 0)).len(), 3);
}

static CALLED: AtomicU32 = AtomicU32::new(0);

extern "C" fn plain(_: c_int) {
    CALLED.fetch_add(1, Ordering::SeqCst);
}

extern "C" fn full(signal: c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    assert!(!info.is_null());
    CALLED.fetch_add(u32::try_from(signal).unwrap() << 8, Ordering::SeqCst);
}

#[test]
fn a_handler_that_was_there_is_called_and_decides() {
    let ended = each_way(&JSON, || {
        system::on(libc::SIGTERM, &Action::Plain(plain));
        system::on(libc::SIGINT, &Action::Full(full));
        let _guard = llmetry::builder().end_on_signals(Signal::ALL).init().unwrap();
        outer(|| {
            system::signal(libc::SIGTERM);
            system::signal(libc::SIGINT);
            system::signal(libc::SIGTERM);
        });
        steps(3);
        let expected = 2 + (u32::try_from(libc::SIGINT).unwrap() << 8);
        assert_eq!(CALLED.load(Ordering::SeqCst), expected);
    });
    for ended in ended {
        let said = assert_code(ended, 0);
        let spans = spans(&said);
        assert_eq!(spans.len(), 7);
        assert!(spans.iter().all(|span| span.outcome.is_none()), "{spans:?}");
    }
}

static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

extern "C" fn chains(signal: c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    CALLED.fetch_add(1, Ordering::SeqCst);
    system::call(BEFORE.get().unwrap(), signal);
}

#[test]
fn a_handler_that_comes_later_and_calls_ours_decides() {
    let ended = program::ends(&JSON, || {
        let _guard = llmetry::builder().end_on_signals(Signal::ALL).init().unwrap();
        BEFORE.set(system::on(libc::SIGTERM, &Action::Full(chains))).unwrap();
        outer(|| {
            system::signal(libc::SIGTERM);
            system::signal(libc::SIGTERM);
        });
        steps(3);
        assert_eq!(CALLED.load(Ordering::SeqCst), 2);
    });
    let said = assert_code(ended, 0);
    let spans = spans(&said);
    assert_eq!(spans.len(), 7);
    assert!(spans.iter().all(|span| span.outcome.is_none()), "{spans:?}");
}

#[test]
fn a_graceful_shutdown_of_tokios_is_left_alone() {
    #[workflow]
    async fn serves() {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
        for _ in 0..2 {
            system::signal(libc::SIGTERM);
            terminate.recv().await.unwrap();
        }
        step();
    }
    let ended = program::ends(&JSON, || {
        let _guard = llmetry::builder().end_on_signals(Signal::ALL).init().unwrap();
        multi_thread().block_on(serves());
        exit(8);
    });
    let said = assert_code(ended, 8);
    let spans = spans(&said);
    assert_eq!(spans.len(), 2);
    assert!(spans.iter().all(|span| span.outcome.is_none()), "{spans:?}");
}

/// Says when it is called, and never comes back.
#[derive(Debug)]
struct Stuck(Mutex<Sender<()>>);

impl SpanExporter for Stuck {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().send(()).unwrap();
        loop {
            thread::park();
        }
    }
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let (status, _) = program::ends(&[], || {
        default_signals();
        let (called, is_called) = channel();
        let a_day = Duration::from_secs(24 * 60 * 60);
        let _guard = llmetry::builder()
            .exporter(Stuck(Mutex::new(called)))
            .end_on_signals(Signal::ALL)
            .shutdown_timeout(a_day)
            .schedule_delay(a_day)
            .init()
            .unwrap();
        step();
        system::signal(libc::SIGTERM);
        is_called.recv().unwrap();
        system::signal(libc::SIGINT);
        thread::sleep(a_day);
    });
    assert_eq!(status.signal(), Some(libc::SIGINT));
}
