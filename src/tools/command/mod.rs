//! Commands: a program described in YAML, its options and positionals as parameters, its recipes as tools.
//!
//! There is no shell: every value is one argument, and one that begins with `-` stays a value or is refused.

mod argv;
mod definition;
mod schema;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use super::adapter::{Adapter, Kind, Listing, Patience, State, Task};
use super::arguments::Arguments;
use super::call::Watch;
use super::entry::{Hints, Raw};
use super::failure::{Failure, FailureKind};
use super::output::{Media, Output};
use super::secrets::{Secrets, Template};
use crate::config::Order;
use crate::programs::{Finished, ProcessError, Program};
pub use definition::{Definition, DefinitionError};
use definition::{Form, STDIN};

/// Bytes of output that one call may give.
const MOST: usize = 64 << 20;

/// Processes of one command that run at once; calls beyond that wait for their turn.
const AT_ONCE: usize = 32;

/// How long a call may wait for its turn.
const LONGEST_QUEUE: Duration = Duration::from_secs(600);

/// The end of stderr that an error's message quotes, in characters.
const QUOTE: usize = 2_000;

/// One command as a namespace of recipes.
#[derive(Debug)]
pub struct CommandTools {
    definition: Definition,
    listing: Listing,
    environment: Vec<(String, Template)>,
    directory: std::path::PathBuf,
    secrets: Secrets,
    turns: Semaphore,
}

impl CommandTools {
    /// From a definition; references in its environment are read now and followed with each call.
    pub fn new(
        definition: Definition,
        base: &Path,
        surroundings: &[(String, String)],
        secrets: &Secrets,
    ) -> Result<Self, DefinitionError> {
        let plain = |(name, value): &(String, String)| (name.clone(), Template::plain(value));
        let mut environment: Vec<_> = surroundings.iter().map(plain).collect();
        for (name, value) in &definition.environment {
            let value = Template::read(value, secrets)?;
            environment.retain(|(known, _)| known != name);
            environment.push((name.clone(), value));
        }
        let directory =
            definition.directory.as_ref().map_or_else(|| base.to_owned(), |below| base.join(below));
        let recipes =
            definition.recipes.iter().map(|recipe| schema::of_recipe(&definition, recipe)).collect();
        let root = schema::of_command(&definition);
        let listing = Listing {
            tools: Arc::new(recipes),
            root: Some(Arc::new(root)),
            state: State::Ready,
            generation: 0,
        };
        Ok(Self {
            definition,
            listing,
            environment,
            directory,
            secrets: secrets.clone(),
            turns: Semaphore::new(AT_ONCE),
        })
    }

    async fn program(&self, arguments: Vec<String>) -> Result<Program, Failure> {
        let mut environment = Vec::with_capacity(self.environment.len());
        for (name, value) in &self.environment {
            let value = value.resolve(&self.secrets).await;
            let value = value.map_err(|error| Failure::unavailable(format!("`env`, `{name}`: {error}")))?;
            environment.push((name.clone(), value));
        }
        let (program, directory) = (self.definition.command.clone(), self.directory.clone());
        Ok(Program { program, arguments, environment, directory })
    }

    /// Whether there is such a program; where to look for it is no secret.
    fn is_there(&self) -> bool {
        let path = self.environment.iter().find(|(name, _)| name == "PATH");
        let path = path.and_then(|(_, value)| value.resolve_now(&self.secrets).ok());
        let environment = path.map(|path| ("PATH".to_owned(), path)).into_iter().collect();
        let (program, directory) = (self.definition.command.clone(), self.directory.clone());
        Program { program, arguments: Vec::new(), environment, directory }.is_there()
    }

