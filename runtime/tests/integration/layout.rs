//! The house checks itself: who may import whom, and which things stand in one place only. ARCHITECTURE.md says why.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms from the ground up. A room imports rooms of its own floor and below.
const FLOORS: [&[&str]; 10] = [
    &["record", "semconv", "value", "wire", "sampling", "sync", "error", "diag", "hosts"],
    &["content"],
    &["messages"],
    &["export"],
    &["pipeline"],
    &["hub"],
    &["scope"],
    &["call"],
    &["bridge"],
    &["setup", "testing", "rt", "lib"],
];

/// Imports against the arrow, each with its reason: from, to, and the path's end.
const EXCEPTIONS: [(&str, &str, &str); 1] = [
    // The worker turns ticks into time; the clock is pure.
    ("pipeline", "scope", "clock::Anchor"),
];

struct Source {
    /// Below `src`, with `/`.
    path: String,
    /// Without what stands behind the tests' `cfg`, comments left out.
    code: String,
    whole: String,
}

impl Source {
    fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or(&self.path);
        first.strip_suffix(".rs").unwrap_or(first)
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let whole = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                if path.ends_with("tests.rs") {
                    continue;
                }
                found.push(Source { path, code: code(&whole), whole });
            }
        }
    }
    assert!(found.len() > 30, "the sources were found");
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// What is compiled into the library: no tests, no comments.
fn code(whole: &str) -> String {
    let product = whole.split("#[cfg(test)]\nmod tests").next().unwrap_or(whole);
    let mut code = String::new();
    for line in product.lines().filter(|line| !line.trim_start().starts_with("//")) {
        let line = line.split(" // ").next().unwrap_or(line);
        writeln!(code, "{line}").unwrap();
    }
    code
}

/// Sources with `needle` that are not at one of `places` (a file, or a folder with `/`).
fn elsewhere(needle: &str, places: &[&str]) -> Vec<String> {
    let is_place = |path: &str| {
        places.iter().any(|place| if place.ends_with('/') { path.starts_with(place) } else { path == *place })
    };
    let found =
        sources().into_iter().filter(|source| source.code.contains(needle) && !is_place(&source.path));
    found.map(|source| source.path).collect()
}

#[track_caller]
fn only_in(needle: &str, places: &[&str]) {
    assert_eq!(elsewhere(needle, places), Vec::<String>::new(), "`{needle}` belongs to {places:?}");
    assert!(!elsewhere(needle, &[]).is_empty(), "`{needle}` stands nowhere: the check is out of date");
}

#[test]
fn every_file_says_what_it_is() {
    for source in sources() {
        assert!(source.whole.starts_with("//! "), "{}", source.path);
    }
}

fn floor(room: &str) -> usize {
    FLOORS
        .iter()
        .position(|floor| floor.contains(&room))
        .unwrap_or_else(|| panic!("`{room}` is a new room: give it a floor here and in ARCHITECTURE.md"))
}

/// Paths behind `crate::`.
fn imports(code: &str) -> impl Iterator<Item = &str> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    code.split("crate::").skip(1).map(move |rest| rest.split(|c| !is_path(c)).next().unwrap_or(rest))
}

