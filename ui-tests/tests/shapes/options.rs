//! The attributes' own arguments.

use llmetry::opentelemetry::Context;
use llmetry::opentelemetry::trace::{SpanContext, TraceContextExt as _};
use llmetry::{agent, task, tool, workflow};

use crate::support::*;

macro_rules! items {
    ($on:meta) => {
        #[cfg_attr($on, task(name = "another name"))]
        pub(super) fn named() {}
        #[cfg_attr($on, workflow(name = "w", version = 2))]
        pub(super) async fn versioned() {
            tool_of_version().await;
        }
        #[cfg_attr($on, tool(version = 18_446))]
        async fn tool_of_version() {}
        #[cfg_attr($on, task(err = false))]
        pub(super) fn expected(d: D) -> Result<D, (Broken, D)> {
            Err((Broken, d))
        }
        #[cfg_attr($on, agent(err = true))]
        pub(super) async fn unexpected() -> Result<u8, Broken> {
            Err(Broken)
        }
        #[cfg_attr($on, workflow(err = false))]
        pub(super) async fn expected_around() -> Result<u8, Broken> {
            unexpected().await
        }
        #[cfg_attr($on, task(err = false))]
        pub(super) fn expected_panic() -> Result<u8, Broken> {
            panic!("not that")
        }
        #[cfg_attr($on, task(fields(my.len = a.len(), "my.b" = b, my.c = c + 1, my.text = format!("{a}-{b}"))))]
        pub(super) async fn fields(a: &str, b: i64, (c, _): (u8, u8)) -> u8 {
            pause().await;
            c
        }
        #[cfg_attr($on, task(fields(my.yes = true, my.half = 0.5, my.text = "literal", my.n = 3_u32)))]
        pub(super) fn fields_of_each_type() {}
        #[cfg_attr($on, task(fields(my.a = a.0, my.b = b.0)))]
        pub(super) fn fields_of_moved(a: D, b: D) -> D {
            drop(a);
            b
        }
        #[cfg_attr($on, task(fields(my.x = x.0, my.y = y.0)))]
        pub(super) async fn fields_of_patterns((x, _): (D, D), [mut y, _]: [D; 2]) -> D {
            pause().await;
            y.0 = "changed";
            log(x.0);
            y
        }
        #[cfg_attr($on, task(fields(my.n = n)))]
        pub(super) fn fields_of_generic<T: Copy + Into<i64>>(n: i64, _more: T) -> i64 {
            n
        }
        #[cfg_attr($on, task(fields(my.type = r#type, r#my.r#fn = 1)))]
        pub(super) fn raw_fields(r#type: u8) -> u8 {
            r#type
        }
        #[cfg_attr($on, task(fields(my.len = text.len(),),))]
        pub(super) fn trailing_commas(text: &mut String) -> usize {
            text.push('!');
            text.len()
        }
        #[cfg_attr($on, task(skip(a, b)))]
        pub(super) fn skips(a: D, (b, _c): (D, D)) -> D {
            log(b.0);
            a
        }
        #[cfg_attr($on, task(skip_all))]
        pub(super) async fn skips_all(a: D, (_b, c): (D, D)) -> D {
            pause().await;
            log(c.0);
            a
        }
        #[cfg_attr($on, task(name = "all of them", version = 1, err = false, crate = ::llmetry, skip(b), fields(my.a = a)))]
        pub(super) async fn all_of_them(a: u8, b: D) -> Result<D, D> {
            pause().await;
            Err(b)
        }
        #[cfg_attr($on, ::llmetry::task())]
        pub(super) fn empty_parentheses() {}

        #[cfg_attr($on, workflow)]
        pub(super) fn branches() -> u8 {
            let outer = Context::current();
            inside(&outer)
        }
        #[cfg_attr($on, tool)]
        fn inside(outer: &Context) -> u8 {
            by_reference(outer) + by_value(outer.clone()) + by_ids(outer.span().span_context().clone()) + under_itself()
        }
        #[cfg_attr($on, task(parent = outer))]
        fn by_reference(outer: &Context) -> u8 {
            under_itself()
        }
        #[cfg_attr($on, task(parent = outer))]
        fn by_value(outer: Context) -> u8 {
            1
        }
        #[cfg_attr($on, task(parent = outer.clone(), fields(my.valid = outer.is_valid())))]
        fn by_ids(outer: SpanContext) -> u8 {
            1
        }
        #[cfg_attr($on, task)]
        fn under_itself() -> u8 {
            1
        }
        #[cfg_attr($on, workflow)]
        pub(super) async fn branches_later(d: D) -> D {
            let outer = Context::current();
            inside_later(d, (outer, 1)).await
        }
        #[cfg_attr($on, tool)]
        async fn inside_later(d: D, outer: (Context, u8)) -> D {
            pause().await;
            by_pattern(d, outer).await
        }
        #[cfg_attr($on, agent(parent = &outer))]
        async fn by_pattern(d: D, (outer, _): (Context, u8)) -> D {
            pause().await;
            under_itself();
            d
        }

        pub(super) struct S(pub(super) u8);
        impl S {
            #[cfg_attr($on, agent(skip(self), fields(my.me = self.0, my.twice = { let n = self.0; n * 2 }, my.n = n)))]
            pub(super) async fn method(&mut self, n: u8) -> u8 {
                pause().await;
                self.0 += n;
                self.0
            }
            #[cfg_attr($on, agent(name = "static", fields(my.n = n)))]
            pub(super) fn associated(n: u8) -> Self {
                Self(n)
            }
        }
    };
}
twice!(items);

