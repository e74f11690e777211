//! The last thing that a process does, where telemetry has no part in it: exits, signals, and what the system does to a process.
//!
//! In: an [`Act`]. Out: nobody comes back, except from acts that are not of this kind.

use std::hint::black_box;
use std::os::unix::process::CommandExt;
use std::process::{Command, abort, exit};
use std::thread;
use std::time::Duration;

use crate::ledger;
use crate::plan::Act;

/// Does `act`, if it is one that needs nothing of the program's.
pub fn act(act: Act) {
    match act {
        Act::Panic => {
            ledger::ending();
            panic!("this is how it ends");
        }
        Act::Exit(code) => {
            ledger::ending();
            exit(code);
        }
        Act::ExitWithHandlers | Act::ExitInHandler => {
            ledger::ending();
            exit(0);
        }
        Act::Signal(signal, _) => {
            ledger::ending();
            send(signal);
            // Whoever handles it does so on a thread of its own, perhaps.
            thread::sleep(Duration::from_mins(1));
        }
        Act::Abort => {
            ledger::ending();
            abort();
        }
        Act::StackOverflow => {
            ledger::ending();
            black_box(overflow(1));
        }
        Act::OutOfMemory => {
            ledger::ending();
            limit(libc::RLIMIT_AS, 0);
            loop {
                black_box(Box::leak(vec![1_u8; 1 << 20].into_boxed_slice()));
            }
        }
        Act::Exec => {
            ledger::ending();
            let error = Command::new("/bin/true").exec();
            panic!("exec: {error}");
        }
        Act::QuickExit => {
            ledger::ending();
            // SAFETY: it ends the process, and touches nothing of it.
            unsafe { libc::_exit(0) }
        }
        Act::Return
        | Act::ReturnErr
        | Act::DropGuardInside
        | Act::DropGuardAfterRuntime
        | Act::KeepGuardInStatic
        | Act::LlmetryExit(_)
        | Act::Graceful => {}
    }
}

/// Sends this process a signal.
pub fn send(signal: i32) {
    // SAFETY: a plain system call.
    unsafe { libc::kill(libc::getpid(), signal) };
}

/// `exit` of the C library, which may be called while the process exits already; that of std may not.
pub fn exit_again(code: i32) -> ! {
    // SAFETY: exit handlers of this program are `extern "C"` functions that unwind nowhere.
    unsafe { libc::exit(code) }
}

/// Has `handler` called when the process exits. The last one is called first.
pub fn at_exit(handler: extern "C" fn()) {
    // SAFETY: `handler` is a function of the program itself, so it lives as long as the process does.
    let refused = unsafe { libc::atexit(handler) };
    assert_eq!(refused, 0, "the system takes an exit handler");
}

/// Many of these programs die, and nobody wants their cores; and what a signal does is as in a shell, whoever runs this.
pub fn prepare() {
    limit(libc::RLIMIT_CORE, 0);
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: the default action is one that each of them may have, and nobody counts on another one yet.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

fn limit(what: libc::__rlimit_resource_t, bytes: libc::rlim_t) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: `limit` is a whole `rlimit`, and is only read.
    unsafe { libc::setrlimit(what, &raw const limit) };
}

#[expect(unconditional_recursion, reason = "that is the point")]
fn overflow(depth: usize) -> usize {
    let room = [depth; 256];
    black_box(&room);
    overflow(depth + 1) + room[depth % 256]
}
