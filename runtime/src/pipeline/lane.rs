//! One exporter's way out: a thread that offers it one batch after the other, again and again if need be.
//!
//! In: turns from the `desk`. Out: attempts, what the exporter said of each, and a word on stderr when it begins to fail and when it
//! works again. Does not: know other lanes, hold more than one expanded batch, or die of an exporter's panic.

use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry::Context;

use super::Intake;
use super::attempt::{ExportAttempt, ExportOutcome, OnExport};
use super::batch::Origin;
use super::desk::{Desk, Turn};
use super::overflow;
use crate::diag;
use crate::export::{DynExporter, Verdict};

/// The first wait after an attempt that is to be repeated; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait that we choose ourselves.
const MAX_WAIT: Duration = Duration::from_secs(5);
/// The longest wait that a receiver may ask for.
const MAX_ASKED_WAIT: Duration = Duration::from_secs(30);
/// Attempts in a row that may fail when the program ends.
const ATTEMPTS_AT_END: u32 = 3;

/// One exporter, and what its thread needs.
pub(super) struct Lane {
    pub(super) number: usize,
    pub(super) exporter: Box<dyn DynExporter>,
    pub(super) intake: Arc<Intake>,
    pub(super) desk: Arc<Desk>,
    pub(super) export_timeout: Duration,
    pub(super) on_export: Option<OnExport>,
    /// Whose resource the exporter was told last.
    pub(super) origin: Arc<Origin>,
    pub(super) said: Said,
}

/// What was said on stderr about an exporter, each once.
#[derive(Debug, Default)]
pub(super) struct Said {
    failure: bool,
    recovery: bool,
    warning: bool,
}

/// What follows from a verdict.
#[derive(Debug)]
enum Next {
    Done {
        missing: u64,
        rejected: u64,
    },
    Again {
        wait: Duration,
    },
    Split,
    Failed,
    /// Nothing more is offered at all.
    GiveUp,
}

impl Lane {
    /// The thread.
    pub(super) fn run(mut self) {
        overflow::enter_pipeline();
        // What exporters do is not to be traced: their spans would be exported, and so on.
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        let mut jitter = Jitter::new();
        while let Some(turn) = self.desk.next(&self.intake, self.number, self.export_timeout) {
            let begin = Instant::now();
            let (verdict, missing) = self.attempt(&turn);
            let elapsed = begin.elapsed();
            if let Verdict::Delivered { rejected: 0, message } = &verdict {
                self.pass_on(message);
            }
            let (next, error) = decide(verdict, missing, &turn, &mut jitter);
            self.tell(turn.work.range.len() - missing, &next, error.as_deref(), elapsed);
            self.conclude(turn, &next, error.as_deref());
        }
        self.shut_down();
        let intake = Arc::clone(&self.intake);
        let desk = Arc::clone(&self.desk);
        // Its exporter is gone before it is said that the lane is.
        drop(catch_unwind(AssertUnwindSafe(move || drop(self))));
        desk.leave(|| intake.put_away());
    }

    /// Offers what it is the turn of, once; and how many spans were not offered, since they could not be read.
    fn attempt(&mut self, turn: &Turn) -> (Verdict, usize) {
        let batch = &turn.work.batch;
        let mut missing = 0;
        let attempt = AssertUnwindSafe(|| {
            if !Arc::ptr_eq(&self.origin, &batch.origin) {
                self.exporter.set_resource(&batch.origin.resource);
                self.origin = Arc::clone(&batch.origin);
            }
            let spans = batch.expand(turn.work.range.clone());
            missing = turn.work.range.len() - spans.len();
            if spans.is_empty() {
                return Verdict::Refused { error: unreadable(missing, missing) };
            }
            self.exporter.export(spans, turn.timeout)
        });
        let verdict = catch_unwind(attempt).unwrap_or_else(|panic| {
            let text = panic
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
                .unwrap_or("no text");
            Verdict::Refused { error: format!("it panicked: {text}") }
        });
        (verdict, missing)
    }

    /// A receiver may take all and have something to say about it.
    fn pass_on(&mut self, message: &str) {
        if !message.is_empty() && !std::mem::replace(&mut self.said.warning, true) {
            let name = self.exporter.name();
            diag::notice(&format!("{name}: the receiver took all spans and says: {message} (said once)"));
        }
    }

