//! Texts of a document: keys, facts, content, and those of which only the length matters; escapes, cut anywhere.

use super::{Document, Escape, Kind, MAX_FACT, MAX_FACTS, MAX_KEY, MAX_WRAPPED, Sink, State};
use crate::wire::words::{Keep, Word};

impl Document {
    pub(super) fn sink_of_text(&self) -> Sink {
        let room = match self.keep() {
            Keep::Fact => MAX_FACTS.saturating_sub(self.facts).min(MAX_FACT),
            Keep::Content | Keep::Json if !self.is_unknown() => self.content.saturating_sub(self.contents),
            Keep::Wrapped => MAX_WRAPPED.saturating_sub(self.contents),
            _ => 0,
        };
        if room == 0 { Sink::Nowhere } else { Sink::Store { end: self.store.len() + room } }
    }

    pub(super) fn begin_text(&mut self, sink: Sink) {
        self.state = State::Text;
        self.sink = sink;
        self.escape = Escape::No;
        self.surrogate = 0;
        self.text_from = self.store.len();
        self.text_length = 0;
        self.padding = 0;
    }

    /// The next bytes of a text; returns how many belong to it.
    pub(super) fn text(&mut self, bytes: &[u8]) -> usize {
        match self.escape {
            Escape::No => {
                let plain = end_or_escape(bytes).unwrap_or(bytes.len());
                if plain > 0 {
                    self.characters(&bytes[..plain]);
                }
                match bytes.get(plain) {
                    None => plain,
                    Some(b'"') => {
                        self.end_text();
                        plain + 1
                    }
                    Some(_) => {
                        self.escape = Escape::Backslash;
                        plain + 1
                    }
                }
            }
            Escape::Backslash => {
                self.escape = Escape::No;
                match bytes[0] {
                    b'u' => self.escape = Escape::Hex { digits: 0, value: 0 },
                    b'n' => self.characters(b"\n"),
                    b't' => self.characters(b"\t"),
                    b'r' => self.characters(b"\r"),
                    b'b' => self.characters(b"\x08"),
                    b'f' => self.characters(b"\x0c"),
                    byte => self.characters(&[byte]),
                }
                1
            }
            Escape::Hex { digits, value } => {
                let Some(digit) = char::from(bytes[0]).to_digit(16) else {
                    self.state = State::Broken;
                    return 1;
                };
                let value = value << 4 | u16::try_from(digit).unwrap_or(0);
                if digits < 3 {
                    self.escape = Escape::Hex { digits: digits + 1, value };
                } else {
                    self.escape = Escape::No;
                    self.unit(value);
                }
                1
            }
        }
    }

    /// A UTF-16 code unit.
    fn unit(&mut self, unit: u16) {
        if (0xd800..0xdc00).contains(&unit) {
            self.lone_surrogate();
            self.surrogate = unit;
            return;
        }
        let high = std::mem::take(&mut self.surrogate);
        let character = if high == 0 {
            char::from_u32(u32::from(unit))
        } else {
            char::decode_utf16([high, unit]).next().and_then(Result::ok)
        };
        let mut buffer = [0; 4];
        self.characters(character.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut buffer).as_bytes());
    }

    fn lone_surrogate(&mut self) {
        if std::mem::take(&mut self.surrogate) != 0 {
            self.characters("\u{fffd}".as_bytes());
        }
    }

    fn characters(&mut self, bytes: &[u8]) {
        if self.surrogate != 0 {
            self.lone_surrogate();
        }
        self.text_length += bytes.len() as u64;
        match self.sink {
            Sink::Nowhere => {
                let padding = bytes.iter().rev().take_while(|byte| **byte == b'=').count();
                let before = if padding == bytes.len() { self.padding } else { 0 };
                self.padding = before.saturating_add(u8::try_from(padding).unwrap_or(u8::MAX));
            }
            Sink::Key => {
                let end = self.key_length + bytes.len();
                if let Some(place) = self.key.get_mut(self.key_length..end) {
                    place.copy_from_slice(bytes);
                }
                self.key_length = end.min(MAX_KEY + 1);
            }
            Sink::Store { end } => {
                let room = end.saturating_sub(self.store.len()).min(bytes.len());
                self.store.extend_from_slice(&bytes[..room]);
            }
        }
    }

    fn end_text(&mut self) {
        self.lone_surrogate();
        if self.sink == Sink::Key {
            self.word = self.key.get(..self.key_length).map_or(Word::Unknown, Word::of);
            self.state = State::Colon;
            return;
        }
        let kept = self.store.len() - self.text_from;
        match self.keep() {
            Keep::Fact => self.facts += kept,
            _ => self.contents += kept,
        }
        self.value_ended();
        let (at, length, padding) = (self.text_from, self.text_length, self.padding);
        self.add(Kind::Text { at, kept, length, padding });
    }
}

/// The first byte of a text that ends it or begins an escape. Most texts are short: the search for long ones has a price.
fn end_or_escape(bytes: &[u8]) -> Option<usize> {
    const SHORT: usize = 16;
    let short = bytes.len().min(SHORT);
    let is_it = |byte: &u8| matches!(byte, b'"' | b'\\');
    bytes[..short]
        .iter()
        .position(is_it)
        .or_else(|| memchr::memchr2(b'"', b'\\', &bytes[short..]).map(|at| at + short))
}
