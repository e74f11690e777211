//! Parameters: every irrefutable pattern, unused ones, attributes on them, names that the generated code might have taken.

use std::convert::Infallible;

use llmetry::task;

use crate::support::*;

#[derive(Clone, Debug)]
pub(crate) struct Point<T = u8> {
    x: T,
    y: T,
}

pub(crate) struct Wrap<T>(T, T);

pub(crate) enum One {
    Only(u8, #[allow(dead_code)] u8),
}

macro_rules! items {
    ($on:meta) => {
        #[cfg_attr($on, task)]
        pub(super) fn tuple((a, b): (D, D)) -> D {
            log(b.0);
            a
        }
        #[cfg_attr($on, task)]
        pub(super) async fn tuple_async((a, b): (D, D)) -> D {
            pause().await;
            log(b.0);
            a
        }
        #[cfg_attr($on, task)]
        pub(super) fn nested((a, (b, [c, d])): (u8, (u8, [u8; 2]))) -> u8 {
            a + b + c + d
        }
        #[cfg_attr($on, task)]
        pub(super) async fn nested_async((a, (b, [_, c])): (D, (D, [D; 2]))) -> (D, D) {
            pause().await;
            log(c.0);
            (a, b)
        }
        #[cfg_attr($on, task)]
        pub(super) fn rest_of_tuple((a, .., b): (u8, D, D, u8)) -> u8 {
            a + b
        }
        #[cfg_attr($on, task)]
        pub(super) fn structure(Point { x, y }: Point) -> u8 {
            x + y
        }
        #[cfg_attr($on, task)]
        pub(super) async fn structure_async(Point { x, y: renamed }: Point<D>) -> D {
            pause().await;
            log(x.0);
            renamed
        }
        #[cfg_attr($on, task)]
        pub(super) fn structure_rest(Point { x, .. }: Point<D>) -> D {
            x
        }
        #[cfg_attr($on, task)]
        pub(super) async fn structure_wild(Point { x: _, mut y }: Point<D>) -> D {
            pause().await;
            y.0 = "changed";
            y
        }
        #[cfg_attr($on, task)]
        pub(super) fn turbofish(Point::<u8> { x, y: _ }: Point<u8>) -> u8 {
            x
        }
        #[cfg_attr($on, task)]
        pub(super) fn tuple_structure(Wrap(a, _): Wrap<D>) -> D {
            a
        }
        #[cfg_attr($on, task)]
        pub(super) fn variant(One::Only(a, ..): One) -> u8 {
            a
        }
        #[cfg_attr($on, task)]
        pub(super) fn either((Ok(a) | Err(a)): Result<u8, u8>) -> u8 {
            a
        }
        #[cfg_attr($on, task)]
        pub(super) fn impossible(Ok(a): Result<u8, Infallible>) -> u8 {
            a
        }
        #[cfg_attr($on, task)]
        pub(super) fn reference(&(a, ref b): &(u8, u8)) -> u8 {
            a + *b
        }
        #[cfg_attr($on, task)]
        pub(super) async fn through_a_reference((a, b): &mut (u8, D)) -> &D {
            pause().await;
            *a += 1;
            b
        }
        #[cfg_attr($on, task)]
        pub(super) fn mutable_reference(&mut Point { ref mut x, y }: &mut Point) -> u8 {
            *x += 1;
            *x + y
        }
        #[cfg_attr($on, task)]
        pub(super) fn by_ref(ref a: D, (b, ref c): (D, D)) {
            log(a.0);
            log(c.0);
        }
        #[cfg_attr($on, task)]
        pub(super) fn by_ref_mut(ref mut a: D, (_, ref mut b): (D, D), c: D) {
            a.0 = "changed";
            b.0 = "changed too";
        }
        #[cfg_attr($on, task)]
        pub(super) async fn by_ref_mut_async(ref mut a: D, (_, ref mut b): (D, D), ref c: D) {
            pause().await;
            a.0 = "changed";
            b.0 = "changed too";
        }
        #[cfg_attr($on, task)]
        pub(super) fn slice([a, .., b]: [u8; 4]) -> u8 {
            a + b
        }
        #[cfg_attr($on, task)]
        pub(super) fn slice_rest([a, rest @ ..]: &[u8; 3]) -> (u8, &[u8; 2]) {
            (*a, rest)
        }
        #[cfg_attr($on, task)]
        pub(super) async fn array([a, _, mut c]: [D; 3]) -> D {
            pause().await;
            log(a.0);
            c.0 = "c again";
            c
        }
        #[cfg_attr($on, task)]
        pub(super) fn at(whole @ (a, _): (u8, u8)) -> (u8, u8) {
            (whole.0 + a, whole.1)
        }
        #[cfg_attr($on, task)]
        pub(super) fn ref_at(ref whole @ Point { ref x, .. }: Point<D>) -> bool {
            std::ptr::eq(&whole.x, x)
        }
        #[cfg_attr($on, task)]
        pub(super) fn unit((): (), _: ()) {}
        #[cfg_attr($on, task)]
        pub(super) fn mutable(mut a: u8, (mut b, c): (u8, u8)) -> u8 {
            a += 1;
            b += a;
            b + c
        }
        #[cfg_attr($on, task)]
        pub(super) async fn mutable_async(mut a: Vec<u8>) -> Vec<u8> {
            a.push(1);
            pause().await;
            a.push(2);
            a
        }
        #[cfg_attr($on, task)]
        pub(super) fn underscores(_: D, _a: D, __: D) {
            log("body");
        }
        #[cfg_attr($on, task)]
        pub(super) async fn underscores_async(_: D, _a: D, __: D) {
            pause().await;
            log("body");
        }
        #[cfg_attr($on, task)]
        pub(super) fn cfgs(
            a: u8,
            #[cfg(any())] b: Missing,
            #[cfg(all())] c: u8,
            #[cfg(any())] (d, e): Missing,
        ) -> u8 {
            a + c
        }
        #[cfg_attr($on, task)]
        pub(super) fn lint_attributes(
            #[allow(unused_variables)] a: u8,
            #[expect(unused_variables)] b: u8,
            c: u8,
        ) -> u8 {
            c
        }
        #[cfg_attr($on, task)]
        pub(super) fn raw(r#fn: u8, r#in: (u8, u8)) -> u8 {
            r#fn + r#in.0
        }
        #[cfg_attr($on, task)]
        pub(super) fn trailing_comma(a: u8, b: u8) -> u8 {
            a - b
        }
        #[cfg_attr($on, task)]
        pub(super) fn many(
            a: u8,
            b: u8,
            c: u8,
            d: u8,
            e: u8,
            f: u8,
            g: u8,
            h: u8,
            i: u8,
            j: u8,
            k: u8,
            l: u8,
        ) -> u8 {
            a + b + c + d + e + f + g + h + i + j + k + l
        }
        #[cfg_attr($on, task)]
        pub(super) fn our_names(open: u8, result: u8, site: u8, kind: u8, value: u8, span: u8, rt: u8) -> u8 {
            let __llmetry_arg0 = open;
            let self_ = result;
            __llmetry_arg0 + self_ + site + kind + value + span + rt
        }
        #[cfg_attr($on, task)]
        pub(super) async fn our_names_async(
            (open, __llmetry_arg0): (u8, u8),
            __llmetry_held: u8,
            __llmetry_result: u8,
        ) -> u8 {
            pause().await;
            open + __llmetry_arg0 + __llmetry_held + __llmetry_result
        }
        #[cfg_attr($on, task)]
        pub(super) fn shadowed(a: D) -> D {
            let a = D(if a.0 == "a" { "shadow" } else { "other" });
            a
        }
        #[cfg_attr($on, task)]
        pub(super) async fn moved_into_a_closure(a: D, b: D) -> usize {
            let f = move || a.0.len();
            pause().await;
            f() + b.0.len()
        }
        #[cfg_attr($on, task)]
        pub(super) fn moved_in_a_loop(items: Vec<D>) -> usize {
            let mut n = 0;
            for item in items {
                n += item.0.len();
            }
            n
        }
        #[cfg_attr($on, task)]
        pub(super) async fn borrowed_across(a: String) -> usize {
            let part = &a[1..];
            pause().await;
            part.len()
        }
        #[cfg_attr($on, task)]
        pub(super) fn maybe(a: Option<&D>, b: Option<D>) -> Option<D> {
            a.and(b)
        }
        #[cfg_attr($on, task)]
        pub(super) fn partly_moved(a: Point<D>, b: Wrap<Box<D>>) -> D {
            drop(a.y);
            let _kept = b.1;
            a.x
        }
        #[cfg_attr($on, task)]
        pub(super) async fn partly_moved_async(a: Point<D>, b: Wrap<Box<D>>) -> D {
            drop(a.y);
            let _kept = b.1;
            pause().await;
            a.x
        }
    };
}
twice!(items);

fn point() -> Point<D> {
    Point { x: D("x"), y: D("y") }
}

shapes! {
    tuple: tuple(pair("a", "b")) => "tuple";
    tuple_async: fates(|| tuple_async(pair("a", "b"))) => "tuple_async cancelled, tuple_async";
    nested: nested((1, (2, [3, 4]))) => "nested";
    nested_async: fates(|| nested_async((D("a"), (D("b"), [D("c"), D("d")]))))
        => "nested_async cancelled, nested_async";
    rest_of_tuple: rest_of_tuple((1, D("b"), D("c"), 4)) => "rest_of_tuple";
    structure: structure(Point { x: 1, y: 2 }) => "structure";
    structure_async: fates(|| structure_async(point())) => "structure_async cancelled, structure_async";
    structure_rest: structure_rest(point()) => "structure_rest";
    structure_wild: fates(|| structure_wild(point())) => "structure_wild cancelled, structure_wild";
    turbofish: turbofish(Point { x: 1, y: 2 }) => "turbofish";
    tuple_structure: tuple_structure(Wrap(D("a"), D("b"))) => "tuple_structure";
    variant: variant(One::Only(1, 2)) => "variant";
    either: either(Ok(1)) + either(Err(2)) => "either, either";
    impossible: impossible(Ok(1)) => "impossible";
    reference: reference(&(1, 2)) => "reference";
    through_a_reference: { let mut pair = (1, D("b")); log(finish(through_a_reference(&mut pair)).0); pair }
        => "through_a_reference";
    mutable_reference: { let mut p = Point { x: 1, y: 2 }; (mutable_reference(&mut p), p) }
        => "mutable_reference";
    by_ref: by_ref(D("a"), pair("b", "c")) => "by_ref";
    by_ref_mut: by_ref_mut(D("a"), pair("b", "c"), D("d")) => "by_ref_mut";
    by_ref_mut_async: fates(|| by_ref_mut_async(D("a"), pair("b", "c"), D("d")))
        => "by_ref_mut_async cancelled, by_ref_mut_async";
    slice: slice([1, 2, 3, 4]) => "slice";
    slice_rest: slice_rest(&[1, 2, 3]) => "slice_rest";
    array: fates(|| array([D("a"), D("b"), D("c")])) => "array cancelled, array";
    at: at((1, 2)) => "at";
    ref_at: ref_at(point()) => "ref_at";
    unit: unit((), ()) => "unit";
    mutable: mutable(1, (2, 3)) => "mutable";
    mutable_async: fates(|| mutable_async(vec![0])) => "mutable_async cancelled, mutable_async";
    underscores: underscores(D("a"), D("b"), D("c")) => "underscores";
    underscores_async: fates(|| underscores_async(D("a"), D("b"), D("c")))
        => "underscores_async cancelled, underscores_async";
    cfgs: cfgs(1, 2) => "cfgs";
    lint_attributes: lint_attributes(1, 2, 3) => "lint_attributes";
    raw: raw(1, (2, 3)) => "raw";
    trailing_comma: trailing_comma(3, 2) => "trailing_comma";
    many: many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12) => "many";
    our_names: our_names(1, 2, 3, 4, 5, 6, 7) => "our_names";
    our_names_async: finish(our_names_async((1, 2), 3, 4)) => "our_names_async";
    shadowed: shadowed(D("a")) => "shadowed";
    moved_into_a_closure: fates(|| moved_into_a_closure(D("a"), D("b")))
        => "moved_into_a_closure cancelled, moved_into_a_closure";
    moved_in_a_loop: moved_in_a_loop(vec![D("a"), D("b")]) => "moved_in_a_loop";
    borrowed_across: finish(borrowed_across("abc".to_owned())) => "borrowed_across";
    maybe: maybe(Some(&D("a")), Some(D("b"))) => "maybe";
    partly_moved: partly_moved(point(), Wrap(Box::new(D("1")), Box::new(D("2")))) => "partly_moved";
    partly_moved_async: fates(|| partly_moved_async(point(), Wrap(Box::new(D("1")), Box::new(D("2")))))
        => "partly_moved_async cancelled, partly_moved_async";
}
