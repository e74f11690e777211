//! What the attribute's own expressions do wrong is reported in them.

use llmetry::task;

#[task(fields(a = missing))]
fn unknown(b: u8) {
    drop(b);
}

#[task(fields(a = b.missing(), c = b))]
async fn method(b: u8) -> u8 {
    b
}

#[task(parent = missing)]
fn unknown_parent() {}

#[task(parent = a)]
fn not_a_parent(a: u8) -> String {
    a.to_string()
}

#[task(crate = crate::missing)]
fn unknown_crate() {}

fn main() {}
