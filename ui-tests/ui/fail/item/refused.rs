use std::future::Future;
use std::pin::Pin;

use llmetry::task;

#[task]
const fn constant() -> u8 {
    1
}

trait Trait {
    #[task]
    fn bodiless(&self);
}

#[task]
fn never() -> ! {
    loop {}
}

#[task]
async fn never_async() -> ! {
    loop {}
}

#[task]
fn returns_future() -> impl Future<Output = u8> + Send {
    async { 1 }
}

#[task]
fn returns_boxed() -> Pin<Box<dyn Future<Output = u8> + Send + 'static>> {
    Box::pin(async { 1 })
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[task]
fn returns_alias() -> BoxFuture<'static, u8> {
    Box::pin(async { 1 })
}

trait Stream {}
impl Stream for u8 {}

#[task]
fn returns_stream() -> impl Stream {
    1
}

#[task(name = "", skip(b))]
const fn several(a: u8) -> impl Future<Output = u8> {
    std::future::ready(a)
}

fn main() {
    constant();
    drop((returns_future(), returns_boxed(), returns_alias()));
    returns_stream();
    drop(several(1));
}
