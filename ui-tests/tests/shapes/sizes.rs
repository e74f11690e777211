//! How large the futures are: what the attribute adds, in bytes, to one alone and at each level of a nest.

use std::future::Future;

use futures_util::stream::{self, Stream};
use llmetry::task;

use crate::support::*;

/// Of a single future.
const ALONE: usize = 64;
/// Of each level of a nest.
const A_LEVEL: usize = 40;

macro_rules! items {
    ($on:meta) => {
        pub(super) struct Large {
            pub(super) a: [u8; 512],
            pub(super) b: u8,
        }

        #[cfg_attr($on, task)]
        pub(super) async fn nothing() {
            pause().await;
        }
        #[cfg_attr($on, task)]
        pub(super) async fn small(a: u64) -> u64 {
            pause().await;
            a
        }
        #[cfg_attr($on, task)]
        pub(super) async fn large(a: [u8; 512]) -> u8 {
            pause().await;
            a[3]
        }
        #[cfg_attr($on, task)]
        pub(super) async fn large_unused(_: [u8; 512], _a: [u8; 512]) {
            pause().await;
        }
        #[cfg_attr($on, task)]
        pub(super) async fn large_borrowed(a: &[u8; 512]) -> u8 {
            pause().await;
            a[3]
        }
        #[cfg_attr($on, task)]
        pub(super) async fn large_local(a: u8) -> u8 {
            let l = [a; 512];
            pause().await;
            l[3]
        }
        #[cfg_attr($on, task)]
        pub(super) async fn large_result(a: u8) -> [u8; 512] {
            pause().await;
            [a; 512]
        }
        #[cfg_attr($on, task)]
        pub(super) async fn large_error(a: u8) -> Result<u8, [u8; 512]> {
            pause().await;
            Err([a; 512])
        }
        #[cfg_attr($on, task)]
        pub(super) async fn large_tuple((a, b): ([u8; 512], u8)) -> u8 {
            pause().await;
            a[3] + b
        }
        #[cfg_attr($on, task)]
        pub(super) async fn large_tuple_wild((a, _): ([u8; 512], u8)) -> u8 {
            pause().await;
            a[3]
        }
        #[cfg_attr($on, task)]
        pub(super) async fn large_struct(Large { a, b }: Large) -> u8 {
            pause().await;
            a[3] + b
        }
        #[cfg_attr($on, task)]
        pub(super) async fn large_struct_rest(Large { b, .. }: Large) -> u8 {
            pause().await;
            b
        }
        #[cfg_attr($on, task)]
        pub(super) async fn large_after_a_pattern((a, _): (u8, u8), b: [u8; 512]) -> u8 {
            pause().await;
            a + b[3]
        }
        #[cfg_attr($on, task(capture(input, output), fields(my.b = b)))]
        pub(super) async fn large_captured(a: [u8; 512], (b, _): (u8, u8)) -> u8 {
            pause().await;
            a[3] + b
        }
        #[cfg_attr($on, task)]
        pub(super) async fn large_slice([a, ..]: [[u8; 512]; 2]) -> u8 {
            pause().await;
            a[3]
        }
        #[cfg_attr($on, task)]
        pub(super) async fn large_by_ref(ref a: [u8; 512], ref mut b: [u8; 512]) -> u8 {
            pause().await;
            b[3] = a[3];
            b[3]
        }
        #[cfg_attr($on, task)]
        pub(super) async fn large_mutable(mut a: [u8; 512]) -> u8 {
            pause().await;
            a[3] += 1;
            a[3]
        }
        #[cfg_attr($on, task)]
        pub(super) async fn large_moved_in(a: [u8; 512]) -> u8 {
            let own = a;
            pause().await;
            own[3]
        }
        #[cfg_attr($on, task)]
        pub(super) fn block(a: [u8; 512], b: [u8; 512]) -> impl Future<Output = u8> {
            async move {
                pause().await;
                a[3]
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn opaque(a: [u8; 512]) -> impl Future<Output = u8> {
            let b = a[4];
            async move {
                pause().await;
                a[3] + b
            }
        }
        #[cfg_attr($on, task)]
        pub(super) fn items(a: [u8; 512]) -> impl Stream<Item = u8> {
            stream::iter(a)
        }
        #[cfg_attr($on, task)]
        pub(super) async fn later_items(a: [u8; 512]) -> impl Stream<Item = u8> {
            pause().await;
            stream::iter(a)
        }
        #[cfg_attr($on, task)]
        pub(super) async fn level_0(a: u64, b: u64) -> u64 {
            pause().await;
            a + b
        }
        #[cfg_attr($on, task)]
        pub(super) async fn level_1(a: u64, b: u64) -> u64 {
            level_0(a, b).await + a
        }
        #[cfg_attr($on, task)]
        pub(super) async fn level_2(a: u64, b: u64) -> u64 {
            level_1(a, b).await + a
        }
        #[cfg_attr($on, task)]
        pub(super) async fn level_3(a: u64, b: u64) -> u64 {
            level_2(a, b).await + a
        }
        #[cfg_attr($on, task)]
        pub(super) async fn level_4(a: u64, b: u64) -> u64 {
            level_3(a, b).await + a
        }
        #[cfg_attr($on, task)]
        pub(super) async fn fails_0(a: u64) -> Result<u64, Broken> {
            pause().await;
            if a == 0 { Err(Broken) } else { Ok(a) }
        }
        #[cfg_attr($on, task)]
        pub(super) async fn fails_1(a: u64) -> Result<u64, Broken> {
            Ok(fails_0(a).await? + 1)
        }
        #[cfg_attr($on, task)]
        pub(super) async fn fails_2(a: u64) -> Result<u64, Broken> {
            Ok(fails_1(a).await? + 1)
        }
    };
}
twice!(items);

/// What the attribute adds to the future of a call.
macro_rules! growth {
    ($call:expr) => {{
        let bare = {
            use bare::*;
            size_of_val(&$call)
        };
        let traced = {
            use traced::*;
            size_of_val(&$call)
        };
        println!("{}: {bare} + {}", stringify!($call), traced - bare);
        traced - bare
    }};
}

macro_rules! grow_by {
    ($most:expr; $($name:ident: $call:expr;)*) => {
        $(#[test]
        fn $name() {
            assert!(growth!($call) <= $most);
        })*
    };
}

grow_by! {
    ALONE;
    block: block([7; 512], [7; 512]);
    nothing: nothing();
    small: small(1);
    large: large([7; 512]);
    large_unused: large_unused([7; 512], [7; 512]);
    large_borrowed: large_borrowed(&[7; 512]);
    large_local: large_local(1);
    large_result: large_result(1);
    large_error: large_error(1);
    large_tuple: large_tuple(([7; 512], 1));
    large_tuple_wild: large_tuple_wild(([7; 512], 1));
    large_struct: large_struct(Large { a: [7; 512], b: 1 });
    large_struct_rest: large_struct_rest(Large { a: [7; 512], b: 1 });
    large_after_a_pattern: large_after_a_pattern((1, 2), [7; 512]);
    large_slice: large_slice([[7; 512]; 2]);
    large_by_ref: large_by_ref([7; 512], [8; 512]);
    large_mutable: large_mutable([7; 512]);
    opaque: opaque([7; 512]);
    items: items([7; 512]);
    later_items: later_items([7; 512]);
}

// What is borrowed before it moves into the block inside, or moves on inside of it, is stored once more.
grow_by! {
    ALONE + 512;
    large_captured: large_captured([7; 512], (1, 2));
    large_moved_in: large_moved_in([7; 512]);
}

#[test]
fn a_level_adds_little() {
    let levels = [
        growth!(level_0(1, 2)),
        growth!(level_1(1, 2)),
        growth!(level_2(1, 2)),
        growth!(level_3(1, 2)),
        growth!(level_4(1, 2)),
    ];
    assert!(levels.windows(2).skip(1).all(|pair| pair[1] - pair[0] <= A_LEVEL), "{levels:?}");
    let fallible = [growth!(fails_0(1)), growth!(fails_1(1)), growth!(fails_2(1))];
    assert!(fallible.windows(2).skip(1).all(|pair| pair[1] - pair[0] <= A_LEVEL), "{fallible:?}");
}
