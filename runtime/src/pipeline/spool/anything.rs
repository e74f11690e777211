//! Any bytes as a file, and damage to one that our own ring has written: for the tests, and for the fuzzer.

use std::collections::{HashMap, VecDeque};
use std::ops::{Deref, Range};

use opentelemetry::KeyValue;

use super::layout::{self, BLOCK, BLOCKS, HEADER, Header, WORD, seal};
use super::reader::{self, Blocks, Cell, ReadAt};
use super::recover::UNKNOWN;
use super::ring::{HEADER_WORDS, Memory, Pushed, Ring};
use super::{codec, records, sites};
use crate::pipeline::Record;
use crate::record::{Ending, Extra, SpanRecord};
use crate::scope::clock::Anchor;
use crate::sync::{AtomicU64, Ordering};

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

/// Blocks of a ring in memory; what a process that ends at this moment leaves of them.
struct Words(Box<[AtomicU64]>);

/// Whole words, behind what stands before the blocks of a file.
impl ReadAt for Words {
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> bool {
        let from = at.checked_sub(BLOCKS as u64).and_then(|at| usize::try_from(at).ok()).map(|at| at / WORD);
        let there = from.and_then(|from| self.0.get(from..from + bytes.len() / WORD));
        for (bytes, word) in bytes.chunks_exact_mut(WORD).zip(there.unwrap_or_default()) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        there.is_some()
    }
}

impl Deref for Words {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        &self.0
    }
}

impl Memory for Words {
    fn cool(&self, _: Range<usize>) {}
}

/// Span `id` as it is written, with a text of so many bytes.
fn span(id: u64, text: usize) -> Vec<u8> {
    let attributes = vec![KeyValue::new("text", "x".repeat(text))];
    let record = SpanRecord {
        site: &UNKNOWN,
        trace_id: (1, 2),
        span_id: id,
        parent_id: 3,
        start: 10,
        end: 20,
        parent_is_remote: false,
        ending: Ending::Returned,
        inherited: None,
        extra: (text > 0).then(|| Box::new(Extra { attributes, ..Extra::default() })),
    };
    if text > 0 { codec::full(&Record::Own(record), false) } else { codec::plain(&record).to_vec() }
}

/// The spans of `image`, by their ids; none of them is there twice.
fn spans(blocks: &Blocks, image: &Bare) -> HashMap<u64, Vec<u8>> {
    let mut found = HashMap::new();
    for block in 0..blocks.count {
        blocks.frames(image, block, &mut |payload| {
            let before = found.insert(layout::word_at(payload, 3 * WORD), payload.to_vec());
            assert!(before.is_none(), "twice: {payload:?}");
        });
    }
    found
}

/// Fills a ring and empties it again, as `plan` says; then tears some of its bytes, in a few places. What was not torn is found as it was,
/// nothing is found that was not written or is no longer needed, and each place costs 64 spans at most.
pub(super) fn damage(plan: &[u8]) {
    const BLOCKS_HERE: u32 = 16;
    const TORN: usize = 37;
    let [key, plan @ ..] = plan else { return };
    let key = u64::from(*key);
    let words = (0..BLOCKS_HERE as usize * BLOCK / WORD).map(|_| AtomicU64::new(0)).collect();
    let ring = Ring::new(Words(words), 0, BLOCKS_HERE, 64);
    let blocks = Blocks { key, count: BLOCKS_HERE };
    let places = [ring.register(), ring.register()];
    let mut written = HashMap::new();
    let (mut drained, mut waiting) = (Vec::new(), VecDeque::new());
    for (id, step) in (1..).zip(plan) {
        // Mostly small spans, some of half a block, few of several blocks.
        let text = match step % 32 {
            0..24 => 0,
            size @ 24..30 => usize::from(size - 23) * 300,
            size => usize::from(size - 29) * 5_000,
        };
        match step / 32 {
            0..6 => {
                let bytes = span(id, text);
                let pushed = ring.push(&places[usize::from(step / 32) % 2], &bytes, |sequence, word| {
                    seal(key, sequence, (BLOCKS + word * WORD) as u64, &bytes)
                });
                if matches!(pushed, Pushed::Kept | Pushed::KeptAndWake) {
                    written.insert(id, bytes);
                }
            }
            6 => {
                ring.drain(step % 2 == 0, &mut drained);
                waiting.extend(drained.drain(..));
            }
            _ => {
                let Some(chunk) = waiting.pop_front() else { continue };
                blocks.frames(ring.memory(), chunk.block, &mut |payload| {
                    assert!(written.remove(&layout::word_at(payload, 3 * WORD)).is_some(), "{payload:?}");
                });
                ring.release(chunk, |block| ring.memory()[ring.word(block)].store(0, Ordering::Relaxed));
            }
        }
    }
    let mut image = vec![0; BLOCKS_HERE as usize * BLOCK];
    assert!(ring.memory().read_at(BLOCKS as u64, &mut image));
    let image = Bare(image);
    assert!(spans(&blocks, &image) == written, "what was written is there");

    // By chance, not by `plan`: damage has no author who knows the key.
    let mut random = twox_hash::XxHash3_64::oneshot_with_seed(1, plan) | 1;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 16).unwrap_or_default()
    };
    let (mut torn, places) = (Bare(image.0.clone()), 1 + next() % 3);
    for _ in 0..places {
        // The edges of blocks more often than chance would have it.
        let at = if next() % 2 == 0 { next() } else { next() * BLOCK + BLOCK - next() % (2 * TORN) };
        for byte in torn.0.iter_mut().skip(at % image.0.len()).take(TORN) {
            *byte = next().to_le_bytes()[0];
        }
    }
    let found = spans(&blocks, &torn);
    assert!(found.iter().all(|(id, bytes)| written.get(id) == Some(bytes)), "nothing that was not written");
    let lost = written.len() - found.len();
    assert!(lost <= 64 * places, "{places} places of {TORN} bytes cost {lost} of {} spans", written.len());
    let pairs = image.0.chunks_exact(BLOCK).zip(torn.0.chunks_exact(BLOCK));
    for (block, _) in (0..).zip(pairs).filter(|(_, (before, after))| before == after) {
        blocks.frames(&image, block, &mut |payload| {
            // Of a chain other blocks may be torn.
            let is_chain = payload.len() > BLOCK - HEADER_WORDS * WORD - WORD;
            let is_found = found.contains_key(&layout::word_at(payload, 3 * WORD));
            assert!(is_chain || is_found, "what was not torn is there");
        });
    }
}
