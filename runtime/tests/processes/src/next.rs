//! The next start after an ending: it sends what is left in the spool, and makes nothing. One start takes on a file for sure; this one stays
//! for all of them.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use llmetry::{Guard, Report};

/// For the shutdown, when nothing is left to send.
const SHUTDOWN: Duration = Duration::from_secs(5);
/// Between two looks into the directory.
const LOOK: Duration = Duration::from_millis(5);

/// Waits until `guard`'s process has sent what others have left in `spool`, but no longer than `limit`, and ends it. Whether the directory
/// is empty then.
pub fn send(guard: Guard, spool: &Path, limit: Duration) -> (bool, Report) {
    let begin = Instant::now();
    // Its own file is there while it runs.
    while files(spool) > 1 && begin.elapsed() < limit {
        guard.flush(limit.saturating_sub(begin.elapsed()));
        thread::sleep(LOOK);
    }
    let report = guard.shutdown(SHUTDOWN);
    (is_empty(spool), report)
}

/// Whether nothing is left there.
pub fn is_empty(spool: &Path) -> bool {
    files(spool) == 0
}

fn files(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}
