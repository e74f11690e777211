#![allow(unused_variables)]

use llmetry::{agent, task, tool, workflow};

#[workflow(capture)]
fn bare(a: u8) {}

#[task(capture = input)]
fn value(a: u8) {}

#[agent(capture())]
fn empty(a: u8) {}

#[tool(capture(input, output, input))]
fn twice(a: u8) {}

#[task(capture(a, input))]
fn input_takes_all(a: u8) {}

#[task(capture(self, "a"))]
fn nonsense(a: u8) {}

#[task(capture(inptu, outputs, agument, b))]
fn nearest(argument: u8) {}

#[task(capture(x, d))]
fn pattern((a, b): (u8, u8), c: u8) {}

#[task(capture(a, b output), skip(b, c))]
fn contradiction(a: u8, b: u8, c: u8) {}

#[task(capture(input), skip_all)]
fn contradiction_of_all(a: u8) {}

#[task(capture(a), skip_all)]
fn contradiction_of_one(a: u8) {}

#[task(parent, version = 1)]
fn bare_parent() {}

#[task(parent(context))]
fn parent_list() {}

#[task(parent = context.)]
fn half_typed_parent() {}

fn main() {
    // The functions are there all the same.
    bare(1);
    nearest(1);
    half_typed_parent();
}
