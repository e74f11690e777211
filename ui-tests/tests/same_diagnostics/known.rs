//! What is said differently of an annotated function, where that cannot be helped.

use self::Change::{Added, Lost, NamesOurs};
use self::Where::{Everywhere, In};

/// What the attribute changes in what is said of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// Said of the annotated function only, or at another place.
    Added,
    /// Said of the bare function only.
    Lost,
    /// Said of both, but with names from generated code.
    NamesOurs,
}

/// A change that cannot be helped: its code (`-` for none), the functions, and the reason.
pub(crate) type Known = (Change, &'static str, Where, &'static str);

#[derive(Clone, Copy)]
pub(crate) enum Where {
    /// In these functions and no others.
    In(&'static [&'static str]),
    /// Wherever the bare function gets it, or nearly.
    Everywhere,
}

/// With `capture(…)`, beside those of [`KNOWN`]: what is captured is used, and each sync body stands in a closure.
pub(crate) const KNOWN_OF_CAPTURE: &[Known] = &[
    (Lost, "unused_variables", Everywhere, "a captured argument is used"),
    (
        Lost,
        "unused_assignments",
        In(&["borrows::mutability::assigned_argument", "borrows::mutability::assigned_in_a_pattern"]),
        "a captured argument has been read",
    ),
    (
        Added,
        "unused_assignments",
        In(&["borrows::mutability::owned"]),
        "said beside the error, of what the closure has captured",
    ),
    (
        Added,
        "unfulfilled_lint_expectations",
        In(&[
            "warnings::looked_at::fulfilled",
            "warnings::paths::fulfilled",
            "warnings::paths::fulfilled_in_a_future",
        ]),
        "an argument that is not used is expected there",
    ),
    (
        Lost,
        "E0597",
        In(&["borrows::lives::returned_iterator"]),
        "it is E0515 there: what is borrowed belongs to the closure, which returns it",
    ),
    (Added, "E0515", In(&["borrows::lives::returned_iterator"]), "see above"),
    (Lost, "unconditional_recursion", Everywhere, "the function only makes the closure that calls it"),
    (Lost, "clippy::cognitive_complexity", Everywhere, "clippy does not look into closures"),
    (Lost, "clippy::needless_pass_by_value", Everywhere, "the closure takes the arguments by value"),
    (Lost, "clippy::needless_pass_by_ref_mut", Everywhere, "as above"),
    (Lost, "clippy::not_unsafe_ptr_arg_deref", Everywhere, "as above"),
    (Lost, "clippy::only_used_in_recursion", Everywhere, "as above"),
    (Lost, "clippy::ptr_arg", Everywhere, "as above"),
    (Lost, "clippy::redundant_clone", Everywhere, "as above"),
    (Lost, "clippy::toplevel_ref_arg", Everywhere, "as above"),
    (Lost, "clippy::unused_self", Everywhere, "as above"),
    (
        Lost,
        "clippy::needless_lifetimes",
        Everywhere,
        "the closure's return type is written once more, with its lifetimes",
    ),
    (
        Lost,
        "clippy::semicolon_if_nothing_returned",
        In(&["warnings::returns::semicolon", "warnings::returns::unused_unit"]),
        "the unit at the end is the closure's value",
    ),
    (
        Added,
        "clippy::many_single_char_names",
        In(&["warnings::arguments::single_char"]),
        "said of the bindings in the function and of those in the closure, one after the other",
    ),
    (
        Lost,
        "E0268",
        In(&["types::loops::break_at_the_top", "types::loops::break_outside"]),
        "it is E0695 there: outside of a loop, but in a block with a label",
    ),
    (Added, "E0695", In(&["types::loops::break_at_the_top", "types::loops::break_outside"]), "see above"),
    (
        Lost,
        "E0415",
        In(&["resolve::names::twice_in_one_pattern"]),
        "it is E0416 there: the pattern is taken apart in the body",
    ),
    (Added, "E0416", In(&["resolve::names::twice_in_one_pattern"]), "see above"),
    (
        Lost,
        "E0597",
        In(&["borrows::lives::argument", "borrows::lives::argument_order"]),
        "it compiles: what a closure captures may live shorter than the parameter's type says",
    ),
    (
        Lost,
        "-",
        In(&["borrows::lives::wrong_elided_lifetime"]),
        "said of the parameters rather than of the body, for the same reason",
    ),
    (Added, "-", In(&["borrows::lives::wrong_elided_lifetime"]), "see above"),
    (
        Lost,
        "E0507",
        In(&["types::bounds::returns_unsized"]),
        "beside the error that it cannot be returned, one more that a closure cannot return it",
    ),
    (Added, "E0277", In(&["types::bounds::not_sized", "types::bounds::returns_unsized"]), "see above"),
    (NamesOurs, "E0277", In(&["types::bounds::returns_unsized"]), "see above"),
];

