//! JSON forms that serde's derive does not know: enums, times, embedded JSON, members that must not be null. Attributes
//! on generated fields name these functions. It knows no message.

pub mod object;
pub mod time;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor, value::MapAccessDeserializer},
    ser::Error as _,
};
use std::{borrow::Cow, fmt, marker::PhantomData};

/// An enum of the contract with its JSON names.
pub trait JsonEnum {
    /// Number and name of every value except the unspecified one.
    const NAMES: &'static [(i32, &'static str)];
    /// The names only.
    const ALLOWED: &'static [&'static str];

    /// The name of a number; `None` for an unspecified or unknown one.
    fn json_name(number: i32) -> Option<&'static str> {
        Self::NAMES.iter().find(|(value, _)| *value == number).map(|(_, name)| *name)
    }

    /// The number of a name.
    fn number_of(name: &str) -> Option<i32> {
        Self::NAMES.iter().find(|(_, value)| *value == name).map(|(number, _)| *number)
    }
}

/// Writes an enum; the unspecified value is null.
pub fn write_enum<E: JsonEnum, S: Serializer>(number: &i32, serializer: S) -> Result<S::Ok, S::Error> {
    E::json_name(*number).serialize(serializer)
}

/// Writes an optional enum.
pub fn write_optional_enum<E: JsonEnum, S: Serializer>(number: &Option<i32>, serializer: S) -> Result<S::Ok, S::Error> {
    number.and_then(E::json_name).serialize(serializer)
}

/// Writes a list of enums.
pub fn write_enums<E: JsonEnum, S: Serializer>(numbers: &[i32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(numbers.iter().map(|number| E::json_name(*number)))
}

/// Reads an enum that is present.
pub fn read_plain_enum<'de, E: JsonEnum, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    let name = Cow::<str>::deserialize(deserializer)?;
    E::number_of(&name).ok_or_else(|| D::Error::custom("an unknown value"))
}

/// Reads an optional enum that is present.
pub fn read_enum<'de, E: JsonEnum, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i32>, D::Error> {
    read_plain_enum::<E, D>(deserializer).map(Some)
}

/// Reads an optional enum or null.
pub fn read_nullable_enum<'de, E: JsonEnum, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i32>, D::Error> {
    let name = Option::<Cow<str>>::deserialize(deserializer)?;
    name.map(|name| E::number_of(&name).ok_or_else(|| D::Error::custom("an unknown value"))).transpose()
}

/// Reads a list of enums.
pub fn read_enums<'de, E: JsonEnum, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i32>, D::Error> {
    let names = Vec::<Cow<str>>::deserialize(deserializer)?;
    let numbers = names.iter().map(|name| E::number_of(name).ok_or_else(|| D::Error::custom("an unknown value")));
    numbers.collect()
}

/// Writes a time or null.
pub fn write_timestamp<S: Serializer>(at: &Option<prost_types::Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.serialize_str(time::Text::of(at).as_str()),
        None => serializer.serialize_none(),
    }
}

/// Reads a time that is present.
pub fn read_timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<prost_types::Timestamp>, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    time::parse(&text).map(Some).ok_or_else(|| D::Error::custom("no RFC 3339 time"))
}

/// Reads a time or null.
pub fn read_nullable_timestamp<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<prost_types::Timestamp>, D::Error> {
    let text = Option::<Cow<str>>::deserialize(deserializer)?;
    text.map(|text| time::parse(&text).ok_or_else(|| D::Error::custom("no RFC 3339 time"))).transpose()
}

/// Writes JSON text as JSON, byte for byte; an empty text is null.
pub fn write_json_text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if text.is_empty() {
        return serializer.serialize_none();
    }
    let raw: &serde_json::value::RawValue = serde_json::from_str(text).map_err(S::Error::custom)?;
    raw.serialize(serializer)
}

/// Writes a list of such texts.
pub fn write_json_texts<S: Serializer>(texts: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    let mut raw = Vec::with_capacity(texts.len());
    for text in texts {
        raw.push(serde_json::from_str::<&serde_json::value::RawValue>(text).map_err(S::Error::custom)?);
    }
    serializer.collect_seq(raw)
}

/// The same for a text that may be absent.
pub fn write_optional_json_text<S: Serializer>(text: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    write_json_text(text.as_deref().unwrap_or_default(), serializer)
}

/// Reads an object that is present as its text.
pub fn read_json_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let raw = Box::<serde_json::value::RawValue>::deserialize(deserializer)?;
    object::compact(raw.get()).map(Some).map_err(|_| D::Error::custom("no object that is taken"))
}

/// A message that is read from an object only: serde's derive would also accept an array of its fields.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// Reads a message that is present.
pub fn read_object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Object::deserialize(deserializer).map(|Object(message)| Some(message))
}

/// Reads a message or null.
pub fn read_nullable_object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|Object(message)| message))
}

/// Reads a list of messages.
pub fn read_objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Vec::<Object<T>>::deserialize(deserializer)?.into_iter().map(|Object(message)| message).collect())
}

/// Reads a member that is present, so that null does not count as absent.
pub fn read_present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
