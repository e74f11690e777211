//! What is installed in this process: the only statics that decide whether, and how, spans are recorded.
//!
//! In: `setup` (and `testing`) install and remove. Out: `scope` reads the epoch at every call and the rules once a thread and
//! epoch. Does not: hold spans (`scope/slab` does) or export them (`pipeline` does).
//!
//! A process that was forked has none of its parent's threads. Nothing of the parent's installation is used there any more; what it
//! leaves is an [`Heir`], of which the first thread that asks makes an installation of the child's own.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::content::{Content, Redactor, Switch};
use crate::pipeline::Intake;
use crate::record::Limits;
use crate::sampling::Sampler;
use crate::semconv::Convention;
use crate::sync::lock;

/// 0: nothing is installed. Else the number of the installation, never used twice.
static EPOCH: AtomicU32 = AtomicU32::new(0);
static INSTALLED: RwLock<Option<Arc<Installed>>> = RwLock::new(None);
/// Serialises install and remove; holds the last epoch given out.
static LAST: Mutex<u32> = Mutex::new(0);
/// The last one that was removed, and its intake: spans that end after it are counted there.
static ENDED: Mutex<Option<(u32, Weak<Intake>)>> = Mutex::new(None);
/// What a forked process has to make its installation of. Locked while it is being made, so that others wait for it.
static HEIR: Mutex<Option<Heir>> = Mutex::new(None);
/// Whether there is one: asked without the lock.
static HAS_HEIR: AtomicBool = AtomicBool::new(false);
/// Installations with a lower number are those of the process that this one was forked from.
static FIRST_OWN: AtomicU32 = AtomicU32::new(0);
/// When it was forked, in nanoseconds of the wall clock.
static FORKED_AT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// This thread is making the heir's installation, and must not wait for it.
    static MAKING: Cell<bool> = const { Cell::new(false) };
}

/// How an installation is made again, under another number, in a forked process.
pub(crate) type MakeAgain = Arc<dyn Fn(u32, Content) -> Option<Arc<Installed>> + Send + Sync>;

struct Heir {
    epoch: u32,
    /// As it was switched when the process was forked.
    content: Content,
    make: MakeAgain,
}

/// One installation: the rules that scopes follow and the intake that they fill.
#[derive(Debug)]
pub(crate) struct Installed {
    pub(crate) epoch: u32,
    pub(crate) sampler: Sampler,
    pub(crate) limits: Limits,
    pub(crate) convention: Convention,
    /// Whether arguments, results and texts of errors may leave the process; can be changed while spans are recorded.
    pub(crate) content: Switch,
    /// What is masked in them.
    pub(crate) redactor: Redactor,
    /// Installed by `testing` alone: gives way to a real `init`.
    pub(crate) for_tests: bool,
    /// Made by a forked process out of what it inherited: nobody holds a guard for it, and it gives way to an `init` too.
    pub(crate) inherited: bool,
    /// `None`: it cannot be made again.
    pub(crate) again: Again,
    pub(crate) intake: Arc<Intake>,
    #[cfg(feature = "sdk")]
    pub(crate) pipeline: Arc<crate::pipeline::control::Pipeline>,
    /// What goes with outgoing requests.
    #[cfg(feature = "propagation")]
    pub(crate) outgoing: crate::hosts::Policy,
}

/// The number of the current installation, 0 when there is none.
#[inline]
pub(crate) fn epoch() -> u32 {
    EPOCH.load(Ordering::Acquire)
}

/// What is installed now. In a forked process the first call makes it.
pub(crate) fn installed() -> Option<Arc<Installed>> {
    current().or_else(|| if HAS_HEIR.load(Ordering::Acquire) { inherit() } else { None })
}

