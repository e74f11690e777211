//! Of an annotated function the same is said as of a bare one: the functions of `ui/same` are compiled without the attribute and with it,
//! and what compiler and clippy say is compared by code, level and place. What differs and cannot be helped stands in [`KNOWN`].
//!
//! In the texts a line `//@` is where the attribute goes, so that all lines stay where they are; on it stand codes that the bare function
//! has to get, since the case would prove nothing without them. One file is one compilation: after an error there are no lints, and
//! after errors of one phase none of the next.
//!
//! Runs on the pinned compiler only, and with its clippy. The functions use the llmetry that this test was built with.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fmt, fs};

use serde_json::Value;

/// The compiler whose words are compared; others have other lints.
const PINNED: &str = "rustc 1.95.";

const FILES: [&str; 4] = ["resolve", "types", "borrows", "warnings"];

const ATTRIBUTES: [&str; 2] = ["#[llmetry::task]", "#[llmetry::tool(version = 1, fields(line = line!()))]"];

const LINTS: [&str; 4] =
    ["clippy::pedantic", "clippy::nursery", "clippy::cognitive_complexity", "clippy::implicit_return"];

/// What the attribute changes in what is said of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// Said of the annotated function only, or at another place.
    Added,
    /// Said of the bare function only.
    Lost,
    /// Said of both, but with names from generated code.
    NamesOurs,
}

use Change::{Added, Lost, NamesOurs};

/// A change that cannot be helped: its code (`-` for none), the functions, and the reason.
type Known = (Change, &'static str, Where, &'static str);

#[derive(Clone, Copy)]
enum Where {
    /// In these functions and no others.
    In(&'static [&'static str]),
    /// Wherever the bare function gets it, or nearly.
    Everywhere,
}

use Where::{Everywhere, In};

