//! Containers of a document that are passed over, or copied as they stand if they are content that was asked for.

use super::{CUT, Document, Kind, LEAVES, MAX_LEAF};

impl Document {
    /// The next bytes of a container that is passed over; returns how many belong to it.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(&byte) = bytes.get(taken) {
            taken += 1;
            if self.passing_text {
                if self.copying {
                    self.copy_in_text(byte);
                } else if !self.passing_escape && byte != b'"' && byte != b'\\' {
                    let rest = &bytes[taken..];
                    taken += memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                    continue;
                }
                match byte {
                    _ if self.passing_escape => self.passing_escape = false,
                    b'\\' => self.passing_escape = true,
                    b'"' => self.passing_text = false,
                    _ => {}
                }
                continue;
            }
            if self.copying {
                self.copy(byte);
            }
            match byte {
                b'"' => {
                    self.passing_text = true;
                    (self.passing_leaf, self.passing_digits) = (0, 0);
                }
                b'{' | b'[' => self.passing_depth += 1,
                b'}' | b']' => {
                    self.passing_depth -= 1;
                    if self.passing_depth == 0 {
                        self.end_passing();
                        break;
                    }
                }
                _ => {}
            }
        }
        taken
    }

    fn copy(&mut self, byte: u8) {
        if self.contents + (self.store.len() - self.text_from) < self.content {
            self.store.push(byte);
        } else {
            self.copied_whole = false;
        }
    }

    /// A long text is cut between characters, escapes and pairs of escapes, so that what is kept stays JSON.
    fn copy_in_text(&mut self, byte: u8) {
        let is_start = !self.passing_escape && self.passing_digits == 0 && byte & 0xc0 != 0x80;
        let is_end = is_start && byte == b'"';
        let max = MAX_LEAF.max(self.content / LEAVES);
        if is_start && self.passing_leaf >= max && !(byte == b'\\' && self.half_a_pair()) {
            self.passing_leaf = usize::MAX;
        }
        if self.passing_digits > 0 {
            self.passing_digits -= 1;
        } else if self.passing_escape && byte == b'u' {
            self.passing_digits = 4;
        }
        if is_end && self.passing_leaf == usize::MAX {
            CUT.bytes().for_each(|byte| self.copy(byte));
        }
        if is_end || self.passing_leaf < usize::MAX {
            self.passing_leaf = self.passing_leaf.saturating_add(1);
            self.copy(byte);
        }
    }

    /// The copy ends with the escape of a high surrogate.
    fn half_a_pair(&self) -> bool {
        let tail = self.store.get(self.store.len().saturating_sub(6)..).unwrap_or_default();
        matches!(tail, [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', _, _])
    }

    fn end_passing(&mut self) {
        let (at, kept) = (self.text_from, self.store.len() - self.text_from);
        let (copying, whole) = (self.copying, self.copied_whole);
        self.copying = false;
        self.value_ended();
        self.contents += kept;
        self.add(if copying { Kind::Json { at, kept, whole } } else { Kind::Passed });
    }
}
