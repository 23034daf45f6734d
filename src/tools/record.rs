//! The record that every call of a tool leaves, also one that was refused or given up: which tool, who called, what went in
//! and out, by size and digest, how long it took and how it ended. Never the values themselves.

use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::arguments::Arguments;
use super::call::Origin;
use super::failure::Failure;
use super::output::{Output, size_of_json};
use super::tally::Count;

/// One call's record. When it is dropped it is written, also when nobody has waited for the call's end.
#[derive(Debug)]
pub struct Record<'a> {
    tool: &'a str,
    origin: &'a Origin,
    started: Instant,
    digest: String,
    sent: usize,
    received: usize,
    outcome: &'static str,
}

impl<'a> Record<'a> {
    /// Of a call that begins now.
    pub fn begin(tool: &'a str, origin: &'a Origin) -> Self {
        let started = Instant::now();
        Self { tool, origin, started, digest: String::new(), sent: 0, received: 0, outcome: "cancelled" }
    }

    /// These are its arguments.
    pub fn arguments(&mut self, arguments: &Arguments) {
        let bytes: usize = arguments.bytes.values().map(Vec::len).sum();
        self.sent = bytes + arguments.values.values().map(size_of_json).sum::<usize>();
        // Only for a log that shows it: a digest of much data takes its time.
        if tracing::enabled!(target: "audit", tracing::Level::INFO) {
            self.digest = digest(arguments);
        }
    }

    /// It has ended like this.
    pub fn end(&mut self, result: &Result<Output, Failure>) {
        match result {
            Ok(output) => {
                self.outcome = "ok";
                self.received = output.size();
            }
            Err(failure) => self.outcome = failure.kind.word(),
        }
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        let time = self.started.elapsed();
        if let Some(cell) = &self.origin.cell {
            let failed = u32::from(self.outcome != "ok");
            let (sent, received) = (self.sent as u64, self.received as u64);
            cell.note(self.tool, Count { calls: 1, failed, time, sent, received });
        }
        tracing::info!(
            target: "audit",
            tool = self.tool,
            caller = self.origin.caller.word(),
            session = self.origin.session.as_deref().unwrap_or("-"),
            arguments = self.digest,
            sent = self.sent,
            received = self.received,
            ms = milliseconds(time),
            outcome = self.outcome,
            "tool call"
        );
    }
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// The first 128 bits of a SHA-256 over the arguments, the same in whatever order they were given.
pub fn digest(arguments: &Arguments) -> String {
    let mut hasher = Sha256::new();
    let mut names: Vec<&String> = arguments.values.keys().chain(arguments.bytes.keys()).collect();
    names.sort();
    for name in names {
        feed(&mut hasher, b'k', name.as_bytes());
        match (arguments.values.get(name), arguments.bytes.get(name)) {
            (Some(value), _) => feed_value(&mut hasher, value),
            (None, Some(bytes)) => feed(&mut hasher, b'b', bytes),
            (None, None) => {}
        }
    }
    hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Each piece with its kind and length, so that no two trees look alike.
fn feed(hasher: &mut Sha256, kind: u8, bytes: &[u8]) {
    hasher.update([kind]);
    hasher.update((bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

fn feed_value(hasher: &mut Sha256, value: &Value) {
    match value {
        Value::Array(items) => {
            feed(hasher, b'a', &(items.len() as u64).to_le_bytes());
            items.iter().for_each(|item| feed_value(hasher, item));
        }
        Value::Object(map) => {
            feed(hasher, b'o', &(map.len() as u64).to_le_bytes());
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            for key in keys {
                feed(hasher, b'k', key.as_bytes());
                map.get(key).into_iter().for_each(|value| feed_value(hasher, value));
            }
        }
        Value::String(text) => feed(hasher, b's', text.as_bytes()),
        plain => feed(hasher, b'p', plain.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::tools::Caller;
    use crate::tools::tally::Tally;

    fn arguments(value: Value) -> Arguments {
        let Value::Object(values) = value else { panic!("an object") };
        Arguments { values, ..Arguments::default() }
    }

    #[test]
    fn a_digest_tells_arguments_apart_and_not_their_order() {
        let of = |value: Value| digest(&arguments(value));
        assert_eq!(of(json!({"a": 1, "b": {"c": 2, "d": 3}})), of(json!({"b": {"d": 3, "c": 2}, "a": 1})));
        let others = [
            json!({}),
            json!({"a": 1}),
            json!({"a": "1"}),
            json!({"a": [1]}),
            json!({"a": [[1]]}),
            json!({"a": ["x", "y"]}),
            json!({"a": ["xy"]}),
            json!({"a": null}),
        ];
        for (index, one) in others.iter().enumerate() {
            for other in &others[index + 1..] {
                assert_ne!(of(one.clone()), of(other.clone()), "{one} {other}");
            }
        }
        assert_eq!(of(json!({"a": 1})).len(), 32);
    }

    #[test]
    fn a_call_is_counted_however_it_ends() {
        let tally = Arc::new(Tally::default());
        let origin = Origin { cell: Some(tally.clone()), ..Origin::outside(Caller::Code) };
        let mut record = Record::begin("a.b", &origin);
        record.arguments(&arguments(json!({"x": "12345678"})));
        record.end(&Ok(Output::Text("done".into())));
        drop(record);
        let mut record = Record::begin("a.b", &origin);
        record.end(&Err(Failure::failed("no")));
        drop(record);
        // Given up in the middle.
        drop(Record::begin("a.b", &origin));
        let count = tally.counts()["a.b"];
        assert_eq!((count.calls, count.failed), (3, 2));
        assert_eq!((count.sent, count.received), (16, 4));
    }
}
