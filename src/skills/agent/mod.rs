//! Agent Skills: directories with a `SKILL.md`, as skills of this library, and skills as such directories.
//!
//! Whoever wrote a directory is not trusted. It is read below its own root and through no link, within bounds of number, depth
//! and size, and nothing in it grants anything: what it says of allowed tools is told to the operator and otherwise ignored.

use std::path::Path;

use serde_json::json;

use super::files::About;
use super::name::SkillName;
use super::source::{self, SourceError};

mod folder;
mod frontmatter;
mod render;

use folder::Folder;
use frontmatter::Frontmatter;

pub use folder::{stamp, text_in};
pub use render::{Rendered, agent_name, render};

/// The file that makes a directory an Agent Skill.
pub const SKILL_MD: &str = "SKILL.md";

/// The longest description that is made of the frontmatter and the instructions, in characters.
const DESCRIPTION: usize = 9_000;

/// The most characters of texts in a skill that only holds them.
const TEXTS: usize = 180_000;

/// A directory as skills.
#[derive(Debug, Default)]
pub struct Read {
    /// Each script that defines `run`; where there is none, one skill that gives the directory's texts.
    pub skills: Vec<Script>,
    /// What was left out, and what the directory asked for and did not get.
    pub notes: Vec<String>,
}

/// A skill of a directory.
#[derive(Debug)]
pub struct Script {
    /// Its name in the library.
    pub name: String,
    /// Where it is written, from the directory.
    pub place: String,
    /// Its source.
    pub source: String,
    /// What the source does not say.
    pub about: About,
}

/// Whether a directory is an Agent Skill, as far as its names tell.
pub fn is_one(directory: &Path) -> bool {
    let is = |path: &Path, wanted: fn(&std::fs::Metadata) -> bool| {
        std::fs::symlink_metadata(path).is_ok_and(|about| wanted(&about))
    };
    is(directory, std::fs::Metadata::is_dir) && is(&directory.join(SKILL_MD), std::fs::Metadata::is_file)
}

/// Whether a directory says that it is an Agent Skill, also where links keep it from being one.
pub fn claims_to_be_one(directory: &Path) -> bool {
    std::fs::symlink_metadata(directory.join(SKILL_MD)).is_ok()
}

/// Reads a directory; an error is why it is no skill at all.
pub fn read(directory: &Path) -> Result<Read, String> {
    let is_link = |path: &Path| std::fs::symlink_metadata(path).is_ok_and(|about| about.is_symlink());
    if is_link(directory) {
        return Err(
            "it is a link, and nothing is read through links; put the directory itself there".to_owned()
        );
    }
    if is_link(&directory.join(SKILL_MD)) {
        return Err(format!(
            "its {SKILL_MD} is a link, and nothing is read through links; put the file itself there"
        ));
    }
    let folder = Folder::open(directory)?;
    let text = folder.text(SKILL_MD)?;
    let (head, body) = Frontmatter::split(&text)?;
    let directory_name = directory.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if head.name != directory_name {
        return Err(format!(
            "its name is `{}`, which must be that of its directory, `{directory_name}`",
            head.name
        ));
    }
    let mut read = Read { notes: folder.notes.clone(), ..Read::default() };
    if let Some(tools) = &head.allowed_tools {
        let tools: String = tools.chars().take(200).collect();
        read.notes.push(format!("it asks for the tools `{tools}`; nothing was granted, tools are allowed in the configuration only"));
    }
    let python = || folder.files.iter().filter(|path| path.ends_with(".py"));
    let mut runnable = Vec::new();
    for path in python() {
        let Ok(source) = folder.text(path) else { continue };
        match source::read(&source) {
            Ok(_) => runnable.push((path, source)),
            Err(SourceError::NoRun) => {}
            Err(error) => read.notes.push(format!("{path} is no skill: {error}")),
        }
    }
    let base = head.name.replace('-', "_");
    if runnable.is_empty() {
        let script = texts(&folder, &head, &text, &base, &mut read.notes);
        read.skills.push(script);
        return Ok(read);
    }
    let many = runnable.len();
    for (path, source) in runnable {
        let stem = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".py");
        let name = match many {
            1 if SkillName::parse(stem).is_ok_and(|name| agent_name(name.as_str()) == head.name) => {
                stem.to_owned()
            }
            1 => base.clone(),
            _ => format!("{base}_{stem}"),
        };
        let beside = format!("{}.json", path.trim_end_matches(".py"));
        let mut about: About = match folder.files.contains(&beside) {
            true => {
                serde_json::from_str(&folder.text(&beside)?).map_err(|error| format!("{beside}: {error}"))?
            }
            false => About::default(),
        };
        about.description.get_or_insert_with(|| head.with_instructions(body, DESCRIPTION));
        read.skills.push(Script { name, place: path.clone(), source, about });
    }
    let is_used = |path: &String| {
        path == SKILL_MD
            || read.skills.iter().any(|script| {
                script.place.trim_end_matches(".py") == path.trim_end_matches(".json").trim_end_matches(".py")
            })
    };
    let left: Vec<&str> = folder.files.iter().filter(|path| !is_used(path)).map(String::as_str).collect();
    if !left.is_empty() {
        read.notes.push(format!(
            "left out, because only Python with a function run becomes a skill: {}",
            left.join(", ")
        ));
    }
    Ok(read)
}

/// A skill that gives the texts of a directory in which nothing can be run.
fn texts(folder: &Folder, head: &Frontmatter, skill_md: &str, name: &str, notes: &mut Vec<String>) -> Script {
    let mut files = serde_json::Map::new();
    files.insert(SKILL_MD.to_owned(), skill_md.into());
    let mut room = TEXTS.saturating_sub(skill_md.len());
    for path in folder.files.iter().filter(|path| *path != SKILL_MD) {
        match folder.text(path) {
            Ok(text) if text.len() <= room => {
                room -= text.len();
                files.insert(path.clone(), text.into());
            }
            Ok(_) => notes.push(format!("{path} is left out: the texts together are too long")),
            Err(why) => notes.push(format!("{path} is left out: {why}")),
        }
    }
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    let source = format!(
        "{}\n\nFILES = {}\n\n\ndef run(file: str = \"SKILL.md\") -> str:\n    {}\n    if file not in FILES:\n        \
         raise ValueError(f\"there is no {{file!r}}; there are {{', '.join(FILES)}}\")\n    return FILES[file]\n",
        json!(head.description),
        json!(files),
        json!(format!(
            "Gives a text of this Agent Skill, its instructions first.\n\nArgs:\n    file: One of {}.",
            names.join(", ")
        )),
    );
    let about = About {
        description: Some(head.description.clone()),
        tags: vec!["instructions".to_owned()],
        examples: Vec::new(),
    };
    Script { name: name.to_owned(), place: SKILL_MD.to_owned(), source, about }
}

#[cfg(test)]
mod tests;
