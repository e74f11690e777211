//! Collects every mistake, so that all of them are reported at once.
//!
//! In: `syn::Error`s, each on its own token. Out: one `syn::Error` that holds them all, or nothing. Does not: decide what to emit.

use std::fmt::Display;

use proc_macro2::Span;
use quote::ToTokens;

/// The mistakes found so far. Has to be [checked](Errors::check): dropping it unchecked would lose them.
#[derive(Debug)]
pub(crate) struct Errors {
    // `None` once checked.
    found: Option<Vec<syn::Error>>,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Self { found: Some(Vec::new()) }
    }

    /// A mistake on one token.
    pub(crate) fn at(&mut self, span: Span, message: impl Display) {
        self.push(syn::Error::new(span, message));
    }

    /// A mistake on a piece of code.
    pub(crate) fn on(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        if let Some(found) = &mut self.found {
            found.push(error);
        }
    }

    /// All mistakes as one error.
    pub(crate) fn check(mut self) -> syn::Result<()> {
        let all = self.found.take().into_iter().flatten().reduce(|mut all, error| {
            all.combine(error);
            all
        });
        all.map_or(Ok(()), Err)
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        assert!(self.found.is_none() || std::thread::panicking(), "forgot to check for errors");
    }
}

/// The one of `known` that `word` is a slip for, if one is near enough.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let limit = (length.max(3) / 3).min(length.saturating_sub(1));
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= limit || (length > 1 && candidate.starts_with(word)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits between two words; two letters that changed places are one.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let best = change.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best.min(rows[i - 2][j - 2] + 1)
                } else {
                    best
                }
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_forgives_slips_and_not_more() {
        let known = ["name", "version", "skip", "skip_all", "fields"];
        assert_eq!(nearest("nmae", known), Some("name"));
        assert_eq!(nearest("skip_al", known), Some("skip_all"));
        assert_eq!(nearest("vers", known), Some("version"));
        assert_eq!(nearest("level", known), None);
        assert_eq!(nearest("a", ["b", "ab"]), None);
    }

    #[test]
    #[should_panic(expected = "forgot to check")]
    fn unchecked_errors_are_a_bug() {
        drop(Errors::new());
    }
}
