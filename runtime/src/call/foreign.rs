//! Spans that others have opened for a call to a model: where one is current, and reaches our pipeline, ours would count it twice.
//!
//! In: foreign spans as they start and end, from `bridge`. Out: whether one of them is current. Two clients open such spans themselves
//! (rig and genai, through `tracing`); with a subscriber that only prints them they never come here, and the call is ours to record.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry::KeyValue;
use opentelemetry::trace::TraceContextExt;

use crate::scope;
use crate::semconv::{self, keys};
use crate::sync::lock;

/// Foreign spans for model calls that are open, and the spans inside them, by id.
static OPEN: Mutex<Option<HashSet<u64>>> = Mutex::new(None);
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// Past this a call is recorded twice rather than memory grow without end.
const MAX_OPEN: usize = 65_536;

/// A foreign span starts, with these attributes.
pub(crate) fn started(span_id: u64, parent_id: u64, attributes: &[KeyValue]) {
    let is_model_call = attributes.iter().any(|attribute| {
        attribute.key.as_str() == keys::GEN_AI_OPERATION_NAME && semconv::is_model_call(&attribute.value)
    });
    if !is_model_call && COUNT.load(Ordering::Relaxed) == 0 {
        return;
    }
    let mut open = lock(&OPEN);
    let open = open.get_or_insert_default();
    if (is_model_call || open.contains(&parent_id)) && open.len() < MAX_OPEN {
        open.insert(span_id);
        COUNT.store(open.len(), Ordering::Relaxed);
    }
}

/// A foreign span has ended.
pub(crate) fn ended(span_id: u64) {
    if COUNT.load(Ordering::Relaxed) == 0 {
        return;
    }
    if let Some(open) = lock(&OPEN).as_mut() {
        open.remove(&span_id);
        COUNT.store(open.len(), Ordering::Relaxed);
    }
}

/// Holds what is locked here, so that a fork leaves it unlocked in the child.
#[cfg(feature = "sdk")]
pub(crate) fn hold() -> std::sync::MutexGuard<'static, Option<HashSet<u64>>> {
    lock(&OPEN)
}

/// Whether the current span is somebody else's for a call to a model.
pub(super) fn is_model_call() -> bool {
    if COUNT.load(Ordering::Relaxed) == 0 {
        return false;
    }
    let Some(context) = scope::current_context() else { return false };
    let id = u64::from_be_bytes(context.span().span_context().span_id().to_bytes());
    lock(&OPEN).as_ref().is_some_and(|open| open.contains(&id))
}
