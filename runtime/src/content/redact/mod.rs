//! Masks secrets in captured content, before any of it is kept.
//!
//! In: keys, and texts with the knowledge whether they go on. Out: whether a key's value is a secret; the text with `[redacted]` in the
//! place of what looks like one. Does not: promise to find every secret. It knows common names and shapes; the program knows its own
//! ([`Redactor::key`], [`Redactor::rule`]).

mod keys;
mod shapes;

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::RulePanicked;

/// Stands where a secret was.
pub(super) const MASK: &str = "[redacted]";

type Rule = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What is masked in captured content: arguments, results and texts of errors.
///
/// Values of keys that name a secret (`api_key`, `Authorization`, `userPassword`, `client-secret`, `token`, `cookie`, …) are replaced as a
/// whole, whatever they are, and so is what a type or variant of such a name wraps (`struct ApiKey(String)`). Inside of every text, what looks like a secret is replaced: keys and tokens with a known prefix
/// (`sk-…`, `ghp_…`, `AKIA…`, …), JSON web tokens, `Bearer …` and `Basic …`, private keys, passwords in URLs, and assignments such as
/// `password=…`. The mask is `[redacted]`.
///
/// That always happens. A program adds what only it knows, and gives the result to `Builder::redactor`:
///
/// ```
/// use llmetry::Redactor;
///
/// let redactor = Redactor::new()
///     .key("patient_id") // also `patientId`, `Patient-ID`
///     .rule(|text| text.contains("PAT-").then(|| "[a patient's text]".to_owned()));
/// # #[cfg(feature = "sdk")]
/// let builder = llmetry::builder().redactor(redactor);
/// ```
///
/// Attributes that the program sets itself (`fields(…)`, [`Span::set_attribute`](crate::Span::set_attribute)) are its own choice and stay as
/// they are.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Squashed, see [`keys::squashed`].
    keys: Vec<String>,
    rules: Vec<Rule>,
}

impl Redactor {
    /// What is masked in every program.
    pub fn new() -> Self {
        Self::default()
    }

    /// Masks the values of this key too, in objects, in maps and in texts (`key=…`). Case, `_`, `-` and `camelCase` make no difference.
    /// Can be called again.
    #[must_use]
    pub fn key(mut self, key: impl AsRef<str>) -> Self {
        self.keys.push(keys::squashed(key.as_ref()));
        self
    }

    /// Replaces texts: `rule` sees each text that is to be captured, and gives back what stands in its place, or `None` to leave it. Can
    /// be called again: each rule sees what those before it left, and the first sees the text with common secrets masked.
    ///
    /// It runs on the program's threads, so it should be quick. Of a text that is longer than the limit of an attribute
    /// (`Builder::max_attribute_value_bytes`) it sees what is within the limit and the 4 096 bytes behind, so that it knows what the
    /// limit cuts in half. A rule that panics has the whole attribute dropped, which `Stats::content_dropped` counts.
    #[must_use]
    pub fn rule(mut self, rule: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.rules.push(Arc::new(rule));
        self
    }

    /// Whether the value of `key` is masked.
    pub(super) fn is_secret(&self, key: &str) -> bool {
        keys::is_secret(key) || (!self.keys.is_empty() && self.keys.contains(&keys::squashed(key)))
    }

    /// `text`, masked; `goes_on`: more of it stands behind, so that what begins at its end counts as a secret.
    pub(super) fn text<'t>(&self, text: &'t str, goes_on: bool) -> Result<Cow<'t, str>, RulePanicked> {
        let mut text = shapes::masked(text, goes_on, &|key| self.is_secret(key));
        for rule in &self.rules {
            let replaced = catch_unwind(AssertUnwindSafe(|| rule(&text))).map_err(|_| RulePanicked)?;
            if let Some(replaced) = replaced {
                text = Cow::Owned(replaced);
            }
        }
        Ok(text)
    }
}

/// Rules are counted: there is nothing to show of them.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("keys", &self.keys).field("rules", &self.rules.len()).finish()
    }
}
