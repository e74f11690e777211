//! Methods: every type of `self`, `Self` in signature and body, implementations of traits of the standard library.

use std::fmt;
use std::future::Future;
use std::ops::{Add, Deref, Index};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};

use llmetry::{agent, task, tool};

use crate::support::*;

macro_rules! items {
    ($on:meta) => {
        #[derive(Debug)]
        pub(super) struct S(pub(super) u8, pub(super) D);

        impl S {
            const STEP: u8 = 2;

            #[cfg_attr($on, task)]
            pub(super) fn new(n: u8) -> Self {
                Self(n, D("self"))
            }
            #[cfg_attr($on, task)]
            pub(super) fn by_value(self) -> u8 {
                self.0
            }
            #[cfg_attr($on, task)]
            pub(super) async fn by_value_async(mut self, other: D) -> Self {
                pause().await;
                self.0 += Self::STEP;
                self.1 = other;
                self
            }
            #[cfg_attr($on, task)]
            pub(super) fn by_ref(&self) -> &D {
                &self.1
            }
            #[cfg_attr($on, task)]
            pub(super) async fn by_ref_async(&self) -> &str {
                pause().await;
                self.by_ref().0
            }
            #[cfg_attr($on, task)]
            pub(super) fn by_mut(&mut self) -> &mut Self {
                self.0 += 1;
                self
            }
            #[cfg_attr($on, agent)]
            pub(super) async fn by_mut_async(&mut self, by: u8) -> &mut u8 {
                pause().await;
                self.0 += by;
                &mut self.0
            }
            #[cfg_attr($on, task)]
            pub(super) fn by_rc(self: Rc<Self>) -> usize {
                Rc::strong_count(&self)
            }
            #[cfg_attr($on, task)]
            pub(super) async fn by_arc(self: Arc<Self>) -> usize {
                pause().await;
                Arc::strong_count(&self)
            }
            #[cfg_attr($on, task)]
            pub(super) fn by_pin(mut self: Pin<&mut Self>) -> u8 {
                self.as_mut().0 += 1;
                self.0
            }
            #[cfg_attr($on, task)]
            pub(super) async fn by_pin_async(self: Pin<&mut Self>) -> u8 {
                pause().await;
                self.get_mut().by_mut().0
            }
            #[cfg_attr($on, task)]
            pub(super) async fn by_pinned_box(self: Pin<Box<Self>>) -> u8 {
                pause().await;
                self.0
            }
            #[cfg_attr($on, task)]
            pub(super) fn by_ref_arc(self: &Arc<Self>) -> Arc<Self> {
                Arc::clone(self)
            }
            #[cfg_attr($on, task)]
            pub(super) async fn by_mut_box(self: &mut Box<Self>) -> u8 {
                pause().await;
                self.0 += 1;
                self.0
            }
            #[cfg_attr($on, task)]
            pub(super) fn with_a_lifetime<'a, 'b>(self: &'a Self, _other: &'b Self) -> &'a u8 {
                &self.0
            }
            #[cfg_attr($on, task)]
            pub(super) fn named_lifetime<'a>(&'a mut self, name: &'a str) -> (&'a mut u8, &'a str) {
                (&mut self.0, name)
            }
            #[cfg_attr($on, task)]
            pub(super) fn self_everywhere(&self, other: Option<&Self>) -> Result<Self, Self> {
                let Self(a, _) = self;
                match other {
                    Some(Self(b, ..)) => Ok(Self(a + b, D("new"))),
                    None => Err(Self::new(Self::STEP)),
                }
            }
            #[cfg_attr($on, task)]
            pub(super) fn closures_borrow_self(&mut self) -> u8 {
                let mut step = |by| {
                    if by == 0 {
                        return;
                    }
                    self.0 += by;
                };
                step(0);
                step(1);
                self.0
            }
            #[cfg_attr($on, task)]
            pub(super) fn iterates(&self) -> impl Iterator<Item = u8> + '_ {
                (0..2).map(move |n| n + self.0)
            }
            #[cfg_attr($on, task)]
            pub(super) async fn generic<T: Into<u8>, const N: usize>(&self, items: [T; N], _: D) -> u8 {
                pause().await;
                items.into_iter().map(Into::into).sum::<u8>() + self.0
            }
            #[cfg_attr($on, task)]
            async fn private(&self) -> u8 {
                self.0
            }
            #[cfg_attr($on, task)]
            pub(super) async fn calls_private(&self) -> u8 {
                self.private().await + Self::private(self).await
            }
            #[cfg_attr($on, task)]
            pub(super) async fn by_self_and_patterns(self, (a, _): (D, D), _: D) -> D {
                pause().await;
                log(self.1.0);
                a
            }
        }

        impl Drop for S {
            #[cfg_attr($on, tool)]
            fn drop(&mut self) {
                log("drop of S");
            }
        }

        impl Default for S {
            #[cfg_attr($on, task)]
            fn default() -> Self {
                Self::new(9)
            }
        }

        impl Deref for S {
            type Target = u8;
            #[cfg_attr($on, task)]
            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        impl Index<usize> for S {
            type Output = D;
            #[cfg_attr($on, task)]
            fn index(&self, _: usize) -> &D {
                &self.1
            }
        }

        impl Add<&S> for u8 {
            type Output = u8;
            #[cfg_attr($on, task)]
            fn add(self, other: &S) -> u8 {
                self + other.0
            }
        }

        impl From<u8> for S {
            #[cfg_attr($on, task)]
            fn from(n: u8) -> Self {
                Self(n, D("from"))
            }
        }

        impl FromStr for S {
            type Err = std::num::ParseIntError;
            #[cfg_attr($on, task)]
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(text.parse::<u8>()?.into())
            }
        }

        impl PartialEq for S {
            #[cfg_attr($on, task)]
            fn eq(&self, Self(other, _): &Self) -> bool {
                self.0 == *other
            }
        }

        impl fmt::Display for S {
            #[cfg_attr($on, task)]
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)?;
                f.write_str(".")
            }
        }

        pub(super) struct Down(pub(super) u8);

        impl Iterator for Down {
            type Item = u8;
            #[cfg_attr($on, task)]
            fn next(&mut self) -> Option<Self::Item> {
                self.0 = self.0.checked_sub(1)?;
                Some(self.0)
            }
        }

        impl Future for Down {
            type Output = &'static str;
            #[cfg_attr($on, task)]
            fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
                match Iterator::next(&mut *self) {
                    Some(_) => Poll::Pending,
                    None => Poll::Ready("down"),
                }
            }
        }

        #[derive(Debug)]
        pub(super) enum E {
            A { n: u8 },
            B(D),
        }

        impl E {
            #[cfg_attr($on, task)]
            pub(super) fn by_box(self: Box<Self>) -> Option<D> {
                if let Self::B(d) = *self { Some(d) } else { None }
            }
            #[cfg_attr($on, task)]
            pub(super) async fn by_box_async(self: Box<Self>, _: D) -> Option<D> {
                pause().await;
                self.by_box()
            }
            #[cfg_attr($on, task)]
            pub(super) async fn turn(self) -> Self {
                pause().await;
                match self {
                    Self::A { n } => Self::B(D(if n == 0 { "zero" } else { "more" })),
                    Self::B(_) => Self::A { n: 1 },
                }
            }
        }
    };
}
twice!(items);

