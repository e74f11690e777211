//! Any bytes as a file: for the tests of hostile ones, and for the fuzzer.

use super::layout::{self, BLOCK, BLOCKS, HEADER, Header, WORD, seal};
use super::reader::{self, Blocks, Cell, ReadAt};
use super::recover::UNKNOWN;
use super::ring::HEADER_WORDS;
use super::{codec, records, sites};
use crate::scope::clock::Anchor;

/// Reads `bytes` as a file, all that can be found in it; how many records and cells.
pub(super) fn read_anything(bytes: &[u8]) -> usize {
    let Ok(header) = reader::header(bytes) else { return 0 };
    let own = Anchor::new();
    let _ = reader::anchor(bytes, header.key, Some(&own));
    let _ = reader::resource(bytes, header.key);
    let table = reader::sites(bytes, header.key);
    let mut found = reader::cells(bytes, header.key).len();
    let count = layout::blocks((bytes.len() as u64).min(header.bytes));
    let blocks = Blocks { key: header.key, count };
    for block in 0..count {
        let site = |number| table.get(&number).copied().or(Some(&UNKNOWN));
        records(&blocks, bytes, block, &site, &mut sites::Foreign, &mut |_| found += 1);
    }
    found
}

/// The blocks of a file, without what stands before them.
struct Bare(Vec<u8>);

impl ReadAt for Bare {
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> bool {
        at.checked_sub(BLOCKS as u64).is_some_and(|at| self.0.read_at(at, bytes))
    }
}

/// Reads `bytes` in each place where a file may have them, behind seals that fit: what the checksum keeps from others, the author of a file
/// can do.
pub(super) fn read_everywhere(bytes: &[u8]) {
    if let Some(header) = bytes.first_chunk::<HEADER>() {
        let _ = Header::decode(header);
    }
    let site = |_| Some(&UNKNOWN);
    drop(codec::decode(bytes, &site, &mut sites::Foreign));
    drop(codec::decode_site_entry(bytes));
    drop(codec::decode_attributes(bytes));
    let _ = Cell::decode(bytes);
    // Headers as they are, so that chains lead anywhere; behind each a frame.
    let mut image = bytes.to_vec();
    image.resize(bytes.len().next_multiple_of(BLOCK).min(16 * BLOCK), 0);
    let blocks = Blocks { key: 0, count: u32::try_from(image.len() / BLOCK).unwrap_or(0) };
    for (block, bytes) in (0..).zip(image.chunks_exact_mut(BLOCK)) {
        let sequence = layout::word_at(bytes, 0);
        let from = HEADER_WORDS * WORD;
        let length = WORD * (1 + usize::from(bytes[from]) % 128);
        let at = reader::at(block) + from as u64;
        let sealed = seal(0, sequence, at, &bytes[from + WORD..from + WORD + length]);
        bytes[from..from + WORD].copy_from_slice(&sealed.to_le_bytes());
    }
    let image = Bare(image);
    for block in 0..blocks.count {
        let mut frames = 0_u32;
        records(&blocks, &image, block, &site, &mut sites::Foreign, &mut |_| frames += 1);
        assert!(frames <= 512);
    }
}
