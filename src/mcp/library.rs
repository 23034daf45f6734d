//! `search_skills`, `list_skills`, `get_skill`, `create_skill`, `delete_skill`: the library for clients that want it without
//! code. `invoke_skill` is a cell like any other, because a skill never runs in the host.
//!
//! The text is for the model, compact; the same as data stands under `_meta["actwright/skills"]`.

use rmcp::model::{CallToolResult, JsonObject, MetaObject};
use serde_json::{Value, json};

use super::arguments::{ArgumentError, Arguments};
use super::render;
use super::server::Server;
use super::tools::{MAX_TOOLS, ToolName};
use crate::outputs::Excerpt;
use crate::session::report::Target;
use crate::skills::{Creation, SkillError, SkillName, Skills, Uses};

/// Who is noted as the author of what clients save.
const AUTHOR: &str = "client";

/// The key of a result's data.
const META: &str = "actwright/skills";

/// The name that sessions give to the function that runs a skill for a client.
const INVOKE: &str = "__actwright_invoke__";

/// A call whose arguments are read.
#[derive(Debug)]
pub(super) enum Request {
    /// `search_skills`.
    Search {
        /// What it should do.
        query: String,
        /// How many to show.
        limit: usize,
    },
    /// `list_skills`, a page.
    List {
        /// The name after which the page begins.
        after: String,
        /// How many to show.
        limit: usize,
    },
    /// `get_skill`.
    Get {
        /// Which.
        name: String,
        /// At which version.
        version: Option<i64>,
    },
    /// `create_skill`.
    Create(Box<Creation>),
    /// `invoke_skill`.
    Invoke {
        /// Which.
        name: String,
        /// At which version.
        version: Option<i64>,
        /// With what.
        arguments: JsonObject,
        /// Where it runs.
        target: Target,
    },
    /// `delete_skill`.
    Delete(String),
}

/// What becomes of a request.
pub(super) enum Done {
    /// It is answered.
    Answered(CallToolResult),
    /// A cell answers it.
    ToRun {
        /// In which session.
        target: Target,
        /// What it runs.
        code: String,
    },
}

impl Request {
    /// The run of a skill that is a tool of its own, in the default session.
    pub(super) fn of_tool(name: &str, arguments: JsonObject) -> Self {
        Self::Invoke { name: name.to_owned(), version: None, arguments, target: Target::Default }
    }

    /// Reads the arguments of one of the library's tools.
    pub(super) fn read(tool: ToolName, arguments: &Arguments<'_>) -> Result<Self, ArgumentError> {
        let name = || arguments.text("name").map(str::to_owned);
        let limit = |default| Ok(arguments.whole("limit", 1, MAX_TOOLS)?.unwrap_or(default) as usize);
        Ok(match tool {
            ToolName::ListSkills => Self::List {
                after: arguments.optional_text("cursor")?.unwrap_or("").to_owned(),
                limit: limit(100)?,
            },
            ToolName::GetSkill => Self::Get { name: name()?, version: arguments.version()? },
            ToolName::CreateSkill => Self::Create(Box::new(Creation {
                name: name()?,
                source: arguments.text("source")?.to_owned(),
                description: arguments.optional_text("description")?.map(str::to_owned),
                tags: arguments.texts("tags")?,
                examples: arguments.list("examples")?,
                author: AUTHOR.to_owned(),
                reason: arguments.optional_text("reason")?.unwrap_or("").to_owned(),
            })),
            ToolName::InvokeSkill => Self::Invoke {
                name: name()?,
                version: arguments.version()?,
                arguments: arguments.object("arguments")?,
                target: arguments.target()?,
            },
            ToolName::DeleteSkill => Self::Delete(name()?),
            _ => Self::Search { query: arguments.text("query")?.to_owned(), limit: limit(10)? },
        })
    }

    /// Whether the call takes a place in a session's queue.
    pub(super) fn is_ordered(&self) -> bool {
        matches!(self, Self::Invoke { .. })
    }
}

/// Does what the call asks, up to the cell that a skill needs.
pub(super) async fn perform(server: &Server, request: Request) -> Done {
    let skills = server.sessions.skills();
    Done::Answered(match request {
        Request::Search { query, limit } => search(skills, &query, limit).await,
        Request::List { after, limit } => list(skills, &after, limit).await,
        Request::Get { name, version } => {
            get(skills, &name, version, server.config.results.max_output as u64).await
        }
        Request::Create(creation) => create(skills, *creation).await,
        Request::Delete(name) => delete(skills, &name).await,
        Request::Invoke { name, version, arguments, target } => {
            match cell(skills, &name, version, &arguments).await {
                Ok(code) => return Done::ToRun { target, code },
                Err(error) => render::refusal(&error),
            }
        }
    })
}

