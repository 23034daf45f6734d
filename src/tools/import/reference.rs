//! References inside an entry's texts, from each client's way of writing them to ours: `${NAME}` and `${NAME:-default}`.
//!
//! What stands for a place is replaced by it, because `mcp.json` belongs to no project.

use std::path::Path;

use super::client::Client;
use super::translate::Context;

/// A text in our way of writing, or why it has none. What the reader should know goes to `notes`.
pub fn rewrite(text: &str, context: &Context<'_>, notes: &mut Vec<String>) -> Result<String, String> {
    if matches!(context.client, Client::Codex | Client::ClaudeDesktop) {
        if text.contains("${") {
            notes.push(format!(
                "`${{` is plain text for {} and a reference to the environment in mcp.json",
                context.client
            ));
        }
        return Ok(text.to_owned());
    }
    let mut made = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        made.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(reference) = after.strip_prefix('{') {
            let Some(end) = reference.find('}') else {
                return Err(format!("`{}` has a `${{` without a `}}`", shorten(text)));
            };
            made.push_str(&follow(&reference[..end], context, notes)?);
            rest = &reference[end + 1..];
            continue;
        }
        let length = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        let (name, behind) = after.split_at(length);
        if context.client == Client::Gemini && is_variable(name) {
            made.push_str(&format!("${{{name}}}"));
        } else {
            made.push('$');
            made.push_str(name);
        }
        rest = behind;
    }
    made.push_str(rest);
    Ok(made)
}

/// What one `${reference}` becomes.
fn follow(reference: &str, context: &Context<'_>, notes: &mut Vec<String>) -> Result<String, String> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let project = || {
        let path = context.project.map(|project| project.display().to_string());
        path.ok_or_else(|| format!("`${{{reference}}}` has no meaning outside a project"))
    };
    match name {
        "workspaceFolder" | "workspaceRoot" | "cwd" | "CLAUDE_PROJECT_DIR" => project(),
        "workspaceFolderBasename" => {
            let name =
                context.project.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
            name.map_or_else(project, Ok)
        }
        "userHome" => Ok(context.home.display().to_string()),
        "pathSeparator" | "/" => Ok("/".to_owned()),
        _ => {
            if let Some(input) = name.strip_prefix("input:") {
                let variable = variable_for(input);
                notes.push(format!(
                    "{} asks for `{input}` when it starts the server; set the environment variable `{variable}` where \
                     actwright is started",
                    context.client
                ));
                return Ok(format!("${{{variable}}}"));
            }
            let variable = name.strip_prefix("env:").unwrap_or(name);
            match default {
                _ if !is_variable(variable) => {
                    Err(format!("`${{{reference}}}` is something that only {} knows", context.client))
                }
                Some(default) => Ok(format!("${{{variable}:-{default}}}")),
                None => Ok(format!("${{{variable}}}")),
            }
        }
    }
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// `github-token` as a variable: `GITHUB_TOKEN`.
pub fn variable_for(words: &str) -> String {
    let name: String =
        words.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    let name = name.trim_matches('_').to_owned();
    if is_variable(&name) { name } else { format!("INPUT_{name}") }
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(client: Client, project: Option<&str>, text: &str) -> (Result<String, String>, usize) {
        let context = Context { client, project: project.map(Path::new), home: Path::new("/h") };
        let mut notes = Vec::new();
        (rewrite(text, &context, &mut notes), notes.len())
    }

    #[test]
    fn references_become_ours() {
        let check = |client: Client, text: &str, expected: &str, notes: usize| {
            assert_eq!(rewritten(client, Some("/p/app"), text), (Ok(expected.to_owned()), notes), "{text}");
        };
        check(Client::ClaudeCode, "Bearer ${TOKEN} ${A:-b c}!", "Bearer ${TOKEN} ${A:-b c}!", 0);
        check(Client::ClaudeCode, "${CLAUDE_PROJECT_DIR:-.}/x", "/p/app/x", 0);
        check(Client::Cursor, "${env:TOKEN}", "${TOKEN}", 0);
        check(Client::Cursor, "${workspaceFolder}${/}${workspaceFolderBasename}", "/p/app/app", 0);
        check(Client::VsCode, "${userHome}/x ${input:github-token}", "/h/x ${GITHUB_TOKEN}", 1);
        check(Client::VsCode, "${input:7}", "${INPUT_7}", 1);
        check(Client::VsCode, "costs $5 or $A", "costs $5 or $A", 0);
        check(Client::Gemini, "$TOKEN/${OTHER}$", "${TOKEN}/${OTHER}$", 0);
        check(Client::Codex, "${A}", "${A}", 1);
        check(Client::ClaudeDesktop, "$A", "$A", 0);
    }

    #[test]
    fn what_cannot_be_ours_is_named() {
        let check = |client: Client, text: &str, expected: &str| {
            assert_eq!(rewritten(client, None, text).0.unwrap_err(), expected);
        };
        check(Client::VsCode, "${workspaceFolder}", "`${workspaceFolder}` has no meaning outside a project");
        check(Client::VsCode, "${command:pick}", "`${command:pick}` is something that only vscode knows");
        check(Client::Cursor, "${A", "`${A` has a `${` without a `}`");
    }
}
