//! What a cell's calls of tools were given and gave, so that they can be answered again without the tools.
//!
//! Every cell has a tape. It holds what came and went as it was, up to its bounds, and is written down only when somebody asks
//! for it; results have lost their secrets before they come here, and arguments lose theirs when they are written.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::adapter::Kind;
use super::arguments::Arguments;
use super::entry::Tool;
use super::failure::Failure;
use super::output::{Output, Part, size_of_json};
use super::record::digest;
use super::secrets::Secrets;

/// The most calls on a tape.
const CALLS: usize = 1_000;

/// The most bytes on a tape, roughly.
const BYTES: usize = 512 * 1024;

/// One cell's calls, in the order in which they ended.
#[derive(Debug, Default)]
pub struct Tape {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<Taken>,
    bytes: usize,
    is_over: bool,
    secrets: Option<Secrets>,
}

#[derive(Debug)]
struct Taken {
    name: String,
    tool: Option<(Arc<Tool>, Kind)>,
    arguments: Arguments,
    result: Result<Output, Failure>,
}

/// A tape as it is written down.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// The tools that were called, by their full names.
    pub tools: BTreeMap<String, Described>,
    /// The calls.
    pub calls: Vec<Call>,
}

/// A tool as it was when it was called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Described {
    /// What kind of source it has.
    pub kind: String,
    /// What it does.
    pub description: String,
    /// JSON Schema of its arguments.
    pub input: Value,
    /// JSON Schema of its result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Arguments that may be bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bytes: Vec<String>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The tool's full name.
    pub tool: String,
    /// What it was given, for people.
    pub arguments: Value,
    /// The same as a digest, by which the call is found again.
    pub digest: String,
    /// What it gave.
    pub result: Value,
}

impl Tape {
    /// Whether there is room for a call with these arguments; once there was none, nothing more is taken.
    pub fn takes(&self, arguments: &Arguments) -> bool {
        let mut state = self.lock();
        if !state.is_over && (state.calls.len() >= CALLS || state.bytes + size(arguments) > BYTES) {
            state.is_over = true;
        }
        !state.is_over
    }

    /// Takes a call of a tool, or of something beside tools, that has ended.
    pub fn take(
        &self,
        name: &str,
        tool: Option<(Arc<Tool>, Kind)>,
        arguments: Arguments,
        result: &Result<Output, Failure>,
        secrets: &Secrets,
    ) {
        let given = match result {
            Ok(output) => output.size(),
            Err(failure) => {
                failure.message.len()
                    + failure.facts.iter().map(|(_, fact)| size_of_json(fact)).sum::<usize>()
            }
        };
        let mut state = self.lock();
        state.bytes += size(&arguments) + given;
        state.is_over |= state.bytes > BYTES;
        if !state.is_over {
            state.secrets.get_or_insert_with(|| secrets.clone());
            state.calls.push(Taken { name: name.to_owned(), tool, arguments, result: result.clone() });
        }
    }

    /// Roughly how many bytes it holds.
    pub fn size(&self) -> usize {
        self.lock().bytes.min(BYTES)
    }

    /// The tape as data, or why it is not whole.
    pub fn written(&self) -> Result<Written, String> {
        let state = self.lock();
        if state.is_over {
            return Err(format!("its calls of tools are more than {CALLS}, or more than {} kB", BYTES >> 10));
        }
        let mut written = Written::default();
        for taken in &state.calls {
            let Some(secrets) = &state.secrets else { break };
            let arguments = masked(&taken.arguments, secrets);
            if let Some((tool, kind)) = &taken.tool {
                written.tools.entry(taken.name.clone()).or_insert_with(|| Described::of(tool, *kind));
            }
            written.calls.push(Call {
                tool: taken.name.clone(),
                digest: digest(&arguments),
                arguments: shown(arguments),
                result: of_result(&taken.result),
            });
        }
        Ok(written)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Described {
    fn of(tool: &Tool, kind: Kind) -> Self {
        Self {
            kind: kind.word().to_owned(),
            description: tool.raw.description.clone(),
            input: tool.raw.input.clone(),
            output: tool.raw.output.clone(),
            bytes: tool.raw.bytes.clone(),
        }
    }

    /// What of it a caller depends on, as a digest.
    pub fn schema(&self) -> String {
        schema_of(&self.input, self.output.as_ref())
    }
}

/// The digest of a tool's schemas.
pub fn schema_of(input: &Value, output: Option<&Value>) -> String {
    let values = Map::from_iter([
        ("input".to_owned(), input.clone()),
        ("output".to_owned(), output.cloned().unwrap_or(Value::Null)),
    ]);
    digest(&Arguments { values, ..Arguments::default() })
}

/// Arguments without secrets.
pub fn masked(arguments: &Arguments, secrets: &Secrets) -> Arguments {
    let values = match secrets.mask_json(Value::Object(arguments.values.clone())) {
        Value::Object(values) => values,
        _ => Map::new(),
    };
    Arguments { values, bytes: arguments.bytes.clone() }
}

/// Arguments for people; of bytes only how many there are.
pub fn shown(arguments: Arguments) -> Value {
    let mut values = arguments.values;
    for (name, bytes) in arguments.bytes {
        values.insert(name, format!("<{} bytes>", bytes.len()).into());
    }
    Value::Object(values)
}

fn size(arguments: &Arguments) -> usize {
    let bytes: usize = arguments.bytes.values().map(Vec::len).sum();
    bytes + arguments.values.values().map(size_of_json).sum::<usize>()
}

fn of_result(result: &Result<Output, Failure>) -> Value {
    let media = |media: &super::output::Media| {
        json!({"media": {
            "base64": STANDARD.encode(&media.bytes), "media_type": media.media_type, "uri": media.uri,
        }})
    };
    match result {
        Ok(Output::Json(value)) => json!({"json": value}),
        Ok(Output::Text(text)) => json!({"text": text}),
        Ok(Output::Media(given)) => media(given),
        Ok(Output::Parts(parts)) => {
            let parts = parts.iter().map(|part| match part {
                Part::Json(value) => json!({"json": value}),
                Part::Text(text) => json!({"text": text}),
                Part::Media(given) => media(given),
            });
            json!({"parts": parts.collect::<Vec<_>>()})
        }
        Err(failure) => {
            let facts: Map<String, Value> =
                failure.facts.iter().map(|(name, fact)| ((*name).to_owned(), fact.clone())).collect();
            json!({"failure": {"kind": failure.kind.word(), "message": failure.message, "facts": facts}})
        }
    }
}