    /// Says to the operator and to the operator's callback how it went.
    fn tell(&mut self, spans: usize, next: &Next, error: Option<&str>, elapsed: Duration) {
        let name = self.exporter.name();
        match error {
            Some(error) if !std::mem::replace(&mut self.said.failure, true) => {
                let and_then = match next {
                    Next::Again { .. } | Next::Split => "; it is tried again",
                    _ => "",
                };
                diag::notice(&format!(
                    "export failed: {name}: {error}{and_then} (said once; `stats()` and the report at shutdown count what was lost)"
                ));
            }
            None if self.said.failure && !std::mem::replace(&mut self.said.recovery, true) => {
                diag::notice(&format!("export works again: {name} (said once)"));
            }
            _ => {}
        }
        let Some(on_export) = &self.on_export else { return };
        let outcome = match next {
            Next::Done { rejected, .. } => ExportOutcome::Delivered { rejected: *rejected },
            Next::Again { .. } => ExportOutcome::WillRetry,
            Next::Split => ExportOutcome::WillSplit,
            Next::Failed | Next::GiveUp => ExportOutcome::Failed,
        };
        let attempt = ExportAttempt { exporter: name, spans, outcome, elapsed, error };
        if catch_unwind(AssertUnwindSafe(|| on_export.call(&attempt))).is_err() {
            diag::once(
                "on_export",
                "the callback of `Builder::on_export` panicked; the spans are not touched by it",
            );
        }
    }

    fn conclude(&self, turn: Turn, next: &Next, error: Option<&str>) {
        let (desk, intake, lane) = (&self.desk, &*self.intake, self.number);
        let text = error.unwrap_or_default();
        match *next {
            Next::Done { missing, rejected } => {
                desk.delivered(intake, lane, &turn.work, missing, rejected, error);
            }
            Next::Again { wait } => desk.put_back(lane, turn, wait, text),
            Next::Split => desk.split(lane, &turn.work, text),
            Next::Failed => desk.failed(intake, lane, &turn.work, text),
            Next::GiveUp => desk.given_up(intake, lane, &turn.work, text),
        }
    }

    fn shut_down(&mut self) {
        let left = self.desk.time_left();
        let failure = match catch_unwind(AssertUnwindSafe(|| self.exporter.shutdown(left))) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it panicked".to_owned(),
        };
        self.desk.shutdown_failed(self.number, &format!("shutdown failed: {failure}"));
    }
}

/// What follows from `verdict`, and what went wrong.
fn decide(verdict: Verdict, missing: usize, turn: &Turn, jitter: &mut Jitter) -> (Next, Option<String>) {
    match verdict {
        Verdict::Delivered { rejected, message } => {
            let spans = turn.work.range.len();
            let mut errors = Vec::new();
            if missing > 0 {
                errors.push(unreadable(missing, spans));
            }
            if rejected > 0 {
                errors.push(format!("{rejected} of {} spans were rejected: {message}", spans - missing));
            }
            let error = (!errors.is_empty()).then(|| errors.join("; "));
            (Next::Done { missing: missing as u64, rejected }, error)
        }
        Verdict::Later { error, .. } if turn.at_end && turn.failures + 1 >= ATTEMPTS_AT_END => {
            (Next::GiveUp, Some(error))
        }
        Verdict::Later { error, .. } if turn.at_end => {
            (Next::Again { wait: FIRST_WAIT * (1 << turn.failures) }, Some(error))
        }
        Verdict::Later { after, error } => {
            let own = jitter.shorten(FIRST_WAIT.saturating_mul(1 << turn.failures.min(16)).min(MAX_WAIT));
            let wait = after.map_or(own, |after| own.max(after.min(MAX_ASKED_WAIT)));
            (Next::Again { wait }, Some(error))
        }
        Verdict::TooLarge { error } if turn.work.range.len() - missing > 1 => (Next::Split, Some(error)),
        Verdict::TooLarge { error } | Verdict::Refused { error } => (Next::Failed, Some(error)),
    }
}

/// Whoever else writes into the spool's file, or the disk itself, may have done it.
fn unreadable(missing: usize, spans: usize) -> String {
    format!("{missing} of {spans} spans can no longer be read from the spool")
}

/// Keeps processes that lost the same receiver at the same moment from coming back at the same moment.
struct Jitter(u64);

impl Jitter {
    fn new() -> Self {
        // Seeded by the system, and different for each one.
        Self(RandomState::new().hash_one(0) | 1)
    }

    /// From half of `wait` to the whole.
    fn shorten(&mut self, wait: Duration) -> Duration {
        // xorshift
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let half = wait / 2;
        half + half * u32::from((self.0 >> 48) as u16) / u32::from(u16::MAX)
    }
}
