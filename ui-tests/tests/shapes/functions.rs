//! Free functions: how they are called, what they take whole and give back.

use std::borrow::Cow;
use std::fmt::{Debug, Display};
use std::future::Future;
use std::rc::Rc;

use llmetry::{agent, task, tool, workflow};

use crate::support::*;

macro_rules! items {
    ($on:meta) => {
        #[cfg_attr($on, task)]
        pub(super) fn nothing() {}
        #[cfg_attr($on, task)]
        pub(super) fn unit() -> () {
            log("unit");
        }
        #[cfg_attr($on, task)]
        pub(super) async fn nothing_async() {}
        #[cfg_attr($on, task)]
        pub(super) async fn unit_async() -> () {
            pause().await
        }
        #[cfg_attr($on, workflow)]
        pub(super) async fn outer(n: u32) -> u32 {
            inner(n).await + inner_sync(n) + inner_agent(n).await
        }
        #[cfg_attr($on, task)]
        async fn inner(n: u32) -> u32 {
            pause().await;
            n
        }
        #[cfg_attr($on, tool)]
        fn inner_sync(n: u32) -> u32 {
            n
        }
        #[cfg_attr($on, agent)]
        async fn inner_agent(n: u32) -> u32 {
            inner(n).await
        }
        #[cfg_attr($on, task)]
        pub(super) fn borrowed<'a>(a: &'a mut Vec<u8>, _b: &u8) -> &'a mut u8 {
            a.push(1);
            &mut a[0]
        }
        #[cfg_attr($on, task)]
        pub(super) async fn borrowed_async(a: &mut Vec<u8>) -> &mut u8 {
            a.push(1);
            pause().await;
            &mut a[0]
        }
        #[cfg_attr($on, task)]
        pub(super) fn elided(a: &str) -> Cow<'_, str> {
            a.into()
        }
        #[cfg_attr($on, task)]
        pub(super) async fn two_lifetimes<'a, 'b: 'a>(a: &'a str, b: &'b str) -> (&'a str, &'b str) {
            pause().await;
            (&a[1..], &b[1..])
        }
        #[cfg_attr($on, task)]
        pub(super) fn longer<'a>(a: &'a str, b: &'a str) -> &'a str {
            if a.len() > b.len() { a } else { b }
        }
        #[cfg_attr($on, task)]
        pub(super) fn for_ever() -> &'static str {
            "for ever"
        }
        #[cfg_attr($on, task)]
        pub(super) fn to_a_static() -> &'static [u8] {
            static BYTES: [u8; 2] = [1, 2];
            &BYTES
        }
        #[cfg_attr($on, task)]
        pub(super) fn higher_ranked(f: impl for<'a> Fn(&'a str) -> &'a str) -> String {
            f("abc").to_owned()
        }
        #[cfg_attr($on, task)]
        pub(super) fn higher_ranked_dyn(f: &dyn for<'a> Fn(&'a str, &str) -> &'a str) -> String {
            f("abc", "d").to_owned()
        }
        #[cfg_attr($on, task)]
        pub(super) fn impl_args(f: impl Fn(u8) -> u8, items: impl IntoIterator<Item = u8>) -> u8 {
            items.into_iter().map(f).sum()
        }
        #[cfg_attr($on, task)]
        pub(super) async fn impl_args_async(f: impl AsRef<str>, g: impl Into<String>) -> String {
            pause().await;
            f.as_ref().to_owned() + &g.into()
        }
        #[cfg_attr($on, task)]
        pub(super) fn fn_once(f: impl FnOnce() -> D) -> D {
            f()
        }
        #[cfg_attr($on, task)]
        pub(super) fn fn_mut(mut f: impl FnMut()) {
            f();
            f();
        }
        #[cfg_attr($on, task)]
        pub(super) fn fn_pointer(f: fn(u8) -> u8) -> fn(u8) -> u8 {
            log(if f(1) == 2 { "two" } else { "not two" });
            f
        }
        #[cfg_attr($on, task)]
        pub(super) fn boxed_once(f: Box<dyn FnOnce(u8) -> u8 + '_>) -> u8 {
            f(1)
        }
        #[cfg_attr($on, task)]
        pub(super) async fn async_fn(f: impl AsyncFn(u8) -> u8) -> u8 {
            f(1).await + f(2).await
        }
        #[cfg_attr($on, task)]
        pub(super) async fn async_fn_mut(mut f: impl AsyncFnMut(u8)) {
            f(1).await;
            f(2).await;
        }
        #[cfg_attr($on, task)]
        pub(super) async fn async_fn_once<F: AsyncFnOnce() -> D>(f: F) -> D {
            f().await
        }
        #[cfg_attr($on, task)]
        pub(super) async fn old_async_fn<F, O>(f: F) -> u8
        where
            F: Fn(u8) -> O,
            O: Future<Output = u8>,
        {
            f(1).await + f(2).await
        }
        #[cfg_attr($on, task)]
        pub(super) fn impl_result(n: u8) -> impl Iterator<Item = u8> + Clone {
            (0..n).map(|i| i * 2)
        }
        #[cfg_attr($on, task)]
        pub(super) fn both_ends(n: u8) -> impl DoubleEndedIterator<Item = u8> + ExactSizeIterator {
            (0..n).map(|i| i + 1)
        }
        #[cfg_attr($on, task)]
        pub(super) fn lazy<'a>(items: &'a [u8]) -> impl Iterator<Item = &'a u8> + 'a {
            items.iter().filter(|item| **item > 1)
        }
        #[cfg_attr($on, task)]
        pub(super) async fn impl_result_async(n: u8) -> impl Display + Send {
            pause().await;
            n
        }
        #[cfg_attr($on, task)]
        pub(super) fn impl_nested(n: u8) -> Option<impl Fn(u8) -> u8> {
            (n > 0).then_some(move |m| n + m)
        }
        #[cfg_attr($on, task)]
        pub(super) fn impl_pair(n: u8) -> (impl Debug, [impl Display; 2]) {
            (Some(n), [n, n])
        }
        #[cfg_attr($on, task)]
        pub(super) fn impl_of_impl(n: u8) -> impl Iterator<Item = impl Display> {
            std::iter::once(n)
        }
        #[cfg_attr($on, task)]
        pub(super) fn impl_or_error(n: u8) -> Result<impl Iterator<Item = u8>, Broken> {
            if n == 0 {
                return Err(Broken);
            }
            Ok(0..n)
        }
        #[cfg_attr($on, task)]
        pub(super) fn function_of_texts() -> impl for<'a> Fn(&'a str) -> &'a str {
            |text| text.trim()
        }
        #[cfg_attr($on, task)]
        pub(super) fn function_of_text(n: usize) -> impl Fn(&str) -> usize {
            move |text| text.len() + n
        }
        #[cfg_attr($on, task)]
        pub(super) fn closure(n: u8) -> impl FnOnce(D) -> (u8, D) {
            move |d| (n, d)
        }
        #[cfg_attr($on, task)]
        pub(super) fn coerces(n: u8) -> Box<dyn Fn(u8) -> u8> {
            if n == 0 {
                return Box::new(|m| m);
            }
            Box::new(move |m| m + n)
        }
        #[cfg_attr($on, task)]
        pub(super) async fn coerces_async(n: u8) -> Box<dyn Debug + Send> {
            if n == 0 { Box::new("zero") } else { Box::new(n) }
        }
        #[cfg_attr($on, task)]
        pub(super) fn unsizes(a: &[u8; 3]) -> &[u8] {
            a
        }
        #[cfg_attr($on, task)]
        pub(super) fn to_a_trait_object(a: &Rc<u8>) -> &dyn Debug {
            a
        }
        #[cfg_attr($on, task)]
        pub(super) unsafe fn not_safe(n: *const u8) -> u8 {
            // SAFETY: the test's only caller passes a reference.
            unsafe { *n }
        }
        #[cfg_attr($on, task)]
        pub(super) async unsafe fn not_safe_async(n: &u8) -> u8 {
            pause().await;
            // SAFETY: a reference.
            unsafe { not_safe(n) }
        }
        #[cfg_attr($on, task)]
        pub(super) extern "C" fn foreign(n: u8) -> u8 {
            n + 1
        }
        #[cfg_attr($on, task)]
        pub(super) unsafe extern "C" fn foreign_not_safe(n: *mut u8) {
            // SAFETY: as above.
            unsafe { *n += 1 }
        }
        #[cfg_attr($on, task)]
        pub(super) fn recursive(n: u8) -> u8 {
            if n == 0 { 0 } else { 1 + recursive(n - 1) }
        }
        #[cfg_attr($on, task)]
        pub(super) async fn recursive_async(n: u8) -> u8 {
            pause().await;
            if n == 0 { 0 } else { 1 + Box::pin(recursive_async(n - 1)).await }
        }
        #[cfg_attr($on, task)]
        pub(super) fn even(n: u8) -> bool {
            n == 0 || odd(n - 1)
        }
        #[cfg_attr($on, tool)]
        fn odd(n: u8) -> bool {
            n != 0 && even(n - 1)
        }
        #[cfg_attr($on, task)]
        pub(super) fn r#match(r#type: u8) -> u8 {
            r#type
        }
        #[cfg_attr($on, task)]
        pub(super) fn größe(länge: u8) -> u8 {
            länge
        }
        #[cfg_attr($on, task)]
        pub(super) fn inner_items(n: u8) -> u8 {
            #![allow(non_upper_case_globals)]
            use std::convert::identity;
            const two: u8 = 2;
            static THREE: u8 = 3;
            struct Times(u8);
            impl Times {
                fn times(self, n: u8) -> u8 {
                    self.0 * n
                }
            }
            macro_rules! one {
                () => {
                    1
                };
            }
            identity(Times(two).times(n)) + THREE + one!()
        }
        #[cfg_attr($on, task)]
        pub(super) fn inner_function(n: u8) -> u8 {
            #[cfg_attr($on, tool)]
            fn inner_function(n: u8) -> u8 {
                n + 1
            }
            inner_function(n)
        }
        #[cfg_attr($on, task)]
        pub(super) fn large() -> [u64; 64] {
            [7; 64]
        }
        #[cfg_attr($on, task)]
        pub(super) fn empty_body(_: D, _d: D) {}
        #[cfg_attr($on, task)]
        pub(super) fn only_a_macro(n: u8) -> String {
            format!("{n}")
        }
    };
}
twice!(items);

