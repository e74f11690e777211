//! The span of an outgoing call: opened and ended by hand, since no function of the program is it.
//!
//! In: name and attributes, later what the answer said. Out: the context whose ids go with the request. It is a child of what is current
//! when it is opened, and current only while the call's own code runs.

use std::borrow::Cow;

use opentelemetry::{Context, KeyValue};

use super::open::Open;
use super::{Details, OpenSpans, capture, limits};
use crate::content::{CaptureSerialize, Captured};
use crate::messages;
use crate::record::{ErrorInfo, Kind, Limits, Site};
use crate::wire::Content;

/// So much more of a body is read than an attribute can hold: images stand in it, of which a mark is kept.
const READ_AHEAD: usize = 16;

static CALL: Site = Site::new(Kind::Call, "call");

/// The span of a call; dropping it ends it as cancelled.
#[derive(Debug)]
pub(crate) struct ClientSpan {
    open: Open,
}

impl ClientSpan {
    /// Opens a span under what is current.
    pub(crate) fn start() -> Self {
        let mut open = Open::new(&CALL);
        Open::start(&mut open);
        open.begin();
        Self { open }
    }

    /// Whether what is set here will be exported.
    pub(crate) fn is_recording(&self) -> bool {
        self.open.is_live()
    }

    /// The context in which this span is current; `None` if it has no ids of its own: then those around it go with the request.
    pub(crate) fn context(&self) -> Option<Context> {
        self.open.context()
    }

    /// What kind of call it is.
    pub(crate) fn describe(&self, name: Cow<'static, str>, attributes: Vec<KeyValue>) {
        self.change(|details, limits| {
            for attribute in attributes {
                details.set_attribute(attribute, limits);
            }
            let extra = details.extra();
            extra.heap_bytes += name.len();
            extra.name = Some(name);
        });
    }

    /// Adds or replaces attributes.
    pub(crate) fn set(&self, attributes: impl IntoIterator<Item = KeyValue>) {
        self.change(|details, limits| {
            for attribute in attributes {
                details.set_attribute(attribute, limits);
            }
        });
    }

    /// Makes the span an error. `message` is content, and kept only if that is on.
    pub(crate) fn fail(&self, error_type: Cow<'static, str>, message: Option<&str>) {
        let message = message
            .filter(|_| Open::captures_output(&self.open))
            .and_then(|message| capture::message(Some(true), &message));
        self.change(|details, _| {
            let extra = details.extra();
            extra.heap_bytes += error_type.len() + message.as_ref().map_or(0, String::len);
            // No event: nothing was thrown here. The function that makes an error of it records that.
            extra.error =
                Some(ErrorInfo { type_name: error_type, message, fingerprint: 0, with_event: false });
        });
    }

    /// Whether the request's content is to be read.
    pub(crate) fn input_content(&self) -> Content {
        content(self.open.captured().0)
    }

    /// Whether the answer's content is to be read.
    pub(crate) fn output_content(&self) -> Content {
        content(self.open.captured().1)
    }

    /// Adds messages: as JSON, bounded and masked. Whether they may be captured is for who calls to ask.
    pub(crate) fn capture(&self, messages: impl IntoIterator<Item = messages::Captured>) {
        for (key, value) in messages {
            let text = capture::written(|rules| rules.value(&(&&&Captured(&value)).llmetry_capture()));
            let Some(text) = text else { continue };
            self.change(|details, limits| {
                // It has limits of its own; cut once more it would be no JSON.
                let limits = Limits { value_bytes: usize::MAX, ..*limits };
                details.set_attribute(KeyValue::new(key, String::from(text)), &limits);
            });
        }
    }

    /// Ends the span; it was not dropped half-way.
    pub(crate) fn end(mut self) {
        self.open.returned();
    }

    fn change(&self, change: impl FnOnce(&mut Details, &Limits)) {
        if self.open.is_live() {
            let limits = limits();
            change(&mut OpenSpans::get().slot(self.open.index).touch(), &limits);
        }
    }
}

fn content(is_on: bool) -> Content {
    if is_on {
        Content::Keep { bytes: limits().content_bytes().saturating_mul(READ_AHEAD) }
    } else {
        Content::Off
    }
}
