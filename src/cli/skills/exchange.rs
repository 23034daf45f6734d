//! `skills diff`, `import` and `export`: the store and a directory of files, brought to say the same.
//!
//! A skill is a file there, or an Agent Skill: a directory with a `SKILL.md`. What differs is found first and then done, so that `diff` and `--dry-run` say exactly what would happen.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use serde_json::{Value, json};

use super::{AUTHOR, Form, refused};
use crate::cli::error::hinted;
use crate::cli::print;
use crate::skills::{Creation, Directory, Skill, Skills, Trouble, agent_name, directory_of, render};

/// What becomes of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    others: Others,
    effect: Effect,
}

/// What becomes of what only the other side has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Others {
    Kept,
    Removed,
}

/// Whether anything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Done,
    OnlySaid,
}

/// How skills lie in a directory that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Each a file, with what its source does not say beside it.
    Files,
    /// Each a directory with a `SKILL.md`.
    AgentSkills,
}

/// How one name compares, seen from the side that is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// Only in what is read.
    New,
    /// Only in what is written.
    Other,
    /// In both, and different.
    Changed,
    /// The same in both.
    Same,
}

impl Plan {
    /// From the flags.
    pub fn of(prune: bool, dry_run: bool) -> Self {
        Self {
            others: if prune { Others::Removed } else { Others::Kept },
            effect: if dry_run { Effect::OnlySaid } else { Effect::Done },
        }
    }
}

impl Sign {
    fn mark(self) -> &'static str {
        match self {
            Self::New => "+",
            Self::Other => "-",
            Self::Changed => "~",
            Self::Same => "=",
        }
    }
}

type Library = BTreeMap<String, Skill>;

