//! `skills.*`: the library, as code in a session sees it. The host gives sources; the session runs them.

use actwright_protocol::{CallError, Value};
use serde_json::{Value as Json, json};

use super::data::{from_json, to_json};
use super::{Answer, Answering, Named, encoded, error};
use crate::skills::{Behalf, Creation, Manner, Outcome, SkillError, SkillName, Skills, Uses};
use crate::tools::Origin;

/// Who is noted as the author of what code saves.
const AUTHOR: &str = "code";

/// The most skills that one call gives.
const MOST: i64 = 1_000;

/// The most skills that are offered for a function that does not exist.
const ALIKE: usize = 3;

/// The score from which a skill is offered for such a function.
const MEANT: f64 = 0.45;

/// Begins one request.
pub fn begin(skills: &Skills, request: &str, named: Named, origin: &Origin) -> Answering {
    let (skills, session) = (skills.clone(), origin.session.clone());
    // What a proof calls counts as the cell's own calls.
    let behalf = origin.cell.clone().map(|cell| cell as Behalf);
    match request {
        "names" => {
            Answering::Later(Box::pin(async move { answer(skills.names().await.map(|names| json!(names))) }))
        }
        "list" => Answering::Later(Box::pin(async move { list(&skills, &named).await })),
        "search" => Answering::Later(Box::pin(async move { search(&skills, &named).await })),
        "get" => Answering::Later(Box::pin(async move { get(&skills, &named).await })),
        "fetch" => Answering::Later(Box::pin(async move { fetch(&skills, &named).await })),
        "create" => {
            Answering::Later(Box::pin(
                async move { create(&skills, &named, session.as_deref(), behalf).await },
            ))
        }
        "delete" => Answering::Later(Box::pin(async move { delete(&skills, &named).await })),
        "verify" => Answering::Later(Box::pin(async move { verify(&skills, &named, behalf).await })),
        "history" => Answering::Later(Box::pin(async move { history(&skills, &named).await })),
        "alike" => Answering::Later(Box::pin(async move { alike(&skills, &named).await })),
        "used" => Answering::Now(used(&skills, &named)),
        _ => Answering::Now(Err(error("unknown_call", format!("the host has no `skills.{request}`")))),
    }
}

async fn list(skills: &Skills, named: &Named) -> Answer {
    let (mut all, mut after) = (Vec::new(), named.optional_text("after")?.unwrap_or("").to_owned());
    let limit = limit(named)?;
    let page = match skills.list(&after, limit).await {
        Ok(page) => page,
        Err(failure) => return answer(Err(failure)),
    };
    all.extend(page.skills.iter().map(|(skill, uses)| uses.add_to(skill.about())));
    after = page.next.unwrap_or_default();
    let broken: Vec<Json> =
        skills.troubles().iter().map(|each| json!({"file": each.place, "reason": each.words})).collect();
    answer(Ok(json!({"skills": all, "next": after, "broken": broken})))
}

async fn search(skills: &Skills, named: &Named) -> Answer {
    let found = skills.search(named.text("query")?, limit(named)?).await;
    answer(found.map(|found| found.about()))
}

async fn get(skills: &Skills, named: &Named) -> Answer {
    let skill = match skills.get(named.text("name")?, named.optional_whole("version")?).await {
        Ok(skill) => skill,
        Err(failure) => return answer(Err(failure)),
    };
    let uses = match skills.uses(vec![skill.name.to_string()]).await {
        Ok(mut uses) => uses.remove(skill.name.as_str()).unwrap_or_default(),
        Err(failure) => return answer(Err(failure)),
    };
    let proof = skills.proof_of(&skill).await;
    answer(proof.map(|proof| Uses { proof, ..uses }.add_to(skill.whole())))
}

/// A source to be run; without its text where the session has it already.
async fn fetch(skills: &Skills, named: &Named) -> Answer {
    let known = named.optional_text("known")?;
    let skill = skills.get(named.text("name")?, named.optional_whole("version")?).await;
    answer(skill.map(|skill| {
        let mut about = json!({
            "name": skill.name.as_str(),
            "signature": skill.signature(),
            "label": match (skill.version, skill.origin.word()) {
                (Some(version), _) => format!("version {version}"),
                (None, origin) => origin.to_owned(),
            },
            "hash": skill.hash,
            "dependencies": skill.shape.dependencies,
            "requires_python": skill.shape.requires_python,
        });
        if known != Some(&skill.hash) {
            about["source"] = skill.source.into();
        }
        about
    }))
}

