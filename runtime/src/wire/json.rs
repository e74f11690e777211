//! A JSON document read as its bytes come, of which only what readers look at is kept.
//!
//! In: the bytes of one document, cut anywhere. Out: [`Value`], lenient access to what stands under known words. Not kept: what is
//! under other words, vectors (they are counted), and content unless it was asked for. So a body of any size costs the same few
//! kilobytes, nothing of it is copied that is no fact, and nothing recurses. Each kind of memory has a bound, below.
//!
//! A parser of our own, since those that build on `serde` want the whole document in one piece. It is lenient with what it passes
//! over (brackets there are counted, not matched).

mod passing;
#[cfg(test)]
mod tests;
mod text;
mod value;

pub(super) use value::Value;

use super::words::{Keep, Word};

/// Containers inside each other; what is deeper is passed over.
const MAX_DEPTH: usize = 48;
/// Values kept of a document.
const MAX_NODES: usize = 4096;
/// Values kept beyond that if they stand at the top, so that what follows a long list (usage, most often) is still read.
const MAX_TOP_NODES: usize = MAX_NODES + 512;
/// Members kept of a list; the others are counted.
const MAX_ITEMS: u32 = 256;
/// Bytes of one fact, and of all facts of a document.
const MAX_FACT: usize = 1024;
const MAX_FACTS: usize = 64 * 1024;
/// Bytes of a document wrapped in another.
const MAX_WRAPPED: usize = 1024 * 1024;
/// Bytes of one text inside content kept as JSON: images in base64 are cut here. At least this, and at least that part of all content.
const MAX_LEAF: usize = 32 * 1024;
const LEAVES: usize = 16;
/// Behind a text that was cut.
const CUT: &str = "…[cut]";
/// A longer key is none of ours.
const MAX_KEY: usize = 40;
/// A longer number is none of ours.
const MAX_NUMBER: usize = 40;
/// What an emptied document may hold on to.
const KEPT_CAPACITY: usize = 16 * 1024;

const NONE: u32 = u32::MAX;

/// Whose document it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// What was kept of it, its whole length, and the `=` at its end.
    Text {
        at: usize,
        kept: usize,
        length: u64,
        padding: u8,
    },
    Json {
        at: usize,
        kept: usize,
        whole: bool,
    },
    Object,
    Array {
        members: u32,
    },
    /// Something that is there.
    Passed,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    word: Word,
    kind: Kind,
    first: u32,
    next: u32,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    node: u32,
    last: u32,
    word: Word,
    members: u32,
    is_array: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Value,
    /// After `[`: a value or `]`.
    FirstMember,
    /// After `{`: a key or `}`.
    FirstKey,
    /// After a comma in an object.
    Key,
    Colon,
    /// After a value: a comma or the end of the container.
    After,
    Text,
    Number,
    /// `true`, `false`, `null`
    Literal,
    /// Inside a container that is not read; perhaps it is copied.
    Passing,
    Done,
    Broken,
}

/// Where the characters of a text go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sink {
    Key,
    Nowhere,
    /// Into the store, up to this length of the store.
    Store {
        end: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    No,
    Backslash,
    Hex { digits: u8, value: u16 },
}

/// See the head of this file.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is the state of another part of the machine")]
pub(super) struct Document {
    side: Side,
    /// Bytes of content to keep; 0: none.
    content: usize,
    nodes: Vec<Node>,
    store: Vec<u8>,
    facts: usize,
    contents: usize,
    stack: Vec<Level>,
    state: State,
    /// Word of the value that comes next.
    word: Word,
    key: [u8; MAX_KEY],
    key_length: usize,
    sink: Sink,
    escape: Escape,
    surrogate: u16,
    text_from: usize,
    text_length: u64,
    padding: u8,
    token: [u8; MAX_NUMBER],
    token_length: usize,
    passing_depth: u64,
    passing_text: bool,
    passing_escape: bool,
    passing_digits: u8,
    passing_leaf: usize,
    copying: bool,
    copied_whole: bool,
    nothing_yet: bool,
}

impl Document {
    pub(super) fn new(side: Side, content: usize) -> Self {
        Self {
            side,
            content,
            nodes: Vec::new(),
            store: Vec::new(),
            facts: 0,
            contents: 0,
            stack: Vec::new(),
            state: State::Value,
            word: Word::Root,
            key: [0; MAX_KEY],
            key_length: 0,
            sink: Sink::Nowhere,
            escape: Escape::No,
            surrogate: 0,
            text_from: 0,
            text_length: 0,
            padding: 0,
            token: [0; MAX_NUMBER],
            token_length: 0,
            passing_depth: 0,
            passing_text: false,
            passing_escape: false,
            passing_digits: 0,
            passing_leaf: 0,
            copying: false,
            copied_whole: true,
            nothing_yet: true,
        }
    }

