//! A JSON value that keeps the order of its keys, and lenient access to it.
//!
//! In: text. Out: [`Json`], which is `Serialize`. Not `serde_json::Value`: that sorts keys, unless a feature is on that would change the
//! maps of the whole program.

use std::fmt;

use serde_core::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_core::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use crate::content::WORD;

/// `serde_json` hands numbers over in an object with this key if some crate of the program has switched its `arbitrary_precision` on.
const NUMBER: &str = "$serde_json::private::Number";

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Int(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
    /// A word of the schema's.
    Word(&'static str),
    /// An object of the schema's.
    Schema(Vec<(&'static str, Self)>),
}

impl Json {
    /// The value that `text` is; `None` if it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The members of a list that breaks off, as far as they are whole.
    pub(super) fn beginning(text: &str) -> Option<Vec<Self>> {
        let mut rest = text.trim_start().strip_prefix('[')?;
        let mut members = Vec::new();
        loop {
            let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Self>();
            let Some(Ok(member)) = stream.next() else { return Some(members) };
            rest = &rest[stream.byte_offset()..];
            members.push(member);
            match rest.trim_start().strip_prefix(',') {
                Some(behind) => rest = behind,
                None => return Some(members),
            }
        }
    }

    /// An object of the schema's, of the members that are there.
    pub(super) fn schema<const N: usize>(members: [(&'static str, Option<Self>); N]) -> Self {
        Self::Schema(members.into_iter().filter_map(|(key, value)| Some((key, value?))).collect())
    }

    /// The member under `key` that is not `null`; the last one if there are several.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let value = match self {
            Self::Object(members) => members.iter().rfind(|(known, _)| known == key).map(|(_, value)| value),
            Self::Schema(members) => members.iter().rfind(|(known, _)| *known == key).map(|(_, value)| value),
            _ => None,
        };
        value.filter(|value| **value != Self::Null)
    }

    /// The first of `keys` that is there.
    pub(super) fn first(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().find_map(|key| self.get(key))
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Word(word) => Some(word),
            _ => None,
        }
    }

    /// The text under the first of `keys` that is there.
    pub(super) fn text_of(&self, keys: &[&str]) -> Option<&str> {
        self.first(keys)?.text()
    }

    /// The members of a list; none of anything else.
    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
            Self::Word(word) => serializer.serialize_unit_variant(WORD, 0, word),
            Self::Schema(members) => {
                let mut object = serializer.serialize_struct("", members.len())?;
                for (key, value) in members {
                    object.serialize_field(key, value)?;
                }
                object.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(i64::try_from(value).map_or(Json::Unsigned(value), Json::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object = Vec::new();
        while let Some((key, value)) = members.next_entry::<String, Json>()? {
            object.push((key, value));
        }
        Ok(number(&object).unwrap_or(Json::Object(object)))
    }
}

/// The number that an object stands for, see [`NUMBER`].
fn number(object: &[(String, Json)]) -> Option<Json> {
    let [(key, Json::Text(digits))] = object else { return None };
    let is_number = key == NUMBER;
    let int = || digits.parse().map(Json::Int).or_else(|_| digits.parse().map(Json::Unsigned)).ok();
    is_number.then(|| int().or_else(|| digits.parse().map(Json::Float).ok())).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(text: &str) -> String {
        serde_json::to_string(&Json::parse(text).expect(text)).unwrap()
    }

    #[test]
    fn values_come_out_as_they_came_in_in_their_order() {
        for text in [r#"{"z":1,"a":[true,null,-7,18446744073709551615,0.5,"é\n"],"m":{}}"#, r#""text""#, "[]"]
        {
            assert_eq!(again(text), text);
        }
        assert_eq!(again(r#"{"$serde_json::private::Number":"2.5"}"#), "2.5");
        for none in ["", "{", "text", "[1]]", &"[".repeat(100_000)] {
            assert_eq!(Json::parse(none), None);
        }
    }

    #[test]
    fn of_a_list_that_breaks_off_what_is_whole_stays() {
        let one = || Json::Int(1);
        assert_eq!(Json::beginning(r#" [1, {"a":1} , {"a":"#).map(|list| list.len()), Some(2));
        assert_eq!(Json::beginning("[1"), Some(vec![one()]));
        assert_eq!(Json::beginning("[1,"), Some(vec![one()]));
        assert_eq!(Json::beginning("[1,]"), Some(vec![one()]));
        assert_eq!(Json::beginning("["), Some(vec![]));
        assert_eq!(Json::beginning("{"), None);
    }

    #[test]
    fn access_is_lenient() {
        let value = Json::parse(r#"{"a":null,"b":"x","b":"y","c":[1]}"#).unwrap();
        assert_eq!((value.get("a"), value.text_of(&["a", "b"])), (None, Some("y")));
        assert_eq!((value.items().len(), value.get("c").unwrap().items().len()), (0, 1));
        assert_eq!((value.text_of(&["c"]), Json::Null.get("a")), (None, None));
    }
}