/// What is installed, and made, now.
pub(crate) fn current() -> Option<Arc<Installed>> {
    INSTALLED.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The intake of installation `epoch`, if it is the current one or was the last.
pub(crate) fn intake_of(epoch: u32) -> Option<Arc<Intake>> {
    let current =
        current().filter(|current| current.epoch == epoch).map(|current| Arc::clone(&current.intake));
    current.or_else(|| lock(&ENDED).as_ref().filter(|(ended, _)| *ended == epoch)?.1.upgrade())
}

/// Whether installation `epoch` was made by this process, not by one that it was forked from.
#[inline]
pub(crate) fn is_own(epoch: u32) -> bool {
    epoch >= FIRST_OWN.load(Ordering::Relaxed)
}

/// Whether something that began at `time` began before this process was forked from another one.
pub(crate) fn is_from_before_fork(time: SystemTime) -> bool {
    let forked_at = FORKED_AT.load(Ordering::Relaxed);
    forked_at > 0 && nanoseconds(time) < forked_at
}

fn nanoseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Makes the installation that this forked process has inherited the means for.
#[cold]
fn inherit() -> Option<Arc<Installed>> {
    // What is being made may itself start spans, on this very thread.
    if MAKING.try_with(|making| making.replace(true)).unwrap_or(true) {
        return None;
    }
    let mut heir = lock(&HEIR);
    let made = heir.take().map_or_else(current, |heir| {
        let made = (heir.make)(heir.epoch, heir.content);
        if made.is_none() {
            EPOCH.store(0, Ordering::Release);
        }
        INSTALLED.write().unwrap_or_else(PoisonError::into_inner).clone_from(&made);
        made
    });
    HAS_HEIR.store(false, Ordering::Release);
    drop(heir);
    let _ = MAKING.try_with(|making| making.set(false));
    made
}

/// This forked process wants nothing of what it has inherited.
pub(crate) fn disinherit() {
    let mut heir = lock(&HEIR);
    if heir.take().is_some() {
        HAS_HEIR.store(false, Ordering::Release);
        EPOCH.store(0, Ordering::Release);
    }
}

/// Makes `make(epoch)` the current installation, and gives back the one that it replaced: a real one replaces one of `testing`.
/// `occupied` is the answer while another one lives that may not be replaced.
pub(crate) fn install<E>(
    for_tests: bool,
    make: impl FnOnce(u32) -> Result<Installed, E>,
    occupied: impl FnOnce() -> E,
) -> Result<(Arc<Installed>, Option<Arc<Installed>>), E> {
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let replaced = current();
    if replaced.as_ref().is_some_and(|current| for_tests || !(current.for_tests || current.inherited)) {
        return Err(occupied());
    }
    disinherit();
    let epoch = last.wrapping_add(1).max(1);
    let installed = Arc::new(make(epoch)?);
    *last = epoch;
    *INSTALLED.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&installed));
    EPOCH.store(epoch, Ordering::Release);
    Ok((installed, replaced))
}

/// Takes the installation of `epoch` away, if it is still the current one: scopes become no-ops at their next start.
pub(crate) fn remove(epoch: u32) {
    let _last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let mut slot = INSTALLED.write().unwrap_or_else(PoisonError::into_inner);
    if slot.as_ref().is_some_and(|current| current.epoch == epoch) {
        EPOCH.store(0, Ordering::Release);
        let removed = slot.take();
        *lock(&ENDED) = removed.as_ref().map(|removed| (epoch, Arc::downgrade(&removed.intake)));
        drop(slot);
        // Outside the lock: the last user of an installation drops its exporters, which is foreign code.
        drop(removed);
    }
}

/// What this room locks. Held while the process forks, so that the child finds it unlocked and whole.
pub(crate) struct Held {
    last: MutexGuard<'static, u32>,
    heir: MutexGuard<'static, Option<Heir>>,
    installed: RwLockWriteGuard<'static, Option<Arc<Installed>>>,
    ended: MutexGuard<'static, Option<(u32, Weak<Intake>)>>,
}

/// Locks this room.
pub(crate) fn hold() -> Held {
    Held {
        last: lock(&LAST),
        heir: lock(&HEIR),
        installed: INSTALLED.write().unwrap_or_else(PoisonError::into_inner),
        ended: lock(&ENDED),
    }
}

impl Held {
    /// In the child: leaves the parent's installation behind, untouched, and an heir of it if there can be one.
    pub(crate) fn forked(mut self) {
        let epoch = self.last.wrapping_add(1).max(1);
        *self.last = epoch;
        let old = self.installed.take();
        let heir = match &old {
            Some(installed) => {
                let content = installed.content.get();
                installed.again.0.clone().map(|make| Heir { epoch, content, make })
            }
            None => self.heir.take().map(|heir| Heir { epoch, ..heir }),
        };
        *self.heir = heir;
        HAS_HEIR.store(self.heir.is_some(), Ordering::Release);
        FIRST_OWN.store(epoch, Ordering::Relaxed);
        FORKED_AT.store(nanoseconds(SystemTime::now()), Ordering::Relaxed);
        EPOCH.store(if self.heir.is_some() { epoch } else { 0 }, Ordering::Release);
        // Its threads are in the parent, and what they had locked stays locked: it is never dropped here.
        std::mem::forget(old);
        std::mem::forget(self.ended.take());
    }
}

/// In a child that could not be prepared for: nothing is recorded in it any more.
pub(crate) fn forked_unprepared() {
    FIRST_OWN.store(u32::MAX, Ordering::Relaxed);
    EPOCH.store(0, Ordering::Release);
}

/// [`MakeAgain`], if it can be.
#[derive(Clone, Default)]
pub(crate) struct Again(pub(crate) Option<MakeAgain>);

impl std::fmt::Debug for Again {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Again").field(&self.0.is_some()).finish()
    }
}