shapes! {
    named: named() => "another name";
    versioned: finish(versioned()) => "workflow:w v2(tool:tool_of_version v18446)";
    expected: expected(D("d")) => "expected";
    unexpected: finish(unexpected()) => "agent:unexpected !Broken";
    expected_around: finish(expected_around()) => "workflow:expected_around(agent:unexpected !Broken)";
    expected_panic: expected_panic() => "expected_panic !panic";
    fields: fates(|| fields("abc", 4, (5, 6)))
        => "fields {len=3, b=4, c=6, text=\"abc-4\"} cancelled, fields {len=3, b=4, c=6, text=\"abc-4\"}";
    fields_of_each_type: fields_of_each_type()
        => "fields_of_each_type {yes=true, half=0.5, text=\"literal\", n=3}";
    fields_of_moved: fields_of_moved(D("a"), D("b")) => "fields_of_moved {a=\"a\", b=\"b\"}";
    fields_of_patterns: fates(|| fields_of_patterns(pair("a", "b"), [D("c"), D("d")]))
        => "fields_of_patterns {x=\"a\", y=\"c\"} cancelled, fields_of_patterns {x=\"a\", y=\"c\"}";
    fields_of_generic: fields_of_generic(1, 2) => "fields_of_generic {n=1}";
    raw_fields: raw_fields(1) => "raw_fields {type=1, fn=1}";
    trailing_commas: trailing_commas(&mut "a".to_owned()) => "trailing_commas {len=1}";
    skips: skips(D("a"), pair("b", "c")) => "skips";
    skips_all: fates(|| skips_all(D("a"), pair("b", "c"))) => "skips_all cancelled, skips_all";
    all_of_them: fates(|| all_of_them(1, D("b"))) => "all of them v1 {a=1} cancelled, all of them v1 {a=1}";
    empty_parentheses: empty_parentheses() => "empty_parentheses";
    branches: branches()
        => "workflow:branches(tool:inside(under_itself), by_reference(under_itself), by_value, by_ids {valid=true})";
    branches_later: fates(|| branches_later(D("d")))
        => "workflow:branches_later cancelled(tool:inside_later cancelled), \
            workflow:branches_later(tool:inside_later, agent:by_pattern(under_itself))";
    method: { let mut s = S(1); finish(s.method(2)) } => "agent:method {me=1, twice=2, n=2}";
    associated: S::associated(1).0 => "agent:static {n=1}";
}

#[test]
fn fields_are_evaluated_once() {
    use std::cell::Cell;
    #[task(fields(n = { count.set(count.get() + 1); count.get() }))]
    fn counted(count: &Cell<u32>) -> u32 {
        count.get()
    }
    let count = Cell::new(0);
    let (in_body, trace) = llmetry::testing::record_sync(|| counted(&count));
    assert_eq!((in_body, count.get()), (1, 1));
    assert_eq!(trace.span("counted").attribute("n").map(ToString::to_string).as_deref(), Some("1"));
}
