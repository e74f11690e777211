//! Functions of every shape that the attributes take: they compile, run, return what they should, and leave the right spans.

#![allow(unsafe_code)] // an `unsafe fn` is one of the shapes
#![allow(
    clippy::never_loop,
    clippy::identity_op,
    clippy::deref_addrof,
    clippy::non_minimal_cfg,
    clippy::unused_async,
    clippy::needless_pass_by_value,
    clippy::trivially_copy_pass_by_ref
)]

use std::borrow::Cow;
use std::fmt::{self, Debug, Display};
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

use llmetry::testing::{Trace, record, record_sync};
use llmetry::{agent, task, tool, workflow};

/// What was returned, and the trace as text.
async fn seen<F: Future>(future: F) -> (F::Output, String) {
    let (output, trace) = record(future).await;
    (output, names(&trace))
}

fn seen_sync<R>(f: impl FnOnce() -> R) -> (R, String) {
    let (output, trace) = record_sync(f);
    (output, names(&trace))
}

/// The tree of the names given to the attributes. What the conventions put in front is not the macros' affair.
fn names(trace: &Trace) -> String {
    let mut names = trace.to_string();
    for operation in ["invoke_workflow ", "invoke_agent ", "execute_tool "] {
        names = names.replace(operation, "");
    }
    names
}

#[derive(Debug)]
struct Broken;

impl Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

#[derive(Debug)]
struct Silent;

mod functions {
    use super::*;

    #[workflow]
    pub(super) async fn outer(n: u32) -> u32 {
        inner(n).await + inner_sync(n) + inner_agent(n).await
    }
    #[task]
    async fn inner(n: u32) -> u32 {
        tokio::task::yield_now().await;
        n
    }
    #[tool]
    fn inner_sync(n: u32) -> u32 {
        n
    }
    #[agent(name = "named", version = 2)]
    async fn inner_agent(n: u32) -> u32 {
        inner(n).await
    }
    #[task]
    pub(super) async fn fails() -> Result<u8, Broken> {
        Err(Broken)?;
        Ok(1)
    }
    #[task]
    pub(super) fn fails_silently() -> Result<u8, Silent> {
        Err(Silent)
    }
    #[task(err = false)]
    pub(super) fn expected() -> Result<u8, Broken> {
        Err(Broken)
    }
    #[task]
    pub(super) async fn infers(text: &str) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let n = text.parse()?;
        Ok(vec![n; 2].into_iter().collect())
    }
    #[task]
    pub(super) fn borrowed<'a>(a: &'a mut Vec<u8>, _b: &u8) -> &'a mut u8 {
        a.push(1);
        &mut a[0]
    }
    #[task]
    pub(super) async fn borrowed_async(a: &mut Vec<u8>) -> &mut u8 {
        a.push(1);
        &mut a[0]
    }
    #[task]
    pub(super) fn elided(a: &str) -> Cow<'_, str> {
        a.into()
    }
    #[task]
    pub(super) async fn generic<T, const N: usize>(items: [T; N]) -> String
    where
        T: Debug + Send,
    {
        format!("{items:?}")
    }
    #[task]
    pub(super) fn impl_args(f: impl Fn(u8) -> u8, items: impl IntoIterator<Item = u8>) -> u8 {
        items.into_iter().map(f).sum()
    }
    #[task]
    pub(super) fn impl_result(n: u8) -> impl Iterator<Item = u8> + Clone {
        (0..n).map(|i| i * 2)
    }
    #[task]
    pub(super) async fn impl_result_async(n: u8) -> impl Display + Send {
        n
    }
    #[task]
    pub(super) fn impl_nested(n: u8) -> Option<impl Fn(u8) -> u8> {
        (n > 0).then_some(move |m| n + m)
    }
    #[task]
    pub(super) fn coerces(n: u8) -> Box<dyn Fn(u8) -> u8> {
        if n == 0 {
            return Box::new(|m| m);
        }
        Box::new(move |m| m + n)
    }
    #[task]
    pub(super) async fn coerces_async(n: u8) -> Box<dyn Debug + Send> {
        if n == 0 { Box::new("zero") } else { Box::new(n) }
    }
    #[task]
    pub(super) fn higher_ranked(f: impl for<'a> Fn(&'a str) -> &'a str) -> usize {
        f("abc").len()
    }
    #[task]
    pub(super) async fn async_closure(f: impl AsyncFn(u8) -> u8) -> u8 {
        f(1).await + f(2).await
    }
    #[task]
    pub(super) unsafe fn not_safe(n: *const u8) -> u8 {
        // SAFETY: the test's only caller passes a reference.
        unsafe { *n }
    }
    #[task]
    pub(super) extern "C" fn foreign(n: u8) -> u8 {
        n + 1
    }
    #[task]
    pub(super) fn recursive(n: u8) -> u8 {
        if n == 0 { 0 } else { 1 + recursive(n - 1) }
    }
    #[task]
    pub(super) async fn recursive_async(n: u8) -> u8 {
        if n == 0 { 0 } else { 1 + Box::pin(recursive_async(n - 1)).await }
    }
    #[task]
    pub(super) fn r#match(r#type: u8) -> u8 {
        r#type
    }
    #[task]
    pub(super) fn inner_items(n: u8) -> u8 {
        #![allow(non_upper_case_globals)]
        const two: u8 = 2;
        fn times(n: u8) -> u8 {
            n * two
        }
        times(n)
    }
    #[task]
    pub(super) fn cfg_args(a: u8, #[cfg(any())] b: Missing, #[cfg(all())] c: u8) -> u8 {
        a + c
    }
    #[task(fields(a.len = a.len(), "b" = b, c.d = c + 1, text = format!("{a}-{b}")))]
    pub(super) async fn fields(a: &str, b: i64, (c, _): (u8, u8)) -> u8 {
        c
    }
    #[workflow(name = "above")]
    #[tool(name = "below")]
    pub(super) async fn two_attributes((n, _): (u8, u8)) -> u8 {
        n
    }
    #[task(skip(a, self_like, c))]
    pub(super) fn skips(a: u8, self_like: u8, (_b, c): (u8, u8)) -> u8 {
        a + self_like + c
    }
    #[task]
    pub(super) fn labels(open: u8, result: u8) -> u8 {
        'outer: for i in 0..result {
            loop {
                if i == open {
                    break 'outer;
                }
                continue 'outer;
            }
        }
        open + result
    }
    #[task]
    pub(super) fn panics() {
        panic!("on purpose")
    }
    #[task]
    pub(super) async fn local(n: Rc<u8>) -> u8 {
        tokio::task::yield_now().await;
        *n
    }
    #[task]
    pub(super) async fn sends(n: Arc<u8>, _: Vec<u8>, (a, _b): (u8, String)) -> u8 {
        tokio::task::yield_now().await;
        *n + a
    }
    #[task]
    pub(super) async fn waits_for_ever() {
        std::future::pending::<()>().await;
    }
    #[tokio::main(flavor = "current_thread")]
    #[task]
    pub(super) async fn under_tokio_main() -> u8 {
        1
    }
    macro_rules! made {
        ($name:ident, $arg:ident: $ty:ty, $pat:pat, $label:literal, $body:block) => {
            #[task(name = $label, fields(arg = $arg))]
            pub(super) fn $name($arg: $ty, $pat: (u8, u8), hidden: u8) -> $ty {
                let _ = hidden;
                $body
            }
        };
    }
    made!(made, a: u8, (x, _), "made by a macro", {
        let sum = a + x;
        sum + 0
    });
}