const KNOWN: &[Known] = &[
    (Lost, "clippy::missing_const_for_fn", Everywhere, "a `const fn` is refused"),
    (
        Lost,
        "clippy::implicit_return",
        Everywhere,
        "clippy looks for breaks only in a block with a label, and the body is one where the value is looked at",
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
        "E0597",
        In(&["borrows::lives::returned_iterator"]),
        "it is E0515 there: what is borrowed belongs to the closure, which returns it",
    ),
    (Added, "E0515", In(&["borrows::lives::returned_iterator"]), "see above"),
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

#[test]
fn the_same_is_said_of_an_annotated_function() {
    let compiler = match Compiler::find() {
        Ok(compiler) => compiler,
        Err(reason) => {
            println!("skipped: {reason}");
            return;
        }
    };
    let mut changes = BTreeMap::new();
    let mut functions = 0;
    for name in FILES {
        let text = Text::read(name);
        functions += text.cases.len();
        let bare = compiler.diagnostics(&text, None);
        text.check_expectations(&bare);
        for attribute in ATTRIBUTES {
            let annotated = compiler.diagnostics(&text, Some(attribute));
            let mut change = |change, (one, said): (&Diagnostic, &String)| {
                let key = (change, one.code.clone(), text.function(one));
                changes.insert(key, format!("with {attribute}\n{said}"));
            };
            annotated.iter().filter(|(one, _)| !bare.contains_key(one)).for_each(|one| change(Added, one));
            bare.iter().filter(|(one, _)| !annotated.contains_key(one)).for_each(|one| change(Lost, one));
            annotated.iter().filter(|(_, said)| names_ours(said)).for_each(|one| change(NamesOurs, one));
        }
    }
    compiler.clean_up();
    println!("{functions} functions, {} differences", changes.len());
    assert!(functions >= 40);

    let is_known = |(change, code, function): &(Change, String, String)| {
        KNOWN.iter().any(|(known_change, known_code, place, _)| {
            known_change == change
                && known_code == code
                && match place {
                    In(functions) => functions.contains(&function.as_str()),
                    Everywhere => true,
                }
        })
    };
    let unknown: Vec<String> = changes
        .iter()
        .filter(|(key, _)| !is_known(key))
        .map(|((change, code, function), said)| format!("{change:?} {code} in {function}, {said}"))
        .collect();
    assert!(unknown.is_empty(), "{} new differences:\n{}", unknown.len(), unknown.join("\n"));

    let is_there = |change: Change, code: &str, function: Option<&str>| {
        changes
            .keys()
            .any(|key| key.0 == change && key.1 == code && function.is_none_or(|function| key.2 == function))
    };
    let gone: Vec<String> = KNOWN
        .iter()
        .flat_map(|&(change, code, place, _)| {
            let functions = match place {
                In(functions) => functions.iter().copied().map(Some).collect(),
                Everywhere => vec![None],
            };
            functions
                .into_iter()
                .filter(move |function| !is_there(change, code, *function))
                .map(move |function| format!("{change:?} {code} in {}", function.unwrap_or("any function")))
        })
        .collect();
    assert!(
        gone.is_empty(),
        "differences that are no more, take them out of the table:\n{}",
        gone.join("\n")
    );
}

/// Whether a message speaks of what only generated code names.
fn names_ours(said: &str) -> bool {
    ["__llmetry", "__rt", "llmetry::scope"].iter().any(|name| said.contains(name))
}

// ---- The functions.

struct Text {
    name: &'static str,
    lines: Vec<String>,
    cases: Vec<Case>,
}

struct Case {
    /// The line of `//@`, counted from 1.
    line: usize,
    /// `module::function`
    function: String,
    expected: Vec<String>,
}

impl Text {
    fn read(name: &'static str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("ui/same/{name}.rs"));
        let text = fs::read_to_string(path).expect("the functions to compare");
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut module = "";
        let mut cases = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            if let Some(rest) = line.strip_prefix("pub mod ") {
                module = rest.trim_end_matches(" {");
            }
            let Some(expected) = line.trim_start().strip_prefix("//@") else { continue };
            let function =
                lines[index..].iter().find_map(|line| line.split_once("fn ")).expect("a function").1;
            let function = function.split(['(', '<']).next().unwrap_or_default();
            cases.push(Case {
                line: index + 1,
                function: format!("{name}::{module}::{function}"),
                expected: expected.split_whitespace().map(str::to_owned).collect(),
            });
        }
        Self { name, lines, cases }
    }

    fn with(&self, attribute: Option<&str>) -> String {
        let line = |line: &String| match attribute {
            Some(attribute) if line.trim_start().starts_with("//@") => {
                let indentation = &line[..line.len() - line.trim_start().len()];
                format!("{indentation}{attribute}\n")
            }
            _ => format!("{line}\n"),
        };
        self.lines.iter().map(line).collect()
    }

    /// The case that something was said of.
    fn function(&self, one: &Diagnostic) -> String {
        let line = one.places.first().map_or(0, |place| place.0);
        let case = self.cases.iter().rev().find(|case| case.line <= line);
        case.map_or_else(|| self.name.to_owned(), |case| case.function.clone())
    }

    fn check_expectations(&self, bare: &Diagnostics) {
        for case in &self.cases {
            let said: BTreeSet<&str> = bare
                .keys()
                .filter(|one| self.function(one) == case.function)
                .map(|one| one.code.as_str())
                .collect();
            for expected in &case.expected {
                assert!(said.contains(expected.as_str()), "{}: {expected} is not in {said:?}", case.function);
            }
        }
    }
}

// ---- What is said of them.

/// With the whole message.
type Diagnostics = BTreeMap<Diagnostic, String>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Diagnostic {
    /// Line and column of each primary span.
    places: Vec<(usize, usize)>,
    code: String,
    level: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} at {:?}", self.level, self.code, self.places)
    }
}

struct Compiler {
    clippy: PathBuf,
    dependencies: PathBuf,
    llmetry: PathBuf,
    scratch: PathBuf,
}

