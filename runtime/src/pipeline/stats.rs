//! The account of a pipeline: what became of every span. Plain values, for the program to read.

use std::fmt;
use std::time::Duration;

/// Why a span was dropped instead of exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The queue had reached its bound, and the span that had just ended was given up: the exporters are slower than the program.
    QueueFull,
    /// The queue had reached its bound, and the span made room for newer ones
    /// ([`Overflow::DropOldest`](crate::Overflow::DropOldest)). Some exporters may have delivered it.
    Displaced,
    /// The spool was full, and the span that had just ended was given up: the exporters have been down, or slow, for too long.
    SpoolFull,
    /// As many spans were open as may be open at once.
    TooManyOpen,
    /// The span ended after its pipeline was shut down.
    AfterShutdown,
}

impl DropReason {
    pub(crate) const ALL: [Self; 5] =
        [Self::QueueFull, Self::Displaced, Self::SpoolFull, Self::TooManyOpen, Self::AfterShutdown];
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QueueFull => "queue full",
            Self::Displaced => "made room for newer ones",
            Self::SpoolFull => "spool full",
            Self::TooManyOpen => "too many open spans",
            Self::AfterShutdown => "ended after shutdown",
        })
    }
}

/// What became of every span so far: `started = exported + failed + dropped + queued + spooled + open`, each span in one of them, at any
/// moment, also after shutdown.
///
/// Spans of foreign code that entered the pipeline through the OpenTelemetry API are counted like ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Spans that were opened and are recorded.
    pub started: u64,
    /// Spans that every exporter has confirmed.
    pub exported: u64,
    /// Spans that at least one exporter gave up on, or that could not be read from the disk any more; other exporters may have delivered
    /// them.
    pub failed: u64,
    /// Those of `failed` that a receiver did not take although it took their batch.
    pub rejected: u64,
    /// Spans that were given up for want of room or time, by reason.
    pub dropped: Vec<(DropReason, u64)>,
    /// Spans that have ended and wait, or are being exported at this moment.
    pub queued: u64,
    /// Spans that wait on disk, for this process or the next.
    pub spooled: u64,
    /// Spans that have not ended.
    pub open: u64,
    /// Spans that ended after they had gone out as incomplete: counted once, where they are counted above.
    pub late: u64,
    /// Spans of earlier processes that were found on disk and delivered; not part of `started` or `exported`.
    pub recovered: u64,
    /// Spans of earlier processes that were found on disk and that at least one exporter gave up on; others may have delivered them. They
    /// are gone from the disk; not part of `started` or `failed`.
    pub recovered_failed: u64,
    /// Tasks and tools that began a trace of their own while a workflow was open: most often a `tokio::spawn` that should be
    /// `llmetry::spawn`.
    pub orphans: u64,
    /// Captured arguments, results and texts of errors that were left out of their span since a rule of the `Redactor` panicked.
    pub content_dropped: u64,
    /// What the last failed export said.
    pub last_error: Option<String>,
    /// What each exporter made of what it was offered.
    pub exporters: Vec<ExporterStats>,
}

/// The account of one exporter. Others may have fared better with the same spans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExporterStats {
    /// Its name.
    pub name: String,
    /// Spans that its receiver has confirmed; of earlier processes too, as in the fields below.
    pub exported: u64,
    /// Spans that it gave up on, or that could not be read from the disk any more.
    pub failed: u64,
    /// Those of `failed` that its receiver did not take although it took their batch.
    pub rejected: u64,
    /// Spans that wait for it.
    pub waiting: u64,
    /// What its last failed export said.
    pub last_error: Option<String>,
}

impl Stats {
    /// Spans dropped for `reason`.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped.iter().find(|(known, _)| *known == reason).map_or(0, |(_, count)| *count)
    }

    /// Spans dropped for any reason.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().map(|(_, count)| count).sum()
    }
}

/// What a flush or a shutdown achieved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The account at the end.
    pub stats: Stats,
    /// Whether the pipeline came to an end within the time it was given.
    pub in_time: bool,
    /// How long it took.
    pub elapsed: Duration,
}

