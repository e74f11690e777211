//! [`Span`]: what user code may do to the span it runs in.
//!
//! In: calls of user code, from any thread, during the span or after. Out: changes of the open span, ours in the slab or a foreign one
//! through the OpenTelemetry API. A handle of nothing, or of a span that has ended, does nothing.

use std::borrow::Cow;
use std::error::Error;
use std::time::SystemTime;

use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::{Context, Key, KeyValue, StringValue};

use super::{Details, capture, convention, find, inherit, limits, local};
use crate::IntoValue;
use crate::diag;
use crate::hub;
use crate::record::{Event, Inherited};
use crate::semconv::keys;
use crate::sync::MutexGuard;

/// A handle of a span: cheap to clone, may be sent anywhere, a no-op when nothing is recorded.
#[derive(Clone, Debug, Default)]
pub struct Span {
    context: Option<Context>,
}

/// The span that is current here: the innermost annotated function that is running, or a span that other code made current
/// through OpenTelemetry. A no-op outside of any span and before `init`.
///
/// ```
/// # async fn answer() {
/// let span = llmetry::current();
/// span.set_attribute("documents", 12);
/// span.set_user_id("u-17"); // on this span and on all that are started inside from now on
/// # }
/// ```
pub fn current() -> Span {
    if hub::epoch() == 0 {
        return Span::default();
    }
    let context = local::current_context().filter(TraceContextExt::has_active_span);
    Span { context }
}

impl Span {
    fn ids(&self) -> Option<(&Context, u128, u64)> {
        let context = self.context.as_ref()?;
        let span = context.span();
        let ids: &SpanContext = span.span_context();
        Some((
            context,
            u128::from_be_bytes(ids.trace_id().to_bytes()),
            u64::from_be_bytes(ids.span_id().to_bytes()),
        ))
    }

