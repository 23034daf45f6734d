//! Packages as they are asked for: a name, extras and versions, valid by construction and nothing else.
//!
//! Where a package comes from is decided by whoever runs the server, so addresses, paths, options and markers are no part of
//! a requirement; what is written out again holds only what was understood. Conditions of files are read apart.

use std::fmt;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};
use serde::{Deserialize, Serialize};

pub mod condition;

/// The longest requirement and the longest name, in bytes.
const LONGEST: usize = 300;
const LONGEST_NAME: usize = 100;

/// The most extras.
const EXTRAS: usize = 20;

/// A package's name as indexes compare it: lower case, one `-` for each run of `-`, `_` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackageName(String);

/// What may be asked for: `pandas[excel]>=2,<3`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Requirement {
    name: PackageName,
    extras: Vec<PackageName>,
    versions: VersionSpecifiers,
}

/// Why a text is no requirement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{shown:?} is no package that can be asked for: {why}")]
pub struct RequirementError {
    shown: String,
    why: String,
}

impl PackageName {
    /// It, normalised.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PackageName {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Self, RequirementError> {
        let refuse = |why: &str| Err(refused(text, why));
        if text.is_empty() {
            return refuse("a name is missing");
        }
        if text.len() > LONGEST_NAME {
            return refuse("the name is too long");
        }
        let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_outer = |c: char| c.is_ascii_alphanumeric();
        if !text.chars().all(is_inner) || !text.starts_with(is_outer) || !text.ends_with(is_outer) {
            return refuse("a name has letters, digits, and - _ . between them");
        }
        let mut name = String::with_capacity(text.len());
        for c in text.chars() {
            if is_outer(c) {
                name.push(c.to_ascii_lowercase());
            } else if !name.ends_with('-') {
                name.push('-');
            }
        }
        Ok(Self(name))
    }
}

impl Requirement {
    /// Which package.
    pub fn name(&self) -> &PackageName {
        &self.name
    }

    /// Whether the version may be it.
    pub fn admits(&self, version: &str) -> bool {
        Version::from_str(version).is_ok_and(|version| self.versions.contains(&version))
    }

    /// Which versions may be it; empty if all may.
    pub fn versions(&self) -> String {
        self.versions.iter().map(|each| each.to_string().replace(' ', "")).collect::<Vec<_>>().join(",")
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.as_str())?;
        if !self.extras.is_empty() {
            let extras: Vec<&str> = self.extras.iter().map(PackageName::as_str).collect();
            write!(f, "[{}]", extras.join(","))?;
        }
        f.write_str(&self.versions())
    }
}

impl FromStr for Requirement {
    type Err = RequirementError;

    fn from_str(given: &str) -> Result<Self, RequirementError> {
        let text = given.trim_matches([' ', '\t']);
        if let Some(why) = misplaced(text) {
            return Err(refused(given, why));
        }
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.'));
        let (name, rest) = text.split_at(end.unwrap_or(text.len()));
        let name: PackageName = name.parse().map_err(|error: RequirementError| refused(given, &error.why))?;
        let mut rest = rest.trim_start();
        let mut extras = Vec::new();
        if let Some(inside) = rest.strip_prefix('[') {
            let Some((names, after)) = inside.split_once(']') else {
                return Err(refused(given, "its extras do not end with `]`"));
            };
            for extra in names.split(',').map(str::trim).take(EXTRAS + 1) {
                extras.push(extra.parse().map_err(|_| refused(given, "an extra is no name"))?);
            }
            if extras.len() > EXTRAS {
                return Err(refused(given, "it has too many extras"));
            }
            rest = after.trim_start();
        }
        let rest = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest);
        let versions = if rest.is_empty() { Ok(VersionSpecifiers::empty()) } else { rest.parse() };
        let versions = versions.map_err(|_| {
            refused(given, "what follows the name is no list of versions such as `>=2,<3` or `==1.4.*`")
        })?;
        Ok(Self { name, extras, versions })
    }
}

