//! The escape suite: programs that try to get out of a session, and the verdict on each.
//!
//! Every attempt is run twice, and a refusal counts only where the same program works without the sandbox: first in
//! a session of level `off` (its control), then in one of the level under test. What is attacked is made for
//! the purpose ([`canaries`]); nothing else on the machine is touched, and the control of an attempt that would
//! harm it is a small proof that the operation exists. In reading order: [`catalogue`] lists the attempts,
//! [`stage`] performs one in sessions, [`judge`] makes a verdict of what came back.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::config::env::Environment;
use crate::config::{AllowList, Config, Limits, Network, SandboxConfig, SandboxLevel, SessionRules};
use crate::hosts::Host;
use crate::session::SessionError;

mod canaries;
mod catalogue;
mod judge;
mod leftovers;
mod scratch;
mod stage;

use canaries::{Canaries, Touched};
pub use catalogue::Class;
use catalogue::{Attempt, Reach};
pub use judge::Verdict;
use judge::{Account, judge};
use scratch::Scratch;
use stage::{Performed, Stage};

/// The whole suite must be over by then.
const LONGEST: Duration = Duration::from_secs(600);

/// Attempts that are under way at once; those that use up resources run alone.
const AT_ONCE: usize = 3;

/// Why the suite did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum AttackError {
    /// There is nothing to push against.
    #[error("level `off` has no walls to attack")]
    NoWalls,
    /// The directory for the suite could not be made.
    #[error("no directory for the suite could be made")]
    Scratch(#[source] io::Error),
    /// The process that is attacked could not be started.
    #[error("the process that stands for the host could not be started: {0}")]
    Canaries(String),
    /// Sessions could not be started.
    #[error("no session could be started")]
    Session(#[from] SessionError),
    /// It took too long.
    #[error("the suite was not over after {} s", LONGEST.as_secs())]
    TooLong,
}

/// What came of one attempt.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What it was on.
    pub class: Class,
    /// Its name, unique.
    pub name: &'static str,
    /// What it wants.
    pub aim: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What refused it (`EACCES`), or what went wrong.
    pub by: String,
    /// What the control did.
    pub control: String,
    /// Milliseconds that the attempt itself took.
    pub ms: u64,
}

/// The suite on one level.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The level under test.
    pub level: SandboxLevel,
    /// Every attempt that applies there, in the order of the catalogue.
    pub findings: Vec<Finding>,
    /// Milliseconds for all of it.
    pub ms: u64,
}

impl Report {
    /// How many came out like this.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }

    /// Whether every attempt that this machine has a target for was refused as expected.
    pub fn all_held(&self) -> bool {
        self.count(Verdict::Held) > 0
            && self.findings.iter().all(|finding| matches!(finding.verdict, Verdict::Held | Verdict::Absent))
    }
}

/// Runs every attempt that applies to the configured level; `progress` hears how many of how many arms are done.
pub async fn run(
    config: &Config,
    environment: &Environment,
    progress: impl Fn(usize, usize),
) -> Result<Report, AttackError> {
    if config.sandbox.level == SandboxLevel::Off {
        return Err(AttackError::NoWalls);
    }
    timeout(LONGEST, suite(config, environment, progress)).await.map_err(|_| AttackError::TooLong)?
}

