//! What the tests of endings share: programs with three open spans, and what they have printed.

use std::ffi::c_int;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{self, ExitStatus};
use std::thread;

use llmetry::{Signal, task, tool, workflow};
use serde_json::Value;

use crate::program::{self, Said};
use crate::support::{LONG, step};
use crate::system::{self, Action};

/// A line of the stdout exporter.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) status: String,
    pub(crate) outcome: Option<String>,
}

/// The spans that a program has printed, whatever else stands on the lines before them.
pub(crate) fn spans(said: &Said) -> Vec<Span> {
    let lines = said.stdout.lines().filter_map(|line| line.find(r#"{"Name""#).map(|at| &line[at..]));
    lines
        .map(|line| {
            let span: Value = serde_json::from_str(line).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let attributes = span["Attributes"].as_array().unwrap();
            let outcome = attributes.iter().find(|attribute| attribute["Key"] == "llmetry.outcome");
            Span {
                name: text(&span["Name"]),
                trace: text(&span["SpanContext"]["TraceID"]),
                id: text(&span["SpanContext"]["SpanID"]),
                parent: text(&span["ParentSpanID"]),
                status: text(&span["Status"]["Code"]),
                outcome: outcome.map(|attribute| text(&attribute["Value"])),
            }
        })
        .collect()
}

#[track_caller]
pub(crate) fn only<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name} in {spans:#?}");
    found[0]
}

/// Runs `program` as it is, and once more with a spool; gives back how each of them ended. A spool from which everything was sent is
/// empty: nothing is sent again by the next start.
#[track_caller]
pub(crate) fn each_way<F: FnOnce() + Copy>(
    variables: &[(&str, &str)],
    program: F,
) -> Vec<(ExitStatus, Said)> {
    let mut ended = vec![program::ends(variables, program)];
    if cfg!(feature = "spool") {
        let directory =
            std::env::temp_dir().join(format!("llmetry-{}-{:?}", process::id(), thread::current().id()));
        let spool = ("LLMETRY_SPOOL_DIR", directory.to_str().unwrap());
        ended.push(program::ends(&[variables, &[spool]].concat(), program));
        let left = fs::read_dir(&directory).unwrap().count();
        fs::remove_dir_all(&directory).unwrap();
        assert_eq!(left, 0, "files left in the spool; stderr: {}", ended[1].1.stderr);
    }
    ended
}

pub(crate) const JSON: [(&str, &str); 2] = [("OTEL_TRACES_EXPORTER", "console"), ("LLMETRY_STDOUT", "json")];

#[workflow]
pub(crate) fn outer(inside: fn()) {
    step();
    middle(inside);
}

#[task]
pub(crate) fn middle(inside: fn()) {
    innermost(inside);
}

#[tool]
pub(crate) fn innermost(inside: fn()) {
    inside();
}

#[workflow]
pub(crate) async fn outer_async(inside: fn()) {
    step();
    tokio::task::yield_now().await;
    middle_async(inside).await;
}

#[task]
pub(crate) async fn middle_async(inside: fn()) {
    tokio::task::yield_now().await;
    innermost_async(inside).await;
}

#[tool]
pub(crate) async fn innermost_async(inside: fn()) {
    tokio::task::yield_now().await;
    inside();
}

pub(crate) const OPEN: [[&str; 3]; 2] = [
    ["invoke_workflow outer", "middle", "execute_tool innermost"],
    ["invoke_workflow outer_async", "middle_async", "execute_tool innermost_async"],
];

/// The three spans of `open` are there, one in the other, marked, with this status, and one finished step.
#[track_caller]
pub(crate) fn assert_three_open(said: &Said, open: [&str; 3], status: &str) {
    let spans = spans(said);
    let chain = open.map(|name| only(&spans, name));
    for span in chain {
        assert_eq!((span.outcome.as_deref(), &*span.status), (Some("incomplete"), status), "{span:?}");
        assert_eq!(span.trace, chain[0].trace);
    }
    assert_eq!(chain.map(|span| &*span.parent), ["", &*chain[0].id, &*chain[1].id]);
    let finished = only(&spans, "step");
    assert_eq!((&*finished.parent, &*finished.status, &finished.outcome), (&*chain[0].id, "Unset", &None));
    assert_eq!(spans.len(), 4, "{spans:#?}");
    assert!(!said.stderr.contains("llmetry: "), "{}", said.stderr);
}

#[track_caller]
pub(crate) fn assert_code((status, said): (ExitStatus, Said), code: i32) -> Said {
    assert_eq!(status.code(), Some(code), "{status}\n--- stdout\n{}--- stderr\n{}", said.stdout, said.stderr);
    said
}

pub(crate) fn number(signal: Signal) -> c_int {
    match signal {
        Signal::Interrupt => libc::SIGINT,
        Signal::Terminate => libc::SIGTERM,
        Signal::Hangup => libc::SIGHUP,
        other => panic!("{other:?} is new"),
    }
}

/// What a program has from a shell. Whoever runs these tests may ignore signals (`nohup` does), and what is ignored stays so.
pub(crate) fn default_signals() {
    for signal in Signal::ALL {
        system::on(number(signal), &Action::Default);
    }
}

pub(crate) fn wait_for_the_end() {
    thread::sleep(3 * LONG);
}

/// The program of `ended` was ended by `signal`, with its three open spans marked.
#[track_caller]
pub(crate) fn assert_ended_by(ended: (ExitStatus, Said), signal: Signal) {
    let (status, said) = ended;
    assert_eq!(status.signal(), Some(number(signal)), "{status}\n{}\n{}", said.stdout, said.stderr);
    assert_three_open(&said, OPEN[0], "Unset");
}
