//! How the value of a field becomes an attribute: as it is, if an attribute can hold it; else like captured content, except that a
//! number, boolean or text stays one. Fields are the program's own choice: they need no switch, and nothing is masked in them.
//!
//! In: a reference, in generated code: `(&&&&&Captured(&value)).llmetry_attribute()`. Out: an [`AttributeValue`].

use std::fmt::Debug;

use opentelemetry::Value;
use serde_core::Serialize;

use super::capture::{Capture, Captured, Debugged, Named, Serialized, Texted};
use super::writer::{Scalar, Writer};
use crate::value::IntoValue;

/// What can become an attribute, within a limit.
pub trait AttributeValue {
    /// The attribute's value; texts that are made for it have at most `max_bytes`.
    fn attribute_value(self, max_bytes: usize) -> Value;
}

impl<T: IntoValue> AttributeValue for T {
    #[inline]
    fn attribute_value(self, _: usize) -> Value {
        self.into_value()
    }
}

/// What an attribute can hold.
pub trait FieldAsIs {
    /// The same type.
    type Attribute: AttributeValue;

    /// Chooses this way.
    fn llmetry_attribute(&self) -> Self::Attribute;
}

impl<T: IntoValue + Clone> FieldAsIs for &&&&Captured<'_, T> {
    type Attribute = T;

    #[inline]
    fn llmetry_attribute(&self) -> T {
        self.0.clone()
    }
}

macro_rules! level {
    ($name:ident($bound:path), $out:ident, $receiver:ty, $doc:literal) => {
        #[doc = $doc]
        pub trait $name {
            /// The value with its way.
            type Attribute: AttributeValue;

            /// Chooses this way.
            fn llmetry_attribute(&self) -> Self::Attribute;
        }

        impl<'a, T: $bound + ?Sized> $name for $receiver {
            type Attribute = $out<'a, T>;

            #[inline]
            fn llmetry_attribute(&self) -> $out<'a, T> {
                $out(self.0)
            }
        }
    };
}

level!(
    FieldAsSerialize(Serialize),
    Serialized,
    &&&Captured<'a, T>,
    "As its `Serialize` says: a number, boolean or text, else JSON."
);
level!(FieldAsDebug(Debug), Debugged, &&Captured<'a, T>, "Its `Debug` text.");
level!(FieldAsText(AsRef<str>), Texted, &Captured<'a, T>, "The text that it is.");

/// The name of its type: nothing else is known of it.
pub trait FieldAsName {
    /// The value's type.
    type Attribute: AttributeValue;

    /// Chooses this way.
    fn llmetry_attribute(&self) -> Self::Attribute;
}

impl<T: ?Sized> FieldAsName for Captured<'_, T> {
    type Attribute = Named;

    #[inline]
    fn llmetry_attribute(&self) -> Named {
        Named(std::any::type_name::<T>())
    }
}

impl<T: Serialize + ?Sized> AttributeValue for Serialized<'_, T> {
    fn attribute_value(self, max_bytes: usize) -> Value {
        let mut scalar = Scalar::Other;
        let text = written(self.type_name(), max_bytes, |writer| {
            scalar = writer.serialized(self.0)?;
            Ok(())
        });
        match scalar {
            Scalar::Bool(value) => Value::Bool(value),
            Scalar::I64(value) => Value::I64(value),
            Scalar::F64(value) => Value::F64(value),
            Scalar::Other => text,
        }
    }
}

impl<T: Debug + ?Sized> AttributeValue for Debugged<'_, T> {
    fn attribute_value(self, max_bytes: usize) -> Value {
        written(self.type_name(), max_bytes, |writer| self.write(writer))
    }
}

impl<T: AsRef<str> + ?Sized> AttributeValue for Texted<'_, T> {
    fn attribute_value(self, max_bytes: usize) -> Value {
        written(self.type_name(), max_bytes, |writer| self.write(writer))
    }
}

impl AttributeValue for Named {
    fn attribute_value(self, _: usize) -> Value {
        Value::from(self.0)
    }
}

fn written(
    type_name: &'static str,
    max_bytes: usize,
    write: impl FnOnce(&mut Writer<'_>) -> Result<(), super::writer::Stop>,
) -> Value {
    let mut writer = Writer::for_field(max_bytes);
    writer.guarded(type_name, write);
    writer.finish().map(String::from).unwrap_or_default().into()
}
