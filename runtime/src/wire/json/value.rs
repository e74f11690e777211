//! Lenient access to what was kept of a document.

use std::borrow::Cow;

use super::{Document, Kind, NONE, Node};
use crate::wire::facts::Kept;
use crate::wire::words::Word;

/// Something in a document, or nothing: every question to nothing has the answer `None`.
#[derive(Clone, Copy, Debug)]
pub(in crate::wire) struct Value<'a> {
    document: &'a Document,
    at: u32,
}

impl Document {
    /// The document itself.
    pub(in crate::wire) fn root(&self) -> Value<'_> {
        Value { document: self, at: if self.nodes.is_empty() { NONE } else { 0 } }
    }
}

impl<'a> Value<'a> {
    fn node(self) -> Option<&'a Node> {
        self.document.nodes.get(self.at as usize)
    }

    /// The member under `word`; the last one if there are several.
    pub(in crate::wire) fn get(self, word: Word) -> Self {
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
    pub(in crate::wire) fn items(self) -> impl Iterator<Item = Self> + use<'a> {
        let is_array = matches!(self.node(), Some(Node { kind: Kind::Array { .. }, .. }));
        self.children().filter(move |_| is_array)
    }

    /// There, and not `null`.
    pub(in crate::wire) fn exists(self) -> bool {
        self.node().is_some_and(|node| !matches!(node.kind, Kind::Null))
    }

    pub(in crate::wire) fn is_object(self) -> bool {
        matches!(self.node(), Some(Node { kind: Kind::Object, .. }))
    }

    /// The members of a list, kept or not.
    pub(in crate::wire) fn members(self) -> Option<u64> {
        match self.node()?.kind {
            Kind::Array { members } => Some(u64::from(members)),
            _ => None,
        }
    }

    /// The text, as far as it was kept. An empty one is none.
    pub(in crate::wire) fn text(self) -> Option<Cow<'a, str>> {
        match self.node()?.kind {
            Kind::Text { at, kept, length, .. } if kept > 0 => {
                let bytes = self.document.store.get(at..at + kept)?;
                Some(whole_characters(bytes, length > kept as u64))
            }
            _ => None,
        }
    }

    /// The same, owned.
    pub(in crate::wire) fn string(self) -> Option<String> {
        self.text().map(Cow::into_owned)
    }

    /// A text that is there, kept or not, and not empty.
    pub(in crate::wire) fn has_text(self) -> bool {
        matches!(self.node(), Some(Node { kind: Kind::Text { length: 1.., .. }, .. }))
    }

    /// The bytes of a text that was kept.
    pub(in crate::wire) fn bytes(self) -> Option<&'a [u8]> {
        match self.node()?.kind {
            Kind::Text { at, kept, .. } => self.document.store.get(at..at + kept),
            _ => None,
        }
    }

    /// How many bytes a text in base64 stands for.
    pub(in crate::wire) fn base64_length(self) -> Option<u64> {
        match self.node()?.kind {
            Kind::Text { length, padding, .. } => {
                Some((length.saturating_sub(u64::from(padding.min(2)))) * 3 / 4)
            }
            _ => None,
        }
    }

    /// Content: a text as it is, anything else as JSON. What was cut is closed behind its last whole member.
    pub(in crate::wire) fn content(self) -> Option<Cow<'a, str>> {
        match self.node()?.kind {
            Kind::Json { at, kept, whole } => {
                let json = self.document.store.get(at..at + kept)?;
                Some(if whole { String::from_utf8_lossy(json) } else { Cow::Owned(closed(json)?) })
            }
            _ => self.text(),
        }
    }

    /// The same, with what it is.
    pub(in crate::wire) fn kept(self) -> Option<Kept> {
        let content = self.content()?.into_owned();
        let is_json = matches!(self.node()?.kind, Kind::Json { .. });
        Some(if is_json { Kept::Json(content) } else { Kept::Text(content) })
    }

    /// A number that counts something; some providers write it as a float.
    pub(in crate::wire) fn count(self) -> Option<u64> {
        match self.node()?.kind {
            Kind::Int(int) => u64::try_from(int).ok(),
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range: asked for")]
            Kind::Float(float) if (0.0..9.0e15).contains(&float) => Some(float as u64),
            _ => None,
        }
    }

    pub(in crate::wire) fn int(self) -> Option<i64> {
        match self.node()?.kind {
            Kind::Int(int) => Some(int),
            #[allow(clippy::cast_possible_truncation, reason = "in range: asked for")]
            Kind::Float(float) if float.abs() < 9.0e15 => Some(float as i64),
            _ => None,
        }
    }

    pub(in crate::wire) fn float(self) -> Option<f64> {
        match self.node()?.kind {
            #[allow(clippy::cast_precision_loss, reason = "a parameter such as 1")]
            Kind::Int(int) => Some(int as f64),
            Kind::Float(float) => Some(float),
            _ => None,
        }
    }

    pub(in crate::wire) fn bool(self) -> Option<bool> {
        match self.node()?.kind {
            Kind::Bool(bool) => Some(bool),
            _ => None,
        }
    }

    /// A text, or the texts of a list.
    pub(in crate::wire) fn texts(self) -> Vec<String> {
        self.text()
            .map_or_else(|| self.items().filter_map(Self::string).collect(), |one| vec![one.into_owned()])
    }
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

/// The front of a JSON container, made whole: without the member that was cut, and with the brackets that are open.
fn closed(json: &[u8]) -> Option<String> {
    let mut open = Vec::new();
    let (mut is_text, mut is_escape) = (false, false);
    // How much is whole, and how many brackets are open there.
    let mut whole = (0, 0);
    for (at, byte) in json.iter().enumerate() {
        match byte {
            _ if is_escape => is_escape = false,
            b'\\' if is_text => is_escape = true,
            b'"' => is_text = !is_text,
            _ if is_text => {}
            b'{' | b'[' => {
                open.push(if *byte == b'{' { '}' } else { ']' });
                whole = if whole.1 == 0 || *byte == b'[' { (at + 1, open.len()) } else { whole };
            }
            b'}' | b']' => {
                open.pop();
                whole = (at + 1, open.len());
            }
            b',' => whole = (at, open.len()),
            _ => {}
        }
    }
    let front = std::str::from_utf8(json.get(..whole.0)?).ok()?;
    open.truncate(whole.1);
    Some(front.chars().chain(open.into_iter().rev()).collect())
}
