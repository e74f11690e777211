use std::future::{Future, Ready};
use std::pin::Pin;

use llmetry::task;

type Later = Pin<Box<dyn Future<Output = ()>>>;

#[task]
fn boxed() -> Later {
    Box::pin(async {})
}

#[task]
fn named() -> Ready<u8> {
    std::future::ready(1)
}

fn main() {}
