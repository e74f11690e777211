//! Tests in a process of their own: the test binary runs itself again, for this one test.
//!
//! ```ignore
//! #[test]
//! fn a_second_init_is_refused() {
//!     program::run(|| { /* alone in the process */ });
//! }
//! ```

use std::any::type_name;
use std::io::Read;
use std::process::{Command, ExitStatus, Stdio, exit};
use std::thread;
use std::time::{Duration, Instant};

/// Set in the child, to the test's name.
const CHILD: &str = "LLMETRY_TEST_PROGRAM";
/// A child that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(60);

/// What the program said.
pub(crate) struct Said {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `program` alone in a process, without any variable of ours or OpenTelemetry's; gives back what it said.
///
/// Call it from the test function itself: the closure's type names the test. Fails when the program does.
pub(crate) fn run<F: FnOnce()>(program: F) -> Said {
    with_env(&[], program)
}

/// As [`run`], with these variables.
pub(crate) fn with_env<F: FnOnce()>(variables: &[(&str, &str)], program: F) -> Said {
    let (status, said) = ends(variables, program);
    assert!(
        status.success(),
        "the program failed: {status}\n--- stdout\n{}--- stderr\n{}",
        said.stdout,
        said.stderr
    );
    said
}

/// As [`with_env`], for a program that may end as it likes: how it ended, and what it said.
pub(crate) fn ends<F: FnOnce()>(variables: &[(&str, &str)], program: F) -> (ExitStatus, Said) {
    let path = type_name::<F>();
    let (_, path) = path.split_once("::").expect("the closure stands in a module");
    let test = path.split("::{{closure}}").next().expect("the closure stands in a test");
    if std::env::var(CHILD).is_ok_and(|child| child == test) {
        program();
        exit(0);
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).stdin(Stdio::null());
    for (name, _) in std::env::vars() {
        if ["OTEL_", "LLMETRY_", "NO_COLOR", "TRACELOOP_", "OPENINFERENCE_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            command.env_remove(name);
        }
    }
    command.env(CHILD, test).envs(variables.iter().copied());
    finish(test, command)
}

fn finish(test: &str, mut command: Command) -> (ExitStatus, Said) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read = |pipe: &mut dyn Read| {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let (stdout, stderr) = (thread::spawn(move || read(&mut out)), thread::spawn(move || read(&mut err)));
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if begin.elapsed() > DEADLINE {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        thread::sleep(Duration::from_millis(5));
    };
    let said = Said { stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() };
    let status = status.unwrap_or_else(|| {
        panic!("the program of `{test}` hangs\n--- stdout\n{}--- stderr\n{}", said.stdout, said.stderr)
    });
    (status, said)
}
