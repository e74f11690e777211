//! What a file holds, read with positioned reads: nothing of it becomes part of this process's memory.
//!
//! In: a file, ours or one that another process has left, or whatever somebody put in its place. Out: frames that are whole, cells, the
//! resource, the clock. Does not: believe a length or a position that it has not checked, map, or write.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

use opentelemetry::KeyValue;

use super::layout::{
    ANCHOR, BLOCK, BLOCKS, CELL, CELL_COUNT, CELLS, HEAD, HEADER, HEADS, Header, NoHeader, RESOURCE, SITES,
    WORD, unseal, word_at,
};
use super::ring::{HEADER_WORDS, KIND_HEAD, KIND_LINK, LINK_WORDS, MAX_RECORD_WORDS};
use super::{codec, sites};
use crate::record::Site;
use crate::scope::clock::Anchor;

/// Where bytes are read from.
pub(super) trait ReadAt {
    /// Fills `bytes` from byte `at` on; `false` when there are not so many.
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> bool;
}

impl ReadAt for File {
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> bool {
        self.read_exact_at(bytes, at).is_ok()
    }
}

/// A file in memory, for tests of hostile ones.
impl ReadAt for [u8] {
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> bool {
        let from = usize::try_from(at).ok();
        let there = from.and_then(|from| self.get(from..from.checked_add(bytes.len())?));
        there.map(|there| bytes.copy_from_slice(there)).is_some()
    }
}

/// The header: the first of the copies that is whole.
pub(super) fn header(file: &(impl ReadAt + ?Sized)) -> Result<Header, NoHeader> {
    let mut first = NoHeader::Empty;
    for head in (0..HEADS).rev() {
        let mut bytes = [0; HEADER];
        if file.read_at((head * HEAD) as u64, &mut bytes) {
            match Header::decode(&bytes) {
                Ok(header) => return Ok(header),
                Err(why) => first = why,
            }
        }
    }
    Err(first)
}

/// Attributes of the resource, from the first copy that is whole.
pub(super) fn resource(file: &(impl ReadAt + ?Sized), key: u64) -> Option<Vec<KeyValue>> {
    let mut bytes = vec![0; SITES - RESOURCE];
    (0..HEADS).find_map(|head| {
        let there = file.read_at((head * HEAD + RESOURCE) as u64, &mut bytes);
        let payload = there.then(|| unseal(key, 0, RESOURCE as u64, &bytes, 0))??;
        codec::decode_attributes(payload)
    })
}

/// The newest of the two anchors; `same_run` as in [`Anchor::from_words`].
pub(super) fn anchor(file: &(impl ReadAt + ?Sized), key: u64, same_run: Option<&Anchor>) -> Option<Anchor> {
    let mut newest: Option<[u64; 4]> = None;
    for head in 0..HEADS {
        let mut bytes = [0; 5 * WORD];
        let there = file.read_at((head * HEAD + ANCHOR) as u64, &mut bytes);
        if let Some(payload) = there.then(|| unseal(key, 0, ANCHOR as u64, &bytes, 0)).flatten()
            && payload.len() == 4 * WORD
        {
            let words = [0, 1, 2, 3].map(|word| word_at(payload, word * WORD));
            // The second is the wall clock's.
            if newest.is_none_or(|newest| newest[1] <= words[1]) {
                newest = Some(words);
            }
        }
    }
    Anchor::from_words(newest?, same_run)
}

/// The table of sites, from both copies.
pub(super) fn sites(file: &(impl ReadAt + ?Sized), key: u64) -> HashMap<u32, &'static Site> {
    let mut found = HashMap::new();
    for head in 0..HEADS {
        sites::read(file, (head * HEAD) as u64, key, &mut found);
    }
    found
}

/// An open span as its cell has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) id: u64,
    pub(super) trace_id: (u64, u64),
    pub(super) parent_id: u64,
    pub(super) start: u64,
    pub(super) site: u32,
    pub(super) parent_is_remote: bool,
}

const CELL_REMOTE: u64 = 1 << 32;

