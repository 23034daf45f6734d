//! Where skills are proven: sessions that nobody else uses, with a library that can't be changed, artifacts of their own, and
//! tools that are the real ones or a recording of them.
//!
//! A recording is played without network, whatever the configuration allows: then an engine of its own is started for it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Weak};

use serde_json::{Map, Value};
use tokio::sync::{OnceCell, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::registry::Registry;
use super::report::{Keep, RunMode, RunReport, RunRequest, Status, Target};
use crate::artifacts::{Artifacts, Rules};
use crate::config::{Config, Network, Preload};
use crate::host_calls::HostCalls;
use crate::names::SessionId;
use crate::outputs::Outputs;
use crate::packages::Packages;
use crate::skills::{Answers, Gives, Known, Played, Run, Stage as Contract, Task, Trial, invocation};
use crate::tools::{Player, Schema, Tally, Tape, Tools, Written};
use crate::worker::Workers;

/// Proofs that run at the same time.
const AT_ONCE: usize = 2;

/// The name that sessions give to the function that tells versions of packages.
const PACKAGES: &str = "__actwright_packages__";

/// See the module.
#[derive(Debug)]
pub struct Stage {
    registry: Weak<Registry>,
    offline: OnceCell<(Arc<Config>, Workers)>,
    turns: Semaphore,
}

/// One trial: a registry of its own.
struct Theatre {
    registry: Arc<Registry>,
    player: Option<Arc<Player>>,
}

impl Stage {
    /// Beside these sessions.
    pub fn beside(registry: &Arc<Registry>) -> Self {
        let turns = Semaphore::new(AT_ONCE);
        Self { registry: Arc::downgrade(registry), offline: OnceCell::new(), turns }
    }

    async fn theatre(&self, scratch: &Path, trial: &Trial, at: usize) -> Result<Theatre, String> {
        let registry = self.registry.upgrade().ok_or("the server is shutting down")?;
        let live = registry.host_calls().tools().clone();
        let (config, workers, tools, player) = match &trial.answers {
            Answers::Tools => (registry.config().clone(), registry.workers().clone(), live, None),
            Answers::Recordings(tapes) => {
                let (config, workers) = self.offline(&registry).await;
                let tape = tapes.get(at).cloned().unwrap_or_default();
                let written: Written = if tape.as_object().is_some_and(Map::is_empty) {
                    Written::default()
                } else {
                    serde_json::from_value(tape)
                        .map_err(|_| "its recording cannot be read; record it again")?
                };
                let (tools, player) = live.replaying(written);
                (config, workers, tools, Some(player))
            }
        };
        let rules = Rules { largest: config.limits.artifact, all: config.limits.artifacts };
        let artifacts = Artifacts::alone(scratch, rules);
        let outputs = Outputs::new(scratch.to_owned(), config.results.kept_outputs, tools.masks().clone());
        let host_calls =
            HostCalls::new(tools, trial.library.clone(), artifacts, registry.host_calls().packages().fixed());
        let cell = trial.behalf.clone().and_then(|behalf| behalf.downcast::<Tally>().ok());
        let host_calls = host_calls.charging(cell);
        Ok(Theatre { registry: Arc::new(Registry::new(config, workers, outputs, host_calls)), player })
    }

    /// An engine whose sessions have no network.
    async fn offline(&self, registry: &Registry) -> (Arc<Config>, Workers) {
        if registry.config().sandbox.network == Network::None {
            return (registry.config().clone(), registry.workers().clone());
        }
        let make = || async {
            let mut config = (**registry.config()).clone();
            config.sandbox.network = Network::None;
            // A proof is one session, which no other follows soon.
            config.packages.preload = Preload::Off;
            let config = Arc::new(config);
            (config.clone(), Workers::start(config, Packages::none()))
        };
        self.offline.get_or_init(make).await.clone()
    }

    async fn perform(&self, trial: Trial) -> Result<Played, String> {
        let _turn = self.turns.acquire().await.map_err(|_| "the server is shutting down")?;
        let base = self.registry.upgrade().ok_or("the server is shutting down")?.config().base.join("cache");
        let mut played = Played::default();
        for (at, arguments) in trial.calls.iter().enumerate() {
            let scratch = std::fs::create_dir_all(&base)
                .and_then(|()| tempfile::Builder::new().prefix("proof-").tempdir_in(&base))
                .map_err(|error| format!("there is no room for it: {}", error.kind()))?;
            let theatre = self.theatre(scratch.path(), &trial, at).await?;
            let report = theatre.run(Target::Fresh, invocation(&trial.name, arguments, Gives::Plain)).await?;
            let session = report.session.clone();
            if at + 1 == trial.calls.len() && report.status == Status::Ok {
                played.packages = theatre.packages(&session, &trial).await;
            }
            let written = report.calls.written();
            if let Ok(written) = &written {
                played.tools.extend(written.tools.iter().map(|(name, tool)| (name.clone(), tool.schema())));
            }
            let tape = match &trial.answers {
                Answers::Tools => {
                    written.and_then(|written| serde_json::to_value(written).map_err(|e| e.to_string()))
                }
                Answers::Recordings(tapes) => Ok(tapes.get(at).cloned().unwrap_or_default()),
            };
            if let Answers::Recordings(tapes) = &trial.answers {
                played.tools.extend(schemas_on(tapes.get(at)));
            }
            let missed = theatre.player.as_ref().map(|player| player.missed()).unwrap_or_default();
            played.runs.push(Run { value: value(&report), missed, tape });
            // An error means that it has ended already.
            drop(theatre.registry.close(Some(&session)).await);
        }
        Ok(played)
    }
}

impl Contract for Stage {
    fn play(&self, trial: Trial) -> Task<'_, Result<Played, String>> {
        Box::pin(self.perform(trial))
    }

    fn schemas(&self, names: Vec<String>) -> Task<'_, BTreeMap<String, Known>> {
        Box::pin(async move {
            let Some(registry) = self.registry.upgrade() else { return BTreeMap::new() };
            let tools: &Tools = registry.host_calls().tools();
            let mut known = BTreeMap::new();
            for name in names {
                let schema = match tools.schema(&name).await {
                    Schema::Is(digest) => Known::Is(digest),
                    Schema::Gone => Known::Gone,
                    Schema::Unknown => Known::Unknown,
                };
                known.insert(name, schema);
            }
            known
        })
    }

    fn added(&self, names: Vec<String>) -> Task<'_, BTreeMap<String, String>> {
        Box::pin(async move {
            let Some(registry) = self.registry.upgrade() else { return BTreeMap::new() };
            registry.host_calls().packages().versions(names).await
        })
    }
}

