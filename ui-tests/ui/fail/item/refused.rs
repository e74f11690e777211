use std::future::Future;

use llmetry::task;

#[task]
const fn constant() -> u8 {
    1
}

trait Trait {
    #[task]
    fn bodiless(&self);
}

#[task(name = "", skip(b))]
const fn several(a: u8) -> impl Future<Output = u8> {
    std::future::ready(a)
}

fn main() {
    constant();
    drop(several(1));
}
