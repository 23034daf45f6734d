//! One entry of a client as an entry of `mcp.json`: the same server, reached in the same way, from anywhere.
//!
//! Keys that mean nothing here are named in a note and left out; what changes which tools there are, or how one signs in,
//! is said in words of its own.

use std::path::{Path, PathBuf};

use serde_json::{Map, Number, Value};

use super::client::Client;
use super::literal;
use super::reference::rewrite;

/// Where an entry comes from.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Whose it is.
    pub client: Client,
    /// The project that it belongs to.
    pub project: Option<&'a Path>,
    /// The user's home directory.
    pub home: &'a Path,
}

/// An entry and what is to be said of it.
#[derive(Debug, PartialEq)]
pub struct Translated {
    /// For `mcp.json`.
    pub entry: Value,
    /// A sentence each.
    pub notes: Vec<String>,
}

/// The longest timeout of an entry, in milliseconds.
const LONGEST: f64 = 86_400_000.0;

/// Keys that are taken over or need no words.
const KNOWN: [&str; 23] = [
    "type",
    "transport",
    "transportType",
    "command",
    "args",
    "env",
    "env_vars",
    "cwd",
    "url",
    "httpUrl",
    "serverUrl",
    "headers",
    "http_headers",
    "env_http_headers",
    "bearer_token",
    "bearer_token_env_var",
    "timeout",
    "tool_timeout_sec",
    "description",
    "disabled",
    "enabled",
    "name",
    "required",
];

/// Keys that say which tools there are and which of them run without a question.
const ABOUT_TOOLS: [&str; 12] = [
    "includeTools",
    "excludeTools",
    "enabled_tools",
    "disabled_tools",
    "trust",
    "autoApprove",
    "alwaysAllow",
    "disabledTools",
    "tools",
    "default_tools_approval_mode",
    "alwaysLoad",
    "supports_parallel_tool_calls",
];

/// Keys that say how one signs in.
const ABOUT_SIGNING_IN: [&str; 7] =
    ["oauth", "oauth_resource", "scopes", "auth", "headersHelper", "authProviderType", "authorization"];

/// The entry for `mcp.json`, or why there is none.
pub fn entry(entry: &Value, context: &Context<'_>) -> Result<Translated, String> {
    let Value::Object(entry) = entry else { return Err("it is not a table".to_owned()) };
    if entry.get("disabled") == Some(&Value::Bool(true)) || entry.get("enabled") == Some(&Value::Bool(false))
    {
        return Err("it is switched off".to_owned());
    }
    let mut made = Map::new();
    let mut notes = Vec::new();
    let kind = ["type", "transport", "transportType"].iter().find_map(|key| text(entry, key));
    let url = ["httpUrl", "serverUrl", "url"].iter().find_map(|key| text(entry, key).map(|url| (*key, url)));
    match (kind, text(entry, "command"), url) {
        (None | Some("stdio" | "local"), Some(command), _) => {
            program(entry, command, context, &mut made, &mut notes)?;
        }
        (
            None | Some("http" | "streamable-http" | "streamableHttp" | "sse" | "remote"),
            _,
            Some((key, url)),
        ) => {
            // Gemini means the older transport by `url` alone.
            let sse =
                kind == Some("sse") || kind.is_none() && context.client == Client::Gemini && key == "url";
            made.insert("type".to_owned(), if sse { "sse" } else { "http" }.into());
            made.insert("url".to_owned(), rewrite(url, context, &mut notes)?.into());
            headers(entry, context, &mut made, &mut notes)?;
        }
        (Some(other), _, _) if !["stdio", "http", "sse"].contains(&other) => {
            return Err(format!(
                "its transport `{}` is not supported",
                other.chars().take(40).collect::<String>()
            ));
        }
        _ => return Err("it has neither a `command` nor a `url`".to_owned()),
    }
    timeout(entry, &mut made, &mut notes);
    if let Some(description) = text(entry, "description") {
        made.insert("description".to_owned(), description.into());
    }
    left_out(entry, &mut notes);
    if is_this_program(&made) {
        return Err("it is this program".to_owned());
    }
    notes.extend(literal::warnings(&made));
    Ok(Translated { entry: Value::Object(made), notes })
}

fn text<'a>(entry: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    entry.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn program(
    entry: &Map<String, Value>,
    command: &str,
    context: &Context<'_>,
    made: &mut Map<String, Value>,
    notes: &mut Vec<String>,
) -> Result<(), String> {
    made.insert("command".to_owned(), rewrite(command, context, notes)?.into());
    match entry.get("args") {
        None | Some(Value::Null) => {}
        Some(Value::Array(list)) => {
            let mut arguments = Vec::new();
            for argument in list {
                let argument = scalar(argument).ok_or("`args` is not a list of texts")?;
                arguments.push(Value::from(rewrite(&argument, context, notes)?));
            }
            made.insert("args".to_owned(), Value::Array(arguments));
        }
        Some(_) => return Err("`args` is not a list of texts".to_owned()),
    }
    let mut variables = pairs(entry, "env", context, notes)?;
    for named in entry.get("env_vars").and_then(Value::as_array).into_iter().flatten() {
        // Codex passes these on from its own environment.
        let Some(name) = named.as_str().or_else(|| named.get("name").and_then(Value::as_str)) else {
            continue;
        };
        variables.entry(name).or_insert_with(|| format!("${{{name}:-}}").into());
    }
    if !variables.is_empty() {
        made.insert("env".to_owned(), Value::Object(variables));
    }
    let directory = match text(entry, "cwd") {
        None => context.project.map(Path::to_owned),
        Some(written) => {
            let written = PathBuf::from(rewrite(written, context, notes)?);
            match context.project {
                _ if written.is_absolute() || written.starts_with("${") => Some(written),
                Some(project) => Some(project.join(written)),
                None => {
                    notes.push(format!(
                        "`cwd` is relative to where {} is started; it is left out",
                        context.client
                    ));
                    None
                }
            }
        }
    };
    if let Some(directory) = directory {
        made.insert("cwd".to_owned(), directory.display().to_string().into());
    }
    Ok(())
}

