use std::future::Future;

use llmetry::{agent, task, tool, workflow};

#[task]
#[must_use]
pub const fn constant() -> u8 {
    1
}

#[workflow]
const unsafe extern "C" fn constant_too() -> u8 {
    1
}

trait Trait {
    #[agent]
    fn bodiless(&self);

    #[agent(nmae = "and the argument too")]
    async fn bodiless_async(&self) -> u8;

    fn required(&self);
}

struct S;

impl Trait for S {
    fn bodiless(&self) {}

    async fn bodiless_async(&self) -> u8 {
        1
    }

    #[tool(name = "fine")]
    fn required(&self) {}
}

unsafe extern "C" {
    #[tool]
    fn foreign();
}

#[task(name = "", skip(b), capture(x, input, output), unknown)]
const fn several(a: u8) -> impl Future<Output = u8> {
    std::future::ready(a)
}

fn main() {
    // The functions are there all the same.
    const ONE: u8 = constant();
    S.bodiless();
    S.required();
    drop(S.bodiless_async());
    unsafe {
        constant_too();
        foreign();
    }
    drop(several(ONE));
}
