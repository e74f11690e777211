//! What must not compile, and what it says; and what must compile without running.
//!
//! The failing cases are compared by text, so they run on the pinned compiler only. To write the texts anew:
//! `TRYBUILD=overwrite cargo test -p llmetry-ui-tests --test ui`.

use std::process::Command;

/// The compiler that the `.stderr` files come from.
const PINNED: &str = "rustc 1.95.";

#[test]
fn ui() {
    let version =
        Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("--version").output();
    let is_pinned = version.is_ok_and(|output| output.stdout.starts_with(PINNED.as_bytes()));
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    if is_pinned {
        cases.compile_fail("ui/fail/*/*.rs");
    }
}
