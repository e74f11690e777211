//! The spool: finished spans, and the starts of open ones, in a file that survives the process.
//!
//! In: records, from the threads that end them, and the starts of spans. Out: positions for the worker, and records again for whoever
//! exports them; at the next start of a program, what an earlier process has left. Does not: export, or make anything durable against the
//! end of the machine: what is written is in the system's memory, which the process's end does not touch.
//!
//! `layout` says where things stand, `dir` which files there are, `map` is the file in memory, `ring` hands out blocks, `codec` turns
//! records into bytes, `sites` keeps the table of sites, `reader` reads a file, `recover` what others have left, and `stored` is what a batch has of either.

#[cfg(any(test, fuzzing))]
mod anything;
mod codec;
mod dir;
mod layout;
mod map;
mod reader;
mod recover;
mod ring;
mod sites;
mod stored;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use opentelemetry_sdk::Resource;

use self::codec::Intern;
use self::dir::{Locked, Trouble};
use self::layout::{
    ANCHOR, BLOCKS, CELL, CELL_COUNT, CELLS, HEAD, HEADS, Header, RESOURCE, SITES, WORD, seal,
};
use self::map::Map;
use self::reader::{Blocks, Cell};
use self::ring::{Pushed, Ring};
use self::sites::Sites;
use super::{Record, SpoolSetting, queue};
use crate::diag;
use crate::error::{Error, Result, Shown};
use crate::record::{Site, SpanRecord};
use crate::scope::clock::Anchor;
use crate::semconv::Convention;
use crate::sync::lock;

pub(crate) use self::recover::{Found, Recovery};
pub(crate) use self::ring::{Chunk, Place};
pub(crate) use self::stored::Stored;

/// Whether so many spans leave room in a block.
pub(crate) const fn fit_into_block(spans: usize) -> bool {
    spans < ring::MAX_FRAMES as usize
}

/// The spool of this process.
#[derive(Debug)]
pub(crate) struct Spool {
    ring: Ring<Map>,
    /// Until the end: whoever still has a place in the ring keeps the mapping then, not the file.
    locked: Mutex<Option<Arc<Locked>>>,
    header: Header,
    sites: Sites,
    /// For threads that have no place of their own.
    shared: Arc<Place>,
    /// Which of the two anchors is written next.
    turn: AtomicUsize,
}

/// A span that starts, as it is kept until it ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) id: u64,
    pub(crate) trace_id: (u64, u64),
    pub(crate) parent_id: u64,
    pub(crate) parent_is_remote: bool,
    pub(crate) ticks: u64,
}

/// Makes the file of this process. A thread that has so many new spans wakes the worker. `None`: there is no room for it now, which is said.
///
/// # Errors
///
/// When the directory cannot be used.
pub(crate) fn open(
    setting: &SpoolSetting,
    resource: &Resource,
    convention: Convention,
    wake_at: usize,
) -> Result<Option<Arc<Spool>>> {
    Spool::open(setting, resource, convention, wake_at)
}

impl Spool {
    fn open(
        setting: &SpoolSetting,
        resource: &Resource,
        convention: Convention,
        wake_at: usize,
    ) -> Result<Option<Arc<Self>>> {
        match Self::make(setting, resource, convention, wake_at) {
            Ok(spool) => Ok(Some(Arc::new(spool))),
            Err(Trouble::NoRoom(error)) => {
                diag::notice(&format!(
                    "no spool: the {} bytes that it wants in {} are not to be had ({error}); spans wait in memory, and are lost with the process",
                    setting.bytes,
                    setting.directory.display()
                ));
                Ok(None)
            }
            Err(Trouble::Wrong(expected)) => {
                let shown = setting.directory.display().to_string();
                Err(match setting.variable {
                    Some(variable) => Error::invalid_setting(variable, Shown::Variable(shown), expected),
                    None => Error::invalid_setting("Builder::spool", Shown::Argument(shown), expected),
                })
            }
        }
    }

    fn make(
        setting: &SpoolSetting,
        resource: &Resource,
        convention: Convention,
        wake_at: usize,
    ) -> std::result::Result<Self, Trouble> {
        dir::prepare(&setting.directory)?;
        // Whole blocks: the last one ends with the file.
        let blocks = layout::blocks(setting.bytes);
        let header = Header {
            bytes: reader::at(blocks),
            pid: u64::from(std::process::id()),
            boot: dir::boot(),
            key: dir::random(),
            convention: code_of(convention),
        };
        let mut anchor = Anchor::new();
        let locked = dir::create(&setting.directory, header.bytes)?;
        let map = Map::new(&locked.file).map_err(|error| {
            let _ = locked.remove();
            Trouble::new(error, "a directory whose files can be mapped")
        })?;
        let ring = Ring::new(map, BLOCKS / WORD, blocks, wake_at);
        let spool = Self {
            shared: ring.register(),
            ring,
            locked: Mutex::new(Some(Arc::new(locked))),
            header,
            sites: Sites::new(),
            turn: AtomicUsize::new(0),
        };
        spool.write_resource(resource);
        anchor.advance();
        for _ in 0..HEADS {
            spool.keep_time(&anchor);
        }
        // Last: a file without a header was never used.
        for head in 0..HEADS {
            spool.write(head * HEAD, &header.encode());
        }
        Ok(spool)
    }

