//! Functions of every shape that the attributes take: each runs beside the same function without the attribute.
//!
//! In: files of functions by topic, each with a table of calls. Out: a test a line, and a count of them all. A call has to return, panic
//! and drop what the bare function's call does, in the same order, and to leave the spans that its line names (see `support::check`).
//! To add a shape: a function, and its line.
//!
//! The functions stand in a `macro_rules! items`, which `twice!` expands into `bare` and `traced`. What has to stand outside of a macro is
//! in `plain`. A third of the files belongs to `shapes_2021` as well.

#![allow(unsafe_code)] // an `unsafe fn` is one of the shapes
#![allow(clippy::print_stdout)] // the count
#![allow(unused_variables)] // what becomes of unused arguments is half of the matter
#![allow(clippy::pedantic, clippy::style, clippy::complexity)] // the shapes are what they are on purpose

#[macro_use]
mod table;
mod support;

mod arguments;
mod attributes;
mod auto_traits;
mod control_flow;
mod deep;
mod drops;
mod functions;
mod futures;
mod generics;
mod hygiene;
mod macros;
mod methods;
mod options;
mod plain;
mod sizes;
mod traits;

#[test]
fn at_least_150_shapes() {
    let tables: [&[&str]; 14] = [
        arguments::SHAPES,
        attributes::SHAPES,
        auto_traits::SHAPES,
        control_flow::SHAPES,
        deep::SHAPES,
        drops::SHAPES,
        functions::SHAPES,
        futures::SHAPES,
        generics::SHAPES,
        hygiene::SHAPES,
        macros::SHAPES,
        methods::SHAPES,
        options::SHAPES,
        traits::SHAPES,
    ];
    support::count(&tables, 150);
}
