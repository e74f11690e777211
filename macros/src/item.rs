//! What is there: the annotated item.
//!
//! In: the item's tokens. Out: [`Function`], its signature parsed and its body left as the tokens that the user wrote, or an error on
//! the token that is no function. The body is not parsed on purpose: half-typed code keeps editors alive, rustc reports its mistakes
//! better than we could, and it costs no compile time.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::visit_mut::{VisitMut, visit_pat_ident_mut};
use syn::{Attribute, FnArg, Pat, PatIdent, PatType, Signature, Token, Visibility};

use crate::kind::Kind;

/// A function or method with a body.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    /// `#![…]` at the top of the body.
    pub(crate) inner_attrs: Vec<Attribute>,
    /// The body between its braces, without `inner_attrs`.
    pub(crate) body: TokenStream,
    /// The body's braces.
    pub(crate) braces: Span,
}

impl Function {
    /// Reads the item; an error if it is not a function with a body.
    pub(crate) fn parse(kind: Kind, item: TokenStream) -> syn::Result<Self> {
        if let Some(error) = not_a_function(kind, &item) {
            return Err(error);
        }
        let parse = |input: ParseStream<'_>| Self::parse_with(kind, input);
        syn::parse::Parser::parse2(parse, item)
    }

    fn parse_with(kind: Kind, input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig: Signature = input.parse()?;
        if input.peek(Token![;]) {
            input.parse::<Token![;]>()?;
            let message = format!(
                "{} needs a function with a body: annotate the methods of the impls",
                kind.attribute()
            );
            return Err(syn::Error::new(sig.ident.span(), message));
        }
        let rest: TokenStream = input.parse()?;
        let Some(block) = braces(rest.clone()) else {
            return Err(syn::Error::new_spanned(rest, "expected the function's body"));
        };
        let Body { inner_attrs, body } = syn::parse2(block.stream())?;
        Ok(Self { attrs, vis, sig, inner_attrs, body, braces: block.span() })
    }

    /// Every name that the parameters bind, once, `self` included.
    pub(crate) fn bindings(&self) -> Vec<Ident> {
        let mut names = Names(Vec::new());
        for input in &self.sig.inputs {
            match input {
                FnArg::Receiver(receiver) => names.0.push(Ident::from(receiver.self_token)),
                FnArg::Typed(argument) => names.visit_pat_mut(&mut Pat::clone(&argument.pat)),
            }
        }
        names.0
    }

    /// The `#[cfg(…)]` of the parameter that binds this name: nobody has looked at them yet.
    pub(crate) fn cfgs(&self, name: &Ident) -> Vec<&Attribute> {
        let binds = |argument: &&PatType| {
            let mut names = Names(Vec::new());
            names.visit_pat_mut(&mut Pat::clone(&argument.pat));
            names.0.contains(name)
        };
        let arguments = self.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Receiver(_) => None,
            FnArg::Typed(argument) => Some(argument),
        });
        let attrs = arguments.filter(binds).flat_map(|argument| &argument.attrs);
        attrs.filter(|attr| attr.path().is_ident("cfg")).collect()
    }

    /// The function's name as text, without `r#`.
    pub(crate) fn name(&self) -> String {
        self.sig.ident.unraw().to_string()
    }
}

/// The body, if that is all there is. As a `macro_rules!` fragment (`$body:block`) it has invisible brackets around it.
fn braces(tokens: TokenStream) -> Option<Group> {
    match visible(tokens).as_slice() {
        [TokenTree::Group(block)] if block.delimiter() == Delimiter::Brace => Some(block.clone()),
        _ => None,
    }
}

struct Body {
    inner_attrs: Vec<Attribute>,
    body: TokenStream,
}

impl Parse for Body {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self { inner_attrs: input.call(Attribute::parse_inner)?, body: input.parse()? })
    }
}

struct Names(Vec<Ident>);

impl VisitMut for Names {
    fn visit_pat_ident_mut(&mut self, pat: &mut PatIdent) {
        // `(A(name) | B(name))` binds it once.
        if !self.0.contains(&pat.ident) {
            self.0.push(pat.ident.clone());
        }
        visit_pat_ident_mut(self, pat);
    }
}

/// Whether it is an expression: what is written instead has to be one too.
pub(crate) fn is_expression(item: &TokenStream) -> bool {
    matches!(other(item), Some((_, Other::Expression)))
}

/// The error for an item of another sort, on its keyword: a parser would only say "expected `fn`".
fn not_a_function(kind: Kind, item: &TokenStream) -> Option<syn::Error> {
    let (keyword, other) = other(item)?;
    let attribute = kind.attribute();
    let what = match other {
        Other::Item(what) => what,
        Other::Expression => "an expression",
    };
    let message = format!("{attribute} goes on functions and methods, this is {what}");
    Some(syn::Error::new(keyword, message))
}

/// What is no function.
enum Other {
    /// Named with its article.
    Item(&'static str),
    Expression,
}

/// What it is, and where that is written; `None` for a function.
fn other(item: &TokenStream) -> Option<(Span, Other)> {
    let start = |input: ParseStream<'_>| -> syn::Result<TokenStream> {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        input.parse()
    };
    let rest = syn::parse::Parser::parse2(start, item.clone()).ok()?;
    // `unsafe impl`, `const NAME`, `async fn`: the first word that is not a qualifier decides, and a qualifier in front of
    // something else may itself be the keyword.
    let mut qualifier: Option<Ident> = None;
    let mut tokens = visible(rest).into_iter();
    while let Some(token) = tokens.next() {
        let word = match token {
            // The ABI of `extern "C" fn`.
            TokenTree::Literal(_) if qualifier.as_ref().is_some_and(|word| word == "extern") => continue,
            TokenTree::Ident(word) => word,
            TokenTree::Group(_) if qualifier.as_ref().is_some_and(|word| word == "extern") => {
                return qualifier.map(|word| (word.span(), Other::Item("an extern block")));
            }
            other => {
                let start = match &other {
                    TokenTree::Group(group) => group.span_open(),
                    other => other.span(),
                };
                return Some((qualifier.map_or(start, |word| word.span()), Other::Expression));
            }
        };
        let what = match word.to_string().as_str() {
            "fn" => return None,
            "async" | "unsafe" | "safe" | "default" | "const" | "extern" => {
                qualifier = Some(word);
                continue;
            }
            "struct" => "a struct",
            "enum" => "an enum",
            "union" => "a union",
            "trait" => "a trait",
            "impl" => "an impl block",
            "mod" => "a module",
            "type" => "a type alias",
            "static" => "a static",
            "use" => "an import",
            "macro_rules" | "macro" => "a macro",
            "crate" => "an extern crate",
            "let" => "a statement",
            _ => {
                let is_call = matches!(tokens.next(), Some(TokenTree::Punct(mark)) if mark.as_char() == '!');
                return Some(match qualifier {
                    Some(qualifier) if qualifier == "const" => (qualifier.span(), Other::Item("a constant")),
                    None if is_call => (word.span(), Other::Item("a macro call")),
                    Some(_) | None => (word.span(), Other::Expression),
                });
            }
        };
        return Some((word.span(), Other::Item(what)));
    }
    None
}

/// The tokens with the invisible brackets of a `macro_rules!` fragment taken off.
fn visible(tokens: TokenStream) -> Vec<TokenTree> {
    let unwrap = |token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => visible(group.stream()),
        token => vec![token],
    };
    tokens.into_iter().flat_map(unwrap).collect()
}
