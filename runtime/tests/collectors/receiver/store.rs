//! What a receiver has: each span with how often it was stored, and whether it was offered again after it had been confirmed.

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;

use opentelemetry::SpanId;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    /// How often each span was stored.
    pub(crate) times: HashMap<SpanId, usize>,
    /// Spans of requests that were confirmed, the rejected ones among them.
    confirmed: HashSet<SpanId>,
    /// Spans that are here, and of which that was said.
    promised: HashSet<SpanId>,
    /// Those of the last request: whoever dies does not know whether its last word was heard.
    last: Vec<SpanId>,
    /// How many promises were perhaps not heard.
    unheard: usize,
    /// How often the receiver has died.
    pub(super) deaths: usize,
    /// Spans that came again although their request had been confirmed.
    pub(crate) again: usize,
    /// Spans of each request that was read, in order.
    pub(crate) sizes: Vec<usize>,
}

impl Store {
    /// Each span that is there, once.
    pub(crate) fn ids(&self) -> HashSet<SpanId> {
        self.times.keys().copied().collect()
    }

    /// How many spans there are.
    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    /// How many spans there are more than once.
    pub(crate) fn doubles(&self) -> usize {
        self.times.values().filter(|times| **times > 1).count()
    }

    /// How many spans the other side may call exported: those that were promised, with or without those whose promise may have been lost.
    pub(crate) fn exported(&self) -> RangeInclusive<u64> {
        let most = self.promised.len();
        most.saturating_sub(self.unheard) as u64..=most as u64
    }

    /// Takes notice of a request.
    pub(super) fn arrived(&mut self, spans: &[SpanId]) {
        self.sizes.push(spans.len());
        self.again += spans.iter().filter(|span| self.confirmed.contains(span)).count();
    }

    /// Keeps these spans; the receiver is about to confirm those, on a connection made after so many deaths.
    pub(super) fn answered(&mut self, kept: &[SpanId], confirmed: &[SpanId], deaths: usize) {
        for span in kept {
            *self.times.entry(*span).or_default() += 1;
        }
        if confirmed.is_empty() {
            return;
        }
        self.promised.extend(kept);
        self.confirmed.extend(confirmed);
        self.last = confirmed.to_vec();
        if deaths < self.deaths {
            self.forget_last();
        }
    }

    /// The receiver dies.
    pub(super) fn died(&mut self) {
        self.deaths += 1;
        self.forget_last();
    }

    fn forget_last(&mut self) {
        for span in std::mem::take(&mut self.last) {
            self.confirmed.remove(&span);
            self.unheard += usize::from(self.promised.contains(&span));
        }
    }
}

/// The spans of a request.
pub(super) fn spans(request: &ExportTraceServiceRequest) -> Vec<SpanId> {
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    let id = |bytes: &Vec<u8>| SpanId::from_bytes(bytes.as_slice().try_into().unwrap());
    scopes.flat_map(|scope| &scope.spans).map(|span| id(&span.span_id)).collect()
}
