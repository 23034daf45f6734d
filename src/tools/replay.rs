//! A catalog that is made of a tape: it has the tools that were called, and answers exactly the calls that are on it.
//!
//! Nothing is started and nothing is sent. What is not on the tape fails, and is remembered, so that a failure that the code
//! catches is known all the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::adapter::{Adapter, Extra, Kind, Listing, Patience, State, Task};
use super::arguments::Arguments;
use super::call::Watch;
use super::catalog::Tools;
use super::entry::{Hints, Raw};
use super::failure::{Failure, FailureKind};
use super::files;
use super::output::{Media, Output, Part};
use super::record::digest;
use super::secrets::Secrets;
use super::tape::{Call, Described, Written, masked, shown};

/// The longest quote of arguments in a failure, in characters.
const QUOTE: usize = 200;

/// The most calls that are remembered as missing.
const MISSED: usize = 20;

/// What is played, and what was asked for in vain.
#[derive(Debug)]
pub struct Player {
    calls: Mutex<Vec<(Call, Played)>>,
    missed: Mutex<Vec<String>>,
    secrets: Secrets,
}

/// Whether a call was answered already. Each is answered once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Played {
    Not,
    Already,
}

/// What a tape has of a namespace: its kind, its tools, and itself where it was called.
type Space = (Kind, Vec<Raw>, Option<Arc<Raw>>);

/// One namespace of a tape.
#[derive(Debug)]
struct Recorded {
    space: String,
    kind: Kind,
    tools: Arc<Vec<Raw>>,
    root: Option<Arc<Raw>>,
    player: Arc<Player>,
}

impl Tools {
    /// The tools of a tape in place of these, under the same secrets.
    pub fn replaying(&self, written: Written) -> (Self, Arc<Player>) {
        let secrets = self.secrets().clone();
        let calls = written.calls.into_iter().map(|call| (call, Played::Not)).collect();
        let player =
            Arc::new(Player { calls: Mutex::new(calls), missed: Mutex::default(), secrets: secrets.clone() });
        let mut spaces: BTreeMap<String, Space> = BTreeMap::new();
        for (full_name, described) in written.tools {
            let kind = Kind::parse(&described.kind).unwrap_or(Kind::Command);
            let (space, name) = full_name.split_once('.').unwrap_or((&full_name, ""));
            let entry = spaces.entry(space.to_owned()).or_insert_with(|| (kind, Vec::new(), None));
            match name {
                "" => entry.2 = Some(Arc::new(raw(space, described))),
                name => entry.1.push(raw(name, described)),
            }
        }
        for (call, _) in player.calls.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let space = call.tool.split('.').next().unwrap_or_default();
            // Only resources or prompts of it were asked for.
            spaces.entry(space.to_owned()).or_insert_with(|| (Kind::Mcp, Vec::new(), None));
        }
        let adapters = spaces.into_iter().map(|(space, (kind, tools, root))| {
            let recorded =
                Recorded { space: space.clone(), kind, tools: Arc::new(tools), root, player: player.clone() };
            (space, Arc::new(recorded) as Arc<dyn Adapter>)
        });
        let loaded = files::Loaded { adapters: adapters.collect(), ..files::Loaded::default() };
        (Self::over(loaded, Vec::new(), secrets), player)
    }
}

impl Player {
    /// The calls that the tape has no answer for, in words.
    pub fn missed(&self) -> Vec<String> {
        self.missed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn answer(&self, name: &str, arguments: &Arguments) -> Result<Output, Failure> {
        let arguments = masked(arguments, &self.secrets);
        let wanted = digest(&arguments);
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_known = false;
        for (call, played) in calls.iter_mut().filter(|(call, _)| call.tool == name && call.digest == wanted)
        {
            is_known = true;
            if *played == Played::Not {
                *played = Played::Already;
                return result(name, &call.result);
            }
        }
        drop(calls);
        let mut given = shown(arguments).to_string();
        if given.chars().count() > QUOTE {
            given = given.chars().take(QUOTE).collect::<String>() + "…";
        }
        let what = if is_known { "made once more than the recording has it" } else { "not in the recording" };
        let words = format!("the call tools.{name}({given}) is {what}");
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        if missed.len() < MISSED {
            missed.push(words.clone());
        }
        Err(Failure::unavailable(words))
    }
}

impl Adapter for Recorded {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn description(&self) -> String {
        "recorded calls".to_owned()
    }

    fn listing(&self, _patience: Patience) -> Task<'_, Listing> {
        let listing = Listing {
            tools: self.tools.clone(),
            root: self.root.clone(),
            state: State::Ready,
            generation: 1,
        };
        Box::pin(std::future::ready(listing))
    }

    fn generation(&self) -> u64 {
        1
    }

    fn call<'a>(
        &'a self,
        name: Option<&'a str>,
        arguments: Arguments,
        _watch: Watch,
    ) -> Task<'a, Result<Output, Failure>> {
        let full_name = name.map_or_else(|| self.space.clone(), |name| format!("{}.{name}", self.space));
        Box::pin(std::future::ready(self.player.answer(&full_name, &arguments)))
    }

    fn extra<'a>(&'a self, request: Extra) -> Task<'a, Result<Output, Failure>> {
        let answer = self.player.answer(&format!("{}.{}", self.space, request.name()), &request.arguments());
        Box::pin(std::future::ready(answer))
    }
}

fn raw(name: &str, described: Described) -> Raw {
    Raw {
        name: name.to_owned(),
        description: described.description,
        input: described.input,
        output: described.output,
        bytes: described.bytes,
        hints: Hints::default(),
        tags: Vec::new(),
        timeout: None,
    }
}

/// What was written down as a call's result, as that result.
fn result(name: &str, written: &Value) -> Result<Output, Failure> {
    let unreadable = || Failure::unavailable("its recording cannot be read; record it again");
    if let Some(failure) = written.get("failure") {
        let kind = failure["kind"].as_str().and_then(FailureKind::parse).unwrap_or(FailureKind::Failed);
        // The catalog puts the name before it again.
        let message = failure["message"].as_str().unwrap_or_default();
        let message = message.strip_prefix(&format!("tools.{name}: ")).unwrap_or(message);
        let empty = Map::new();
        let facts = failure["facts"].as_object().unwrap_or(&empty);
        let known =
            super::failure::FACTS.into_iter().filter_map(|fact| Some((fact, facts.get(fact)?.clone())));
        return Err(Failure { kind, message: message.to_owned(), facts: known.collect() });
    }
    let part = part(written);
    match (part, written.get("parts")) {
        (Some(Part::Json(value)), _) => Ok(Output::Json(value)),
        (Some(Part::Text(text)), _) => Ok(Output::Text(text)),
        (Some(Part::Media(media)), _) => Ok(Output::Media(media)),
        (None, Some(Value::Array(parts))) => {
            parts.iter().map(self::part).collect::<Option<_>>().map(Output::Parts).ok_or_else(unreadable)
        }
        (None, _) => Err(unreadable()),
    }
}

fn part(written: &Value) -> Option<Part> {
    if let Some(value) = written.get("json") {
        return Some(Part::Json(value.clone()));
    }
    if let Some(Value::String(text)) = written.get("text") {
        return Some(Part::Text(text.clone()));
    }
    let media = written.get("media")?;
    Some(Part::Media(Media {
        bytes: STANDARD.decode(media["base64"].as_str()?).ok()?,
        media_type: media["media_type"].as_str()?.to_owned(),
        uri: media["uri"].as_str().map(str::to_owned),
    }))
}