impl Report {
    /// Whether every span of this process that had ended was delivered, over the pipeline's whole life. What became of those that earlier
    /// processes have left ([`Stats::recovered_failed`]) is not asked.
    pub fn is_complete(&self) -> bool {
        let stats = &self.stats;
        self.in_time
            && stats.failed == 0
            && stats.dropped_total() == 0
            && stats.queued == 0
            && stats.spooled == 0
    }

    /// Whether an ending has something to say on stderr: more than `is_complete` asks for, since nobody else will ever know of what earlier
    /// processes have left.
    pub(crate) fn is_notable(&self) -> bool {
        !self.is_complete() || self.stats.recovered_failed > 0
    }
}

impl fmt::Display for Report {
    /// One line for a person: `812 spans delivered, 3 failed (connection refused), 2 dropped (queue full)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = &self.stats;
        write!(f, "{} spans delivered", stats.exported)?;
        if stats.failed > 0 {
            write!(f, ", {} failed", stats.failed)?;
            if let Some(error) = &stats.last_error {
                write!(f, " ({error})")?;
            }
        }
        if stats.rejected > 0 {
            write!(f, ", {} of them rejected by the receiver", stats.rejected)?;
        }
        for (reason, count) in stats.dropped.iter().filter(|(_, count)| *count > 0) {
            write!(f, ", {count} dropped ({reason})")?;
        }
        if stats.queued > 0 {
            write!(f, ", {} not sent in time", stats.queued)?;
        }
        if stats.spooled > 0 {
            write!(f, ", {} kept on disk", stats.spooled)?;
        }
        if stats.open > 0 {
            write!(f, ", {} still open", stats.open)?;
        }
        if stats.late > 0 {
            write!(f, ", {} ended after they were sent as incomplete", stats.late)?;
        }
        if stats.recovered > 0 || stats.recovered_failed > 0 {
            write!(f, "; of earlier processes {} delivered", stats.recovered)?;
            if stats.recovered_failed > 0 {
                write!(f, ", {} failed", stats.recovered_failed)?;
                // Else it stands above.
                if let Some(error) = stats.last_error.as_ref().filter(|_| stats.failed == 0) {
                    write!(f, " ({error})")?;
                }
            }
        }
        if !self.in_time {
            write!(f, "; the exporters did not finish within {:?}", self.elapsed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_was_lost_and_why() {
        let mut report = Report {
            stats: Stats { exported: 812, ..Stats::default() },
            in_time: true,
            elapsed: Duration::from_millis(1500),
        };
        assert!(report.is_complete());
        assert_eq!(report.to_string(), "812 spans delivered");
        report.stats.failed = 3;
        report.stats.last_error = Some("connection refused".to_owned());
        report.stats.dropped = vec![(DropReason::QueueFull, 2)];
        report.stats.queued = 4;
        report.stats.rejected = 1;
        report.stats.spooled = 5;
        report.stats.late = 6;
        report.stats.recovered = 7;
        report.stats.recovered_failed = 8;
        report.in_time = false;
        assert!(!report.is_complete());
        assert_eq!(
            report.to_string(),
            "812 spans delivered, 3 failed (connection refused), 1 of them rejected by the receiver, \
             2 dropped (queue full), 4 not sent in time, 5 kept on disk, 6 ended after they were sent as incomplete; \
             of earlier processes 7 delivered, 8 failed; \
             the exporters did not finish within 1.5s"
        );
    }

    #[test]
    fn spans_of_earlier_processes_are_told_apart() {
        let stats = Stats { exported: 2, recovered: 3, ..Stats::default() };
        let mut report = Report { stats, in_time: true, elapsed: Duration::ZERO };
        assert_eq!(report.to_string(), "2 spans delivered; of earlier processes 3 delivered");
        assert!(!report.is_notable());
        report.stats.recovered = 0;
        report.stats.recovered_failed = 1;
        report.stats.last_error = Some("never".to_owned());
        assert_eq!(
            report.to_string(),
            "2 spans delivered; of earlier processes 0 delivered, 1 failed (never)"
        );
        assert!(report.is_complete(), "this process has lost nothing");
        assert!(report.is_notable(), "but something is lost");
    }
}
