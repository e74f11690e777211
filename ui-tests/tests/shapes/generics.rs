//! Generic functions: bounds of every form, names that the generated code might have taken, types known only by inference.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt::{Debug, Display};
use std::future::Future;
use std::hash::Hash;
use std::marker::PhantomData;

use llmetry::task;

use crate::support::*;

macro_rules! items {
    ($on:meta) => {
        #[cfg_attr($on, task)]
        pub(super) fn any<T>(item: T) -> T {
            item
        }
        #[cfg_attr($on, task)]
        pub(super) async fn any_async<T>(item: T, _: T) -> T {
            pause().await;
            item
        }
        #[cfg_attr($on, task)]
        pub(super) async fn arrays<T, const N: usize>(items: [T; N]) -> String
        where
            T: Debug + Send,
        {
            pause().await;
            format!("{N} {items:?}")
        }
        #[cfg_attr($on, task)]
        pub(super) fn const_by_turbofish<const N: usize, const B: bool>() -> [bool; N] {
            [B; N]
        }
        #[cfg_attr($on, task)]
        pub(super) fn unsized_by_ref<T: ?Sized + ToString>(item: &T) -> String {
            item.to_string()
        }
        #[cfg_attr($on, task)]
        pub(super) fn where_clauses<K, V>(items: impl IntoIterator<Item = (K, V)>) -> HashMap<K, Vec<V>>
        where
            K: Eq + Hash,
            for<'a> &'a V: PartialEq,
            Vec<V>: Debug,
        {
            let mut map = HashMap::<K, Vec<V>>::new();
            for (key, value) in items {
                let entry = map.entry(key).or_default();
                if !entry.iter().any(|other| other == &value) {
                    entry.push(value);
                }
            }
            map
        }
        #[cfg_attr($on, task)]
        pub(super) fn higher_ranked_where<F>(f: F, texts: &[String]) -> Vec<usize>
        where
            F: for<'a> Fn(&'a str) -> Box<dyn Iterator<Item = &'a str> + 'a>,
        {
            texts.iter().map(|text| f(text).count()).collect()
        }
        #[cfg_attr($on, task)]
        pub(super) fn references_iterate<C>(items: &C) -> usize
        where
            for<'a> &'a C: IntoIterator,
        {
            items.into_iter().count()
        }
        #[cfg_attr($on, task)]
        pub(super) fn outlives<'a, T: 'a + Debug>(item: &'a T) -> Box<dyn Debug + 'a> {
            Box::new(item)
        }
        #[cfg_attr($on, task)]
        pub(super) fn projected<I>(items: I) -> Option<I::Item>
        where
            I: IntoIterator,
            <I as IntoIterator>::Item: Clone,
        {
            items.into_iter().last()
        }
        #[cfg_attr($on, task)]
        pub(super) fn our_names<R, F, O, E, S>(open: F, result: E, site: S) -> Result<R, E>
        where
            F: FnOnce(S) -> O,
            O: Into<Option<R>>,
        {
            open(site).into().ok_or(result)
        }
        #[cfg_attr($on, task)]
        pub(super) async fn awaits<Open: Future>(future: Open) -> Open::Output {
            future.await
        }
        #[cfg_attr($on, task)]
        pub(super) async fn awaits_result<T, E: Into<Silent>>(
            future: impl Future<Output = Result<T, E>>,
        ) -> Result<T, Silent> {
            future.await.map_err(Into::into)
        }
        #[cfg_attr($on, task)]
        pub(super) fn generic_error<E>(error: E) -> Result<u8, E> {
            Err(error)
        }
        #[cfg_attr($on, task)]
        pub(super) fn printable_error<E: Display>(error: E) -> Result<u8, E> {
            Err(error)
        }
        #[cfg_attr($on, task)]
        pub(super) fn generic_result<T: Default, E>() -> Result<T, E> {
            Ok(T::default())
        }
        #[cfg_attr($on, task)]
        pub(super) fn default_type<T: Default + 'static>() -> (TypeId, T) {
            (TypeId::of::<T>(), T::default())
        }
        #[cfg_attr($on, task)]
        pub(super) fn downcasts<T: Any>(item: Box<dyn Any>) -> Option<Box<T>> {
            item.downcast().ok()
        }
        #[cfg_attr($on, task)]
        pub(super) fn recursive<T: Debug + Clone>(item: T, depth: u8) -> usize {
            if depth == 0 { format!("{item:?}").len() } else { recursive(item.clone(), depth - 1) + 1 }
        }
        #[cfg_attr($on, task)]
        pub(super) fn composed<A, B, C>(f: impl Fn(A) -> B, g: impl Fn(B) -> C) -> impl Fn(A) -> C {
            move |a| g(f(a))
        }
        #[cfg_attr($on, task)]
        pub(super) fn collects<B: FromIterator<u8>>(items: &[u8]) -> B {
            items.iter().copied().collect()
        }

        #[derive(Clone, Copy)]
        pub(super) struct Of<'a, T, U = u8>(pub(super) &'a [T], pub(super) PhantomData<U>);

        impl<'a, T: Clone + 'a, U> Of<'a, T, U> {
            #[cfg_attr($on, task)]
            pub(super) fn first(&self) -> Option<&'a T> {
                self.0.first()
            }
            #[cfg_attr($on, task)]
            pub(super) async fn all<const N: usize>(&self, more: [T; N]) -> Vec<T>
            where
                T: Send,
            {
                pause().await;
                self.0.iter().cloned().chain(more).collect()
            }
            #[cfg_attr($on, task)]
            pub(super) fn map<V, F>(self, f: F) -> impl Iterator<Item = V> + use<'a, T, U, V, F>
            where
                F: Fn(&'a T) -> V,
            {
                self.0.iter().map(f)
            }
        }

        impl<const N: usize> Of<'_, [u8; N]> {
            #[cfg_attr($on, task)]
            pub(super) async fn inherent_for_some(self, d: D) -> (usize, D) {
                pause().await;
                (N + self.0.len(), d)
            }
        }
    };
}
twice!(items);