impl Compiler {
    /// The compiler that runs this test, if it is the pinned one and has its clippy; else the reason.
    fn find() -> Result<Self, String> {
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let ask = |argument: &[&str]| {
            let output = Command::new(&rustc).args(argument).output().expect("rustc runs");
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        let version = ask(&["--version"]);
        if !version.starts_with(PINNED) {
            return Err(format!("this is {version}, and the words of {PINNED} are compared"));
        }
        let sysroot = ask(&["--print", "sysroot"]);
        let clippy =
            Path::new(&sysroot).join("bin").join("clippy-driver").with_extension(env::consts::EXE_EXTENSION);
        if !clippy.exists() {
            return Err(format!("clippy is not installed, there is no {}", clippy.display()));
        }
        let test = env::current_exe().expect("a running test");
        let dependencies = test.parent().expect("a directory").to_owned();
        let scratch = format!("same_diagnostics-{}", std::process::id());
        let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join(scratch);
        fs::create_dir_all(&scratch).expect("a place for the compiled files");
        let mut compiler = Self { clippy, dependencies, llmetry: PathBuf::new(), scratch };
        let newest_first = compiler.builds_of_llmetry();
        let probe = "#[llmetry::task]\npub fn probe() {}\n";
        let usable = newest_first.into_iter().find(|library| {
            compiler.llmetry.clone_from(library);
            compiler.compile("probe", probe).iter().all(|message| message["level"] != "error")
        });
        assert!(usable.is_some(), "no build of llmetry in {}", compiler.dependencies.display());
        Ok(compiler)
    }

    /// There may be several, of other features or older; the one of this test is new, and those that are newer are of the same code.
    fn builds_of_llmetry(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(&self.dependencies).expect("the directory of this test");
        let mut builds: Vec<_> = files
            .filter_map(Result::ok)
            .filter(|file| {
                let path = file.path();
                path.extension() == Some(OsStr::new("rlib"))
                    && path.file_stem().is_some_and(|name| name.to_string_lossy().starts_with("libllmetry-"))
            })
            .filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path())))
            .collect();
        builds.sort();
        builds.into_iter().rev().map(|(_, path)| path).collect()
    }

    fn diagnostics(&self, text: &Text, attribute: Option<&str>) -> Diagnostics {
        let messages = self.compile(text.name, &text.with(attribute));
        let diagnostics = messages.iter().map(|message| {
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            let spans = message["spans"].as_array().map_or(&[][..], Vec::as_slice);
            let mut places: Vec<_> =
                spans.iter().filter(|span| span["is_primary"] == true).map(|span| self.place(span)).collect();
            places.sort_unstable();
            places.dedup();
            let one =
                Diagnostic { places, code: text(&message["code"]["code"]), level: text(&message["level"]) };
            (one, text(&message["rendered"]))
        });
        // What has no place is the sum of the others.
        diagnostics.filter(|(one, _)| !one.places.is_empty()).collect()
    }

    /// Where it is in the text: for code from a macro of somebody else's, where that is called.
    fn place(&self, span: &Value) -> (usize, usize) {
        let mut span = span;
        while !Path::new(span["file_name"].as_str().unwrap_or_default()).starts_with(&self.scratch)
            && span["expansion"].is_object()
        {
            span = &span["expansion"]["span"];
        }
        let number = |key: &str| span[key].as_u64().and_then(|number| usize::try_from(number).ok());
        (number("line_start").unwrap_or_default(), number("column_start").unwrap_or_default())
    }

    fn compile(&self, name: &str, text: &str) -> Vec<Value> {
        let file = self.scratch.join(name).with_extension("rs");
        fs::write(&file, text).expect("a place for the compiled files");
        let mut command = Command::new(&self.clippy);
        command.args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "--error-format=json"]);
        command.args(LINTS.iter().flat_map(|lint| ["-W", lint]));
        command.arg("-L").arg(format!("dependency={}", self.dependencies.display()));
        command.arg("--extern").arg(format!("llmetry={}", self.llmetry.display()));
        command.arg("--out-dir").arg(&self.scratch).arg(&file);
        // No settings of anybody's: neither the workspace's nor those of who runs the test.
        command.env("CLIPPY_CONF_DIR", &self.scratch).env_remove("CLIPPY_ARGS").env_remove("RUSTFLAGS");
        let output = command.output().expect("clippy runs");
        let messages = String::from_utf8_lossy(&output.stderr);
        let read = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|_| panic!("clippy said of {name}: {messages}"))
        };
        messages.lines().map(read).collect()
    }

    fn clean_up(self) {
        // A place that is left behind does no harm.
        _ = fs::remove_dir_all(self.scratch);
    }
}