#[tokio::test]
async fn spans_nest_as_the_calls_do() {
    let (output, trace) = seen(functions::outer(2)).await;
    assert_eq!(output, 6);
    assert_eq!(trace, "outer\n  inner\n  inner_sync\n  named\n    inner\n");
    let (output, trace) = seen(functions::two_attributes((1, 2))).await;
    assert_eq!((output, trace.as_str()), (1, "above\n  below\n"));
    let (output, trace) = seen(functions::recursive_async(2)).await;
    assert_eq!((output, trace.as_str()), (2, "recursive_async\n  recursive_async\n    recursive_async\n"));
    let (output, trace) = seen_sync(|| functions::recursive(1));
    assert_eq!((output, trace.as_str()), (1, "recursive\n  recursive\n"));
}

#[tokio::test]
async fn the_outcome_is_the_spans() {
    let (output, trace) = record(functions::fails()).await;
    assert!(output.is_err() && trace.span("fails").is_error());
    let (output, trace) = record_sync(functions::fails_silently);
    assert!(output.is_err() && trace.span("fails_silently").is_error());
    let (output, trace) = record_sync(functions::expected);
    assert!(output.is_err() && !trace.span("expected").is_error());
    let (output, trace) = record(functions::infers("3")).await;
    assert_eq!(output.expect("3 is a number"), [3, 3]);
    assert!(!trace.span("infers").is_error());
    assert!(record(functions::infers("x")).await.1.span("infers").is_error());

    let (panicked, trace) = record_sync(|| std::panic::catch_unwind(functions::panics).is_err());
    assert!(panicked && trace.span("panics").is_error());

    let ((), trace) = record(async {
        let mut future = pin!(functions::waits_for_ever());
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    })
    .await;
    assert!(trace.span("waits_for_ever").is_cancelled());
    // Never polled: nothing has happened.
    let ((), trace) = record_sync(|| drop(functions::waits_for_ever()));
    assert!(trace.spans().is_empty());
}

