//! How the parameters get into the body, which runs in an `async` block or closure of its own, so that they are dropped as in the bare
//! function: after the body's locals, the last one first.
//!
//! Names (`a: A`, `self`) are captured whole, in reverse order, by a mention in the dead branch: captured values are dropped in the
//! order of their first mention, and a capture is stored once, where `let a = a;` inside would store it twice. `_` gets a name
//! for it. The mention is dead, so that the lints still see what the body does with an argument. One that the body does not name
//! at all would be reported twice ("unused variable", "value captured is never read"): it gets a binding to be unused, `let a = &a;`.
//!
//! From the first pattern on this does not do: the bindings of a pattern are locals of the body, and would all be dropped before
//! what is captured. There the compiler's own way is written out (the reference, "Destructors", "Scopes of function parameters"):
//!
//! ```text
//! fn f(a: A, (b, _): (B, B), c: C)  →  fn f(a: A, __llmetry_arg1: (B, B), __llmetry_arg2: C)
//! body:  let __llmetry_arg1 = __llmetry_arg1; let (b, _) = __llmetry_arg1; let c = __llmetry_arg2;
//! ```

use std::collections::HashSet;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::ext::IdentExt;
use syn::visit_mut::{VisitMut, visit_pat_ident_mut, visit_pat_mut};
use syn::{Attribute, FnArg, Pat, PatIdent, Signature};

use super::lints;
use crate::args::Field;

pub(super) struct Params {
    params: Vec<Param>,
}

struct Param {
    /// `#[cfg(…)]`, which goes wherever the parameter goes.
    cfgs: Vec<Attribute>,
    /// `#[allow(…)]` and the like, for the user's binding inside.
    lints: Vec<Attribute>,
    /// What the generated function calls it.
    name: Ident,
    /// The user's pattern, if the function's own parameter has another name.
    pat: Option<Pat>,
    /// Whether it is taken apart inside the body.
    is_rebound: bool,
    /// Where it is named.
    named: Named,
}

/// Where a parameter that is captured is named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    /// In the body, perhaps: a field of that name counts too. Or nowhere, and that is fine: its name begins with `_`.
    InBody,
    /// In `fields(…)`; or it is `self`, which is never reported as unused.
    Used,
    /// Nowhere: it is unused.
    Nowhere,
}

impl Params {
    pub(super) fn of(sig: &Signature, body: &TokenStream, fields: &[Field]) -> Self {
        let in_body = words(body.clone());
        let in_fields = words(fields.iter().map(|field| field.value.to_token_stream()).collect());
        let mut is_rebound = false;
        let params = sig.inputs.iter().enumerate().map(|(index, input)| {
            let (attrs, name, pat) = match input {
                FnArg::Receiver(receiver) => (&receiver.attrs, Ident::from(receiver.self_token), None),
                FnArg::Typed(argument) => {
                    is_rebound |=
                        !matches!(&*argument.pat, Pat::Wild(_)) && plain_name(&argument.pat).is_none();
                    match plain_name(&argument.pat).filter(|_| !is_rebound) {
                        Some(name) => (&argument.attrs, name.clone(), None),
                        None => (&argument.attrs, own_name(index), Some(Pat::clone(&argument.pat))),
                    }
                }
            };
            let (cfgs, lints) = attrs.iter().cloned().partition(|attr| attr.path().is_ident("cfg"));
            let word = name.unraw().to_string();
            let named = if word == "self" || in_fields.has(&word) {
                Named::Used
            } else if pat.is_some() || word.starts_with('_') || in_body.has(&word) {
                Named::InBody
            } else {
                Named::Nowhere
            };
            Param { cfgs, lints, name, pat, is_rebound, named }
        });
        Self { params: params.collect() }
    }

