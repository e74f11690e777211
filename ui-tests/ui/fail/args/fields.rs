use llmetry::task;

#[task(fields())]
fn empty() {}

#[task(fields(a.b = 1, "a.b" = 2))]
fn twice() {}

#[task(fields(a))]
fn shorthand(a: u8) {}

#[task(fields(a = ))]
fn no_value() {}

#[task(fields("" = 1))]
fn empty_key() {}

#[task(fields(1 = 1))]
fn number() {}

#[task(fields(a = 1 b = 2))]
fn no_comma() {}

#[task(fields(a = (1 + )))]
fn half_typed() {}

#[task(fields(a = , b, 1, c = 1 d = (2 +), "c" = 3))]
fn several() {}

fn main() {}
