//! What processes before this one have left: their files are read, their spans go out once more, and the files go.
//!
//! In: the directory. Out: spans in batches, with the resource, the words and the clock of the process that made them. Does not: touch
//! a file whose process lives, or one that it does not understand; read more than one file at a time.

use std::collections::HashMap;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use opentelemetry_sdk::Resource;

use super::dir::{self, Left, Locked};
use super::layout::{self, NoHeader, VERSION, WORD};
use super::reader::{self, Blocks, Cell};
use super::ring::Chunk;
use super::stored::{Store, Stored, What, spans_of};
use super::{convention_of, records, sites};
use crate::diag;
use crate::pipeline::{MAX_SPOOL_BYTES, Record};
use crate::record::{Ending, Kind, Site, SpanRecord};
use crate::scope::clock::Anchor;
use crate::semconv::Convention;
use crate::sync::{Arc, Mutex, lock};

/// Blocks that are looked through in one step.
const STEP: u32 = 4096;
/// Files that are complained about, one line each.
const MOST_COMPLAINTS: usize = 8;

/// For a span whose site was lost.
pub(super) static UNKNOWN: Site = Site::new(Kind::Task, "unknown");

/// Spans that were found, in one batch.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) spans: Stored,
    pub(crate) resource: Resource,
    pub(crate) convention: Convention,
    pub(crate) anchor: Anchor,
    /// Spans of one file have the same number.
    pub(crate) file: usize,
}

/// The files that are still to be looked at.
#[derive(Debug)]
pub(crate) struct Recovery {
    directory: PathBuf,
    /// How long nobody looks when all files were looked at.
    every: Duration,
    next_look: Option<Instant>,
    paths: Vec<PathBuf>,
    current: Option<Scan>,
    files: usize,
    complained: Vec<PathBuf>,
}

/// A file that is being looked through.
#[derive(Debug)]
struct Scan {
    file: Arc<LeftFile>,
    next: u32,
    /// Open spans that no frame has been found of.
    open: HashMap<u64, Cell>,
    /// The latest moment that the file knows of.
    last: u64,
}

/// A file that another process has left, locked by this one.
#[derive(Debug)]
pub(crate) struct LeftFile {
    locked: Locked,
    blocks: Blocks,
    sites: HashMap<u32, &'static Site>,
    resource: Resource,
    convention: Convention,
    anchor: Anchor,
    /// Batches that are not through; one more while the file is looked through.
    owed: AtomicUsize,
    /// Blocks of which several batches have a part, and how many of these are not through.
    shared: Mutex<HashMap<u32, usize>>,
}

impl LeftFile {
    pub(super) fn read(&self, chunk: Chunk, visit: &mut dyn FnMut(Record)) {
        self.records(chunk.block, visit);
    }

    fn records(&self, block: u32, visit: &mut dyn FnMut(Record)) -> u32 {
        let site = |number| Some(self.sites.get(&number).copied().unwrap_or(&UNKNOWN));
        records(&self.blocks, &self.locked.file, block, &site, &mut sites::Foreign, visit)
    }

    /// A batch of these chunks is through: whoever takes the file after us does not find it again. After the last one the file goes.
    pub(super) fn done(&self, chunks: &[Chunk]) {
        for chunk in chunks {
            if self.is_last_part(chunk.block) {
                let at = reader::at(chunk.block);
                // What cannot be wiped may be sent again: at least once is what is promised.
                let _ = dir::may_write_up_to(at + WORD as u64)
                    && self.locked.file.write_all_at(&[0; WORD], at).is_ok();
            }
        }
        if self.owed.fetch_sub(1, Ordering::AcqRel) == 1 {
            let _ = self.locked.remove();
        }
    }

    fn is_last_part(&self, block: u32) -> bool {
        let mut shared = lock(&self.shared);
        let Some(parts) = shared.get_mut(&block) else { return true };
        *parts -= 1;
        let is_last = *parts == 0;
        if is_last {
            shared.remove(&block);
        }
        is_last
    }

    fn is_done(&self) -> bool {
        self.owed.load(Ordering::Acquire) == 0
    }
}

impl Recovery {
    /// Looks which files there are, now and every so often.
    pub(crate) fn new(directory: &Path, every: Duration) -> Self {
        let mut recovery = Self {
            directory: directory.to_owned(),
            every,
            next_look: None,
            paths: Vec::new(),
            current: None,
            files: 0,
            complained: Vec::new(),
        };
        recovery.look(Instant::now());
        recovery
    }

    fn look(&mut self, now: Instant) {
        self.paths = dir::names(&self.directory);
        self.next_look = now.checked_add(self.every);
    }

    /// When the directory will be looked at again; `None` while something is left to do.
    pub(crate) fn rests_until(&self) -> Option<Instant> {
        self.next_look.filter(|_| self.paths.is_empty() && self.current.is_none())
    }

    /// Looks a little further, and says whether it can go on at once: else it waits until what was found is through. `own` is an anchor of
    /// this process; a batch has no more than `max_spans`.
    pub(crate) fn step(&mut self, own: &Anchor, max_spans: usize, out: &mut Vec<Found>) -> bool {
        match &mut self.current {
            None => {
                let now = Instant::now();
                if self.rests_until().is_some_and(|time| time <= now) {
                    self.look(now);
                }
                let Some(path) = self.paths.pop() else { return false };
                self.current = self.open(path, own);
                true
            }
            Some(scan) if scan.next < scan.file.blocks.count => {
                scan.step(max_spans, self.files, out);
                if scan.next >= scan.file.blocks.count {
                    scan.finish(max_spans, self.files, out);
                    scan.file.done(&[]);
                }
                true
            }
            Some(scan) => {
                let done = scan.file.is_done();
                if done {
                    self.current = None;
                }
                done
            }
        }
    }

