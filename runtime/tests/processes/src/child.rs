//! Runs a program to its end, with a limit: one that hangs is killed, and said to hang.

use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

/// Variables that could decide something here; a program gets none but those that it is given.
const OURS: [&str; 6] = ["OTEL_", "LLMETRY_", "TRACELOOP_", "OPENINFERENCE_", "NO_COLOR", "RUST_"];

/// What became of a program.
#[derive(Debug)]
pub struct Ended {
    /// `None`: it hung.
    pub status: Option<ExitStatus>,
    pub stdout: Vec<u8>,
    pub stderr: String,
    pub at: SystemTime,
}

/// A command without variables from outside.
pub fn clean(program: &std::path::Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars() {
        if OURS.iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
}

pub fn run(command: &mut Command, limit: Duration) -> io::Result<Ended> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdout, stderr) = (reads(child.stdout.take()), reads(child.stderr.take()));
    let status = wait(&mut child, limit)?;
    let at = SystemTime::now();
    let all = |thread: JoinHandle<Vec<u8>>| thread.join().unwrap_or_default();
    Ok(Ended { status, stdout: all(stdout), stderr: String::from_utf8_lossy(&all(stderr)).into_owned(), at })
}

/// Waits no longer than `limit`; then it is killed.
pub fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begin.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn reads(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before a pipe broke is there.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// `exit 1`, `signal 9`.
pub fn said(status: Option<ExitStatus>) -> String {
    match status.map(|status| (status.code(), status.signal())) {
        Some((Some(code), _)) => format!("exit {code}"),
        Some((_, Some(signal))) => format!("signal {signal}"),
        Some(_) => "unknown".to_owned(),
        None => "hangs".to_owned(),
    }
}
