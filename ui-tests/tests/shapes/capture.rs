//! Captured arguments and results: values of all sorts are looked at, and nothing happens to them.

use std::fmt::{self, Debug};
use std::future::Future;
use std::rc::Rc;

use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::{self, Stream, StreamExt as _};
use llmetry::{agent, task, tool, workflow};

use crate::support::*;

/// Has a `Debug`, whatever features of serde are on.
#[derive(Debug, PartialEq)]
pub(crate) struct Shown(u8);

/// Cannot be shown at all.
pub(crate) struct Opaque(u8);

/// Is its text.
pub(crate) struct Text(&'static str);

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.0
    }
}

/// Panics when it is shown.
pub(crate) struct Bad;

impl Debug for Bad {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("it cannot be shown")
    }
}

macro_rules! items {
    ($on:meta) => {
        #[cfg_attr($on, task(capture(input, output)))]
        pub(super) fn plain(a: u8, text: &str, yes: bool) -> Option<u8> {
            Some(a + 1)
        }
        #[cfg_attr($on, tool(capture(input, output)))]
        pub(super) async fn moved(a: D, b: D) -> D {
            pause().await;
            drop(a);
            b
        }
        #[cfg_attr($on, task(capture(input, output), skip(b)))]
        pub(super) async fn patterns((a, _): (D, D), b: D, _: D, [c, ..]: [u8; 2]) -> D {
            pause().await;
            log(a.0);
            b
        }
        #[cfg_attr($on, task(capture(b, output)))]
        pub(super) fn one(a: u8, b: u8) -> u8 {
            a + b
        }
        #[cfg_attr($on, task(capture(output), skip_all))]
        pub(super) fn none(a: u8) -> u8 {
            a
        }
        #[cfg_attr($on, task(capture(output)))]
        pub(super) fn nothing_to_say(a: &mut u8) {
            *a += 1;
        }
        #[cfg_attr($on, agent(capture(input, output)))]
        pub(super) fn opaque(a: Opaque, b: &Text, c: &dyn Fn(u8) -> u8, d: impl FnOnce() -> u8) -> Opaque {
            Opaque(a.0 + c(1) + d() + b.0.len() as u8)
        }
        #[cfg_attr($on, task(capture(input, output)))]
        pub(super) fn generic<T, U: ?Sized>(a: T, b: &U) -> (T, usize) {
            (a, size_of_val(b))
        }
        #[cfg_attr($on, task(capture(input, output)))]
        pub(super) fn generic_shown<T: Debug>(a: T) -> T {
            a
        }
        #[cfg_attr($on, task(capture(input, output)))]
        pub(super) fn bad(a: Bad) -> Bad {
            a
        }
        #[cfg_attr($on, task(capture(output)))]
        pub(super) async fn succeeds(d: D) -> Result<D, Silent> {
            pause().await;
            if d.0 == "d" { Ok(d) } else { Err(Silent) }
        }
        #[cfg_attr($on, task(capture(output)))]
        pub(super) fn opaque_result(n: u8) -> impl Iterator<Item = u8> {
            0..n
        }
        #[cfg_attr($on, task(capture(input, output)))]
        pub(super) fn borrowed<'a>(a: &'a mut Vec<u8>, b: &u8) -> &'a mut u8 {
            a.push(*b);
            &mut a[0]
        }
        #[cfg_attr($on, task(capture(input, output)))]
        pub(super) fn mutable(mut a: Vec<u8>) -> Vec<u8> {
            a.push(1);
            a
        }
        #[cfg_attr($on, task(capture(input, output)))]
        pub(super) fn future(n: u8) -> impl Future<Output = u8> + Send {
            log("called");
            async move {
                pause().await;
                n + 1
            }
        }
        #[cfg_attr($on, task(capture(input, output)))]
        pub(super) fn boxed(d: D) -> BoxFuture<'static, Result<D, Broken>> {
            log("called");
            async move {
                pause().await;
                Ok(d)
            }
            .boxed()
        }
        #[cfg_attr($on, task(capture(input, output)))]
        pub(super) fn boxed_block(d: D) -> BoxFuture<'static, D> {
            Box::pin(async move {
                pause().await;
                d
            })
        }
        #[cfg_attr($on, task(capture(input)))]
        pub(super) fn items(n: u8) -> impl Stream<Item = u8> {
            stream::iter(0..n)
        }
        #[cfg_attr($on, workflow(capture(input, output)))]
        #[cfg_attr($on, tool(capture(input)))]
        pub(super) async fn twice_captured(a: u8) -> u8 {
            pause().await;
            a
        }
        #[cfg_attr($on, task(capture(input, output)))]
        pub(super) async fn local(a: Rc<Shown>) -> Rc<Shown> {
            pause().await;
            a
        }
        #[cfg_attr($on, task(capture(input, output)))]
        pub(super) async fn panics(a: D) -> D {
            pause().await;
            panic!("{}", a.0)
        }
        #[cfg_attr($on, task(capture(input, output)))]
        pub(super) fn never(a: D) -> ! {
            panic!("{}", a.0)
        }
        #[cfg_attr($on, task(capture(input, output)))]
        pub(super) fn configured(#[cfg(any())] a: Missing, #[cfg(all())] b: u8) -> u8 {
            b
        }
        #[cfg_attr($on, task(capture(r#type)))]
        pub(super) fn raw(r#type: u8) -> u8 {
            r#type
        }
        pub(super) struct S(pub(super) D);
        impl S {
            #[cfg_attr($on, task(capture(input, output)))]
            pub(super) async fn method(&mut self, d: D) -> &D {
                pause().await;
                self.0 = d;
                &self.0
            }
        }
        #[async_trait::async_trait]
        pub(super) trait Does {
            #[cfg_attr($on, tool(capture(input, output)))]
            async fn does(&self, text: &str, d: D) -> Result<D, Broken>
            where
                Self: Sync,
            {
                pause().await;
                Ok(d)
            }
        }
        impl Does for u8 {}
    };
}
twice!(items);

