//! Conversation, user, agent and properties: set on one span, carried by every span started inside, foreign ones too.
//!
//! In: the parent of a span that starts. Out: what it inherits. Three places are asked: the parent's slot, if the parent is one of our
//! open spans; the table of foreign spans; the value that `spawn` puts into a context, for a child that outlives its parent. Does
//! not: touch spans that have started already.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use opentelemetry::trace::{SpanContext, SpanRef};
use opentelemetry::{Context, KeyValue};

use super::{find, slot_of};
use crate::record::Inherited;
use crate::semconv::{Convention, inherited_attributes};
use crate::sync::lock;

/// Foreign spans that have something to hand on, by trace and span id.
static FOREIGN: Mutex<Option<Foreign>> = Mutex::new(None);
/// How many there are: most programs have none, and their spans need no lock to see it.
static FOREIGN_COUNT: AtomicUsize = AtomicUsize::new(0);
/// A generation holds so many; there are two.
const GENERATION: usize = 32_768;

/// Two generations, so that spans whose end we are not told of (those of somebody else's provider) give way in time.
#[derive(Default)]
struct Foreign {
    young: HashMap<(u128, u64), Arc<Inherited>>,
    old: HashMap<(u128, u64), Arc<Inherited>>,
}

impl Foreign {
    fn get(&self, key: (u128, u64)) -> Option<Arc<Inherited>> {
        self.young.get(&key).or_else(|| self.old.get(&key)).cloned()
    }

    fn insert(&mut self, key: (u128, u64), inherited: Arc<Inherited>) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, inherited);
    }

    fn remove(&mut self, key: (u128, u64)) {
        if self.young.remove(&key).is_none() {
            self.old.remove(&key);
        }
    }

    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

/// What this file locks, see `scope::hold`.
#[cfg(feature = "sdk")]
pub(super) struct Held {
    _foreign: std::sync::MutexGuard<'static, Option<Foreign>>,
}

#[cfg(feature = "sdk")]
pub(super) fn hold() -> Held {
    Held { _foreign: lock(&FOREIGN) }
}

/// What `spawn` puts into a context: the values as they were then.
#[derive(Clone, Debug)]
pub(crate) struct Carried(pub(crate) Arc<Inherited>);

/// What a span inherits whose parent is `parent`, started with `current`.
#[inline]
pub(crate) fn around(
    parent: &SpanContext,
    trace_id: u128,
    parent_id: u64,
    current: &Context,
) -> Option<Arc<Inherited>> {
    if parent_id == 0 || parent.is_remote() {
        return carried(current);
    }
    if let Some(slot) = slot_of(parent_id)
        && slot.inherits.load(Ordering::Relaxed)
        && let Some(details) = find(trace_id, parent_id)
    {
        return details.inherited.clone();
    }
    if FOREIGN_COUNT.load(Ordering::Relaxed) > 0
        && let Some(inherited) = foreign(trace_id, parent_id)
    {
        return Some(inherited);
    }
    carried(current)
}

fn carried(current: &Context) -> Option<Arc<Inherited>> {
    current.get::<Carried>().map(|carried| Arc::clone(&carried.0))
}

fn foreign(trace_id: u128, span_id: u64) -> Option<Arc<Inherited>> {
    lock(&FOREIGN).as_ref()?.get((trace_id, span_id))
}

/// Remembers what the foreign span `span_id` hands on, until [`forget_foreign`] or until many newer ones have come.
pub(crate) fn remember_foreign(trace_id: u128, span_id: u64, inherited: Arc<Inherited>) {
    let mut table = lock(&FOREIGN);
    let table = table.get_or_insert_default();
    table.insert((trace_id, span_id), inherited);
    FOREIGN_COUNT.store(table.len(), Ordering::Relaxed);
}

/// The foreign span has ended.
#[cfg(feature = "sdk")]
pub(crate) fn forget_foreign(trace_id: u128, span_id: u64) {
    if FOREIGN_COUNT.load(Ordering::Relaxed) == 0 {
        return;
    }
    if let Some(table) = lock(&FOREIGN).as_mut() {
        table.remove((trace_id, span_id));
        FOREIGN_COUNT.store(table.len(), Ordering::Relaxed);
    }
}

/// Changes what our open span hands on and carries itself.
pub(super) fn change_own(trace_id: u128, span_id: u64, change: impl FnOnce(&mut Inherited)) {
    if let (Some(slot), Some(mut details)) = (slot_of(span_id), find(trace_id, span_id)) {
        change(Arc::make_mut(details.inherited.get_or_insert_default()));
        slot.inherits.store(true, Ordering::Relaxed);
    }
}

/// Changes what a foreign span hands on, and sets it on the span itself.
pub(super) fn change_foreign(
    span: &SpanRef<'_>,
    convention: Convention,
    trace_id: u128,
    span_id: u64,
    change: impl FnOnce(&mut Inherited),
) {
    let before = foreign(trace_id, span_id);
    let mut own = before.as_deref().cloned().unwrap_or_default();
    change(&mut own);
    let set_before: Vec<KeyValue> =
        before.as_deref().map(|before| inherited_attributes(convention, before)).unwrap_or_default();
    for attribute in inherited_attributes(convention, &own) {
        if !set_before.contains(&attribute) {
            span.set_attribute(attribute);
        }
    }
    remember_foreign(trace_id, span_id, Arc::new(own));
}
