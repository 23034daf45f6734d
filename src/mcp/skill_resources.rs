//! Skills as MCP resources: `skill://NAME`, its source as text.

use rmcp::model::{ErrorData, MetaObject, ReadResourceResult, Resource, ResourceContents, ResourceTemplate};
use serde_json::{Value, json};

use crate::skills::{Skill, SkillError, Skills};

/// What an address of a skill begins with.
pub(super) const SCHEME: &str = "skill://";

/// What a cursor that leads into the skills begins with.
const CURSOR: &str = "skills:";

/// Skills in one page of the list.
const PAGE: usize = 50;

/// The name after which a page begins, if the cursor leads into the skills.
pub(super) fn position(cursor: &str) -> Option<&str> {
    cursor.strip_prefix(CURSOR)
}

/// A page of skills, and the cursor of the next. A library that cannot be read has no page; its tools say why.
pub(super) async fn page(skills: &Skills, after: &str) -> (Vec<Resource>, Option<String>) {
    match skills.list(after, PAGE).await {
        Ok(page) => {
            let listed = page.skills.iter().map(|(skill, _)| resource(skill)).collect();
            (listed, page.next.map(|next| format!("{CURSOR}{next}")))
        }
        Err(error) => {
            tracing::warn!(%error, "skills are not listed as resources");
            (Vec::new(), None)
        }
    }
}

/// The form that addresses take.
pub(super) fn template() -> ResourceTemplate {
    ResourceTemplate::new("skill://{name}{?version}", "skill")
        .with_title("Source of a skill")
        .with_description("At its newest version, or at this one")
        .with_mime_type("text/x-python")
}

/// Reads one address.
pub(super) async fn read(skills: &Skills, address: &str) -> Result<ReadResourceResult, ErrorData> {
    let rest = address.strip_prefix(SCHEME).unwrap_or(address);
    let (name, query) = rest.split_once('?').unwrap_or((rest, ""));
    let version = match query.strip_prefix("version=") {
        None => None,
        Some(number) => Some(number.parse::<i64>().map_err(|_| {
            ErrorData::invalid_params("`version` is a whole number, as in skill://parse_logs?version=2", None)
        })?),
    };
    let skill = skills.get(name.trim_end_matches('/'), version).await.map_err(|error| match error {
        SkillError::Store(cause) => ErrorData::internal_error(cause.to_string(), None),
        other => ErrorData::resource_not_found(other.to_string(), Some(json!({"uri": address}))),
    })?;
    let mut meta = skill.whole();
    if let Value::Object(meta) = &mut meta {
        meta.remove("source");
    }
    let mut about = MetaObject::new();
    about.0.insert("actwright/skill".to_owned(), meta);
    let contents =
        ResourceContents::text(skill.source, address).with_mime_type("text/x-python").with_meta(about);
    Ok(ReadResourceResult::new(vec![contents]))
}

fn resource(skill: &Skill) -> Resource {
    let name = skill.name.as_str();
    let mut resource = Resource::new(format!("{SCHEME}{name}"), name)
        .with_title(skill.signature())
        .with_mime_type("text/x-python")
        .with_size(skill.source.len() as u64);
    if !skill.summary().is_empty() {
        resource = resource.with_description(skill.summary());
    }
    resource
}