#[tokio::test]
async fn arguments_and_results_of_every_shape() {
    let (output, trace) = seen_sync(|| {
        let mut items = vec![5];
        *functions::borrowed(&mut items, &1) += 1;
        items
    });
    assert_eq!((output, trace.as_str()), (vec![6, 1], "borrowed\n"));
    let mut items = vec![5];
    *functions::borrowed_async(&mut items).await += 1;
    assert_eq!(items, [6, 1]);
    assert_eq!(seen_sync(|| functions::elided("a")), ("a".into(), "elided\n".to_owned()));
    assert_eq!(seen(functions::generic([1, 2])).await, ("[1, 2]".to_owned(), "generic\n".to_owned()));
    assert_eq!(seen_sync(|| functions::impl_args(|n| n + 1, [1, 2])).0, 5);
    assert_eq!(seen_sync(|| functions::impl_result(3).clone().sum::<u8>()), (6, "impl_result\n".to_owned()));
    assert_eq!(seen(functions::impl_result_async(3)).await.0.to_string(), "3");
    assert_eq!(seen_sync(|| functions::impl_nested(3).map(|f| f(1))).0, Some(4));
    assert_eq!(seen_sync(|| functions::coerces(3)(1)).0 + functions::coerces(0)(1), 5);
    assert_eq!(format!("{:?}", functions::coerces_async(0).await), "\"zero\"");
    assert_eq!(format!("{:?}", functions::coerces_async(1).await), "1");
    assert_eq!(functions::higher_ranked(|text| &text[1..]), 2);
    assert_eq!(seen(functions::async_closure(async |n| n * 2)).await, (6, "async_closure\n".to_owned()));
    // SAFETY: a reference.
    assert_eq!(seen_sync(|| unsafe { functions::not_safe(&raw const *&7) }), (7, "not_safe\n".to_owned()));
    assert_eq!(seen_sync(|| functions::foreign(7)), (8, "foreign\n".to_owned()));
    assert_eq!(seen_sync(|| functions::r#match(7)), (7, "match\n".to_owned()));
    assert_eq!(seen_sync(|| functions::inner_items(7)).0, 14);
    assert_eq!(seen_sync(|| functions::cfg_args(1, 2)).0, 3);
    assert_eq!(functions::skips(1, 2, (3, 4)), 7);
    assert_eq!(functions::labels(1, 2), 3);
    assert_eq!(seen_sync(|| functions::made(1, (2, 3), 4)), (3, "made by a macro\n".to_owned()));
    assert_eq!(functions::local(Rc::new(3)).await, 3);
    assert_eq!(std::thread::spawn(functions::under_tokio_main).join().ok(), Some(1));
}

/// What it returns is a future, but what it did, it did inside its span.
#[task]
#[allow(clippy::async_yields_async)] // clippy sees the block that the attribute writes
async fn start_another() -> std::future::Ready<u8> {
    std::future::ready(7)
}

#[tokio::test]
async fn an_async_function_may_return_a_handle() {
    let (handle, spans) = seen(start_another()).await;
    assert_eq!((handle.await, spans.as_str()), (7, "start_another\n"));
}

#[tokio::test]
async fn fields_are_attributes() {
    let (output, trace) = record(functions::fields("abc", 4, (5, 6))).await;
    assert_eq!(output, 5);
    let span = trace.span("fields");
    let text = |key| span.attribute(key).map(ToString::to_string);
    assert_eq!(text("a.len").as_deref(), Some("3"));
    assert_eq!(text("b").as_deref(), Some("4"));
    assert_eq!(text("c.d").as_deref(), Some("6"));
    assert_eq!(text("text").as_deref(), Some("abc-4"));
}

#[test]
fn fields_are_evaluated_once_and_only_when_recorded() {
    use std::cell::Cell;
    #[task(fields(n = { count.set(count.get() + 1); count.get() }))]
    fn counted(count: &Cell<u32>) -> u32 {
        count.get()
    }
    let count = Cell::new(0);
    let (in_body, trace) = record_sync(|| counted(&count));
    assert_eq!((in_body, count.get()), (1, 1));
    assert_eq!(trace.span("counted").attribute("n").map(ToString::to_string).as_deref(), Some("1"));
}

// ---- Methods.

#[derive(Clone, Debug, PartialEq)]
struct S(u8);

#[allow(async_fn_in_trait)]
trait Does {
    #[tool]
    fn by_default(&self, n: u8) -> u8 {
        n
    }
    #[tool]
    async fn by_default_async(&mut self, n: u8) -> u8
    where
        Self: Sized,
    {
        tokio::task::yield_now().await;
        self.by_default(n)
    }
    fn required(self: Box<Self>) -> u8;
    async fn required_async(&self) -> u8;
}

impl Does for S {
    #[tool]
    fn required(self: Box<Self>) -> u8 {
        self.0
    }
    #[tool]
    async fn required_async(&self) -> u8 {
        self.by_ref()
    }
}

impl S {
    #[agent(skip(self))]
    fn by_ref(&self) -> u8 {
        self.0
    }
    #[agent(fields(me = self.0))]
    async fn by_mut(&mut self) -> &mut Self {
        self.0 += 1;
        self
    }
    #[agent]
    async fn by_value(mut self, n: u8) -> Self {
        self.0 += n;
        self
    }
    #[agent]
    async fn by_arc(self: Arc<Self>) -> u8 {
        self.0
    }
    #[agent]
    fn by_rc(self: &Rc<Self>) -> u8 {
        self.0
    }
    #[agent]
    async fn by_pin(mut self: Pin<&mut Self>) -> u8 {
        self.as_mut().0 += 1;
        self.0
    }
    #[agent]
    fn associated(n: u8) -> Self {
        Self(n)
    }
}

struct Of<'a, T>(&'a [T]);

impl<'a, T: Clone + 'a> Of<'a, T> {
    #[task]
    fn first(&self) -> Option<&'a T> {
        self.0.first()
    }
    #[task]
    async fn all<const N: usize>(&self, more: [T; N]) -> Vec<T>
    where
        T: Send,
    {
        self.0.iter().cloned().chain(more).collect()
    }
}

