//! Skills as tools or prompts of their own, where the operator wants that; what is listed follows the library.

use std::sync::Arc;

use rmcp::model::{
    ErrorData, GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role, Tool,
    ToolAnnotations,
};
use serde_json::Value;

use crate::config::Exposure;
use crate::skills::{Skill, Skills};

/// What the name of a skill's tool begins with, so that it hides no tool of ours.
const PREFIX: &str = "skill_";

/// The most skills that are shown this way: each of them is in every conversation.
const MOST: usize = 200;

/// The characters of a description that a tool shows.
const DESCRIPTION: usize = 1_000;

/// The tools of the skills.
pub(super) async fn tools(skills: &Skills) -> Vec<Tool> {
    all(skills).await.iter().map(tool).collect()
}

/// The skill that a tool stands for.
pub(super) fn skill_of(tool: &str, exposure: Exposure) -> Option<&str> {
    tool.strip_prefix(PREFIX).filter(|_| exposure == Exposure::Tools)
}

/// The prompts of the skills.
pub(super) async fn prompts(skills: &Skills) -> Vec<Prompt> {
    let prompt = |skill: &Skill| {
        let arguments = skill.shape.parameters.iter().map(|parameter| {
            let argument = PromptArgument::new(parameter.name.as_str()).with_required(parameter.required);
            if parameter.description.is_empty() {
                return argument;
            }
            argument.with_description(parameter.description.as_str())
        });
        Prompt::new(skill.name.as_str(), Some(described(skill)), Some(arguments.collect()))
    };
    all(skills).await.iter().map(prompt).collect()
}

/// A prompt that asks for a skill's run with these arguments.
pub(super) async fn prompt(
    skills: &Skills,
    name: &str,
    arguments: Option<&JsonObject>,
) -> Result<GetPromptResult, ErrorData> {
    let skill =
        skills.get(name, None).await.map_err(|error| ErrorData::invalid_params(error.to_string(), None))?;
    let is_given = |name: &str| arguments.is_some_and(|given| given.contains_key(name));
    if let Some(missing) = skill.shape.parameters.iter().find(|each| each.required && !is_given(&each.name)) {
        let message = format!(
            "the prompt `{}` needs the argument `{}`; {}",
            skill.name,
            missing.name,
            skill.signature()
        );
        return Err(ErrorData::invalid_params(message, None));
    }
    let given =
        arguments.map_or_else(|| "{}".to_owned(), |arguments| Value::from(arguments.clone()).to_string());
    let text = format!(
        "Run the saved skill '{}' with invoke_skill (or skills.{0}(...) in run_code) and these arguments, converted to the \
         types that it takes: {given}\n\n{}\n{}",
        skill.name,
        skill.signature(),
        skill.description
    );
    let message = PromptMessage::new_text(Role::User, text);
    Ok(GetPromptResult::new(vec![message]).with_description(described(&skill)))
}

async fn all(skills: &Skills) -> Vec<Skill> {
    match skills.list("", MOST).await {
        Ok(page) => page.skills.into_iter().map(|(skill, _)| skill).collect(),
        Err(error) => {
            tracing::warn!(%error, "skills are not listed");
            Vec::new()
        }
    }
}

fn tool(skill: &Skill) -> Tool {
    let input = match skill.shape.input() {
        Value::Object(schema) => Arc::new(schema),
        _ => Arc::default(),
    };
    let hints = ToolAnnotations::new().read_only(false).idempotent(false);
    Tool::new(format!("{PREFIX}{}", skill.name), described(skill), input)
        .with_title(skill.name.as_str())
        .with_annotations(hints)
}

fn described(skill: &Skill) -> String {
    match skill.description.trim() {
        "" => format!("The saved skill {}.", skill.name),
        text => text.chars().take(DESCRIPTION).collect(),
    }
}
