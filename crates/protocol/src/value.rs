//! Python values as they cross in host calls.
//!
//! None, booleans, integers up to 64 bits, floats (NaN and infinities too), text, bytes, lists and dicts are
//! native MessagePack. The rest are extension types: scalars directly, and containers as a map with one entry
//! whose key is the empty extension, so that the decoder's depth limit sees every level.

use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::ByteBuf;

const BIG_INTEGER: i8 = 1;
const TEXT: i8 = 2;
const TUPLE: i8 = 3;
const SET: i8 = 4;
const FROZEN_SET: i8 = 5;
const DATE_TIME: i8 = 6;
const DATE: i8 = 7;
const TIME: i8 = 8;

/// One Python value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `None`.
    Nil,
    /// `bool`.
    Bool(bool),
    /// `int` that fits into 64 bits with sign.
    Int(i64),
    /// Any other `int`: little-endian two's complement, as `int.to_bytes(..., signed=True)` gives it.
    BigInt(Vec<u8>),
    /// `float`, bit for bit.
    Float(f64),
    /// `str` without lone surrogates.
    Str(String),
    /// `str` with lone surrogates, encoded with Python's `surrogatepass`.
    Text(Vec<u8>),
    /// `bytes`.
    Bytes(Vec<u8>),
    /// `list`.
    List(Vec<Value>),
    /// `tuple`.
    Tuple(Vec<Value>),
    /// `set`.
    Set(Vec<Value>),
    /// `frozenset`.
    FrozenSet(Vec<Value>),
    /// `dict`, in order, with keys of any kind.
    Map(Vec<(Value, Value)>),
    /// `datetime`, `date` or `time` in ISO 8601.
    DateTime(DateTimeKind, String),
}

/// Which of Python's three calendar types an ISO text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateTimeKind {
    /// `datetime.datetime`.
    DateTime,
    /// `datetime.date`.
    Date,
    /// `datetime.time`.
    Time,
}

/// An extension as the MessagePack crate wants it spelled.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename = "_ExtStruct")]
struct Extension((i8, ByteBuf));

fn extension(tag: i8, bytes: &[u8]) -> Extension {
    Extension((tag, ByteBuf::from(bytes)))
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nil => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::BigInt(bytes) => extension(BIG_INTEGER, bytes).serialize(serializer),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Str(text) => serializer.serialize_str(text),
            Self::Text(bytes) => extension(TEXT, bytes).serialize(serializer),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::List(items) => items.serialize(serializer),
            Self::Tuple(items) => marked(serializer, TUPLE, items),
            Self::Set(items) => marked(serializer, SET, items),
            Self::FrozenSet(items) => marked(serializer, FROZEN_SET, items),
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
            Self::DateTime(kind, text) => {
                let tag = match kind {
                    DateTimeKind::DateTime => DATE_TIME,
                    DateTimeKind::Date => DATE,
                    DateTimeKind::Time => TIME,
                };
                if !text.is_ascii() {
                    return Err(S::Error::custom("a calendar value is ASCII"));
                }
                extension(tag, text.as_bytes()).serialize(serializer)
            }
        }
    }
}

fn marked<S: Serializer>(serializer: S, tag: i8, items: &[Value]) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(&extension(tag, b""), items)?;
    map.end()
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(Reader)? {
            Read::Value(value) => Ok(value),
            Read::Marker(_) => Err(D::Error::custom("a container's marker stands alone")),
        }
    }
}

/// What one item turns out to be: a value, or the marker that begins a marked container.
enum Read {
    Value(Value),
    Marker(i8),
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Python value")
    }
    fn visit_unit<E>(self) -> Result<Read, E> {
        Ok(Read::Value(Value::Nil))
    }
    fn visit_bool<E>(self, value: bool) -> Result<Read, E> {
        Ok(Read::Value(Value::Bool(value)))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Read, E> {
        Ok(Read::Value(Value::Int(value)))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Read, E> {
        Ok(Read::Value(match i64::try_from(value) {
            Ok(small) => Value::Int(small),
            Err(_) => {
                let mut bytes = value.to_le_bytes().to_vec();
                bytes.push(0);
                Value::BigInt(bytes)
            }
        }))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Read, E> {
        Ok(Read::Value(Value::Float(value)))
    }
    fn visit_f32<E>(self, value: f32) -> Result<Read, E> {
        Ok(Read::Value(Value::Float(f64::from(value))))
    }
    fn visit_str<E>(self, text: &str) -> Result<Read, E> {
        Ok(Read::Value(Value::Str(text.to_owned())))
    }
    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Read, E> {
        Ok(Read::Value(Value::Bytes(bytes.to_vec())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Read, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Value>()? {
            list.push(item);
        }
        Ok(Read::Value(Value::List(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Read>()? {
            match key {
                Read::Value(key) => entries.push((key, map.next_value::<Value>()?)),
                Read::Marker(tag) => {
                    let items = map.next_value::<Vec<Value>>()?;
                    if !entries.is_empty() || map.next_key::<Read>()?.is_some() {
                        return Err(A::Error::custom("a marked container has one entry"));
                    }
                    return Ok(Read::Value(match tag {
                        TUPLE => Value::Tuple(items),
                        SET => Value::Set(items),
                        _ => Value::FrozenSet(items),
                    }));
                }
            }
        }
        Ok(Read::Value(Value::Map(entries)))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Read, D::Error> {
        let (tag, bytes) = <(i8, ByteBuf)>::deserialize(deserializer)?;
        let iso = |kind, bytes: ByteBuf| match String::from_utf8(bytes.into_vec()) {
            Ok(text) if text.is_ascii() && text.len() <= 64 => Ok(Read::Value(Value::DateTime(kind, text))),
            _ => Err(D::Error::custom("a calendar value is short ASCII")),
        };
        match tag {
            BIG_INTEGER => Ok(Read::Value(Value::BigInt(bytes.into_vec()))),
            TEXT => Ok(Read::Value(Value::Text(bytes.into_vec()))),
            TUPLE | SET | FROZEN_SET if bytes.is_empty() => Ok(Read::Marker(tag)),
            DATE_TIME => iso(DateTimeKind::DateTime, bytes),
            DATE => iso(DateTimeKind::Date, bytes),
            TIME => iso(DateTimeKind::Time, bytes),
            other => Err(D::Error::custom(format_args!("unknown extension type {other}"))),
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
