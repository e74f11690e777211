//! Spans of a batch that stand in a file: this process's, or one that another process has left.
//!
//! In: positions, or the records that were made of cells. Out: the spans, read when a lane asks for them; and the place that they had, given
//! back. Does not: keep what it has read.

use std::sync::Arc;

use super::recover::LeftFile;
use super::{Chunk, Spool};
use crate::pipeline::Record;

/// Spans of a batch that stand in a file until somebody exports them.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(super) store: Store,
    pub(super) what: What,
    pub(super) spans: usize,
}

#[derive(Debug)]
pub(super) enum Store {
    Own(Arc<Spool>),
    Left(Arc<LeftFile>),
}

#[derive(Debug)]
pub(super) enum What {
    Chunks(Vec<Chunk>),
    /// Made of cells.
    Records(Vec<Record>),
}

impl Stored {
    /// Spans of this process.
    pub(crate) fn own(spool: &Arc<Spool>, chunks: Vec<Chunk>) -> Self {
        let spans = spans_of(&chunks);
        Self { store: Store::Own(Arc::clone(spool)), what: What::Chunks(chunks), spans }
    }

    pub(crate) fn len(&self) -> usize {
        self.spans
    }

    /// What they take of this process's spool.
    pub(crate) fn bytes(&self) -> usize {
        match (&self.store, &self.what) {
            (Store::Own(_), What::Chunks(chunks)) => chunks.iter().map(|chunk| chunk.bytes()).sum(),
            _ => 0,
        }
    }

    /// Whether another process made them.
    pub(crate) fn is_recovered(&self) -> bool {
        matches!(self.store, Store::Left(_))
    }

    /// Calls `visit` with the spans of `range`, in order, each with its place among all of them. Those that cannot be read any more are
    /// left out: the places at the end of their block.
    pub(crate) fn read(&self, range: std::ops::Range<usize>, visit: &mut dyn FnMut(usize, &Record)) {
        let chunks = match &self.what {
            What::Records(records) => {
                let places = range.clone();
                let records = records.get(range).unwrap_or_default();
                return places.zip(records).for_each(|(place, record)| visit(place, record));
            }
            What::Chunks(chunks) => chunks,
        };
        let mut begin = 0;
        for chunk in chunks {
            let end = begin + usize::from(chunk.frames);
            if begin < range.end && range.start < end {
                let mut frame = 0;
                let wanted = usize::from(chunk.from)..usize::from(chunk.from) + usize::from(chunk.frames);
                let mut pick = |record: Record| {
                    if wanted.contains(&frame) {
                        let place = begin + frame - wanted.start;
                        if range.contains(&place) {
                            visit(place, &record);
                        }
                    }
                    frame += 1;
                };
                match &self.store {
                    Store::Own(spool) => spool.read(*chunk, &mut pick),
                    Store::Left(file) => file.read(*chunk, &mut pick),
                }
            }
            begin = end;
        }
    }

    /// Nobody needs them any more.
    pub(crate) fn done(&self) {
        match (&self.store, &self.what) {
            (Store::Own(spool), What::Chunks(chunks)) => {
                for chunk in chunks {
                    spool.release(*chunk);
                }
            }
            (Store::Left(file), What::Chunks(chunks)) => file.done(chunks),
            (Store::Left(file), What::Records(_)) => file.done(&[]),
            (Store::Own(_), What::Records(_)) => {}
        }
    }
}

pub(super) fn spans_of(chunks: &[Chunk]) -> usize {
    chunks.iter().map(|chunk| chunk.spans()).sum()
}