fn headers(
    entry: &Map<String, Value>,
    context: &Context<'_>,
    made: &mut Map<String, Value>,
    notes: &mut Vec<String>,
) -> Result<(), String> {
    let mut headers = pairs(entry, "headers", context, notes)?;
    headers.extend(pairs(entry, "http_headers", context, notes)?);
    // Codex names the variables that hold the values.
    for (header, variable) in entry.get("env_http_headers").and_then(Value::as_object).into_iter().flatten() {
        if let Some(variable) = variable.as_str() {
            headers.insert(header.clone(), format!("${{{variable}}}").into());
        }
    }
    let bearer = match (text(entry, "bearer_token_env_var"), text(entry, "bearer_token")) {
        (Some(variable), _) => Some(format!("Bearer ${{{variable}}}")),
        (None, token) => token.map(|token| format!("Bearer {token}")),
    };
    if let Some(bearer) = bearer {
        headers.insert("Authorization".to_owned(), bearer.into());
    }
    if !headers.is_empty() {
        made.insert("headers".to_owned(), Value::Object(headers));
    }
    Ok(())
}

fn pairs(
    entry: &Map<String, Value>,
    key: &str,
    context: &Context<'_>,
    notes: &mut Vec<String>,
) -> Result<Map<String, Value>, String> {
    let table = match entry.get(key) {
        None | Some(Value::Null) => return Ok(Map::new()),
        Some(Value::Object(table)) => table,
        Some(_) => return Err(format!("`{key}` is not a table")),
    };
    let mut pairs = Map::new();
    for (name, value) in table {
        match scalar(value) {
            Some(value) => drop(pairs.insert(name.clone(), rewrite(&value, context, notes)?.into())),
            None => notes.push(format!("`{key}`, `{name}` is not a text; it is left out")),
        }
    }
    Ok(pairs)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Milliseconds, which most clients write; Codex writes seconds.
fn timeout(entry: &Map<String, Value>, made: &mut Map<String, Value>, notes: &mut Vec<String>) {
    let millis = |key: &str, factor: f64| Some(entry.get(key)?.as_f64()? * factor);
    let Some(millis) = millis("timeout", 1.0).or_else(|| millis("tool_timeout_sec", 1000.0)) else { return };
    if (1.0..=LONGEST).contains(&millis) {
        made.insert("timeout".to_owned(), Value::Number(Number::from(millis.round() as u64)));
    } else {
        notes.push("its timeout is more than a day or nothing; it is left out".to_owned());
    }
}

fn left_out(entry: &Map<String, Value>, notes: &mut Vec<String>) {
    let there = |key: &&String| !KNOWN.contains(&key.as_str()) && !is_nothing(&entry[key.as_str()]);
    let (about_tools, others): (Vec<&String>, Vec<&String>) =
        entry.keys().filter(there).partition(|key| ABOUT_TOOLS.contains(&key.as_str()));
    let (about_signing_in, others): (Vec<&String>, Vec<&String>) =
        others.into_iter().partition(|key| ABOUT_SIGNING_IN.contains(&key.as_str()));
    if !about_tools.is_empty() {
        notes.push(format!(
            "{} left out; which tools may be called is said in `[tools.policy]` of actwright.toml",
            listed(&about_tools)
        ));
    }
    if !about_signing_in.is_empty() {
        notes.push(format!(
            "{} left out; signing in is up to `headers` here, such as `Authorization`",
            listed(&about_signing_in)
        ));
    }
    if others.iter().any(|key| *key == "envFile") {
        notes.push(
            "the variables of `envFile` are not read; set those that the server needs in `env`".to_owned(),
        );
    }
    let others: Vec<&String> = others.into_iter().filter(|key| *key != "envFile").collect();
    if !others.is_empty() {
        notes.push(format!("{} left out", listed(&others)));
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(table) => table.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Number(_) | Value::Bool(true) => false,
    }
}

fn listed(keys: &[&String]) -> String {
    let quoted: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    format!("{} {}", quoted.join(", "), if quoted.len() == 1 { "is" } else { "are" })
}

/// Whether an entry starts actwright, by whatever launcher.
fn is_this_program(made: &Map<String, Value>) -> bool {
    let is_named = |value: &Value| {
        let name = value.as_str().map(Path::new).and_then(Path::file_name);
        name.is_some_and(|name| name == "actwright")
    };
    made.get("command").is_some_and(is_named)
        || made.get("args").and_then(Value::as_array).is_some_and(|list| list.iter().any(is_named))
}

#[cfg(test)]
mod tests;
