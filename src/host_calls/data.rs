//! Python values to the plain data of tools, and back.
//!
//! JSON has fewer types: tuples become lists and calendar values their ISO text; what JSON cannot say at all is refused with
//! its type. Numbers keep every digit in both directions.

use actwright_protocol::{DateTimeKind, Value};
use serde_json::{Map, Number, Value as Json};

/// The deepest nesting that is answered with.
const DEPTH: u32 = 90;

/// A Python value as JSON, or what JSON has no word for.
pub fn to_json(value: Value) -> Result<Json, String> {
    Ok(match value {
        Value::Nil => Json::Null,
        Value::Bool(flag) => Json::Bool(flag),
        Value::Int(number) => number.into(),
        Value::BigInt(bytes) => Json::Number(Number::from_string_unchecked(decimal(&bytes))),
        Value::Float(number) => {
            let finite = Number::from_f64(number);
            Json::Number(finite.ok_or_else(|| format!("the float {number}, which JSON cannot say"))?)
        }
        Value::Str(text) => Json::String(text),
        Value::Text(_) => return Err("a text with lone surrogates".to_owned()),
        Value::Bytes(_) => return Err("bytes inside another value".to_owned()),
        Value::List(items) | Value::Tuple(items) => {
            Json::Array(items.into_iter().map(to_json).collect::<Result<_, _>>()?)
        }
        Value::Set(_) | Value::FrozenSet(_) => return Err("a set; use a list".to_owned()),
        Value::Map(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let Value::Str(key) = key else {
                    return Err("a dict with a key that is not a str".to_owned());
                };
                map.insert(key, to_json(value)?);
            }
            Json::Object(map)
        }
        Value::DateTime(DateTimeKind::DateTime | DateTimeKind::Date | DateTimeKind::Time, text) => {
            Json::String(text)
        }
    })
}

/// Plain data as a Python value.
pub fn from_json(value: Json) -> Value {
    convert(value, DEPTH)
}

fn convert(value: Json, depth: u32) -> Value {
    match value {
        Json::Null => Value::Nil,
        Json::Bool(flag) => Value::Bool(flag),
        Json::Number(number) => from_number(&number),
        Json::String(text) => Value::Str(text),
        // What is deeper than a message may be stays text.
        deep @ (Json::Array(_) | Json::Object(_)) if depth == 0 => Value::Str(deep.to_string()),
        Json::Array(items) => Value::List(items.into_iter().map(|item| convert(item, depth - 1)).collect()),
        Json::Object(map) => Value::Map(
            map.into_iter().map(|(key, value)| (Value::Str(key), convert(value, depth - 1))).collect(),
        ),
    }
}

fn from_number(number: &Number) -> Value {
    if let Some(small) = number.as_i64() {
        return Value::Int(small);
    }
    let text = number.as_str();
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return Value::BigInt(two_complement(text));
    }
    Value::Float(text.parse().unwrap_or(f64::NAN))
}

/// Decimal digits of a little-endian two's complement number.
fn decimal(bytes: &[u8]) -> String {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut magnitude: Vec<u8> = bytes.to_vec();
    if negative {
        negate(&mut magnitude);
    }
    // Base 10^9 digits, the lowest first.
    let mut digits: Vec<u32> = vec![0];
    for byte in magnitude.iter().rev() {
        let mut carry = u64::from(*byte);
        for digit in &mut digits {
            let value = u64::from(*digit) * 256 + carry;
            *digit = (value % 1_000_000_000) as u32;
            carry = value / 1_000_000_000;
        }
        if carry > 0 {
            digits.push(carry as u32);
        }
    }
    let mut text = String::new();
    if negative {
        text.push('-');
    }
    let mut highest_first = digits.iter().rev();
    if let Some(first) = highest_first.next() {
        text.push_str(&first.to_string());
    }
    for digit in highest_first {
        text.push_str(&format!("{digit:09}"));
    }
    text
}

/// The little-endian two's complement of decimal digits, with room for the sign.
fn two_complement(text: &str) -> Vec<u8> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let mut bytes: Vec<u8> = vec![0];
    for digit in digits.bytes() {
        let mut carry = u32::from(digit - b'0');
        for byte in &mut bytes {
            let value = u32::from(*byte) * 10 + carry;
            *byte = (value & 0xff) as u8;
            carry = value >> 8;
        }
        if carry > 0 {
            bytes.push(carry as u8);
        }
    }
    bytes.push(0);
    if negative {
        negate(&mut bytes);
    }
    bytes
}

fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes {
        let (value, over) = (!*byte).overflowing_add(u8::from(carry));
        *byte = value;
        carry = over;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_keep_every_digit() {
        let check = |text: &str| {
            let number: Json = serde_json::from_str(text).unwrap();
            let value = from_json(number.clone());
            assert_eq!(to_json(value).unwrap().to_string(), text);
        };
        for text in [
            "0",
            "-1",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551615",
            "1267650600228229401496703205376",
            "-340282366920938463463374607431768211456",
            "0.1",
            "1e300",
        ] {
            check(&text.replace("1e300", "1e+300"));
        }
        assert_eq!(from_json(serde_json::from_str("1e999").unwrap()), Value::Float(f64::INFINITY));
    }

    #[test]
    fn what_json_cannot_say_is_named() {
        let check = |value: Value, expected: &str| {
            let words = to_json(value).unwrap_err();
            assert!(words.contains(expected), "{words}");
        };
        check(Value::Float(f64::NAN), "the float NaN");
        check(Value::Set(vec![]), "a set");
        check(Value::List(vec![Value::Bytes(vec![1])]), "bytes");
        check(Value::Map(vec![(Value::Int(1), Value::Nil)]), "key that is not a str");
        let tuple = Value::Tuple(vec![Value::DateTime(DateTimeKind::Date, "2026-01-02".into())]);
        assert_eq!(to_json(tuple), Ok(json!(["2026-01-02"])));
    }
}
