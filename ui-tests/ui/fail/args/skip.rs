use llmetry::task;

#[task(skip(agument))]
fn nearest(argument: u8) {}

#[task(skip(self))]
fn free() {}

#[task(skip())]
fn empty() {}

#[task(skip(a, a))]
fn twice(a: u8) {}

#[task(skip_all, skip(a))]
fn both(a: u8) {}

#[task(skip(1))]
fn number(a: u8) {}

#[task(skip(x, d))]
fn pattern((a, b): (u8, u8), c: u8) {}

struct S;

impl S {
    #[task(skip(self))]
    fn associated() {}

    #[task(skip(self, others))]
    fn method(&self, other: u8) {}
}

fn main() {
    S::associated();
}
