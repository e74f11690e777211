//! What std does not offer, for programs that end in unusual ways: forks, signals, exit handlers.

#![expect(unsafe_code, reason = "std has none of it")]

use std::ffi::c_int;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::ptr::null_mut;

/// Forks, and goes on in both: the child's number in the parent, `None` in the child.
pub(crate) fn fork_here() -> Option<c_int> {
    // SAFETY: what the child does is what is being tested.
    match unsafe { libc::fork() } {
        -1 => panic!("no fork: {}", std::io::Error::last_os_error()),
        0 => None,
        process => Some(process),
    }
}

/// Runs `child` in a forked process, which then exits with 0; gives back the process's number.
pub(crate) fn fork(child: impl FnOnce()) -> c_int {
    fork_here().unwrap_or_else(|| {
        child();
        std::process::exit(0)
    })
}

/// Ends this process without its exit handlers.
#[cfg(feature = "spool")]
pub(crate) fn exit_at_once() {
    // SAFETY: the process is over.
    unsafe { libc::_exit(0) }
}

/// From now on this process may not write behind this byte of a file.
#[cfg(feature = "spool")]
pub(crate) fn limit_files(bytes: libc::rlim_t) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: `limit` lives.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) }, 0);
}

/// How the child ended.
pub(crate) fn wait(process: c_int) -> ExitStatus {
    let mut status = 0;
    // SAFETY: `status` lives.
    assert_eq!(unsafe { libc::waitpid(process, &raw mut status, 0) }, process);
    ExitStatus::from_raw(status)
}

/// Sends `signal` to this process, by way of this thread: a handler has run when this returns.
pub(crate) fn signal(signal: c_int) {
    // SAFETY: a system call.
    assert_eq!(unsafe { libc::raise(signal) }, 0);
}

/// What a signal may do.
pub(crate) enum Action {
    Default,
    Ignored,
    /// A handler that gets the number alone.
    Plain(extern "C" fn(c_int)),
    /// A handler that gets everything.
    Full(extern "C" fn(c_int, *mut libc::siginfo_t, *mut libc::c_void)),
}

/// Sets what `signal` does; gives back what it did.
pub(crate) fn on(signal: c_int, action: &Action) -> libc::sigaction {
    let (handler, flags) = match action {
        Action::Default => (libc::SIG_DFL, 0),
        Action::Ignored => (libc::SIG_IGN, 0),
        Action::Plain(handler) => (*handler as libc::sighandler_t, 0),
        Action::Full(handler) => (*handler as libc::sighandler_t, libc::SA_SIGINFO),
    };
    // SAFETY: zeroes are a valid action, the handlers are functions of the kind that the flags say.
    unsafe {
        let mut new: libc::sigaction = std::mem::zeroed();
        let mut old: libc::sigaction = std::mem::zeroed();
        new.sa_sigaction = handler;
        new.sa_flags = flags;
        assert_eq!(libc::sigaction(signal, &raw const new, &raw mut old), 0);
        old
    }
}

/// Calls the handler of `action` as the system would.
pub(crate) fn call(action: &libc::sigaction, signal: c_int) {
    assert_ne!(action.sa_flags & libc::SA_SIGINFO, 0, "a handler that gets everything");
    // SAFETY: by its flags the handler is such a function, and it may be given nothing.
    unsafe {
        std::mem::transmute::<
            libc::sighandler_t,
            extern "C" fn(c_int, *mut libc::siginfo_t, *mut libc::c_void),
        >(action.sa_sigaction)(signal, null_mut(), null_mut());
    }
}

/// Has `handler` called when the process exits.
pub(crate) fn at_exit(handler: extern "C" fn()) {
    // SAFETY: the handler is a function of the program.
    assert_eq!(unsafe { libc::atexit(handler) }, 0);
}
