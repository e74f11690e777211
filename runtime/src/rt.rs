//! The one door for generated code. Everything here may change with the macros, which are pinned to this very version.

pub use crate::content::{
    Capture, CaptureDebug, CaptureName, CaptureSerialize, CaptureText, Captured, FieldAsDebug, FieldAsIs,
    FieldAsName, FieldAsSerialize, FieldAsText, Success, SuccessOfAny, SuccessOfResult,
};
pub use crate::record::{Kind, Site};
pub use crate::scope::{
    AnyErr, DisplayErr, Entered, FollowBoxedFuture, FollowBoxedStream, FollowBoxedStreamOrErr, FollowFuture,
    FollowNothing, FollowStream, FollowStreamOrErr, NoErr, Open, Promised, PromisedFuture, PromisedNothing,
    PromisedStream, Returned, Scope, call, ended_by,
};
pub use crate::value::Text;
pub use llmetry_macros::__outer;

/// What a function that never returns would return.
#[derive(Clone, Copy, Debug)]
pub enum Never {}