/// With any attribute.
pub(crate) const KNOWN: &[Known] = &[
    (Lost, "clippy::missing_const_for_fn", Everywhere, "a `const fn` is refused"),
    (
        Lost,
        "clippy::implicit_return",
        Everywhere,
        "clippy looks for breaks only in a block with a label, and the body is one where the value is looked at",
    ),
    (
        Lost,
        "clippy::manual_async_fn",
        In(&["warnings::looked_at::future_returns"]),
        "the block is not the function's last expression any more",
    ),
    (
        Lost,
        "clippy::cognitive_complexity",
        In(&[
            "warnings::sizes::cognitive_complexity_of_a_future",
            "warnings::sizes::cognitive_complexity_of_a_text",
        ]),
        "clippy does not look into closures and blocks of a function",
    ),
    (
        Added,
        "clippy::cognitive_complexity",
        In(&["warnings::sizes::nearly_too_complex"]),
        "`fields(…)` are a branch more",
    ),
    (
        Lost,
        "clippy::unused_async",
        In(&["warnings::futures::unused_async"]),
        "an annotated `async fn` awaits its body",
    ),
    (
        Lost,
        "clippy::unnecessary_wraps",
        In(&["warnings::returns::unnecessary_wraps", "warnings::returns::unnecessary_wraps_unit"]),
        "the value is no `Some(…)` or `Ok(…)` of the function's own any more",
    ),
    (
        Lost,
        "clippy::needless_pass_by_value",
        In(&["warnings::arguments_that_are_moved::cloned", "warnings::looked_at::by_value"]),
        "the closure takes the arguments by value",
    ),
    (
        Lost,
        "clippy::items_after_statements",
        In(&["warnings::paths::items_after_statements"]),
        "the items of a body have a block of their own, or each would come after a statement of ours",
    ),
    (
        Lost,
        "clippy::needless_return",
        In(&["warnings::looked_at::tracked_return"]),
        "a return from a function with `#[track_caller]` is not the end: the value would not be looked at",
    ),
    (
        Lost,
        "-",
        In(&["borrows::lives::wrong_lifetime_of_a_future", "types::bounds::not_send_in_a_pattern"]),
        "at the return type, since a block's type cannot be written; and E0277 at the same place, for what is captured and has no name",
    ),
    (Added, "-", In(&["borrows::lives::wrong_lifetime_of_a_future"]), "see above"),
    (Added, "E0277", In(&["types::bounds::not_send_in_a_pattern"]), "see above"),
    (
        Lost,
        "E0700",
        In(&["borrows::lives::hidden"]),
        "at the return type: the type of what a closure returns cannot be written if it is opaque",
    ),
    (Added, "E0700", In(&["borrows::lives::hidden"]), "see above"),
    (
        Lost,
        "E0271",
        In(&["types::mismatch::wrong_future", "types::looked_at::boxed_block"]),
        "E0308 at the return type: the block's value is one of ours, with the user's inside",
    ),
    (Added, "E0308", In(&["types::mismatch::wrong_future", "types::looked_at::boxed_block"]), "see above"),
];
