//! Compact JSON of anything that is `Serialize`, in serde's usual form: structs as objects, variants by their name.
//!
//! In: calls of a `Serialize`. Out: text in a [`Writer`], which knows the bounds. What JSON has no word for is written as a text: NaN,
//! infinities, the number of bytes, keys that are no texts. An item that fails leaves a mark, and its siblings stay.

use std::fmt::{self, Display};

use serde_core::ser::{self, Serialize, Serializer};

use super::writer::{Scalar, Stop, Writer};

/// A unit variant of an enum of this name is a word of a schema: there is nothing in it that rules are for.
pub(crate) const WORD: &str = "llmetry::Word";

/// Writes one value.
pub(super) struct Json<'w, 'a>(pub(super) &'w mut Writer<'a>);

impl Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "no room for more",
            Self::Deep => "nested too deeply",
            Self::Failed => "it failed",
        })
    }
}

impl std::error::Error for Stop {}

impl ser::Error for Stop {
    /// What it says is not kept: it may hold content, and the mark names the type.
    fn custom<T: Display>(_: T) -> Self {
        Self::Failed
    }
}

macro_rules! whole_numbers {
    ($($method:ident($t:ty)),*) => {$(
        fn $method(self, value: $t) -> Result<Scalar, Stop> {
            self.0.token(format_args!("{value}"))?;
            Ok(i64::try_from(value).map_or(Scalar::Other, Scalar::I64))
        }
    )*};
}

impl<'w, 'a> Serializer for Json<'w, 'a> {
    type Ok = Scalar;
    type Error = Stop;
    type SerializeSeq = Items<'w, 'a>;
    type SerializeTuple = Items<'w, 'a>;
    type SerializeTupleStruct = Items<'w, 'a>;
    type SerializeTupleVariant = Items<'w, 'a>;
    type SerializeMap = Items<'w, 'a>;
    type SerializeStruct = Items<'w, 'a>;
    type SerializeStructVariant = Items<'w, 'a>;

    whole_numbers!(
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_i128(i128),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u64(u64),
        serialize_u128(u128)
    );

    fn serialize_bool(self, value: bool) -> Result<Scalar, Stop> {
        self.0.token(format_args!("{value}"))?;
        Ok(Scalar::Bool(value))
    }

    fn serialize_f32(self, value: f32) -> Result<Scalar, Stop> {
        // Not widened for the text: 0.1 is to stay 0.1.
        float(self.0, value.is_finite(), format_args!("{value:?}"))?;
        Ok(Scalar::F64(value.into()))
    }

    fn serialize_f64(self, value: f64) -> Result<Scalar, Stop> {
        float(self.0, value.is_finite(), format_args!("{value:?}"))?;
        Ok(Scalar::F64(value))
    }

