//! Of an annotated function the same is said as of a bare one: the functions of `ui/same` are compiled without the attribute and with it,
//! and what compiler and clippy say is compared by code, level and place. What differs and cannot be helped stands in [`known`].
//!
//! In the texts a line `//@` is where the attribute goes, so that all lines stay where they are; on it stand codes that the bare function
//! has to get, since the case would prove nothing without them. One file is one compilation: after an error there are no lints, and
//! after errors of one phase none of the next.
//!
//! Runs on the pinned compiler only, and with its clippy. The functions use the llmetry that this test was built with.

mod known;
mod said;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::known::Change::{self, Added, Lost, NamesOurs};
use crate::known::Where::{Everywhere, In};
use crate::known::{KNOWN, KNOWN_OF_CAPTURE, Known};
use crate::said::{Compiler, Diagnostic, Diagnostics};

const FILES: [&str; 4] = ["resolve", "types", "borrows", "warnings"];

const ATTRIBUTES: [&str; 3] = [
    "#[llmetry::task]",
    "#[llmetry::tool(version = 1, fields(line = line!()))]",
    "#[llmetry::agent(name = \"a\", capture(input, output))]",
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
    let (mut without_capture, mut with_capture) = (Changes::new(), Changes::new());
    let mut functions = 0;
    for name in FILES {
        let text = Text::read(name);
        functions += text.cases.len();
        let bare = compiler.diagnostics(name, &text.with(None));
        text.check_expectations(&bare);
        for attribute in ATTRIBUTES {
            let annotated = compiler.diagnostics(name, &text.with(Some(attribute)));
            let mut change = |change, (one, said): (&Diagnostic, &String)| {
                let key = (change, one.code.clone(), text.function(one));
                let changes =
                    if attribute.contains("capture") { &mut with_capture } else { &mut without_capture };
                changes.insert(key, format!("with {attribute}\n{said}"));
            };
            annotated.iter().filter(|(one, _)| !bare.contains_key(one)).for_each(|one| change(Added, one));
            bare.iter().filter(|(one, _)| !annotated.contains_key(one)).for_each(|one| change(Lost, one));
            annotated.iter().filter(|(_, said)| names_ours(said)).for_each(|one| change(NamesOurs, one));
        }
    }
    compiler.clean_up();
    println!("{functions} functions, {} and {} differences", without_capture.len(), with_capture.len());
    assert!(functions >= 40);

    let known_of_capture: Vec<Known> = KNOWN.iter().chain(KNOWN_OF_CAPTURE).copied().collect();
    let mut unknown = unknown(&without_capture, KNOWN);
    unknown.extend(self::unknown(&with_capture, &known_of_capture));
    assert!(unknown.is_empty(), "{} new differences:\n{}", unknown.len(), unknown.join("\n"));
    let mut gone = gone(&without_capture, KNOWN);
    gone.extend(self::gone(&with_capture, KNOWN_OF_CAPTURE));
    assert!(
        gone.is_empty(),
        "differences that are no more, take them out of the table:\n{}",
        gone.join("\n")
    );
}

/// By change, code and function; with the attribute and the message.
type Changes = BTreeMap<(Change, String, String), String>;

fn unknown(changes: &Changes, known: &[Known]) -> Vec<String> {
    let is_known = |(change, code, function): &(Change, String, String)| {
        known.iter().any(|(known_change, known_code, place, _)| {
            let is_there = match place {
                In(functions) => functions.contains(&function.as_str()),
                Everywhere => true,
            };
            known_change == change && known_code == code && is_there
        })
    };
    changes
        .iter()
        .filter(|(key, _)| !is_known(key))
        .map(|((change, code, function), said)| format!("{change:?} {code} in {function}, {said}"))
        .collect()
}

fn gone(changes: &Changes, known: &[Known]) -> Vec<String> {
    let mut gone = Vec::new();
    for &(change, code, place, _) in known {
        let in_function = |function: Option<&str>| {
            changes.keys().any(|key| {
                key.0 == change && key.1 == code && function.is_none_or(|function| key.2 == function)
            })
        };
        match place {
            In(functions) => gone.extend(
                functions
                    .iter()
                    .filter(|function| !in_function(Some(function)))
                    .map(|function| format!("{change:?} {code} in {function}")),
            ),
            Everywhere if !in_function(None) => gone.push(format!("{change:?} {code} anywhere")),
            Everywhere => {}
        }
    }
    gone
}

/// Whether a message speaks of what only generated code names.
fn names_ours(said: &str) -> bool {
    ["__llmetry", "__rt", "llmetry::scope"].iter().any(|name| said.contains(name))
}

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