impl Theatre {
    async fn run(&self, target: Target, code: String) -> Result<RunReport, String> {
        let request = RunRequest { code, timeout: None, mode: RunMode::Execute, keep: Keep::Effects };
        // Nobody watches.
        let (events, _) = mpsc::channel(1);
        let run = self.registry.run(target, request, events, CancellationToken::new());
        run.await.map_err(|error| error.to_string())
    }

    /// The versions of what the sources import, in the session that has run them.
    async fn packages(&self, session: &SessionId, trial: &Trial) -> BTreeMap<String, String> {
        let imports = trial.library.staged().map(|staged| staged.imports()).unwrap_or_default();
        let code = format!("{PACKAGES}({})", Value::from(Value::from(imports).to_string()));
        let report = match self.run(Target::Named(session.clone()), code).await {
            Ok(report) => report,
            Err(error) => {
                tracing::debug!(%error, "the packages of a proof are not known");
                return BTreeMap::new();
            }
        };
        let json = report.value.and_then(|value| value.json);
        json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default()
    }
}

/// The schemas of the tools that a recording has.
fn schemas_on(tape: Option<&Value>) -> BTreeMap<String, String> {
    let written =
        tape.and_then(|tape| serde_json::from_value::<Written>(tape.clone()).ok()).unwrap_or_default();
    written.tools.iter().map(|(name, tool)| (name.clone(), tool.schema())).collect()
}

/// What the skill gave as JSON, or in words why there is none.
fn value(report: &RunReport) -> Result<Value, String> {
    if let Some(error) = &report.error {
        let line = line_of(&error.traceback).map(|line| format!(", in `{line}`")).unwrap_or_default();
        return Err(format!("it raised {}: {}{line}", error.type_name, error.message));
    }
    match &report.value {
        None => Ok(Value::Null),
        Some(value) => match value.json.as_ref().map(|json| serde_json::from_str(json)) {
            Some(Ok(json)) => Ok(json),
            _ => Err(format!(
                "it gives a value of type {} that JSON cannot say; give lists, dicts, texts and numbers",
                value.type_name
            )),
        },
    }
}

/// The line of a skill that was the last to run.
fn line_of(traceback: &str) -> Option<&str> {
    let (_, rest) = traceback.rsplit_once("File \"<skill ")?;
    rest.lines().nth(1).map(str::trim).filter(|line| !line.is_empty())
}

/// A cell's tape, as the library of skills keeps it.
#[derive(Debug)]
pub struct Calls(pub Arc<Tape>);

impl crate::skills::Calls for Calls {
    fn written(&self) -> Result<Value, String> {
        self.0.written().and_then(|written| serde_json::to_value(written).map_err(|error| error.to_string()))
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}
