//! How a value is written is decided at compile time, by what is visible where it stands: `Serialize`, else `Debug`, else
//! `AsRef<str>`, else the name of its type.
//!
//! In: a reference, in generated code where the type is known or a parameter with its bounds. Out: a [`Capture`]. As in
//! `scope/outcome`, the traits are implemented one reference level apart, and the call starts at the top:
//! `(&&&&Captured(&value)).llmetry_capture()`. No bound is asked of anybody's type, and nothing runs before [`Capture::write`].

use std::any::type_name;
use std::fmt::Debug;

use serde_core::Serialize;

use super::writer::{Stop, Writer};

/// A value that may be captured, borrowed.
#[derive(Debug)]
pub struct Captured<'a, T: ?Sized>(pub &'a T);

/// A value with a way to write it.
pub trait Capture {
    /// Writes the value.
    #[doc(hidden)]
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Stop>;

    /// What stands in its place if it cannot be written.
    #[doc(hidden)]
    fn type_name(&self) -> &'static str;
}

macro_rules! level {
    ($name:ident($bound:path), $out:ident, $receiver:ty, $doc:literal, |$value:ident, $writer:ident| $write:expr) => {
        #[doc = $doc]
        pub trait $name {
            /// The value with its way.
            type Capture: Capture;

            /// Chooses this way.
            fn llmetry_capture(&self) -> Self::Capture;
        }

        impl<'a, T: $bound + ?Sized> $name for $receiver {
            type Capture = $out<'a, T>;

            #[inline]
            fn llmetry_capture(&self) -> $out<'a, T> {
                $out(self.0)
            }
        }

        #[doc = $doc]
        #[derive(Debug)]
        pub struct $out<'a, T: ?Sized>(pub(super) &'a T);

        impl<T: $bound + ?Sized> Capture for $out<'_, T> {
            fn write(&self, $writer: &mut Writer<'_>) -> Result<(), Stop> {
                let $value = self.0;
                $write
            }

            fn type_name(&self) -> &'static str {
                type_name::<T>()
            }
        }
    };
}

level!(
    CaptureSerialize(Serialize),
    Serialized,
    &&&Captured<'a, T>,
    "Written as its `Serialize` says.",
    |value, writer| writer.serialized(value).map(drop)
);
level!(CaptureDebug(Debug), Debugged, &&Captured<'a, T>, "Written as its `Debug` text.", |value, writer| {
    writer.formatted(format_args!("{value:?}"))
});
level!(
    CaptureText(AsRef<str>),
    Texted,
    &Captured<'a, T>,
    "Written as the text that it is.",
    |value, writer| writer.text(value.as_ref())
);

/// Written as the name of its type: nothing else is known of it.
pub trait CaptureName {
    /// The value's type.
    type Capture: Capture;

    /// Chooses this way.
    fn llmetry_capture(&self) -> Self::Capture;
}

impl<T: ?Sized> CaptureName for Captured<'_, T> {
    type Capture = Named;

    #[inline]
    fn llmetry_capture(&self) -> Named {
        Named(type_name::<T>())
    }
}

/// Written as the name of its type.
#[derive(Debug)]
pub struct Named(pub(super) &'static str);

impl Capture for Named {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Stop> {
        writer.text(self.0)
    }

    fn type_name(&self) -> &'static str {
        self.0
    }
}

/// What a function returned, borrowed: `(&&Success(&result)).llmetry_success()` is what is captured of it, if anything is.
#[derive(Debug)]
pub struct Success<'a, T: ?Sized>(pub &'a T);

/// Of a `Result`, what is in its `Ok`.
pub trait SuccessOfResult {
    /// A reference to it.
    type Value;

    /// `None` for an `Err`, which the span tells as an error.
    fn llmetry_success(&self) -> Option<Self::Value>;
}

impl<'a, T, E> SuccessOfResult for &Success<'a, Result<T, E>> {
    type Value = &'a T;

    #[inline]
    fn llmetry_success(&self) -> Option<&'a T> {
        self.0.as_ref().ok()
    }
}

/// Of everything else, the whole.
pub trait SuccessOfAny {
    /// A reference to it.
    type Value;

    /// Always there.
    fn llmetry_success(&self) -> Option<Self::Value>;
}

impl<'a, T: ?Sized> SuccessOfAny for Success<'a, T> {
    type Value = &'a T;

    #[inline]
    fn llmetry_success(&self) -> Option<&'a T> {
        Some(self.0)
    }
}