async fn suite(
    config: &Config,
    environment: &Environment,
    progress: impl Fn(usize, usize),
) -> Result<Report, AttackError> {
    let started = Instant::now();
    let level = config.sandbox.level;
    let scratch = Scratch::make().map_err(AttackError::Scratch)?;
    let mut canaries = Canaries::start(config, environment, &scratch).await?;
    let attempts: Vec<&'static Attempt> =
        catalogue::attempts().filter(|attempt| !attempt.expected(level).is_empty()).collect();
    let arms = 2 * attempts.len();

    let outside = arms_of(config, environment, SandboxLevel::Off, Reach::Nothing, &scratch, &canaries)?;
    let controls = perform_all(outside, &attempts, |done| progress(done, arms)).await?;
    // What the controls touched is as it should be.
    canaries.touched().await?;

    let mut performed: Vec<Performed> = attempts.iter().map(|_| Performed::failed()).collect();
    let mut before = attempts.len();
    for reach in [Reach::Nothing, Reach::Listed] {
        let chosen = attempts.iter().enumerate().filter(|(_, attempt)| attempt.reach == reach);
        let (places, chosen): (Vec<usize>, Vec<&'static Attempt>) = chosen.unzip();
        if chosen.is_empty() {
            continue;
        }
        let inside = arms_of(config, environment, level, reach, &scratch, &canaries)?;
        let results = perform_all(inside, &chosen, |done| progress(before + done, arms)).await?;
        before += chosen.len();
        for (place, result) in places.into_iter().zip(results) {
            performed[place] = result;
        }
    }
    let touched = canaries.touched().await?;

    canaries.end().await;

    let arms = attempts.iter().zip(controls).zip(performed);
    let mut findings: Vec<Finding> = arms
        .map(|((attempt, control), inside)| finding(attempt, level, &control, &inside, &touched))
        .collect();
    findings.extend(unclaimed(&touched));
    Ok(Report { level, findings, ms: milliseconds(started.elapsed()) })
}

/// Something was changed although every attempt was refused.
fn unclaimed(touched: &Touched) -> Option<Finding> {
    let changed = touched.changed();
    (!changed.is_empty()).then(|| Finding {
        class: Class::Files,
        name: "changed",
        aim: "change what belongs to the host",
        verdict: Verdict::Escaped,
        by: changed.join(", "),
        control: String::new(),
        ms: 0,
    })
}

fn finding(
    attempt: &Attempt,
    level: SandboxLevel,
    control: &Performed,
    inside: &Performed,
    touched: &Touched,
) -> Finding {
    let account = Account { attempt, level, control, inside, touched: touched.by(attempt.name) };
    let (verdict, by) = judge(&account);
    Finding {
        class: attempt.class,
        name: attempt.name,
        aim: attempt.aim,
        verdict,
        by,
        control: control.outcome.words(),
        ms: milliseconds(inside.took),
    }
}

/// Sessions of one level.
fn arms_of(
    config: &Config,
    environment: &Environment,
    level: SandboxLevel,
    reach: Reach,
    scratch: &Scratch,
    canaries: &Canaries,
) -> Result<Stage, AttackError> {
    let place = scratch.base(level).map_err(AttackError::Scratch)?;
    let home = environment.home();
    scratch.plant_package(&place).map_err(AttackError::Scratch)?;
    let mut config_here = small(config, place, level, canaries.shown.clone());
    if reach == Reach::Listed {
        let port = canaries.coordinates.get("tcp").and_then(Value::as_u64).unwrap_or_default();
        list_canary(&mut config_here, port).map_err(AttackError::Canaries)?;
    }
    let stage = Stage::open(config_here, canaries, config.base.clone(), home);
    stage.map_err(AttackError::Scratch)
}

/// The user's Python under limits that are quick to reach.
fn small(config: &Config, base: PathBuf, level: SandboxLevel, shown: PathBuf) -> Config {
    let processes = match level {
        // There the kernel counts all that the user runs, and a control must not be refused by what others do.
        SandboxLevel::Off => 4_096,
        _ => Limits::default().processes,
    };
    Config {
        python: config.python.clone(),
        sandbox: SandboxConfig { level, read: vec![shown], ..SandboxConfig::default() },
        limits: Limits {
            memory: 256_000_000,
            workspace: 16_000_000,
            output: 1_000_000,
            timeout: Duration::from_secs(20),
            processes,
            ..Limits::default()
        },
        sessions: SessionRules { max: 32, pool: 2, ..SessionRules::default() },
        ..Config::at(base)
    }
}

/// Opens a name that leads to the canary, and the machine's own name, which no list opens in fact.
fn list_canary(config: &mut Config, port: u64) -> Result<(), String> {
    let own = format!("localhost:{port}");
    let list =
        AllowList::parse(["canary.example", &own]).map_err(|error| format!("no list of it: it {error}"))?;
    let name = Host::parse("canary.example").map_err(|error| error.to_string())?;
    let port = u16::try_from(port).map_err(|error| error.to_string())?;
    config.sandbox.network = Network::List(list);
    config.network.test_servers = vec![(name, SocketAddr::from(([127, 0, 0, 1], port)))];
    Ok(())
}

async fn perform_all(
    stage: Stage,
    attempts: &[&'static Attempt],
    progress: impl Fn(usize),
) -> Result<Vec<Performed>, AttackError> {
    let stage = Arc::new(stage);
    stage.prepare().await?;
    let mut results: Vec<Option<Performed>> = attempts.iter().map(|_| None).collect();
    let mut done = 0;
    for alone in [false, true] {
        let places = Arc::new(Semaphore::new(if alone { 1 } else { AT_ONCE }));
        let mut running = JoinSet::new();
        for (index, attempt) in
            attempts.iter().enumerate().filter(|(_, attempt)| attempt.runs_alone() == alone)
        {
            let (stage, places, attempt) = (stage.clone(), places.clone(), *attempt);
            running.spawn(async move {
                // It is never closed; without a place the attempt would only run beside more others.
                let _place = places.acquire().await;
                (index, stage.perform(attempt).await)
            });
        }
        while let Some(joined) = running.join_next().await {
            if let Ok((index, performed)) = joined {
                results[index] = Some(performed);
            }
            done += 1;
            progress(done);
        }
    }
    stage.close().await;
    Ok(results.into_iter().map(|result| result.unwrap_or_else(Performed::failed)).collect())
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
