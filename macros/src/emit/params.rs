//! How the parameters get into the body, which runs in an `async` block or closure of its own, so that they are dropped as in the bare
//! function: after the body's locals, the last one first.
//!
//! In an `async` block names (`a: A`, `self`) are captured whole, in reverse order, by a mention in the dead branch: captured values are
//! dropped in the order of their first mention, and a capture is stored once, where `let a = a;` inside would store it twice. `_` gets a
//! name for it. The mention is dead, so that the lints still see what the body does with an argument. One that the body does not name
//! at all would be reported twice ("unused variable", "value captured is never read"): it gets a binding to be unused, `let a = &a;`.
//!
//! A pattern that takes everything out of its value (`(a, _): (A, B)`, `State(s): State<S>`) is taken apart where it is written, and its
//! bindings are captured like names; `_` in it gets a name too. So is one that leaves something behind, if nothing that is dropped
//! stands before it: what is left is dropped with the function, after all that is captured.
//!
//! With other patterns this does not do, and a name that the body assigns to needs a binding for the compiler to report. From the
//! first of these on, and in a closure always, since its size is nobody's concern, the compiler's own way is written out (the
//! reference, "Destructors", "Scopes of function parameters"):
//!
//! ```text
//! fn f(a: A, [b, ..]: [B; 2], mut c: C)  →  fn f(a: A, __llmetry_arg1: [B; 2], c: C)
//! body:  let __llmetry_arg1 = __llmetry_arg1; let [b, ..] = __llmetry_arg1; let mut c = c;
//! ```

use std::collections::HashSet;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::ext::IdentExt;
use syn::visit_mut::{VisitMut, visit_pat_ident_mut, visit_pat_mut};
use syn::{Attribute, FnArg, Pat, PatIdent, PatType, ReceiverKind, Signature, Type};

use super::lints;
use crate::args::Args;
use crate::item::Function;
use crate::returned::Returned;

pub(super) struct Params {
    params: Vec<Param>,
}

/// What the body has become.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Into {
    AsyncBlock,
    Closure,
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
    /// Moved into the body as `name`, and bound there by the user's pattern. The attribute's arguments name `used` of its bindings.
    Rebound { name: Ident, pat: Box<Pat>, used: Vec<Ident> },
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

/// Whether the attribute's arguments name a parameter that the `async` block `block` does not: it would have to capture it, and could
/// live no longer.
pub(super) fn takes_more(args: &Args, function: &Function, block: &TokenStream) -> bool {
    let words = Words::of(args, function);
    let block = words_of(block.clone());
    function.bindings().iter().any(|name| words.is_used(name) && !block.has(&name.unraw().to_string()))
}

