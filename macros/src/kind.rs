//! The four attributes, and all that differs between them.
//!
//! In: which attribute was written. Out: its name in messages and its variant in the generated code.

use proc_macro2::{Ident, Span};

/// Which attribute was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Workflow,
    Task,
    Agent,
    Tool,
}

impl Kind {
    /// The kind whose attribute has this name.
    pub(crate) fn of(name: &Ident) -> Option<Self> {
        [Self::Workflow, Self::Task, Self::Agent, Self::Tool].into_iter().find(|kind| name == kind.name())
    }

    /// The attribute's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Workflow => "workflow",
            Self::Task => "task",
            Self::Agent => "agent",
            Self::Tool => "tool",
        }
    }

    /// The attribute as a user writes it.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::Workflow => "#[workflow]",
            Self::Task => "#[task]",
            Self::Agent => "#[agent]",
            Self::Tool => "#[tool]",
        }
    }

    /// The variant of `__rt::Kind`.
    pub(crate) fn variant(self) -> Ident {
        let name = match self {
            Self::Workflow => "Workflow",
            Self::Task => "Task",
            Self::Agent => "Agent",
            Self::Tool => "Tool",
        };
        Ident::new(name, Span::mixed_site())
    }
}
