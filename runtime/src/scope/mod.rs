//! A span's start and its end: the hot path.
//!
//! In: `__rt` calls from generated code with the function's [`Site`](crate::record::Site). Out: a [`SpanRecord`](crate::record::SpanRecord)
//! in the intake, and our span current in the OpenTelemetry `Context` while the function runs. Does not: use http or serde, format
//! anything (`content` does, when it is on), or know what happens to a record.
//!
//! | moment | file |
//! | --- | --- |
//! | parent, sampling, ids, clock, a slot in the slab | `start` (`id`, `clock`, `slab`, `slot`, `local`) |
//! | the context is made current at each poll, or for the call | `future`, `call` |
//! | what foreign code sees as the current span | `own` |
//! | what user code may do to it | `span`, `inherit` |
//! | what the returned value says | `outcome` |
//! | what the returned value still does | `follow` |
//! | which content is captured | `capture` |
//! | open span → record → intake | `finish` |
//! | what is open when the process ends | `unfinished` |
//! | into other tasks and threads | `spawn` |

mod call;
mod capture;
#[cfg(feature = "llm")]
mod client;
pub(crate) mod clock;
mod finish;
mod follow;
mod future;
mod id;
pub(crate) mod inherit;
mod local;
mod open;
mod outcome;
mod own;
mod slab;
mod slot;
mod span;
mod spawn;
mod start;
#[cfg(feature = "sdk")]
mod unfinished;

use opentelemetry::{Context, KeyValue};

use crate::record::{Event, Extra, Inherited, Limits};
use crate::semconv::Convention;
use crate::sync::{Arc, MutexGuard};

pub use self::call::{Entered, call};
#[cfg(feature = "llm")]
pub(crate) use self::client::ClientSpan;
pub use self::follow::{
    FollowBoxedFuture, FollowBoxedStream, FollowBoxedStreamOrErr, FollowFuture, FollowNothing, FollowStream,
    FollowStreamOrErr, Promised, PromisedFuture, PromisedNothing, PromisedStream,
};
pub use self::future::{Scope, ended_by};
pub use self::open::Open;
pub use self::outcome::{AnyErr, DisplayErr, NoErr, Returned};
pub use self::span::{Span, current};
#[cfg(feature = "tokio")]
pub use self::spawn::spawn;
pub use self::spawn::{InCurrentTrace, InTrace, scoped};
#[cfg(feature = "testing")]
pub(crate) use self::start::ForcedTrace;
#[cfg(feature = "sdk")]
pub(crate) use self::unfinished::unfinished;

/// A trace id from the calling thread's generator; `None` on a thread that is ending.
#[cfg(feature = "sdk")]
pub(crate) fn random_trace_id() -> Option<u128> {
    local::with(|local| local.ids.trace_id())
}

/// The id of a span that is not ours, likewise.
#[cfg(feature = "sdk")]
pub(crate) fn random_span_id() -> Option<u64> {
    local::with(|local| local.ids.foreign_span_id())
}

/// All spans of this process that are open.
type OpenSpans = slab::Slab<Slot>;

/// One place of the slab.
type Slot = slot::Slot<Details>;

static OPEN_SPANS: OpenSpans = OpenSpans::new();

impl OpenSpans {
    #[inline]
    fn get() -> &'static Self {
        &OPEN_SPANS
    }
}

/// What most spans never have.
#[derive(Debug, Default)]
struct Details {
    /// Kept from the first pending poll on, for the polls that follow.
    context: Option<Context>,
    inherited: Option<Arc<Inherited>>,
    /// Fingerprint of the error that the last ended child recorded.
    child_error: Option<u64>,
    extra: Option<Box<Extra>>,
    /// It has gone out as incomplete: when it ends it is not sent again.
    reported: bool,
}

/// The details of the open span `id`, locked; `None` when it has ended or is not ours. While the guard is held, the span cannot end.
fn find(trace_id: u128, id: u64) -> Option<MutexGuard<'static, Details>> {
    let slot = slot_of(id)?;
    let details = slot.find(id)?;
    (slot.trace_id() == halves(trace_id)).then_some(details)
}

/// The slot that `id` names, whoever is in it now.
#[inline]
fn slot_of(id: u64) -> Option<&'static Slot> {
    OpenSpans::get().peek(id::index_of(id))
}

