//! What clippy, which is a compiler too, says of a text.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

/// The compiler whose words are compared; others have other lints.
const PINNED: &str = "rustc 1.95.";

const LINTS: [&str; 4] =
    ["clippy::pedantic", "clippy::nursery", "clippy::cognitive_complexity", "clippy::implicit_return"];

/// With the whole message.
pub(crate) type Diagnostics = BTreeMap<Diagnostic, String>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Diagnostic {
    /// Line and column of each primary span.
    pub(crate) places: Vec<(usize, usize)>,
    pub(crate) code: String,
    pub(crate) level: String,
}

pub(crate) struct Compiler {
    clippy: PathBuf,
    dependencies: PathBuf,
    llmetry: PathBuf,
    scratch: PathBuf,
}

impl Compiler {
    /// The compiler that runs this test, if it is the pinned one and has its clippy; else the reason.
    pub(crate) fn find() -> Result<Self, String> {
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

    pub(crate) fn diagnostics(&self, name: &str, text: &str) -> Diagnostics {
        let messages = self.compile(name, text);
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

    pub(crate) fn clean_up(self) {
        // A place that is left behind does no harm.
        _ = fs::remove_dir_all(self.scratch);
    }
}
