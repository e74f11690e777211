//! Forks: the child sends its own spans, in its parent's trace; neither repeats what the other has, nor waits for it.

use std::collections::HashSet;
use std::os::unix::process::ExitStatusExt;
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use llmetry::export::MemoryExporter;
use llmetry::{Signal, task, workflow};

use crate::ended::{
    JSON, OPEN, assert_code, assert_three_open, each_way, only, outer, spans, wait_for_the_end,
};
use crate::program::{self};
use crate::support::{LONG, assert_adds_up, step, steps};
use crate::system::{self};

#[test]
fn a_forked_process_delivers_its_own_spans_in_its_parents_trace() {
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        outer(|| {
            let child = system::fork(|| steps(2));
            assert_eq!(system::wait(child).code(), Some(0));
            steps(3);
        });
    });
    for ended in ended {
        let said = assert_code(ended, 0);
        let spans = spans(&said);
        let workflow = only(&spans, OPEN[0][0]);
        let (_, innermost) = (only(&spans, OPEN[0][1]), only(&spans, OPEN[0][2]));
        assert_eq!(innermost.outcome, None);
        assert!(spans.iter().all(|span| span.trace == workflow.trace), "{spans:#?}");
        let steps: Vec<_> = spans.iter().filter(|span| span.name == "step").collect();
        assert_eq!(steps.len(), 1 + 2 + 3, "{spans:#?}");
        assert_eq!(steps.iter().filter(|step| step.parent == innermost.id).count(), 5);
        let ids: HashSet<_> = spans.iter().map(|span| &span.id).collect();
        assert_eq!(ids.len(), spans.len());
        assert!(!said.stderr.contains("llmetry: "), "{}", said.stderr);
    }
}

#[task]
fn in_the_child() {
    step();
}

#[test]
fn forks_beside_busy_threads_neither_stall_nor_lose() {
    const FORKS: usize = 40;
    static DONE: AtomicBool = AtomicBool::new(false);
    // Two processes write to one pipe: what is no longer than a few lines stays whole.
    let variables = [JSON[0], JSON[1], ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")];
    let ended = each_way(&variables, || {
        let guard = llmetry::init("exits").unwrap();
        let busy = || {
            while !DONE.load(Ordering::Relaxed) {
                outer(|| llmetry::current().set_attribute("key", "value"));
                thread::sleep(Duration::from_micros(50));
            }
        };
        let busy = [thread::spawn(busy), thread::spawn(busy)];
        for _ in 0..FORKS {
            let child = system::fork(in_the_child);
            assert_eq!(system::wait(child).code(), Some(0));
        }
        DONE.store(true, Ordering::Relaxed);
        for thread in busy {
            thread.join().unwrap();
        }
        let report = guard.shutdown(LONG);
        assert_adds_up(&report.stats);
    });
    for ended in ended {
        let said = assert_code(ended, 0);
        assert!(!said.stderr.contains("llmetry: "), "{}", said.stderr);
        let mut ids = HashSet::new();
        let (mut children, mut traces) = (0, HashSet::new());
        for span in spans(&said) {
            assert!(ids.insert(span.id), "sent twice: {}", span.name);
            if span.name == "in_the_child" {
                children += 1;
                traces.insert(span.trace);
            }
        }
        assert_eq!((children, traces.len()), (FORKS, FORKS));
    }
}

#[test]
fn a_forked_process_that_drops_the_guard_delivers_and_goes_on() {
    let ended = each_way(&JSON, || {
        let guard = llmetry::init("exits").unwrap();
        steps(2);
        let mut guard = Some(guard);
        let child = system::fork(|| {
            in_the_child();
            let guard = guard.take().unwrap();
            assert_eq!(guard.stats().started, 2, "its own");
            assert!(guard.flush(LONG).is_complete());
            assert_eq!(guard.shutdown(LONG).stats.exported, 2);
            // And it may begin anew.
            let guard = llmetry::init("again").unwrap();
            in_the_child();
            assert_eq!(guard.shutdown(LONG).stats.exported, 2);
        });
        assert_eq!(system::wait(child).code(), Some(0));
        assert_eq!(guard.unwrap().shutdown(LONG).stats.exported, 2);
    });
    for ended in ended {
        let said = assert_code(ended, 0);
        let spans = spans(&said);
        assert_eq!(spans.iter().filter(|span| span.name == "in_the_child").count(), 2);
        assert_eq!(spans.len(), 2 + 4, "{spans:#?}");
    }
}

#[test]
fn a_forked_process_that_traces_nothing_sends_nothing() {
    let ended = program::ends(&JSON, || {
        let guard = llmetry::init("exits").unwrap();
        steps(2);
        let child = system::fork(|| ());
        assert_eq!(system::wait(child).code(), Some(0));
        drop(guard);
    });
    assert_eq!(spans(&assert_code(ended, 0)).len(), 2);
}

#[test]
fn spans_of_a_forked_process_that_were_open_before_are_its_parents() {
    #[workflow]
    fn forks() -> bool {
        let child = system::fork_here();
        step();
        child.inspect(|child| assert_eq!(system::wait(*child).code(), Some(0))).is_none()
    }
    let ended = each_way(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        if forks() {
            exit(0);
        }
    });
    for ended in ended {
        let said = assert_code(ended, 0);
        let spans = spans(&said);
        let workflow = only(&spans, "invoke_workflow forks");
        assert_eq!(workflow.outcome, None);
        assert_eq!(spans.iter().filter(|span| span.name == "step" && span.parent == workflow.id).count(), 2);
        assert_eq!(spans.len(), 3);
    }
}