    fn open(&mut self, path: PathBuf, own: &Anchor) -> Option<Scan> {
        let locked = match dir::take(path.clone()) {
            Left::Taken(locked) => locked,
            Left::Alive => return None,
            Left::NotOurs(why) => {
                self.complain(path, why);
                return None;
            }
        };
        match Scan::new(locked, own) {
            Ok(scan) => {
                self.files += 1;
                scan
            }
            Err(why) => {
                self.complain(path, &why);
                None
            }
        }
    }

    /// Once a file.
    fn complain(&mut self, path: PathBuf, why: &str) {
        if self.complained.len() < MOST_COMPLAINTS && !self.complained.contains(&path) {
            diag::notice(&format!("the spool file {} is left as it is: {why}", path.display()));
            self.complained.push(path);
        }
    }
}

impl Scan {
    /// `Ok(None)`: there is nothing in it, and it is gone.
    fn new(locked: Locked, own: &Anchor) -> Result<Option<Self>, String> {
        let file = &locked.file;
        let header = match reader::header(file) {
            Ok(header) => header,
            Err(NoHeader::Empty) => {
                let _ = locked.remove();
                return Ok(None);
            }
            Err(NoHeader::Foreign) => return Err("it is another program's".to_owned()),
            Err(NoHeader::Version(version)) => {
                return Err(format!(
                    "it was written by another version of llmetry (format {version}, here {VERSION})"
                ));
            }
            Err(NoHeader::Torn) => return Err("its header is damaged".to_owned()),
        };
        // Of a file with holes there may be far more than of the disk.
        if header.bytes > MAX_SPOOL_BYTES {
            return Err(format!("it says that it has {} bytes, more than any spool", header.bytes));
        }
        let same_run = (header.boot != 0 && header.boot == dir::boot()).then_some(own);
        let anchor = reader::anchor(file, header.key, same_run)
            .ok_or_else(|| "what it says of its times is damaged".to_owned())?;
        let resource = reader::resource(file, header.key)
            .ok_or_else(|| "what it says of its process is damaged".to_owned())?;
        let bytes = file.metadata().map_or(0, |metadata| metadata.len()).min(header.bytes);
        let open = reader::cells(file, header.key).into_iter().map(|cell| (cell.id, cell)).collect();
        let left = LeftFile {
            blocks: Blocks { key: header.key, count: layout::blocks(bytes) },
            sites: reader::sites(file, header.key),
            resource: Resource::builder_empty().with_attributes(resource).build(),
            convention: convention_of(header.convention),
            anchor,
            owed: AtomicUsize::new(1),
            shared: Mutex::default(),
            locked,
        };
        Ok(Some(Self { file: Arc::new(left), next: 0, open, last: anchor.ticks() }))
    }

    fn step(&mut self, max_spans: usize, number: usize, out: &mut Vec<Found>) {
        let end = self.next.saturating_add(STEP).min(self.file.blocks.count);
        let mut chunks = Vec::new();
        for block in self.next..end {
            let (open, last) = (&mut self.open, &mut self.last);
            let mut frames: u16 = 0;
            let blocks = self.file.records(block, &mut |record| {
                if let Record::Own(record) = &record {
                    *last = (*last).max(record.end);
                }
                open.remove(&record.span_id());
                frames += 1;
            });
            let most = u16::try_from(max_spans.max(1)).unwrap_or(u16::MAX);
            if frames > most {
                lock(&self.file.shared).insert(block, usize::from(frames.div_ceil(most)));
            }
            let mut from = 0;
            while from < frames {
                let piece = (frames - from).min(most);
                if !chunks.is_empty() && spans_of(&chunks) + usize::from(piece) > max_spans {
                    self.found(What::Chunks(std::mem::take(&mut chunks)), number, out);
                }
                chunks.push(Chunk { block, from, frames: piece, blocks });
                from += piece;
            }
        }
        self.next = end;
        if !chunks.is_empty() {
            self.found(What::Chunks(chunks), number, out);
        }
    }

    /// What was open when the process ended, and has no frame.
    fn finish(&mut self, max_spans: usize, number: usize, out: &mut Vec<Found>) {
        let open = std::mem::take(&mut self.open);
        let mut records: Vec<Record> = open.into_values().map(|cell| self.unfinished(&cell)).collect();
        while !records.is_empty() {
            let rest = records.split_off(records.len().min(max_spans.max(1)));
            self.found(What::Records(std::mem::replace(&mut records, rest)), number, out);
        }
    }

    fn unfinished(&self, cell: &Cell) -> Record {
        Record::Own(SpanRecord {
            site: self.file.sites.get(&cell.site).copied().unwrap_or(&UNKNOWN),
            trace_id: cell.trace_id,
            span_id: cell.id,
            parent_id: cell.parent_id,
            start: cell.start,
            end: self.last.max(cell.start),
            parent_is_remote: cell.parent_is_remote,
            ending: Ending::Incomplete { failed: false },
            inherited: None,
            extra: None,
        })
    }

    fn found(&self, what: What, number: usize, out: &mut Vec<Found>) {
        self.file.owed.fetch_add(1, Ordering::AcqRel);
        let spans = match &what {
            What::Chunks(chunks) => spans_of(chunks),
            What::Records(records) => records.len(),
        };
        out.push(Found {
            spans: Stored { store: Store::Left(Arc::clone(&self.file)), what, spans },
            resource: self.file.resource.clone(),
            convention: self.file.convention,
            anchor: self.file.anchor,
            file: number,
        });
    }
}
