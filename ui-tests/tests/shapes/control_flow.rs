//! Ways out of a body, and what they make of the span: `?`, `return` in odd places, labels, closures and blocks with exits of their own, panics.

use std::convert::Infallible;
use std::error::Error;
use std::num::ParseIntError;
use std::ops::ControlFlow;
use std::task::Poll;

use llmetry::{task, workflow};

use crate::support::*;

/// As the libraries of errors write it.
macro_rules! bail {
    ($error:expr) => {
        return Err($error.into())
    };
}

macro_rules! ensure {
    ($condition:expr, $error:expr) => {
        if !$condition {
            bail!($error)
        }
    };
}

type Fallible<T, E = Broken> = Result<T, E>;
type Unit = Result<(), Broken>;

macro_rules! items {
    ($on:meta) => {
        #[cfg_attr($on, task)]
        pub(super) async fn fails() -> Result<u8, Broken> {
            Err(Broken)?;
            Ok(1)
        }
        #[cfg_attr($on, task)]
        pub(super) fn fails_silently() -> Result<u8, Silent> {
            Err(Silent)
        }
        #[cfg_attr($on, task)]
        pub(super) fn converts() -> Result<u8, Silent> {
            Ok(Err::<u8, _>(Broken)?)
        }
        #[cfg_attr($on, workflow)]
        pub(super) async fn passes_on(a: D) -> Result<u8, Broken> {
            let n = fails().await?;
            drop(a);
            Ok(n)
        }
        #[cfg_attr($on, workflow)]
        pub(super) async fn recovers() -> u8 {
            fails().await.unwrap_or(7)
        }
        #[cfg_attr($on, task)]
        pub(super) async fn infers(text: &str) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
            let n = text.parse()?;
            Ok(vec![n; 2].into_iter().collect())
        }
        #[cfg_attr($on, task)]
        pub(super) fn infers_unit(text: &str) -> Result<(), ParseIntError> {
            text.parse::<u8>()?;
            Ok(())
        }
        #[cfg_attr($on, task)]
        pub(super) fn alias(ok: bool) -> Fallible<u8> {
            ensure!(ok, Broken);
            Ok(1)
        }
        #[cfg_attr($on, task)]
        pub(super) fn alias_unit() -> Unit {
            bail!(Broken)
        }
        #[cfg_attr($on, task)]
        pub(super) async fn bails(d: D) -> Fallible<D, Silent> {
            pause().await;
            ensure!(d.0 == "a", Broken);
            Ok(d)
        }
        #[cfg_attr($on, task)]
        pub(super) fn option(a: Option<u8>) -> Option<u8> {
            let a = a?;
            Some(a + 1)
        }
        #[cfg_attr($on, task)]
        pub(super) fn nested_results(n: u8) -> Result<Result<u8, Silent>, Broken> {
            match n {
                0 => Err(Broken),
                1 => Ok(Err(Silent)),
                n => Ok(Ok(n)),
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn option_of_result() -> Option<Result<u8, Broken>> {
            Some(Err(Broken))
        }
        #[cfg_attr($on, task)]
        pub(super) async fn result_of_option(text: &str) -> Result<Option<u8>, ParseIntError> {
            let Some(rest) = text.strip_prefix('=') else { return Ok(None) };
            rest.parse().map(Some)
        }
        #[cfg_attr($on, task)]
        pub(super) fn never_fails() -> Result<u8, Infallible> {
            Ok(1)
        }
        #[cfg_attr($on, task)]
        pub(super) fn error_is_a_reference(errors: &[Broken]) -> Result<(), &Broken> {
            errors.first().map_or(Ok(()), Err)
        }
        #[cfg_attr($on, task)]
        pub(super) fn error_is_text(n: u8) -> Result<u8, String> {
            if n == 0 {
                Err("zero".to_owned())?
            }
            Ok(n)
        }
        #[cfg_attr($on, task)]
        pub(super) fn breaks(n: u8) -> ControlFlow<u8, D> {
            if n == 0 {
                ControlFlow::Break(n)?
            }
            ControlFlow::Continue(D("d"))
        }
        #[cfg_attr($on, task)]
        pub(super) fn ready(n: u8) -> Poll<Result<u8, Broken>> {
            Poll::Ready(Ok(Poll::Ready(Ok::<_, Broken>(n))?.is_ready().into()))
        }
        #[cfg_attr($on, task)]
        pub(super) fn returns_early(a: D, b: D) -> Option<D> {
            if a.0 == "a" {
                return Some(b);
            }
            None
        }
        #[cfg_attr($on, task)]
        pub(super) fn returns_in_a_condition(n: u8) -> u8 {
            if (if n == 0 { return 10 } else { n }) > 1 { 20 } else { 30 }
        }
        #[cfg_attr($on, task)]
        #[allow(unreachable_code, clippy::diverging_sub_expression)]
        pub(super) fn returns_in_an_argument(d: D) -> u8 {
            fn never(_: D, _: u8) -> u8 {
                0
            }
            never(D("temporary"), return d.0.len() as u8)
        }
        #[cfg_attr($on, task)]
        pub(super) fn returns_in_a_match(n: u8) -> u8 {
            let n = match n {
                0 => return 100,
                1 => {
                    let _d = D("in the arm");
                    return 101;
                }
                n => n,
            };
            n + 1
        }
        #[cfg_attr($on, task)]
        pub(super) async fn returns_from_a_loop(n: u8) -> u8 {
            for i in 0.. {
                let _d = D("turn");
                pause().await;
                if i == n {
                    return i;
                }
            }
            unreachable!()
        }
        #[cfg_attr($on, task)]
        pub(super) fn returns_nothing(n: u8) {
            if n == 0 {
                return;
            }
            log("more");
        }
        #[cfg_attr($on, task)]
        pub(super) fn ends_with_return(n: u8) -> u8 {
            return n;
        }
        #[cfg_attr($on, task)]
        pub(super) fn let_else(a: Option<D>) -> D {
            let Some(a) = a else {
                return D("else");
            };
            a
        }
        #[cfg_attr($on, task)]
        pub(super) fn labels(one: u8, two: u8) -> u8 {
            'outer: for i in 0..two {
                loop {
                    if i == one {
                        break 'outer;
                    }
                    continue 'outer;
                }
            }
            one + two
        }
        #[cfg_attr($on, task)]
        pub(super) async fn labelled_block(n: u8) -> u8 {
            let n = 'block: {
                let _d = D("in the block");
                if n == 0 {
                    break 'block 10;
                }
                pause().await;
                n
            };
            n + 1
        }
        #[cfg_attr($on, task)]
        pub(super) fn breaks_with_a_value() -> u8 {
            let mut n = 0;
            loop {
                n += 1;
                if n == 3 {
                    break n;
                }
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn while_let(mut items: Vec<D>) -> Option<D> {
            while let Some(item) = items.pop() {
                if item.0 == "b" {
                    return Some(item);
                }
            }
            None
        }
        #[cfg_attr($on, task)]
        pub(super) fn closures_return() -> Result<u8, Broken> {
            let own = |n: u8| {
                if n == 0 {
                    return 1;
                }
                n
            };
            let asks = |ok: bool| -> Result<u8, Silent> { if ok { Ok(1) } else { Err(Broken)? } };
            Ok(own(0) + asks(true).unwrap_or(5) + asks(false).unwrap_or(5))
        }
        #[cfg_attr($on, task)]
        pub(super) async fn blocks_return(d: D) -> Result<usize, Broken> {
            let failed: Result<u8, Silent> = async {
                pause().await;
                Err(Broken)?;
                Ok(1)
            }
            .await;
            let n = async move {
                if failed.is_err() {
                    return d.0.len();
                }
                0
            };
            Ok(n.await)
        }
        #[cfg_attr($on, task)]
        pub(super) fn diverges_at_its_end(n: u8) -> u8 {
            loop {
                if n > 0 {
                    return n;
                }
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn panics(_d: D) {
            let _local = D("local");
            panic!("on purpose")
        }
        #[cfg_attr($on, task)]
        pub(super) fn panics_with_a_type(d: D) -> Result<u8, Broken> {
            let n = 3;
            panic!("{} {n}", d.0)
        }
        #[cfg_attr($on, task)]
        pub(super) async fn panics_later((a, _): (D, D)) -> D {
            pause().await;
            assert_eq!(a.0, "other", "it is not");
            a
        }
        #[cfg_attr($on, workflow)]
        pub(super) async fn around_a_panic() -> D {
            panics_later(pair("a", "b")).await
        }
        #[cfg_attr($on, workflow)]
        pub(super) fn catches() -> bool {
            std::panic::catch_unwind(|| panics(D("a"))).is_err()
        }
        #[cfg_attr($on, task)]
        pub(super) fn not_yet() -> impl Iterator<Item = u8> {
            if true {
                todo!("later");
            }
            std::iter::empty()
        }
        #[cfg_attr($on, task)]
        pub(super) fn const_block() -> usize {
            const { 3 + 4 }
        }
        #[cfg_attr($on, task)]
        pub(super) fn unsafe_tail(n: &u8) -> u8 {
            // SAFETY: a reference.
            unsafe { *(&raw const *n) }
        }
        #[cfg_attr($on, task)]
        pub(super) fn statement_tail(n: &mut u8) {
            if *n == 0 { *n = 1 } else { *n = 2 }
        }
        #[cfg_attr($on, task)]
        pub(super) fn bare_block() -> D {
            {
                let _inner = D("inner");
            }
            { D("outer") }
        }
    };
}
twice!(items);

shapes! {
    fails: finish(fails()) => "fails !Broken";
    fails_silently: fails_silently() => "fails_silently !Silent";
    converts: converts() => "converts !Silent";
    passes_on: finish(passes_on(D("a"))) => "workflow:passes_on !Broken(fails !Broken)";
    recovers: finish(recovers()) => "workflow:recovers(fails !Broken)";
    infers: finish(infers("3")).ok() => "infers";
    infers_and_fails: finish(infers("x")).ok() => "infers !Box<dyn Error + Send + Sync>";
    infers_unit: (infers_unit("3"), infers_unit("x").is_err()) => "infers_unit, infers_unit !ParseIntError";
    alias: alias(true).is_ok() && alias(false).is_err() => "alias, alias !Broken";
    alias_unit: alias_unit() => "alias_unit !Broken";
    bails: (finish(bails(D("a"))), finish(bails(D("b")))) => "bails, bails !Silent";
    option: (option(Some(1)), option(None)) => "option, option";
    nested_results: [0, 1, 2].map(nested_results) => "nested_results !Broken, nested_results, nested_results";
    option_of_result: option_of_result() => "option_of_result";
    result_of_option: ["=1", "=x", "x"].map(|text| finish(result_of_option(text)))
        => "result_of_option, result_of_option !ParseIntError, result_of_option";
    never_fails: never_fails() => "never_fails";
    error_is_a_reference: format!("{:?}", error_is_a_reference(&[Broken])) => "error_is_a_reference !&Broken";
    error_is_text: error_is_text(0) => "error_is_text !String";
    breaks: (breaks(0), breaks(1)) => "breaks, breaks";
    ready: ready(1) => "ready";
    returns_early: (returns_early(D("a"), D("b")), returns_early(D("c"), D("d")))
        => "returns_early, returns_early";
    returns_in_a_condition: [0, 1, 2].map(returns_in_a_condition)
        => "returns_in_a_condition, returns_in_a_condition, returns_in_a_condition";
    returns_in_an_argument: returns_in_an_argument(D("abc")) => "returns_in_an_argument";
    returns_in_a_match: [0, 1].map(returns_in_a_match) => "returns_in_a_match, returns_in_a_match";
    returns_from_a_loop: fates(|| returns_from_a_loop(2))
        => "returns_from_a_loop cancelled, returns_from_a_loop";
    returns_nothing: returns_nothing(0) => "returns_nothing";
    ends_with_return: ends_with_return(1) => "ends_with_return";
    let_else: (let_else(None), let_else(Some(D("a")))) => "let_else, let_else";
    labels: labels(1, 2) => "labels";
    labelled_block: (finish(labelled_block(0)), fates(|| labelled_block(1)))
        => "labelled_block, labelled_block cancelled, labelled_block";
    breaks_with_a_value: breaks_with_a_value() => "breaks_with_a_value";
    while_let: while_let(vec![D("a"), D("b"), D("c")]) => "while_let";
    closures_return: closures_return() => "closures_return";
    blocks_return: fates(|| blocks_return(D("abc"))) => "blocks_return cancelled, blocks_return";
    diverges_at_its_end: diverges_at_its_end(1) => "diverges_at_its_end";
    panics: panics(D("a")) => "panics !panic";
    panics_with_a_type: panics_with_a_type(D("a")) => "panics_with_a_type !panic";
    panics_later: finish(panics_later(pair("a", "b"))) => "panics_later !panic";
    around_a_panic: finish(around_a_panic()) => "workflow:around_a_panic !panic(panics_later !panic)";
    catches: catches() => "workflow:catches(panics !panic)";
    not_yet: not_yet().count() => "not_yet !panic";
    const_block: const_block() => "const_block";
    unsafe_tail: unsafe_tail(&1) => "unsafe_tail";
    statement_tail: { let mut n = 0; statement_tail(&mut n); n } => "statement_tail";
    bare_block: bare_block() => "bare_block";
}
