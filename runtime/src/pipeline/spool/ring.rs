//! The ring: who may write into which block, and when a block is free again.
//!
//! In: sealed frames, from any thread through its own [`Place`]. Out: [`Chunk`]s, positions of what was written, to the one worker, which
//! gives each back when all exporters are done with it. Does not: know files, spans or seals; wait for anybody.
//!
//! A thread owns one block at a time and writes into it under its own lock: no memory that another producer writes is touched until the
//! block is full, once in 63 spans. What is written is found again by its seal alone; here stands only what the living process needs.

use std::collections::HashMap;
use std::ops::{Deref, Range};

use crate::sync::{Arc, AtomicBool, AtomicU32, AtomicU64, Mutex, Ordering, lock};

/// A block: a page.
pub(crate) const BLOCK: usize = 4096;
const BLOCK_WORDS: usize = BLOCK / 8;
/// Words before the frames: sequence, kind and next block, length and seal of a chain; the rest is spare.
pub(crate) const HEADER_WORDS: usize = 8;
/// So that whoever loses the header and a frame of the block before loses no more than 64 spans.
pub(crate) const MAX_FRAMES: u16 = 63;
/// Words of a record that one block of a chain holds.
pub(crate) const LINK_WORDS: usize = BLOCK_WORDS - HEADER_WORDS;
/// The longest record, in words: what is over has no room.
pub(crate) const MAX_RECORD_WORDS: usize = 16 * 1024 * 1024 / 8;

/// What a block's header says it holds.
pub(crate) const KIND_FRAMES: u64 = 1;
pub(crate) const KIND_HEAD: u64 = 2;
pub(crate) const KIND_LINK: u64 = 3;

/// So many blocks may stay in the process's memory while others wait; and so many are let go at a time.
const WARM: usize = 1024;
const COOL: usize = 256;

/// Where blocks are.
pub(crate) trait Memory: Deref<Target = [AtomicU64]> {
    /// These words will not be touched soon.
    fn cool(&self, words: Range<usize>);
}

/// A position: frames in a block, or a chain of blocks with one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) block: u32,
    /// How many frames of the block stand before these.
    pub(crate) from: u16,
    pub(crate) frames: u16,
    /// 1, or the length of the chain.
    pub(crate) blocks: u32,
}

impl Chunk {
    pub(crate) fn spans(self) -> usize {
        usize::from(self.frames)
    }

    pub(crate) fn bytes(self) -> usize {
        self.blocks as usize * BLOCK
    }
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Kept,
    /// It is time for the worker to come.
    KeptAndWake,
    Full,
    Closed,
}

/// All blocks of a file.
#[derive(Debug)]
pub(crate) struct Ring<M> {
    memory: M,
    /// The first block's first word.
    first: usize,
    state: Mutex<State>,
    places: Mutex<Vec<Arc<Place>>>,
    /// For each block, how many chunks of it are still to be released.
    owed: Box<[AtomicU32]>,
    closed: AtomicBool,
    wake_mask: u64,
}

#[derive(Debug)]
struct State {
    /// Blocks that have never been used begin here.
    fresh: u32,
    /// The last one freed is the first one used: its page is warm.
    free: Vec<u32>,
    sequence: u64,
    /// Full blocks and chains that the worker has not seen.
    filled: Vec<Chunk>,
    /// Frames that the worker has had, and those of places that are gone.
    drained: u64,
    retired: u64,
    /// The blocks behind the first one of each chain.
    chains: HashMap<u32, Box<[u32]>>,
    /// Blocks that were filled lately, in this order, while many are in use.
    warm: Vec<u32>,
}

/// One thread's block. Others come only to take it away and to count.
#[derive(Debug)]
pub(crate) struct Place(Mutex<Writing>);

#[derive(Clone, Copy, Debug)]
struct Writing {
    /// `frames` is 0 while there is none.
    block: u32,
    sequence: u64,
    /// Words of the block that are written.
    used: usize,
    frames: u16,
    /// Frames that this place ever had.
    pushed: u64,
}

impl Writing {
    /// Without a block.
    const fn idle(pushed: u64) -> Self {
        Self { block: 0, sequence: 0, used: BLOCK_WORDS, frames: 0, pushed }
    }
}

impl<M: Memory> Ring<M> {
    /// A ring of `blocks` blocks from word `first` of `memory` on. A push that brings its place to a multiple of `wake_at`, rounded down to a
    /// power of two, asks for the worker.
    pub(crate) fn new(memory: M, first: usize, blocks: u32, wake_at: usize) -> Self {
        let fits = memory.len().saturating_sub(first) / BLOCK_WORDS;
        let blocks = fits.min(blocks as usize);
        Self {
            memory,
            first,
            state: Mutex::new(State {
                fresh: 0,
                free: Vec::new(),
                sequence: 0,
                filled: Vec::new(),
                drained: 0,
                retired: 0,
                chains: HashMap::new(),
                warm: Vec::new(),
            }),
            places: Mutex::new(Vec::new()),
            owed: (0..blocks).map(|_| AtomicU32::default()).collect(),
            closed: AtomicBool::new(false),
            wake_mask: (1_u64 << wake_at.max(1).ilog2()) - 1,
        }
    }

