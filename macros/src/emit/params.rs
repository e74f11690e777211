//! How the parameters get into the body, which runs in an `async` block or closure of its own, so that they are dropped as in the bare
//! function: after the body's locals, the last one first.
//!
//! Names (`a: A`, `self`) are captured whole, in reverse order, by a mention in the dead branch: captured values are dropped in the
//! order of their first mention, and a capture is stored once, where `let a = a;` inside would store it twice. `_` gets a name
//! for it. The mention is dead, so that the lints still see what the body does with an argument. One that the body does not name
//! at all would be reported twice ("unused variable", "value captured is never read"): it gets a binding to be unused, `let a = &a;`.
//!
//! A pattern that takes everything out of its value (`(a, _): (A, B)`, `State(s): State<S>`) is taken apart where it is written, and its
//! bindings are captured like names; `_` in it gets a name too.
//!
//! A closure captures the same, but binds each name again, `let a = a;`: there it costs nothing, and compiler and clippy see a binding of
//! the user's rather than a capture of ours ("argument is not mutable", "never read").
//!
//! With other patterns this does not do: something of the value would stay behind, outside. And a name that the body assigns to
//! without `mut` needs a binding for the compiler to report. From the first of these on the compiler's own way is written out (the
//! reference, "Destructors", "Scopes of function parameters"), since bindings of the body are dropped before what is captured:
//!
//! ```text
//! fn f(a: A, [b, ..]: [B; 2], c: C)  →  fn f(a: A, __llmetry_arg1: [B; 2], __llmetry_arg2: C)
//! body:  let __llmetry_arg1 = __llmetry_arg1; let [b, ..] = __llmetry_arg1; let c = __llmetry_arg2;
//! ```

use std::collections::HashSet;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::ext::IdentExt;
use syn::visit_mut::{VisitMut, visit_pat_ident_mut, visit_pat_mut};
use syn::{Attribute, FnArg, Pat, PatIdent, Signature};

use super::lints;
use crate::args::Args;
use crate::item::Function;

pub(super) struct Params {
    params: Vec<Param>,
}

struct Param {
    /// `#[cfg(…)]`, which goes wherever the parameter goes.
    cfgs: Vec<Attribute>,
    /// `#[allow(…)]` and the like, for the user's binding inside.
    lints: Vec<Attribute>,
    /// The pattern of the generated function, if it is not the user's.
    outside: Option<Pat>,
    way: Way,
}

/// How a parameter gets into the body.
enum Way {
    /// Captured by these names, in the order in which they are to be dropped.
    Captured(Vec<Name>),
    /// Captured by these names, and bound there by the same, in this order.
    Bound(Vec<(PatIdent, Name)>),
    /// Moved into the body as `name`, and bound there by the user's pattern.
    Rebound { name: Ident, pat: Option<Pat> },
}

struct Name {
    ident: Ident,
    named: Named,
}

/// Where a name that is captured is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    /// In the body, perhaps: a field of that name counts too. Or nowhere, and that is fine: its name begins with `_`.
    InBody,
    /// By the attribute's arguments; or it is `self`, which is never reported as unused.
    Used,
    /// Nowhere: it is unused.
    Nowhere,
}

/// What a body is put into.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Into {
    /// An `async` block, where a binding is stored once more than a capture.
    Block,
    /// A closure, where it is not.
    Closure,
}