    async fn perform(&self, recipe: Option<&str>, arguments: Arguments) -> Result<Output, Failure> {
        let recipe = recipe.and_then(|name| self.definition.recipe(name));
        let recipe = recipe.or_else(|| self.definition.recipe(&self.definition.name));
        let values = recipe.map_or_else(|| arguments.values.clone(), |recipe| recipe.fill(&arguments.values));
        let argv =
            argv::build(&self.definition, &values).map_err(|error| Failure::arguments(error.to_string()))?;
        let input = input(&arguments, &values);
        let time = self.definition.timeout;
        // Its time begins when it has its turn.
        let _turn = self.turns.acquire().await.map_err(|error| Failure::failed(error.to_string()))?;
        match self.program(argv).await?.run(&input, MOST, time).await {
            Ok(finished) if self.definition.success.contains(&finished.code) => self.result(finished),
            Ok(finished) => Err(self.failed(finished)),
            Err(error @ ProcessError::Timeout(_)) => {
                Err(Failure::new(FailureKind::Timeout, format!("{error} (`timeout` in its file)")))
            }
            Err(error @ ProcessError::Start(_)) => Err(Failure::unavailable(error.to_string())),
            Err(error) => Err(Failure::failed(error.to_string())),
        }
    }

    fn failed(&self, finished: Finished) -> Failure {
        // Before it is cut: half of a secret is not known for one.
        let words = self.secrets.mask(finished.stderr.trim());
        let count = words.chars().count();
        let quote: String = words.chars().skip(count.saturating_sub(QUOTE)).collect();
        let mut message = format!("exit code {}", finished.code);
        if !quote.is_empty() {
            message.push_str(": ");
            message.push_str(&quote);
        }
        Failure::failed(message)
            .with("exit_code", finished.code)
            .with("stderr", finished.stderr)
            .with("stdout", String::from_utf8_lossy(&finished.stdout).into_owned())
    }

    fn result(&self, finished: Finished) -> Result<Output, Failure> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(match self.definition.form {
            Form::Text => Output::Text(text(&finished.stdout)),
            Form::Lines => Output::Json(text(&finished.stdout).lines().map(Value::from).collect()),
            Form::Bytes => {
                let media_type = "application/octet-stream".to_owned();
                Output::Media(Media { bytes: finished.stdout, media_type, uri: None })
            }
            Form::Json => match serde_json::from_slice(&finished.stdout) {
                Ok(value) => Output::Json(value),
                Err(error) => {
                    let words = format!("its output is not JSON ({error}), and its file says `output: json`");
                    return Err(Failure::failed(words).with("stdout", text(&finished.stdout)));
                }
            },
        })
    }
}

/// What the program reads.
fn input(arguments: &Arguments, values: &Values) -> Vec<u8> {
    match (arguments.bytes.get(STDIN), values.get(STDIN)) {
        (Some(bytes), _) => bytes.clone(),
        (None, Some(Value::String(text))) => text.clone().into_bytes(),
        _ => Vec::new(),
    }
}

impl Adapter for CommandTools {
    fn kind(&self) -> Kind {
        Kind::Command
    }

    fn description(&self) -> String {
        self.definition.description.clone()
    }

    fn listing(&self, _patience: Patience) -> Task<'_, Listing> {
        let mut listing = self.listing.clone();
        if !self.is_there() {
            listing.state =
                State::Failed(format!("there is no program `{}` on this machine", self.definition.command));
        }
        Box::pin(async move { listing })
    }

    fn order(&self) -> Order {
        self.definition.order
    }

    fn generation(&self) -> u64 {
        // A file is read once.
        0
    }

    fn call<'a>(
        &'a self,
        name: Option<&'a str>,
        arguments: Arguments,
        _watch: Watch,
    ) -> Task<'a, Result<Output, Failure>> {
        Box::pin(self.perform(name, arguments))
    }
}

/// A tool's own description of itself.
fn raw(name: &str, description: &str, input: Value, hints: Hints, definition: &Definition) -> Raw {
    let output = match definition.form {
        Form::Text => Some(serde_json::json!({"type": "string"})),
        Form::Lines => Some(serde_json::json!({"type": "array", "items": {"type": "string"}})),
        Form::Bytes => Some(serde_json::json!({"type": "string", "format": "binary"})),
        Form::Json => None,
    };
    let bytes = if definition.stdin { vec![STDIN.to_owned()] } else { Vec::new() };
    Raw {
        name: name.to_owned(),
        description: description.to_owned(),
        input,
        output,
        bytes,
        // A recipe that says something of its own effects says all of them.
        hints: if hints == Hints::default() { definition.hints } else { hints },
        tags: definition.tags.clone(),
        timeout: Some(definition.timeout + LONGEST_QUEUE),
    }
}

/// The longest time that a file may give a command.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

type Values = Map<String, Value>;
