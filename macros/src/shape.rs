//! How the function runs, as far as its tokens say.
//!
//! In: the function. Out: [`Shape`]. Looks, does not emit, and does not judge (`check` does). Whether a sync function returns something
//! that still runs is not asked here: that is a question of types, and the runtime answers it.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::item::Function;

/// How a function runs.
pub(crate) enum Shape {
    /// An `async fn`.
    Async,
    /// A function whose body is an `async` block and nothing else, perhaps pinned in a box: `Box::pin(async move { … })`. As good as
    /// an `async fn`, and what `async_trait` makes of one.
    AsyncBlock(AsyncBlock),
    /// A function that has something to do when it is called.
    Sync,
}

/// The parts of a body that is an `async` block.
pub(crate) struct AsyncBlock {
    /// What stands before the parentheses, and the parentheses: `Box::pin` and `(…)`.
    pub(crate) around: Option<(TokenStream, Group)>,
    /// `async move`, `async`
    pub(crate) keywords: TokenStream,
    pub(crate) block: Group,
}

impl Shape {
    pub(crate) fn of(function: &Function) -> Self {
        if function.sig.asyncness.is_some() {
            return Self::Async;
        }
        async_block(function.body.clone()).map_or(Self::Sync, Self::AsyncBlock)
    }
}

/// `body`, if it is an `async` block or `….pin(async block)`.
fn async_block(body: TokenStream) -> Option<AsyncBlock> {
    let tokens: Vec<TokenTree> = body.into_iter().collect();
    if let Some(block) = bare_async_block(&tokens) {
        return Some(block);
    }
    let (last, path) = tokens.split_last()?;
    let TokenTree::Group(arguments) = last else { return None };
    let is_call = arguments.delimiter() == Delimiter::Parenthesis;
    if !is_call || !is_path_to_pin(path) {
        return None;
    }
    let mut inside: Vec<TokenTree> = arguments.stream().into_iter().collect();
    if matches!(inside.last(), Some(TokenTree::Punct(comma)) if comma.as_char() == ',') {
        inside.pop();
    }
    let block = bare_async_block(&inside)?;
    Some(AsyncBlock { around: Some((path.iter().cloned().collect(), arguments.clone())), ..block })
}

fn bare_async_block(tokens: &[TokenTree]) -> Option<AsyncBlock> {
    let is = |token: &TokenTree, word: &str| matches!(token, TokenTree::Ident(ident) if ident == word);
    let (last, keywords) = tokens.split_last()?;
    let TokenTree::Group(block) = last else { return None };
    let is_async = match keywords {
        [first] => is(first, "async"),
        [first, second] => is(first, "async") && is(second, "move"),
        _ => false,
    };
    (is_async && block.delimiter() == Delimiter::Brace).then(|| AsyncBlock {
        around: None,
        keywords: keywords.iter().cloned().collect(),
        block: block.clone(),
    })
}

/// `Box::pin`, `std::boxed::Box::pin`; not `self.pin`, whose receiver is an expression.
fn is_path_to_pin(tokens: &[TokenTree]) -> bool {
    let mut words = tokens.iter().rev().filter_map(|token| match token {
        TokenTree::Ident(word) => Some(word.to_string()),
        _ => None,
    });
    let is_path = tokens.iter().all(|token| match token {
        TokenTree::Ident(_) => true,
        TokenTree::Punct(punct) => punct.as_char() == ':',
        _ => false,
    });
    is_path && words.next().as_deref() == Some("pin") && words.next().as_deref() == Some("Box")
}
