//! Frames of AWS (`application/vnd.amazon.eventstream`): lengths, headers, payload, and a checksum over each.
//!
//! In: bytes, cut anywhere. Out: the payload of frames, in pieces as they come; at a frame's end its type, and whether its checksum
//! was right. A frame that breaks the rules ends the reading, since nobody knows where the next one begins. Payloads are not held.

use super::framing::Piece;

/// What AWS allows a frame to have, and what we want to hold of its headers (those of the services are about 100 bytes).
const MAX_FRAME: usize = 24 * 1024 * 1024;
const MAX_HEADERS: usize = 16 * 1024;
const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;

/// What a frame is, by its headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FrameType {
    /// `:event-type`, `:exception-type` or `:error-code`.
    pub(super) name: String,
    /// An exception or an error, not an event.
    pub(super) is_error: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Prelude,
    Headers { left: usize, payload: usize },
    Payload { left: usize },
    Checksum,
    Broken,
}

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Frames {
    state: State,
    /// Prelude, headers or checksum, as far as they came.
    held: Vec<u8>,
    checksum: u32,
    frame: FrameType,
}

impl Frames {
    pub(super) fn new() -> Self {
        Self { state: State::Prelude, held: Vec::new(), checksum: crc_start(), frame: FrameType::default() }
    }

    /// The next piece of `bytes`, which it takes from their front; `None` when they are used up or cannot be read on.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Piece<'a>> {
        loop {
            match self.state {
                State::Prelude => {
                    self.hold(bytes, PRELUDE)?;
                    self.state = self.prelude().unwrap_or(State::Broken);
                    self.held.clear();
                }
                State::Headers { left, payload } => {
                    self.hold(bytes, left)?;
                    self.checksum = crc(self.checksum, &self.held);
                    self.frame = frame_type(&self.held);
                    self.held.clear();
                    self.state = State::Payload { left: payload };
                }
                State::Payload { left: 0 } => self.state = State::Checksum,
                State::Payload { left } => {
                    if bytes.is_empty() {
                        return None;
                    }
                    let (piece, rest) = bytes.split_at(left.min(bytes.len()));
                    *bytes = rest;
                    self.checksum = crc(self.checksum, piece);
                    self.state = State::Payload { left: left - piece.len() };
                    return Some(Piece::Data(piece));
                }
                State::Checksum => {
                    self.hold(bytes, CHECKSUM)?;
                    let is_right = number(&self.held, 0) == Some(crc_end(self.checksum));
                    self.held.clear();
                    self.checksum = crc_start();
                    if !is_right {
                        self.state = State::Broken;
                        return None;
                    }
                    self.state = State::Prelude;
                    return Some(Piece::End);
                }
                State::Broken => {
                    *bytes = &[];
                    return None;
                }
            }
        }
    }

    /// The type of the frame, at its end.
    pub(super) fn frame(&self) -> &FrameType {
        &self.frame
    }

    /// The stream broke the rules.
    pub(super) fn is_broken(&self) -> bool {
        self.state == State::Broken
    }

    pub(super) fn memory(&self) -> usize {
        self.held.capacity() + self.frame.name.capacity()
    }

    /// Holds `length` bytes together; `None` while they are not there.
    fn hold(&mut self, bytes: &mut &[u8], length: usize) -> Option<()> {
        let (piece, rest) = bytes.split_at(length.saturating_sub(self.held.len()).min(bytes.len()));
        *bytes = rest;
        self.held.extend_from_slice(piece);
        (self.held.len() >= length).then_some(())
    }

    fn prelude(&mut self) -> Option<State> {
        let (total, headers) = (number(&self.held, 0)? as usize, number(&self.held, 4)? as usize);
        let is_right = number(&self.held, 8)? == crc_end(crc(crc_start(), self.held.get(..8)?));
        let payload = total.checked_sub(PRELUDE + headers + CHECKSUM)?;
        if !is_right || total > MAX_FRAME || headers > MAX_HEADERS {
            return None;
        }
        self.checksum = crc(crc_start(), &self.held);
        Some(State::Headers { left: headers, payload })
    }
}

/// A big-endian number.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Headers are: length and text of the name, the value's type, the value. Those that matter are texts (type 7).
fn frame_type(mut headers: &[u8]) -> FrameType {
    let mut frame = FrameType::default();
    while let Some((name, kind, value)) = header(&mut headers) {
        let text = || String::from_utf8_lossy(value).into_owned();
        match (name, kind) {
            (b":message-type", 7) => frame.is_error = value != b"event",
            (b":event-type" | b":exception-type" | b":error-code", 7) => frame.name = text(),
            _ => {}
        }
    }
    frame
}