    fn write_resource(&self, resource: &Resource) {
        let mut attributes: Vec<_> = resource.iter().map(|(key, value)| (key.as_str(), value)).collect();
        attributes.sort_by_key(|(key, _)| *key);
        let mut bytes = codec::attributes(attributes.iter().copied());
        while WORD + bytes.len() > SITES - RESOURCE {
            diag::once(
                "spool_resource",
                "the resource is too large for the spool: spans that a later process recovers have only a part of its attributes",
            );
            attributes.pop();
            bytes = codec::attributes(attributes.iter().copied());
        }
        self.write_heads(RESOURCE, seal(self.header.key, 0, RESOURCE as u64, &bytes), &bytes);
    }

    /// Writes into all heads, the seal last.
    fn write_heads(&self, at: usize, seal: u64, bytes: &[u8]) {
        for head in 0..HEADS {
            self.write(head * HEAD + at + WORD, bytes);
            self.ring.memory()[(head * HEAD + at) / WORD].store(seal.to_le(), Ordering::Release);
        }
    }

    /// Writes whole words at byte `at`.
    #[inline]
    fn write(&self, at: usize, bytes: &[u8]) {
        let from = at / WORD;
        let Some(places) = self.ring.memory().get(from..from + bytes.len() / WORD) else { return };
        for (place, word) in places.iter().zip(bytes.chunks_exact(WORD)) {
            place.store(word.try_into().map_or(0, u64::from_ne_bytes), Ordering::Relaxed);
        }
    }

    /// Keeps what says when ticks were.
    pub(crate) fn keep_time(&self, anchor: &Anchor) {
        let mut bytes = [0; 4 * WORD];
        for (place, word) in bytes.chunks_exact_mut(WORD).zip(anchor.to_words()) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        let at = self.turn.fetch_add(1, Ordering::Relaxed) % HEADS * HEAD + ANCHOR;
        self.write(at + WORD, &bytes);
        let seal = seal(self.header.key, 0, ANCHOR as u64, &bytes);
        self.ring.memory()[at / WORD].store(seal.to_le(), Ordering::Release);
    }

    /// A place for the calling thread.
    pub(crate) fn register(&self) -> Arc<Place> {
        self.ring.register()
    }

    #[inline]
    fn has_site(&self, site: &'static Site) -> bool {
        self.sites.has(site, self.header.key, |at, seal, entry| self.write_heads(at, seal, entry))
    }

    /// A span has started in place `index` of the slab.
    #[inline]
    pub(crate) fn started(&self, index: u32, site: &'static Site, start: &Start) {
        if index as usize >= CELL_COUNT || !self.has_site(site) {
            return;
        }
        let cell = Cell {
            id: start.id,
            trace_id: start.trace_id,
            parent_id: start.parent_id,
            start: start.ticks,
            site: site.number(),
            parent_is_remote: start.parent_is_remote,
        };
        let at = CELLS + index as usize * CELL;
        let bytes = cell.encode();
        self.write(at + WORD, &bytes);
        let seal = seal(self.header.key, 0, at as u64, &bytes);
        self.ring.memory()[at / WORD].store(seal.to_le(), Ordering::Release);
    }

    /// The span in place `index` has ended, and its record is in the ring, or was dropped and counted.
    #[inline]
    pub(crate) fn ended(&self, index: u32) {
        if (index as usize) < CELL_COUNT {
            self.ring.memory()[(CELLS + index as usize * CELL) / WORD].store(0, Ordering::Release);
        }
    }

    /// These open spans are in the ring now.
    pub(crate) fn taken_over(&self, ids: &[u64]) {
        let ids: HashSet<u64> = ids.iter().copied().collect();
        for index in 0..CELL_COUNT {
            let at = (CELLS + index * CELL) / WORD;
            let id = u64::from_le(self.ring.memory()[at + 1].load(Ordering::Relaxed));
            if self.ring.memory()[at].load(Ordering::Relaxed) != 0 && ids.contains(&id) {
                self.ring.memory()[at].store(0, Ordering::Release);
            }
        }
    }

    /// Writes `record` into the ring. Where there is no room, `make_room` is asked, outside of every lock, whether to look again.
    #[inline]
    pub(crate) fn push(
        &self,
        place: Option<&Place>,
        record: Record,
        make_room: impl FnMut() -> bool,
    ) -> queue::Pushed {
        let place = place.unwrap_or(&self.shared);
        let pushed = match record {
            Record::Own(record @ SpanRecord { inherited: None, extra: None, .. })
                if self.has_site(record.site) =>
            {
                self.push_bytes(place, &codec::plain(&record), make_room)
            }
            record => {
                let inline = matches!(&record, Record::Own(record) if !self.has_site(record.site));
                self.push_bytes(place, &codec::full(&record, inline), make_room)
            }
        };
        match pushed {
            Pushed::Kept => queue::Pushed::Kept,
            Pushed::KeptAndWake => queue::Pushed::KeptAndWake,
            Pushed::Full => queue::Pushed::Full,
            Pushed::Closed => queue::Pushed::Closed,
        }
    }

