//! What the C library calls when the process exits: `std::process::exit` from anywhere, and the end of `main`.
//!
//! In: the exit status, where the library tells it. Out: telemetry is ended. Runs on the thread that exits, perhaps after its
//! thread-locals are gone, among the handlers of others, and never panics.

use std::panic::catch_unwind;

use super::end_all;
use crate::pipeline::control::Ended;

/// `false` if the library has no room for it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "std has no exit handlers")]
pub(super) fn register() -> bool {
    use std::ffi::{c_int, c_void};
    use std::ptr::null_mut;

    unsafe extern "C" {
        fn on_exit(handler: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
    }

    extern "C" fn exits(status: c_int, _: *mut c_void) {
        end(super::of_status(status));
    }

    // SAFETY: the function is declared as glibc has it. The handler is a function of this library, takes what it is given, uses no
    // argument, and does not unwind: `end` catches panics.
    unsafe { on_exit(exits, null_mut()) == 0 }
}

/// `false` if the library has no room for it.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
#[expect(unsafe_code, reason = "std has no exit handlers")]
pub(super) fn register() -> bool {
    extern "C" fn exits() {
        end(Ended::Unknown);
    }

    // SAFETY: the handler is a function of this library, and does not unwind: `end` catches panics.
    unsafe { libc::atexit(exits) == 0 }
}

fn end(ended: Ended) {
    // Whatever goes wrong here, the process ends with the status that it wanted.
    let _ = catch_unwind(|| end_all(ended));
}
