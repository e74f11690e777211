//! Which content a span captures: arguments, result, the texts of errors.
//!
//! In: generated code asks, and hands over references if the answer is yes. Out: JSON in the open span's details. The answer is the
//! process's switch, unless somebody said otherwise for this span or around it ([`Span::capture_content`](crate::Span::capture_content)).
//! Does not: touch a value before the answer is yes, or hold a lock while code of the program writes one.

use std::cell::Cell;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};

use super::open::Open;
use super::{OpenSpans, local};
use crate::content::{Capture, Content, RulePanicked, Rules};
use crate::diag;
use crate::hub;
use crate::record::Extra;

/// Whether anybody has ever overruled the switch: else a span need not be opened to know that nothing is captured.
static OVERRULED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether this thread is writing content. A rule, or a `Serialize`, may call functions that are annotated; were their content
    /// written too, they might call one another for ever.
    static WRITING: Cell<bool> = const { Cell::new(false) };
}

/// [`WRITING`] for as long as it lives.
struct Writing;

impl Writing {
    fn begin() -> Option<Self> {
        // Not `then_some`: that makes one either way, and drops it.
        (!WRITING.replace(true)).then(|| Self)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        WRITING.set(false);
    }
}

/// From now on spans are asked as well as the switch.
#[cold]
pub(super) fn overrule() {
    OVERRULED.store(true, Ordering::Relaxed);
}

impl Open {
    /// Opens the span if it is not open yet; `true` when it is recorded and its arguments may be captured.
    #[inline]
    pub fn captures_input(this: &mut Self) -> bool {
        if !switch().inputs && !OVERRULED.load(Ordering::Relaxed) {
            return false;
        }
        if this.is_idle() {
            Self::start(this);
        }
        this.captures(|content| content.inputs)
    }

    /// Captures arguments, by their names.
    #[cold]
    pub fn input(this: &Self, values: &[(&'static str, &dyn Capture)]) {
        this.store(|rules| rules.object(values), |extra| &mut extra.input);
    }

    /// Whether the span is recorded and the result may be captured.
    #[inline]
    pub fn captures_output(this: &Self) -> bool {
        this.is_live() && this.captures(|content| content.outputs)
    }

    /// Captures the result.
    #[cold]
    pub fn output(this: &Self, value: &dyn Capture) {
        this.store(|rules| rules.value(value), |extra| &mut extra.output);
    }

    /// Which halves of the content may be captured.
    #[cfg(feature = "llm")]
    pub(super) fn captured(&self) -> (bool, bool) {
        (self.captures(|content| content.inputs), self.captures(|content| content.outputs))
    }

    fn captures(&self, half: impl Fn(Content) -> bool) -> bool {
        if !self.is_live() || WRITING.get() {
            return false;
        }
        let overruled = OVERRULED
            .load(Ordering::Relaxed)
            .then(|| OpenSpans::get().slot(self.index).touch().content())
            .flatten();
        half(overruled.map_or_else(switch, Content::all))
    }

    fn store(
        &self,
        write: impl FnOnce(Rules<'_>) -> Result<Box<str>, RulePanicked>,
        place: impl FnOnce(&mut Extra) -> &mut Option<Box<str>>,
    ) {
        if !self.is_live() {
            return;
        }
        if let Some(text) = written(write) {
            let mut details = OpenSpans::get().slot(self.index).touch();
            let extra = details.extra();
            extra.heap_bytes += text.len();
            *place(extra) = Some(text);
        }
    }
}

/// The text of an error, if content holds: `overruled`, or what the process says.
pub(super) fn message(overruled: Option<bool>, message: &dyn Display) -> Option<String> {
    if !overruled.unwrap_or_else(|| switch().outputs) {
        return None;
    }
    written(|rules| rules.message(message)).flatten()
}

/// The switch of the installation; off when there is none.
#[inline]
fn switch() -> Content {
    local::with(|local| local.joined(hub::epoch(), |joined| joined.installed.content.get()))
        .flatten()
        .unwrap_or_default()
}

/// What `write` makes under the rules of the installation; nothing, and a count, if one of the redactor's own panics.
pub(super) fn written<T>(write: impl FnOnce(Rules<'_>) -> Result<T, RulePanicked>) -> Option<T> {
    // Not through the thread's own: code of the program runs in here, and may open spans.
    let installed = hub::installed()?;
    let _writing = Writing::begin()?;
    let rules = Rules { limits: &installed.limits, redactor: &installed.redactor };
    let text = write(rules);
    if text.is_err() {
        installed.intake.count_content_drop();
        diag::once(
            "redactor",
            "a rule of the redactor panicked; what it looked at was left out of its span (said once; `stats().content_dropped` counts)",
        );
    }
    text.ok()
}