shapes! {
    associated: S::new(1) => "new, tool:drop";
    by_value: S(1, D("d")).by_value() => "by_value, tool:drop";
    by_value_async: fates(|| S(1, D("d")).by_value_async(D("other")))
        => "tool:drop, by_value_async cancelled(tool:drop), by_value_async, tool:drop";
    by_ref: S(1, D("d")).by_ref().0 => "by_ref, tool:drop";
    by_ref_async: finish(S(1, D("d")).by_ref_async()).len() => "by_ref_async(by_ref), tool:drop";
    by_mut: S(1, D("d")).by_mut().by_mut().0 => "by_mut, by_mut, tool:drop";
    by_mut_async: { let mut s = S(1, D("d")); *finish(s.by_mut_async(2)) += 1; s.0 }
        => "agent:by_mut_async, tool:drop";
    by_pin: pin!(S(1, D("d"))).as_mut().by_pin() => "by_pin, tool:drop";
    by_pin_async: finish(pin!(S(1, D("d"))).as_mut().by_pin_async()) => "by_pin_async(by_mut), tool:drop";
    by_pinned_box: fates(|| Box::pin(S(1, D("d"))).by_pinned_box())
        => "tool:drop, by_pinned_box cancelled(tool:drop), by_pinned_box(tool:drop)";
    by_rc: { let s = Rc::new(S(1, D("d"))); s.clone().by_rc() } => "by_rc, tool:drop";
    by_arc: { let s = Arc::new(S(1, D("d"))); finish(Arc::clone(&s).by_arc()) } => "by_arc, tool:drop";
    by_ref_arc: { let s = Arc::new(S(1, D("d"))); Arc::strong_count(&s.by_ref_arc()) }
        => "by_ref_arc, tool:drop";
    by_mut_box: { let mut s = Box::new(S(1, D("d"))); finish(s.by_mut_box()) } => "by_mut_box, tool:drop";
    with_a_lifetime: *S(1, D("a")).with_a_lifetime(&S(2, D("b"))) => "with_a_lifetime, tool:drop, tool:drop";
    named_lifetime: { let mut s = S(1, D("d")); *s.named_lifetime("x").0 += 1; s.0 }
        => "named_lifetime, tool:drop";
    self_everywhere: S(1, D("a")).self_everywhere(Some(&S(2, D("b")))).map_err(|s| s.0)
        => "self_everywhere, tool:drop, tool:drop, tool:drop";
    self_everywhere_fails: S(1, D("a")).self_everywhere(None).map_err(|s| s.0)
        => "self_everywhere !S(new), tool:drop, tool:drop";
    closures_borrow_self: S(1, D("d")).closures_borrow_self() => "closures_borrow_self, tool:drop";
    iterates: S(1, D("d")).iterates().collect::<Vec<_>>() => "iterates, tool:drop";
    generic: finish(S(1, D("d")).generic([2, 3], D("other"))) => "generic, tool:drop";
    calls_private: finish(S(1, D("d")).calls_private()) => "calls_private(private, private), tool:drop";
    by_self_and_patterns: fates(|| S(1, D("d")).by_self_and_patterns(pair("a", "b"), D("c")))
        => "tool:drop, by_self_and_patterns cancelled(tool:drop), by_self_and_patterns(tool:drop)";
    default: S::default().0 => "default(new), tool:drop";
    deref: *S(1, D("d")) => "deref, tool:drop";
    index: S(1, D("d"))[0].0 => "index, tool:drop";
    add: 1 + &S(1, D("d")) => "add, tool:drop";
    from: S::from(1).0 => "from, tool:drop";
    from_str: ("1".parse::<S>().map(|s| s.0), "x".parse::<S>().is_err())
        => "from_str(from), tool:drop, from_str !ParseIntError";
    eq: S(1, D("a")) == S(1, D("b")) => "eq, tool:drop, tool:drop";
    display: S(1, D("d")).to_string() => "fmt, tool:drop";
    iterator: Down(2).collect::<Vec<_>>() => "next, next, next";
    future_by_hand: finish(Down(1)) => "poll(next), poll(next)";
    by_a_variant: (fates(|| E::A { n: 0 }.turn()), finish(E::B(D("b")).turn()))
        => "turn cancelled, turn, turn";
    by_box: Box::new(E::B(D("b"))).by_box() => "by_box";
    by_box_async: fates(|| Box::new(E::B(D("b"))).by_box_async(D("c")))
        => "by_box_async cancelled, by_box_async(by_box)";
    as_a_path: [S(1, D("a")), S(2, D("b"))].map(S::by_value) => "by_value, tool:drop, by_value, tool:drop";
}
