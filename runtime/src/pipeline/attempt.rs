//! What the operator's own metrics are told: each attempt to export something, as it ends.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One attempt of one exporter to deliver spans, for [`Builder::on_export`](crate::Builder::on_export).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ExportAttempt<'a> {
    /// The exporter, as in [`ExporterStats::name`](crate::ExporterStats::name).
    pub exporter: &'a str,
    /// Spans that it was offered.
    pub spans: usize,
    /// What became of them.
    pub outcome: ExportOutcome,
    /// How long the attempt took.
    pub elapsed: Duration,
    /// What went wrong, if something did.
    pub error: Option<&'a str>,
}

/// What became of the spans of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportOutcome {
    /// The receiver has confirmed them, all but so many that it rejected.
    Delivered {
        /// Spans that the receiver did not take; they are lost.
        rejected: u64,
    },
    /// Not delivered; the same spans are offered again.
    WillRetry,
    /// Too many at once; they are offered again in two halves.
    WillSplit,
    /// Not delivered, and not offered to this exporter again.
    Failed,
}

/// The callback of `Builder::on_export`.
#[derive(Clone)]
pub(crate) struct OnExport(Arc<dyn Fn(&ExportAttempt<'_>) + Send + Sync>);

impl OnExport {
    pub(crate) fn new(callback: impl Fn(&ExportAttempt<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(callback))
    }

    pub(super) fn call(&self, attempt: &ExportAttempt<'_>) {
        (self.0)(attempt);
    }
}

impl fmt::Debug for OnExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnExport")
    }
}