    pub(crate) fn memory(&self) -> &M {
        &self.memory
    }

    /// A place for the calling thread; forgotten when the thread has let go of it and it is empty. Until then the next thread goes on with
    /// its block: a thousand threads, one after the other, would else take a block each.
    pub(crate) fn register(&self) -> Arc<Place> {
        let mut places = lock(&self.places);
        // Nobody can clone it but under this lock.
        if let Some(left) = places.iter().find(|place| Arc::strong_count(place) == 1) {
            return Arc::clone(left);
        }
        let place = Arc::new(Place(Mutex::new(Writing::idle(0))));
        places.push(Arc::clone(&place));
        place
    }

    /// The first word of `block`.
    pub(crate) fn word(&self, block: u32) -> usize {
        self.first + block as usize * BLOCK_WORDS
    }

    /// Writes `payload` (whole words) behind its seal, which `seal` makes for a sequence and the seal's word. Once this returns `Kept` it is
    /// in the memory, whatever becomes of the process.
    #[inline]
    pub(crate) fn push(&self, place: &Place, payload: &[u8], seal: impl Fn(u64, usize) -> u64) -> Pushed {
        let words = payload.len() / 8;
        let mut writing = lock(&place.0);
        // Asked under the lock: after `close` and one more drain nothing can come in unseen.
        if self.closed.load(Ordering::Acquire) {
            return Pushed::Closed;
        }
        if words >= LINK_WORDS {
            let pushed = self.push_chain(payload, seal);
            writing.pushed += u64::from(pushed == Pushed::KeptAndWake);
            return pushed;
        }
        if writing.used + 1 + words > BLOCK_WORDS || writing.frames == MAX_FRAMES {
            let Some(next) = self.next_block(*writing) else { return Pushed::Full };
            *writing = next;
        }
        let at = self.word(writing.block) + writing.used;
        self.write(at + 1, payload);
        self.memory[at].store(seal(writing.sequence, at).to_le(), Ordering::Release);
        writing.used += 1 + words;
        writing.frames += 1;
        writing.pushed += 1;
        if writing.pushed & self.wake_mask == 0 { Pushed::KeptAndWake } else { Pushed::Kept }
    }

    #[inline]
    fn write(&self, at: usize, payload: &[u8]) {
        let Some(places) = self.memory.get(at..at + payload.len() / 8) else { return };
        for (place, word) in places.iter().zip(payload.chunks_exact(8)) {
            let word = word.try_into().map_or(0, u64::from_ne_bytes);
            place.store(word, Ordering::Relaxed);
        }
    }

    /// A new block in place of `old`, which is full.
    #[cold]
    fn next_block(&self, old: Writing) -> Option<Writing> {
        let (block, sequence, cold);
        {
            let mut state = lock(&self.state);
            block = self.take(&mut state)?;
            sequence = state.next_sequence();
            if old.frames > 0 {
                self.owed[old.block as usize].store(1, Ordering::Relaxed);
                state.fill(Chunk { block: old.block, from: 0, frames: old.frames, blocks: 1 });
            }
            cold = state.cold();
        }
        self.cool(cold);
        self.head(block, sequence, [KIND_FRAMES, 0, 0]);
        Some(Writing { block, sequence, used: HEADER_WORDS, frames: 0, pushed: old.pushed })
    }

    /// Writes a block's header, the sequence last.
    fn head(&self, block: u32, sequence: u64, rest: [u64; 3]) {
        let at = self.word(block);
        self.memory[at].store(0, Ordering::Relaxed);
        for (word, value) in self.memory[at + 1..at + 4].iter().zip(rest) {
            word.store(value.to_le(), Ordering::Release);
        }
        self.memory[at].store(sequence.to_le(), Ordering::Release);
    }

    #[cold]
    fn push_chain(&self, payload: &[u8], seal: impl Fn(u64, usize) -> u64) -> Pushed {
        let words = payload.len() / 8;
        let count = words.div_ceil(LINK_WORDS);
        if words > MAX_RECORD_WORDS {
            return Pushed::Full;
        }
        let (blocks, sequence, cold);
        {
            let mut state = lock(&self.state);
            let mut taken = Vec::with_capacity(count);
            while taken.len() < count {
                let Some(block) = self.take(&mut state) else {
                    state.free.append(&mut taken);
                    return Pushed::Full;
                };
                taken.push(block);
            }
            sequence = state.next_sequence();
            cold = state.cold();
            blocks = taken;
        }
        self.cool(cold);
        let head = blocks[0];
        // The first one comes last: before it, nobody finds the others.
        for (index, piece) in payload.chunks(LINK_WORDS * 8).enumerate().rev() {
            let next = blocks.get(index + 1).map_or(0, |next| u64::from(*next) + 1) << 32;
            self.write(self.word(blocks[index]) + HEADER_WORDS, piece);
            if index == 0 {
                let seal = seal(sequence, self.word(head));
                self.head(head, sequence, [KIND_HEAD | next, words as u64, seal]);
            } else {
                // Of this chain, and in this place of it: no chain can share a block with another, or come back to one.
                self.head(blocks[index], sequence, [KIND_LINK | next, index as u64, sequence]);
            }
        }
        self.owed[head as usize].store(1, Ordering::Relaxed);
        let mut state = lock(&self.state);
        state.fill(Chunk {
            block: head,
            from: 0,
            frames: 1,
            blocks: u32::try_from(count).unwrap_or(u32::MAX),
        });
        state.chains.insert(head, blocks[1..].into());
        Pushed::KeptAndWake
    }