/// A trace id as its high and low half.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "that is what halves are")]
const fn halves(trace_id: u128) -> (u64, u64) {
    ((trace_id >> 64) as u64, trace_id as u64)
}

/// The limits of the present installation.
fn limits() -> Limits {
    local::with(|local| local.joined(crate::hub::epoch(), |joined| joined.installed.limits))
        .flatten()
        .unwrap_or_default()
}

/// The convention of the present installation.
fn convention() -> Convention {
    local::with(|local| local.joined(crate::hub::epoch(), |joined| joined.installed.convention))
        .flatten()
        .unwrap_or_default()
}

impl Details {
    /// What holds for this span's content, if it is not the process's switch.
    fn content(&self) -> Option<bool> {
        self.inherited.as_ref()?.content
    }

    fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// Adds or replaces an attribute, cut to the limits.
    fn set_attribute(&mut self, mut attribute: KeyValue, limits: &Limits) {
        let extra = self.extra();
        if let Some(known) = extra.attributes.iter_mut().find(|known| known.key == attribute.key) {
            crate::value::cut(&mut attribute.value, limits.value_bytes);
            // The old value's bytes stay counted: an estimate may be too high, never too low.
            extra.heap_bytes += crate::record::attribute_bytes(&attribute);
            *known = attribute;
        } else {
            self.add_attribute(attribute, limits);
        }
    }

    /// Adds an attribute whose key is known to be new, cut to the limits.
    fn add_attribute(&mut self, mut attribute: KeyValue, limits: &Limits) {
        let extra = self.extra();
        if extra.attributes.len() >= limits.attributes {
            extra.dropped_attributes += 1;
            return;
        }
        if extra.attributes.capacity() == 0 {
            extra.attributes.reserve_exact(8);
        }
        crate::value::cut(&mut attribute.value, limits.value_bytes);
        extra.heap_bytes += crate::record::attribute_bytes(&attribute);
        extra.attributes.push(attribute);
    }

    /// Adds an event, cut to the limits.
    fn add_event(&mut self, mut event: Event, limits: &Limits) {
        let extra = self.extra();
        if extra.events.len() >= limits.events {
            extra.dropped_events += 1;
            return;
        }
        event.attributes.truncate(limits.attributes);
        for attribute in &mut event.attributes {
            crate::value::cut(&mut attribute.value, limits.value_bytes);
            extra.heap_bytes += crate::record::attribute_bytes(attribute);
        }
        extra.heap_bytes += size_of::<Event>() + event.name.len();
        extra.events.push(event);
    }
}

/// What this room locks. Held while the process forks, so that the child finds it unlocked.
#[cfg(feature = "sdk")]
pub(crate) struct Held {
    _inherited: inherit::Held,
    _free: MutexGuard<'static, Vec<u32>>,
    /// Of every open span. One that is locked after this can only be another thread's, which the child has not.
    _spans: Vec<MutexGuard<'static, Details>>,
}

/// Locks this room. The spans come last: whoever holds one waits for nothing.
#[cfg(feature = "sdk")]
pub(crate) fn hold() -> Held {
    Held {
        _inherited: inherit::hold(),
        _free: OpenSpans::get().hold(),
        _spans: OpenSpans::get().all().filter_map(Slot::hold).collect(),
    }
}

/// In the child, on its only thread. Spans that were open in the parent stay where they are, with what they hand on; they are of an
/// earlier installation, and nothing is sent when they end.
#[cfg(feature = "sdk")]
pub(crate) fn forked() {
    local::forked();
    start::forked();
}

/// The context that is current on this thread, unless the thread is ending.
#[cfg(feature = "propagation")]
pub(crate) fn current_context() -> Option<Context> {
    local::current_context()
}

/// Hands a finished foreign span to `intake`, through the calling thread's shard if it has joined it.
#[cfg(feature = "sdk")]
pub(crate) fn push_foreign(intake: &crate::pipeline::Intake, record: crate::pipeline::Record) {
    let bytes = record.bytes();
    let mut record = Some(record);
    local::with(|local| {
        local.joined(crate::hub::epoch(), |joined| {
            if std::ptr::eq(&raw const *joined.installed.intake, intake)
                && let Some(record) = record.take()
            {
                intake.push(Some(&joined.seat), bytes, || record);
            }
        })
    });
    if let Some(record) = record {
        intake.push(None, bytes, || record);
    }
}
