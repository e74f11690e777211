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
#![allow(clippy::all, clippy::pedantic)] // the shapes are what they are on purpose; what lints see is the matter of `lints`

#[macro_use]
mod table;
mod support;

mod arguments;
mod async_traits;
mod attributes;
mod auto_traits;
mod capture;
mod control_flow;
mod deep;
mod drops;
mod extensions;
mod functions;
mod futures;
mod generics;
mod hygiene;
mod kinds;
mod macros;
mod methods;
mod never;
mod options;
mod plain;
mod projections;
mod returned_futures;
mod sizes;
mod streams;
mod traits;

#[test]
fn at_least_150_shapes() {
    let tables: [&[&str]; 22] = [
        arguments::SHAPES,
        async_traits::SHAPES,
        attributes::SHAPES,
        auto_traits::SHAPES,
        capture::SHAPES,
        control_flow::SHAPES,
        deep::SHAPES,
        drops::SHAPES,
        extensions::SHAPES,
        functions::SHAPES,
        futures::SHAPES,
        generics::SHAPES,
        hygiene::SHAPES,
        kinds::SHAPES,
        macros::SHAPES,
        methods::SHAPES,
        never::SHAPES,
        options::SHAPES,
        projections::SHAPES,
        returned_futures::SHAPES,
        streams::SHAPES,
        traits::SHAPES,
    ];
    support::count(&tables, 150);
}