fn header<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], u8, &'a [u8])> {
    let length = usize::from(*rest.first()?);
    let name = rest.get(1..=length)?;
    let kind = *rest.get(length + 1)?;
    let after = rest.get(length + 2..)?;
    let (skip, length) = match kind {
        0 | 1 => (0, 0),
        2 => (0, 1),
        3 => (0, 2),
        4 => (0, 4),
        5 | 8 => (0, 8),
        6 | 7 => (2, usize::from(u16::from_be_bytes([*after.first()?, *after.get(1)?]))),
        9 => (0, 16),
        _ => return None,
    };
    let value = after.get(skip..skip + length)?;
    *rest = after.get(skip + length..)?;
    Some((name, kind, value))
}

const CRC_TABLE: [u32; 256] = crc_table();

/// The table of the CRC-32 of IEEE 802.3.
const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256_u32 {
        let mut remainder = byte;
        let mut bit = 0;
        while bit < 8 {
            remainder = if remainder & 1 == 1 { 0xedb8_8320 ^ (remainder >> 1) } else { remainder >> 1 };
            bit += 1;
        }
        table[byte as usize] = remainder;
        byte += 1;
    }
    table
}

const fn crc_start() -> u32 {
    u32::MAX
}

fn crc(state: u32, bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(state, |state, byte| CRC_TABLE[usize::from(state.to_le_bytes()[0] ^ byte)] ^ (state >> 8))
}

const fn crc_end(state: u32) -> u32 {
    !state
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A frame with text headers.
    pub(crate) fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
        let mut encoded = Vec::new();
        for (name, value) in headers {
            encoded.push(u8::try_from(name.len()).unwrap());
            encoded.extend_from_slice(name.as_bytes());
            encoded.push(7);
            encoded.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
            encoded.extend_from_slice(value.as_bytes());
        }
        let total = PRELUDE + encoded.len() + payload.len() + CHECKSUM;
        let mut frame = u32::try_from(total).unwrap().to_be_bytes().to_vec();
        frame.extend_from_slice(&u32::try_from(encoded.len()).unwrap().to_be_bytes());
        frame.extend_from_slice(&crc_end(crc(crc_start(), &frame)).to_be_bytes());
        frame.extend_from_slice(&encoded);
        frame.extend_from_slice(payload);
        frame.extend_from_slice(&crc_end(crc(crc_start(), &frame)).to_be_bytes());
        frame
    }

    pub(crate) fn event(name: &str, payload: &str) -> Vec<u8> {
        frame(&[(":event-type", name), (":message-type", "event")], payload.as_bytes())
    }

    fn frames(stream: &[u8], size: usize) -> (Vec<(FrameType, String)>, bool) {
        let mut framing = Frames::new();
        let (mut found, mut data) = (Vec::new(), Vec::new());
        for mut bytes in stream.chunks(size) {
            while let Some(piece) = framing.next(&mut bytes) {
                match piece {
                    Piece::Data(piece) => data.extend_from_slice(piece),
                    Piece::End => {
                        let data = String::from_utf8(std::mem::take(&mut data)).unwrap();
                        found.push((framing.frame().clone(), data));
                    }
                }
            }
        }
        (found, framing.is_broken())
    }

    #[test]
    fn the_checksum_is_the_one_of_the_standard() {
        assert_eq!(crc_end(crc(crc_start(), b"123456789")), 0xcbf4_3926);
    }

    #[test]
    fn frames_come_out_at_any_cut() {
        let mut stream = event("messageStart", "{}");
        stream.extend(frame(
            &[(":exception-type", "throttlingException"), (":message-type", "exception")],
            b"x",
        ));
        stream.extend(event("empty", ""));
        let expected =
            [("messageStart", false, "{}"), ("throttlingException", true, "x"), ("empty", false, "")];
        let expected = expected
            .map(|(name, is_error, data)| (FrameType { name: name.to_owned(), is_error }, data.to_owned()));
        for size in 1..=stream.len() {
            assert_eq!(frames(&stream, size), (expected.to_vec(), false), "{size}");
        }
    }

    #[test]
    fn any_wrong_byte_ends_the_reading() {
        let whole = event("messageStart", "{\"role\":\"assistant\"}");
        for at in 0..whole.len() {
            let mut stream = whole.clone();
            stream[at] ^= 0x10;
            stream.extend(&whole);
            let (found, is_broken) = frames(&stream, 7);
            // A length that grew: the frame is not over, the checksum of the prelude told it.
            assert!(found.is_empty() && is_broken, "byte {at}");
        }
    }

    #[test]
    fn lengths_that_lie_are_not_believed() {
        for (total, headers) in
            [(u32::MAX, 0), (u32::MAX, u32::MAX), (15, 0), (16, 1), (0, 0), (1 << 20, 1 << 19)]
        {
            let mut prelude = [total.to_be_bytes(), headers.to_be_bytes()].concat();
            prelude.extend(crc_end(crc(crc_start(), &prelude)).to_be_bytes());
            let mut framing = Frames::new();
            assert_eq!(framing.next(&mut &prelude[..]), None);
            assert!(framing.is_broken(), "{total} {headers}");
            assert!(framing.memory() < 100);
        }
    }
}
