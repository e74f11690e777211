//! Runs as a page: a table for people, and every row for programs.

use std::collections::BTreeSet;
use std::fmt::Write;

use llmetry_processes::plan::{ENDINGS, Ending, Output, Row};

use crate::judge;
use crate::runs::{Config, Count, Run};

const INTRODUCTION: &str = "\
# How a process can end, and what arrives

<!-- Written by `cargo run --manifest-path runtime/tests/processes/Cargo.toml --bin table`; not by hand. -->

Each row is a way in which a process can end. Real programs were run for it, under tokio's `current_thread` and `multi_thread` runtime and
under none; with the ending inside a sync task, inside an async task three spans deep, after the workflow, and while two other threads go
on working; against a receiver for OTLP over HTTP and over gRPC, and printing JSON lines. Before its end each program writes down which
of its functions have returned and which are still open, and that is compared with what arrived. What makes no sense is left out: tasks, and a
runtime that goes first, where there is none; waiting for a signal inside a sync task.

- *finished*: spans of functions that had returned when the ending began. *open*: spans of functions that had not; counted if they arrived and
  say so (`llmetry.outcome=incomplete`, or how they were unwound), with an error status where the ending is a failure and without where it is not.
- *with the spool*: `Builder::spool`, and what had arrived once the program was started again.
- *exit status*: compared with that of the same program without telemetry.
- *ms*: median from the beginning of the ending to the end of the process, without and with the spool, in a debug build, two programs at once.
- *stock*: `opentelemetry_sdk`'s `BatchSpanProcessor` and `opentelemetry-otlp`, over HTTP and gRPC, set up as documented: `main` calls
  `shutdown()` before it returns well. It does not export open spans; its gRPC exporter needs a runtime. – means that there is nothing to
  compare.

";

/// Broken promises that stand on the page.
const SHOWN: usize = 40;

/// One cell of a person's table, for runs that differ in runtime, place and receiver.
struct Cell<'a> {
    counts: Vec<(&'a Run, Count)>,
}

impl<'a> Cell<'a> {
    fn new(runs: &[&'a Run], count: impl Fn(&Run) -> Count) -> Self {
        Self {
            counts: runs.iter().map(|run| (*run, count(run))).filter(|(_, count)| count.made > 0).collect(),
        }
    }

    fn text(&self) -> String {
        let sum = |part: fn(&Count) -> usize| self.counts.iter().map(|(_, count)| part(count)).sum::<usize>();
        let (made, arrived) = (sum(|count| count.made), sum(|count| count.arrived));
        match (made, arrived) {
            (0, _) => "–".to_owned(),
            (made, arrived) if made == arrived => "all".to_owned(),
            (_, 0) => "none".to_owned(),
            (made, arrived) => {
                // Never rounded up to everything, nor down to nothing.
                let percent = (arrived * 100 / made).max(1);
                format!("{percent} %{}", self.exceptions().unwrap_or_default())
            }
        }
    }

    /// What decides between everything and less, if it is one thing.
    fn exceptions(&self) -> Option<String> {
        let dimensions: [fn(&Run) -> &'static str; 3] = [
            |run| run.row.runtime.name(),
            |run| run.row.place.name(),
            |run| output(run).map_or("", Output::name),
        ];
        dimensions.into_iter().find_map(|of| {
            let names: BTreeSet<&str> = self.counts.iter().map(|(run, _)| of(run)).collect();
            let (mut whole, mut other) = (Vec::new(), Vec::new());
            for name in names {
                let mut of_name = self.counts.iter().filter(|(run, _)| of(run) == name);
                let is_whole = of_name.all(|(_, count)| count.arrived == count.made);
                if is_whole { whole.push(name) } else { other.push(name) }
            }
            let text = if whole.len() < other.len() {
                format!("; all: `{}`", whole.join("`, `"))
            } else {
                format!("; less than all: `{}`", other.join("`, `"))
            };
            (!whole.is_empty()).then_some(text)
        })
    }
}

fn output(run: &Run) -> Option<Output> {
    match run.config {
        Config::Bare => None,
        Config::Ours { output, .. } | Config::Stock { output } => Some(output),
    }
}

fn is_ours(run: &Run, with_spool: bool) -> bool {
    matches!(run.config, Config::Ours { spool, .. } if spool == with_spool)
}

/// ENDINGS.md.
pub(crate) fn page(runs: &[Run], broken: &[String]) -> String {
    let mut page = INTRODUCTION.to_owned();
    page += "| ending | finished | open | with the spool: finished | open | exit status | ms | stock: finished | open | exit status |\n";
    page += "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for ending in ENDINGS {
        let of: Vec<&Run> = runs.iter().filter(|run| std::ptr::eq(run.row.ending, ending)).collect();
        if !of.is_empty() {
            line(&mut page, ending, &of);
        }
    }
    let ours: Vec<&Run> = runs.iter().filter(|run| matches!(run.config, Config::Ours { .. })).collect();
    let promised = ours.iter().filter(|run| run.row.ending.controlled || is_ours(run, true));
    let missed: usize = promised.map(|run| run.closed_late.made - run.closed_late.arrived).sum();
    let twice: usize = ours.iter().map(|run| run.duplicates).sum();
    let _ = writeln!(
        page,
        "\n{} programs on llmetry were run. {missed} spans that another thread ended in the moment in which the process did were refused, and \
         counted as dropped. {twice} spans came twice, which the spool allows: it sends what it cannot know to be confirmed.\n",
        ours.len(),
    );
    if !broken.is_empty() {
        page += "## Broken promises\n\n";
        for promise in broken.iter().take(SHOWN) {
            let _ = writeln!(page, "- {promise}");
        }
        if let Some(more) = broken.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            let _ = writeln!(page, "- and {more} more");
        }
        page.push('\n');
    }
    page += "<details>\n<summary>Every row</summary>\n\n";
    page += "Arrived/made: finished spans, open spans, milliseconds; what is not right about open spans stands in front.\n\n```csv\n";
    rows(&mut page, runs);
    page += "```\n\n</details>\n";
    page
}

