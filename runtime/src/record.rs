//! What a span is made of before anybody formats it: the [`Site`] that the macros write for a function, and the
//! [`SpanRecord`] that the caller's thread hands to the pipeline.
//!
//! In: static facts from the macros, ids and ticks from `scope`. Out: plain data for `pipeline`, which expands it on its
//! own thread. Does not: name attributes (`semconv` does), allocate on the caller unless the user added something.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use opentelemetry::trace::{SpanContext, TraceState};
use opentelemetry::{Key, KeyValue, StringValue};

use crate::sync::lock;

/// Which attribute opened a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `#[workflow]`
    Workflow,
    /// `#[task]`
    Task,
    /// `#[agent]`
    Agent,
    /// `#[tool]`
    Tool,
    /// No attribute: a call to a model, or to something else over HTTP.
    Call,
}

/// Everything that is known about an annotated function at compile time; one `static` a function.
#[derive(Debug)]
pub struct Site {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) version: Option<u64>,
    pub(crate) err_is_error: bool,
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    /// 0: it has not been asked for. [`NO_NUMBER`]: there was none left.
    number: AtomicU32,
}

/// Every site that was asked for its number; the first one has number 1.
static SITES: Mutex<Vec<&'static Site>> = Mutex::new(Vec::new());
/// A program has as many sites as annotated functions: far fewer.
const MAX_SITES: usize = 65_536;
const NO_NUMBER: u32 = u32::MAX;

impl Site {
    /// A site without version, whose `Err` counts as an error.
    pub const fn new(kind: Kind, name: &'static str) -> Self {
        Self { kind, name, version: None, err_is_error: true, file: "", line: 0, number: AtomicU32::new(0) }
    }

    /// `version = …`
    #[must_use]
    pub const fn version(mut self, version: u64) -> Self {
        self.version = Some(version);
        self
    }

    /// `err = …`
    #[must_use]
    pub const fn err(mut self, is_error: bool) -> Self {
        self.err_is_error = is_error;
        self
    }

    /// Where the function stands.
    #[must_use]
    pub const fn location(mut self, file: &'static str, line: u32) -> Self {
        self.file = file;
        self.line = line;
        self
    }

    /// What stands for this site where a pointer cannot: the same for as long as the process lives. 0 if there were too many sites; then
    /// [`numbered`](Self::numbered) does not find it.
    #[inline]
    pub(crate) fn number(&'static self) -> u32 {
        match self.number.load(Ordering::Relaxed) {
            0 => self.take_number(),
            NO_NUMBER => 0,
            number => number,
        }
    }

    #[cold]
    fn take_number(&'static self) -> u32 {
        let mut sites = lock(&SITES);
        // Two threads may have come: under the lock the second one finds what the first has written.
        let taken = self.number.load(Ordering::Relaxed);
        if taken != 0 {
            return if taken == NO_NUMBER { 0 } else { taken };
        }
        let number = u32::try_from(sites.len() + 1).ok().filter(|_| sites.len() < MAX_SITES);
        if number.is_some() {
            sites.push(self);
        }
        self.number.store(number.unwrap_or(NO_NUMBER), Ordering::Relaxed);
        number.unwrap_or(0)
    }

    /// The site of that number.
    pub(crate) fn numbered(number: u32) -> Option<&'static Self> {
        lock(&SITES).get(usize::try_from(number.checked_sub(1)?).ok()?).copied()
    }
}

/// Holds what this room locks, so that a fork leaves it unlocked in the child.
pub(crate) fn hold() -> MutexGuard<'static, Vec<&'static Site>> {
    lock(&SITES)
}

/// How much one span may hold; what is over is counted, never kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) attributes: usize,
    pub(crate) events: usize,
    pub(crate) links: usize,
    /// Bytes of one text in an attribute.
    pub(crate) value_bytes: usize,
    /// Spans that may be open at once, over all threads.
    pub(crate) open_spans: usize,
}

