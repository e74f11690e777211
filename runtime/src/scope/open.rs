//! The handle by which generated code owns a span: idle until the first poll or call, then open, ended when it is dropped.
//!
//! In: the function's [`Site`]. Out: the context to attach ([`Entered`]), and the end of the span. Two words in two registers, no
//! lifetime, and every auto trait, so that a future keeps those it had; all that is large stands in the slab.

use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};

use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::{Context, ContextGuard, Key, KeyValue};

use super::start::{Started, start, unsampled_root};
use super::{OpenSpans, capture, finish, limits, local, own, slab};
use crate::content::AttributeValue;
use crate::hub;
use crate::record::{Ending, ErrorInfo, Site};
use crate::semconv::keys;

/// A span of generated code: idle, open, or none. Dropping it ends the span.
#[derive(Debug)]
pub struct Open {
    site: &'static Site,
    phase: Phase,
    /// The slot in the slab, where the phase has one.
    pub(super) index: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
#[repr(u32)]
enum Phase {
    /// Nothing has happened yet: a future that is never polled has no span.
    Idle,
    /// There is no span and there will be none.
    Off,
    /// The first poll of an unsampled root: nothing to keep unless it is pending.
    Unsampled,
    /// A later poll of an unsampled root, whose context waits in the slot.
    Parked,
    /// Opened for its fields; the function has not begun. Only a panic in a field's expression can end it here.
    Starting,
    /// The function has begun.
    Running,
    /// It has returned.
    Returned,
    /// A panic has passed.
    Panicked,
}

impl Open {
    /// A span that is not open yet.
    #[inline]
    #[must_use]
    pub fn new(site: &'static Site) -> Self {
        Self { site, phase: Phase::Idle, index: 0 }
    }

    /// This handle's span, leaving nothing behind.
    #[inline]
    pub(super) fn take(&mut self) -> Self {
        let taken = Self { site: self.site, phase: self.phase, index: self.index };
        self.phase = Phase::Off;
        taken
    }

    /// Whether there is nothing to do: no span, or one that would begin while nothing is installed.
    #[inline]
    pub(super) fn is_off(&mut self) -> bool {
        if self.phase == Phase::Idle && hub::epoch() == 0 {
            self.phase = Phase::Off;
        }
        self.phase == Phase::Off
    }

    /// Whether there is anything to ask before the body.
    #[inline]
    pub fn is_on(this: &mut Self) -> bool {
        !this.is_off()
    }

    /// Opens the span now, as a child of `parent` instead of what is current.
    pub fn parent(this: &mut Self, parent: impl IntoParent) {
        if this.phase != Phase::Idle || !local::may_attach() {
            return;
        }
        let context = parent.into_parent();
        let around = context.clone().attach();
        this.open_early();
        drop(around);
        // Not recorded, but what is called inside has to know whose trace this is.
        if this.phase == Phase::Off && context.has_active_span() {
            this.park(context);
        }
    }

    /// Opens the span before the function begins.
    fn open_early(&mut self) {
        let Some(guard) = self.enter_first() else { return };
        self.keep();
        drop(guard);
        if self.phase == Phase::Running {
            self.phase = Phase::Starting;
        }
    }

    /// Opens the span now, for its fields; `true` when it is recorded.
    #[inline]
    pub fn start(this: &mut Self) -> bool {
        if !this.is_off() && this.phase == Phase::Idle {
            this.open_early();
        }
        this.phase == Phase::Starting
    }

    #[inline]
    fn open(&mut self, phase: Phase, index: u32) {
        self.phase = phase;
        self.index = index;
    }

    /// Finds a slot for the context of an unsampled root.
    #[cold]
    fn park(&mut self, context: Context) {
        match local::with(|local| local.take_slot(slab::MAX_SLOTS)).flatten() {
            Some(index) => {
                OpenSpans::get().slot(index).touch().context = Some(context);
                self.open(Phase::Parked, index);
            }
            // The rest of this root goes without ids; its children begin unsampled traces of their own.
            None => self.phase = Phase::Off,
        }
    }

    #[inline]
    pub(super) fn is_live(&self) -> bool {
        self.phase >= Phase::Starting
    }

    /// Sets one attribute of a span that [`start`](Self::start) has opened; the macros have seen to it that keys differ.
    pub fn field(this: &Self, key: &'static str, value: impl AttributeValue) {
        if this.is_live() {
            let limits = limits();
            let value = value.attribute_value(limits.value_bytes);
            let attribute = KeyValue::new(Key::from_static_str(key), value);
            OpenSpans::get().slot(this.index).touch().add_attribute(attribute, &limits);
        }
    }

    /// Whether the next entry is that of a first poll: if that poll is pending, it has to be kept by [`keep`](Self::keep).
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    /// Makes the span current for one poll or for the call; opens it if it is idle. `None`: there is nothing to be current.
    #[inline]
    pub(super) fn enter(&mut self) -> Option<ContextGuard> {
        match self.phase {
            Phase::Idle => self.enter_first(),
            Phase::Off | Phase::Unsampled => None,
            Phase::Parked => self.again(),
            Phase::Starting | Phase::Running | Phase::Returned | Phase::Panicked => {
                self.phase = Phase::Running;
                self.again()
            }
        }
    }

    #[inline]
    fn enter_first(&mut self) -> Option<ContextGuard> {
        let mut started = Started::Nothing;
        let guard = start(self.site, hub::epoch(), &mut started);
        match started {
            Started::Recorded(index) => self.open(Phase::Running, index),
            Started::Unsampled => self.phase = Phase::Unsampled,
            Started::Nothing => self.phase = Phase::Off,
        }
        guard
    }

