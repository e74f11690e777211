//! What is asked for: the attribute's arguments.
//!
//! In: the tokens between the attribute's parentheses. Out: [`Args`], each with its tokens, and every mistake on the token that
//! made it. Does not: know the function (see `check`).

mod lists;
mod split;
mod values;

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::{Expr, LitInt, LitStr, Path};

use self::split::{Argument, Form, split};
use crate::errors::{Errors, nearest};

/// What may be written, for messages and for the nearest name.
const KNOWN: [&str; 9] =
    ["name", "version", "err", "capture", "skip", "skip_all", "fields", "parent", "crate"];

/// The arguments of one attribute.
#[derive(Debug, Default)]
pub(crate) struct Args {
    /// `name = "…"`
    pub(crate) name: Option<LitStr>,
    /// `version = 1`
    pub(crate) version: Option<LitInt>,
    /// `err = false`
    pub(crate) err: Option<bool>,
    /// `crate = path`
    pub(crate) krate: Option<Path>,
    /// `skip(a, b)`
    pub(crate) skip: Vec<Ident>,
    /// `skip_all`
    pub(crate) skip_all: bool,
    /// `capture(input, output)`
    pub(crate) capture: Capture,
    /// `fields(a.b = expr)`
    pub(crate) fields: Vec<Field>,
    /// `parent = expr`
    pub(crate) parent: Option<Expr>,
}

/// `capture(…)`
#[derive(Debug, Default)]
pub(crate) struct Capture {
    pub(crate) inputs: Inputs,
    /// `capture(output)`
    pub(crate) output: bool,
}

/// Which of the function's arguments `capture(…)` takes.
#[derive(Debug, Default)]
pub(crate) enum Inputs {
    #[default]
    None,
    /// `capture(input)`: all that are not skipped.
    All,
    /// `capture(a, b)`
    Named(Vec<Ident>),
}

/// One `key = expr` of `fields(…)`.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) key: LitStr,
    pub(crate) value: Expr,
}

impl Args {
    /// Reads all arguments; what cannot be read is left out and reported.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        let mut seen: Vec<Ident> = Vec::new();
        for Argument { key, form } in split(tokens, errors) {
            if let Some(first) = seen.iter().find(|first| **first == key) {
                errors.at(key.span(), format_args!("`{first}` is given twice"));
                continue;
            }
            args.take(&key, form, errors);
            seen.push(key);
        }
        args.contradictions(&seen, errors);
        args
    }

    /// Whether something is to be done before the body.
    pub(crate) fn asks_at_the_start(&self) -> bool {
        self.parent.is_some() || !self.fields.is_empty() || !matches!(self.capture.inputs, Inputs::None)
    }

    /// The parameter bindings that `capture(…)` takes, without `self` and skipped ones, in the order of the parameters.
    pub(crate) fn captured_inputs(&self, bindings: &[Ident]) -> Vec<Ident> {
        let is_captured = |name: &Ident| match &self.capture.inputs {
            Inputs::None => false,
            Inputs::All => !self.skip_all && name != "self" && !contains(&self.skip, name),
            Inputs::Named(names) => contains(names, name),
        };
        bindings.iter().filter(|name| is_captured(name)).cloned().collect()
    }

    fn take(&mut self, key: &Ident, form: Form, errors: &mut Errors) {
        match (key.to_string().as_str(), form) {
            ("name", Form::Value(value)) => self.name = values::name(value, errors),
            ("version", Form::Value(value)) => self.version = values::version(value, errors),
            ("err", Form::Value(value)) => self.err = values::boolean(value, errors),
            ("crate", Form::Value(value)) => self.krate = values::path(value, errors),
            ("parent", Form::Value(value)) => self.parent = values::expression(value, errors),
            ("skip", Form::List(list)) => self.skip = lists::skip(list, errors),
            ("capture", Form::List(list)) => self.capture = lists::capture(list, errors),
            ("fields", Form::List(list)) => self.fields = lists::fields(list, errors),
            ("skip_all", Form::Bare) => self.skip_all = true,
            ("skip_all", Form::Value(value)) => errors.on(value, "`skip_all` stands alone, without a value"),
            ("skip_all", Form::List(list)) => {
                errors.at(list.span(), "`skip_all` stands alone; to skip some arguments write `skip(a, b)`");
            }
            ("name", _) => errors.at(key.span(), "write `name = \"…\"`"),
            ("version", _) => errors.at(key.span(), "write `version = 1`"),
            ("err", _) => errors.at(key.span(), "write `err = false` (or `true`, the default)"),
            ("crate", _) => errors.at(key.span(), "write `crate = path::to::llmetry`"),
            ("parent", _) => errors.at(key.span(), "write `parent = context`"),
            ("skip", _) => errors.at(key.span(), "`skip` takes the names of arguments: `skip(a, b)`"),
            ("capture", _) => errors.at(
                key.span(),
                "`capture` takes what to capture: `capture(input, output)`, or names of arguments instead of `input`",
            ),
            ("fields", _) => errors.at(key.span(), "`fields` takes keys and values: `fields(a.b = value)`"),
            (unknown, _) => errors.at(key.span(), unknown_argument(unknown)),
        }
    }

    /// What is right by itself, but not beside the others.
    fn contradictions(&self, seen: &[Ident], errors: &mut Errors) {
        if let Some(all) = seen.iter().find(|key| self.skip_all && *key == "skip_all") {
            if !self.skip.is_empty() {
                errors.at(all.span(), "`skip_all` already skips what `skip(…)` names: keep one of them");
            }
            if !matches!(self.capture.inputs, Inputs::None) {
                errors.at(
                    all.span(),
                    "`skip_all` skips the arguments that `capture(…)` takes: keep one of them",
                );
            }
        }
        if let Inputs::Named(captured) = &self.capture.inputs {
            for name in self.skip.iter().filter(|name| contains(captured, name)) {
                errors
                    .at(name.span(), format_args!("`{name}` is both captured and skipped: keep one of them"));
            }
        }
    }
}

/// Whether a name is among others; `r#type` and `type` are the same.
pub(crate) fn contains(names: &[Ident], name: &Ident) -> bool {
    names.iter().any(|other| other.unraw() == name.unraw())
}

fn unknown_argument(word: &str) -> String {
    match nearest(word, KNOWN) {
        Some(known) => format!("unknown argument `{word}`; did you mean `{known}`?"),
        None => format!("unknown argument `{word}`; known are `{}`", KNOWN.join("`, `")),
    }
}

#[cfg(test)]
mod tests;