#[test]
fn an_exporter_that_was_given_does_not_cross_a_fork() {
    let ended = program::ends(&JSON, || {
        let memory = MemoryExporter::new();
        let guard = llmetry::builder().exporter(memory.clone()).init().unwrap();
        outer(|| {
            let child = system::fork(|| {
                step();
                let guard = llmetry::init("child").unwrap();
                in_the_child();
                assert_eq!(guard.shutdown(LONG).stats.exported, 2);
            });
            assert_eq!(system::wait(child).code(), Some(0));
        });
        assert_eq!(guard.shutdown(LONG).stats.exported, 4);
        assert_eq!(memory.spans().len(), 4);
    });
    let said = assert_code(ended, 0);
    assert_eq!(spans(&said).len(), 2, "{}", said.stdout);
}

#[test]
fn a_signal_in_a_forked_process_is_its_own() {
    let ended = each_way(&JSON, || {
        let _guard = llmetry::builder().end_on_signals(Signal::ALL).init().unwrap();
        let child = system::fork(|| {
            outer(|| {
                system::signal(libc::SIGTERM);
                wait_for_the_end();
            });
        });
        assert_eq!(system::wait(child).signal(), Some(libc::SIGTERM));
        let child = system::fork(|| {
            // Nothing was traced: there is nothing to end, and no thread to do it.
            system::signal(libc::SIGTERM);
            wait_for_the_end();
        });
        assert_eq!(system::wait(child).signal(), Some(libc::SIGTERM));
    });
    for ended in ended {
        assert_three_open(&assert_code(ended, 0), OPEN[0], "Unset");
    }
}

#[test]
fn foreign_spans_of_a_forked_process_leave_it_once() {
    use opentelemetry::trace::{Span as _, Tracer};
    let ended = program::ends(&JSON, || {
        let _guard = llmetry::init("exits").unwrap();
        let tracer = opentelemetry::global::tracer("foreign");
        let mut before = tracer.start("before");
        let child = system::fork(|| {
            before.end();
            tracer.start("inside").end();
        });
        assert_eq!(system::wait(child).code(), Some(0));
        tracer.start("inside").end();
        before.end();
    });
    let said = assert_code(ended, 0);
    let spans = spans(&said);
    only(&spans, "before");
    let inside: Vec<_> = spans.iter().filter(|span| span.name == "inside").collect();
    assert_eq!(inside.len(), 2);
    assert_ne!(inside[0].id, inside[1].id);
    assert_ne!(inside[0].trace, inside[1].trace);
}
