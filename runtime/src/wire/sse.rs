//! Server-sent events, as the HTML standard has them: lines that end with LF, CR or CRLF, a field a line, an empty line ends an event.
//!
//! In: bytes, cut anywhere. Out: the data of events, in pieces as they come, and their names. Nothing of the data is held, so that an
//! endless line costs nothing.

use super::framing::Piece;

/// A longer name of an event is none that a reader knows.
const MAX_NAME: usize = 64;
/// As many bytes as it takes to know a field.
const MAX_FIELD: usize = 6;
const DONE: &[u8] = b"[DONE]";
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// At the start of a line, or inside a field's name.
    #[default]
    Field,
    /// After the colon: one space is not part of the value.
    Space,
    Data,
    Name,
    Ignored,
}

/// See the head of this file.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is the state of another part of the machine")]
pub(super) struct Events {
    state: State,
    field: [u8; MAX_FIELD],
    field_length: usize,
    name: Vec<u8>,
    /// The first bytes of the event's data: is it `[DONE]`?
    head: [u8; DONE.len()],
    data_length: usize,
    has_data: bool,
    after_cr: bool,
    /// Bytes of the mark at the start of the stream that were seen; 3 when it is too late for it.
    mark: usize,
    /// A line break between two lines of data has to be handed on.
    pending_break: bool,
    ended: bool,
}