impl Cell {
    /// Its words, behind the seal.
    #[inline]
    pub(super) fn encode(&self) -> [u8; 6 * WORD] {
        let last = u64::from(self.site) | if self.parent_is_remote { CELL_REMOTE } else { 0 };
        let words = [self.id, self.trace_id.0, self.trace_id.1, self.parent_id, self.start, last];
        let mut bytes = [0; 6 * WORD];
        for (place, word) in bytes.chunks_exact_mut(WORD).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    pub(super) fn decode(payload: &[u8]) -> Option<Self> {
        let word = |index: usize| word_at(payload, index * WORD);
        (payload.len() == 6 * WORD && word(0) != 0).then(|| Self {
            id: word(0),
            trace_id: (word(1), word(2)),
            parent_id: word(3),
            start: word(4),
            site: u32::try_from(word(5) & 0xffff_ffff).unwrap_or(0),
            parent_is_remote: word(5) & CELL_REMOTE != 0,
        })
    }
}

/// The spans that were open when the file was left.
pub(super) fn cells(file: &(impl ReadAt + ?Sized), key: u64) -> Vec<Cell> {
    const AT_ONCE: usize = 64 * 1024;
    let mut cells = Vec::new();
    let mut bytes = vec![0; AT_ONCE];
    for at in (CELLS..CELLS + CELL * CELL_COUNT).step_by(AT_ONCE) {
        if !file.read_at(at as u64, &mut bytes) {
            break;
        }
        let whole = (0..AT_ONCE).step_by(CELL).filter_map(|cell| unseal(key, 0, at as u64, &bytes, cell));
        cells.extend(whole.filter_map(Cell::decode));
    }
    cells
}

/// Where the blocks of a file are, and how their seals were made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blocks {
    pub(super) key: u64,
    pub(super) count: u32,
}

impl Blocks {
    /// Calls `visit` with each whole frame of `block`: of a chain its one record, of the later blocks of a chain and of free ones nothing.
    /// Answers how many blocks there were: 0, 1, or the length of a chain.
    pub(super) fn frames(
        &self,
        file: &(impl ReadAt + ?Sized),
        block: u32,
        visit: &mut dyn FnMut(&[u8]),
    ) -> u32 {
        let mut bytes = [0; BLOCK];
        if !self.read(file, block, &mut bytes) {
            return 0;
        }
        let sequence = word_at(&bytes, 0);
        if sequence == 0 {
            return 0;
        }
        match word_at(&bytes, WORD) & 0xffff_ffff {
            KIND_HEAD => self.chain(file, block, &bytes, visit),
            KIND_LINK => 0,
            // Where the kind is torn the frames behind it may be whole.
            _ => {
                self.walk(block, sequence, &bytes, visit);
                1
            }
        }
    }

    fn read(&self, file: &(impl ReadAt + ?Sized), block: u32, bytes: &mut [u8; BLOCK]) -> bool {
        block < self.count && file.read_at(at(block), bytes)
    }

    fn walk(&self, block: u32, sequence: u64, bytes: &[u8], visit: &mut dyn FnMut(&[u8])) {
        let mut from = HEADER_WORDS * WORD;
        while from < bytes.len() {
            match unseal(self.key, sequence, at(block), bytes, from) {
                Some(payload) => {
                    visit(payload);
                    from += WORD + payload.len();
                }
                // Torn: the next whole one is looked for.
                None => from += WORD,
            }
        }
    }

    fn chain(
        &self,
        file: &(impl ReadAt + ?Sized),
        block: u32,
        head: &[u8],
        visit: &mut dyn FnMut(&[u8]),
    ) -> u32 {
        let sequence = word_at(head, 0);
        let words = usize::try_from(word_at(head, 2 * WORD)).unwrap_or(usize::MAX);
        if words > MAX_RECORD_WORDS {
            return 0;
        }
        let count = words.div_ceil(LINK_WORDS);
        let mut payload = Vec::new();
        let mut bytes: [u8; BLOCK] = [0; BLOCK];
        bytes.copy_from_slice(head);
        for index in 0..count {
            if index > 0 {
                let Some(next) = (word_at(&bytes, WORD) >> 32).checked_sub(1) else { return 0 };
                let is_next = u32::try_from(next).is_ok_and(|next| self.read(file, next, &mut bytes))
                    && word_at(&bytes, WORD) & 0xffff_ffff == KIND_LINK
                    && word_at(&bytes, 2 * WORD) == index as u64
                    && word_at(&bytes, 3 * WORD) == sequence;
                if !is_next {
                    return 0;
                }
            }
            let bytes_here = (words - index * LINK_WORDS).min(LINK_WORDS) * WORD;
            payload.extend_from_slice(&bytes[HEADER_WORDS * WORD..][..bytes_here]);
        }
        if super::layout::seal(self.key, sequence, at(block), &payload) != word_at(head, 3 * WORD) {
            return 0;
        }
        visit(&payload);
        u32::try_from(count).unwrap_or(0)
    }
}

/// The first byte of `block`.
pub(super) fn at(block: u32) -> u64 {
    BLOCKS as u64 + u64::from(block) * BLOCK as u64
}
