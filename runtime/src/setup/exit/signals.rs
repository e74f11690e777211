//! Signals that ask the process to end, where the program wants telemetry to end first.
//!
//! In: which signals. Out: a handler for each, and one thread, which the handler wakes through a pair of sockets. The handler itself does
//! what a handler may: it looks, writes one byte, and calls the handler that was there before.
//!
//! - Ignored before: stays ignored.
//! - Default before: the thread ends telemetry, restores the default, and raises the signal again, so that the parent sees it.
//! - Another handler before, or one that was installed later and calls ours: it decides about the end. We only send what has ended.
//! - A second signal while telemetry ends: the default at once.

use std::ffi::{c_int, c_void};
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::net::UnixStream;
use std::panic::catch_unwind;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};
use std::sync::{Mutex, MutexGuard};

use libc::{sigaction, siginfo_t, sigset_t};

use super::{Signal, end_all, flush_all};
use crate::pipeline::control::Ended;
use crate::sync::lock;

/// The handler's end of the pair; -1: there is no thread.
static WRITER: AtomicI32 = AtomicI32::new(-1);
/// The thread's end, for a child that has no use for it.
static READER: AtomicI32 = AtomicI32::new(-1);
/// What was there before us, by [`place`]; null: we are not there. Never freed: a handler may be reading it.
static BEFORE: [AtomicPtr<sigaction>; Signal::ALL.len()] =
    [const { AtomicPtr::new(null_mut()) }; Signal::ALL.len()];
/// A signal has asked for the end.
static ENDING: AtomicBool = AtomicBool::new(false);
/// Serialises what changes the above.
static CHANGING: Mutex<()> = Mutex::new(());

/// On the byte that wakes the thread: nothing ends.
const FLUSH: u8 = 0x80;

