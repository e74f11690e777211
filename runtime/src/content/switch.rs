//! Whether content may leave the process: what goes in and what comes out have a flag each.

use std::sync::atomic::{AtomicBool, Ordering};

/// Which content may be captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    /// Arguments and prompts.
    pub(crate) inputs: bool,
    /// Results, completions and the texts of errors.
    pub(crate) outputs: bool,
}

impl Content {
    /// Both or neither.
    pub(crate) const fn all(yes: bool) -> Self {
        Self { inputs: yes, outputs: yes }
    }
}

/// [`Content`] that can be changed while spans are recorded.
#[derive(Debug)]
pub(crate) struct Switch {
    inputs: AtomicBool,
    outputs: AtomicBool,
}

impl Switch {
    pub(crate) fn new(content: Content) -> Self {
        Self { inputs: AtomicBool::new(content.inputs), outputs: AtomicBool::new(content.outputs) }
    }

    #[inline]
    pub(crate) fn get(&self) -> Content {
        // Each flag is asked for on its own: there is nothing that the two could tear apart.
        Content { inputs: self.inputs.load(Ordering::Relaxed), outputs: self.outputs.load(Ordering::Relaxed) }
    }

    pub(crate) fn set(&self, content: Content) {
        self.inputs.store(content.inputs, Ordering::Relaxed);
        self.outputs.store(content.outputs, Ordering::Relaxed);
    }
}
