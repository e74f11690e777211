//! The end of the process, where no guard is dropped: `exit` from anywhere, a signal, an abort after a panic, and the child of a fork.
//!
//! In: installations, watched from their start to their end. Out: each of them ended, its open spans marked as incomplete, within its
//! `shutdown_timeout`. Does not: export (the pipeline's threads do, all that happens here is to wait for them), change the exit status, or
//! decide that the process ends. What nobody can see coming (`abort`, SIGKILL, `exec`, `_exit`) is not seen here either.

#[cfg(unix)]
mod fork;
#[cfg(unix)]
mod handler;
mod panic;
#[cfg(unix)]
mod signals;

#[cfg(unix)]
use std::sync::MutexGuard;
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use crate::diag;
use crate::hub::{self, Installed};
use crate::pipeline::control::Ended;
use crate::pipeline::stats::Report;
use crate::sync::lock;

/// A signal that asks a process to end; see [`Builder::end_on_signals`](crate::Builder::end_on_signals).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// `SIGINT`: Ctrl-C.
    Interrupt,
    /// `SIGTERM`: what `kill`, `systemd` and Kubernetes send first.
    Terminate,
    /// `SIGHUP`: the terminal is gone.
    Hangup,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Interrupt, Self::Terminate, Self::Hangup];
}

/// Ends the process as [`std::process::exit`] does, after telemetry has been ended: spans that are still open are exported with
/// `llmetry.outcome=incomplete`, and with an error status unless `code` says success.
///
/// It waits for the exporters no longer than [`Builder::shutdown_timeout`](crate::Builder::shutdown_timeout), 5 s by default.
///
/// A plain `std::process::exit` does the same on Linux with glibc. On other Unix systems the status of open spans stays unset then, since
/// exit handlers are not told the code; and on Windows they are not called.
///
/// ```no_run
/// # fn credentials_are_wrong() -> bool { true }
/// if credentials_are_wrong() {
///     llmetry::exit(1);
/// }
/// ```
pub fn exit(code: i32) -> ! {
    end_all(of_status(code));
    std::process::exit(code)
}

/// What an exit status says. On Unix its low eight bits are all that a parent sees.
fn of_status(status: i32) -> Ended {
    let seen = if cfg!(unix) { status & 0xff } else { status };
    if seen == 0 { Ended::Well } else { Ended::Badly }
}

/// Installations that have not come to their end, wherever their guards are. One that is being ended still stands here: whoever exits
/// meanwhile waits for it.
static WATCHED: Mutex<Vec<Watched>> = Mutex::new(Vec::new());

#[derive(Clone)]
struct Watched {
    installed: Arc<Installed>,
    timeout: Duration,
}

/// Has this process's end looked after from here on. What is registered stays: there is no way back, and nothing to do twice.
pub(super) fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::prepare();
        #[cfg(unix)]
        for (what, registered) in [("exit", handler::register()), ("fork", fork::register())] {
            if !registered {
                diag::notice(&format!(
                    "the system takes no more {what} handlers: telemetry may miss the end of this process"
                ));
            }
        }
    });
}

/// From now on `installed` is ended with the process.
pub(super) fn watch(installed: &Arc<Installed>, timeout: Duration) {
    lock(&WATCHED).push(Watched { installed: Arc::clone(installed), timeout });
}

/// Ends `installed`: what is called next is not recorded any more, what is open goes out as incomplete.
pub(super) fn end(installed: &Installed, timeout: Duration, ended: Ended) -> Report {
    hub::remove(installed.epoch);
    let report = installed.pipeline.end(timeout, ended);
    let mut watched = lock(&WATCHED);
    let place = watched.iter().position(|watched| watched.installed.epoch == installed.epoch);
    let gone = place.map(|place| watched.swap_remove(place));
    drop(watched);
    // Outside of the lock: it may be the last user.
    drop(gone);
    report
}

/// Ends all that a forked process has of its own.
pub(super) fn end_inherited(timeout: Duration, ended: Ended) -> Report {
    hub::disinherit();
    match hub::current().filter(|installed| installed.inherited) {
        Some(installed) => end(&installed, timeout, ended),
        None => Report { in_time: true, ..Report::default() },
    }
}

/// Ends all that runs, within the longest of their timeouts, and says what was lost. On any thread, thread-locals or not, and as often as
/// somebody likes.
fn end_all(ended: Ended) {
    let begin = Instant::now();
    let watched = lock(&WATCHED).clone();
    for Watched { installed, timeout } in watched {
        let report = end(&installed, timeout.saturating_sub(begin.elapsed()), ended);
        if report.is_notable() {
            diag::notice(&report.to_string());
        }
    }
}

/// Sends what has ended so far; the process goes on.
#[cfg(unix)]
fn flush_all() {
    let begin = Instant::now();
    let watched = lock(&WATCHED).clone();
    for Watched { installed, timeout } in watched {
        installed.pipeline.flush(timeout.saturating_sub(begin.elapsed()));
    }
}

/// From now on each of `signals` ends telemetry, and then the process.
///
/// # Errors
///
/// When the system gives no thread, or refuses.
#[cfg(unix)]
pub(super) fn end_on(signals: &[Signal]) -> std::io::Result<()> {
    signals::install(signals)
}

/// Where there are no signals the builder has refused them.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on systems where it may fail")]
pub(super) fn end_on(_: &[Signal]) -> std::io::Result<()> {
    Ok(())
}

/// A forked process makes its own installation: what watches over the parent's in threads has to be started anew.
pub(super) fn revive() {
    #[cfg(unix)]
    if let Err(error) = signals::revive() {
        diag::notice(&format!("signals end this forked process without telemetry: {error}"));
    }
}

/// Holds what is locked here, so that a fork leaves it unlocked in the child.
#[cfg(unix)]
fn hold() -> MutexGuard<'static, Vec<Watched>> {
    lock(&WATCHED)
}
