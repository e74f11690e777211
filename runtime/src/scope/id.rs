//! Ids of traces and spans: random, never zero, without a lock.
//!
//! A span id of ours also names the place of its span in the slab: the low bits of the scrambled id are the slot's index. So
//! whoever holds a span id - a `Context`, a foreign child - finds the open span without a map. An id that somebody else made may
//! point anywhere; the slot's own id is compared in full before it is believed.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};
#[cfg(feature = "sdk")]
use std::time::{SystemTime, UNIX_EPOCH};

/// Bits of a span id that hold the slot's index; the other 44 are random.
pub(crate) const INDEX_BITS: u32 = 20;
const INDEX_MASK: u64 = (1 << INDEX_BITS) - 1;
/// An odd number has an inverse modulo 2^64.
const SCRAMBLE: u64 = 0x9e37_79b9_7f4a_7c15;
const UNSCRAMBLE: u64 = inverse(SCRAMBLE);

const fn inverse(odd: u64) -> u64 {
    // Newton's iteration doubles the number of right bits each time.
    let mut x = odd;
    let mut round = 0;
    while round < 6 {
        x = x.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(x)));
        round += 1;
    }
    x
}

/// xoshiro256++, seeded from the system's randomness: one a thread.
#[derive(Debug)]
pub(crate) struct Generator(Cell<[u64; 4]>);

impl Generator {
    pub(crate) fn new() -> Self {
        // `RandomState` is keyed by the operating system's random source.
        let word = |salt: u64| {
            let mut hasher = RandomState::new().build_hasher();
            hasher.write_u64(salt);
            hasher.finish()
        };
        Self(Cell::new([word(1) | 1, word(2), word(3), word(4)]))
    }

    /// In a forked process the same numbers would follow as in its parent, from the state and from `RandomState`'s keys alike. What
    /// differs is the process's number, and the moment.
    #[cfg(feature = "sdk")]
    pub(crate) fn reseed(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let mut state = self.0.get();
        for (place, word) in state.iter_mut().enumerate() {
            *word ^= RandomState::new().hash_one((place, *word, std::process::id(), now));
        }
        state[0] |= 1;
        self.0.set(state);
    }

    fn next(&self) -> u64 {
        let mut s = self.0.get();
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        self.0.set(s);
        result
    }

    /// A random trace id, all 128 bits of it.
    pub(crate) fn trace_id(&self) -> u128 {
        let id = u128::from(self.next()) << 64 | u128::from(self.next());
        if id == 0 { 1 } else { id }
    }

    /// A random span id that names no slot.
    #[cfg(feature = "sdk")]
    pub(crate) fn foreign_span_id(&self) -> u64 {
        self.next().max(1)
    }

    /// A span id that names `index`.
    pub(crate) fn span_id(&self, index: u32) -> u64 {
        let mut id = self.next() << INDEX_BITS | u64::from(index);
        if id == 0 {
            id = 1 << INDEX_BITS;
        }
        scramble(id)
    }
}

/// Spreads the bits of an id: a product carries them upwards, a shift brings them back down. Nothing is lost, and only 0 becomes 0.
#[inline]
const fn scramble(id: u64) -> u64 {
    let spread = id.wrapping_mul(SCRAMBLE);
    spread ^ (spread >> 32)
}

#[inline]
const fn unscramble(id: u64) -> u64 {
    // A shift by half the width is its own inverse.
    (id ^ (id >> 32)).wrapping_mul(UNSCRAMBLE)
}

/// The index that `span_id` names, if it is one of ours.
#[inline]
pub(crate) fn index_of(span_id: u64) -> u32 {
    (unscramble(span_id) & INDEX_MASK) as u32
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_span_id_names_its_slot() {
        let generator = Generator::new();
        for index in [0, 1, 77, (1 << INDEX_BITS) - 1] {
            let id = generator.span_id(index);
            assert_ne!(id, 0);
            assert_eq!(index_of(id), index);
        }
    }

    #[test]
    fn an_id_does_not_show_its_slot() {
        let generator = Generator::new();
        // Ids of one slot, in their low half: one bit pattern for all would be the slot's.
        let low_halves: HashSet<u64> = (0..1_000).map(|_| generator.span_id(0) & 0xffff_ffff).collect();
        assert!(low_halves.len() > 990, "{}", low_halves.len());
    }

    #[test]
    fn ids_differ_between_threads_and_calls() {
        let ids: HashSet<u128> = (0..4)
            .map(|_| {
                std::thread::spawn(|| (0..1_000).map(|_| Generator::new().trace_id()).collect::<Vec<_>>())
            })
            .flat_map(|thread| thread.join().expect("the thread only makes ids"))
            .collect();
        assert_eq!(ids.len(), 4_000);
    }
}
