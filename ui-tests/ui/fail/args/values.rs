#![allow(unused_variables)]

use llmetry::task;

const NAME: &str = "x";

#[task(name = NAME, version = -1, err = "no", crate = "llmetry")]
fn wrong_types() {}

#[task(name = "", version = 1i32)]
fn wrong_values() {}

#[task(name = " ", version = 99999999999999999999)]
fn wrong_values_too() {}

#[task(name =)]
fn no_value() {}

#[task(name, version, err, crate, fields, skip)]
fn bare() {}

#[task(name("x"), skip = a, skip_all = true, fields = 1)]
fn wrong_forms() {}

#[task(skip_all(a))]
fn wrong_list(a: u8) {}

#[task(name = "a", name = "b", err = true, err = true)]
fn twice() {}

#[task(name = "a" version = 1, err = true false)]
fn no_comma() {}

#[task(name = "a" vers = 1, skip(a) err = 1)]
fn no_comma_and_more(a: u8) {}

#[task(name = "a".to_owned(), version = 1 + 1)]
fn expressions() {}

#[task(name = 'a', version = "1", err = 1, crate = a::<b>)]
fn other_literals() {}

#[task(name = b"a", version = 1.0, crate = )]
fn yet_other_literals() {}

#[task(, name = "a")]
fn comma() {}

fn main() {}
