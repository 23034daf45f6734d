//! Sizes and durations as people write them: `2000000000`, `"2GB"`, `"512MiB"`; `90`, `0.5`, `"30m"`.
//!
//! `GB` is a power of ten and `GiB` a power of two; a bare number is bytes or seconds.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

/// A text that is no size or duration.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("`{given}` is not a {kind}; write {allowed}")]
pub struct UnitError {
    given: String,
    kind: &'static str,
    allowed: &'static str,
}

const SIZES: &str = "a number of bytes, or a number with KB, MB, GB, TB, KiB, MiB, GiB or TiB";
const SPANS: &str = "a number of seconds, or a number with ms, s, m, h or d";

impl FromStr for Size {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = || UnitError { given: shorten(text), kind: "size", allowed: SIZES };
        let (number, unit) = split(text).ok_or_else(error)?;
        let scale: u64 = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" => 1_000,
            "m" | "mb" => 1_000_000,
            "g" | "gb" => 1_000_000_000,
            "t" | "tb" => 1_000_000_000_000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            "tib" => 1 << 40,
            _ => return Err(error()),
        };
        // Whole numbers stay exact; a fraction ("1.5GB") is rounded to a whole byte.
        let bytes = match number.parse::<u64>() {
            Ok(whole) => whole.checked_mul(scale),
            Err(_) => number.parse::<f64>().ok().and_then(|part| whole_bytes(part * scale as f64)),
        };
        bytes.map(Self).ok_or_else(error)
    }
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = || UnitError { given: shorten(text), kind: "duration", allowed: SPANS };
        let (number, unit) = split(text).ok_or_else(error)?;
        let seconds = match unit {
            "ms" => 0.001,
            "" | "s" | "sec" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return Err(error()),
        };
        let number: f64 = number.parse().map_err(|_| error())?;
        Duration::try_from_secs_f64(number * seconds).map(Self).map_err(|_| error())
    }
}

fn whole_bytes(bytes: f64) -> Option<u64> {
    (bytes.is_finite() && (0.0..9.0e18).contains(&bytes)).then_some(bytes.round() as u64)
}

/// The number and the unit of `512 MiB`; `None` when it does not start with a digit.
fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    number.starts_with(|c: char| c.is_ascii_digit()).then_some((number, unit.trim_start()))
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

struct SizeVisitor;

impl Visitor<'_> for SizeVisitor {
    type Value = Size;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SIZES)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Size, E> {
        u64::try_from(value).map(Size).map_err(|_| E::custom(format!("a size can't be negative: {value}")))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Size, E> {
        Ok(Size(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
        text.parse().map_err(E::custom)
    }
}

struct SpanVisitor;

impl Visitor<'_> for SpanVisitor {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SPANS)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Span, E> {
        self.visit_f64(value as f64)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Span, E> {
        Ok(Span(Duration::from_secs(value)))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Span, E> {
        let span = Duration::try_from_secs_f64(value);
        span.map(Span).map_err(|_| E::custom(format!("a duration can't be {value} seconds")))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
        text.parse().map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(SizeVisitor)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(SpanVisitor)
    }
}

#[cfg(test)]
mod tests;
