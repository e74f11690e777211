//! The warnings of the bare function, at their places, and no others.
#![deny(warnings)]

use llmetry::task;

struct S {
    x: u8,
    y: u8,
}

#[task]
async fn unused(mut a: u32, b: u8, S { x, y }: S, c: u8, _d: u8) -> u8 {
    let mut z = 1;
    b.max(y);
    b
}

#[task]
fn unused_sync(mut a: u32, b: u8) -> u8 {
    if b == 1 {
        return b;
        drop(b);
    }
    let never_used = b;
    b
}

#[task]
#[must_use]
fn must_use(#[allow(unused_variables)] a: u8) -> u8 {
    1
}

#[task]
fn dead_code() {}

fn main() {
    drop(unused(1, 2, S { x: 1, y: 2 }, 3, 4));
    unused_sync(1, 2);
    must_use(1);
}