impl Params {
    pub(super) fn of(function: &Function, args: &Args, into: Into) -> Self {
        let words = Words {
            body: words(function.body.clone()),
            args: words(
                args.fields
                    .iter()
                    .map(|field| &field.value)
                    .chain(&args.parent)
                    .map(ToTokens::to_token_stream)
                    .collect(),
            ),
            captured: args.captured_inputs(&function.bindings()),
        };
        let mut is_rebound = false;
        let params = function.sig.inputs.iter().enumerate().map(|(index, input)| {
            let (attrs, pat) = match input {
                FnArg::Receiver(receiver) => (&receiver.attrs, None),
                FnArg::Typed(argument) => (&argument.attrs, Some(&*argument.pat)),
            };
            let (cfgs, lints) = attrs.iter().cloned().partition(|attr| attr.path().is_ident("cfg"));
            let needs_binding = |name: &PatIdent| is_assigned(name, function.body.clone());
            let (outside, way) = match (input, pat) {
                (FnArg::Receiver(receiver), _) if !is_rebound => {
                    let ident = Ident::from(receiver.self_token);
                    (None, Way::Captured(vec![Name { ident, named: Named::Used }]))
                }
                (FnArg::Receiver(receiver), _) => {
                    (None, Way::Rebound { name: Ident::from(receiver.self_token), pat: None })
                }
                (_, Some(Pat::Ident(name)))
                    if into == Into::Block && !is_rebound && is_plain(name) && !needs_binding(name) =>
                {
                    (None, Way::Captured(vec![words.name(name.ident.clone())]))
                }
                (_, Some(pat)) if !is_rebound && is_taken_apart(pat, true) => {
                    let mut taken = TakeApart { index, into, bindings: Vec::new(), rest: Vec::new() };
                    let mut pat = pat.clone();
                    taken.visit_pat_mut(&mut pat);
                    let rest = taken.rest.into_iter().map(|ident| Name { ident, named: Named::InBody });
                    let way = match into {
                        Into::Block => {
                            let bindings = taken.bindings.into_iter().rev().map(|pat| words.name(pat.ident));
                            Way::Captured(bindings.chain(rest).collect())
                        }
                        Into::Closure => {
                            let rest = rest.map(|name| (plain(name.ident.clone()), name));
                            let bindings = taken.bindings.into_iter();
                            let bindings = bindings.map(|pat| (pat.clone(), words.name(pat.ident)));
                            Way::Bound(rest.chain(bindings).collect())
                        }
                    };
                    (Some(pat), way)
                }
                (_, pat) => {
                    is_rebound = true;
                    let name = own_name(index, None);
                    let outside = Pat::Verbatim(quote_spanned!(name.span()=> #name));
                    (Some(outside), Way::Rebound { name, pat: pat.cloned() })
                }
            };
            Param { cfgs, lints, outside, way }
        });
        Self { params: params.collect() }
    }

    /// Gives the parameters of the generated function their patterns.
    pub(super) fn put_into(&self, sig: &mut Signature) {
        for (input, param) in sig.inputs.iter_mut().zip(&self.params) {
            let FnArg::Typed(argument) = input else { continue };
            if let Some(outside) = &param.outside {
                *argument.pat = outside.clone();
            }
            let is_bound_again = match &param.way {
                Way::Captured(names) => names.iter().any(|name| name.named == Named::Nowhere),
                Way::Bound(_) | Way::Rebound { .. } => true,
            };
            if is_bound_again {
                // What is expected of the user's binding is not to be expected here as well.
                argument.attrs.retain(|attr| !attr.path().is_ident("expect"));
            }
        }
    }

    /// A mention of each parameter that makes the body capture it whole, in the order of their drops.
    pub(super) fn captures(&self) -> impl Iterator<Item = TokenStream> {
        self.params.iter().rev().flat_map(|param| {
            let names: Vec<_> = match &param.way {
                Way::Captured(names) => names.iter().map(|name| &name.ident).collect(),
                Way::Bound(names) => names.iter().rev().map(|(_, name)| &name.ident).collect(),
                Way::Rebound { name, .. } => vec![name],
            };
            names.into_iter().map(|name| param.mention(name)).collect::<Vec<_>>()
        })
    }

    /// For the lints' eyes: a use of what is used by us, an unused binding for what is unused.
    pub(super) fn uses(&self) -> impl Iterator<Item = TokenStream> {
        self.params.iter().flat_map(|param| {
            let names = match &param.way {
                Way::Captured(names) => names.as_slice(),
                Way::Bound(_) | Way::Rebound { .. } => &[],
            };
            names.iter().filter_map(|name| match name.named {
                Named::InBody => None,
                Named::Used => Some(param.mention(&name.ident)),
                Named::Nowhere => Some(param.unused(&name.ident)),
            })
        })
    }

    /// The user's bindings for what has another name outside, as rustc would bind them.
    pub(super) fn rebindings(&self) -> Vec<TokenStream> {
        let span = Span::mixed_site();
        let allow = lints::rebinding();
        let bind = self.params.iter().filter_map(|param @ Param { cfgs, lints, way, .. }| match way {
            Way::Captured(_) => None,
            Way::Bound(names) => {
                let allow_use = lints::mention();
                let bind = names.iter().map(|(pat, Name { ident, named })| {
                    let used = (*named == Named::Used).then(|| param.mention(ident));
                    quote_spanned! {span=>
                        #(#cfgs)* #allow_use let __llmetry_argument = #ident;
                        #(#cfgs)* #allow #(#lints)* let #pat = __llmetry_argument;
                        #used
                    }
                });
                Some(bind.collect())
            }
            Way::Rebound { name, pat: Some(Pat::Ident(pat)) } if is_plain(pat) => {
                Some(quote_spanned!(span=> #(#cfgs)* #allow #(#lints)* let #pat = #name;))
            }
            Way::Rebound { name, pat: Some(Pat::Wild(_)) | None } => {
                Some(quote_spanned!(span=> #(#cfgs)* let #name = #name;))
            }
            Way::Rebound { name, pat: Some(pat) } => {
                let allow = lints::for_ref_mut();
                Some(quote_spanned! {span=>
                    #(#cfgs)* #allow let mut #name = #name;
                    #(#cfgs)* #(#lints)* let #pat = #name;
                })
            }
        });
        bind.collect()
    }

    /// The same bindings by reference, outside of the body.
    pub(super) fn borrowed(&self) -> impl Iterator<Item = TokenStream> {
        self.params.iter().filter_map(|Param { cfgs, way, .. }| {
            let Way::Rebound { name, pat: Some(pat) } = way else { return None };
            let mut pat = pat.clone();
            ByReference.visit_pat_mut(&mut pat);
            Some(quote_spanned!(Span::mixed_site()=> #(#cfgs)* let #pat = &#name;))
        })
    }
}

impl Param {
    fn mention(&self, name: &Ident) -> TokenStream {
        let cfgs = &self.cfgs;
        let allow = lints::mention();
        // Not `let _`: clippy::let_underscore_lock looks at what stands behind it.
        quote_spanned!(Span::mixed_site()=> #(#cfgs)* #allow let __llmetry_held = &#name;)
    }

    fn unused(&self, name: &Ident) -> TokenStream {
        let Self { cfgs, lints, .. } = self;
        let allow = lints::mention();
        quote_spanned!(Span::mixed_site()=> #(#cfgs)* #allow #(#lints)* let #name = &#name;)
    }
}

/// `a` or `mut a`
fn is_plain(pat: &PatIdent) -> bool {
    pat.by_ref.is_none() && pat.subpat.is_none()
}

/// Whether every part of the value gets a name. `_` can be given one inside of tuples only: a struct may implement `Drop`, and
/// nothing can be taken out of it.
fn is_taken_apart(pat: &Pat, in_tuples: bool) -> bool {
    match pat {
        Pat::Ident(name) => is_plain(name),
        Pat::Wild(_) => in_tuples,
        Pat::Paren(paren) => is_taken_apart(&paren.pat, in_tuples),
        Pat::Tuple(tuple) => tuple.elems.iter().all(|pat| is_taken_apart(pat, in_tuples)),
        Pat::TupleStruct(tuple) => tuple.elems.iter().all(|pat| is_taken_apart(pat, false)),
        Pat::Struct(fields) => {
            fields.rest.is_none() && fields.fields.iter().all(|field| is_taken_apart(&field.pat, false))
        }
        _ => false,
    }
}

/// Collects the bindings of a pattern in the order in which they are written, and gives each `_` a name.
struct TakeApart {
    index: usize,
    into: Into,
    bindings: Vec<PatIdent>,
    rest: Vec<Ident>,
}

impl VisitMut for TakeApart {
    fn visit_pat_mut(&mut self, pat: &mut Pat) {
        if let Pat::Wild(_) = pat {
            let name = own_name(self.index, Some(self.rest.len()));
            *pat = Pat::Verbatim(quote_spanned!(name.span()=> #name));
            self.rest.push(name);
            return;
        }
        visit_pat_mut(self, pat);
    }

    fn visit_pat_ident_mut(&mut self, pat: &mut PatIdent) {
        self.bindings.push(pat.clone());
        if self.into == Into::Closure {
            pat.mutability = None;
        }
    }
}

fn plain(ident: Ident) -> PatIdent {
    PatIdent { attrs: Vec::new(), by_ref: None, mutability: None, ident, subpat: None }
}

fn own_name(index: usize, part: Option<usize>) -> Ident {
    match part {
        None => format_ident!("__llmetry_arg{index}", span = Span::mixed_site()),
        Some(part) => format_ident!("__llmetry_arg{index}_{part}", span = Span::mixed_site()),
    }
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

/// What is named where.
struct Words {
    body: Mentioned,
    args: Mentioned,
    captured: Vec<Ident>,
}

impl Words {
    fn name(&self, ident: Ident) -> Name {
        let word = ident.unraw().to_string();
        let named = if self.args.has(&word) || self.captured.contains(&ident) {
            Named::Used
        } else if word.starts_with('_') || self.body.has(&word) {
            Named::InBody
        } else {
            Named::Nowhere
        };
        Name { ident, named }
    }
}

/// The words of some code.
struct Mentioned {
    idents: HashSet<String>,
    /// Literals that may be format strings.
    formats: Vec<String>,
}

impl Mentioned {
    fn has(&self, word: &str) -> bool {
        self.idents.contains(word) || self.formats.iter().any(|format| format.contains(word))
    }
}

fn words(tokens: TokenStream) -> Mentioned {
    let mut words = Mentioned { idents: HashSet::new(), formats: Vec::new() };
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

/// Whether the code assigns to the parameter in a way that the compiler has something to say about: at all, if it is not `mut`, and `name =
/// …`, which forgets a value that was perhaps never read, if it is. A binding of the same name may hide the parameter; then it needs no
/// binding, and one does no harm.
fn is_assigned(param: &PatIdent, code: TokenStream) -> bool {
    let is_mut = param.mutability.is_some();
    let mut is_assigned = false;
    let mut open = vec![code];
    while let Some(tokens) = open.pop() {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (index, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => open.push(group.stream()),
                TokenTree::Ident(word) if *word == param.ident => {
                    let before = index.checked_sub(1).map(|before| tokens[before].to_string());
                    match before.as_deref() {
                        Some("mut") => return false,
                        Some("." | "let") => {}
                        _ => {
                            let operation = assignment(&tokens[index + 1..]);
                            is_assigned |= operation.is_some_and(|operation| !is_mut || operation.is_empty());
                        }
                    }
                }
                _ => {}
            }
        }
    }
    is_assigned
}

/// What stands before the `=`, if the tokens begin with `=`, `+=`, `<<=`; not with `==`, `=>`, `<=`.
fn assignment(tokens: &[TokenTree]) -> Option<String> {
    let operator: String = tokens
        .iter()
        .map_while(|token| match token {
            TokenTree::Punct(punct) => Some(punct.as_char()),
            _ => None,
        })
        .take(3)
        .collect();
    let (operation, rest) = operator.split_at(operator.find('=')?);
    let is_operation = matches!(operation, "" | "+" | "-" | "*" | "/" | "%" | "^" | "&" | "|" | "<<" | ">>");
    let is_other = operation.is_empty() && (rest.starts_with("==") || rest.starts_with("=>"));
    (is_operation && !is_other).then(|| operation.to_owned())
}
