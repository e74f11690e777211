//! What is promised of every run, and which promises are broken.

use std::collections::HashMap;

use llmetry_processes::plan::Output;

use crate::runs::{Config, Count, Run};

/// A line for each promise that is broken. Of the stock processor nothing is promised.
pub(crate) fn judge(runs: &[Run]) -> Vec<String> {
    let bare: HashMap<String, &str> = runs
        .iter()
        .filter(|run| run.config == Config::Bare)
        .map(|run| (run.row.to_string(), run.status.as_str()))
        .collect();
    let mut broken = Vec::new();
    for run in runs {
        let Config::Ours { output, spool } = run.config else { continue };
        let mut says = Vec::new();
        broken_by(run, spool, &mut says);
        match bare.get(&run.row.to_string()) {
            Some(status) if *status == run.status => {}
            status => says.push(format!("{}, but {} without telemetry", run.status, status.unwrap_or(&"?"))),
        }
        for what in says {
            let last = run.stderr.lines().last().unwrap_or_default();
            broken.push(format!("{},{}: {what} [{last}]", run.row, name(output, spool)));
        }
    }
    broken
}

fn broken_by(run: &Run, spool: bool, says: &mut Vec<String>) {
    let mut all = |what: &str, count: Count| {
        if count.arrived < count.made {
            says.push(format!("{} of {} {what} spans arrived", count.arrived, count.made));
        }
    };
    if run.row.ending.controlled || spool {
        all("finished", run.finished);
        all("open", run.open);
        // A span that its thread ends in the very moment in which the open ones are collected may be neither open any more nor there
        // yet. It is refused, and counted as dropped: one a thread, at most.
        let closed_late = run.closed_late;
        all(
            "open (finished by another thread meanwhile)",
            Count { made: closed_late.made.saturating_sub(2), ..closed_late },
        );
        if run.marked < run.open.arrived {
            says.push(format!("{} of {} open spans say how they ended", run.marked, run.open.arrived));
        }
    }
    if run.finished.made == 0 {
        says.push("it has made no spans".to_owned());
    }
    if run.duplicates > 0 && !spool {
        says.push(format!("{} spans came twice", run.duplicates));
    }
    if run.negative > 0 {
        says.push(format!("{} spans end before they start", run.negative));
    }
    if run.next.as_deref().is_some_and(|next| next != "exit 0") {
        says.push(format!("the next start: {}", run.next.as_deref().unwrap_or_default()));
    }
}

/// `http`, `http+spool`.
pub(crate) fn name(output: Output, spool: bool) -> String {
    format!("{}{}", output.name(), if spool { "+spool" } else { "" })
}
