//! What a `SKILL.md` says of itself, as the Agent Skills specification has it.

use serde_json::{Map, Value};

/// The longest name, in characters.
const NAME: usize = 64;

/// The longest description, in characters.
const DESCRIPTION: usize = 1_024;

/// The head of a `SKILL.md`.
#[derive(Debug, Clone, PartialEq)]
pub struct Frontmatter {
    /// Lowercase letters, digits and hyphens.
    pub name: String,
    /// What the skill does and when to use it.
    pub description: String,
    /// The tools that it would like to use without being asked.
    pub allowed_tools: Option<String>,
}

impl Frontmatter {
    /// The head, and the instructions after it.
    pub fn split(text: &str) -> Result<(Self, &str), String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let missing = || "SKILL.md does not begin with frontmatter: a line ---, YAML, a line ---".to_owned();
        let rest =
            text.strip_prefix("---").and_then(|rest| rest.trim_start_matches([' ', '\r']).strip_prefix('\n'));
        let rest = rest.ok_or_else(missing)?;
        let mut at = 0;
        for line in rest.split_inclusive('\n') {
            if line.trim_end() == "---" {
                let body = rest.get(at + line.len()..).unwrap_or_default();
                return Ok((
                    Self::of(rest.get(..at).unwrap_or_default())?,
                    body.trim_start_matches(['\r', '\n']),
                ));
            }
            at += line.len();
        }
        Err(missing())
    }

    fn of(yaml: &str) -> Result<Self, String> {
        let budget = serde_saphyr::budget! { max_events: 20_000, max_nodes: 10_000, max_depth: 20 };
        let options = serde_saphyr::options! { strict_booleans: true, budget: budget };
        let head: Map<String, Value> = serde_saphyr::from_str_with_options(yaml, options)
            .map_err(|error| format!("SKILL.md: {error}"))?;
        let text = |key: &str| match head.get(key) {
            Some(Value::String(text)) => Ok(text.trim().to_owned()),
            Some(_) => Err(format!("SKILL.md: `{key}` is no text")),
            None => Err(format!("SKILL.md: `{key}` is missing")),
        };
        let (name, description) = (text("name")?, text("description")?);
        if !is_name(&name) {
            let name: String = name.chars().take(80).collect();
            return Err(format!(
                "SKILL.md: `{name}` is no name: up to {NAME} lowercase letters, digits and single hyphens between them"
            ));
        }
        let length = description.chars().count();
        if !(1..=DESCRIPTION).contains(&length) {
            return Err(format!(
                "SKILL.md: the description has {length} characters; it is 1 to {DESCRIPTION}"
            ));
        }
        let allowed_tools = head.get("allowed-tools").map(|tools| match tools {
            Value::String(tools) => tools.clone(),
            Value::Array(tools) => {
                tools.iter().map(|tool| tool.as_str().unwrap_or("?")).collect::<Vec<_>>().join(" ")
            }
            other => other.to_string(),
        });
        Ok(Self { name, description, allowed_tools })
    }

    /// The description, and the instructions as its further paragraphs.
    pub fn with_instructions(&self, body: &str, most: usize) -> String {
        let body = body.trim();
        if body.is_empty() {
            return self.description.clone();
        }
        let room = most.saturating_sub(self.description.chars().count());
        let mut text = format!("{}\n\n{}", self.description, body.chars().take(room).collect::<String>());
        if body.chars().count() > room {
            text.push_str("\n[… the rest is in SKILL.md]");
        }
        text
    }
}

/// Whether a text is a name of an Agent Skill.
pub fn is_name(name: &str) -> bool {
    (1..=NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}
