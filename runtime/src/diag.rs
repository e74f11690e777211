//! Our own trouble, said to whoever runs the program: one line on stderr.
//!
//! In: a sentence. Out: `llmetry: ` and the sentence on stderr. Does not: panic, go through a span or a logger (either could come back
//! to us), or say the same thing again and again. Nothing else in the crate writes to stderr.

use std::io::Write;
use std::sync::{Mutex, MutexGuard};

use crate::sync::lock;

/// Things that were said once. Bounded: past it nothing new is said.
static SAID: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
const MAX_SAID: usize = 256;

/// Says `message`.
pub(crate) fn notice(message: &str) {
    let line = line(message);
    // Beside std's lock: who exits while he holds it, or was forked while somebody else did, would wait for himself.
    #[cfg(unix)]
    if let Ok(descriptor) = std::os::fd::AsFd::as_fd(&std::io::stderr()).try_clone_to_owned() {
        let _ = std::fs::File::from(descriptor).write_all(line.as_bytes());
        return;
    }
    // One write, so that lines of several threads do not mix; who has closed stderr does not want to know.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Says `message` unless something was said for `key` before, in this process.
pub(crate) fn once(key: &'static str, message: &str) {
    if first_time(&SAID, key) {
        notice(message);
    }
}

/// Holds what is locked here, so that a fork leaves it unlocked in the child.
pub(crate) fn hold() -> MutexGuard<'static, Vec<&'static str>> {
    lock(&SAID)
}

fn first_time(said: &Mutex<Vec<&'static str>>, key: &'static str) -> bool {
    let mut said = lock(said);
    if said.contains(&key) || said.len() == MAX_SAID {
        return false;
    }
    said.push(key);
    true
}

/// Texts of exporters and users are in the message: whatever they hold, it stays one line and moves no cursor.
fn line(message: &str) -> String {
    let mut line = String::with_capacity(message.len() + 16);
    line.push_str("llmetry: ");
    for c in message.chars() {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(line("two\nlines\u{1b}[2J, ünïcode"), "llmetry: two\\nlines\\u{1b}[2J, ünïcode\n");
    }

    #[test]
    fn a_key_is_said_once_and_keys_are_bounded() {
        let said = Mutex::new(Vec::new());
        assert!(first_time(&said, "a"));
        assert!(!first_time(&said, "a"));
        lock(&said).resize(MAX_SAID, "other");
        assert!(!first_time(&said, "b"));
    }
}
