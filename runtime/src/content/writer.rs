//! A text that grows to a limit and no further, and is valid JSON wherever it had to stop.
//!
//! In: values through [`json`](super::json) or `fmt`. Out: JSON (or, for fields and error texts, a plain text as long as nothing is
//! nested). Where something is missing a mark says what: `…[cut, 104857600 bytes]` behind a text, `[cut]`, `[too deep]`,
//! `[cannot be written: Type]` or `[redacted]` in the place of a value.
//!
//! Three bounds: a text is cut at `value_bytes`; the whole at `content_bytes`, past which [`Stop::Full`] ends the walk through the
//! value at once; and the walk may take [`MAX_STACK`] bytes of stack and [`MAX_DEPTH`] levels, since a value may contain itself.

use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_core::Serialize;

use super::capture::Capture;
use super::json::Json;
use super::redact::{MASK, Redactor};
use super::{RulePanicked, Rules};
use crate::value::prefix;

/// Threads of async runtimes have 2 MiB, and may be deep in it.
const MAX_STACK: usize = 128 * 1024;
/// Readers of JSON commonly refuse more.
const MAX_DEPTH: usize = 128;
/// A text is looked at so far behind its cut, so that a secret that the cut would halve is still known as one.
const LOOKAHEAD: usize = 4096;
/// For a mark, a comma and a key's colon; closing brackets are reckoned apart.
const RESERVE: usize = 64;

/// Why a value was not written to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// There is no room for more: the walk ends.
    Full,
    /// The value is nested too deeply. A mark stands in its place and the walk goes on.
    Deep,
    /// Its own code failed. The same.
    Failed,
}

/// What was written, as far as an attribute can hold it as such.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar {
    /// A boolean.
    Bool(bool),
    /// A whole number in range.
    I64(i64),
    /// A number.
    F64(f64),
    /// Whatever the text says.
    Other,
}

/// The text as far as it is written.
#[derive(Debug)]
pub struct Writer<'a> {
    text: String,
    /// Brackets that are to be closed, the innermost last.
    open: Vec<char>,
    max_text: usize,
    max_whole: usize,
    redactor: Option<&'a Redactor>,
    /// A text that is not inside of anything is written without quotes.
    plain: bool,
    full: bool,
    rule_panicked: bool,
    /// Where the stack was when this began.
    stack: usize,
}

impl<'a> Writer<'a> {
    fn new(max_text: usize, max_whole: usize, redactor: Option<&'a Redactor>, plain: bool) -> Self {
        Self {
            text: String::new(),
            open: Vec::new(),
            max_text,
            max_whole,
            redactor,
            plain,
            full: false,
            rule_panicked: false,
            stack: stack_address(),
        }
    }

    /// For an argument list or a result.
    pub(super) fn for_content(rules: Rules<'a>) -> Self {
        let whole = rules.limits.content_bytes();
        // Of a text that may be longer than the whole, no more is looked at either.
        Self::new(rules.limits.value_bytes.min(whole), whole, Some(rules.redactor), false)
    }

    /// For the text of an error.
    pub(super) fn for_text(rules: Rules<'a>) -> Self {
        Self::new(rules.limits.value_bytes, usize::MAX, Some(rules.redactor), true)
    }

    /// For a field, whose attribute is cut at `max_bytes` afterwards, wherever that is.
    pub(super) fn for_field(max_bytes: usize) -> Self {
        Self::new(max_bytes, max_bytes, None, true)
    }

    /// What was written, with everything closed.
    pub(super) fn finish(mut self) -> Result<Box<str>, RulePanicked> {
        if self.rule_panicked {
            return Err(RulePanicked);
        }
        self.text.extend(self.open.iter().rev());
        Ok(self.text.into_boxed_str())
    }

