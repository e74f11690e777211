//! The room as a whole, and what its tests have in common: a directory, a spool, a record.

mod codec_tests;
mod dir_tests;
mod recover_tests;
mod ring_tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use opentelemetry::KeyValue;

use super::*;
use crate::record::{Ending, Kind};

static TASK: Site = Site::new(Kind::Task, "summarise").version(3).location("src/main.rs", 7);
const MIN_BYTES: u64 = crate::pipeline::MIN_SPOOL_BYTES;

const HOUR: Duration = Duration::from_secs(3600);

static CALL: Site = Site::new(Kind::Call, "chat").err(false);

fn plain(id: u64) -> Record {
    Record::Own(SpanRecord {
        site: &TASK,
        trace_id: (1, 2),
        span_id: id,
        parent_id: 3,
        start: 10,
        end: 20,
        parent_is_remote: false,
        ending: Ending::Returned,
        inherited: None,
        extra: None,
    })
}

/// As text, without what is an estimate.
fn shown(record: &Record) -> String {
    let text = format!("{record:?}");
    let (mut shown, mut rest) = (String::new(), text.as_str());
    while let Some((before, after)) = rest.split_once("heap_bytes: ") {
        shown.push_str(before);
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    shown + rest
}

/// A directory of this test's, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("llmetry-test-{:016x}", dir::random()));
        dir::prepare(&path).unwrap();
        Self(path)
    }

    fn spool(&self, bytes: u64) -> Arc<Spool> {
        // Before a test that fills the table of sites: starts of sites that are not in it are not kept.
        assert!([&TASK, &CALL].iter().all(|site| site.number() > 0));
        open(&self.0, bytes).unwrap().expect("the disk has room for a test")
    }

    /// The file as it is now, in a directory of its own: what would be left if the process ended here.
    fn left(&self) -> Self {
        let left = Self::new();
        for path in dir::names(&self.0) {
            fs::copy(&path, left.0.join(path.file_name().unwrap())).unwrap();
        }
        left
    }

    fn file(&self) -> PathBuf {
        let [path] = dir::names(&self.0).try_into().unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn open(path: &Path, bytes: u64) -> Result<Option<Arc<Spool>>> {
    let setting = SpoolSetting { directory: path.to_owned(), bytes, look_again: HOUR, variable: None };
    let resource = Resource::builder_empty()
        .with_attributes([KeyValue::new("service.name", "bot"), KeyValue::new("n", 5)])
        .build();
    Spool::open(&setting, &resource, Convention::Traceloop, 2048)
}

fn push(spool: &Spool, place: &Place, record: Record) -> bool {
    matches!(spool.push(Some(place), record, || false), queue::Pushed::Kept | queue::Pushed::KeptAndWake)
}

fn drain(spool: &Arc<Spool>) -> Stored {
    let mut chunks = Vec::new();
    spool.drain(true, &mut chunks);
    Stored::own(spool, chunks)
}

fn ids(stored: &Stored) -> Vec<u64> {
    let mut ids = Vec::new();
    stored.read(0..stored.len(), &mut |_, record| ids.push(record.span_id()));
    ids
}

/// All that is found in a directory; batches are let go at once.
fn recover(folder: &Path, done: bool) -> Vec<Found> {
    let (mut recovery, own) = (Recovery::new(folder, HOUR), Anchor::new());
    let mut all = Vec::new();
    while recovery.rests_until().is_none() {
        let mut found = Vec::new();
        let goes_on = recovery.step(&own, 512, &mut found);
        for found in &found {
            if done {
                found.spans.done();
            }
        }
        all.append(&mut found);
        if !goes_on && !done {
            break;
        }
    }
    all
}

fn recovered_ids(found: &[Found]) -> Vec<u64> {
    let mut all: Vec<u64> = found.iter().flat_map(|found| ids(&found.spans)).collect();
    all.sort_unstable();
    all
}