impl Limits {
    /// Bytes of captured arguments, or of a captured result, as one attribute: four texts of the longest kind, and no more than half of
    /// what a batch may hold.
    pub(crate) fn content_bytes(&self) -> usize {
        self.value_bytes.saturating_mul(4).min(1024 * 1024)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { attributes: 128, events: 128, links: 128, value_bytes: 32 * 1024, open_spans: 131_072 }
    }
}

/// How a span came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The function returned; an error, if there was one, stands in [`Extra::error`].
    Returned,
    /// A panic passed through.
    Panicked,
    /// The future was dropped before its end.
    Cancelled,
    /// It was still open when its process ended; `failed`, if the process did.
    Incomplete { failed: bool },
}

/// A finished span as its caller leaves it: 80 bytes, no allocation unless something was added to it.
#[derive(Debug)]
pub(crate) struct SpanRecord {
    pub(crate) site: &'static Site,
    /// High and low half: a `u128` would have the whole record aligned to 16 bytes.
    pub(crate) trace_id: (u64, u64),
    pub(crate) span_id: u64,
    pub(crate) parent_id: u64,
    /// Ticks of `scope::clock`.
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) parent_is_remote: bool,
    pub(crate) ending: Ending,
    pub(crate) inherited: Option<Arc<Inherited>>,
    pub(crate) extra: Option<Box<Extra>>,
}

impl SpanRecord {
    /// The trace id, whole.
    pub(crate) fn trace_id(&self) -> u128 {
        u128::from(self.trace_id.0) << 64 | u128::from(self.trace_id.1)
    }

    /// Bytes that this record holds in the queue, heap included; shared values are counted where they are shared last.
    pub(crate) fn bytes(&self) -> usize {
        Self::bytes_with(self.inherited.as_deref(), self.extra.as_deref())
    }

    /// The same for a record that is yet to be made.
    #[inline]
    pub(crate) fn bytes_with(inherited: Option<&Inherited>, extra: Option<&Extra>) -> usize {
        size_of::<Self>()
            + inherited.map_or(0, Inherited::own_bytes)
            + extra.map_or(0, |extra| size_of::<Extra>() + extra.heap_bytes)
    }
}

/// What was added to one span while it was open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extra {
    pub(crate) attributes: Vec<KeyValue>,
    pub(crate) dropped_attributes: u32,
    pub(crate) events: Vec<Event>,
    pub(crate) dropped_events: u32,
    pub(crate) links: Vec<(SpanContext, Vec<KeyValue>)>,
    pub(crate) dropped_links: u32,
    pub(crate) error: Option<ErrorInfo>,
    /// Captured arguments, as JSON.
    pub(crate) input: Option<Box<str>>,
    /// The captured result, as JSON.
    pub(crate) output: Option<Box<str>>,
    /// Set by foreign code through the OpenTelemetry API: wins over what the outcome says.
    pub(crate) status: Option<opentelemetry::trace::Status>,
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) trace_state: TraceState,
    /// Running estimate of the heap bytes above, for the bound of the queue.
    pub(crate) heap_bytes: usize,
}

/// A span event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) name: Cow<'static, str>,
    pub(crate) time: SystemTime,
    pub(crate) attributes: Vec<KeyValue>,
}

/// The error that a function returned.
#[derive(Clone, Debug)]
pub(crate) struct ErrorInfo {
    /// The error's type, low cardinality: `error.type`.
    pub(crate) type_name: Cow<'static, str>,
    /// The error's text; only when content is on.
    pub(crate) message: Option<String>,
    /// What tells this error from another one: an enclosing span that returns the same one does not repeat its event.
    pub(crate) fingerprint: u64,
    /// False when the span's last ended child has already recorded it.
    pub(crate) with_event: bool,
}

/// Values that every span started inside takes over from the span (or scope) that set them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inherited {
    pub(crate) conversation_id: Option<StringValue>,
    pub(crate) user_id: Option<StringValue>,
    pub(crate) agent_name: Option<StringValue>,
    /// Only in conventions that ask for it.
    pub(crate) workflow_name: Option<StringValue>,
    /// Only in conventions that ask for it.
    pub(crate) path: Option<EntityPath>,
    pub(crate) properties: Vec<(Key, opentelemetry::Value)>,
    /// Whether content may be captured, whatever the process says; never exported.
    pub(crate) content: Option<bool>,
}