    /// All of `values` in one object.
    pub(super) fn object(&mut self, values: &[(&'static str, &dyn Capture)]) {
        // An empty writer has room for one bracket.
        let _ = self.begin('{', '}');
        for (index, (name, value)) in values.iter().enumerate() {
            if self.full {
                break;
            }
            self.comma(index == 0);
            if self.name(name).is_err() {
                break;
            }
            if self.is_secret(name) {
                let _ = self.masked();
            } else {
                self.capture(*value);
            }
        }
    }

    /// One value, whatever its code does.
    pub(super) fn capture(&mut self, value: &dyn Capture) {
        self.guarded(value.type_name(), |writer| value.write(writer));
    }

    /// Lets code of the program write, and puts a mark in its place if it fails or panics.
    pub(super) fn guarded(
        &mut self,
        type_name: &'static str,
        write: impl FnOnce(&mut Self) -> Result<(), Stop>,
    ) {
        let (text, open) = (self.text.len(), self.open.len());
        // A writer is consistent at each call it makes: what a panic leaves behind is taken back below.
        let written = catch_unwind(AssertUnwindSafe(|| write(self))).unwrap_or(Err(Stop::Failed));
        if let Err(stop) = written {
            let _ = self.replaced(text, open, stop, type_name);
        }
    }

    /// `value` as its `Serialize` says; if that fails, a mark in its place.
    pub(super) fn serialized<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<Scalar, Stop> {
        if self.full {
            return Err(Stop::Full);
        }
        let (text, open) = (self.text.len(), self.open.len());
        let written = if self.is_deep() { Err(Stop::Deep) } else { value.serialize(Json(self)) };
        match written {
            Ok(scalar) => Ok(scalar),
            Err(stop) => self.replaced(text, open, stop, std::any::type_name::<T>()).map(|()| Scalar::Other),
        }
    }

    /// Takes back what a value wrote before it stopped, and says why it is not there.
    fn replaced(
        &mut self,
        text: usize,
        open: usize,
        stop: Stop,
        type_name: &'static str,
    ) -> Result<(), Stop> {
        // Even if the code that failed has hidden it: what is full stays as it is.
        if stop == Stop::Full || self.full {
            return Err(Stop::Full);
        }
        self.text.truncate(text);
        self.open.truncate(open);
        match stop {
            Stop::Deep => self.mark("[too deep]"),
            Stop::Full | Stop::Failed => {
                // Collections hand out references to what they hold.
                self.mark(&format!("[cannot be written: {}]", type_name.trim_start_matches('&')))
            }
        }
    }

    /// A text of the program's.
    pub(super) fn text(&mut self, text: &str) -> Result<(), Stop> {
        self.leaf(text, Some(text.len()))
    }

    /// What `arguments` are as a text, without making more of it than is kept.
    pub(super) fn formatted(&mut self, arguments: fmt::Arguments<'_>) -> Result<(), Stop> {
        if self.full {
            return Err(Stop::Full);
        }
        let mut text = Bounded {
            text: String::new(),
            max: self.max_text.saturating_add(LOOKAHEAD),
            stack: self.stack,
            stop: None,
        };
        let written = text.write_fmt(arguments);
        match (written, text.stop) {
            (_, Some(Stop::Deep)) => Err(Stop::Deep),
            (_, Some(_)) => self.leaf(&text.text, None),
            (Err(fmt::Error), None) => Err(Stop::Failed),
            (Ok(()), None) => self.leaf(&text.text, Some(text.text.len())),
        }
    }

    /// Writes a text of `whole` bytes, of which `text` is all or the beginning; `None`: longer than `text`, nobody knows how much.
    fn leaf(&mut self, text: &str, whole: Option<usize>) -> Result<(), Stop> {
        if self.full {
            return Err(Stop::Full);
        }
        let seen = prefix(text, self.max_text.saturating_add(LOOKAHEAD));
        let more = whole != Some(seen.len());
        let clean = match self.redactor.map(|redactor| redactor.text(seen, more)) {
            None => seen.into(),
            Some(Ok(clean)) => clean,
            Some(Err(RulePanicked)) => {
                (self.rule_panicked, self.full) = (true, true);
                return Err(Stop::Full);
            }
        };
        // What was looked at behind the cut stays unseen, also when masks have made the text before it shorter.
        let max = if more { self.max_text.min(clean.len().saturating_sub(LOOKAHEAD)) } else { self.max_text };
        let shown = prefix(&clean, max);
        self.string(shown, more || shown.len() < clean.len(), whole)
    }

    /// Writes `text`, a mark if it `is_cut`, and quotes around it.
    fn string(&mut self, text: &str, is_cut: bool, whole: Option<usize>) -> Result<(), Stop> {
        if self.plain && self.open.is_empty() {
            self.text.push_str(text);
        } else {
            if self.room() < 2 {
                return self.out_of_room();
            }
            self.text.push('"');
            let fits = self.escaped(text);
            if !fits {
                self.full = true;
            }
        }
        let quote = if self.plain && self.open.is_empty() { "" } else { "\"" };
        if is_cut || self.full {
            // Writing to a `String` does not fail.
            let _ = match whole {
                Some(whole) => write!(self.text, "…[cut, {whole} bytes]"),
                None => write!(self.text, "…[cut]"),
            };
        }
        self.text.push_str(quote);
        if self.full { Err(Stop::Full) } else { Ok(()) }
    }

    /// Writes `text` as the inside of a JSON string; `false` if not all of it has room.
    fn escaped(&mut self, mut text: &str) -> bool {
        while !text.is_empty() {
            let plain = text.find(|c: char| c < ' ' || c == '"' || c == '\\').unwrap_or(text.len());
            let fitting = prefix(&text[..plain], self.room());
            self.text.push_str(fitting);
            if fitting.len() < plain || self.room() < 6 {
                return fitting.len() == text.len();
            }
            let mut rest = text[plain..].chars();
            match rest.next() {
                None => {}
                Some('"') => self.text.push_str("\\\""),
                Some('\\') => self.text.push_str("\\\\"),
                Some('\n') => self.text.push_str("\\n"),
                Some('\r') => self.text.push_str("\\r"),
                Some('\t') => self.text.push_str("\\t"),
                // Writing to a `String` does not fail.
                Some(control) => drop(write!(self.text, "\\u{:04x}", u32::from(control))),
            }
            text = rest.as_str();
        }
        true
    }

    /// A number, `true`, `null` and the like.
    pub(super) fn token(&mut self, token: fmt::Arguments<'_>) -> Result<(), Stop> {
        if self.full {
            return Err(Stop::Full);
        }
        // The longest is a 128-bit number of 40 digits.
        if self.room() < 40 {
            return self.out_of_room();
        }
        let _ = self.text.write_fmt(token);
        Ok(())
    }

    /// A sentence of ours as a value.
    pub(super) fn mark(&mut self, mark: &str) -> Result<(), Stop> {
        if self.full {
            return Err(Stop::Full);
        }
        self.string(mark, false, Some(mark.len()))
    }

    /// In the place of a secret.
    pub(super) fn masked(&mut self) -> Result<(), Stop> {
        self.mark(MASK)
    }

    fn out_of_room(&mut self) -> Result<(), Stop> {
        self.full = true;
        self.text.push_str("\"[cut]\"");
        Err(Stop::Full)
    }

    /// Opens a bracket.
    pub(super) fn begin(&mut self, begin: char, end: char) -> Result<(), Stop> {
        if self.full {
            return Err(Stop::Full);
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(Stop::Deep);
        }
        if self.room() < 2 {
            return self.out_of_room();
        }
        self.text.push(begin);
        self.open.push(end);
        Ok(())
    }

    /// How many brackets are open.
    pub(super) fn level(&self) -> usize {
        self.open.len()
    }

    /// Closes brackets until no more than `level` are open.
    pub(super) fn end(&mut self, level: usize) -> Result<(), Stop> {
        if self.full {
            return Err(Stop::Full);
        }
        self.text.extend(self.open.drain(level..).rev());
        Ok(())
    }

    /// Before the next item of whatever is open.
    pub(super) fn comma(&mut self, is_first: bool) {
        if !is_first && !self.full {
            self.text.push(',');
        }
    }

    /// A key that is known to be short and clean.
    pub(super) fn name(&mut self, name: &str) -> Result<(), Stop> {
        let written = self.mark(name);
        self.colon(written)
    }

    /// A key of any type: what is no text is written as its JSON, in a text.
    pub(super) fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<Key, Stop> {
        let (start, open) = (self.text.len(), self.open.len());
        let mut written = self.serialized(key).map(drop);
        if !self.text[start..].starts_with('"') && !self.rule_panicked {
            let mut json = self.text.split_off(start);
            // A key that was cut is closed here, and not behind the quote.
            json.extend(self.open.drain(open..).rev());
            let full = std::mem::take(&mut self.full);
            let quoted = self.string(&json, false, Some(json.len()));
            self.full |= full;
            written = written.and(quoted);
        }
        let name = self.text[start..].trim_matches('"');
        let is_secret = self.is_secret(name);
        self.colon(written)?;
        Ok(Key { is_secret })
    }

    /// After a key. If that took the last room, the walk ends with a value in the value's place.
    fn colon(&mut self, key: Result<(), Stop>) -> Result<(), Stop> {
        self.text.push(':');
        if key.is_err() {
            self.full = true;
            self.text.push_str("null");
            return Err(Stop::Full);
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether what was written since is a text that names a secret.
    pub(super) fn names_secret_since(&self, start: usize) -> bool {
        let name = self.text.get(start..).and_then(|text| text.strip_prefix('"')?.strip_suffix('"'));
        name.is_some_and(|name| self.is_secret(name))
    }

    /// Whether the value of `key` is masked, whatever it is.
    pub(super) fn is_secret(&self, key: &str) -> bool {
        self.redactor.is_some_and(|redactor| redactor.is_secret(key))
    }

    /// Bytes that are left, with what is open closed and a mark written.
    fn room(&self) -> usize {
        self.max_whole.saturating_sub(self.text.len() + self.open.len() + RESERVE)
    }

    pub(super) fn is_deep(&self) -> bool {
        is_deep(self.stack)
    }
}

/// A key that was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) is_secret: bool,
}

/// A text that answers with an error when it is full.
struct Bounded {
    text: String,
    max: usize,
    stack: usize,
    stop: Option<Stop>,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.stop.is_none() && is_deep(self.stack) {
            self.stop = Some(Stop::Deep);
        }
        if self.stop.is_some() {
            return Err(fmt::Error);
        }
        let fitting = prefix(text, self.max - self.text.len());
        self.text.push_str(fitting);
        if fitting.len() < text.len() {
            self.stop = Some(Stop::Full);
            return Err(fmt::Error);
        }
        Ok(())
    }
}

/// Where the stack is now, near enough.
#[inline(never)]
fn stack_address() -> usize {
    let here = 0_u8;
    (&raw const here).addr()
}

fn is_deep(begin: usize) -> bool {
    stack_address().abs_diff(begin) > MAX_STACK
}
