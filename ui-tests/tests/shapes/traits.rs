//! Traits of the user's: default methods, associated types, generic ones, implementations for all sorts of types, trait objects.

use std::fmt::Debug;

use llmetry::{agent, task, tool};

use crate::support::*;

macro_rules! items {
    ($on:meta) => {
        #[allow(async_fn_in_trait)]
        pub(super) trait Does {
            const NAME: &'static str = "does";
            type Out: Debug;

            #[cfg_attr($on, tool)]
            fn by_default(&self, n: u8) -> u8 {
                n + self.required()
            }
            #[cfg_attr($on, tool)]
            async fn by_default_async(&mut self, d: D) -> (u8, D)
            where
                Self: Sized,
            {
                pause().await;
                (self.by_default(1), d)
            }
            #[cfg_attr($on, task)]
            fn static_default() -> &'static str
            where
                Self: Sized,
            {
                Self::NAME
            }
            #[cfg_attr($on, task)]
            fn consumes(self: Box<Self>, _: D) -> u8 {
                self.required()
            }
            #[cfg_attr($on, task)]
            fn projected(&self, out: Self::Out) -> Option<Self::Out> {
                Some(out)
            }
            #[cfg_attr($on, task)]
            fn iterates(&self) -> impl Iterator<Item = u8> {
                let n = self.required();
                (0..n).rev()
            }
            fn required(&self) -> u8;
            async fn required_async(&self, d: D) -> Result<Self::Out, Broken>;
        }

        #[derive(Clone, Debug)]
        pub(super) struct S(pub(super) u8);

        impl Does for S {
            type Out = D;
            #[cfg_attr($on, agent)]
            fn required(&self) -> u8 {
                self.0
            }
            #[cfg_attr($on, agent)]
            async fn required_async(&self, d: D) -> Result<D, Broken> {
                pause().await;
                if self.0 == 0 { Err(Broken) } else { Ok(d) }
            }
        }

        impl Does for [u8] {
            const NAME: &'static str = "slice";
            type Out = u8;
            #[cfg_attr($on, task)]
            fn required(&self) -> u8 {
                self[0]
            }
            #[cfg_attr($on, task)]
            async fn required_async(&self, _: D) -> Result<Self::Out, Broken> {
                self.first().copied().ok_or(Broken)
            }
        }

        pub(super) trait Visit<T> {
            fn visit(&mut self, item: T) -> usize;
        }

        impl<F: FnMut(D) -> usize> Visit<D> for F {
            #[cfg_attr($on, task(name = "for functions"))]
            fn visit(&mut self, item: D) -> usize {
                self(item)
            }
        }

        impl<T> Visit<&T> for Vec<T>
        where
            T: Clone,
        {
            #[cfg_attr($on, task(name = "for lists"))]
            fn visit(&mut self, item: &T) -> usize {
                self.push(item.clone());
                self.len()
            }
        }

        pub(super) trait Lend {
            type Item<'a>
            where
                Self: 'a;
            fn lend<'a>(&'a mut self, n: usize) -> Option<Self::Item<'a>>;
        }

        impl Lend for Vec<u8> {
            type Item<'a> = &'a mut [u8];
            #[cfg_attr($on, task)]
            fn lend<'a>(&'a mut self, n: usize) -> Option<Self::Item<'a>> {
                self.get_mut(n..)
            }
        }

        pub(super) trait Blanket: Debug {
            #[cfg_attr($on, task)]
            fn shows(&self) -> String {
                format!("{self:?}")
            }
        }
        impl<T: Debug + ?Sized> Blanket for T {}

        pub(super) trait Super: Blanket {
            #[cfg_attr($on, task)]
            fn shows_twice(&self) -> String {
                self.shows() + &self.shows()
            }
        }
        impl Super for u8 {}

        #[cfg_attr($on, task)]
        pub(super) fn through_an_object(object: &dyn Super) -> String {
            object.shows_twice()
        }
        #[cfg_attr($on, task)]
        pub(super) fn through_a_box(object: Box<dyn Visit<D> + '_>) -> usize {
            let mut object = object;
            object.visit(D("item"))
        }
        #[cfg_attr($on, task)]
        pub(super) async fn through_a_bound<T: Does + ?Sized>(does: &T, d: D) -> Result<T::Out, Broken> {
            does.required_async(d).await
        }
        #[cfg_attr($on, task)]
        pub(super) async fn through_an_impl(mut does: impl Does<Out = D>) -> (u8, D) {
            does.by_default_async(D("d")).await
        }
    };
}
twice!(items);

shapes! {
    by_default: S(1).by_default(2) => "tool:by_default(agent:required)";
    by_default_async: { let s = std::cell::RefCell::new(S(1)); finish(s.borrow_mut().by_default_async(D("d"))) }
        => "tool:by_default_async(tool:by_default(agent:required))";
    static_default: S::static_default() => "static_default";
    consumes: Box::new(S(1)).consumes(D("d")) => "consumes(agent:required)";
    projected: S(1).projected(D("d")) => "projected";
    iterates: S(2).iterates().collect::<Vec<_>>() => "iterates(agent:required)";
    required_async: fates(|| async { S(1).required_async(D("d")).await })
        => "agent:required_async cancelled, agent:required_async";
    required_async_fails: finish(S(0).required_async(D("d"))) => "agent:required_async !Broken";
    for_a_slice: [1, 2].as_slice().by_default(2) => "tool:by_default(required)";
    for_a_slice_async: finish([].as_slice().required_async(D("d"))) => "required_async !Broken";
    for_functions: (|item: D| item.0.len()).visit(D("abc")) => "for functions";
    for_lists: vec![D("a").0].visit(&"b") => "for lists";
    lends: { let mut items = vec![1, 2]; items.lend(1).map(|items| items[0] = 7); items } => "lend";
    blanket: "a".shows() => "shows";
    supertrait: 1_u8.shows_twice() => "shows_twice(shows, shows)";
    through_an_object: through_an_object(&1_u8) => "through_an_object(shows_twice(shows, shows))";
    through_a_box: { let mut n = 0; through_a_box(Box::new(|item: D| { n += 1; item.0.len() + n })) }
        => "through_a_box(for functions)";
    through_a_bound: finish(through_a_bound(&S(0), D("d")))
        => "through_a_bound !Broken(agent:required_async !Broken)";
    through_an_impl: finish(through_an_impl(S(1)))
        => "through_an_impl(tool:by_default_async(tool:by_default(agent:required)))";
    as_a_path: [S(1), S(2)].iter().map(Does::required).sum::<u8>() => "agent:required, agent:required";
}
