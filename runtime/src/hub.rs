//! What is installed in this process: the only statics that decide whether, and how, spans are recorded.
//!
//! In: `setup` (and `testing`) install and remove. Out: `scope` reads the epoch at every call and the rules once a thread and
//! epoch. Does not: hold spans (`scope/slab` does) or export them (`pipeline` does).

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::content::{Redactor, Switch};
use crate::pipeline::Intake;
use crate::record::Limits;
use crate::sampling::Sampler;
use crate::semconv::Convention;

/// 0: nothing is installed. Else the number of the installation, never used twice.
static EPOCH: AtomicU32 = AtomicU32::new(0);
static INSTALLED: RwLock<Option<Arc<Installed>>> = RwLock::new(None);
/// Serialises install and remove; holds the last epoch given out.
static LAST: Mutex<u32> = Mutex::new(0);

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
    pub(crate) intake: Arc<Intake>,
    #[cfg(feature = "sdk")]
    pub(crate) pipeline: Arc<crate::pipeline::worker::Pipeline>,
    /// What goes with outgoing requests.
    #[cfg(feature = "propagation")]
    pub(crate) outgoing: crate::hosts::Policy,
}

/// The number of the current installation, 0 when there is none.
#[inline]
pub(crate) fn epoch() -> u32 {
    EPOCH.load(Ordering::Acquire)
}

/// What is installed now.
pub(crate) fn installed() -> Option<Arc<Installed>> {
    INSTALLED.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Makes `make(epoch)` the current installation, and gives back the one that it replaced: a real one replaces one of `testing`.
/// `occupied` is the answer while another one lives that may not be replaced.
pub(crate) fn install<E>(
    for_tests: bool,
    make: impl FnOnce(u32) -> Result<Installed, E>,
    occupied: impl FnOnce() -> E,
) -> Result<(Arc<Installed>, Option<Arc<Installed>>), E> {
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let replaced = installed();
    if replaced.as_ref().is_some_and(|current| for_tests || !current.for_tests) {
        return Err(occupied());
    }
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
        *slot = None;
    }
}
