//! One place of the slab: an open span, shared between its owner and whoever may add to it.
//!
//! In: the owner - the [`Open`](super::Open) that took the index - opens, and closes. Others come with a span's id and get its details
//! while it is open. Does not: know what the details are.
//!
//! What the owner alone writes, once, when the span starts, are plain atomics: no lock is taken for a span that nobody touches. What
//! others may add meanwhile stands in the details, behind a lock. The two meet at the span's end: the owner takes the id away and
//! then asks whether the details were touched; the other says "touched" and then asks for the id. Both in one total order
//! (`SeqCst`), so that at least one of them sees the other: what was added is in the finished span or was refused, and is never left
//! behind for the next span in this place.

use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Mutex, MutexGuard, Ordering, lock};

/// A place for one open span with details `D`.
#[derive(Debug, Default)]
pub(super) struct Slot<D> {
    /// 0: empty.
    id: AtomicU64,
    trace_high: AtomicU64,
    trace_low: AtomicU64,
    parent_id: AtomicU64,
    start: AtomicU64,
    epoch: AtomicU32,
    /// Which function's span it is, for those who come without its owner's knowledge.
    site: AtomicU32,
    parent_is_remote: AtomicBool,
    /// Whether the details may hold something.
    touched: AtomicBool,
    /// Whether the details hold something to inherit: asked by every child, so that most of them need no lock.
    pub(super) inherits: AtomicBool,
    /// Whether the details hold a child's error: asked by every child's end.
    pub(super) child_failed: AtomicBool,
    details: Mutex<D>,
}

/// What is known of a span from its start on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Started {
    pub(super) id: u64,
    /// High and low half.
    pub(super) trace_id: (u64, u64),
    pub(super) parent_id: u64,
    pub(super) parent_is_remote: bool,
    pub(super) epoch: u32,
    /// The site's number; 0 if it has none.
    pub(super) site: u32,
    /// Ticks.
    pub(super) start: u64,
}

impl<D: Default> Slot<D> {
    /// Puts a span in; from here on others find it. For the owner.
    #[inline]
    pub(super) fn open(&self, span: &Started) {
        self.trace_high.store(span.trace_id.0, Ordering::Relaxed);
        self.trace_low.store(span.trace_id.1, Ordering::Relaxed);
        self.parent_id.store(span.parent_id, Ordering::Relaxed);
        self.parent_is_remote.store(span.parent_is_remote, Ordering::Relaxed);
        self.epoch.store(span.epoch, Ordering::Relaxed);
        self.site.store(span.site, Ordering::Relaxed);
        self.start.store(span.start, Ordering::Relaxed);
        self.id.store(span.id, Ordering::Release);
    }

    /// The span that was put in. For the owner.
    #[inline]
    pub(super) fn started(&self) -> Started {
        Started {
            id: self.id.load(Ordering::Relaxed),
            trace_id: self.trace_id(),
            parent_id: self.parent_id.load(Ordering::Relaxed),
            parent_is_remote: self.parent_is_remote.load(Ordering::Relaxed),
            epoch: self.epoch.load(Ordering::Relaxed),
            site: self.site.load(Ordering::Relaxed),
            start: self.start.load(Ordering::Relaxed),
        }
    }

    /// The trace's id, high and low half.
    #[inline]
    pub(super) fn trace_id(&self) -> (u64, u64) {
        (self.trace_high.load(Ordering::Relaxed), self.trace_low.load(Ordering::Relaxed))
    }

    /// The details of span `id`, locked; `None` when another span, or none, is here. While the guard is held the span cannot end.
    pub(super) fn find(&self, id: u64) -> Option<MutexGuard<'_, D>> {
        if id == 0 || self.id.load(Ordering::Relaxed) != id {
            return None;
        }
        let details = self.touch();
        (self.id.load(Ordering::SeqCst) == id).then_some(details)
    }

    /// The span of installation `epoch` that is open here, with its details, locked; `None` when there is none. While the guard is held
    /// it does not end.
    pub(super) fn look(&self, epoch: u32) -> Option<(Started, MutexGuard<'_, D>)> {
        let id = self.id.load(Ordering::Acquire);
        // First: what a forked process has from its parent may be locked for ever.
        if self.epoch.load(Ordering::Relaxed) != epoch {
            return None;
        }
        let details = self.find(id)?;
        // Its owner may have taken the id away by now, and waits for the details; all else is there until he has them.
        let span = Started { id, ..self.started() };
        (span.epoch == epoch).then_some((span, details))
    }

    /// The lock of the details, if the span here may have any, without saying so to its owner.
    pub(super) fn hold(&self) -> Option<MutexGuard<'_, D>> {
        let in_use = self.id.load(Ordering::SeqCst) != 0 || self.touched.load(Ordering::SeqCst);
        in_use.then(|| lock(&self.details))
    }

    /// The details, locked. For the owner, who knows that the span is open.
    pub(super) fn touch(&self) -> MutexGuard<'_, D> {
        let details = lock(&self.details);
        self.touched.store(true, Ordering::SeqCst);
        details
    }

    /// Takes the span out: from here on nobody finds it any more. Its details, if anybody touched them. For the owner.
    #[inline]
    pub(super) fn close(&self) -> Option<D> {
        self.id.store(0, Ordering::SeqCst);
        if self.touched.load(Ordering::SeqCst) { Some(self.take()) } else { None }
    }

    #[cold]
    fn take(&self) -> D {
        let mut details = lock(&self.details);
        // Under the lock: whoever touches from here on comes too late for this span, and finds no id.
        self.touched.store(false, Ordering::SeqCst);
        self.inherits.store(false, Ordering::Relaxed);
        self.child_failed.store(false, Ordering::Relaxed);
        std::mem::take(&mut *details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: u64) -> Started {
        Started { id, trace_id: (1, 2), parent_id: 3, parent_is_remote: false, epoch: 1, site: 5, start: 4 }
    }

    #[test]
    fn only_the_open_span_is_found() {
        let slot: Slot<Vec<u8>> = Slot::default();
        assert!(slot.find(0).is_none());
        slot.open(&span(7));
        assert_eq!(slot.started(), span(7));
        slot.find(7).expect("it is open").push(1);
        assert!(slot.find(8).is_none());
        assert_eq!(slot.close(), Some(vec![1]));
        assert!(slot.find(7).is_none());
    }

    #[test]
    fn whoever_looks_in_sees_the_open_span() {
        let slot: Slot<Vec<u8>> = Slot::default();
        assert!(slot.look(1).is_none());
        slot.open(&span(7));
        assert!(slot.look(2).is_none());
        let (started, mut details) = slot.look(1).expect("it is open");
        assert_eq!(started, span(7));
        details.push(1);
        drop(details);
        assert_eq!(slot.close(), Some(vec![1]));
        assert!(slot.look(1).is_none());
    }

    #[test]
    fn the_next_span_finds_nothing_of_the_last() {
        let slot: Slot<Vec<u8>> = Slot::default();
        slot.open(&span(7));
        slot.touch().push(1);
        slot.close();
        slot.open(&span(8));
        assert_eq!(slot.close(), None);
    }
}
