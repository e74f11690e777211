//! A JSON document read as its bytes come, of which only what readers look at is kept.
//!
//! In: the bytes of one document, cut anywhere. Out: [`Value`], lenient access to what stands under known words. Not kept: what is
//! under other words, vectors (they are counted), and content unless it was asked for. So a body of any size costs the same few
//! kilobytes, nothing of it is copied that is no fact, and nothing recurses. Each kind of memory has a bound, below.
//!
//! A parser of our own, since those that build on `serde` want the whole document in one piece. It is lenient with what it passes
//! over (brackets there are counted, not matched).

use std::borrow::Cow;

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
/// Bytes of one text inside content kept as JSON: images in base64 are cut here.
const MAX_LEAF: usize = 32 * 1024;
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

    pub(super) fn root(&self) -> Value<'_> {
        Value { document: self, at: if self.nodes.is_empty() { NONE } else { 0 } }
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
        match end.and_then(|end| Some((rest.get(..end)?, rest.get(end..)?))) {
            Some((key, [b'"', after @ ..])) => {
                self.word = Word::of(key);
                let has_colon = after.first() == Some(&b':');
                self.state = if has_colon { State::Value } else { State::Colon };
                key.len() + 1 + usize::from(has_colon)
            }
            _ => {
                self.key_length = 0;
                self.begin_text(Sink::Key);
                0
            }
        }
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
        if state == State::Number {
            self.end_number()
        } else {
            self.end_literal()
        }
        end
    }

    fn sink_of_text(&self) -> Sink {
        let room = match self.keep() {
            Keep::Fact => MAX_FACTS.saturating_sub(self.facts).min(MAX_FACT),
            Keep::Content | Keep::Json if !self.is_unknown() => self.content.saturating_sub(self.contents),
            Keep::Wrapped => MAX_WRAPPED.saturating_sub(self.contents),
            _ => 0,
        };
        if room == 0 { Sink::Nowhere } else { Sink::Store { end: self.store.len() + room } }
    }

    fn begin_text(&mut self, sink: Sink) {
        self.state = State::Text;
        self.sink = sink;
        self.escape = Escape::No;
        self.surrogate = 0;
        self.text_from = self.store.len();
        self.text_length = 0;
        self.padding = 0;
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

    /// The next bytes of a text; returns how many belong to it.
    fn text(&mut self, bytes: &[u8]) -> usize {
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

    /// The next bytes of a container that is passed over; returns how many belong to it.
    fn pass(&mut self, bytes: &[u8]) -> usize {
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
        if is_start && self.passing_leaf >= MAX_LEAF && !(byte == b'\\' && self.half_a_pair()) {
            self.passing_leaf = usize::MAX;
        }
        if self.passing_digits > 0 {
            self.passing_digits -= 1;
        } else if self.passing_escape && byte == b'u' {
            self.passing_digits = 4;
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

/// Something in a document, or nothing: every question to nothing has the answer `None`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    document: &'a Document,
    at: u32,
}

impl<'a> Value<'a> {
    fn node(self) -> Option<&'a Node> {
        self.document.nodes.get(self.at as usize)
    }

    /// The member under `word`; the last one if there are several.
    pub(super) fn get(self, word: Word) -> Self {
        let mut found = NONE;
        let is_object = matches!(self.node(), Some(Node { kind: Kind::Object, .. }));
        if is_object {
            for member in self.children() {
                if member.node().is_some_and(|node| node.word == word) {
                    found = member.at;
                }
            }
        }
        Self { document: self.document, at: found }
    }

    fn children(self) -> impl Iterator<Item = Self> + use<'a> {
        let document = self.document;
        let first = self.node().map_or(NONE, |node| node.first);
        let next = move |value: &Self| {
            value.node().filter(|node| node.next != NONE).map(|node| Self { document, at: node.next })
        };
        std::iter::successors((first != NONE).then_some(Self { document, at: first }), next)
    }

    /// The members of a list that were kept.
    pub(super) fn items(self) -> impl Iterator<Item = Self> + use<'a> {
        let is_array = matches!(self.node(), Some(Node { kind: Kind::Array { .. }, .. }));
        self.children().filter(move |_| is_array)
    }

    /// There, and not `null`.
    pub(super) fn exists(self) -> bool {
        self.node().is_some_and(|node| !matches!(node.kind, Kind::Null))
    }

    pub(super) fn is_object(self) -> bool {
        matches!(self.node(), Some(Node { kind: Kind::Object, .. }))
    }

    /// The members of a list, kept or not.
    pub(super) fn members(self) -> Option<u64> {
        match self.node()?.kind {
            Kind::Array { members } => Some(u64::from(members)),
            _ => None,
        }
    }

    /// The text, as far as it was kept. An empty one is none.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        match self.node()?.kind {
            Kind::Text { at, kept, length, .. } if kept > 0 => {
                let bytes = self.document.store.get(at..at + kept)?;
                Some(whole_characters(bytes, length > kept as u64))
            }
            _ => None,
        }
    }

    /// The same, owned.
    pub(super) fn string(self) -> Option<String> {
        self.text().map(Cow::into_owned)
    }

    /// A text that is there, kept or not, and not empty.
    pub(super) fn has_text(self) -> bool {
        matches!(self.node(), Some(Node { kind: Kind::Text { length: 1.., .. }, .. }))
    }

    /// The bytes of a text that was kept.
    pub(super) fn bytes(self) -> Option<&'a [u8]> {
        match self.node()?.kind {
            Kind::Text { at, kept, .. } => self.document.store.get(at..at + kept),
            _ => None,
        }
    }

    /// How many bytes a text in base64 stands for.
    pub(super) fn base64_length(self) -> Option<u64> {
        match self.node()?.kind {
            Kind::Text { length, padding, .. } => {
                Some((length.saturating_sub(u64::from(padding.min(2)))) * 3 / 4)
            }
            _ => None,
        }
    }

    /// Content: a text as it is, anything else as JSON. `None` if it was cut within JSON.
    pub(super) fn content(self) -> Option<Cow<'a, str>> {
        match self.node()?.kind {
            Kind::Json { at, kept, whole: true } => {
                self.document.store.get(at..at + kept).map(String::from_utf8_lossy)
            }
            _ => self.text(),
        }
    }

    /// A number that counts something; some providers write it as a float.
    pub(super) fn count(self) -> Option<u64> {
        match self.node()?.kind {
            Kind::Int(int) => u64::try_from(int).ok(),
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range: asked for")]
            Kind::Float(float) if (0.0..9.0e15).contains(&float) => Some(float as u64),
            _ => None,
        }
    }

    pub(super) fn int(self) -> Option<i64> {
        match self.node()?.kind {
            Kind::Int(int) => Some(int),
            #[allow(clippy::cast_possible_truncation, reason = "in range: asked for")]
            Kind::Float(float) if float.abs() < 9.0e15 => Some(float as i64),
            _ => None,
        }
    }

    pub(super) fn float(self) -> Option<f64> {
        match self.node()?.kind {
            #[allow(clippy::cast_precision_loss, reason = "a parameter such as 1")]
            Kind::Int(int) => Some(int as f64),
            Kind::Float(float) => Some(float),
            _ => None,
        }
    }

    pub(super) fn bool(self) -> Option<bool> {
        match self.node()?.kind {
            Kind::Bool(bool) => Some(bool),
            _ => None,
        }
    }

    /// A text, or the texts of a list.
    pub(super) fn texts(self) -> Vec<String> {
        self.text()
            .map_or_else(|| self.items().filter_map(Self::string).collect(), |one| vec![one.into_owned()])
    }
}

const fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
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

/// `bytes` as text; if it was cut, without half a character at its end.
fn whole_characters(bytes: &[u8], was_cut: bool) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(error) if was_cut && error.error_len().is_none() => {
            String::from_utf8_lossy(&bytes[..error.valid_up_to()])
        }
        Err(_) => String::from_utf8_lossy(bytes),
    }
}