    fn serialize_char(self, value: char) -> Result<Scalar, Stop> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<Scalar, Stop> {
        self.0.text(value).map(|()| Scalar::Other)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<Scalar, Stop> {
        self.0.formatted(format_args!("{value}")).map(|()| Scalar::Other)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Scalar, Stop> {
        self.0.mark(&format!("<{} bytes>", value.len())).map(|()| Scalar::Other)
    }

    fn serialize_none(self) -> Result<Scalar, Stop> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Scalar, Stop> {
        self.0.serialized(value)
    }

    fn serialize_unit(self) -> Result<Scalar, Stop> {
        self.0.token(format_args!("null")).map(|()| Scalar::Other)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Scalar, Stop> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Scalar, Stop> {
        if name == WORD {
            return self.0.mark(variant).map(|()| Scalar::Other);
        }
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Scalar, Stop> {
        // A type that is called `ApiKey` wraps one, whatever the field is called.
        if self.0.is_secret(name) {
            return self.0.masked().map(|()| Scalar::Other);
        }
        self.0.serialized(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Scalar, Stop> {
        let mut items = Items::begin(self.0, '{', '}')?;
        items.entry(variant, value)?;
        items.finish()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'w, 'a>, Stop> {
        Items::begin(self.0, '[', ']')
    }

    fn serialize_tuple(self, len: usize) -> Result<Items<'w, 'a>, Stop> {
        let mut items = Items::begin(self.0, '[', ']')?;
        items.is_pair = len == 2;
        Ok(items)
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Items<'w, 'a>, Stop> {
        self.serialize_tuple(len)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'w, 'a>, Stop> {
        Items::of_variant(self.0, variant, '[', ']')
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Items<'w, 'a>, Stop> {
        Items::begin(self.0, '{', '}')
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Items<'w, 'a>, Stop> {
        Items::begin(self.0, '{', '}')
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'w, 'a>, Stop> {
        Items::of_variant(self.0, variant, '{', '}')
    }
}

fn float(writer: &mut Writer<'_>, is_finite: bool, text: fmt::Arguments<'_>) -> Result<(), Stop> {
    if is_finite { writer.token(text) } else { writer.mark(&text.to_string()) }
}

/// The items of something that is open.
pub(super) struct Items<'w, 'a> {
    writer: &'w mut Writer<'a>,
    is_first: bool,
    /// A key waits for its value; whether that is a secret.
    key: Option<bool>,
    /// Two items of which the first may be the second's name, as in lists of headers.
    is_pair: bool,
    /// So many brackets were open before.
    level: usize,
    is_secret: bool,
}

impl<'w, 'a> Items<'w, 'a> {
    fn begin(writer: &'w mut Writer<'a>, begin: char, end: char) -> Result<Self, Stop> {
        let level = writer.level();
        writer.begin(begin, end)?;
        Ok(Self { writer, is_first: true, key: None, is_pair: false, level, is_secret: false })
    }

    fn of_variant(
        writer: &'w mut Writer<'a>,
        variant: &'static str,
        begin: char,
        end: char,
    ) -> Result<Self, Stop> {
        let level = writer.level();
        writer.begin('{', '}')?;
        writer.name(variant)?;
        let is_secret = writer.is_secret(variant);
        let mut items = Self::begin(writer, begin, end)?;
        (items.level, items.is_secret) = (level, is_secret);
        Ok(items)
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        self.writer.comma(self.is_first);
        if self.is_secret {
            self.is_first = false;
            return self.writer.masked();
        }
        let start = self.writer.len();
        self.writer.serialized(value)?;
        self.is_secret = self.is_pair && self.is_first && self.writer.names_secret_since(start);
        self.is_first = false;
        Ok(())
    }

    fn entry<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Stop> {
        self.writer.comma(self.is_first);
        self.is_first = false;
        self.writer.name(key)?;
        let is_secret = self.is_secret || self.writer.is_secret(key);
        self.value(value, is_secret)
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T, is_secret: bool) -> Result<(), Stop> {
        if is_secret { self.writer.masked() } else { self.writer.serialized(value).map(drop) }
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stop> {
        self.writer.comma(self.is_first);
        self.is_first = false;
        self.key = Some(self.writer.key(key)?.is_secret);
        Ok(())
    }

    fn finish(mut self) -> Result<Scalar, Stop> {
        // Some implementations forget the value of a key.
        if self.key.take().is_some() {
            self.writer.token(format_args!("null"))?;
        }
        // Of a variant, its own object too.
        self.writer.end(self.level)?;
        Ok(Scalar::Other)
    }
}

macro_rules! lists {
    ($($kind:ident::$method:ident),*) => {$(
        impl ser::$kind for Items<'_, '_> {
            type Ok = Scalar;
            type Error = Stop;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
                self.item(value)
            }

            fn end(self) -> Result<Scalar, Stop> {
                self.finish()
            }
        }
    )*};
}
lists!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

macro_rules! objects {
    ($($kind:ident),*) => {$(
        impl ser::$kind for Items<'_, '_> {
            type Ok = Scalar;
            type Error = Stop;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Stop> {
                self.entry(key, value)
            }

            fn end(self) -> Result<Scalar, Stop> {
                self.finish()
            }
        }
    )*};
}
objects!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Items<'_, '_> {
    type Ok = Scalar;
    type Error = Stop;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stop> {
        if self.key.take().is_some() {
            self.writer.token(format_args!("null"))?;
        }
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        if self.key.is_none() {
            self.key("")?;
        }
        let is_secret = self.key.take().unwrap_or_default();
        self.value(value, is_secret)
    }

    fn end(self) -> Result<Scalar, Stop> {
        self.finish()
    }
}