/// `search_skills`.
async fn search(skills: &Skills, query: &str, limit: usize) -> CallToolResult {
    let found = match skills.search(query, limit).await {
        Ok(found) => found,
        Err(error) => return render::refusal(&error),
    };
    let (semantic, reason) = found.semantic.words();
    let mut lines: Vec<String> = found
        .hits
        .iter()
        .map(|hit| {
            let why: Vec<&str> = hit.matched.iter().map(|matched| matched.word()).collect();
            format!("{}{} [score {}: {}]", hit.skill.line(), fared(&hit.uses), hit.score, why.join(", "))
        })
        .collect();
    if lines.is_empty() {
        lines.push("nothing fits; solve it with run_code and save what works with create_skill".to_owned());
    }
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    lines.push(format!("[semantic: {semantic}{reason}]"));
    with_data(lines.join("\n"), found.about())
}

/// `list_skills`, a page of it.
async fn list(skills: &Skills, after: &str, limit: usize) -> CallToolResult {
    let page = match skills.list(after, limit).await {
        Ok(page) => page,
        Err(error) => return render::refusal(&error),
    };
    let mut lines: Vec<String> =
        page.skills.iter().map(|(skill, uses)| format!("{}{}", skill.line(), fared(uses))).collect();
    let troubles = if after.is_empty() { skills.troubles() } else { Vec::new() };
    lines.extend(troubles.iter().map(|each| format!("broken: {}: {}", each.place, each.words)));
    if let Some(next) = &page.next {
        lines.push(format!("[{} skills shown; next: cursor=\"{next}\"]", page.skills.len()));
    }
    if lines.is_empty() {
        lines.push(if after.is_empty() {
            "no skills are saved yet; create_skill saves one".to_owned()
        } else {
            "[there is nothing behind this cursor]".to_owned()
        });
    }
    let about: Vec<Value> = page.skills.iter().map(|(skill, _)| skill.about()).collect();
    let broken: Vec<Value> =
        troubles.iter().map(|each| json!({"file": each.place, "reason": each.words})).collect();
    with_data(lines.join("\n"), json!({"skills": about, "next": page.next, "broken": broken}))
}

/// `get_skill`.
async fn get(skills: &Skills, name: &str, version: Option<i64>, budget: u64) -> CallToolResult {
    let skill = match skills.get(name, version).await {
        Ok(skill) => skill,
        Err(error) => return render::refusal(&error),
    };
    let uses = skills.uses(vec![skill.name.to_string()]).await.unwrap_or_default();
    let uses = uses.get(skill.name.as_str()).cloned().unwrap_or_default();
    let version = skill.version.map(|version| format!(", version {version}")).unwrap_or_default();
    let mut text = format!("{} [{}{version}{}]", skill.signature(), skill.origin.word(), fared(&uses));
    for hidden in &skill.hides {
        text.push_str(&format!("\n[it hides {hidden}]"));
    }
    if !skill.description.is_empty() {
        text.push_str(&format!("\n{}", skill.description));
    }
    let source = Excerpt::of(&skill.source, budget);
    text.push_str(&format!("\n\n{}", source.head));
    if let Some((from, to)) = source.cut {
        text.push_str(&format!(
            "\n[… {} characters cut; skills.get in run_code has all …]\n{}",
            to - from,
            source.tail
        ));
    }
    with_data(text, skill.whole())
}

/// `create_skill`.
async fn create(skills: &Skills, creation: Creation) -> CallToolResult {
    match skills.create(creation).await {
        Ok(saved) => {
            let version = saved.skill.version.unwrap_or_default();
            let mut lines = vec![format!("saved version {version}: {}", saved.skill.line())];
            lines.extend(saved.notes.iter().map(|note| format!("[note] {note}")));
            with_data(lines.join("\n"), saved.skill.about())
        }
        Err(error) => render::refusal(&error),
    }
}

/// `delete_skill`.
async fn delete(skills: &Skills, name: &str) -> CallToolResult {
    match skills.delete(name, AUTHOR, "").await {
        Ok(version) => render::plain(format!(
            "skill '{name}' is deleted (version {version}); earlier versions can still be read"
        )),
        Err(error) => render::refusal(&error),
    }
}

/// The cell that runs a skill with these arguments. A name that is not known is answered before a session is started.
async fn cell(
    skills: &Skills,
    name: &str,
    version: Option<i64>,
    arguments: &JsonObject,
) -> Result<String, SkillError> {
    let skill = skills.get(name, version).await?;
    let name: &SkillName = &skill.name;
    let named = version.map_or_else(|| name.to_string(), |version| format!("{name}@{version}"));
    let arguments = Value::from(arguments.clone()).to_string();
    // A JSON text is a text of Python's too: both know the same escapes of those that are written here.
    Ok(format!("{INVOKE}({}, {})", Value::from(named), Value::from(arguments)))
}

/// ` [used 5x, 80 % well]`, where it was used.
fn fared(uses: &Uses) -> String {
    match uses.success_rate() {
        None => String::new(),
        Some(rate) => format!(" [used {}x, {:.0} % well]", uses.uses, rate * 100.0),
    }
}

fn with_data(text: String, data: Value) -> CallToolResult {
    let mut meta = MetaObject(JsonObject::new());
    meta.0.insert(META.to_owned(), data);
    let mut result = render::plain(text);
    result.meta = Some(meta);
    result
}
