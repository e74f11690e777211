//! Methods that `async_trait` rewrites: the attribute sees a function that returns a boxed future, and treats it as the `async fn` it was.

use std::rc::Rc;

use async_trait::async_trait;
use llmetry::{agent, task, tool, workflow};

use crate::support::*;

macro_rules! items {
    ($on:meta) => {
        #[async_trait]
        pub(super) trait Does: Sync {
            #[cfg_attr($on, tool)]
            async fn by_default(&self, d: D) -> D {
                pause().await;
                self.required(1).await;
                d
            }
            #[cfg_attr($on, task)]
            async fn fails_by_default(&self) -> Result<u8, Broken> {
                let n = self.required(0).await;
                n.checked_sub(1).ok_or(Broken)
            }
            #[cfg_attr($on, task)]
            fn sync_by_default(&self, d: D) -> usize {
                d.0.len()
            }
            async fn required(&self, n: u8) -> u8;
            async fn patterns(&mut self, pair: (D, D), _: D) -> D;
            async fn borrows<'a>(&'a self, text: &'a str, more: &str) -> Result<&'a str, Silent>;
            async fn generic<T: Send + Into<u8>>(&self, item: T) -> u8
            where
                Self: Sized;
            async fn consumes(self: Box<Self>, d: D) -> D;
            async fn without_self() -> u8
            where
                Self: Sized;
            async fn panics(&self, d: D);
        }

        pub(super) struct S(pub(super) u8);

        #[async_trait]
        impl Does for S {
            #[cfg_attr($on, task)]
            async fn required(&self, n: u8) -> u8 {
                pause().await;
                self.0 * n
            }
            #[allow(unused_variables)]
            #[cfg_attr($on, agent(name = "taken apart"))]
            #[inline]
            async fn patterns(&mut self, (a, _): (D, D), _: D) -> D {
                pause().await;
                self.0 += 1;
                a
            }
            #[cfg_attr($on, task(fields(my.len = text.len(), my.own = self.0)))]
            #[cold]
            async fn borrows<'a>(&'a self, text: &'a str, more: &str) -> Result<&'a str, Silent> {
                pause().await;
                if more.is_empty() {
                    Err(Broken)?;
                }
                Ok(&text[1..])
            }
            /// Documented.
            #[cfg_attr($on, task)]
            #[allow(clippy::unused_async)]
            async fn generic<T: Send + Into<u8>>(&self, item: T) -> u8 {
                self.0 + item.into()
            }
            #[cfg_attr($on, task)]
            async fn consumes(self: Box<Self>, d: D) -> D {
                pause().await;
                d
            }
            #[cfg_attr($on, task(version = 3))]
            async fn without_self() -> u8 {
                pause().await;
                7
            }
            #[cfg_attr($on, task)]
            async fn panics(&self, d: D) {
                pause().await;
                panic!("{}", d.0);
            }
        }

        #[async_trait(?Send)]
        pub(super) trait Local<T> {
            async fn local(&self, item: Rc<T>) -> Rc<T>;
        }
        #[async_trait(?Send)]
        impl<T: 'static> Local<T> for S {
            #[cfg_attr($on, task)]
            async fn local(&self, item: Rc<T>) -> Rc<T> {
                pause().await;
                item
            }
        }

        #[cfg_attr($on, workflow)]
        pub(super) async fn through_an_object(object: &dyn Whole, d: D) -> D {
            object.whole(d).await
        }
        #[async_trait]
        pub(super) trait Whole: Send + Sync {
            #[cfg_attr($on, tool(skip(d)))]
            async fn whole(&self, d: D) -> D {
                pause().await;
                d
            }
        }
        #[async_trait]
        impl Whole for u8 {}
    };
}
twice!(items);

shapes! {
    by_default: fates(|| async { S(1).by_default(D("d")).await })
        => "tool:by_default cancelled, tool:by_default(required)";
    fails_by_default: finish(S(1).fails_by_default()) => "fails_by_default !Broken(required)";
    sync_by_default: S(1).sync_by_default(D("d")) => "sync_by_default";
    required: finish(S(2).required(3)) => "required";
    never_polled: drop(S(2).required(3)) => "";
    patterns: fates(|| async { S(1).patterns(pair("a", "b"), D("c")).await })
        => "agent:taken apart cancelled, agent:taken apart";
    borrows: finish(S(1).borrows("abc", "d")).map(str::len) => "borrows {len=3, own=1}";
    borrows_and_fails: finish(S(1).borrows("abc", "")).map(str::len) => "borrows {len=3, own=1} !Silent";
    generic: finish(S(1).generic(2)) => "generic";
    consumes: fates(|| Box::new(S(1)).consumes(D("d"))) => "consumes cancelled, consumes";
    without_self: finish(S::without_self()) => "without_self v3";
    panics: finish(S(1).panics(D("d"))) => "panics !panic";
    local: finish(S(1).local(Rc::new(1))) => "local";
    through_an_object: fates(|| through_an_object(&1_u8, D("d")))
        => "workflow:through_an_object cancelled(tool:whole cancelled), workflow:through_an_object(tool:whole)";
}
