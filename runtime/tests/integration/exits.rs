//! Every way a process ends that drops no guard: what was finished is delivered, what was open is delivered and marked, and whoever waits
//! for the process sees the status that it would have had.

use std::cell::RefCell;
use std::process::exit;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use llmetry::Guard;
use llmetry::export::MemoryExporter;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use crate::ended::{
    JSON, OPEN, assert_code, assert_three_open, each_way, only, outer, outer_async, spans, wait_for_the_end,
};
use crate::program::{self};
use crate::support::{LONG, assert_adds_up, current_thread, multi_thread, step, steps};
use crate::system::{self};

#[test]
fn exit_with_a_failure_marks_what_is_open_as_failed() {
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        outer(|| exit(7));
    });
    let expected = if cfg!(all(target_os = "linux", target_env = "gnu")) { "Error" } else { "Unset" };
    for ended in ended {
        assert_three_open(&assert_code(ended, 7), OPEN[0], expected);
    }
}

#[test]
fn exit_with_success_leaves_the_status_unset() {
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        outer(|| exit(0));
    });
    for ended in ended {
        assert_three_open(&assert_code(ended, 0), OPEN[0], "Unset");
    }
}

#[test]
fn our_exit_knows_the_code_everywhere() {
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        outer(|| llmetry::exit(7));
    });
    for ended in ended {
        assert_three_open(&assert_code(ended, 7), OPEN[0], "Error");
    }
}

#[test]
fn our_exit_works_without_telemetry() {
    let ended = program::ends(&JSON, || llmetry::exit(9));
    assert!(spans(&assert_code(ended, 9)).is_empty(), "nothing was ever installed");
}

#[test]
fn exit_inside_async_tasks_on_one_thread() {
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        current_thread().block_on(outer_async(|| llmetry::exit(1)));
    });
    for ended in ended {
        assert_three_open(&assert_code(ended, 1), OPEN[1], "Error");
    }
}

#[test]
fn exit_inside_async_tasks_on_many_threads() {
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        multi_thread().block_on(async { llmetry::spawn(outer_async(|| llmetry::exit(1))).await.unwrap() });
    });
    for ended in ended {
        assert_three_open(&assert_code(ended, 1), OPEN[1], "Error");
    }
}

#[test]
fn a_guard_that_is_never_dropped_is_no_loss() {
    static GUARD: OnceLock<Guard> = OnceLock::new();
    let ended = each_way(&JSON, || {
        GUARD.set(llmetry::init("exits").unwrap()).unwrap();
        steps(100);
    });
    for ended in ended {
        assert_eq!(spans(&assert_code(ended, 0)).len(), 100);
    }
}

#[test]
fn a_guard_that_was_forgotten_is_no_loss() {
    let ended = each_way(&JSON, || {
        std::mem::forget(llmetry::init("exits").unwrap());
        steps(100);
    });
    for ended in ended {
        assert_eq!(spans(&assert_code(ended, 0)).len(), 100);
    }
}

#[test]
fn exit_on_another_thread_than_the_one_with_the_spans() {
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        outer(|| {
            thread::spawn(|| llmetry::exit(3)).join().unwrap();
        });
    });
    for ended in ended {
        assert_three_open(&assert_code(ended, 3), OPEN[0], "Error");
    }
}

#[test]
fn many_threads_that_exit_at_once_end_once() {
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        steps(100);
        for _ in 0..8 {
            thread::spawn(|| llmetry::exit(4));
        }
        wait_for_the_end();
    });
    for ended in ended {
        assert_eq!(spans(&assert_code(ended, 4)).len(), 100);
    }
}

#[test]
fn exit_while_another_thread_shuts_down_waits_for_it() {
    let ended = each_way(&JSON, || {
        let guard = llmetry::init("exits").unwrap();
        steps(5_000);
        thread::spawn(move || guard.shutdown(LONG));
        exit(5);
    });
    for ended in ended {
        assert_eq!(spans(&assert_code(ended, 5)).len(), 5_000);
    }
}

/// Leaves from within.
#[derive(Debug)]
struct Leaves;

impl SpanExporter for Leaves {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        exit(3)
    }
}

