//! Saving a skill: everything that is given is checked before anything is stored.

use serde_json::Value;

use super::error::SkillError;
use super::library::Skills;
use super::name::SkillName;
use super::proof::{Answers, Behalf, Manner, Tried};
use super::ran::Cell;
use super::skill::{Origin, Skill, hash, now};
use super::source;
use crate::storage::NewVersion;

/// Bounds of what comes with a source.
const DESCRIPTION: usize = 10_000;
const REASON: usize = 1_000;
const TAGS: usize = 20;
const TAG: usize = 40;
const EXAMPLES: usize = 20;
const EXAMPLE: usize = 64 * 1024;

/// What is to be saved.
#[derive(Clone, Default)]
pub struct Creation {
    /// The name.
    pub name: String,
    /// The source.
    pub source: String,
    /// The description, kept word for word; without one the docstring describes it.
    pub description: Option<String>,
    /// The cell that the source is made from, in place of a source.
    pub cell: Option<Cell>,
    /// For whom its examples are run.
    pub behalf: Option<Behalf>,
    /// Words to keep it under.
    pub tags: Vec<String>,
    /// `{"args": {…}, "expect": …}`.
    pub examples: Vec<Value>,
    /// Who saves it.
    pub author: String,
    /// Why.
    pub reason: String,
}

impl std::fmt::Debug for Creation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Creation").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What was saved.
#[derive(Debug, Clone)]
pub struct Saved {
    /// The skill at its new version.
    pub skill: Skill,
    /// Things that the caller must know, a sentence each.
    pub notes: Vec<String>,
}

impl Creation {
    /// Checks everything; gives the skill as it would be saved.
    pub fn check(self) -> Result<Skill, SkillError> {
        let name = SkillName::parse(&self.name)?;
        let refuse = |what: String| SkillError::Given { name: name.to_string(), what };
        let read = source::read(&self.source)
            .map_err(|cause| SkillError::Source { name: name.to_string(), cause })?;
        let description = self.description.unwrap_or(read.description);
        let too_long = |what: &str, text: &str, most: usize| {
            let chars = text.chars().count();
            if chars > most {
                Err(refuse(format!("the {what} has {chars} characters and the limit is {most}")))
            } else {
                Ok(())
            }
        };
        too_long("description", &description, DESCRIPTION)?;
        too_long("reason", &self.reason, REASON)?;
        if self.tags.len() > TAGS {
            return Err(refuse(format!("{} tags were given and the limit is {TAGS}", self.tags.len())));
        }
        if let Some(tag) = self.tags.iter().find(|tag| !is_tag(tag)) {
            let tag: String = tag.chars().take(60).collect();
            return Err(refuse(format!("{tag:?} is no tag: up to {TAG} letters, digits, `-`, `_`, `.`")));
        }
        if self.examples.len() > EXAMPLES {
            return Err(refuse(format!(
                "{} examples were given and the limit is {EXAMPLES}",
                self.examples.len()
            )));
        }
        for (at, example) in self.examples.iter().enumerate() {
            check_example(example, &read.shape)
                .map_err(|what| refuse(format!("example {}: {what}", at + 1)))?;
        }
        Ok(Skill {
            hash: hash(&self.source),
            name,
            origin: Origin::Stored,
            version: None,
            source: self.source,
            description,
            shape: read.shape,
            tags: self.tags,
            examples: self.examples,
            author: self.author,
            reason: self.reason,
            made: now(),
            hides: Vec::new(),
        })
    }
}

impl Skills {
    /// Saves a skill as a new version of its name. When this returns it is on the disk and can be found.
    ///
    /// Its examples are run first, where there is a stage for that, and what tools gave is recorded: a skill that does not
    /// give what they say is not saved.
    pub async fn create(&self, creation: Creation) -> Result<Saved, SkillError> {
        self.not_on_stage("saved", &creation.name)?;
        let read = move || {
            let mut creation = creation;
            let behalf = creation.behalf.take();
            let harvest = creation.harvest()?;
            Ok::<_, SkillError>((creation.check()?, harvest, behalf))
        };
        let (mut skill, harvest, behalf) = tokio::task::spawn_blocking(read)
            .await
            .unwrap_or_else(|_| Err(crate::storage::StorageError::Ended.into()))?;
        let mut notes = harvest.as_ref().map(|harvest| harvest.notes.clone()).unwrap_or_default();
        let tried = match harvest.as_ref().filter(|harvest| harvest.is_its_own()) {
            Some(harvest) => self.replay_cell(&mut skill, harvest, &mut notes).await,
            None => self.first_trial(&skill, behalf, &mut notes).await?,
        };
        let version = version_of(&skill);
        skill.version = Some(self.store().ask(move |db| db.save_skill(&version)).await?);
        self.read_soon();
        if let Some(mut tried) = tried {
            notes.extend(self.keep(&skill, &mut tried, Manner::Recorded, None).await?.err());
        }
        match self.beside(&skill.name) {
            Some(Origin::File(place)) => notes.push(format!(
                "the file {place} has the same name and wins over what is stored; remove the file to use this version"
            )),
            Some(Origin::Bundled) => {
                notes.push(format!("it takes the place of the bundled skill '{}'", skill.name));
            }
            Some(Origin::Stored) | None => {}
        }
        Ok(Saved { skill, notes })
    }
}

