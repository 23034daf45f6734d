//! `search_skills`, `list_skills`, `get_skill`, `create_skill`, `verify_skill`, `delete_skill`: the library for clients that want it without
//! code. `invoke_skill` is a cell like any other, because a skill never runs in the host.
//!
//! The text is for the model, compact; the same as data stands under `_meta["actwright/skills"]`.

use rmcp::model::{CallToolResult, JsonObject, MetaObject};
use serde_json::{Value, json};

use super::arguments::{ArgumentError, Arguments, Choice};
use super::render;
use super::server::Server;
use super::tools::{MAX_TOOLS, ToolName};
use crate::outputs::Excerpt;
use crate::session::report::Target;
use crate::skills::{Creation, Gives, Manner, SkillError, SkillName, Skills, invocation};

/// Who is noted as the author of what clients save.
const AUTHOR: &str = "client";

/// The key of a result's data.
const META: &str = "actwright/skills";

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
    Create {
        /// What is saved.
        creation: Box<Creation>,
        /// The cell that its source is made from.
        cell: Option<(Target, String)>,
    },
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
    /// `verify_skill`.
    Verify {
        /// Which.
        name: String,
        /// Who answers its calls of tools.
        manner: Manner,
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
            ToolName::CreateSkill => {
                let cell = arguments.optional_text("from_cell")?.map(str::to_owned);
                let cell = cell.map(|cell| Ok((arguments.target()?, cell))).transpose()?;
                let source = match &cell {
                    Some(_) => arguments.optional_text("source")?.unwrap_or_default(),
                    None => arguments.text("source")?,
                };
                let creation = Box::new(Creation {
                    name: name()?,
                    source: source.to_owned(),
                    description: arguments.optional_text("description")?.map(str::to_owned),
                    tags: arguments.texts("tags")?,
                    examples: arguments.list("examples")?,
                    author: AUTHOR.to_owned(),
                    reason: arguments.optional_text("reason")?.unwrap_or("").to_owned(),
                    cell: None,
                    behalf: None,
                });
                if cell.is_some() && !creation.source.is_empty() {
                    return Err(arguments.mistaken("from_cell"));
                }
                Self::Create { creation, cell }
            }
            ToolName::InvokeSkill => Self::Invoke {
                name: name()?,
                version: arguments.version()?,
                arguments: arguments.object("arguments")?,
                target: arguments.target()?,
            },
            ToolName::VerifySkill => Self::Verify {
                name: name()?,
                manner: match arguments.choice("record")? {
                    Some(Choice::Yes) => Manner::Recorded,
                    Some(Choice::No) | None => Manner::Replayed,
                },
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
        Request::Create { creation, cell } => create(server, *creation, cell).await,
        Request::Verify { name, manner } => verify(skills, &name, manner).await,
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
            format!("{}{} [score {}: {}]", hit.skill.line(), hit.uses.words(), hit.score, why.join(", "))
        })
        .collect();
    if lines.is_empty() {
        lines.push("nothing fits; solve it with run_code and save what works with create_skill".to_owned());
    }
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    lines.push(format!("[semantic: {semantic}{reason}]"));
    lines.extend(found.read_as.iter().map(|english| format!("[read as: \"{english}\"]")));
    with_data(lines.join("\n"), found.about())
}

/// `list_skills`, a page of it.
async fn list(skills: &Skills, after: &str, limit: usize) -> CallToolResult {
    let page = match skills.list(after, limit).await {
        Ok(page) => page,
        Err(error) => return render::refusal(&error),
    };
    let mut lines: Vec<String> =
        page.skills.iter().map(|(skill, uses)| format!("{}{}", skill.line(), uses.words())).collect();
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
    let about: Vec<Value> = page.skills.iter().map(|(skill, uses)| uses.add_to(skill.about())).collect();
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
    let mut uses = uses.get(skill.name.as_str()).cloned().unwrap_or_default();
    uses.proof = skills.proof_of(&skill).await.unwrap_or_default();
    let version = skill.version.map(|version| format!(", version {version}")).unwrap_or_default();
    let mut text = format!("{} [{}{version}]{}", skill.signature(), skill.origin.word(), uses.words());
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
    with_data(text, uses.add_to(skill.whole()))
}

/// `create_skill`.
async fn create(server: &Server, mut creation: Creation, cell: Option<(Target, String)>) -> CallToolResult {
    let skills = server.sessions.skills();
    if let Some((target, which)) = cell {
        let session = match target {
            Target::Named(id) => Some(id),
            Target::Default => {
                server.sessions.list().into_iter().find(|each| each.is_default).map(|each| each.id)
            }
            Target::Fresh => None,
        };
        match skills.cell(&creation.name, session.as_ref().map(|id| id.as_str()), &which) {
            Ok(cell) => creation.cell = Some(cell),
            Err(error) => return render::refusal(&error),
        }
    }
    match skills.create(creation).await {
        Ok(saved) => {
            let version = saved.skill.version.unwrap_or_default();
            let proof = skills.proof_of(&saved.skill).await.unwrap_or_default();
            let proven = proof.words().map(|words| format!(" [{words}]")).unwrap_or_default();
            let mut lines = vec![format!("saved version {version}: {}{proven}", saved.skill.line())];
            lines.extend(saved.notes.iter().map(|note| format!("[note] {note}")));
            let mut about = saved.skill.about();
            about["proof"] = proof.about();
            with_data(lines.join("\n"), about)
        }
        Err(error) => render::refusal(&error),
    }
}

/// `verify_skill`. That a skill is broken is the answer, not a failure of the call.
async fn verify(skills: &Skills, name: &str, manner: Manner) -> CallToolResult {
    match skills.verify(name, None, manner, None).await {
        Ok(verdict) => with_data(verdict.text(), verdict.about()),
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
    Ok(invocation(&named, arguments, Gives::Itself))
}

fn with_data(text: String, data: Value) -> CallToolResult {
    let mut meta = MetaObject(JsonObject::new());
    meta.0.insert(META.to_owned(), data);
    let mut result = render::plain(text);
    result.meta = Some(meta);
    result
}
