//! The open spans: a growable, bounded slab of slots, each a small lock around what is known of one open span.
//!
//! In: `scope/start` takes a slot, `scope/finish` empties it. Out: whoever holds an index and the span's id may look in while the
//! span is open. Does not: allocate or lock for more than one slot at a time; know what a span is (the slot's content is its user's).
//!
//! Bound: [`MAX_SLOTS`], or fewer if the caller says so. Slots are never given back to the system; a slot is 200 bytes.

use crate::sync::{AtomicU32, Mutex, MutexGuard, OnceBox, Ordering, lock};

/// Slots are made this many at a time.
const CHUNK: usize = 64;
/// An index has 20 bits, see `scope/id`.
pub(crate) const MAX_SLOTS: usize = 1 << 20;
/// A thread takes, and gives back, so many indices at a time.
const BATCH: usize = 32;

/// A table of slots that grows and never moves.
pub(crate) struct Slab<T> {
    chunks: [OnceBox<[T; CHUNK]>; MAX_SLOTS / CHUNK],
    /// The first index that nobody has had yet.
    next: AtomicU32,
    /// Indices that a thread had too many of.
    free: Mutex<Vec<u32>>,
}

/// The indices that one thread holds for its next spans.
#[derive(Debug, Default)]
pub(crate) struct FreeList(Vec<u32>);

impl<T: Default> Slab<T> {
    #[expect(clippy::large_stack_arrays, reason = "evaluated at compile time, for a static")]
    pub(crate) const fn new() -> Self {
        Self {
            chunks: [const { OnceBox::new() }; MAX_SLOTS / CHUNK],
            next: AtomicU32::new(0),
            free: Mutex::new(Vec::new()),
        }
    }

    /// An index for a new span, exclusively the caller's until it is released; `None` when `limit` spans are open already
    /// (within one batch a thread).
    #[inline]
    pub(crate) fn take(&self, list: &mut FreeList, limit: usize) -> Option<u32> {
        match list.0.pop() {
            Some(index) => Some(index),
            None => self.refill(list, limit),
        }
    }

    #[cold]
    fn refill(&self, list: &mut FreeList, limit: usize) -> Option<u32> {
        {
            let mut free = lock(&self.free);
            let keep = free.len().saturating_sub(BATCH);
            list.0.extend(free.drain(keep..));
        }
        if list.0.is_empty() {
            let limit = limit.min(MAX_SLOTS);
            let first = self
                .next
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
                    let end = (next as usize + BATCH).min(limit);
                    u32::try_from(end).ok().filter(|end| *end > next)
                })
                .ok()?;
            let end = (first as usize + BATCH).min(limit);
            list.0.extend((first..u32::try_from(end).ok()?).rev());
        }
        list.0.pop()
    }

    /// Gives `index` back. The slot must have been emptied.
    #[inline]
    pub(crate) fn release(&self, list: &mut FreeList, index: u32) {
        list.0.push(index);
        // A thread that ends what others start must not hoard.
        if list.0.len() >= 4 * BATCH {
            lock(&self.free).extend(list.0.drain(2 * BATCH..));
        }
    }

    /// Gives `index` back from a thread without a list of its own.
    pub(crate) fn release_shared(&self, index: u32) {
        lock(&self.free).push(index);
    }

    /// Gives back all that `list` holds, at a thread's end.
    pub(crate) fn release_all(&self, list: &mut FreeList) {
        lock(&self.free).append(&mut list.0);
    }

    /// The slot of an index that was taken; it is made at its first use.
    #[inline]
    pub(crate) fn slot(&self, index: u32) -> &T {
        let chunk = &self.chunks[index as usize / CHUNK];
        let places = match chunk.get() {
            Some(places) => places,
            None => chunk.get_or_init(|| Box::new(std::array::from_fn(|_| T::default()))),
        };
        &places[index as usize % CHUNK]
    }

    /// Every slot that was ever made for an index that somebody took, used or not.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        (0..self.next.load(Ordering::Relaxed)).filter_map(|index| self.peek(index))
    }

    /// Holds what all threads share, so that a fork leaves it unlocked in the child.
    pub(crate) fn hold(&self) -> MutexGuard<'_, Vec<u32>> {
        lock(&self.free)
    }

    /// The slot of any index, if it was ever made: indices of foreign ids end here.
    #[inline]
    pub(crate) fn peek(&self, index: u32) -> Option<&T> {
        Some(&self.chunks.get(index as usize / CHUNK)?.get()?[index as usize % CHUNK])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn indices_are_exclusive_and_come_back() {
        let slab: Box<Slab<u8>> = Box::new(Slab::new());
        let mut list = FreeList::default();
        let taken: Vec<u32> = (0..200).filter_map(|_| slab.take(&mut list, MAX_SLOTS)).collect();
        assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 200);
        for index in taken {
            slab.release(&mut list, index);
        }
        let mut other = FreeList::default();
        let again = slab.take(&mut other, MAX_SLOTS).expect("there is room");
        assert!(again < 224, "an index that was given back is used again: {again}");
    }

    #[test]
    fn the_limit_refuses_and_does_not_forget() {
        let slab: Box<Slab<u8>> = Box::new(Slab::new());
        let mut list = FreeList::default();
        let taken: Vec<u32> = (0..100).filter_map(|_| slab.take(&mut list, 40)).collect();
        assert_eq!(taken.len(), 40);
        slab.release(&mut list, taken[0]);
        assert_eq!(slab.take(&mut list, 40), Some(taken[0]));
    }

    #[test]
    fn all_slots_in_use_are_seen() {
        let slab: Box<Slab<AtomicU32>> = Box::new(Slab::new());
        let mut list = FreeList::default();
        assert_eq!(slab.all().count(), 0);
        let taken: Vec<u32> = (0..100).filter_map(|_| slab.take(&mut list, MAX_SLOTS)).collect();
        for index in &taken {
            slab.slot(*index).store(1, Ordering::Relaxed);
        }
        assert_eq!(slab.all().filter(|slot| slot.load(Ordering::Relaxed) == 1).count(), 100);
    }

    #[test]
    fn a_foreign_index_finds_nothing() {
        let slab: Box<Slab<u8>> = Box::new(Slab::new());
        assert!(slab.peek(12_345).is_none());
        assert_eq!(*slab.slot(3), 0);
        assert!(slab.peek(5).is_some(), "the chunk was made for its neighbour");
    }
}