/// Which tasks and tools a span is in, outermost first, as one text.
#[derive(Clone, Debug)]
pub(crate) struct EntityPath {
    /// As the span hands it on, its own name included.
    pub(crate) text: Arc<str>,
    /// Bytes of `text` that stood around the span before it added its own name.
    pub(crate) around: usize,
}

impl Inherited {
    /// Bytes that are not shared with the spans around: where there is a path, every task has values of its own.
    fn own_bytes(&self) -> usize {
        self.path.as_ref().map_or(0, |path| size_of::<Self>() + path.text.len())
    }

    /// Sets `key`, replacing an earlier value.
    pub(crate) fn set_property(&mut self, key: Key, value: opentelemetry::Value) {
        match self.properties.iter_mut().find(|(known, _)| *known == key) {
            Some((_, slot)) => *slot = value,
            None => self.properties.push((key, value)),
        }
    }
}

/// Heap bytes of one attribute, near enough for a bound.
pub(crate) fn attribute_bytes(attribute: &KeyValue) -> usize {
    size_of::<KeyValue>() + attribute.key.as_str().len() + value_bytes(&attribute.value)
}

fn value_bytes(value: &opentelemetry::Value) -> usize {
    use opentelemetry::{Array, Value};
    match value {
        Value::String(text) => text.as_str().len(),
        Value::Array(Array::String(items)) => {
            items.iter().map(|item| size_of::<StringValue>() + item.as_str().len()).sum()
        }
        Value::Array(Array::Bool(items)) => items.len(),
        Value::Array(Array::I64(items)) => items.len() * 8,
        Value::Array(Array::F64(items)) => items.len() * 8,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_stays_small() {
        // 80 B on 2026-11-21; 96 B with the trace id as a `u128`. Copied three times on its way.
        assert!(size_of::<SpanRecord>() <= 80, "{}", size_of::<SpanRecord>());
        assert_eq!(size_of::<crate::pipeline::Record>(), size_of::<SpanRecord>());
    }

    #[test]
    fn a_site_has_one_number() {
        static ONE: Site = Site::new(Kind::Task, "one");
        static TWO: Site = Site::new(Kind::Tool, "two");
        let numbers: Vec<_> = std::thread::scope(|threads| {
            let asking: Vec<_> = (0..4).map(|_| threads.spawn(|| (ONE.number(), TWO.number()))).collect();
            asking.into_iter().map(|thread| thread.join().expect("it only asks")).collect()
        });
        let (one, two) = (ONE.number(), TWO.number());
        assert_eq!(numbers, [(one, two); 4]);
        assert_ne!(one, two);
        assert!(std::ptr::eq(Site::numbered(one).expect("it has one"), &raw const ONE));
        assert!(std::ptr::eq(Site::numbered(two).expect("it has one"), &raw const TWO));
        assert!(Site::numbered(0).is_none() && Site::numbered(NO_NUMBER).is_none());
    }

    #[test]
    fn a_path_counts_towards_the_bound() {
        let path = EntityPath { text: "x".repeat(1000).into(), around: 0 };
        let own = Inherited { path: Some(path), ..Inherited::default() };
        assert!(SpanRecord::bytes_with(Some(&own), None) >= SpanRecord::bytes_with(None, None) + 1000);
        // All that stands in it is the parent's.
        let shared = Inherited { user_id: Some("u-1".into()), ..Inherited::default() };
        assert_eq!(SpanRecord::bytes_with(Some(&shared), None), SpanRecord::bytes_with(None, None));
    }

    #[test]
    fn strings_count_towards_the_bound() {
        let attribute = KeyValue::new("key", "x".repeat(1000));
        assert!(attribute_bytes(&attribute) >= 1003);
    }
}