#[test]
fn an_exporter_that_exits_does_not_wait_for_itself() {
    let a_day = Duration::from_secs(24 * 60 * 60);
    let ended = program::ends(&JSON, || {
        let guard = llmetry::builder().exporter(Leaves).shutdown_timeout(a_day).init().unwrap();
        step();
        guard.flush(a_day);
    });
    assert_code(ended, 3);
}

extern "C" fn steps_in_a_handler() {
    steps(10);
}

#[test]
fn annotated_functions_in_exit_handlers_are_harmless() {
    let ended = each_way(&JSON, || {
        // Handlers run in the opposite order: the one after telemetry's end, the other before.
        system::at_exit(steps_in_a_handler);
        let _guard = llmetry::init("exits").unwrap();
        system::at_exit(steps_in_a_handler);
        steps(10);
        exit(6);
    });
    for ended in ended {
        let said = assert_code(ended, 6);
        assert_eq!(spans(&said).len(), 10, "{}", said.stderr);
        assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
    }
}

struct StepsWhenDropped;

impl Drop for StepsWhenDropped {
    fn drop(&mut self) {
        steps(10);
    }
}

#[test]
fn annotated_functions_in_destructors_of_thread_locals_are_harmless() {
    thread_local! {
        static DROPPED: RefCell<Option<StepsWhenDropped>> = const { RefCell::new(None) };
    }
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        // Made before ours, hence destroyed after it.
        DROPPED.with(|dropped| *dropped.borrow_mut() = Some(StepsWhenDropped));
        steps(10);
        exit(6);
    });
    for ended in ended {
        let said = assert_code(ended, 6);
        assert_eq!(spans(&said).len(), 10, "{}", said.stderr);
        assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
    }
}

#[test]
fn a_panic_that_ends_main_marks_what_other_threads_have_open() {
    static INSIDE: Mutex<Option<Sender<()>>> = Mutex::new(None);
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        let (inside, is_inside) = channel();
        *INSIDE.lock().unwrap() = Some(inside);
        thread::spawn(|| {
            outer(|| {
                INSIDE.lock().unwrap().take().unwrap().send(()).unwrap();
                thread::sleep(LONG);
            });
        });
        is_inside.recv().unwrap();
        panic!("on purpose");
    });
    for ended in ended {
        assert!(!ended.0.success());
        let spans = spans(&ended.1);
        for name in OPEN[0] {
            let span = only(&spans, name);
            assert_eq!((span.outcome.as_deref(), &*span.status), (Some("incomplete"), "Error"));
        }
    }
}

#[test]
fn a_span_that_ends_after_it_went_out_is_late_and_not_sent_again() {
    static ENDED: Mutex<Option<Guard>> = Mutex::new(None);
    let ended = each_way(&[], || {
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).init().unwrap();
        let handle = guard.handle();
        *ENDED.lock().unwrap() = Some(guard);
        outer(|| {
            llmetry::current().set_attribute("known.by.now", true);
            let report = ENDED.lock().unwrap().take().unwrap().shutdown(LONG);
            assert_eq!((report.stats.exported, report.stats.open, report.stats.late), (4, 0, 0), "{report}");
            assert!(report.is_complete());
            // It is open, and goes on: nothing that it is told now is sent.
            llmetry::current().set_attribute("too.late", true);
            step();
        });
        let stats = handle.stats();
        assert_eq!((stats.started, stats.exported, stats.late), (4, 4, 3));
        assert_adds_up(&stats);
        let exported = memory.spans();
        assert_eq!(exported.len(), 4);
        let innermost = crate::support::named(&exported, "execute_tool innermost");
        assert!(crate::support::attribute(innermost, "known.by.now").is_some());
        assert!(crate::support::attribute(innermost, "too.late").is_none());
        // And a new life begins.
        let guard = llmetry::builder().exporter(memory.clone()).init().unwrap();
        step();
        assert!(guard.shutdown(LONG).is_complete());
        assert_eq!((memory.spans().len(), handle.stats().late), (5, 3));
    });
    for ended in ended {
        assert_code(ended, 0);
    }
}