impl Skills {
    /// Runs the examples of a skill that is about to be saved.
    async fn first_trial(
        &self,
        skill: &Skill,
        behalf: Option<Behalf>,
        notes: &mut Vec<String>,
    ) -> Result<Option<Tried>, SkillError> {
        let Some(stage) = self.stage().filter(|_| !skill.examples.is_empty()) else { return Ok(None) };
        match self.try_out(&stage, skill, Answers::Tools, behalf).await {
            Ok(tried) => match tried.wrong() {
                None => Ok(Some(tried)),
                Some(what) => Err(SkillError::Example { name: skill.name.to_string(), what }),
            },
            Err(why) => {
                notes.push(format!("its examples were not run: {why}"));
                Ok(None)
            }
        }
    }

    /// Saves many skills as new versions of their names, all of them or none. Their examples are not run; `verify` does.
    pub async fn create_all(&self, creations: Vec<Creation>) -> Result<(), SkillError> {
        if let Some(first) = creations.first() {
            self.not_on_stage("saved", &first.name)?;
        }
        let checked = tokio::task::spawn_blocking(move || {
            creations.into_iter().map(|creation| Ok(version_of(&creation.check()?))).collect()
        });
        let versions: Result<Vec<NewVersion>, SkillError> =
            checked.await.unwrap_or_else(|_| Err(crate::storage::StorageError::Ended.into()));
        let versions = versions?;
        Ok(self.store().ask(move |db| db.save_skills(&versions)).await?)
    }
}

fn version_of(skill: &Skill) -> NewVersion {
    let json = |value: serde_json::Result<String>| value.unwrap_or_else(|_| "null".to_owned());
    NewVersion {
        name: skill.name.to_string(),
        source: skill.source.clone(),
        description: skill.description.clone(),
        shape: json(serde_json::to_string(&skill.shape)),
        examples: json(serde_json::to_string(&skill.examples)),
        tags: json(serde_json::to_string(&skill.tags)),
        hash: skill.hash.clone(),
        author: skill.author.clone(),
        reason: skill.reason.clone(),
        made: skill.made,
        words: super::finding::words_of(skill),
    }
}

fn is_tag(tag: &str) -> bool {
    (1..=TAG).contains(&tag.chars().count()) && tag.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c))
}

/// An example is a call that `run` would take, and what it gives.
fn check_example(example: &Value, shape: &super::shape::Shape) -> Result<(), String> {
    let Value::Object(example) = example else {
        return Err("it is an object with `args` and `expect`".to_owned());
    };
    if let Some(other) = example.keys().find(|key| !["args", "expect"].contains(&key.as_str())) {
        return Err(format!("it has `args` and `expect`, not `{other}`"));
    }
    let empty = serde_json::Map::new();
    let args = match example.get("args") {
        None => &empty,
        Some(Value::Object(args)) => args,
        Some(_) => return Err("`args` is an object of arguments by name".to_owned()),
    };
    let known = |name: &str| shape.parameters.iter().any(|parameter| parameter.name == name);
    if let Some(unknown) = args.keys().find(|name| !shape.open && !known(name)) {
        return Err(format!("`run` has no parameter `{unknown}`"));
    }
    if let Some(missing) =
        shape.parameters.iter().find(|each| each.required && !args.contains_key(&each.name))
    {
        return Err(format!("the argument `{}` is missing", missing.name));
    }
    let size = serde_json::to_string(example).map_or(0, |text| text.len());
    if size > EXAMPLE { Err(format!("it has {size} bytes and the limit is {EXAMPLE}")) } else { Ok(()) }
}
