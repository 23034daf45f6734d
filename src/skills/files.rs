//! Skills in directories: each `name.py` a skill, `name.json` beside it what a source does not say; and each directory in there
//! that has a `SKILL.md`.
//!
//! Directories are looked at again when somebody asks and the last look is a moment ago, so a change is seen at the next
//! request, on every file system. A file is read again only when its size, time or number changed. What is wrong with a
//! file is kept as its reason and hides nothing else.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use super::agent;
use super::finding::document;
use super::meaning::meaning;
use super::saving::Creation;
use super::skill::{Origin, Skill, Trouble};
use crate::search::Document;
use crate::storage::Hash;

/// How old a look may be.
const FRESH: Duration = Duration::from_millis(200);

/// The most files of a directory that are read.
const MOST: usize = 20_000;

/// A skill that is not in the store, ready to be searched.
#[derive(Debug)]
pub struct Near {
    /// The skill.
    pub skill: Skill,
    /// Its words.
    pub document: Document,
    /// The name of its content, under which its vector is kept.
    pub meaning: Hash,
}

/// What `name.json` may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct About {
    /// The description, word for word.
    pub description: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Examples.
    pub examples: Vec<Value>,
}

/// The directories and what was found in them.
#[derive(Debug, Default)]
pub struct Files {
    directories: Vec<PathBuf>,
    looked: Option<Instant>,
    known: BTreeMap<PathBuf, Known>,
    found: Vec<Arc<Near>>,
    troubles: Vec<Trouble>,
    notes: Vec<Trouble>,
}

/// A file as it was when it was read.
#[derive(Debug)]
struct Known {
    stamp: Vec<Stamp>,
    read: Vec<Result<Arc<Near>, Trouble>>,
    notes: Vec<Trouble>,
}

type Stamp = Option<(u64, i64, i64, u64)>;

impl Near {
    /// A skill with its words.
    pub fn of(skill: Skill) -> Arc<Self> {
        let document = document(&skill);
        let meaning = meaning(&skill);
        Arc::new(Self { skill, document, meaning })
    }
}

impl Files {
    /// Over these directories; of two files of one name, that in the earlier directory wins.
    pub fn over(directories: Vec<PathBuf>) -> Self {
        Self { directories, ..Self::default() }
    }

    /// The skills, after a look if the last one is too old.
    pub fn skills(&mut self) -> &[Arc<Near>] {
        self.look();
        &self.found
    }

    /// The files that are no skills, and why.
    pub fn troubles(&mut self) -> &[Trouble] {
        self.look();
        &self.troubles
    }

    fn look(&mut self) {
        if self.looked.is_some_and(|looked| looked.elapsed() < FRESH) {
            return;
        }
        let mut before = std::mem::take(&mut self.known);
        let mut found: BTreeMap<String, Arc<Near>> = BTreeMap::new();
        self.troubles.clear();
        self.notes.clear();
        for directory in self.directories.clone() {
            let files = match sources(&directory) {
                Ok(files) => files,
                Err(trouble) => {
                    self.troubles.extend(trouble);
                    continue;
                }
            };
            for path in files {
                let stamp = stamps(&path);
                let known = match before.remove(&path) {
                    Some(known) if known.stamp == stamp => known,
                    _ => Known::read(&path, stamp),
                };
                for read in &known.read {
                    match read {
                        Ok(near) => match found.entry(near.skill.name.to_string()) {
                            Entry::Vacant(place) => drop(place.insert(near.clone())),
                            Entry::Occupied(first) => self.troubles.push(unused(near, first.get())),
                        },
                        Err(trouble) => self.troubles.push(trouble.clone()),
                    }
                }
                self.notes.extend(known.notes.iter().cloned());
                self.known.insert(path, known);
            }
        }
        self.found = found.into_values().collect();
        self.looked = Some(Instant::now());
    }
}

impl Known {
    fn read(path: &Path, stamp: Vec<Stamp>) -> Self {
        if !agent::claims_to_be_one(path) {
            return Self { stamp, read: vec![read(path)], notes: Vec::new() };
        }
        let place = shown(path);
        let trouble = |words: String| Trouble { place: place.clone(), words };
        match agent::read(path) {
            Err(words) => Self { stamp, read: vec![Err(trouble(words))], notes: Vec::new() },
            Ok(found) => {
                let read = found.skills.into_iter().map(|script| {
                    let origin = Origin::File(format!("{place}/{}", script.place));
                    skill(script.name, script.source, script.about, origin).map(Near::of).map_err(trouble)
                });
                Self { stamp, read: read.collect(), notes: found.notes.into_iter().map(trouble).collect() }
            }
        }
    }
}

