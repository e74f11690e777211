//! What a program says about its spans while it runs, so that who runs it knows what must arrive, however it ended.
//!
//! In: ids. Out: one unbuffered write of 9 bytes each to a file that is only appended to: what was written is there, also after SIGKILL,
//! in the order in which it happened. "Finished" is said by the caller of an annotated function, once it has returned.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const OPENED: u8 = b'o';
const FINISHED: u8 = b'f';
const ENDING: u8 = b'e';

static FILE: OnceLock<File> = OnceLock::new();

/// Begins a ledger at `path`; the last thing of it that can fail.
pub fn open(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    FILE.set(file).map_err(|_| io::Error::other("there is a ledger already"))
}

/// Span `id` is open. Without telemetry there is none, and its id is 0.
pub fn opened(id: u64) {
    write(OPENED, id);
}

/// The function of span `id` has returned.
pub fn finished(id: u64) {
    write(FINISHED, id);
}

/// The process begins to end. Said more than once, the last time counts.
pub fn ending() {
    write(ENDING, nanoseconds(SystemTime::now()));
}

fn write(kind: u8, number: u64) {
    let Some(mut file) = FILE.get().filter(|_| number != 0) else { return };
    let mut line = [kind; 9];
    line[1..].copy_from_slice(&number.to_le_bytes());
    // A ledger that cannot be written shows up as spans that nobody has announced.
    let _ = file.write_all(&line);
}

fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A ledger that was read back.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Finished before the ending began.
    pub finished: HashSet<u64>,
    /// Finished while the process ended already; other threads go on.
    pub finished_late: HashSet<u64>,
    /// Open when the ending began, and never finished.
    pub open: HashSet<u64>,
    /// Open when the ending began, and finished after.
    pub closed_late: HashSet<u64>,
    /// When the ending began. `None`: it never did.
    pub ending: Option<SystemTime>,
}

impl Ledger {
    pub fn read(path: &Path) -> io::Result<Self> {
        let bytes = fs::read(path)?;
        let lines: Vec<(u8, u64)> = bytes
            .as_chunks::<9>()
            .0
            .iter()
            .map(|[kind, number @ ..]| (*kind, u64::from_le_bytes(*number)))
            .collect();
        let end = lines.iter().rposition(|(kind, _)| *kind == ENDING).unwrap_or(lines.len());
        let (before, after) = lines.split_at(end);
        let of = |lines: &[(u8, u64)], kind: u8| -> HashSet<u64> {
            lines.iter().filter(|line| line.0 == kind).map(|line| line.1).collect()
        };
        let (finished, finished_late) = (of(before, FINISHED), of(after, FINISHED));
        let at_ending: HashSet<u64> = &of(before, OPENED) - &finished;
        let time = lines.get(end).map(|(_, time)| UNIX_EPOCH + Duration::from_nanos(*time));
        Ok(Self {
            open: &at_ending - &finished_late,
            closed_late: &at_ending & &finished_late,
            finished,
            finished_late,
            ending: time,
        })
    }
}
