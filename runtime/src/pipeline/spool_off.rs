//! Stands in for the room `spool` where it is not compiled in: the same names, and nothing that could ever be there, so that the compiler
//! leaves out whatever would be done with it.

#![allow(
    dead_code,
    clippy::unused_self,
    reason = "the room's names; a library's build has no pipeline that would ask"
)]

use std::convert::Infallible;
use std::sync::Arc;

use super::Record;
use super::queue::Pushed;
use crate::record::Site;

/// What is known of a span that starts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) id: u64,
    pub(crate) trace_id: (u64, u64),
    pub(crate) parent_id: u64,
    pub(crate) parent_is_remote: bool,
    pub(crate) ticks: u64,
}

#[derive(Debug)]
pub(crate) struct Spool(Infallible);

#[derive(Debug)]
pub(crate) struct Place(Infallible);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk(Infallible);

impl Chunk {
    pub(crate) fn spans(self) -> usize {
        match self.0 {}
    }

    pub(crate) fn bytes(self) -> usize {
        match self.0 {}
    }
}

impl Spool {
    pub(crate) fn register(&self) -> Arc<Place> {
        match self.0 {}
    }

    #[inline]
    pub(crate) fn started(&self, _: u32, _: &'static Site, _: &Start) {
        match self.0 {}
    }

    #[inline]
    pub(crate) fn ended(&self, _: u32) {
        match self.0 {}
    }

    pub(crate) fn push(&self, _: Option<&Place>, _: Record, _: impl FnMut() -> bool) -> Pushed {
        match self.0 {}
    }

    pub(crate) fn drain(&self, _: bool, _: &mut Vec<Chunk>) {
        match self.0 {}
    }

    pub(crate) fn split(&self, _: Chunk, _: usize) -> (Chunk, Chunk) {
        match self.0 {}
    }

    pub(crate) fn waiting(&self) -> u64 {
        match self.0 {}
    }

    pub(crate) fn bytes(&self) -> usize {
        match self.0 {}
    }

    pub(crate) fn taken_over(&self, _: &[u64]) {
        match self.0 {}
    }

    pub(crate) fn put_away(&self) {
        match self.0 {}
    }
}

/// There are no blocks.
#[cfg(feature = "sdk")]
pub(crate) const fn fit_into_block(_: usize) -> bool {
    false
}

#[cfg(feature = "sdk")]
pub(crate) use self::with_pipeline::{Found, Recovery, Stored, open};

#[cfg(feature = "sdk")]
mod with_pipeline {
    use std::convert::Infallible;
    use std::ops::Range;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use opentelemetry_sdk::Resource;

    use super::{Chunk, Record, Spool};
    use crate::error::Result;
    use crate::pipeline::SpoolSetting;
    use crate::scope::clock::Anchor;
    use crate::semconv::Convention;

    /// `setup` refuses the setting before it comes here.
    #[expect(clippy::unnecessary_wraps, reason = "as the room's")]
    pub(crate) fn open(
        _: &SpoolSetting,
        _: &Resource,
        _: Convention,
        _: usize,
    ) -> Result<Option<Arc<Spool>>> {
        Ok(None)
    }

    impl Spool {
        pub(crate) fn keep_time(&self, _: &Anchor) {
            match self.0 {}
        }
    }

    #[derive(Debug)]
    pub(crate) struct Stored(Infallible);

    impl Stored {
        pub(crate) fn own(spool: &Arc<Spool>, _: Vec<Chunk>) -> Self {
            match spool.0 {}
        }

        pub(crate) fn len(&self) -> usize {
            match self.0 {}
        }

        pub(crate) fn bytes(&self) -> usize {
            match self.0 {}
        }

        pub(crate) fn is_recovered(&self) -> bool {
            match self.0 {}
        }

        pub(crate) fn read(&self, _: Range<usize>, _: &mut dyn FnMut(usize, &Record)) {
            match self.0 {}
        }

        pub(crate) fn done(&self) {
            match self.0 {}
        }
    }

    #[derive(Debug)]
    pub(crate) struct Found {
        pub(crate) spans: Stored,
        pub(crate) resource: Resource,
        pub(crate) convention: Convention,
        pub(crate) anchor: Anchor,
        pub(crate) file: usize,
    }

    #[derive(Debug)]
    pub(crate) struct Recovery;

    impl Recovery {
        pub(crate) fn new(_: &Path, _: Duration) -> Self {
            Self
        }

        pub(crate) fn rests_until(&self) -> Option<Instant> {
            None
        }

        pub(crate) fn step(&mut self, _: &Anchor, _: usize, _: &mut Vec<Found>) -> bool {
            false
        }
    }
}
