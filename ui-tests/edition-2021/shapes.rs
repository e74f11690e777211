//! Shapes of `shapes` again, as callers of edition 2021 write them: temporaries, `impl Trait` and fragments differ there.

#![allow(unsafe_code)] // an `unsafe fn` is one of the shapes
#![allow(clippy::print_stdout)] // the count
#![allow(unused_variables)] // what becomes of unused arguments is half of the matter
#![allow(clippy::all, clippy::pedantic)] // the shapes are what they are on purpose; what lints see is the matter of `lints`

#[macro_use]
#[path = "../tests/shapes/table.rs"]
mod table;
#[path = "../tests/shapes/support.rs"]
mod support;

#[path = "../tests/shapes/arguments.rs"]
mod arguments;
#[path = "../tests/shapes/control_flow.rs"]
mod control_flow;
#[path = "../tests/shapes/drops.rs"]
mod drops;
#[path = "../tests/shapes/functions.rs"]
mod functions;
#[path = "../tests/shapes/macros.rs"]
mod macros;

#[test]
fn a_third_of_the_shapes() {
    support::count(
        &[arguments::SHAPES, control_flow::SHAPES, drops::SHAPES, functions::SHAPES, macros::SHAPES],
        100,
    );
}
