//! What a returned value says about its span: an `Err` is an error, with a message if its type has one.
//!
//! In: a reference to the returned value, in generated code where its type is known. Out: the error's type and text, to
//! [`Open`]. The choice is made at compile time by method resolution: the traits are implemented one reference level apart, and
//! the call starts at the top. No bound is asked of the user's types.

use std::any::type_name;
use std::fmt::Display;

use super::open::Open;

/// The returned value, borrowed.
#[derive(Debug)]
pub struct Returned<'a, T: ?Sized>(pub &'a T);

/// `Result<_, E>` where `E` can be shown.
pub trait DisplayErr {
    /// Notes the error, if there is one, and says whether it made the span an error.
    fn llmetry_observe(&self, open: &Open) -> bool;
}

impl<T, E: Display> DisplayErr for &&Returned<'_, Result<T, E>> {
    #[inline]
    fn llmetry_observe(&self, open: &Open) -> bool {
        self.0.as_ref().is_err_and(|error| open.error(type_name::<E>(), Some(error)))
    }
}

/// Any other `Result`.
pub trait AnyErr {
    /// Notes the error's type, if there is one, and says whether it made the span an error.
    fn llmetry_observe(&self, open: &Open) -> bool;
}

impl<T, E> AnyErr for &Returned<'_, Result<T, E>> {
    #[inline]
    fn llmetry_observe(&self, open: &Open) -> bool {
        self.0.is_err() && open.error(type_name::<E>(), None)
    }
}

/// Everything else: returning is success.
pub trait NoErr {
    /// Nothing to note.
    fn llmetry_observe(&self, open: &Open) -> bool;
}

impl<T: ?Sized> NoErr for Returned<'_, T> {
    #[inline]
    fn llmetry_observe(&self, _: &Open) -> bool {
        false
    }
}
