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
    /// Notes the error, if there is one.
    fn observe(&self, open: &Open);
}

impl<T, E: Display> DisplayErr for &&Returned<'_, Result<T, E>> {
    #[inline]
    fn observe(&self, open: &Open) {
        if let Err(error) = self.0 {
            open.error(type_name::<E>(), Some(error));
        }
    }
}

/// Any other `Result`.
pub trait AnyErr {
    /// Notes the error's type, if there is one.
    fn observe(&self, open: &Open);
}

impl<T, E> AnyErr for &Returned<'_, Result<T, E>> {
    #[inline]
    fn observe(&self, open: &Open) {
        if self.0.is_err() {
            open.error(type_name::<E>(), None);
        }
    }
}

/// A function that returns a future: its span would end before the future runs, which is never what was meant.
pub trait ReturnsFuture {
    /// What is returned.
    type Future;

    /// Does not compile.
    fn observe(&self, open: &Open)
    where
        Self::Future: SpanOfReturnedFuture;
}

impl<F: Future> ReturnsFuture for &Returned<'_, F> {
    type Future = F;

    #[inline]
    fn observe(&self, _: &Open)
    where
        F: SpanOfReturnedFuture,
    {
    }
}

/// Nothing implements this.
#[diagnostic::on_unimplemented(
    message = "a function that returns a future cannot be annotated yet: its span would end before the future runs",
    label = "this function returns a future",
    note = "make it an `async fn`, or annotate the `async fn` that it calls"
)]
pub trait SpanOfReturnedFuture {}

/// Everything else: returning is success.
pub trait NoErr {
    /// Nothing to note.
    fn observe(&self, open: &Open);
}

impl<T: ?Sized> NoErr for Returned<'_, T> {
    #[inline]
    fn observe(&self, _: &Open) {}
}