    #[inline]
    fn push_bytes(&self, place: &Place, bytes: &[u8], mut make_room: impl FnMut() -> bool) -> Pushed {
        loop {
            let pushed = self.ring.push(place, bytes, |sequence, word| {
                seal(self.header.key, sequence, (word * WORD) as u64, bytes)
            });
            if pushed != Pushed::Full || !self.ring.could_hold(bytes.len()) || !make_room() {
                return pushed;
            }
        }
    }

    /// Moves the positions of all that waits into `out`; with `all`, of blocks too that are not full yet.
    pub(crate) fn drain(&self, all: bool, out: &mut Vec<Chunk>) {
        self.ring.drain(all, out);
    }

    /// Cuts a chunk.
    pub(crate) fn split(&self, chunk: Chunk, spans: usize) -> (Chunk, Chunk) {
        self.ring.split(chunk, u16::try_from(spans).unwrap_or(u16::MAX))
    }

    /// Spans that the worker has not drained.
    pub(crate) fn waiting(&self) -> u64 {
        self.ring.waiting()
    }

    /// Bytes of the blocks.
    pub(crate) fn bytes(&self) -> usize {
        usize::try_from(self.header.bytes).unwrap_or(usize::MAX).saturating_sub(BLOCKS)
    }

    /// The end: from now on every push is refused. The file goes if nothing of it is needed; else it is unlocked, for whoever looks next: a
    /// later `init` of this process, too.
    pub(crate) fn put_away(&self) {
        self.ring.close();
        let Some(locked) = lock(&self.locked).take() else { return };
        // A child made by `fork` has a copy of this; the file is its parent's.
        let is_ours = self.header.pid == u64::from(std::process::id());
        if is_ours && self.ring.is_empty() && reader::cells(&locked.file, self.header.key).is_empty() {
            let _ = locked.remove();
        }
    }

    /// `None`: it was put away.
    fn file(&self) -> Option<Arc<Locked>> {
        lock(&self.locked).clone()
    }

    fn geometry(&self) -> Blocks {
        Blocks { key: self.header.key, count: self.header.blocks() }
    }

    fn read(&self, chunk: Chunk, visit: &mut dyn FnMut(Record)) {
        if let Some(locked) = self.file() {
            records(&self.geometry(), &locked.file, chunk.block, &Site::numbered, &mut Own, visit);
        }
    }

    fn release(&self, chunk: Chunk) {
        self.ring.release(chunk, |block| {
            let at = reader::at(block);
            // Not through the mapping: the page would come back into this process's memory for it.
            let wiped = dir::may_write_up_to(at + WORD as u64)
                && self.file().is_some_and(|locked| locked.file.write_all_at(&[0; WORD], at).is_ok());
            if !wiped {
                self.ring.memory()[self.ring.word(block)].store(0, Ordering::Release);
            }
        });
    }
}

/// Nobody can push or read any more.
impl Drop for Spool {
    fn drop(&mut self) {
        self.put_away();
    }
}

/// What this room locks for the whole process. Held while it forks, so that the child finds it unlocked.
pub(crate) struct Held {
    _foreign: sites::Held,
}

/// Locks this room.
pub(crate) fn hold() -> Held {
    Held { _foreign: sites::hold() }
}

/// In the child of a fork.
pub(crate) fn forked() {
    dir::forked();
}

/// Sites that stand in a frame of our own file.
struct Own;

impl Intern for Own {
    fn intern(&mut self, facts: codec::SiteFacts) -> Option<&'static Site> {
        sites::Foreign.intern(facts)
    }
}

/// Calls `visit` with each record of a block.
fn records(
    blocks: &Blocks,
    file: &(impl reader::ReadAt + ?Sized),
    block: u32,
    site: &dyn Fn(u32) -> Option<&'static Site>,
    inline: &mut dyn Intern,
    visit: &mut dyn FnMut(Record),
) -> u32 {
    blocks.frames(file, block, &mut |payload| {
        if let Some(record) = codec::decode(payload, site, inline) {
            visit(record);
        }
    })
}

const fn code_of(convention: Convention) -> u64 {
    match convention {
        Convention::GenAi => 0,
        Convention::Traceloop => 1,
    }
}

const fn convention_of(code: u64) -> Convention {
    if code == 1 { Convention::Traceloop } else { Convention::GenAi }
}

/// For the fuzzer.
#[cfg(fuzzing)]
pub(crate) fn fuzz(bytes: &[u8]) {
    anything::read_anything(bytes);
    anything::read_everywhere(bytes);
}

/// Likewise: bytes that say what is written before damage is done.
#[cfg(fuzzing)]
pub(crate) fn fuzz_damage(plan: &[u8]) {
    anything::damage(plan);
}
