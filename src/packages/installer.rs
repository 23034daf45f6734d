//! uv or pip, run in the host: from what is asked for to exact versions, and from those to files in a directory.
//!
//! The two steps are apart so that nothing is installed that the lock file does not name with its hashes. The installer reads
//! the user's own configuration of indexes; only wheels are taken unless the configuration says otherwise, because to
//! build a package is to run its code in the host.

use std::path::{Path, PathBuf};
use std::time::Duration;

use regex::Regex;
use serde::Deserialize;

use super::error::PackageError;
use super::lock::Pin;
use super::surroundings::Surroundings;
use crate::programs::{Finished, ProcessError, Program};
use crate::requirements::admits;

/// Versions of pip that can report what they would install.
const PIP: &str = ">=22.2";

/// How long one step may take.
const TIME: Duration = Duration::from_secs(600);

/// How long an installer may take to say who it is.
const PROBE: Duration = Duration::from_secs(20);

/// The most that it may write to stdout.
const OUTPUT: usize = 64 << 20;

/// The most characters of its explanation that are passed on, the last ones.
const WORDS: usize = 4_000;

/// The interpreter that packages are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    /// It.
    pub executable: PathBuf,
    /// `3.12`.
    pub version: String,
}

/// Whether packages may be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builds {
    /// No: only wheels.
    Never,
    /// Yes, which runs their code in the host.
    Allowed,
}

/// Which program it is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Uv { program: String, first: Vec<String> },
    Pip,
}

/// An installer that is there.
#[derive(Debug, Clone)]
pub struct Installer {
    kind: Kind,
    python: Python,
    environment: Vec<(String, String)>,
    builds: Builds,
}

/// A report of pip.
#[derive(Debug, Deserialize)]
struct Report {
    install: Vec<Reported>,
}

#[derive(Debug, Deserialize)]
struct Reported {
    metadata: Metadata,
    download_info: Download,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    name: String,
    version: String,
}

#[derive(Debug, Deserialize)]
struct Download {
    archive_info: Option<Archive>,
}

#[derive(Debug, Deserialize)]
struct Archive {
    hash: Option<String>,
}

impl Installer {
    /// The first that is there: uv on `PATH`, uv as a module, pip.
    pub async fn find(
        surroundings: &Surroundings,
        python: Python,
        builds: Builds,
        work: &Path,
    ) -> Result<Self, PackageError> {
        let executable = python.executable.to_string_lossy().into_owned();
        let module = |name: &str| vec!["-m".to_owned(), name.to_owned()];
        let kinds = [
            surroundings
                .uv
                .as_ref()
                .map(|uv| Kind::Uv { program: uv.to_string_lossy().into_owned(), first: Vec::new() }),
            Some(Kind::Uv { program: executable, first: module("uv") }),
            Some(Kind::Pip),
        ];
        for kind in kinds.into_iter().flatten() {
            let installer =
                Self { kind, python: python.clone(), environment: surroundings.passed_on(), builds };
            let asked = installer.program(&["--version"], work).run(b"", OUTPUT, PROBE).await;
            let Some(said) = asked.ok().filter(|finished| finished.code == 0) else { continue };
            if installer.kind != Kind::Pip {
                return Ok(installer);
            }
            let said = String::from_utf8_lossy(&said.stdout).into_owned();
            let version = said.split_whitespace().nth(1).unwrap_or_default();
            if admits(PIP, version) != Some(false) {
                return Ok(installer);
            }
            return Err(PackageError::Installer(format!(
                "pip {version} is too old ({} or newer is needed), and there is no uv for the sessions' Python; whoever runs \
                 the server can install uv",
                PIP.trim_start_matches(['>', '='])
            )));
        }
        Err(PackageError::Installer(
            "neither uv nor pip is there for the sessions' Python; whoever runs the server can install uv"
                .to_owned(),
        ))
    }

