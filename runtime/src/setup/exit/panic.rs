//! `panic = "abort"`: nothing unwinds, no guard is dropped, no exit handler is called. The panic hook is the last that runs.
//!
//! Where panics unwind, nothing is done here: a span ends as its panic passes, and whether the process ends too shows later.

use super::end_all;
use crate::pipeline::control::Ended;

/// Puts our hook behind the one that is there: it says what it has to say first.
pub(super) fn prepare() {
    if !cfg!(panic = "abort") {
        return;
    }
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        previous(info);
        end_all(Ended::Badly);
    }));
}