impl Params {
    pub(super) fn of(function: &Function, args: &Args, into: Into) -> Self {
        let words = Words::of(args, function);
        let mut is_rebound = into == Into::Closure;
        let mut may_drop = false;
        let params = function.sig.inputs.iter().enumerate().map(|(index, input)| {
            let attrs = match input {
                FnArg::Receiver(receiver) => &receiver.attrs,
                FnArg::Typed(argument) => &argument.attrs,
            };
            let (cfgs, lints) = attrs.iter().cloned().partition(|attr| attr.path().is_ident("cfg"));
            let (outside, way) = match input {
                FnArg::Receiver(receiver) => {
                    may_drop |= !matches!(receiver.kind, ReceiverKind::Reference(..));
                    let ident = Ident::from(receiver.self_token);
                    (None, Way::Captured(vec![Name { ident, named: Named::Used }]))
                }
                FnArg::Typed(argument) => {
                    let leaves = !may_drop;
                    may_drop |= !is_never_dropped(&argument.ty);
                    let captured = if into == Into::AsyncBlock && words.is_of_no_use(argument) {
                        Some((None, Way::Captured(Vec::new())))
                    } else if is_rebound {
                        None
                    } else {
                        words.capture(index, &argument.pat, leaves)
                    };
                    is_rebound |= captured.is_none();
                    captured.unwrap_or_else(|| words.rebind(index, &argument.pat))
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
                Way::Rebound { .. } => true,
            };
            if is_bound_again {
                // What is expected of the user's binding is not to be expected here as well.
                argument.attrs.retain(|attr| !attr.path().is_ident("expect"));
            }
        }
    }

    /// A mention of each parameter that makes the body capture it whole, in the order of their drops.
    pub(super) fn captures(&self) -> impl Iterator<Item = TokenStream> {
        self.params.iter().rev().flat_map(|param| match &param.way {
            Way::Captured(names) => names.iter().map(|name| param.mention(&name.ident)).collect::<Vec<_>>(),
            Way::Rebound { name, .. } => vec![param.mention(name)],
        })
    }

    /// For the lints' eyes: a use of what is used by us, an unused binding for what is unused.
    pub(super) fn uses(&self) -> impl Iterator<Item = TokenStream> {
        self.params.iter().flat_map(|param| {
            let names = match &param.way {
                Way::Captured(names) => names.as_slice(),
                Way::Rebound { .. } => &[],
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
        let bind = self.params.iter().filter_map(|param| {
            let Param { cfgs, lints, way, .. } = param;
            let Way::Rebound { name, pat, used } = way else { return None };
            let used = used.iter().map(|ident| param.mention(ident));
            let binding = match &**pat {
                Pat::Ident(pat) if is_plain(pat) => {
                    quote_spanned!(span=> #(#cfgs)* #allow #(#lints)* let #pat = #name;)
                }
                Pat::Wild(_) => quote_spanned!(span=> #(#cfgs)* let #name = #name;),
                pat => {
                    let allow = lints::for_ref_mut();
                    quote_spanned! {span=>
                        #(#cfgs)* #allow let mut #name = #name;
                        #(#cfgs)* #(#lints)* let #pat = #name;
                    }
                }
            };
            Some(quote_spanned!(span=> #binding #(#used)*))
        });
        bind.collect()
    }

    /// The same bindings by reference, outside of the body.
    pub(super) fn borrowed(&self) -> impl Iterator<Item = TokenStream> {
        self.params.iter().filter_map(|Param { cfgs, way, .. }| {
            let Way::Rebound { name, pat, .. } = way else { return None };
            if matches!(&**pat, Pat::Ident(pat) if pat.ident == *name) {
                return None;
            }
            let mut pat = Pat::clone(pat);
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

/// References and numbers, also many of them.
fn is_never_dropped(ty: &Type) -> bool {
    match ty {
        Type::Reference(_) => true,
        Type::Array(array) => is_never_dropped(&array.elem),
        Type::Tuple(tuple) => tuple.elems.iter().all(is_never_dropped),
        ty => Returned::of_type(ty).is_number(),
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
    bindings: Vec<Ident>,
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
        self.bindings.push(pat.ident.clone());
    }
}

/// Collects the bindings of a pattern in the order in which they are written.
struct Names<'a>(&'a mut Vec<Ident>);

impl VisitMut for Names<'_> {
    fn visit_pat_ident_mut(&mut self, pat: &mut PatIdent) {
        self.0.push(pat.ident.clone());
        visit_pat_ident_mut(self, pat);
    }
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
struct Words<'a> {
    code: &'a TokenStream,
    body: Mentioned,
    args: Mentioned,
    captured: Vec<Ident>,
}

impl<'a> Words<'a> {
    fn of(args: &Args, function: &'a Function) -> Self {
        let expressions = args.fields.iter().map(|field| &field.value).chain(&args.parent);
        Self {
            code: &function.body,
            body: words_of(function.body.clone()),
            args: words_of(expressions.map(ToTokens::to_token_stream).collect()),
            captured: args.captured_inputs(&function.bindings()),
        }
    }

    /// Whether neither the body nor its end has a use for the argument: it may stay outside.
    fn is_of_no_use(&self, argument: &PatType) -> bool {
        let is_named = match &*argument.pat {
            Pat::Wild(_) => false,
            Pat::Ident(name) if is_plain(name) => {
                self.is_used(&name.ident) || self.body.has(&name.ident.unraw().to_string())
            }
            _ => true,
        };
        !is_named && is_never_dropped(&argument.ty)
    }

    /// How the parameter is captured; `None` if it has to be bound again. `leaves`: something of it may stay behind.
    fn capture(&self, index: usize, pat: &Pat, leaves: bool) -> Option<(Option<Pat>, Way)> {
        match pat {
            Pat::Ident(name) if is_plain(name) => {
                let is_assigned = is_assigned(name, self.code.clone());
                (!is_assigned).then(|| (None, Way::Captured(vec![self.name(name.ident.clone())])))
            }
            pat if leaves || is_taken_apart(pat, true) => {
                let mut taken = TakeApart { index, bindings: Vec::new(), rest: Vec::new() };
                let mut outside = pat.clone();
                if is_taken_apart(pat, true) {
                    taken.visit_pat_mut(&mut outside);
                } else {
                    Names(&mut taken.bindings).visit_pat_mut(&mut outside);
                }
                let bindings = taken.bindings.into_iter().rev().map(|ident| self.name(ident));
                let rest = taken.rest.into_iter().map(|ident| Name { ident, named: Named::InBody });
                Some((Some(outside), Way::Captured(bindings.chain(rest).collect())))
            }
            _ => None,
        }
    }

    /// Bound inside, by the user's pattern. A plain name stays the parameter's, unless naming it would be a use of a name that says that
    /// it is unused.
    fn rebind(&self, index: usize, pat: &Pat) -> (Option<Pat>, Way) {
        let name = match pat {
            Pat::Ident(name) if is_plain(name) && !name.ident.to_string().starts_with('_') => {
                name.ident.clone()
            }
            _ => own_name(index, None),
        };
        let mut used = Vec::new();
        Names(&mut used).visit_pat_mut(&mut pat.clone());
        used.retain(|ident| self.is_used(ident));
        let outside = Pat::Verbatim(quote_spanned!(name.span()=> #name));
        (Some(outside), Way::Rebound { name, pat: Box::new(pat.clone()), used })
    }

    fn is_used(&self, ident: &Ident) -> bool {
        self.args.has(&ident.unraw().to_string()) || self.captured.contains(ident)
    }

    fn name(&self, ident: Ident) -> Name {
        let word = ident.unraw().to_string();
        let named = if self.is_used(&ident) {
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

fn words_of(tokens: TokenStream) -> Mentioned {
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