shapes! {
    any: (any(1), any("a"), any(D("d"))) => "any, any, any";
    any_async: fates(|| any_async(D("a"), D("b"))) => "any_async cancelled, any_async";
    any_function: any(str::len)("abc") => "any";
    arrays: finish(arrays([Some(1), None])) => "arrays";
    const_by_turbofish: const_by_turbofish::<3, true>() => "const_by_turbofish";
    unsized_by_ref: unsized_by_ref("a") + &unsized_by_ref(&1) => "unsized_by_ref, unsized_by_ref";
    where_clauses: where_clauses([(1, "a"), (1, "b"), (1, "a")]) => "where_clauses";
    higher_ranked_where: higher_ranked_where(|text| Box::new(text.split(' ')), &["a b".to_owned()])
        => "higher_ranked_where";
    references_iterate: references_iterate(&vec![1, 2]) => "references_iterate";
    outlives: format!("{:?}", outlives(&D("d"))) => "outlives";
    projected: projected(vec!["a", "b"]) => "projected";
    our_names: our_names::<u8, _, _, _, _>(Some, Broken, 1).is_ok() => "our_names";
    our_names_fail: our_names::<u8, _, _, _, _>(|_: u8| None::<u8>, Broken, 1) => "our_names !Broken";
    awaits: fates(|| awaits(any_async(D("a"), D("b"))))
        => "awaits cancelled(any_async cancelled), awaits(any_async)";
    awaits_result: finish(awaits_result(async { pause().await; Err::<u8, _>(Broken) }))
        => "awaits_result !Silent";
    generic_error: (generic_error(Silent).is_err(), generic_error(Broken).is_err())
        => "generic_error !Silent, generic_error !Broken";
    printable_error: printable_error("text") => "printable_error !&str";
    generic_result: generic_result::<u8, Silent>().ok() => "generic_result";
    default_type: default_type::<String>().1 => "default_type";
    downcasts: downcasts::<D>(Box::new(D("d"))) => "downcasts";
    downcasts_to_another: downcasts::<u8>(Box::new(D("d"))) => "downcasts";
    recursive: recursive("a", 2) => "recursive(recursive(recursive))";
    composed: composed(|n: u8| n + 1, |n| n.to_string())(1) => "composed";
    collects: (collects::<Vec<_>>(&[1]), collects::<std::collections::BTreeSet<_>>(&[2]))
        => "collects, collects";
    first: Of::<_>(&[1, 2], PhantomData).first() => "first";
    all: finish(Of::<_>(&[1, 2], PhantomData).all([3])) => "all";
    map: Of::<_>(&[1, 2], PhantomData).map(|n| n + 1).collect::<Vec<i32>>() => "map";
    inherent_for_some: fates(|| Of(&[[1, 2]], PhantomData).inherent_for_some(D("d")))
        => "inherent_for_some cancelled, inherent_for_some";
}
