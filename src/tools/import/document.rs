//! The servers of one file, as its client has them: where they stand in it, and which of them are switched off.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::client::{Client, Place};
use super::plain::plain;

/// One server as its file has it.
#[derive(Debug, PartialEq)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// What the file says of it.
    pub entry: Value,
    /// The directory that it belongs to.
    pub project: Option<PathBuf>,
    /// Whether the file lets its client use it.
    pub state: State,
}

/// Whether a client uses a server; what its entry says of that is looked at later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It does.
    On,
    /// A list elsewhere in the file says that it does not.
    Off,
}

/// The servers of a file; those of the project in `current` come before others.
pub fn servers(place: &Place, text: &str, current: &Path) -> Result<Vec<Server>, String> {
    let document = parse(place.client, text)?;
    let Value::Object(document) = document else { return Err("it is not a table".to_owned()) };
    let mut servers = Vec::new();
    match place.client {
        Client::ClaudeCode => of_projects(&document, current, Which::Current, &mut servers)?,
        Client::Codex => add(&mut servers, document.get("mcp_servers"), "mcp_servers", None)?,
        Client::VsCode => add(&mut servers, document.get("servers"), "servers", None)?,
        _ => {}
    }
    add(&mut servers, document.get("mcpServers"), "mcpServers", None)?;
    match place.client {
        Client::ClaudeCode => of_projects(&document, current, Which::Others, &mut servers)?,
        Client::Gemini => switch_off(&document, &mut servers),
        _ => {}
    }
    for server in &mut servers {
        server.project = server.project.take().or_else(|| place.project.clone());
    }
    Ok(servers)
}

fn parse(client: Client, text: &str) -> Result<Value, String> {
    if text.trim().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    match client {
        Client::Codex => toml::from_str(text).map_err(|error| error.message().to_owned()),
        _ => serde_json::from_str(&plain(text)).map_err(|error| error.to_string()),
    }
}

fn add(
    servers: &mut Vec<Server>,
    table: Option<&Value>,
    key: &str,
    project: Option<&Path>,
) -> Result<(), String> {
    match table {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Object(table)) => {
            servers.extend(table.iter().map(|(name, entry)| Server {
                name: name.clone(),
                entry: entry.clone(),
                project: project.map(Path::to_owned),
                state: State::On,
            }));
            Ok(())
        }
        Some(_) => Err(format!("`{key}` is not a table")),
    }
}

/// Which of Claude Code's projects are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Current,
    Others,
}

fn of_projects(
    document: &Map<String, Value>,
    current: &Path,
    which: Which,
    servers: &mut Vec<Server>,
) -> Result<(), String> {
    let Some(Value::Object(projects)) = document.get("projects") else { return Ok(()) };
    for (directory, project) in projects {
        let directory = Path::new(directory);
        if (directory == current) != (which == Which::Current) {
            continue;
        }
        let before = servers.len();
        add(servers, project.get("mcpServers"), "mcpServers", Some(directory))?;
        let off = names(project.get("disabledMcpServers"));
        for server in servers.iter_mut().skip(before).filter(|server| off.contains(&server.name.as_str())) {
            server.state = State::Off;
        }
    }
    Ok(())
}

/// Gemini has lists of the servers that it may and may not use.
fn switch_off(document: &Map<String, Value>, servers: &mut [Server]) {
    let rules = document.get("mcp");
    let excluded = names(rules.and_then(|rules| rules.get("excluded")));
    let allowed = rules.and_then(|rules| rules.get("allowed")).map(|list| names(Some(list)));
    for server in servers {
        let name = server.name.as_str();
        if excluded.contains(&name) || allowed.as_ref().is_some_and(|allowed| !allowed.contains(&name)) {
            server.state = State::Off;
        }
    }
}

fn names(list: Option<&Value>) -> Vec<&str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(client: Client, project: Option<&str>, text: &str) -> Result<Vec<String>, String> {
        let place = Place { client, file: "/f".into(), project: project.map(PathBuf::from) };
        let servers = servers(&place, text, Path::new("/p"))?;
        let shown = servers.iter().map(|server| {
            let project =
                server.project.as_deref().map_or(String::new(), |at| format!(" in {}", at.display()));
            let off = if server.state == State::Off { " off" } else { "" };
            format!("{}{project}{off}", server.name)
        });
        Ok(shown.collect())
    }

    #[test]
    fn every_client_keeps_its_servers_in_its_own_place() {
        let check = |client: Client, project: Option<&str>, text: &str, expected: &[&str]| {
            assert_eq!(read(client, project, text).unwrap(), expected, "{text}");
        };
        check(
            Client::ClaudeCode,
            None,
            r#"{"numStartups": 3, "mcpServers": {"user": {}}, "projects": {
                "/other": {"mcpServers": {"b": {}}},
                "/p": {"mcpServers": {"a": {}, "z": {}}, "disabledMcpServers": ["z"]}, "/q": {}}}"#,
            &["a in /p", "z in /p off", "user", "b in /other"],
        );
        check(Client::ClaudeCode, Some("/p"), r#"{"mcpServers": {"a": {}}}"#, &["a in /p"]);
        check(Client::ClaudeDesktop, None, r#"{"globalShortcut": "", "mcpServers": {"a": {}}}"#, &["a"]);
        check(Client::VsCode, None, "{\"servers\": {\"a\": {}, /* x */}, \"inputs\": []}", &["a"]);
        check(Client::Codex, None, "model = \"x\"\n[mcp_servers.a]\ncommand = \"b\"\n", &["a"]);
        check(
            Client::Gemini,
            None,
            r#"{"mcp": {"excluded": ["b"], "allowed": ["a", "b"]}, "mcpServers": {"a": {}, "b": {}, "c": {}}}"#,
            &["a", "b off", "c off"],
        );
        check(Client::Cursor, None, "", &[]);
        check(Client::Cursor, None, "{\"mcpServers\": null}", &[]);
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        let check = |client: Client, text: &str, expected: &str| {
            let error = read(client, None, text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        check(Client::Cursor, "[]", "it is not a table");
        check(Client::Cursor, "{\"mcpServers\": []}", "`mcpServers` is not a table");
        check(Client::Cursor, "{\n\"mcpServers\": }", "line 2");
        check(Client::Codex, "[mcp_servers", "");
    }
}
