//! Captured content: arguments, results and texts of errors become bounded JSON in which secrets are masked.
//!
//! In: values of the program, found by their type ([`Captured`]), the limits, the [`Redactor`]. Out: the text of an attribute, always
//! valid JSON, or nothing if a rule of the redactor panicked. Does not: decide whether content is captured (the [`Switch`] only keeps
//! the answer), know spans, or name attributes.
//!
//! | question | file |
//! | --- | --- |
//! | may it be captured? | `switch` |
//! | how is this value written? | `capture`; as a field, which is no content, `attribute` |
//! | how does a `Serialize` become JSON? | `json` |
//! | how much of it, and what stands where something is missing? | `writer` |
//! | what is masked? | `redact`: `keys` by name, `shapes` by look |
//!
//! The program's own code runs in here: `Serialize`, `Debug`, `Display`, rules. It may fail, panic, recurse or go on for ever, and the
//! function that is traced shall not notice.

mod attribute;
mod capture;
mod json;
mod redact;
mod switch;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) use self::attribute::AttributeValue;
pub use self::attribute::{FieldAsDebug, FieldAsIs, FieldAsName, FieldAsSerialize, FieldAsText};
pub use self::capture::{
    Capture, CaptureDebug, CaptureName, CaptureSerialize, CaptureText, Captured, Success, SuccessOfAny,
    SuccessOfResult,
};
#[cfg(feature = "llm")]
pub(crate) use self::json::WORD;
pub use self::redact::Redactor;
pub(crate) use self::switch::{Content, Switch};
use self::writer::Writer;
use crate::record::Limits;

/// A rule of the redactor panicked: what it looked at may not leave the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RulePanicked;

/// How much is written, and what is masked in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) redactor: &'a Redactor,
}

impl Rules<'_> {
    /// `values` as one JSON object, by their names.
    pub(crate) fn object(self, values: &[(&'static str, &dyn Capture)]) -> Result<Box<str>, RulePanicked> {
        let mut writer = Writer::for_content(self);
        writer.object(values);
        writer.finish()
    }

    /// `value` as JSON.
    pub(crate) fn value(self, value: &dyn Capture) -> Result<Box<str>, RulePanicked> {
        let mut writer = Writer::for_content(self);
        writer.capture(value);
        writer.finish()
    }

    /// The text of an error, not JSON; `None` if its `Display` fails or panics.
    pub(crate) fn message(self, message: &dyn Display) -> Result<Option<String>, RulePanicked> {
        let mut writer = Writer::for_text(self);
        let written = catch_unwind(AssertUnwindSafe(|| writer.formatted(format_args!("{message}"))));
        let shown = written.is_ok_and(|written| written.is_ok());
        let text = writer.finish()?;
        Ok(shown.then(|| text.into()))
    }
}