shapes! {
    nothing: nothing() => "nothing";
    unit: unit() => "unit";
    nothing_async: finish(nothing_async()) => "nothing_async";
    unit_async: fates(unit_async) => "unit_async cancelled, unit_async";
    nested: finish(outer(2)) => "workflow:outer(inner, tool:inner_sync, agent:inner_agent(inner))";
    nested_cancelled: cancel(outer(2)) => "workflow:outer cancelled(inner cancelled)";
    borrowed: { let mut a = vec![5]; *borrowed(&mut a, &1) += 1; a } => "borrowed";
    borrowed_async: { let mut a = vec![5]; *finish(borrowed_async(&mut a)) += 1; a } => "borrowed_async";
    elided: elided("a") => "elided";
    two_lifetimes: fates(|| two_lifetimes("ab", "cd")) => "two_lifetimes cancelled, two_lifetimes";
    longer: longer("ab", "c") => "longer";
    for_ever: for_ever() => "for_ever";
    to_a_static: to_a_static() => "to_a_static";
    higher_ranked: higher_ranked(|text| &text[1..]) => "higher_ranked";
    higher_ranked_dyn: higher_ranked_dyn(&|text, _| &text[1..]) => "higher_ranked_dyn";
    impl_args: impl_args(|n| n + 1, [1, 2]) => "impl_args";
    impl_args_async: finish(impl_args_async("a", 'b')) => "impl_args_async";
    fn_once: { let d = D("moved"); fn_once(move || d) } => "fn_once";
    fn_mut: { let mut n = 0; fn_mut(|| n += 1); n } => "fn_mut";
    fn_pointer: fn_pointer(|n| n + 1)(2) => "fn_pointer";
    boxed_once: { let n = 3; boxed_once(Box::new(|m| m + n)) } => "boxed_once";
    async_fn: finish(async_fn(async |n| { pause().await; n * 2 })) => "async_fn";
    async_fn_mut: { let mut sum = 0; finish(async_fn_mut(async |n| sum += n)); sum } => "async_fn_mut";
    async_fn_once: { let d = D("moved"); finish(async_fn_once(async move || d)) } => "async_fn_once";
    old_async_fn: finish(old_async_fn(|n| async move { pause().await; n })) => "old_async_fn";
    impl_result: impl_result(3).clone().sum::<u8>() => "impl_result";
    both_ends: { let items = both_ends(3); (items.len(), items.rev().collect::<Vec<_>>()) } => "both_ends";
    lazy: lazy(&[1, 2, 3]).collect::<Vec<_>>() => "lazy";
    impl_result_async: finish(impl_result_async(3)).to_string() => "impl_result_async";
    impl_nested: impl_nested(3).map(|f| f(1)) => "impl_nested";
    impl_pair: { let (a, [b, _]) = impl_pair(3); format!("{a:?} {b}") } => "impl_pair";
    impl_of_impl: impl_of_impl(3).map(|n| n.to_string()).collect::<Vec<_>>() => "impl_of_impl";
    impl_or_error: (impl_or_error(3).map(Iterator::count), impl_or_error(0).is_err())
        => "impl_or_error, impl_or_error !Broken";
    function_of_texts: function_of_texts()(" a ") => "function_of_texts";
    function_of_text: function_of_text(1)("a") => "function_of_text";
    closure: closure(3)(D("d")) => "closure";
    coerces: coerces(3)(1) + coerces(0)(1) => "coerces, coerces";
    coerces_async: (finish(coerces_async(0)), finish(coerces_async(1))) => "coerces_async, coerces_async";
    unsizes: unsizes(&[1, 2, 3]) => "unsizes";
    to_a_trait_object: format!("{:?}", to_a_trait_object(&Rc::new(1))) => "to_a_trait_object";
    // SAFETY: a reference.
    not_safe: unsafe { not_safe(&7) } => "not_safe";
    // SAFETY: it asks for nothing.
    not_safe_async: finish(unsafe { not_safe_async(&7) }) => "not_safe_async(not_safe)";
    foreign: foreign(7) => "foreign";
    // SAFETY: a reference.
    foreign_not_safe: { let mut n = 7; unsafe { foreign_not_safe(&raw mut n) }; n } => "foreign_not_safe";
    recursive: recursive(2) => "recursive(recursive(recursive))";
    recursive_async: finish(recursive_async(2)) => "recursive_async(recursive_async(recursive_async))";
    recursive_cancelled: {
        let mut future = Box::pin(recursive_async(2));
        assert!(poll_once(future.as_mut()).is_pending() && poll_once(future.as_mut()).is_pending());
    } => "recursive_async cancelled(recursive_async cancelled)";
    mutually_recursive: even(3) => "even(tool:odd(even(tool:odd)))";
    raw_name: r#match(7) => "match";
    foreign_letters: größe(7) => "größe";
    inner_items: inner_items(7) => "inner_items";
    inner_function: inner_function(7) => "inner_function(tool:inner_function)";
    large: large() => "large";
    empty_body: empty_body(D("a"), D("b")) => "empty_body";
    only_a_macro: only_a_macro(7) => "only_a_macro";
    as_a_value: [1, 2].map(recursive) => "recursive(recursive), recursive(recursive(recursive))";
    as_a_pointer: { let f: extern "C" fn(u8) -> u8 = foreign; f(1) } => "foreign";
    as_an_async_fn: finish(async { let f = recursive_async; f(0).await }) => "recursive_async";
}
