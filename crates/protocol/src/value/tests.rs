//! Every kind of value crosses and comes back equal; hostile bytes are refused.

use super::*;
use crate::{decode, encode_datagram};

fn check(value: &Value) {
    let bytes = encode_datagram(value).unwrap();
    let back: Value = decode(&bytes).unwrap();
    assert_eq!(&back, value);
}

#[test]
fn values_come_back_equal() {
    let all = vec![
        Value::Nil,
        Value::Bool(true),
        Value::Int(i64::MIN),
        Value::Int(-1),
        Value::Int(i64::MAX),
        Value::BigInt(vec![0, 0, 0, 0, 0, 0, 0, 0, 1]),
        Value::Float(0.1 + 0.2),
        Value::Float(f64::INFINITY),
        Value::Float(-0.0),
        Value::Str("naïve 🎈\0".into()),
        Value::Text(vec![0xed, 0xa0, 0x80]),
        Value::Bytes(vec![0, 255]),
        Value::DateTime(DateTimeKind::DateTime, "2026-07-28T12:00:00+02:00".into()),
        Value::DateTime(DateTimeKind::Date, "2026-07-28".into()),
        Value::DateTime(DateTimeKind::Time, "12:00:00".into()),
    ];
    all.iter().for_each(check);
    check(&Value::Tuple(all.clone()));
    check(&Value::Set(vec![Value::Int(1)]));
    check(&Value::FrozenSet(vec![]));
    check(&Value::List(vec![Value::Tuple(vec![]), Value::List(all.clone())]));
    check(&Value::Map(vec![
        (Value::Str("b".into()), Value::Int(1)),
        (Value::Str("a".into()), Value::Map(vec![])),
        (Value::Tuple(vec![Value::Int(1)]), Value::Set(vec![])),
    ]));
}

#[test]
fn nan_keeps_its_bits() {
    let bytes = encode_datagram(&Value::Float(f64::NAN)).unwrap();
    assert!(matches!(decode::<Value>(&bytes).unwrap(), Value::Float(x) if x.to_bits() == f64::NAN.to_bits()));
}

#[test]
fn an_unsigned_integer_beyond_63_bits_is_a_big_one() {
    let bytes = encode_datagram(&u64::MAX).unwrap();
    let expected = vec![255, 255, 255, 255, 255, 255, 255, 255, 0];
    assert_eq!(decode::<Value>(&bytes).unwrap(), Value::BigInt(expected));
}

#[test]
fn hostile_bytes_are_refused() {
    let deep = |level: u8| [vec![level; 100_000], vec![0xc0]].concat();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("deep lists", deep(0x91)),
        ("deep maps", [0x81, 0xc0].repeat(100_000)),
        ("a list that claims four billion items", vec![0xdd, 255, 255, 255, 255]),
        ("bytes that claim four gigabytes", vec![0xc6, 255, 255, 255, 255]),
        ("a lone marker", encode_datagram(&extension(TUPLE, b"")).unwrap()),
        ("an unknown extension", encode_datagram(&extension(99, b"x")).unwrap()),
        ("trailing bytes", vec![0xc0, 0xc0]),
        ("nothing", vec![]),
        ("the reserved byte", vec![0xc1]),
    ];
    for (what, bytes) in cases {
        assert!(decode::<Value>(&bytes).is_err(), "{what}");
    }
}