/// Opens the second lock.
fn shown<R>(f: impl FnOnce() -> R) -> R {
    llmetry::current().capture_content(true);
    f()
}

shapes! {
    plain: shown(|| plain(1, "a", true)) => r#"plain in={"a":1,"text":"a","yes":true} out=2"#;
    moved: shown(|| fates(|| moved(D("a"), D("b"))))
        => r#"tool:moved in={"a":"D(\"a\")","b":"D(\"b\")"} cancelled, tool:moved in={"a":"D(\"a\")","b":"D(\"b\")"} out="D(\"b\")""#;
    patterns: shown(|| fates(|| patterns(pair("a", "b"), D("c"), D("d"), [1, 2])))
        => r#"patterns in={"a":"D(\"a\")","c":1} cancelled, patterns in={"a":"D(\"a\")","c":1} out="D(\"c\")""#;
    one: shown(|| one(1, 2)) => r#"one in={"b":2} out=3"#;
    none: shown(|| none(1)) => "none out=1";
    nothing_to_say: shown(|| { let mut n = 1; nothing_to_say(&mut n); n }) => "nothing_to_say out=null";
    opaque: shown(|| opaque(Opaque(1), &Text("text"), &|n| n, u8::default as fn() -> u8).0)
        => r#"agent:opaque in={"a":"capture::Opaque","b":"text","c":"&dyn core::ops::function::Fn(u8) -> u8","d":"fn() -> u8"} out="capture::Opaque""#;
    generic: shown(|| (generic(1, "a").1, generic(Opaque(1), &[1_u8]).1))
        => r#"generic in={"a":"i32","b":"&str"} out="(i32, usize)", generic in={"a":"capture::Opaque","b":"&[u8; 1]"} out="(capture::Opaque, usize)""#;
    generic_shown: shown(|| generic_shown(Some(D("d"))))
        => r#"generic_shown in={"a":"Some(D(\"d\"))"} out="Some(D(\"d\"))""#;
    bad: shown(|| { let _ = bad(Bad); })
        => r#"bad in={"a":"[cannot be written: capture::Bad]"} out="[cannot be written: capture::Bad]""#;
    succeeds: shown(|| (finish(succeeds(D("d"))), finish(succeeds(D("e")))))
        => r#"succeeds out="D(\"d\")", succeeds !Silent"#;
    opaque_result: shown(|| opaque_result(2).count()) => r#"opaque_result out={"start":0,"end":2}"#;
    borrowed: shown(|| { let mut items = vec![1]; *borrowed(&mut items, &2) += 1; items })
        => r#"borrowed in={"a":[1],"b":2} out=1"#;
    mutable: shown(|| mutable(vec![0])) => r#"mutable in={"a":[0]} out=[0,1]"#;
    future: shown(|| fates(|| future(1)))
        => r#"future in={"n":1} cancelled, future in={"n":1} cancelled, future in={"n":1} out=2"#;
    boxed: shown(|| fates(|| boxed(D("d"))))
        => r#"boxed in={"d":"D(\"d\")"} cancelled, boxed in={"d":"D(\"d\")"} cancelled, boxed in={"d":"D(\"d\")"} out="D(\"d\")""#;
    boxed_block: shown(|| fates(|| boxed_block(D("d"))))
        => r#"boxed_block in={"d":"D(\"d\")"} cancelled, boxed_block in={"d":"D(\"d\")"} out="D(\"d\")""#;
    items: shown(|| finish(items(2).collect::<Vec<_>>())) => r#"items in={"n":2} x2"#;
    twice_captured: shown(|| finish(twice_captured(1)))
        => r#"workflow:twice_captured in={"a":1} out=1(tool:twice_captured in={"a":1})"#;
    local: shown(|| finish(local(Rc::new(Shown(1)))))
        => r#"local in={"a":"Shown(1)"} out="Shown(1)""#;
    panics: shown(|| finish(panics(D("a")))) => r#"panics in={"a":"D(\"a\")"} !panic"#;
    never: shown(|| never(D("a"))) => r#"never in={"a":"D(\"a\")"} !panic"#;
    configured: shown(|| configured(1)) => r#"configured in={"b":1} out=1"#;
    raw: shown(|| raw(1)) => r#"raw in={"type":1}"#;
    method: shown(|| { let mut s = S(D("s")); finish(s.method(D("d"))).0 })
        => r#"method in={"d":"D(\"d\")"} out="D(\"d\")""#;
    async_trait: shown(|| fates(|| async { 1_u8.does("a", D("d")).await }))
        => r#"tool:does in={"text":"a","d":"D(\"d\")"} cancelled, tool:does in={"text":"a","d":"D(\"d\")"} out="D(\"d\")""#;
}