async fn create(skills: &Skills, named: &Named, session: Option<&str>, behalf: Option<Behalf>) -> Answer {
    let json = |wanted: &str| match named.get(wanted) {
        None | Some(Value::Nil) => Ok(Vec::new()),
        Some(value) => match to_json(value.clone()) {
            Ok(Json::Array(items)) => Ok(items),
            Ok(_) => Err(error("invalid_arguments", format!("`{wanted}` must be a list"))),
            Err(what) => Err(error("invalid_arguments", format!("`{wanted}` holds {what}"))),
        },
    };
    let tags = json("tags")?.into_iter().map(|tag| match tag {
        Json::String(tag) => Ok(tag),
        _ => Err(error("invalid_arguments", "a tag must be a text")),
    });
    let name = named.text("name")?.to_owned();
    let cell = match named.get("from_cell") {
        None | Some(Value::Nil) => None,
        Some(Value::Str(which)) => Some(skills.cell(&name, session, which)),
        Some(Value::Int(number)) => Some(skills.cell(&name, session, &number.to_string())),
        Some(_) => {
            return Err(error("invalid_arguments", "`from_cell` is \"last\", a cell's number, or o_…"));
        }
    };
    let cell = match cell.transpose() {
        Ok(cell) => cell,
        Err(failure) => return answer(Err(failure)),
    };
    let source = match (named.optional_text("source")?, &cell) {
        (Some(source), None) => source.to_owned(),
        (None, Some(_)) => String::new(),
        _ => return Err(error("invalid_arguments", "give either `source` or `from_cell`")),
    };
    let creation = Creation {
        name,
        source,
        cell,
        behalf,
        description: named.optional_text("description")?.map(str::to_owned),
        tags: tags.collect::<Result<_, _>>()?,
        examples: json("examples")?,
        author: AUTHOR.to_owned(),
        reason: named.optional_text("reason")?.unwrap_or("").to_owned(),
    };
    let saved = match skills.create(creation).await {
        Ok(saved) => saved,
        Err(failure) => return answer(Err(failure)),
    };
    let proof = skills.proof_of(&saved.skill).await;
    answer(proof.map(|proof| {
        let mut about = saved.skill.about();
        about["proof"] = proof.about();
        about["notes"] = json!(saved.notes);
        about
    }))
}

async fn delete(skills: &Skills, named: &Named) -> Answer {
    let name = named.text("name")?;
    let deleted = skills.delete(name, AUTHOR, named.optional_text("reason")?.unwrap_or("")).await;
    answer(deleted.map(|version| json!({"name": name, "deleted": true, "version": version})))
}

async fn verify(skills: &Skills, named: &Named, behalf: Option<Behalf>) -> Answer {
    let manner = match named.get("record") {
        Some(Value::Bool(true)) => Manner::Recorded,
        None | Some(Value::Nil | Value::Bool(false)) => Manner::Replayed,
        Some(_) => return Err(error("invalid_arguments", "`record` must be True or False")),
    };
    let verdict = skills.verify(named.text("name")?, named.optional_whole("version")?, manner, behalf).await;
    answer(verdict.map(|verdict| {
        let mut about = verdict.about();
        about["text"] = verdict.text().into();
        about
    }))
}

async fn history(skills: &Skills, named: &Named) -> Answer {
    let events = skills.history(named.text("name")?).await;
    answer(events.map(|events| events.iter().map(|event| event.about()).collect()))
}

/// The signatures of skills for a function that exists nowhere: that of its name, else those that its name's words mean.
async fn alike(skills: &Skills, named: &Named) -> Answer {
    let name = named.text("name")?;
    let found = skills.search(name, ALIKE).await.map(|found| found.hits).unwrap_or_default();
    let mut meant: Vec<String> =
        found.iter().filter(|hit| hit.score >= MEANT).map(|hit| hit.skill.signature()).collect();
    if found.first().is_some_and(|best| best.skill.name.as_str() == name) {
        meant.truncate(1);
    }
    if meant.is_empty() {
        meant.extend(skills.near(name).await.map(|skill| skill.signature()));
    }
    answer(Ok(json!(meant)))
}

fn used(skills: &Skills, named: &Named) -> Answer {
    let name = named.text("name")?;
    let outcome = match named.optional_text("error")? {
        None => Outcome::Gave,
        Some(text) => Outcome::Raised(text.to_owned()),
    };
    if let Ok(name) = SkillName::parse(name) {
        skills.used(&name, &outcome);
    }
    answer(Ok(Json::Null))
}

fn limit(named: &Named) -> Result<usize, CallError> {
    match named.optional_whole("limit")? {
        None => Ok(10),
        Some(limit) if (1..=MOST).contains(&limit) => Ok(limit as usize),
        Some(_) => Err(error("invalid_arguments", format!("`limit` must be from 1 to {MOST}"))),
    }
}

/// An answer as the Python side reads it: a word for what it is, and the content.
fn answer(result: Result<Json, SkillError>) -> Answer {
    let (word, content) = match result {
        Ok(value) => ("ok", value),
        Err(failure) => ("error", json!({"kind": failure.word(), "message": failure.to_string()})),
    };
    encoded(&Value::List(vec![Value::Str(word.to_owned()), from_json(content)]))
}