    /// Gives the parameters of the generated function their names.
    pub(super) fn put_into(&self, sig: &mut Signature) {
        for (input, param) in sig.inputs.iter_mut().zip(&self.params) {
            let FnArg::Typed(argument) = input else { continue };
            if param.pat.is_some() {
                let name = &param.name;
                *argument.pat = Pat::Verbatim(quote_spanned!(name.span()=> #name));
            }
            if param.pat.is_some() || param.named == Named::Nowhere {
                // What is expected of the user's binding is not to be expected here as well.
                argument.attrs.retain(|attr| !attr.path().is_ident("expect"));
            }
        }
    }

    /// A mention of each parameter that makes the body capture it whole, in the order of their drops.
    pub(super) fn captures(&self) -> impl Iterator<Item = TokenStream> {
        self.params.iter().rev().map(Param::mention)
    }

    /// For the lints' eyes: a use of what is used by us, an unused binding for what is unused.
    pub(super) fn uses(&self) -> impl Iterator<Item = TokenStream> {
        let captured = self.params.iter().filter(|param| !param.is_rebound);
        captured.filter_map(|param| match param.named {
            Named::InBody => None,
            Named::Used => Some(param.mention()),
            Named::Nowhere => Some(param.unused()),
        })
    }

    /// The user's bindings for what has another name outside, as rustc would bind them.
    pub(super) fn rebindings(&self) -> Vec<TokenStream> {
        let span = Span::mixed_site();
        let allow = lints::rebinding();
        let rebound = self.params.iter().filter(|param| param.is_rebound);
        let bind = rebound.map(|Param { cfgs, lints, name, pat, .. }| match pat {
            Some(pat) if plain_name(pat).is_some() => {
                quote_spanned!(span=> #(#cfgs)* #allow #(#lints)* let #pat = #name;)
            }
            Some(Pat::Wild(_)) | None => quote_spanned!(span=> #(#cfgs)* let #name = #name;),
            Some(pat) => quote_spanned! {span=>
                #(#cfgs)* let #name = #name;
                #(#cfgs)* #(#lints)* let #pat = #name;
            },
        });
        bind.collect()
    }

    /// The same bindings by reference, outside of the body.
    pub(super) fn borrowed(&self) -> impl Iterator<Item = TokenStream> {
        let rebound = self.params.iter().filter(|param| param.is_rebound);
        rebound.filter_map(|Param { cfgs, name, pat, .. }| {
            let mut pat = pat.clone()?;
            ByReference.visit_pat_mut(&mut pat);
            Some(quote_spanned!(Span::mixed_site()=> #(#cfgs)* let #pat = &#name;))
        })
    }
}

impl Param {
    fn mention(&self) -> TokenStream {
        let Self { cfgs, name, .. } = self;
        let allow = lints::mention();
        // Not `let _`: clippy::let_underscore_lock looks at what stands behind it.
        quote_spanned!(Span::mixed_site()=> #(#cfgs)* #allow let __llmetry_held = &#name;)
    }

    fn unused(&self) -> TokenStream {
        let Self { cfgs, lints, name, .. } = self;
        let allow = lints::mention();
        quote_spanned!(Span::mixed_site()=> #(#cfgs)* #allow #(#lints)* let #name = &#name;)
    }
}

/// `a` or `mut a`
fn plain_name(pat: &Pat) -> Option<&Ident> {
    match pat {
        Pat::Ident(PatIdent { by_ref: None, subpat: None, ident, .. }) => Some(ident),
        _ => None,
    }
}

fn own_name(index: usize) -> Ident {
    format_ident!("__llmetry_arg{index}", span = Span::mixed_site())
}

/// Makes a pattern match a reference to what it matches: default binding modes allow no `mut`, `ref` and `&`.
struct ByReference;

impl VisitMut for ByReference {
    fn visit_pat_mut(&mut self, pat: &mut Pat) {
        while let Pat::Reference(reference) = pat {
            *pat = Pat::clone(&reference.pat);
        }
        visit_pat_mut(self, pat);
    }

    fn visit_pat_ident_mut(&mut self, pat: &mut PatIdent) {
        pat.by_ref = None;
        pat.mutability = None;
        visit_pat_ident_mut(self, pat);
    }
}

/// The words of some code.
struct Words {
    idents: HashSet<String>,
    /// Literals that may be format strings.
    formats: Vec<String>,
}

impl Words {
    fn has(&self, word: &str) -> bool {
        self.idents.contains(word) || self.formats.iter().any(|format| format.contains(word))
    }
}

fn words(tokens: TokenStream) -> Words {
    let mut words = Words { idents: HashSet::new(), formats: Vec::new() };
    let mut open = vec![tokens];
    while let Some(tokens) = open.pop() {
        for token in tokens {
            match token {
                TokenTree::Group(group) => open.push(group.stream()),
                TokenTree::Ident(word) => _ = words.idents.insert(word.unraw().to_string()),
                TokenTree::Literal(literal) => {
                    words.formats.extend(Some(literal.to_string()).filter(|text| text.contains('{')));
                }
                TokenTree::Punct(_) => {}
            }
        }
    }
    words
}
