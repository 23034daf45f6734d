//! `actwright doctor`: what works here, how that was proven, and how to mend what does not.
//!
//! It changes nothing. It ends with 1 when something that the configuration requires is missing. With `--attack` it
//! also tries to get out of the sandbox, and ends with 1 when an attempt was not refused as expected.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::flags::ConfigFlags;
use super::print;
use crate::config::env::Environment;
use crate::config::{Config, Limits, PythonChoice};
use crate::worker::doctor::{Check, State, examine};

mod attack;

/// `actwright doctor`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Try to escape from the sandbox in every way known, each next to a control that works outside it
    #[arg(long)]
    attack: bool,
    #[command(flatten)]
    config: ConfigFlags,
}

/// How the answer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Looks and reports.
pub fn run(mut args: Args) -> anyhow::Result<ExitCode> {
    if args.attack {
        // Every attempt on the protocol is a warning, as it should be; here they are the expected answer.
        args.config.log.get_or_insert_with(|| "error".to_owned());
    }
    let environment = Environment::of_process();
    let config = args.config.resolve(&environment)?.config;
    if args.attack {
        return attack::run(&config, &environment, if args.json { Form::Json } else { Form::Table });
    }
    let checks = examine(&config);
    if args.json {
        print::stdout(&format!("{:#}\n", as_json(&config, &checks)))?;
    } else {
        print::stdout(&as_table(&config, &checks))?;
    }
    Ok(if all_well(&checks) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn all_well(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.state != State::Failed)
}

fn as_table(config: &Config, checks: &[Check]) -> String {
    let mut text = format!("actwright {}\n", env!("CARGO_PKG_VERSION"));
    for (name, value) in subject(config) {
        text.push_str(&format!("{name}: {value}\n"));
    }
    let width = checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    let mut group = "";
    for check in checks {
        if check.group != group {
            group = &check.group;
            text.push_str(&format!("\n{group}\n"));
        }
        let state = match check.state {
            State::Passed => "ok    ",
            State::Failed => "FAILED",
            State::Absent => "absent",
        };
        text.push_str(&format!("  {state}  {:width$}  {}\n", check.name, check.how_proven));
        if let Some(fix) = &check.fix {
            text.push_str(&format!("          fix: {fix}\n"));
        }
    }
    text.push_str("\nlimits of a session\n");
    for (name, value, unit) in limits(&config.limits) {
        text.push_str(&format!("  {name:11}  {value} {unit}\n"));
    }
    text.push_str(&format!("\n{}\n", verdict(checks)));
    text
}

fn verdict(checks: &[Check]) -> String {
    let failed: Vec<&str> =
        checks.iter().filter(|check| check.state == State::Failed).map(|check| check.name.as_str()).collect();
    match failed.as_slice() {
        [] => "Everything that this configuration requires works.".into(),
        names => format!("No code can run until this works: {}.", names.join(", ")),
    }
}

fn as_json(config: &Config, checks: &[Check]) -> Value {
    let limits = limits(&config.limits).into_iter().map(|(name, value, _)| (name.to_owned(), json!(value)));
    let mut document = json!({
        "ok": all_well(checks),
        "version": env!("CARGO_PKG_VERSION"),
        "checks": checks,
        "limits": limits.collect::<serde_json::Map<_, _>>(),
    });
    for (name, value) in subject(config) {
        document[name] = Value::from(value);
    }
    document
}

/// What was looked at.
fn subject(config: &Config) -> [(&'static str, String); 3] {
    let python = match &config.python {
        PythonChoice::Auto => "auto".to_owned(),
        PythonChoice::At(path) => path.display().to_string(),
    };
    let sandbox = config.sandbox.level_name().to_owned();
    [("base", config.base.display().to_string()), ("python", python), ("sandbox", sandbox)]
}

fn limits(limits: &Limits) -> [(&'static str, u64, &'static str); 10] {
    [
        ("memory", limits.memory, "bytes a session"),
        ("processes", limits.processes, "processes and threads"),
        ("files", limits.files, "open files"),
        ("workspace", limits.workspace, "bytes"),
        ("output", limits.output, "bytes a cell"),
        ("source", limits.source, "bytes a cell"),
        ("calls", limits.calls, "host calls a cell"),
        ("cpu_time", limits.cpu_time.as_secs(), "seconds of processor time a cell"),
        ("timeout", limits.timeout.as_secs(), "seconds"),
        ("max_timeout", limits.max_timeout.as_secs(), "seconds"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks() -> Vec<Check> {
        let check = |name: &str, state, fix: Option<&str>| Check {
            name: name.into(),
            group: "sandbox".into(),
            state,
            how_proven: "was tried".into(),
            fix: fix.map(str::to_owned),
        };
        vec![
            check("user namespaces", State::Failed, Some("allow them")),
            check("cgroup", State::Absent, None),
        ]
    }

    #[test]
    fn the_table_names_what_failed_and_its_fix() {
        let table = as_table(&Config::at("/base".into()), &checks());
        assert!(
            table.contains("  FAILED  user namespaces  was tried\n          fix: allow them\n"),
            "{table}"
        );
        assert!(table.contains("  absent  cgroup           was tried\n"), "{table}");
        assert!(table.ends_with("No code can run until this works: user namespaces.\n"), "{table}");
    }

    #[test]
    fn the_document_says_the_same() {
        let document = as_json(&Config::at("/base".into()), &checks());
        assert_eq!(document["ok"], false);
        assert_eq!(document["checks"][0]["state"], "failed");
        assert_eq!(document["limits"]["memory"], 2_000_000_000_u64);
    }
}
