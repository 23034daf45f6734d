//! A skill as an Agent Skill: a `SKILL.md` that says how it is called, its source, and what the source does not say.

use serde_json::{Value, json};

use super::SKILL_MD;
use crate::skills::skill::Skill;

/// The longest description in the frontmatter, in characters.
const DESCRIPTION: usize = 1_024;

/// The most examples in the instructions.
const EXAMPLES: usize = 3;

/// The files of a skill.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// Its name as an Agent Skill, which is that of its directory.
    pub name: String,
    /// The frontmatter of its `SKILL.md`.
    pub frontmatter: Value,
    /// Each file's path and text, `SKILL.md` first.
    pub files: Vec<(String, String)>,
}

/// The name of a skill as an Agent Skill; two skills may have the same, so whoever needs one looks for it.
pub fn agent_name(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    lower.split('_').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// A skill as files.
pub fn render(skill: &Skill) -> Rendered {
    let name = agent_name(skill.name.as_str());
    let first = skill
        .description
        .split("\n\n")
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let description: String = match first.as_str() {
        "" => format!("The saved Python workflow {}.", skill.name),
        text => text.chars().take(DESCRIPTION).collect(),
    };
    let mut metadata = json!({"actwright-skill": skill.name.as_str()});
    if let Some(version) = skill.version {
        metadata["actwright-version"] = version.to_string().into();
    }
    let frontmatter = json!({"name": name, "description": description, "metadata": metadata});
    let script = format!("scripts/{}.py", skill.name);
    let beside = json!({"description": skill.description, "tags": skill.tags, "examples": skill.examples});
    let files = vec![
        (SKILL_MD.to_owned(), skill_md(skill, &frontmatter, &script)),
        (script, skill.source.clone()),
        (format!("scripts/{}.json", skill.name), format!("{beside:#}\n")),
    ];
    Rendered { name, frontmatter, files }
}

fn skill_md(skill: &Skill, frontmatter: &Value, script: &str) -> String {
    // A JSON text is YAML too, so nothing in it can be taken for another field.
    let quoted = |key: &str| frontmatter[key].to_string();
    let mut text =
        format!("---\nname: {}\ndescription: {}\nmetadata:\n", quoted("name"), quoted("description"));
    for (key, value) in frontmatter["metadata"].as_object().into_iter().flatten() {
        text.push_str(&format!("  {key}: {value}\n"));
    }
    text.push_str(&format!("---\n\n# {}\n\n{}\n\n", skill.name, skill.description.trim()));
    text.push_str(&format!("## How to run it\n\n`{}`\n\n", skill.signature()));
    let parameters = skill.shape.parameters.iter().filter(|parameter| !parameter.description.is_empty());
    for parameter in parameters {
        text.push_str(&format!("- `{}`: {}\n", parameter.name, parameter.description));
    }
    text.push_str(&format!(
        "\nWith actwright: `invoke_skill` with the name `{0}`, or `skills.{0}(...)` in `run_code`. Elsewhere: import \
         `{script}` and call its `run`; it may use the builtins `tools`, `skills` and `artifacts` of actwright's sessions.\n",
        skill.name
    ));
    if !skill.examples.is_empty() {
        text.push_str("\n## Examples\n\n");
    }
    for example in skill.examples.iter().take(EXAMPLES) {
        let given = example.get("expect").map(|expected| format!(" gives `{expected}`")).unwrap_or_default();
        text.push_str(&format!("- `{}`{given}\n", example.get("args").unwrap_or(&Value::Null)));
    }
    text
}
