//! The skills extension: each skill of the library as an Agent Skill, `skill://NAME/SKILL.md`, with a digest for each of its
//! files. What is served is made from the library at the moment of the request.

use rmcp::model::{
    DIRECTORY_MIME_TYPE, ErrorCode, ErrorData, GetSkillResult, JsonObject, ListResourcesResult,
    ListSkillsResult, ReadResourceResult, Resource, ResourceContents, Skill as Entry, SkillFrontmatter,
    SkillResource, SkillResources,
};
use serde_json::json;

use super::skill_resources::SCHEME;
use crate::skills::{Rendered, Skill, SkillError, Skills, agent_name, render};

/// Skills in one page of the list.
const PAGE: usize = 50;

/// The file that an address of a skill names.
const SKILL_MD: &str = "SKILL.md";

/// `skills/list`, a page of it. Where two skills have one name as Agent Skills, only one of them is served.
pub(super) async fn list(skills: &Skills, cursor: Option<String>) -> Result<ListSkillsResult, ErrorData> {
    let after = cursor.unwrap_or_default();
    let page = skills.list(&after, PAGE).await.map_err(|error| failed(&error))?;
    let mut entries = Vec::new();
    for (skill, _) in &page.skills {
        if is_served(skills, skill).await {
            entries.push(entry(&render(skill)));
        }
    }
    let mut result = ListSkillsResult::with_all_items(entries);
    result.next_cursor = page.next;
    Ok(result)
}

/// `skills/get`.
pub(super) async fn get(skills: &Skills, uri: &str) -> Result<GetSkillResult, ErrorData> {
    let name = uri.strip_prefix(SCHEME).and_then(|rest| rest.strip_suffix(SKILL_MD)?.strip_suffix('/'));
    let name = name.ok_or_else(|| unknown(uri))?;
    Ok(GetSkillResult::new(entry(&find(skills, name, uri).await?)))
}

/// The name and the file of an address that names a file of a skill.
pub(super) fn file_of(uri: &str) -> Option<(&str, &str)> {
    let (name, file) = uri.strip_prefix(SCHEME)?.split_once('/')?;
    (!file.is_empty()).then_some((name, file))
}

/// Reads one file of a skill.
pub(super) async fn read(
    skills: &Skills,
    uri: &str,
    name: &str,
    file: &str,
) -> Result<ReadResourceResult, ErrorData> {
    // Whoever reads a resource is told in the words of resources.
    let rendered = find(skills, name, uri).await.map_err(|error| match error.code {
        ErrorCode::INVALID_PARAMS => ErrorData::resource_not_found(error.message, error.data),
        _ => error,
    })?;
    let found = rendered.files.into_iter().find(|(path, _)| path == file);
    let (path, text) = found.ok_or_else(|| {
        let short: String = uri.chars().take(200).collect();
        let message =
            format!("no resource `{short}`; skills/get of {SCHEME}{name}/{SKILL_MD} lists the files");
        ErrorData::resource_not_found(message, Some(json!({"uri": short})))
    })?;
    let contents = ResourceContents::text(text, uri).with_mime_type(media_type(&path));
    Ok(ReadResourceResult::new(vec![contents]))
}

/// `resources/directory/read`: what lies in a skill's directory, or in one below it.
pub(super) async fn directory(skills: &Skills, uri: &str) -> Result<ListResourcesResult, ErrorData> {
    let rest = uri.strip_prefix(SCHEME).ok_or_else(|| unknown(uri))?;
    let (name, below) = rest.split_once('/').unwrap_or((rest, ""));
    let rendered = find(skills, name, uri).await?;
    let mut found: Vec<Resource> = Vec::new();
    for (path, text) in &rendered.files {
        let inside = match below {
            "" => Some(path.as_str()),
            below => path.strip_prefix(below).and_then(|rest| rest.strip_prefix('/')),
        };
        let Some(inside) = inside else { continue };
        let resource = match inside.split_once('/') {
            None => Resource::new(format!("{SCHEME}{name}/{path}"), inside)
                .with_mime_type(media_type(path))
                .with_size(text.len() as u64),
            Some((directory, _)) => {
                Resource::new(format!("{uri}/{directory}"), directory).with_mime_type(DIRECTORY_MIME_TYPE)
            }
        };
        if found.iter().all(|other| other.uri != resource.uri) {
            found.push(resource);
        }
    }
    if found.is_empty() {
        return Err(unknown(uri));
    }
    Ok(ListResourcesResult::with_all_items(found))
}

/// The skill that has this name as an Agent Skill.
async fn find(skills: &Skills, name: &str, uri: &str) -> Result<Rendered, ErrorData> {
    let skill = of_agent_name(skills, name).await.map_err(|error| failed(&error))?;
    skill.map(|skill| render(&skill)).ok_or_else(|| unknown(uri))
}

async fn of_agent_name(skills: &Skills, name: &str) -> Result<Option<Skill>, SkillError> {
    match skills.get(&name.replace('-', "_"), None).await {
        Ok(skill) if agent_name(skill.name.as_str()) == name => return Ok(Some(skill)),
        Ok(_) => {}
        Err(error @ SkillError::Store(_)) => return Err(error),
        Err(_) => {}
    }
    // A name with capitals, or with several underscores together.
    let names = skills.names().await?;
    for other in names.iter().filter(|other| agent_name(other) == name) {
        if let Ok(skill) = skills.get(other, None).await {
            return Ok(Some(skill));
        }
    }
    Ok(None)
}

/// Whether a skill is the one that its name as an Agent Skill leads to.
async fn is_served(skills: &Skills, skill: &Skill) -> bool {
    let name = agent_name(skill.name.as_str());
    name.replace('-', "_") == skill.name.as_str()
        || of_agent_name(skills, &name)
            .await
            .is_ok_and(|found| found.is_some_and(|found| found.name == skill.name))
}

fn entry(rendered: &Rendered) -> Entry {
    let root = format!("{SCHEME}{}", rendered.name);
    let files = rendered.files.iter();
    let files =
        files.map(|(path, text)| SkillResource::from_bytes(format!("{root}/{path}"), text.as_bytes()));
    let text = |key: &str| rendered.frontmatter[key].as_str().unwrap_or_default().to_owned();
    let empty = JsonObject::new();
    let mut frontmatter = SkillFrontmatter::new(text("name"), text("description"));
    for (key, value) in rendered.frontmatter.as_object().unwrap_or(&empty) {
        if !["name", "description"].contains(&key.as_str()) {
            frontmatter = frontmatter.with_field(key.as_str(), value.clone());
        }
    }
    Entry::new(format!("{root}/{SKILL_MD}"), frontmatter, SkillResources::Files(files.collect()))
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("md") => "text/markdown",
        Some("py") => "text/x-python",
        Some("json") => "application/json",
        _ => "text/plain",
    }
}

fn unknown(uri: &str) -> ErrorData {
    let short: String = uri.chars().take(200).collect();
    let message =
        format!("no skill at `{short}`; skills/list shows what there is, as {SCHEME}name/{SKILL_MD}");
    ErrorData::invalid_params(message, Some(json!({"uri": short})))
}

fn failed(error: &SkillError) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}