    /// Ready for the next document, on the same memory.
    pub(super) fn clear(&mut self) {
        self.nodes.clear();
        self.store.clear();
        self.store.shrink_to(KEPT_CAPACITY);
        self.nodes.shrink_to(KEPT_CAPACITY / size_of::<Node>());
        self.stack.clear();
        (self.facts, self.contents) = (0, 0);
        (self.state, self.word) = (State::Value, Word::Root);
        self.nothing_yet = true;
    }

    /// Nothing but white space came.
    pub(super) fn is_empty(&self) -> bool {
        self.nothing_yet
    }

    /// The document came to its end, and is one.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
            + self.store.capacity()
            + self.stack.capacity() * size_of::<Level>()
    }

    /// No more bytes will come: a number at the top ends here.
    pub(super) fn end(&mut self) {
        if self.stack.is_empty() {
            match self.state {
                State::Number => self.end_number(),
                State::Literal => self.end_literal(),
                _ => {}
            }
        }
    }

    /// The document's next bytes. Returns how many were taken: all, unless the document ended before.
    pub(super) fn push(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            match self.state {
                State::Done | State::Broken => break,
                State::Text => {
                    rest = &rest[self.text(rest)..];
                    continue;
                }
                State::Passing => {
                    rest = &rest[self.pass(rest)..];
                    continue;
                }
                State::Number => {
                    if is_of_number(byte) {
                        self.token_byte(byte);
                        rest = &rest[1..];
                    } else {
                        self.end_number();
                    }
                    continue;
                }
                State::Literal => {
                    if byte.is_ascii_lowercase() {
                        self.token_byte(byte);
                        rest = &rest[1..];
                    } else {
                        self.end_literal();
                    }
                    continue;
                }
                _ => {}
            }
            let value = rest;
            rest = &rest[1..];
            if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                continue;
            }
            self.nothing_yet = false;
            match (self.state, byte) {
                (State::FirstMember, b']') | (State::FirstKey, b'}') | (State::After, b']' | b'}') => {
                    self.close(byte);
                }
                (State::Value | State::FirstMember, _) => rest = &value[self.begin(byte, value)..],
                (State::FirstKey | State::Key, b'"') => rest = &rest[self.key(rest)..],
                (State::Colon, b':') => self.state = State::Value,
                (State::After, b',') => self.comma(),
                _ => self.state = State::Broken,
            }
        }
        bytes.len() - rest.len()
    }

    fn comma(&mut self) {
        self.state = match self.stack.last() {
            Some(level) if level.is_array => State::Value,
            Some(_) => State::Key,
            None => State::Broken,
        };
    }

    /// A key begins. If it is here as a whole, and plain, it is taken; returns how much that is.
    fn key(&mut self, rest: &[u8]) -> usize {
        let end = rest.iter().take(MAX_KEY + 1).position(|byte| matches!(byte, b'"' | b'\\'));
        if let Some((key, [b'"', after @ ..])) = end.and_then(|end| rest.split_at_checked(end)) {
            self.word = Word::of(key);
            let has_colon = after.first() == Some(&b':');
            self.state = if has_colon { State::Value } else { State::Colon };
            return key.len() + 1 + usize::from(has_colon);
        }
        self.key_length = 0;
        self.begin_text(Sink::Key);
        0
    }

    /// What is kept of the value that begins.
    fn keep(&self) -> Keep {
        match self.word.keep() {
            Keep::Asked if self.side == Side::Response => Keep::Tree,
            Keep::Asked => Keep::Json,
            keep => keep,
        }
    }

    /// Whether nothing below the value that begins will be looked at.
    fn is_unknown(&self) -> bool {
        match self.word {
            Word::Unknown => true,
            word if word.keep() == Keep::Asked => self.side == Side::Response,
            _ => false,
        }
    }

    /// A value begins with `byte`, the first one of `rest`; returns how much of it was taken.
    fn begin(&mut self, byte: u8, rest: &[u8]) -> usize {
        if let Some(level) = self.stack.last_mut() {
            level.members = level.members.saturating_add(1);
            if level.is_array {
                self.word = if level.members > MAX_ITEMS { Word::Unknown } else { level.word };
            }
        }
        match byte {
            b'{' | b'[' => self.open(byte == b'['),
            b'"' => {
                let sink = self.sink_of_text();
                self.begin_text(sink);
            }
            b'-' | b'0'..=b'9' => return self.begin_token(State::Number, rest),
            b't' | b'f' | b'n' => return self.begin_token(State::Literal, rest),
            _ => self.state = State::Broken,
        }
        1
    }

    /// A number or a literal begins. If it is here as a whole, it is taken at once.
    fn begin_token(&mut self, state: State, rest: &[u8]) -> usize {
        let is_inside = |byte: &u8| match state {
            State::Number => is_of_number(*byte),
            _ => byte.is_ascii_lowercase(),
        };
        self.token_length = 0;
        self.state = state;
        let Some(end) = rest.iter().position(|byte| !is_inside(byte)) else {
            self.token_byte(rest[0]);
            return 1;
        };
        // Of a vector nobody asks for the numbers.
        if !self.is_in_list() || state == State::Literal {
            if let Some(place) = self.token.get_mut(..end) {
                place.copy_from_slice(&rest[..end]);
            }
            self.token_length = end;
        }
        match state {
            State::Number => self.end_number(),
            _ => self.end_literal(),
        }
        end
    }

    fn open(&mut self, is_array: bool) {
        let keep = self.keep();
        if keep == Keep::Json || self.is_unknown() || self.stack.len() >= MAX_DEPTH {
            let copying = keep == Keep::Json && self.content > self.contents && !self.is_unknown();
            self.copying = copying;
            self.copied_whole = true;
            self.text_from = self.store.len();
            if copying {
                self.store.push(if is_array { b'[' } else { b'{' });
            }
            self.passing_depth = 1;
            (self.passing_text, self.passing_escape) = (false, false);
            self.state = State::Passing;
            return;
        }
        let node = self.add(if is_array { Kind::Array { members: 0 } } else { Kind::Object });
        self.stack.push(Level { node, last: NONE, word: self.word, members: 0, is_array });
        self.state = if is_array { State::FirstMember } else { State::FirstKey };
    }

    fn close(&mut self, byte: u8) {
        match self.stack.pop() {
            Some(level) if level.is_array == (byte == b']') => {
                if let (true, Some(node)) = (level.is_array, self.nodes.get_mut(level.node as usize)) {
                    node.kind = Kind::Array { members: level.members };
                }
                self.state = if self.stack.is_empty() { State::Done } else { State::After };
            }
            _ => self.state = State::Broken,
        }
    }

    fn value_ended(&mut self) {
        self.state = if self.stack.is_empty() { State::Done } else { State::After };
    }

    /// A value for the tree; its place there, or `NONE` if there is no room or nobody will look at it.
    fn add(&mut self, kind: Kind) -> u32 {
        let bound = if self.stack.len() <= 2 { MAX_TOP_NODES } else { MAX_NODES };
        let under_nothing = self.stack.last().is_some_and(|level| level.node == NONE);
        if self.word == Word::Unknown || self.nodes.len() >= bound || under_nothing {
            return NONE;
        }
        let at = u32::try_from(self.nodes.len()).unwrap_or(NONE);
        self.nodes.push(Node { word: self.word, kind, first: NONE, next: NONE });
        if let Some(level) = self.stack.last_mut() {
            let before = if level.last == NONE { level.node } else { level.last };
            if let Some(node) = self.nodes.get_mut(before as usize) {
                if level.last == NONE { node.first = at } else { node.next = at }
            }
            level.last = at;
        }
        at
    }

    fn token_byte(&mut self, byte: u8) {
        if let Some(place) = self.token.get_mut(self.token_length) {
            *place = byte;
        }
        self.token_length = self.token_length.saturating_add(1);
    }

    fn token(&self) -> &str {
        let token = self.token.get(..self.token_length).unwrap_or_default();
        std::str::from_utf8(token).unwrap_or_default()
    }

    /// Numbers in lists are vectors: counted, not kept.
    fn is_in_list(&self) -> bool {
        self.stack.last().is_some_and(|level| level.is_array)
    }

    fn end_number(&mut self) {
        self.value_ended();
        if self.is_in_list() {
            return;
        }
        // A number nobody asks for is not read.
        if self.word != Word::Unknown {
            let token = self.token();
            let int = token.parse().map(Kind::Int);
            self.add(int.or_else(|_| token.parse().map(Kind::Float)).unwrap_or(Kind::Passed));
        }
    }

    fn end_literal(&mut self) {
        let kind = match self.token() {
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            "null" => Kind::Null,
            _ => {
                self.state = State::Broken;
                return;
            }
        };
        self.value_ended();
        if !self.is_in_list() {
            self.add(kind);
        }
    }
}

const fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}