/// Why a text is not even looked at more closely.
fn misplaced(text: &str) -> Option<&'static str> {
    let has = |what: &str| text.contains(what);
    if text.is_empty() {
        Some("it is empty")
    } else if text.len() > LONGEST {
        Some("it is too long")
    } else if text.chars().any(|c| c.is_control() || !c.is_ascii()) {
        Some("it has characters that no name and no version has")
    } else if text.starts_with('-') {
        Some("options of the installer are not taken; which index is used is for whoever runs the server")
    } else if has("://") || has("@") {
        Some("packages are not taken from addresses; name one of the index, such as `pandas>=2`")
    } else if has("/")
        || has("\\")
        || text.starts_with(['.', '~'])
        || text.ends_with(".whl")
        || text.ends_with(".tar.gz")
    {
        Some("packages are not taken from files; name one of the index, such as `pandas>=2`")
    } else if has(";") {
        Some("conditions after `;` are not taken; ask for what this Python needs")
    } else if text.contains(['|', '&', '$', '`', '"', '\'', '{', '}', '#', '?', '%', ':']) {
        Some("it has characters that no name and no version has")
    } else {
        None
    }
}

/// Whether a version is among those that a text such as `>=3.11` admits; no text admits all, and one that is none says so.
pub fn admits(versions: &str, version: &str) -> Option<bool> {
    if versions.trim().is_empty() {
        return Some(true);
    }
    let versions = VersionSpecifiers::from_str(versions).ok()?;
    Version::from_str(version).ok().map(|version| versions.contains(&version))
}

/// Whether two texts are the same version in different spellings.
pub fn same_version(one: &str, other: &str) -> bool {
    let version = |text: &str| Version::from_str(text).ok();
    one == other || version(one).is_some_and(|one| version(other) == Some(one))
}

fn refused(text: &str, why: &str) -> RequirementError {
    let shown: String = text.chars().take(60).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    RequirementError { shown: format!("{shown}{more}"), why: why.to_owned() }
}

macro_rules! through_text {
    ($kind:ty) => {
        impl TryFrom<String> for $kind {
            type Error = RequirementError;

            fn try_from(text: String) -> Result<Self, RequirementError> {
                text.parse()
            }
        }

        impl From<$kind> for String {
            fn from(value: $kind) -> Self {
                value.to_string()
            }
        }
    };
}

through_text!(PackageName);
through_text!(Requirement);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_asked_for_is_written_out_in_one_way() {
        let check = |text: &str, expected: &str| {
            assert_eq!(
                text.parse::<Requirement>().map(|it| it.to_string()).as_deref(),
                Ok(expected),
                "{text}"
            );
        };
        check("humanize", "humanize");
        check(" Pandas >= 2, <3 ", "pandas>=2,<3");
        check("zope.interface", "zope-interface");
        check("ruamel_.yaml==0.18.*", "ruamel-yaml==0.18.*");
        check("pandas[Excel, parquet]~=2.1", "pandas[excel,parquet]~=2.1");
        check("attrs (>=23.1)", "attrs>=23.1");
        check("torch==2.1.0+cpu", "torch==2.1.0+cpu");
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        let check = |text: &str, words: &str| {
            let said =
                text.parse::<Requirement>().map(|it| it.to_string()).map_err(|error| error.to_string());
            assert!(said.as_ref().is_err_and(|said| said.contains(words)), "{text:?}: {said:?}");
        };
        check("", "it is empty");
        check("   ", "it is empty");
        check(&"x".repeat(400), "too long");
        check(&"x".repeat(200), "too long");
        check("--index-url=x", "options");
        check("-rfile", "options");
        check("https://example.org/x.whl", "addresses");
        check("x @ file:///etc/passwd", "addresses");
        check("git+ssh://git@example.org/x", "addresses");
        check("./x", "files");
        check("../x", "files");
        check("/etc/passwd", "files");
        check("~x", "files");
        check("x-1.0-py3-none-any.whl", "files");
        check("x; python_version < '3.9'", "conditions");
        check("x$(id)", "characters");
        check("x|y", "characters");
        check("x\nflask", "characters");
        check("x\0", "characters");
        check("pаndas", "characters");
        check("x y", "no list of versions");
        check("x>=", "no list of versions");
        check("x>=2 --pre", "no list of versions");
        check("x[", "do not end");
        check("x[a b]", "an extra is no name");
        check("_x", "letters, digits");
        check("x-", "letters, digits");
    }

    #[test]
    fn versions_are_compared_as_versions() {
        let asked: Requirement = "x>=2,<3".parse().unwrap();
        assert!(asked.admits("2.10.1") && !asked.admits("3.0") && !asked.admits("not one"));
    }
}
