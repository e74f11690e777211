//! Opening and closing: what is asked for becomes a `Config`, the config an installation, and the guard its end.
//!
//! In: builder calls and environment variables. Out: the installation in `hub`, and the [`Guard`]. May use all rooms.

mod builder;
pub(crate) mod config;
mod env;
mod exit;
mod guard;

pub use self::builder::{Builder, builder, init};
pub use self::exit::{Signal, exit};
#[cfg(feature = "testing")]
pub(crate) use self::guard::pipeline_for_tests;
pub use self::guard::{Guard, Handle};
