//! The spool's ring: what was written before a drain is read whole, once; a block that is given back belongs to one thread again; nothing
//! comes in after `close`.

use std::collections::HashMap;
use std::ops::{Deref, Range};

use loom::thread;

use crate::Check;
use crate::ring::{BLOCK, Chunk, HEADER_WORDS, Memory, Place, Pushed, Ring};
use crate::sync::{Arc, AtomicU64, Ordering};

pub(crate) const ALL: [Check; 4] = [
    ("ring: what is written is read whole, once", written_is_read_once),
    ("ring: a block that is given back has one owner", blocks_are_used_again),
    ("ring: after close and one more drain nothing is inside", close_leaves_nothing),
    ("ring: a block in parts is free after the last of them", parts_free_once),
];

/// A few words of each block: loom pays for each one.
struct Words {
    words: Vec<AtomicU64>,
}

impl Deref for Words {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        &self.words
    }
}

impl Memory for Words {
    fn cool(&self, _: Range<usize>) {}
}

type Shared = Arc<Ring<Words>>;

fn ring(blocks: u32) -> Shared {
    let words = (0..blocks as usize * BLOCK / 8).map(|_| AtomicU64::default()).collect();
    Arc::new(Ring::new(Words { words }, 0, blocks, 1024))
}

/// One item a frame.
fn push(ring: &Ring<Words>, place: &Place, item: u64) -> bool {
    let kept = ring.push(place, &item.to_ne_bytes(), |sequence, _| (sequence << 32 | 1).to_le());
    matches!(kept, Pushed::Kept | Pushed::KeptAndWake)
}

fn producer(ring: &Shared, items: [u64; 2]) -> thread::JoinHandle<Vec<u64>> {
    let ring = Arc::clone(ring);
    thread::spawn(move || {
        let place = ring.register();
        items.into_iter().filter(|item| push(&ring, &place, *item)).collect()
    })
}

/// Takes all that waits, and reads it as a lane does.
fn drain(ring: &Ring<Words>) -> (Vec<Chunk>, Vec<u64>) {
    let mut chunks = Vec::new();
    ring.drain(true, &mut chunks);
    let mut items = Vec::new();
    for chunk in &chunks {
        let begin = ring.word(chunk.block);
        let word = |at: usize| ring.memory()[begin + at].load(Ordering::Relaxed);
        for frame in 0..usize::from(chunk.frames) {
            let at = HEADER_WORDS + 2 * (usize::from(chunk.from) + frame);
            assert_eq!(
                u64::from_le(word(at)),
                u64::from_le(word(0)) << 32 | 1,
                "sealed in this use of the block"
            );
            items.push(word(at + 1));
        }
    }
    (chunks, items)
}

fn release(ring: &Ring<Words>, chunks: &[Chunk]) {
    for chunk in chunks {
        ring.release(*chunk, |block| ring.memory()[ring.word(block)].store(0, Ordering::Relaxed));
    }
}

fn written_is_read_once() {
    let ring = ring(4);
    let producers = [producer(&ring, [11, 12]), producer(&ring, [21, 22])];
    let (chunks, mut seen) = drain(&ring);
    release(&ring, &chunks);
    for producer in producers {
        assert_eq!(producer.join().unwrap().len(), 2);
    }
    let (chunks, rest) = drain(&ring);
    release(&ring, &chunks);
    seen.extend(rest);
    let mut counts: HashMap<u64, u32> = HashMap::new();
    for item in seen {
        *counts.entry(item).or_default() += 1;
    }
    assert_eq!(counts, HashMap::from([(11, 1), (12, 1), (21, 1), (22, 1)]));
    assert_eq!((ring.waiting(), ring.is_empty()), (0, true));
}

fn blocks_are_used_again() {
    // One block, wanted by two: what one has given back the other may have, and nobody has it twice.
    let ring = ring(1);
    let producer = producer(&ring, [1, 2]);
    let (chunks, mut seen) = drain(&ring);
    release(&ring, &chunks);
    let place = ring.register();
    let mine = push(&ring, &place, 3);
    let kept = producer.join().unwrap();
    let (chunks, rest) = drain(&ring);
    release(&ring, &chunks);
    seen.extend(rest);
    seen.sort_unstable();
    let mut expected = kept;
    expected.extend(mine.then_some(3));
    assert_eq!(seen, expected);
    assert!(ring.is_empty());
}

fn close_leaves_nothing() {
    let ring = ring(2);
    let producer = producer(&ring, [1, 2]);
    ring.close();
    let (_, seen) = drain(&ring);
    let kept = producer.join().unwrap();
    assert_eq!((seen, ring.waiting()), (kept, 0));
}

fn parts_free_once() {
    let ring = ring(2);
    let place = ring.register();
    assert!(push(&ring, &place, 1) && push(&ring, &place, 2));
    let (chunks, _) = drain(&ring);
    let (one, two) = ring.split(chunks[0], 1);
    let other = Arc::clone(&ring);
    let lane = thread::spawn(move || release(&other, &[one]));
    release(&ring, &[two]);
    lane.join().unwrap();
    assert!(ring.is_empty());
    assert_eq!(ring.memory()[0].load(Ordering::Relaxed), 0, "wiped");
}