    fn own(&self) -> Option<MutexGuard<'static, Details>> {
        let (_, trace_id, id) = self.ids()?;
        find(trace_id, id)
    }

    /// Whether what is set here will be exported.
    pub fn is_recording(&self) -> bool {
        self.own().is_some() || self.context.as_ref().is_some_and(|context| context.span().is_recording())
    }

    /// Sets an attribute of this span, replacing an earlier value. Texts are cut at
    /// `OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT` bytes (default 32 768), attributes counted above
    /// `OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT` (default 128).
    pub fn set_attribute(&self, key: impl Into<Cow<'static, str>>, value: impl IntoValue) {
        let Some(context) = &self.context else { return };
        let attribute = KeyValue::new(Key::from(key.into()), value.into_value());
        let limits = limits();
        if let Some(mut details) = self.own() {
            details.set_attribute(attribute, &limits);
        } else {
            context.span().set_attribute(attribute);
        }
    }

    /// Adds an event with the present time.
    ///
    /// ```
    /// llmetry::current().add_event("cache.miss", [("cache.name", "embeddings")]);
    /// ```
    pub fn add_event<K, V>(
        &self,
        name: impl Into<Cow<'static, str>>,
        attributes: impl IntoIterator<Item = (K, V)>,
    ) where
        K: Into<Cow<'static, str>>,
        V: IntoValue,
    {
        if self.context.is_none() {
            return;
        }
        let attributes = attributes
            .into_iter()
            .map(|(key, value)| KeyValue::new(Key::from(key.into()), value.into_value()))
            .collect();
        self.push_event(Event { name: name.into(), time: SystemTime::now(), attributes });
    }

    fn push_event(&self, event: Event) {
        let limits = limits();
        if let Some(mut details) = self.own() {
            details.add_event(event, &limits);
        } else if let Some(context) = &self.context {
            context.span().add_event_with_timestamp(event.name, event.time, event.attributes);
        }
    }

    /// Records an error that the function survives, as an `exception` event; the span's status stays as it is.
    ///
    /// The error's text is recorded only when content is on (see `Builder::capture_content`): error texts quote what they
    /// failed on.
    pub fn record_error<E: Error + ?Sized>(&self, error: &E) {
        if self.context.is_none() {
            return;
        }
        let mut attributes = vec![KeyValue::new(keys::EXCEPTION_TYPE, std::any::type_name::<E>())];
        if let Some(message) = capture::message(self.content(), &error) {
            attributes.push(KeyValue::new(keys::EXCEPTION_MESSAGE, message));
        }
        self.push_event(Event { name: Cow::Borrowed("exception"), time: SystemTime::now(), attributes });
    }

    /// Whether content may be captured from now on: what else this span captures (its result, the texts of errors) and everything
    /// started inside it, in spawned tasks too. It goes over the switch of the process, either way, and what is started inside may go
    /// over it in turn.
    ///
    /// Default: as it is around this span, at the outermost what [`Builder::capture_content`](crate::Builder::capture_content) and the
    /// environment say. The span carries no trace of this.
    ///
    /// ```
    /// # async fn answer(has_agreed: bool) {
    /// llmetry::current().capture_content(has_agreed); // for this user's request
    /// # }
    /// ```
    pub fn capture_content(&self, yes: bool) {
        if self.context.is_some() {
            capture::overrule();
            self.change(|inherited| inherited.content = Some(yes));
        }
    }

    /// What holds for this span's content, if it is not the process's switch.
    fn content(&self) -> Option<bool> {
        if let Some(details) = self.own() {
            return details.content();
        }
        let (context, trace_id, id) = self.ids()?;
        inherit::around(context.span().span_context(), trace_id, id, context)?.content
    }

    /// Sets `gen_ai.conversation.id` on this span and on every span started inside it from now on, foreign ones too.
    ///
    /// In the convention `traceloop` also `traceloop.association.properties.session_id`.
    pub fn set_conversation_id(&self, id: impl Into<String>) {
        let id = StringValue::from(id.into());
        self.change(|inherited| inherited.conversation_id = Some(id));
    }

    /// Sets `user.id` on this span and on every span started inside it from now on, foreign ones too.
    ///
    /// In the convention `traceloop` the key is `traceloop.association.properties.user_id`.
    pub fn set_user_id(&self, id: impl Into<String>) {
        let id = StringValue::from(id.into());
        self.change(|inherited| inherited.user_id = Some(id));
    }

    /// Sets an attribute on this span and on every span started inside it from now on, foreign ones too.
    ///
    /// A key that was set before is replaced, others stay. In the convention `traceloop` the attribute's key is
    /// `traceloop.association.properties.` and `key`.
    ///
    /// Keys in the namespaces of a convention (`gen_ai.`, `openinference.`, `service.` …) are refused, which is said once on
    /// stderr.
    pub fn set_property(&self, key: impl Into<Cow<'static, str>>, value: impl IntoValue) {
        let key = key.into();
        if keys::is_reserved(&key) {
            diag::once(
                "reserved-property",
                &format!(
                    "property `{key}` was not set: its namespace belongs to a convention; choose another prefix"
                ),
            );
            return;
        }
        let value = value.into_value();
        self.change(|inherited| inherited.set_property(Key::from(key), value));
    }

    fn change(&self, change: impl FnOnce(&mut Inherited)) {
        let Some((context, trace_id, id)) = self.ids() else { return };
        if find(trace_id, id).is_some() {
            inherit::change_own(trace_id, id, change);
            return;
        }
        let span = context.span();
        if span.is_recording() {
            inherit::change_foreign(&span, convention(), trace_id, id, change);
        }
    }

    /// The trace's id in hexadecimal, for logs and links; `None` when there is no current trace.
    pub fn trace_id(&self) -> Option<String> {
        let (context, ..) = self.ids()?;
        Some(context.span().span_context().trace_id().to_string())
    }

    /// The OpenTelemetry context in which this span is current: to start spans of the OpenTelemetry API in, or to attach
    /// elsewhere.
    pub fn context(&self) -> Context {
        self.context.clone().unwrap_or_default()
    }
}
