//! The file of this process's spool as words in memory. The only unsafe code of the room.
//!
//! In: a file of our own, whole and locked. Out: a slice of atomics. Does not: map a file of anybody else's, or read through the mapping
//! what can be read from the file.

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};

use memmap2::{MmapRaw, UncheckedAdvice};

use super::ring::Memory;
use crate::sync::AtomicU64;

/// A file's bytes, for as long as this lives.
#[derive(Debug)]
pub(super) struct Map(MmapRaw);

impl Map {
    /// Maps the whole of `file`, whose disk space has been reserved: a page without it would end the process at the first write.
    ///
    /// # Errors
    ///
    /// When the system has no room for it.
    pub(super) fn new(file: &File) -> io::Result<Self> {
        MmapRaw::map_raw(file).map(Self)
    }
}

impl Deref for Map {
    type Target = [AtomicU64];

    #[inline]
    #[expect(unsafe_code, reason = "a mapping is a pointer and a length")]
    #[expect(clippy::cast_ptr_alignment, reason = "a mapping begins at a page")]
    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: the mapping is readable and writable, begins at a page (so it is aligned to 8), holds `len` bytes, and is taken away
        // only when `self` is dropped, which the returned lifetime outlasts by nobody. It is shared memory: all access from this process
        // is atomic through this slice, other processes only read the file, and every pattern of bits is an `AtomicU64`.
        unsafe { std::slice::from_raw_parts(self.0.as_mut_ptr().cast::<AtomicU64>(), self.0.len() / 8) }
    }
}

impl Memory for Map {
    #[expect(unsafe_code, reason = "`MADV_DONTNEED` loses data in private mappings")]
    fn cool(&self, words: Range<usize>) {
        let (from, to) = (words.start * 8, (words.end * 8).min(self.0.len()));
        if from < to {
            // SAFETY: the mapping is shared and of a file: the pages leave this process's memory, what was written into them stays in the
            // system's and is there at the next access. Nothing of it is lost, so the atomics keep their values.
            let advised =
                unsafe { self.0.unchecked_advise_range(UncheckedAdvice::DontNeed, from, to - from) };
            // An advice that is not taken costs memory, nothing else.
            drop(advised);
        }
    }
}