/// Says how a directory differs from the store; exit code 1 when it does.
pub async fn diff(skills: &Skills, directory: &Path, form: Form) -> anyhow::Result<ExitCode> {
    let Directory { skills: found, troubles, notes } = read(directory)?;
    let files = library(found);
    let stored = stored(skills).await?;
    let signs = compare(&files, &stored);
    say(&signs, &troubles, &notes, form)?;
    let same = signs.values().all(|sign| *sign == Sign::Same) && troubles.is_empty();
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Saves what a directory has and the store has not, or has differently.
pub async fn import(skills: &Skills, directory: &Path, plan: Plan, form: Form) -> anyhow::Result<ExitCode> {
    let Directory { skills: found, troubles, notes } = read(directory)?;
    let files = library(found);
    let stored = stored(skills).await?;
    let mut signs = compare(&files, &stored);
    if plan.others == Others::Kept {
        signs.retain(|_, sign| *sign != Sign::Other);
    }
    // A skill whose file is broken is not one that the directory has given up.
    let stem = |each: &Trouble| {
        Path::new(&each.place).file_stem().map(|stem| stem.to_string_lossy().replace('-', "_"))
    };
    let is_broken = |name: &str| troubles.iter().any(|each| stem(each).as_deref() == Some(name));
    signs.retain(|name, sign| *sign != Sign::Other || !is_broken(name));
    if plan.effect == Effect::Done {
        let (mut creations, mut others) = (Vec::new(), Vec::new());
        for (name, sign) in &signs {
            match (sign, files.get(name)) {
                (Sign::New | Sign::Changed, Some(skill)) => {
                    let creation = Creation {
                        name: name.clone(),
                        source: skill.source.clone(),
                        description: Some(skill.description.clone()),
                        tags: skill.tags.clone(),
                        examples: skill.examples.clone(),
                        author: AUTHOR.to_owned(),
                        reason: "imported".to_owned(),
                        cell: None,
                        behalf: None,
                    };
                    creations.push(creation);
                }
                (Sign::Other, _) => others.push(name),
                _ => {}
            }
        }
        skills.create_all(creations).await.map_err(refused)?;
        for name in others {
            skills.delete(name, AUTHOR, "imported").await.map_err(refused)?;
        }
    }
    say(&signs, &troubles, &notes, form)?;
    Ok(if troubles.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes what the store has and a directory has not, or has differently.
pub async fn export(
    skills: &Skills,
    directory: &Path,
    layout: Layout,
    plan: Plan,
    form: Form,
) -> anyhow::Result<ExitCode> {
    if plan.effect == Effect::Done {
        std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    }
    let files = if directory.is_dir() { library(read(directory)?.skills) } else { Library::new() };
    let stored = stored(skills).await?;
    if layout == Layout::AgentSkills {
        one_name_each(&stored)?;
    }
    let mut signs = compare(&stored, &files);
    if plan.others == Others::Kept {
        signs.retain(|_, sign| *sign != Sign::Other);
    }
    if plan.effect == Effect::Done {
        for (name, sign) in &signs {
            match (sign, stored.get(name)) {
                (Sign::New | Sign::Changed, Some(skill)) => match layout {
                    Layout::Files => write(&directory.join(format!("{name}.py")), skill)?,
                    Layout::AgentSkills => write_agent_skill(directory, skill)?,
                },
                (Sign::Other, _) => match layout {
                    Layout::Files => remove(&directory.join(format!("{name}.py")))?,
                    Layout::AgentSkills => remove_agent_skill(&directory.join(agent_name(name)), name)?,
                },
                _ => {}
            }
        }
    }
    say(&signs, &[], &[], form)?;
    Ok(ExitCode::SUCCESS)
}

fn read(directory: &Path) -> anyhow::Result<Directory> {
    if !directory.is_dir() {
        let message = format!("{} is no directory", directory.display());
        return Err(hinted(message, "name a directory of skills, each a file NAME.py"));
    }
    // `.` has no name, and an Agent Skill has that of its directory.
    let whole = directory.canonicalize().with_context(|| format!("cannot read {}", directory.display()))?;
    Ok(directory_of(&whole))
}

fn library(skills: Vec<Skill>) -> Library {
    skills.into_iter().map(|skill| (skill.name.to_string(), skill)).collect()
}

/// Two names that differ only in case or underscores would be one directory.
fn one_name_each(stored: &Library) -> anyhow::Result<()> {
    let mut taken: BTreeMap<String, &String> = BTreeMap::new();
    for name in stored.keys() {
        if let Some(other) = taken.insert(agent_name(name), name) {
            let message =
                format!("skills '{other}' and '{name}' have one name as Agent Skills: {}", agent_name(name));
            return Err(hinted(message, "save one of them under another name"));
        }
    }
    Ok(())
}

/// The directory of an Agent Skill, whose files are replaced one by one.
fn write_agent_skill(directory: &Path, skill: &Skill) -> anyhow::Result<()> {
    let rendered = render(skill);
    let root = directory.join(&rendered.name);
    for place_of in [&root, &root.join("scripts")] {
        if place_of.is_symlink() {
            return Err(hinted(
                format!("{} is a link", place_of.display()),
                "remove it; nothing is written through links",
            ));
        }
        std::fs::create_dir_all(place_of).with_context(|| format!("cannot make {}", place_of.display()))?;
    }
    for (path, text) in &rendered.files {
        let path = root.join(path);
        place(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Removes the files that an export makes; what else is in the directory stays, and so does the directory then.
fn remove_agent_skill(root: &Path, name: &str) -> anyhow::Result<()> {
    for file in ["SKILL.md".to_owned(), format!("scripts/{name}.py"), format!("scripts/{name}.json")] {
        match std::fs::remove_file(root.join(&file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", root.join(&file).display()));
            }
            _ => {}
        }
    }
    for directory in [root.join("scripts"), root.to_owned()] {
        // It stays where there is more in it.
        drop(std::fs::remove_dir(directory));
    }
    Ok(())
}

fn remove(path: &Path) -> anyhow::Result<()> {
    std::fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
    remove_beside(path)
}

async fn stored(skills: &Skills) -> anyhow::Result<Library> {
    let stored = skills.stored().await.map_err(refused)?;
    Ok(stored.into_iter().map(|skill| (skill.name.to_string(), skill)).collect())
}

fn compare(read: &Library, written: &Library) -> BTreeMap<String, Sign> {
    let names = read.keys().chain(written.keys());
    let sign = |name: &String| match (read.get(name), written.get(name)) {
        (Some(one), Some(other)) if is_same(one, other) => Sign::Same,
        (Some(_), Some(_)) => Sign::Changed,
        (Some(_), None) => Sign::New,
        (None, _) => Sign::Other,
    };
    names.map(|name| (name.clone(), sign(name))).collect()
}

fn is_same(one: &Skill, other: &Skill) -> bool {
    let own = |skill: &Skill| {
        (skill.hash.clone(), skill.description.clone(), skill.tags.clone(), skill.examples.clone())
    };
    own(one) == own(other)
}

/// The source as it is, and beside it only what the source does not say.
fn write(path: &Path, skill: &Skill) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    place(path, &skill.source).with_context(failed)?;
    let bare = Creation { name: skill.name.to_string(), source: skill.source.clone(), ..Creation::default() };
    let said = bare.check().map_err(refused)?.description;
    let mut beside = json!({});
    if said != skill.description {
        beside["description"] = skill.description.as_str().into();
    }
    if !skill.tags.is_empty() {
        beside["tags"] = json!(skill.tags);
    }
    if !skill.examples.is_empty() {
        beside["examples"] = json!(skill.examples);
    }
    if beside == json!({}) {
        return remove_beside(path);
    }
    place(&path.with_extension("json"), &format!("{beside:#}\n")).with_context(failed)
}

/// Writes beside and renames, so that a watcher never reads half a file and a link is replaced, not followed.
fn place(path: &Path, text: &str) -> std::io::Result<()> {
    let directory = path.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
    let mut file = tempfile::Builder::new().prefix(".actwright-").tempfile_in(directory)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

fn remove_beside(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path.with_extension("json")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.with_extension("json").display()))
        }
        _ => Ok(()),
    }
}

fn say(
    signs: &BTreeMap<String, Sign>,
    troubles: &[Trouble],
    notes: &[Trouble],
    form: Form,
) -> anyhow::Result<()> {
    if form == Form::Json {
        let all: Vec<Value> =
            signs.iter().map(|(name, sign)| json!({"name": name, "sign": sign.mark()})).collect();
        let about = |all: &[Trouble]| -> Vec<Value> {
            all.iter().map(|each| json!({"file": each.place, "reason": each.words})).collect()
        };
        let said = json!({"skills": all, "broken": about(troubles), "notes": about(notes)});
        return Ok(print::stdout(&format!("{said:#}\n"))?);
    }
    let lines: String = signs.iter().map(|(name, sign)| format!("{} {name}\n", sign.mark())).collect();
    print::stdout(&lines)?;
    if signs.is_empty() && troubles.is_empty() {
        print::stderr("no skills there; a skill is a file NAME.py, or a directory with a SKILL.md\n")?;
    }
    let troubles = troubles.iter().map(|each| format!("broken: {}: {}\n", each.place, each.words));
    let notes = notes.iter().map(|each| format!("note: {}: {}\n", each.place, each.words));
    Ok(print::stderr(&troubles.chain(notes).collect::<String>())?)
}
