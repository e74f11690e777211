//! Spans kept in memory, for tests that look at what would have been exported.
//!
//! In: batches. Out: the spans, to whoever holds a clone. Does not: grow without bound.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use crate::sync::lock;

/// Keeps exported spans in memory; its clones see the same spans.
///
/// For tests of a whole program, `init` included; `llmetry::testing` (feature `testing`) is simpler for tests of functions.
/// It keeps the newest 100 000 spans; [`dropped`](Self::dropped) counts the older ones.
///
/// ```
/// use std::time::Duration;
///
/// let memory = llmetry::export::MemoryExporter::default();
/// let telemetry = llmetry::builder().service_name("test").exporter(memory.clone()).globals(false).init()?;
/// // … call annotated functions …
/// telemetry.flush(Duration::from_secs(5));
/// assert!(memory.spans().iter().all(|span| !span.name.is_empty()));
/// # Ok::<(), llmetry::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryExporter(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    spans: VecDeque<SpanData>,
    dropped: u64,
    resource: Option<Resource>,
}

const MAX_SPANS: usize = 100_000;

impl MemoryExporter {
    /// An exporter without spans.
    pub fn new() -> Self {
        Self::default()
    }

    /// A copy of the spans, in the order they were exported in.
    pub fn spans(&self) -> Vec<SpanData> {
        lock(&self.0).spans.iter().cloned().collect()
    }

    /// The spans, which are forgotten.
    pub fn take(&self) -> Vec<SpanData> {
        std::mem::take(&mut lock(&self.0).spans).into()
    }

    /// Forgets all spans, and how many were dropped.
    pub fn reset(&self) {
        let mut kept = lock(&self.0);
        kept.spans.clear();
        kept.dropped = 0;
    }

    /// How many spans had to make room for newer ones.
    pub fn dropped(&self) -> u64 {
        lock(&self.0).dropped
    }

    /// The resource that the spans belong to; `None` before `init`.
    pub fn resource(&self) -> Option<Resource> {
        lock(&self.0).resource.clone()
    }
}

impl SpanExporter for MemoryExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut kept = lock(&self.0);
        kept.spans.extend(batch);
        let over = kept.spans.len().saturating_sub(MAX_SPANS);
        kept.spans.drain(..over);
        kept.dropped += over as u64;
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        lock(&self.0).resource = Some(resource.clone());
    }
}
