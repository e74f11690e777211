//! A batch: spans that are offered together, and what the lanes have made of them so far.
//!
//! In: records, and whose they are. Out: `SpanData` for one lane at a time; at the end how many were delivered, failed, rejected. Does
//! not: know lanes, wait, or count anything but its own spans.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

use super::Record;
use super::expand::expand;
use super::spool::Stored;
use crate::scope::clock::Anchor;
use crate::semconv::Convention;
use crate::sync::lock;

/// Whose spans they are, and in which words they are written: one for all batches of a process.
#[derive(Debug)]
pub(super) struct Origin {
    pub(crate) resource: Resource,
    pub(crate) convention: Convention,
}

/// Where the spans of a batch stand until a lane asks for them.
#[derive(Debug)]
pub(super) enum Source {
    /// In memory, small.
    Memory(Vec<Record>),
    /// In a file of the spool.
    Stored(Stored),
}

/// Who keeps the spans of a batch, and so what is to be done when it is through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeper {
    Memory,
    /// The spool of this process.
    Spool,
    /// A file that an earlier process has left.
    Left,
}

impl Source {
    fn len(&self) -> usize {
        match self {
            Self::Memory(records) => records.len(),
            Self::Stored(stored) => stored.len(),
        }
    }

    /// Calls `visit` with the records of `range`, in order, each with its place among all of them. On disk some may be missing.
    fn read(&self, range: Range<usize>, visit: &mut dyn FnMut(usize, &Record)) {
        match self {
            Self::Memory(records) => {
                let places = range.clone();
                let records = records.get(range).unwrap_or_default();
                places.zip(records).for_each(|(place, record)| visit(place, record));
            }
            Self::Stored(stored) => stored.read(range, visit),
        }
    }
}

/// Spans that are offered together. All lanes share it; each expands it when it is its turn.
#[derive(Debug)]
pub(super) struct Batch {
    /// Batches are numbered in the order in which they were handed over, from 1.
    pub(super) number: u64,
    pub(super) origin: Arc<Origin>,
    /// What it counts for against the bound, itself included.
    pub(super) bytes: usize,
    /// Says when the ticks of its records were.
    anchor: Anchor,
    source: Source,
    fate: Mutex<Fate>,
}

#[derive(Debug)]
struct Fate {
    /// Spans that lanes have not concluded, each counted once a lane.
    open: usize,
    /// Spans that at least one lane has given up, or could not read; empty as long as there are none.
    lost: Vec<bool>,
    /// Spans that receivers did not take, without saying which.
    rejected: u64,
}

/// What became of a batch, each span once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Concluded {
    pub(super) exported: u64,
    /// Those that were rejected among them.
    pub(super) failed: u64,
    pub(super) rejected: u64,
}

impl Batch {
    /// What a batch itself weighs, beside its spans.
    pub(super) const OWN_BYTES: usize = size_of::<Self>() + 64;

    pub(super) fn new(origin: Arc<Origin>, anchor: Anchor, source: Source, bytes: usize) -> Self {
        let fate = Mutex::new(Fate { open: 0, lost: Vec::new(), rejected: 0 });
        Self { number: 0, origin, bytes, anchor, source, fate }
    }

    /// How many spans it has.
    pub(super) fn spans(&self) -> usize {
        self.source.len()
    }

    /// So many lanes will conclude it.
    pub(super) fn expect(&mut self, lanes: usize) {
        let open = lanes * self.spans();
        self.fate.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner).open = open;
    }

    /// Who keeps its spans.
    pub(super) fn keeper(&self) -> Keeper {
        match &self.source {
            Source::Memory(_) => Keeper::Memory,
            Source::Stored(stored) if stored.is_recovered() => Keeper::Left,
            Source::Stored(_) => Keeper::Spool,
        }
    }

    /// Nobody needs its spans any more: what keeps them on disk lets them go.
    pub(super) fn let_go(&self) {
        if let Source::Stored(stored) = &self.source {
            stored.done();
        }
    }

    /// The spans of `range` as exporters take them. Those that can no longer be read are not among them, and are lost for all lanes.
    pub(super) fn expand(&self, range: Range<usize>) -> Vec<SpanData> {
        let mut spans = Vec::with_capacity(range.len());
        let mut missing = Vec::new();
        let (mut next, end) = (range.start, range.end);
        self.source.read(range, &mut |place, record| {
            missing.extend(next..place);
            next = place + 1;
            spans.push(expand(record, self.origin.convention, &self.anchor));
        });
        missing.extend(next..end);
        if !missing.is_empty() {
            let mut fate = lock(&self.fate);
            fate.lost.resize(self.spans(), false);
            for place in missing {
                fate.lost[place] = true;
            }
        }
        spans
    }

    /// The spans of the traces that `wanted` names.
    #[cfg(feature = "testing")]
    pub(super) fn of_traces(&self, wanted: impl Fn(u128) -> bool) -> Vec<SpanData> {
        let mut spans = Vec::new();
        self.source.read(0..self.spans(), &mut |_, record| {
            if wanted(record.trace_id()) {
                spans.push(expand(record, self.origin.convention, &self.anchor));
            }
        });
        spans
    }

    /// One lane has delivered `range`, all but `rejected` spans; the whole if that was the last that was open.
    pub(super) fn delivered(&self, range: &Range<usize>, rejected: u64) -> Option<Concluded> {
        let mut fate = lock(&self.fate);
        fate.rejected += rejected;
        self.close(&mut fate, range)
    }

    /// One lane has given `range` up.
    pub(super) fn lost(&self, range: &Range<usize>) -> Option<Concluded> {
        let mut fate = lock(&self.fate);
        fate.lost.resize(self.spans(), false);
        fate.lost[range.clone()].fill(true);
        self.close(&mut fate, range)
    }

    /// It makes room for others: how many of its spans were not lost before, and how many were.
    pub(super) fn displaced(&self) -> (u64, u64) {
        let lost = lock(&self.fate).lost.iter().filter(|lost| **lost).count();
        ((self.spans() - lost) as u64, lost as u64)
    }

    fn close(&self, fate: &mut Fate, range: &Range<usize>) -> Option<Concluded> {
        fate.open = fate.open.saturating_sub(range.len());
        if fate.open > 0 {
            return None;
        }
        let lost = fate.lost.iter().filter(|lost| **lost).count() as u64;
        let kept = self.spans() as u64 - lost;
        let rejected = fate.rejected.min(kept);
        Some(Concluded { exported: kept - rejected, failed: lost + rejected, rejected })
    }
}