/// Held while the process forks.
pub(super) struct Held(MutexGuard<'static, ()>);

pub(super) fn hold() -> Held {
    Held(lock(&CHANGING))
}

impl Held {
    /// In the child: the thread is the parent's, and so is who reads what we write. Until [`revive`] a signal ends this process at once.
    #[expect(unsafe_code, reason = "what would close the descriptors is the parent's thread")]
    pub(super) fn forked(self) {
        for end in [&WRITER, &READER] {
            let descriptor = end.swap(-1, Ordering::SeqCst);
            if descriptor >= 0 {
                // SAFETY: the pair is ours, and whoever used it is not in this process.
                unsafe { libc::close(descriptor) };
            }
        }
        ENDING.store(false, Ordering::SeqCst);
        drop(self.0);
    }
}

/// Starts the thread, and takes each of `signals` that nobody ignores. One that was taken once stays taken.
pub(super) fn install(signals: &[Signal]) -> io::Result<()> {
    let _changing = lock(&CHANGING);
    if signals.is_empty() {
        return Ok(());
    }
    start_thread()?;
    signals.iter().try_for_each(|signal| take(*signal))
}

/// In a forked process: the thread again, if there were signals to wait for.
pub(super) fn revive() -> io::Result<()> {
    let _changing = lock(&CHANGING);
    let is_taken = |before: &AtomicPtr<sigaction>| !before.load(Ordering::Acquire).is_null();
    if BEFORE.iter().any(is_taken) { start_thread() } else { Ok(()) }
}

fn start_thread() -> io::Result<()> {
    if WRITER.load(Ordering::SeqCst) >= 0 {
        return Ok(());
    }
    // Closed on `exec`, as all that std opens.
    let (mut reader, writer) = UnixStream::pair()?;
    writer.set_nonblocking(true)?;
    let descriptor = reader.as_raw_fd();
    std::thread::Builder::new().name("llmetry-signals".to_owned()).spawn(move || serve(&mut reader))?;
    READER.store(descriptor, Ordering::SeqCst);
    WRITER.store(writer.into_raw_fd(), Ordering::SeqCst);
    Ok(())
}

fn number(signal: Signal) -> c_int {
    match signal {
        Signal::Interrupt => libc::SIGINT,
        Signal::Terminate => libc::SIGTERM,
        Signal::Hangup => libc::SIGHUP,
    }
}

fn place(number_of: c_int) -> Option<usize> {
    Signal::ALL.iter().position(|signal| number(*signal) == number_of)
}

/// The action of `signal` at this moment. May be called in a handler.
#[expect(unsafe_code, reason = "std has no signals")]
fn action(signal: c_int) -> Option<sigaction> {
    let mut now = MaybeUninit::<sigaction>::zeroed();
    // SAFETY: with no new action given, the call only fills in what `now` points to, which is large enough; zeroes are a valid
    // `sigaction`, so that it is initialised whatever the call does.
    unsafe {
        let done = sigaction(signal, null(), now.as_mut_ptr());
        (done == 0).then(|| now.assume_init())
    }
}

/// Whether `signal` comes to us, and not to somebody who calls us.
fn is_ours(signal: c_int) -> bool {
    action(signal).is_some_and(|action| action.sa_sigaction == ours())
}

fn ours() -> libc::sighandler_t {
    on_signal as extern "C" fn(c_int, *mut siginfo_t, *mut c_void) as libc::sighandler_t
}

#[expect(unsafe_code, reason = "std has no signals")]
fn take(signal: Signal) -> io::Result<()> {
    let number = number(signal);
    let Some(before) = place(number).map(|place| &BEFORE[place]) else { return Ok(()) };
    // Taken once already. If somebody came after us, he calls us: to come again would be a circle.
    if !before.load(Ordering::Acquire).is_null() {
        return Ok(());
    }
    let old = action(number).ok_or_else(io::Error::last_os_error)?;
    if old.sa_sigaction == libc::SIG_IGN {
        return Ok(());
    }
    let mut new = old;
    new.sa_sigaction = ours();
    // Beside what the handler before us counts on: system calls go on where nobody counted on a signal.
    let kept =
        if old.sa_sigaction == libc::SIG_DFL { libc::SA_RESTART } else { old.sa_flags & !libc::SA_RESETHAND };
    new.sa_flags = kept | libc::SA_SIGINFO | libc::SA_ONSTACK;
    // Before the handler can run, which reads it.
    before.store(Box::into_raw(Box::new(old)), Ordering::Release);
    // SAFETY: `new` is the action that was there, with our handler in place of its own: a function of the kind that `SA_SIGINFO` says,
    // which only does what is allowed in a handler and does not unwind.
    if unsafe { sigaction(number, &raw const new, null_mut()) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The handler. Everything in it is an atomic, a system call that is allowed here, or the handler before us.
#[expect(unsafe_code, reason = "std has no signals")]
extern "C" fn on_signal(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let Some(before) = place(signal).map(|place| BEFORE[place].load(Ordering::Acquire)) else { return };
    // SAFETY: null, or a box that was never freed and is not written to any more.
    let Some(before) = (unsafe { before.as_ref() }) else { return };
    let error = errno::get();
    let is_chained = before.sa_sigaction != libc::SIG_DFL;
    if is_chained || !is_ours(signal) {
        wake(signal, FLUSH);
    } else if ENDING.swap(true, Ordering::SeqCst) || !wake(signal, 0) {
        restore_default(signal);
        // SAFETY: raises the signal on this thread; it is blocked until this handler returns, and then does what it does by default.
        unsafe { libc::raise(signal) };
    }
    if is_chained {
        // SAFETY: by the flags of its action, the handler is a function of the one kind or of the other; it gets what we got. It is neither
        // the default nor ignored: those are no functions, and were ruled out here and in `take`.
        unsafe {
            if before.sa_flags & libc::SA_SIGINFO == 0 {
                std::mem::transmute::<libc::sighandler_t, extern "C" fn(c_int)>(before.sa_sigaction)(signal);
            } else {
                std::mem::transmute::<libc::sighandler_t, extern "C" fn(c_int, *mut siginfo_t, *mut c_void)>(
                    before.sa_sigaction,
                )(signal, info, context);
            }
        }
    }
    errno::set(error);
}

/// Tells the thread; `false` if there is none, or if it cannot be told. May be called in a handler.
#[expect(unsafe_code, reason = "a write that is allowed in a handler")]
fn wake(signal: c_int, mode: u8) -> bool {
    let writer = WRITER.load(Ordering::SeqCst);
    let Ok(byte) = u8::try_from(signal) else { return false };
    let byte = byte | mode;
    // SAFETY: one byte is read from a local that lives; a descriptor that is none is an error of the call.
    writer >= 0 && unsafe { libc::write(writer, (&raw const byte).cast(), 1) } == 1
}

#[expect(unsafe_code, reason = "std has no signals")]
fn restore_default(signal: c_int) {
    let Some(mut default) = action(signal) else { return };
    default.sa_sigaction = libc::SIG_DFL;
    default.sa_flags = 0;
    // SAFETY: the default action is one that every signal of ours may have.
    unsafe { sigaction(signal, &raw const default, null_mut()) };
}

/// The thread: it sleeps until a handler writes, whatever the program's own threads do.
fn serve(reader: &mut UnixStream) {
    block_all();
    let mut byte = [0];
    loop {
        match reader.read(&mut byte) {
            Ok(1) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // The descriptor was closed under us. Signals find that out when they write.
            _ => return,
        }
        let signal = c_int::from(byte[0] & !FLUSH);
        if byte[0] & FLUSH != 0 {
            let _ = catch_unwind(flush_all);
            continue;
        }
        // Most often a rollout or a person: the process has not failed.
        let _ = catch_unwind(|| end_all(Ended::Unknown));
        // Who came meanwhile decides, as he would without us.
        if is_ours(signal) {
            die_of(signal);
        }
        ENDING.store(false, Ordering::SeqCst);
    }
}

/// A set of signals: all, or one of them.
#[expect(unsafe_code, reason = "std has no signals")]
fn set_of(signal: Option<c_int>) -> sigset_t {
    let mut set = MaybeUninit::<sigset_t>::zeroed();
    // SAFETY: the calls fill in what they are given; zeroes are a valid set.
    unsafe {
        match signal {
            None => libc::sigfillset(set.as_mut_ptr()),
            Some(signal) => {
                libc::sigemptyset(set.as_mut_ptr());
                libc::sigaddset(set.as_mut_ptr(), signal)
            }
        };
        set.assume_init()
    }
}

/// Handlers of the program's are not to run on a thread that it does not know.
#[expect(unsafe_code, reason = "std has no signals")]
fn block_all() {
    let all = set_of(None);
    // SAFETY: changes the mask of this thread, which is ours.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, null_mut()) };
}

/// Ends the process by `signal`, as if nobody had handled it.
#[expect(unsafe_code, reason = "std has no signals")]
fn die_of(signal: c_int) {
    restore_default(signal);
    let only = set_of(Some(signal));
    // SAFETY: changes the mask of this thread, which is ours, and raises a signal on it.
    unsafe {
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const only, null_mut());
        libc::raise(signal);
        // Still here: the first process of a container, whose signals do nothing by default. What a shell would report:
        libc::_exit(128 + signal);
    }
}

mod errno {
    //! The calling thread's error number, which a handler must leave as it was.

    #[cfg(any(target_os = "solaris", target_os = "illumos"))]
    use libc::___errno as location;
    #[cfg(any(target_os = "android", target_os = "netbsd", target_os = "openbsd"))]
    use libc::__errno as location;
    #[cfg(target_os = "linux")]
    use libc::__errno_location as location;
    #[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
    use libc::__error as location;

    #[expect(unsafe_code, reason = "std reads it, and does not write it")]
    pub(super) fn get() -> i32 {
        // SAFETY: the place is the calling thread's own, and always there.
        unsafe { *location() }
    }

    #[expect(unsafe_code, reason = "std reads it, and does not write it")]
    pub(super) fn set(error: i32) {
        // SAFETY: as above.
        unsafe { *location() = error }
    }
}