/// Why a file is not used beside another one of the same name.
fn unused(near: &Near, first: &Near) -> Trouble {
    let place = |near: &Near| match &near.skill.origin {
        Origin::File(place) => place.clone(),
        other => other.word().to_owned(),
    };
    let words = format!("not used: {} has the same name and comes first", place(first));
    Trouble { place: place(near), words }
}

/// What one directory holds.
#[derive(Debug, Default)]
pub struct Directory {
    /// Its skills.
    pub skills: Vec<Skill>,
    /// Files that are no skills, and why.
    pub troubles: Vec<Trouble>,
    /// What of its Agent Skills was not taken, and what they asked for and did not get.
    pub notes: Vec<Trouble>,
}

/// The skills of one directory, or of one Agent Skill, and what is wrong with its other files.
pub fn directory_of(directory: &Path) -> Directory {
    if agent::is_one(directory) {
        let known = Known::read(directory, Vec::new());
        let mut found = Directory { notes: known.notes, ..Directory::default() };
        for read in known.read {
            match read {
                Ok(near) => found.skills.push(near.skill.clone()),
                Err(trouble) => found.troubles.push(trouble),
            }
        }
        return found;
    }
    let mut files = Files::over(vec![directory.to_owned()]);
    let skills = files.skills().iter().map(|near| near.skill.clone()).collect();
    Directory { skills, troubles: files.troubles, notes: files.notes }
}

/// The Python files and Agent Skills of a directory, in order. A directory that is not there holds none.
fn sources(directory: &Path) -> Result<Vec<PathBuf>, Option<Trouble>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(None),
        Err(error) => {
            let words = format!("the directory cannot be read: {}", error.kind());
            return Err(Some(Trouble { place: shown(directory), words }));
        }
    };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
            !name.starts_with(['_', '.']) && (name.ends_with(".py") || agent::claims_to_be_one(path))
        })
        .take(MOST)
        .collect();
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<Arc<Near>, Trouble> {
    let place = shown(path);
    let trouble = |words: String| Trouble { place: place.clone(), words };
    let source = text(path).map_err(trouble)?;
    let beside = path.with_extension("json");
    let about = match beside.exists() {
        false => About::default(),
        true => {
            let text = text(&beside).map_err(|words| trouble(format!("{}: {words}", shown(&beside))))?;
            serde_json::from_str(&text).map_err(|error| trouble(format!("{}: {error}", shown(&beside))))?
        }
    };
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("").to_owned();
    Ok(Near::of(skill(name, source, about, Origin::File(place.clone())).map_err(trouble)?))
}

/// A skill that is not stored, from its texts; what is wrong is said in words.
pub fn skill(name: String, source: String, about: About, origin: Origin) -> Result<Skill, String> {
    let creation = Creation {
        name,
        source,
        description: about.description,
        tags: about.tags,
        examples: about.examples,
        ..Creation::default()
    };
    let mut skill = creation.check().map_err(|error| match error {
        super::SkillError::Source { cause, .. } => cause.to_string(),
        super::SkillError::Given { what, .. } => what,
        other => other.to_string(),
    })?;
    skill.origin = origin;
    skill.made = 0;
    Ok(skill)
}

/// The text of a regular file of bounded size.
fn text(path: &Path) -> Result<String, String> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err("it has no name".to_owned());
    };
    agent::text_in(directory, Path::new(name))
}

/// What tells that a skill was changed.
fn stamps(path: &Path) -> Vec<Stamp> {
    if path.is_dir() {
        return agent::stamp(path).into_iter().map(Some).collect();
    }
    vec![stamp(path), stamp(&path.with_extension("json"))]
}

fn stamp(path: &Path) -> Stamp {
    let about = std::fs::metadata(path).ok()?;
    Some((about.len(), about.mtime(), about.mtime_nsec(), about.ino()))
}

/// The directory's and the file's name: enough to find it, nothing of where the machine keeps it.
fn shown(path: &Path) -> String {
    let name = |path: Option<&std::ffi::OsStr>| {
        path.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    };
    match path.parent().and_then(Path::file_name) {
        Some(parent) => format!("{}/{}", parent.to_string_lossy(), name(path.file_name())),
        None => name(path.file_name()),
    }
}