    fn again(&self) -> Option<ContextGuard> {
        // Not in a thread-local destructor: attaching would panic there.
        if !local::may_attach() {
            return None;
        }
        let context = OpenSpans::get().slot(self.index).touch().context.clone();
        context.map(Context::attach)
    }

    /// Makes the span current while a future is dropped that has been polled; `None` if it never was, or has none.
    #[inline]
    pub(super) fn enter_to_drop(&self) -> Option<ContextGuard> {
        match self.phase {
            Phase::Idle | Phase::Off | Phase::Unsampled => None,
            _ => self.again(),
        }
    }

    /// Keeps the context of a first poll that was pending. Called while it is still attached.
    pub(super) fn keep(&mut self) {
        let current = Context::current();
        if self.phase == Phase::Unsampled {
            return self.park(current);
        }
        if self.phase != Phase::Running {
            return;
        }
        let slot = OpenSpans::get().slot(self.index);
        let id = slot.started().id;
        // Code inside may have left a context of its own attached; ours is remade rather than taken for theirs.
        let is_ours = current.span().span_context().span_id().to_bytes() == id.to_be_bytes();
        let context = if is_ours { current } else { current.with_span(own::remade(self.index)) };
        let old = slot.touch().context.replace(context);
        drop(old);
    }

    /// The function has returned something that still runs: its polls go on in this span.
    pub(super) fn go_on(&mut self) {
        match self.phase {
            Phase::Returned => {
                self.phase = Phase::Running;
                let Some(current) = local::current_context() else { return };
                let context = current.with_span(own::remade(self.index));
                let mut details = OpenSpans::get().slot(self.index).touch();
                // A future that was pending has kept the one that its body was polled in.
                details.context.get_or_insert(context);
            }
            Phase::Unsampled => {
                if let Some(context) = unsampled_root() {
                    self.park(context);
                }
            }
            _ => {}
        }
    }

    /// Whether there is no span, or no longer one.
    #[inline]
    pub(super) fn is_over(this: &Self) -> bool {
        matches!(this.phase, Phase::Idle | Phase::Off)
    }

    /// How many items came out of the returned stream.
    pub(super) fn stream_items(&self, items: u64) {
        if self.is_live() {
            let limits = limits();
            let items = KeyValue::new(keys::LLMETRY_STREAM_ITEMS, i64::try_from(items).unwrap_or(i64::MAX));
            OpenSpans::get().slot(self.index).touch().set_attribute(items, &limits);
        }
    }

    /// What was opened early has begun: dropped from now on, it was cancelled.
    #[cfg(feature = "llm")]
    pub(super) fn begin(&mut self) {
        if self.phase == Phase::Starting {
            self.phase = Phase::Running;
        }
    }

    /// The context that was kept when the span was opened early.
    #[cfg(feature = "llm")]
    pub(super) fn context(&self) -> Option<Context> {
        let has_slot = self.phase == Phase::Parked || self.is_live();
        has_slot.then(|| OpenSpans::get().slot(self.index).touch().context.clone()).flatten()
    }

    /// The function has returned; the span waits for its outcome and ends when this is dropped.
    #[inline]
    pub(super) fn returned(&mut self) {
        if self.is_live() {
            self.phase = Phase::Returned;
        }
    }

    /// A panic is passing through.
    #[cold]
    pub(super) fn panicked(&mut self) {
        if self.is_live() {
            self.phase = Phase::Panicked;
        }
    }

    /// The function returned, or its stream produced, an error of this type. Says whether that makes the span an error.
    #[cold]
    pub(super) fn error(&self, type_name: &'static str, message: Option<&dyn Display>) -> bool {
        if !self.is_live() || !self.site.err_is_error {
            return false;
        }
        let content = OpenSpans::get().slot(self.index).touch().content();
        // The user's `Display` runs outside of the lock, and only when its text may leave the process.
        let message = message.and_then(|message| capture::message(content, message));
        let mut hasher = DefaultHasher::new();
        (type_name, &message).hash(&mut hasher);
        let fingerprint = hasher.finish();
        let mut details = OpenSpans::get().slot(self.index).touch();
        let with_event = details.child_error != Some(fingerprint);
        let extra = details.extra();
        extra.heap_bytes += type_name.len() + 2 * message.as_ref().map_or(0, String::len) + 256;
        extra.error = Some(ErrorInfo { type_name: type_name.into(), message, fingerprint, with_event });
        true
    }
}

/// What `parent = …` takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the parent of a span",
    note = "a parent is an `opentelemetry::Context`, by value or reference, or a `SpanContext`"
)]
pub trait IntoParent {
    /// The context to start the span in.
    fn into_parent(self) -> Context;
}

impl IntoParent for Context {
    fn into_parent(self) -> Context {
        self
    }
}

impl IntoParent for &Context {
    fn into_parent(self) -> Context {
        self.clone()
    }
}

impl IntoParent for &&Context {
    fn into_parent(self) -> Context {
        (*self).clone()
    }
}

impl IntoParent for &&SpanContext {
    fn into_parent(self) -> Context {
        (*self).clone().into_parent()
    }
}

impl IntoParent for SpanContext {
    fn into_parent(self) -> Context {
        Context::current().with_remote_span_context(self)
    }
}

impl IntoParent for &SpanContext {
    fn into_parent(self) -> Context {
        self.clone().into_parent()
    }
}

impl Drop for Open {
    #[inline]
    fn drop(&mut self) {
        let ending = match self.phase {
            Phase::Idle | Phase::Off | Phase::Unsampled => return,
            Phase::Parked => return finish::unpark(self.index),
            Phase::Starting | Phase::Panicked => Ending::Panicked,
            Phase::Running => Ending::Cancelled,
            Phase::Returned => Ending::Returned,
        };
        finish::finish(self.site, self.index, ending);
    }
}
