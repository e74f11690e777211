//! Which Rust values can stand in an attribute, and how long a text may be there.
//!
//! In: values of user code. Out: `opentelemetry::Value`. Does not: serialise structures (`content` does).

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::{Array, StringValue, Value};

/// A value that an attribute can hold: booleans, numbers, texts, and lists of them.
///
/// OpenTelemetry knows signed 64-bit integers only; an unsigned value above [`i64::MAX`] is written as its decimal text.
/// `None` is written as the text `null`, since leaving a key out is the caller's decision.
///
/// ```
/// use llmetry::IntoValue;
/// assert_eq!(3_u32.into_value(), opentelemetry::Value::I64(3));
/// assert_eq!("x".into_value(), opentelemetry::Value::from("x"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand in a span attribute",
    note = "attributes hold booleans, numbers, strings and lists of them; format it first, e.g. `format!(\"{{value:?}}\")`"
)]
pub trait IntoValue {
    /// The attribute's value.
    fn into_value(self) -> Value;
}

macro_rules! as_is {
    ($($t:ty),*) => {$(
        impl IntoValue for $t {
            fn into_value(self) -> Value {
                self.into()
            }
        }
    )*};
}
as_is!(bool, i64, f64, String, StringValue, Arc<str>);

macro_rules! widened {
    ($($t:ty),*) => {$(
        impl IntoValue for $t {
            fn into_value(self) -> Value {
                Value::I64(i64::from(self))
            }
        }
    )*};
}
widened!(i8, i16, i32, u8, u16, u32);

macro_rules! maybe_too_large {
    ($($t:ty),*) => {$(
        impl IntoValue for $t {
            fn into_value(self) -> Value {
                i64::try_from(self).map_or_else(|_| self.to_string().into(), Value::I64)
            }
        }
    )*};
}
maybe_too_large!(u64, usize, isize, u128, i128);

/// A string literal in generated code: no copy is made of it.
#[derive(Clone, Copy, Debug)]
pub struct Text(pub &'static str);

impl IntoValue for Text {
    fn into_value(self) -> Value {
        Value::String(StringValue::from(self.0))
    }
}

impl IntoValue for Value {
    fn into_value(self) -> Value {
        self
    }
}

impl IntoValue for f32 {
    fn into_value(self) -> Value {
        Value::F64(self.into())
    }
}

impl IntoValue for char {
    fn into_value(self) -> Value {
        self.to_string().into()
    }
}

impl IntoValue for &str {
    fn into_value(self) -> Value {
        self.to_owned().into()
    }
}

impl IntoValue for Cow<'_, str> {
    fn into_value(self) -> Value {
        self.into_owned().into()
    }
}

impl IntoValue for &String {
    fn into_value(self) -> Value {
        self.clone().into()
    }
}

macro_rules! by_reference {
    ($($t:ty),*) => {$(
        impl IntoValue for &$t {
            fn into_value(self) -> Value {
                (*self).into_value()
            }
        }
    )*};
}
by_reference!(bool, char, f32, f64, i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);

impl<T: IntoValue> IntoValue for Option<T> {
    fn into_value(self) -> Value {
        self.map_or_else(|| Value::from("null"), IntoValue::into_value)
    }
}

impl IntoValue for Vec<String> {
    fn into_value(self) -> Value {
        Value::Array(Array::String(self.into_iter().map(StringValue::from).collect()))
    }
}

impl IntoValue for &[&str] {
    fn into_value(self) -> Value {
        Value::Array(Array::String(self.iter().map(|item| StringValue::from((*item).to_owned())).collect()))
    }
}

impl IntoValue for Vec<i64> {
    fn into_value(self) -> Value {
        Value::Array(Array::I64(self))
    }
}

impl IntoValue for Vec<f64> {
    fn into_value(self) -> Value {
        Value::Array(Array::F64(self))
    }
}

impl IntoValue for Vec<bool> {
    fn into_value(self) -> Value {
        Value::Array(Array::Bool(self))
    }
}

/// Cuts every text in `value` to `limit` bytes, on a character's edge.
pub(crate) fn cut(value: &mut Value, limit: usize) {
    match value {
        Value::String(text) if text.as_str().len() > limit => {
            *text = prefix(text.as_str(), limit).to_owned().into();
        }
        Value::Array(Array::String(items)) => {
            for item in items.iter_mut().filter(|item| item.as_str().len() > limit) {
                *item = prefix(item.as_str(), limit).to_owned().into();
            }
        }
        _ => {}
    }
}

/// `text` cut to `limit` bytes, on a character's edge.
pub(crate) fn prefix(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_numbers_and_large_ones_stay_exact() {
        assert_eq!(7_u8.into_value(), Value::I64(7));
        assert_eq!(u64::MAX.into_value(), Value::from("18446744073709551615"));
        assert_eq!(1.5_f32.into_value(), Value::F64(1.5));
    }

    #[test]
    fn texts_are_cut_between_characters() {
        let cut_to = |value: Value, limit| {
            let mut value = value;
            cut(&mut value, limit);
            value
        };
        assert_eq!(cut_to("äöü".into_value(), 3), Value::from("ä"));
        assert_eq!(cut_to("abc".into_value(), 3), Value::from("abc"));
        assert_eq!(cut_to(vec!["abcd".to_owned()].into_value(), 2), vec!["ab".to_owned()].into_value());
    }
}
