//! `actwright doctor --attack`: the escape suite on this machine, as a table or as JSON.
//!
//! The exit code is 0 only when every attempt that has a target here was refused by what should refuse it.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;

use super::Form;
use crate::attack::{self, Class, Finding, Report, Verdict};
use crate::cli::{engine, error, print};
use crate::config::env::Environment;
use crate::config::{Config, SandboxLevel};

/// Runs the suite and reports.
pub fn run(config: &Config, environment: &Environment, form: Form) -> anyhow::Result<ExitCode> {
    let runtime = engine::runtime()?;
    let shows_progress = std::io::stderr().is_terminal();
    let ran = runtime.block_on(attack::run(config, environment, |done, all| {
        if shows_progress {
            // Progress that cannot be shown is not worth an error.
            drop(print::stderr(&format!("\r  {done} of {all} done ")));
        }
    }));
    if shows_progress {
        print::stderr("\r                         \r")?;
    }
    let report = match ran {
        Ok(report) => report,
        Err(attack::AttackError::NoWalls) => {
            let hint = "name a level to attack, such as `--sandbox full`";
            return Err(error::hinted("level `off` has no walls to attack".to_owned(), hint));
        }
        Err(error) => return Err(error).context("the escape suite could not be run"),
    };
    match form {
        Form::Json => print::stdout(&format!("{:#}\n", as_json(&report)))?,
        Form::Table => print::stdout(&as_table(&report))?,
    }
    Ok(if report.all_held() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn as_json(report: &Report) -> serde_json::Value {
    json!({
        "ok": report.all_held(),
        "version": env!("CARGO_PKG_VERSION"),
        "level": report.level,
        "held": report.count(Verdict::Held),
        "escaped": report.count(Verdict::Escaped),
        "inconclusive": report.count(Verdict::Inconclusive),
        "absent": report.count(Verdict::Absent),
        "ms": report.ms,
        "attempts": report.findings,
    })
}

fn as_table(report: &Report) -> String {
    let level = match report.level {
        SandboxLevel::Full => "full",
        SandboxLevel::Restricted => "restricted",
        SandboxLevel::Off => "off",
    };
    let mut text = format!("escape attempts on level `{level}`, each shown to work outside first\n");
    let width = report.findings.iter().map(|finding| finding.name.len()).max().unwrap_or(0);
    let mut class: Option<Class> = None;
    for finding in &report.findings {
        if class != Some(finding.class) {
            class = Some(finding.class);
            text.push_str(&format!("\n{}\n", finding.class.word()));
        }
        text.push_str(&line(finding, width));
    }
    text.push_str(&format!("\n{}\n", verdict(report)));
    text
}

fn line(finding: &Finding, width: usize) -> String {
    let verdict = finding.verdict.word();
    format!("  {verdict:12}  {:width$}  {:24}  {}\n", finding.name, finding.by, finding.aim)
}

fn verdict(report: &Report) -> String {
    let count = |verdict| report.count(verdict);
    let mut text = format!("{} held", count(Verdict::Held));
    for (verdict, words) in [
        (Verdict::Escaped, "ESCAPED"),
        (Verdict::Inconclusive, "inconclusive"),
        (Verdict::Absent, "with nothing to attack here"),
    ] {
        if count(verdict) > 0 {
            text.push_str(&format!(", {} {words}", count(verdict)));
        }
    }
    text.push_str(&format!("; {:.1} s", report.ms as f64 / 1000.0));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let finding = |name, verdict, by: &str| Finding {
            class: Class::Files,
            name,
            aim: "read a file",
            verdict,
            by: by.to_owned(),
            control: "read it".to_owned(),
            ms: 1,
        };
        let findings = vec![
            finding("by_path", Verdict::Held, "ENOENT"),
            finding("by_link", Verdict::Escaped, "read it"),
        ];
        Report { level: SandboxLevel::Full, findings, ms: 1500 }
    }

    #[test]
    fn the_table_names_each_refusal_and_counts_them() {
        let table = as_table(&report());
        assert!(table.contains("\nfiles\n  held          by_path  ENOENT "), "{table}");
        assert!(table.contains("  ESCAPED       by_link  read it "), "{table}");
        assert!(table.ends_with("\n1 held, 1 ESCAPED; 1.5 s\n"), "{table}");
    }

    #[test]
    fn the_document_says_the_same() {
        let document = as_json(&report());
        assert_eq!(document["ok"], false);
        assert_eq!(document["level"], "full");
        assert_eq!(document["attempts"][1]["verdict"], "escaped");
    }
}
