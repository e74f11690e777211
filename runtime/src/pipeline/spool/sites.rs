//! The table of sites: what stands behind the numbers in frames, for a process that does not have our statics.
//!
//! In: a site, when it is used. Out: whether the table has it; the first use writes it. And from a file's table the sites, leaked: a record
//! refers to a `'static` one. Bounds: [`MOST_SITES`] of this process, those of others in [`Foreign`].

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU8, Ordering};

use super::codec::{self, Intern, SiteFacts};
use super::layout::{HEAD, SITES, WORD, seal, unseal};
use super::reader::ReadAt;
use crate::record::Site;
use crate::sync::{Mutex, MutexGuard, lock};

/// Sites with a higher number stand in each of their frames.
const MOST_SITES: usize = 4096;
/// Sites of other processes that are kept for the life of this one, and how long their names may be.
const MOST_FOREIGN: usize = 4096;
const MAX_TEXT: usize = 1024;

const UNKNOWN: u8 = 0;
const WRITTEN: u8 = 1;
const NO_ROOM: u8 = 2;

/// Which sites the file has.
#[derive(Debug)]
pub(super) struct Sites {
    states: Box<[AtomicU8]>,
    /// Bytes of the table that are written.
    used: Mutex<usize>,
}

impl Sites {
    pub(super) fn new() -> Self {
        Self { states: (0..MOST_SITES).map(|_| AtomicU8::new(UNKNOWN)).collect(), used: Mutex::new(0) }
    }

    /// Whether the table has `site`; if it may still come in, `write` is called with a place in a head, the seal and the entry.
    #[inline]
    pub(super) fn has(&self, site: &'static Site, key: u64, write: impl Fn(usize, u64, &[u8])) -> bool {
        // 0 is the number of all for which none was left.
        let number = (site.number() as usize).checked_sub(1);
        let Some(state) = number.and_then(|number| self.states.get(number)) else { return false };
        match state.load(Ordering::Acquire) {
            WRITTEN => true,
            NO_ROOM => false,
            _ => self.add(site, state, key, write),
        }
    }

    #[cold]
    fn add(
        &self,
        site: &'static Site,
        state: &AtomicU8,
        key: u64,
        write: impl Fn(usize, u64, &[u8]),
    ) -> bool {
        let mut used = lock(&self.used);
        if state.load(Ordering::Acquire) == UNKNOWN {
            let entry = codec::site_entry(site);
            let at = SITES + *used;
            if at + WORD + entry.len() > HEAD || site.name.len() > MAX_TEXT || site.file.len() > MAX_TEXT {
                state.store(NO_ROOM, Ordering::Release);
            } else {
                write(at, seal(key, 0, at as u64, &entry), &entry);
                *used += WORD + entry.len();
                state.store(WRITTEN, Ordering::Release);
            }
        }
        state.load(Ordering::Acquire) == WRITTEN
    }
}

/// The table of the head at byte `head` of a file; what is torn in it is passed over.
pub(super) fn read(
    file: &(impl ReadAt + ?Sized),
    head: u64,
    key: u64,
    found: &mut HashMap<u32, &'static Site>,
) {
    let mut table = vec![0; HEAD - SITES];
    if !file.read_at(head + SITES as u64, &mut table) {
        return;
    }
    let mut at = 0;
    while at + WORD <= table.len() {
        let Some(entry) = unseal(key, 0, SITES as u64, &table, at) else {
            at += WORD;
            continue;
        };
        if let Some((number, facts)) = codec::decode_site_entry(entry)
            && let Some(site) = Foreign.intern(facts)
        {
            found.entry(number).or_insert(site);
        }
        at += WORD + entry.len();
    }
}

/// Sites of other processes.
#[derive(Debug)]
pub(super) struct Foreign;

type Known = BTreeMap<SiteFacts, &'static Site>;

static FOREIGN: Mutex<Known> = Mutex::new(Known::new());

/// Held while the process forks.
pub(super) type Held = MutexGuard<'static, Known>;

pub(super) fn hold() -> Held {
    lock(&FOREIGN)
}

impl Intern for Foreign {
    /// `None` when there are too many, or it is none.
    fn intern(&mut self, facts: SiteFacts) -> Option<&'static Site> {
        let mut known = lock(&FOREIGN);
        if let Some(site) = known.get(&facts) {
            return Some(site);
        }
        if known.len() == MOST_FOREIGN || facts.name.len() > MAX_TEXT || facts.file.len() > MAX_TEXT {
            return None;
        }
        // What is no site leaves nothing behind.
        let kind = facts.kind()?;
        let name: &'static str = Box::leak(facts.name.clone().into_boxed_str());
        let file: &'static str = Box::leak(facts.file.clone().into_boxed_str());
        let mut site = Site::new(kind, name).err(facts.err_is_error).location(file, facts.line);
        if let Some(version) = facts.version {
            site = site.version(version);
        }
        let site: &'static Site = Box::leak(Box::new(site));
        known.insert(facts, site);
        Some(site)
    }
}