#[test]
fn imports_follow_the_arrow() {
    let mut wrong = String::new();
    for source in sources().iter().filter(|source| source.path != "lib.rs") {
        let room = source.room();
        assert!(
            !source.code.contains("crate::{"),
            "{}: one line an import, so that this check sees it",
            source.path
        );
        for import in imports(&source.code) {
            let to = import.split(':').next().unwrap_or(import);
            // A macro or a name that `lib` exports.
            if to.is_empty() || to.starts_with(char::is_uppercase) || to == room {
                continue;
            }
            let excused = EXCEPTIONS
                .iter()
                .any(|(from, into, what)| (*from, *into) == (room, to) && import.ends_with(what));
            if floor(to) > floor(room) && !excused {
                writeln!(wrong, "{}: crate::{import}", source.path).unwrap();
            }
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn only_setup_and_testing_install() {
    only_in("hub::install(", &["setup/"]);
    only_in("hub::remove(", &["setup/"]);
}

#[test]
fn the_environment_is_read_in_one_place() {
    only_in("std::env::", &["setup/env.rs"]);
    assert_eq!(elsewhere("env::var", &["setup/env.rs"]), Vec::<String>::new());
}

#[test]
fn attribute_keys_are_spelled_in_one_place() {
    for prefix in [
        "\"gen_ai.",
        "\"openinference.",
        "\"traceloop.",
        "\"error.type",
        "\"exception.",
        "\"llmetry.",
        "\"input.",
        "\"output.",
    ] {
        only_in(prefix, &["semconv/"]);
    }
}

#[test]
fn unsafe_code_stands_where_the_architecture_says() {
    let files = [
        "scope/clock.rs",
        "pipeline/spool/map.rs",
        "setup/exit/handler.rs",
        "setup/exit/fork.rs",
        "setup/exit/signals.rs",
    ];
    only_in("unsafe {", &files);
    only_in("unsafe_code", &files);
    let architecture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md");
    let architecture = fs::read_to_string(architecture).unwrap();
    let named = architecture.split("## Unsafe code").nth(1).unwrap().split("\n## ").next().unwrap();
    for file in files {
        assert!(named.contains(&format!("| `{file}` |")), "{file}");
    }
    for needle in ["unsafe fn", "unsafe impl"] {
        assert_eq!(elsewhere(needle, &[]), Vec::<String>::new(), "{needle}");
    }
}

#[test]
fn stderr_has_one_voice() {
    only_in("stderr()", &["diag.rs"]);
    for needle in ["eprintln!", "eprint!", "println!", "dbg!"] {
        assert_eq!(elsewhere(needle, &[]), Vec::<String>::new(), "{needle}");
    }
}

/// Packages that the workspace leaves out are formatted by the checks all the same, and stand in the map of the house.
#[test]
fn workspaces_of_their_own_are_not_forgotten() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| fs::read_to_string(repository.join(path)).unwrap();
    let manifest = read("Cargo.toml");
    let excluded = manifest.lines().find_map(|line| line.strip_prefix("exclude = ")).unwrap();
    let folders: Vec<&str> = excluded.split('"').skip(1).step_by(2).collect();
    assert!(folders.len() > 3, "{folders:?}");
    let (checks, map) = (read(".ci/run"), read("ARCHITECTURE.md"));
    for folder in folders {
        assert!(repository.join(folder).join("Cargo.toml").exists(), "{folder}");
        assert!(checks.contains(&format!("{folder}/Cargo.toml")), ".ci/run does not know {folder}");
        // A folder below one of the map's is told of there, unless it is a place of its own.
        let parent = folder.rsplit_once('/').map_or(folder, |(parent, _)| parent);
        assert!(map.contains(folder) || map.contains(parent), "ARCHITECTURE.md does not know {folder}");
    }
}

/// The cells of a row.
fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split(" |").map(str::trim).collect()
}

/// What is wrong with the test at `path::name`, a path of the repository.
fn missing(repository: &Path, test: &str) -> Option<String> {
    let Some((path, name)) = test.split_once("::") else { return Some(format!("`{test}` is no path::name")) };
    let Ok(source) = fs::read_to_string(repository.join(path)) else {
        return Some(format!("there is no {path}"));
    };
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let is_test = lines.windows(2).any(|pair| {
        let [attribute, function] = pair else { return false };
        let function = function.strip_prefix("async ").unwrap_or(function);
        attribute.ends_with("test]") && function.starts_with(&format!("fn {name}("))
    });
    (!is_test).then(|| format!("there is no test {name} in {path}"))
}

#[test]
fn the_list_of_conformance_is_whole_and_its_tests_exist() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let list = fs::read_to_string(repository.join("CONFORMANCE.md")).unwrap();
    let rows = list.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit());
    let mut wrong = String::new();
    let mut numbers = Vec::new();
    for row in rows {
        let [number, behaviour, verdict, remark, tests] = cells(row).try_into().expect(row);
        numbers.push(number.parse::<u32>().unwrap());
        let tests: Vec<&str> = tests.split('`').filter(|text| text.contains("::")).collect();
        let explained = match verdict {
            "keep" => !tests.is_empty(),
            "adapt" | "deviate" => !tests.is_empty() && !remark.is_empty(),
            _ => verdict.starts_with("later: ") && tests.is_empty(),
        };
        if !explained || behaviour.is_empty() {
            writeln!(wrong, "{number}: no verdict, or one without a reason or a test").unwrap();
        }
        for test in tests {
            if let Some(what) = missing(&repository, test) {
                writeln!(wrong, "{number}: {what}").unwrap();
            }
        }
    }
    assert_eq!(wrong, "");
    assert_eq!(numbers, (1..=88).collect::<Vec<_>>());
}