impl Events {
    /// The next piece of `bytes`, which it takes from their front; `None` when they are used up.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Piece<'a>> {
        if std::mem::take(&mut self.ended) {
            self.begin();
        }
        while let Some(&byte) = bytes.first() {
            if self.mark < BYTE_ORDER_MARK.len() {
                if byte == BYTE_ORDER_MARK[self.mark] {
                    self.mark += 1;
                    *bytes = &bytes[1..];
                    continue;
                }
                self.mark = BYTE_ORDER_MARK.len();
            }
            if std::mem::take(&mut self.after_cr) && byte == b'\n' {
                *bytes = &bytes[1..];
                continue;
            }
            if byte == b'\n' || byte == b'\r' {
                *bytes = &bytes[1..];
                self.after_cr = byte == b'\r';
                if self.end_of_line() {
                    self.ended = true;
                    return Some(Piece::End);
                }
                continue;
            }
            match self.state {
                State::Field if byte == b':' => {
                    *bytes = &bytes[1..];
                    self.state = State::Space;
                }
                State::Field => {
                    if let Some(place) = self.field.get_mut(self.field_length) {
                        *place = byte;
                    }
                    self.field_length = (self.field_length + 1).min(MAX_FIELD + 1);
                    *bytes = &bytes[1..];
                }
                State::Space => {
                    if byte == b' ' {
                        *bytes = &bytes[1..];
                    }
                    self.state = self.value();
                }
                State::Data if std::mem::take(&mut self.pending_break) => return Some(Piece::Data(b"\n")),
                State::Data | State::Name | State::Ignored => {
                    let end = memchr::memchr2(b'\n', b'\r', bytes).unwrap_or(bytes.len());
                    let (value, rest) = bytes.split_at(end);
                    *bytes = rest;
                    match self.state {
                        State::Data => {
                            self.remember(value);
                            return Some(Piece::Data(value));
                        }
                        State::Name => {
                            let room = MAX_NAME.saturating_sub(self.name.len()).min(value.len());
                            self.name.extend_from_slice(&value[..room]);
                        }
                        _ => {}
                    }
                }
            }
        }
        None
    }

    /// The stream ended: whether an event was under way that lacks its empty line only.
    pub(super) fn has_rest(&self) -> bool {
        self.has_data && !self.ended
    }

    /// The event's name, at its end.
    pub(super) fn name(&self) -> &str {
        std::str::from_utf8(&self.name).unwrap_or_default()
    }

    /// Whether the event's data is `[DONE]`.
    pub(super) fn is_done_mark(&self) -> bool {
        self.data_length == DONE.len() && self.head == DONE
    }

    pub(super) fn memory(&self) -> usize {
        self.name.capacity()
    }

    fn begin(&mut self) {
        self.name.clear();
        (self.data_length, self.has_data, self.pending_break) = (0, false, false);
    }

    fn remember(&mut self, data: &[u8]) {
        for (place, byte) in self.head.iter_mut().skip(self.data_length).zip(data) {
            *place = *byte;
        }
        self.data_length = self.data_length.saturating_add(data.len());
    }

    /// What the value of the field that was read is.
    fn value(&mut self) -> State {
        match self.field.get(..self.field_length) {
            Some(b"data") => {
                self.pending_break = self.has_data;
                self.has_data = true;
                State::Data
            }
            Some(b"event") => {
                self.name.clear();
                State::Name
            }
            _ => State::Ignored,
        }
    }

    /// Whether the line's end ends an event that has data.
    fn end_of_line(&mut self) -> bool {
        let is_empty = self.state == State::Field && self.field_length == 0;
        if self.state == State::Space {
            self.value();
        }
        (self.state, self.field_length) = (State::Field, 0);
        if is_empty && !self.has_data {
            self.begin();
        }
        is_empty && self.has_data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events as name and data, of `stream` in pieces of `size`.
    fn events(stream: &[u8], size: usize) -> Vec<(String, String, bool)> {
        let mut framing = Events::default();
        let (mut found, mut data) = (Vec::new(), Vec::new());
        for mut bytes in stream.chunks(size) {
            while let Some(piece) = framing.next(&mut bytes) {
                match piece {
                    Piece::Data(piece) => data.extend_from_slice(piece),
                    Piece::End => {
                        let data = String::from_utf8(std::mem::take(&mut data)).unwrap();
                        found.push((framing.name().to_owned(), data, framing.is_done_mark()));
                    }
                }
            }
        }
        found
    }

    fn event(name: &str, data: &str) -> (String, String, bool) {
        (name.to_owned(), data.to_owned(), data == "[DONE]")
    }

    #[test]
    fn lines_end_with_lf_cr_and_crlf_at_any_cut() {
        for line_break in ["\n", "\r", "\r\n"] {
            let stream =
                ["event: one", "data: a", "data:b", ": comment", "", "", "id: 7", "data: [DONE]", ""];
            let stream = stream.map(|line| format!("{line}{line_break}")).concat();
            for size in 1..=stream.len() {
                assert_eq!(
                    events(stream.as_bytes(), size),
                    [event("one", "a\nb"), event("", "[DONE]")],
                    "{line_break:?} {size}"
                );
            }
        }
    }

    #[test]
    fn a_name_after_the_data_and_a_mark_at_the_start_are_fine() {
        let stream = "\u{feff}data: {}\nevent: late\n\nevent: no data\n\ndata\n\ndata: x\n\n";
        for size in [1, 2, 100] {
            assert_eq!(events(stream.as_bytes(), size), [event("late", "{}"), event("", "x")]);
        }
    }

    #[test]
    fn what_only_begins_like_the_end_mark_is_none() {
        for data in ["[DONE", "[DONE]]", "[DONE] ", "xDONE]", ""] {
            for size in [1, 100] {
                let found = events(format!("data: {data}\n\n").as_bytes(), size);
                assert!(!found[0].2, "{data}");
            }
        }
    }

    #[test]
    fn an_endless_line_costs_nothing() {
        let mut framing = Events::default();
        for start in ["event: ", "x", "data: x"] {
            let mut start = start.as_bytes();
            while framing.next(&mut start).is_some() {}
            for _ in 0..100 {
                let mut bytes = &[b'x'; 10_000][..];
                while framing.next(&mut bytes).is_some() {}
            }
            let mut bytes = &b"\n"[..];
            while framing.next(&mut bytes).is_some() {}
        }
        assert!(framing.memory() <= 2 * MAX_NAME);
    }
}
