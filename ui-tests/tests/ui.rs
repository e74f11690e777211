//! What must not compile, and what it says; and what must compile without running.
//!
//! What is said is compared on the pinned compiler only; on others, that it does not compile. To write the texts anew:
//! `TRYBUILD=overwrite cargo test -p llmetry-ui-tests --test ui`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The compiler that the `.stderr` files come from.
const PINNED: &str = "rustc 1.95.";

const FAIL: &str = "ui/fail";

#[test]
fn ui() {
    let version =
        Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("--version").output();
    let is_pinned = version.is_ok_and(|output| output.stdout.starts_with(PINNED.as_bytes()));
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    if is_pinned {
        cases.compile_fail(format!("{FAIL}/*/*.rs"));
    } else {
        // Copies have no texts to be compared with; to overwrite them is the one way not to have them compared.
        let test = env::current_exe().expect("a running test");
        let copies = Command::new(test)
            .args(["--ignored", "--exact", "copies_do_not_compile"])
            .env("TRYBUILD", "overwrite")
            .status();
        assert!(copies.expect("this test runs").success());
    }
}

#[test]
#[ignore = "started by `ui` on compilers other than the pinned one"]
fn copies_do_not_compile() {
    let copies = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui-fail");
    for case in files(Path::new(FAIL)).iter().filter(|file| file.extension().is_some_and(|end| end == "rs")) {
        let copy = copies.join(case);
        fs::create_dir_all(copy.parent().expect("a directory")).expect("a place for the copies");
        fs::copy(case, copy).expect("a copy");
    }
    trybuild::TestCases::new().compile_fail(copies.join(FAIL).join("*/*.rs"));
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory").filter_map(Result::ok);
    entries
        .flat_map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { vec![entry.path()] })
        .collect()
}
