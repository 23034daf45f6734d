//! Values and bytes made by chance, from a seed that a failure names: what is encoded comes back equal, and no bytes do
//! more than fail.

use super::*;
use crate::{
    Buffer, FrameError, FromLive, FromSupervisor, FromWorker, FromZygote, MAX_FRAME, ToSupervisor, decode,
    encode, encode_datagram,
};

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> usize {
        (self.next() % limit) as usize
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.next() as u8).collect()
    }

    fn text(&mut self) -> String {
        let plain = |number: u64| char::from_u32((number % 0x11_0000) as u32).unwrap_or('\u{fffd}');
        (0..self.below(12)).map(|_| plain(self.next())).collect()
    }

    fn values(&mut self, depth: usize) -> Vec<Value> {
        (0..self.below(5)).map(|_| self.value(depth)).collect()
    }

    fn value(&mut self, depth: usize) -> Value {
        // Containers only as deep as asked.
        let kinds = if depth == 0 { 9 } else { 14 };
        match self.below(kinds) {
            0 => Value::Nil,
            1 => Value::Bool(self.below(2) == 0),
            2 => Value::Int((self.next() as i64) >> self.below(64)),
            3 => Value::BigInt(self.bytes(40)),
            // NaN is not equal to itself and has a test of its own.
            4 => {
                Value::Float(Some(f64::from_bits(self.next())).filter(|float| !float.is_nan()).unwrap_or(0.5))
            }
            5 => Value::Str(self.text()),
            6 => Value::Text(self.bytes(40)),
            7 => Value::Bytes(self.bytes(300)),
            8 => {
                let kinds = [DateTimeKind::DateTime, DateTimeKind::Date, DateTimeKind::Time];
                // Python writes them in ASCII, and short.
                let digits =
                    (0..self.below(30)).map(|_| char::from(b' ' + (self.next() % 90) as u8)).collect();
                Value::DateTime(kinds[self.below(3)], digits)
            }
            9 => Value::List(self.values(depth - 1)),
            10 => Value::Tuple(self.values(depth - 1)),
            11 => Value::Set(self.values(depth - 1)),
            12 => Value::FrozenSet(self.values(depth - 1)),
            _ => {
                let keys = self.values(depth - 1);
                Value::Map(keys.into_iter().map(|key| (key, self.value(depth - 1))).collect())
            }
        }
    }
}

#[test]
fn any_value_comes_back_equal() {
    for seed in 0..3_000 {
        let value = Dice(seed).value(5);
        let bytes = encode_datagram(&value).unwrap();
        assert_eq!(decode::<Value>(&bytes).unwrap(), value, "seed {seed}");
        // Less is not a value, and more is not one either.
        for cut in [0, bytes.len() / 2, bytes.len() - 1] {
            assert!(decode::<Value>(&bytes[..cut]).is_err(), "seed {seed}, {cut} of {} bytes", bytes.len());
        }
        let longer = [bytes.as_slice(), &[0xc0]].concat();
        assert!(matches!(decode::<Value>(&longer), Err(FrameError::Trailing(1))), "seed {seed}");
    }
}

#[test]
fn damaged_values_are_refused_or_are_values() {
    let (mut refused, mut read) = (0, 0);
    for seed in 0..3_000 {
        let mut dice = Dice(seed);
        let mut bytes = encode_datagram(&dice.value(4)).unwrap();
        for _ in 0..=dice.below(3) {
            let at = dice.below(bytes.len() as u64);
            bytes[at] = dice.next() as u8;
        }
        match decode::<Value>(&bytes) {
            // What was read can be written, and says the same again.
            Ok(value) => {
                read += 1;
                let again = encode_datagram(&value).unwrap();
                let back = encode_datagram(&decode::<Value>(&again).unwrap()).unwrap();
                assert_eq!(back, again, "seed {seed}");
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 300 && read > 300, "both ways are taken: {refused} and {read}");
}

#[test]
fn any_bytes_are_refused_or_are_messages() {
    for seed in 0..20_000 {
        let bytes = Dice(seed).bytes(60);
        // Nothing is asked but that each comes to an end, without a panic and within its memory.
        let _ = decode::<FromSupervisor>(&bytes);
        let _ = decode::<FromZygote>(&bytes);
        let _ = decode::<FromLive>(&bytes);
        let _ = decode::<FromWorker>(&bytes);
        let _ = decode::<ToSupervisor>(&bytes);
        let _ = decode::<Value>(&bytes);
    }
}

#[test]
fn frames_are_cut_at_the_same_places_however_they_come() {
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let sent: Vec<Value> = (0..1 + dice.below(6)).map(|_| dice.value(3)).collect();
        let stream: Vec<u8> = sent.iter().flat_map(|value| encode(value).unwrap()).collect();
        let (mut buffer, mut received, mut at) = (Buffer::default(), Vec::new(), 0);
        while at < stream.len() {
            let end = (at + 1 + dice.below(40)).min(stream.len());
            buffer.extend(&stream[at..end]);
            at = end;
            while let Some(frame) = buffer.next_frame().unwrap() {
                received.push(decode::<Value>(frame).unwrap());
            }
        }
        assert_eq!(received, sent, "seed {seed}");
    }
}

#[test]
fn no_stream_makes_a_frame_longer_than_the_limit() {
    for seed in 0..3_000 {
        let mut dice = Dice(seed);
        let mut buffer = Buffer::default();
        for _ in 0..8 {
            buffer.extend(&dice.bytes(64));
            match buffer.next_frame() {
                Ok(Some(frame)) => assert!(frame.len() <= MAX_FRAME),
                Ok(None) => {}
                Err(error) => {
                    assert!(
                        matches!(error, FrameError::TooLong { length } if length > MAX_FRAME),
                        "seed {seed}"
                    );
                    break;
                }
            }
        }
    }
}