    fn take(&self, state: &mut State) -> Option<u32> {
        let block = match state.free.pop() {
            Some(block) => block,
            None if (state.fresh as usize) < self.owed.len() => {
                state.fresh += 1;
                state.fresh - 1
            }
            None => return None,
        };
        let in_use = state.fresh as usize - state.free.len();
        if in_use > WARM {
            state.warm.push(block);
        }
        Some(block)
    }

    fn cool(&self, mut blocks: Vec<u32>) {
        // Neighbours go together: mostly it is one call.
        blocks.sort_unstable();
        for run in blocks.chunk_by(|one, next| one + 1 == *next) {
            if let (Some(first), Some(last)) = (run.first(), run.last()) {
                self.memory.cool(self.word(*first)..self.word(last + 1));
            }
        }
    }

    /// Moves the positions of all that waits into `out`, for the one worker. Blocks that are not full are left with their threads unless
    /// `all` is asked for.
    pub(crate) fn drain(&self, all: bool, out: &mut Vec<Chunk>) {
        if all {
            lock(&self.places).retain(|place| {
                // Only `register` can clone the last Arc again, under this lock: a place that is ours alone stays ours alone.
                let is_left = Arc::strong_count(place) == 1;
                let mut writing = lock(&place.0);
                if writing.frames > 0 {
                    self.owed[writing.block as usize].store(1, Ordering::Relaxed);
                    lock(&self.state).fill(Chunk {
                        block: writing.block,
                        from: 0,
                        frames: writing.frames,
                        blocks: 1,
                    });
                    *writing = Writing::idle(writing.pushed);
                }
                if is_left {
                    lock(&self.state).retired += writing.pushed;
                }
                !is_left
            });
        }
        let mut state = lock(&self.state);
        state.drained += state.filled.iter().map(|chunk| u64::from(chunk.frames)).sum::<u64>();
        out.append(&mut state.filled);
    }

    /// Cuts `chunk` after `frames` frames; both parts are to be released.
    pub(crate) fn split(&self, chunk: Chunk, frames: u16) -> (Chunk, Chunk) {
        self.owed[chunk.block as usize].fetch_add(1, Ordering::Relaxed);
        let frames = frames.min(chunk.frames);
        let (first, rest) = (chunk.from, chunk.frames - frames);
        (Chunk { frames, ..chunk }, Chunk { from: first + frames, frames: rest, ..chunk })
    }

    /// Nobody needs `chunk` any more. If that frees its block, `wipe` is called with it before anybody else can have it: what is wiped is
    /// not found again.
    pub(crate) fn release(&self, chunk: Chunk, wipe: impl FnOnce(u32)) {
        let Some(owed) = self.owed.get(chunk.block as usize) else { return };
        if owed.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        wipe(chunk.block);
        let mut state = lock(&self.state);
        if chunk.blocks > 1
            && let Some(links) = state.chains.remove(&chunk.block)
        {
            state.free.extend(links);
        }
        state.free.push(chunk.block);
        if state.free.len() == state.fresh as usize {
            state.warm.clear();
        }
    }

    /// Frames that the worker has not drained.
    pub(crate) fn waiting(&self) -> u64 {
        // The lock keeps a place from being counted on both sides of its end.
        let places = lock(&self.places);
        let (drained, retired) = {
            let state = lock(&self.state);
            (state.drained, state.retired)
        };
        let pushed: u64 = places.iter().map(|place| lock(&place.0).pushed).sum();
        (pushed + retired).saturating_sub(drained)
    }

    /// Whether a payload of so many bytes fits into an empty ring.
    pub(crate) fn could_hold(&self, bytes: usize) -> bool {
        let words = bytes / 8;
        words <= MAX_RECORD_WORDS && words.div_ceil(LINK_WORDS) <= self.owed.len()
    }

    /// Whether every block is free; blocks that their threads are writing are not.
    pub(crate) fn is_empty(&self) -> bool {
        let state = lock(&self.state);
        state.free.len() == state.fresh as usize
    }

    /// From now on every push is refused, and none is under way.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // Whoever was in the middle of one had its lock.
        for place in lock(&self.places).iter() {
            drop(lock(&place.0));
        }
    }
}

impl State {
    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// Blocks that have been filled for a while and may leave the process's memory.
    fn cold(&mut self) -> Vec<u32> {
        if self.warm.len() < WARM + COOL { Vec::new() } else { self.warm.drain(..COOL).collect() }
    }

    fn fill(&mut self, chunk: Chunk) {
        self.filled.push(chunk);
    }
}