fn line(page: &mut String, ending: &Ending, of: &[&Run]) {
    let select =
        |wanted: &dyn Fn(&Run) -> bool| of.iter().copied().filter(|run| wanted(run)).collect::<Vec<_>>();
    let (plain, spooled) = (select(&|run| is_ours(run, false)), select(&|run| is_ours(run, true)));
    let (stock, bare) = (
        select(&|run| matches!(run.config, Config::Stock { .. })),
        select(&|run| run.config == Config::Bare),
    );
    let finished = |runs: &[&Run]| Cell::new(runs, |run| run.finished).text();
    let open =
        |runs: &[&Run]| Cell::new(runs, |run| Count { made: run.open.made, arrived: run.marked }).text();
    let _ = writeln!(
        page,
        "| {} | {} | {} | {} | {} | {} | {}, {} | {} | {} | {} |",
        ending.title,
        finished(&plain),
        open(&plain),
        finished(&spooled),
        open(&spooled),
        status(&[plain.as_slice(), &spooled].concat(), &bare),
        median(&plain),
        median(&spooled),
        finished(&stock),
        Cell::new(&stock, |run| run.open).text(),
        if stock.is_empty() { "–".to_owned() } else { status(&stock, &bare) },
    );
}

/// How they ended, and whether that is how the same program ends without telemetry.
fn status(runs: &[&Run], bare: &[&Run]) -> String {
    let is_same = |run: &&Run| bare.iter().any(|bare| bare.row == run.row && bare.status == run.status);
    let (same, changed): (Vec<&Run>, Vec<&Run>) = runs.iter().partition(|run| is_same(run));
    let statuses = |runs: &[&Run]| {
        let statuses: BTreeSet<&str> = runs.iter().map(|run| run.status.as_str()).collect();
        statuses.into_iter().collect::<Vec<_>>().join(", ")
    };
    if changed.is_empty() {
        return format!("{}, unchanged", statuses(&same));
    }
    format!("**{}** in {} of {} runs", statuses(&changed), changed.len(), runs.len())
}

fn median(runs: &[&Run]) -> String {
    let mut times: Vec<f64> = runs.iter().filter_map(|run| run.milliseconds).collect();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).map_or_else(|| "–".to_owned(), |time| format!("{time:.0}"))
}

/// A line a row, a column a configuration.
fn rows(page: &mut String, runs: &[Run]) {
    let mut configs = Vec::new();
    for &output in Output::ALL {
        configs
            .extend([false, true].map(|spool| (judge::name(output, spool), Config::Ours { output, spool })));
    }
    for output in [Output::Http, Output::Grpc] {
        configs.push((format!("stock {}", output.name()), Config::Stock { output }));
    }
    let names: Vec<&str> = configs.iter().map(|(name, _)| name.as_str()).collect();
    let _ = writeln!(page, "ending,runtime,place,{}", names.join(","));
    for row in Row::all() {
        let of: Vec<&Run> = runs.iter().filter(|run| run.row == row).collect();
        if of.is_empty() {
            continue;
        }
        let _ = write!(page, "{row}");
        for (_, config) in &configs {
            let cell = of.iter().find(|run| run.config == *config).map(|run| cell(run));
            let _ = write!(page, ",{}", cell.unwrap_or_default());
        }
        page.push('\n');
    }
}

fn cell(run: &Run) -> String {
    let Run { finished, open, .. } = run;
    let unmarked = matches!(run.config, Config::Ours { .. }) && run.marked < open.arrived;
    let remark = if unmarked { format!("({} unmarked) ", open.arrived - run.marked) } else { String::new() };
    let twice = if run.duplicates > 0 { format!(" {} twice", run.duplicates) } else { String::new() };
    let time = run.milliseconds.map_or_else(String::new, |time| format!(" {time:.0}"));
    format!("{remark}{}/{} {}/{}{twice}{time}", finished.arrived, finished.made, open.arrived, open.made)
}

/// A line if `page` was not made for the rows of the plan.
pub(crate) fn stale(page: &str) -> Option<String> {
    let key = |line: &str| line.splitn(4, ',').take(3).collect::<Vec<_>>().join(",");
    let shown: Vec<String> = page
        .lines()
        .skip_while(|line| !line.starts_with("ending,"))
        .skip(1)
        .take_while(|line| !line.starts_with("```"))
        .map(key)
        .collect();
    let planned: Vec<String> = Row::all().map(|row| row.to_string()).collect();
    (shown != planned).then(|| {
        format!(
            "ENDINGS.md has {} rows, the plan {} or others: run `table` again",
            shown.len(),
            planned.len()
        )
    })
}