    /// Exact versions for these requirements, one a line each.
    pub async fn resolve(
        &self,
        requirements: &str,
        constraints: &str,
        work: &Path,
    ) -> Result<Vec<Pin>, PackageError> {
        write(work, "requirements.txt", requirements).await?;
        write(work, "constraints.txt", constraints).await?;
        let mut arguments = match &self.kind {
            Kind::Uv { .. } => {
                vec!["pip", "compile", "--generate-hashes", "--no-header", "--no-annotate", "--no-progress"]
            }
            Kind::Pip => vec!["install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-"],
        };
        arguments.extend(self.common());
        arguments.extend(match &self.kind {
            Kind::Uv { .. } => ["requirements.txt", "--constraint", "constraints.txt"].as_slice(),
            Kind::Pip => &["-r", "requirements.txt", "--constraint", "constraints.txt"],
        });
        let finished = self.run(&arguments, work).await?;
        match &self.kind {
            Kind::Uv { .. } => pins_of_uv(&String::from_utf8_lossy(&finished.stdout)),
            Kind::Pip => pins_of_pip(&finished.stdout),
        }
    }

    /// Puts exactly this into `target`, which is inside `work` and does not exist yet.
    pub async fn install(&self, locked: &str, target: &str, work: &Path) -> Result<(), PackageError> {
        write(work, "locked.txt", locked).await?;
        let mut arguments =
            vec!["install", "--require-hashes", "--no-deps", "--target", target, "-r", "locked.txt"];
        match &self.kind {
            Kind::Uv { .. } => {
                arguments.insert(0, "pip");
                // Sessions cannot write what they compile, and would do it again and again.
                arguments.extend(["--compile-bytecode", "--no-progress"]);
            }
            Kind::Pip => arguments.push("--quiet"),
        }
        arguments.extend(self.common());
        self.run(&arguments, work).await.map(drop)
    }

    /// What both steps say.
    fn common(&self) -> Vec<&str> {
        let mut arguments = match &self.kind {
            Kind::Uv { .. } => {
                vec!["--color", "never", "--python", self.python.executable.to_str().unwrap_or_default()]
            }
            Kind::Pip => vec!["--no-input", "--no-color", "--disable-pip-version-check"],
        };
        if self.builds == Builds::Never {
            arguments.extend(["--only-binary", ":all:"]);
        }
        arguments
    }

    fn program(&self, arguments: &[&str], work: &Path) -> Program {
        let pip = ["-m".to_owned(), "pip".to_owned()];
        let (program, first) = match &self.kind {
            Kind::Uv { program, first } => (program.clone(), first.as_slice()),
            Kind::Pip => (self.python.executable.to_string_lossy().into_owned(), pip.as_slice()),
        };
        Program {
            program,
            arguments: first.iter().cloned().chain(arguments.iter().map(|each| (*each).to_owned())).collect(),
            environment: self.environment.clone(),
            directory: work.to_owned(),
        }
    }

    async fn run(&self, arguments: &[&str], work: &Path) -> Result<Finished, PackageError> {
        let finished = self.program(arguments, work).run(b"", OUTPUT, TIME).await;
        let finished = finished.map_err(|error: ProcessError| PackageError::Failed(error.to_string()))?;
        if finished.code == 0 {
            return Ok(finished);
        }
        let words = if finished.stderr.trim().is_empty() {
            format!("it ended with code {}", finished.code)
        } else {
            finished.stderr
        };
        Err(PackageError::Failed(self.explained(&words, work)))
    }

    /// Its own words, without places of the host and without what an address says of its user.
    fn explained(&self, words: &str, work: &Path) -> String {
        let mut words = words.replace(&format!("{}/", work.display()), "");
        words = words.replace(&*work.to_string_lossy(), "…");
        if let Some((_, home)) = self.environment.iter().find(|(name, home)| name == "HOME" && home.len() > 1)
        {
            words = words.replace(home, "~");
        }
        if let Ok(user) = Regex::new(r"://[^/@\s]+@") {
            words = user.replace_all(&words, "://***@").into_owned();
        }
        let is_news = |line: &&str| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with("Using CPython") && !line.starts_with("[notice]")
        };
        let lines: Vec<&str> = words.lines().filter(is_news).collect();
        let words = lines.join("\n");
        let surplus = words.chars().count().saturating_sub(WORDS);
        words.chars().skip(surplus).collect()
    }
}