#[tokio::test]
async fn methods() {
    let (output, trace) = seen(async {
        let mut s = S(1);
        s.by_mut().await.0 += 1;
        let s = s.by_value(1).await;
        let sum = s.by_default(1) + s.clone().by_default_async(1).await + s.required_async().await;
        sum + Box::new(s).required()
    })
    .await;
    assert_eq!(output, 10);
    let tree =
        "by_mut\nby_value\nby_default\nby_default_async\n  by_default\nrequired_async\n  by_ref\nrequired\n";
    assert_eq!(trace, tree);
    let (output, trace) = seen(async {
        let sum =
            Arc::new(S(1)).by_arc().await + Rc::new(S(1)).by_rc() + pin!(S::associated(1)).by_pin().await;
        sum + u8::try_from(Of(&[1, 2]).all([3]).await.len()).unwrap_or(0)
            + Of(&[1]).first().copied().unwrap_or(0)
    })
    .await;
    assert_eq!(output, 8);
    assert_eq!(trace, "by_arc\nby_rc\nassociated\nby_pin\nall\nfirst\n");
}

// ---- Auto traits.

#[test]
fn futures_keep_their_auto_traits() {
    fn send_and_static<F: Future + Send + 'static>(_: F) {}
    fn sync<F: Sync>(_: F) {}
    send_and_static(functions::sends(Arc::new(1), Vec::new(), (1, String::new())));
    send_and_static(functions::outer(1));
    send_and_static(functions::two_attributes((1, 2)));
    sync(functions::outer(1));
}

// ---- Deep chains.

/// Callees first: rustc gives up ("queries overflow the depth limit") on chains half as deep if it meets the outermost one first, and on
/// bare ones too.
macro_rules! chain {
    ($first:ident $($rest:ident)*) => {
        #[task]
        async fn $first(n: u64) -> u64 { tokio::task::yield_now().await; n }
        chain!(@ $first $($rest)*);
    };
    (@ $callee:ident $caller:ident $($rest:ident)*) => {
        #[task]
        async fn $caller(n: u64) -> u64 { $callee(n).await + 1 }
        chain!(@ $caller $($rest)*);
    };
    (@ $last:ident) => {};
}

chain! {
    f00 f01 f02 f03 f04 f05 f06 f07 f08 f09 f10 f11 f12 f13 f14 f15 f16 f17 f18 f19 f20 f21 f22 f23 f24 f25 f26 f27 f28 f29 f30 f31
    f32 f33 f34 f35 f36 f37 f38 f39 f40 f41 f42 f43 f44 f45 f46 f47 f48 f49 f50 f51 f52 f53 f54 f55 f56 f57 f58 f59 f60 f61 f62 f63
}

#[tokio::test]
async fn a_chain_of_64_functions() {
    let (output, trace) = record(Box::pin(f63(1))).await;
    assert_eq!((output, trace.spans().len()), (64, 64));
}