async fn write(work: &Path, name: &str, text: &str) -> Result<(), PackageError> {
    tokio::fs::write(work.join(name), text).await.map_err(PackageError::disk("preparing an installation"))
}

fn unreadable() -> PackageError {
    PackageError::Installer("the installer's answer cannot be read; a newer uv or pip may help".to_owned())
}

/// `name==version \` with a line for each hash.
fn pins_of_uv(text: &str) -> Result<Vec<Pin>, PackageError> {
    let mut pins: Vec<Pin> = Vec::new();
    for line in text.lines() {
        let line = line.trim().trim_end_matches('\\').trim();
        if let Some(hash) = line.strip_prefix("--hash=") {
            pins.last_mut().ok_or_else(unreadable)?.hashes.push(hash.to_owned());
        } else if !line.is_empty() && !line.starts_with(['#', '-']) {
            let (name, version) = line.split_once("==").ok_or_else(unreadable)?;
            let name = name.split('[').next().unwrap_or_default();
            pins.push(pin(name, version, Vec::new())?);
        }
    }
    whole(pins)
}

fn pins_of_pip(text: &[u8]) -> Result<Vec<Pin>, PackageError> {
    let report: Report = serde_json::from_slice(text).map_err(|_| unreadable())?;
    let pins: Result<Vec<Pin>, PackageError> = report
        .install
        .into_iter()
        .map(|each| {
            let hash = each.download_info.archive_info.and_then(|archive| archive.hash);
            let hash = hash.ok_or_else(unreadable)?.replacen('=', ":", 1);
            pin(&each.metadata.name, &each.metadata.version, vec![hash])
        })
        .collect();
    whole(pins?)
}

fn pin(name: &str, version: &str, hashes: Vec<String>) -> Result<Pin, PackageError> {
    let version = version.split(';').next().unwrap_or_default().trim();
    let is_version = !version.is_empty()
        && version.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '!' | '-' | '_'));
    let name = name.trim().parse().map_err(|_| unreadable())?;
    if is_version { Ok(Pin { name, version: version.to_owned(), hashes }) } else { Err(unreadable()) }
}

/// All of them, if each has its hashes.
fn whole(mut pins: Vec<Pin>) -> Result<Vec<Pin>, PackageError> {
    let is_hash = |hash: &String| {
        hash.split_once(':').is_some_and(|(kind, digits)| {
            kind.chars().all(|c| c.is_ascii_alphanumeric()) && digits.chars().all(|c| c.is_ascii_hexdigit())
        })
    };
    if pins.iter().any(|pin| pin.hashes.is_empty() || !pin.hashes.iter().all(is_hash)) {
        return Err(PackageError::Installer(
            "the index gives no hashes of its packages, and nothing is installed without".to_owned(),
        ));
    }
    for pin in &mut pins {
        pin.hashes.sort();
    }
    pins.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(pins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_installers_answers_become_pins() {
        let uv = pins_of_uv(
            "# x\nattrs==25.1.0 \\\n    --hash=sha256:0b \\\n    --hash=sha256:0a\nPyYAML==6.0 \\\n    --hash=sha256:1\n",
        );
        let uv = uv.unwrap();
        assert_eq!(uv[0].hashes, ["sha256:0a", "sha256:0b"]);
        assert_eq!((uv[1].name.as_str(), uv[1].version.as_str()), ("pyyaml", "6.0"));
        let pip = pins_of_pip(
            br#"{"install": [{"metadata": {"name": "X", "version": "1"}, "download_info": {"url": "u", "archive_info": {"hash": "sha256=0a"}}}]}"#,
        );
        assert_eq!(pip.unwrap()[0].hashes, ["sha256:0a"]);
    }

    #[test]
    fn what_has_no_hash_or_is_no_pin_is_refused() {
        assert!(pins_of_uv("x==1\n").is_err_and(|error| error.to_string().contains("no hashes")));
        assert!(pins_of_uv("x @ https://example.org/x.whl\n").is_err());
        assert!(pins_of_uv("x==1 --hash=sha256:0\n").is_err());
        assert!(pins_of_uv("x==1 \\\n --hash=sha256:0 -r y\n").is_err());
    }
}
