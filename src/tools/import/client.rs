//! The clients that are known, and where each keeps its servers.
//!
//! The places are those of Linux, and of macOS where a client has one of its own there; whether a file exists is asked
//! by whoever reads it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A client whose configuration can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Claude Code: `~/.claude.json`, `.mcp.json`.
    ClaudeCode,
    /// Claude Desktop: `claude_desktop_config.json`.
    ClaudeDesktop,
    /// Cursor: `.cursor/mcp.json`.
    Cursor,
    /// VS Code: `mcp.json` of the user, `.vscode/mcp.json`.
    VsCode,
    /// Codex: `.codex/config.toml`.
    Codex,
    /// Gemini CLI: `.gemini/settings.json`.
    Gemini,
}

impl Client {
    /// All of them, in the order in which they are read: of two servers with one name the first is taken.
    pub const ALL: [Self; 6] =
        [Self::ClaudeCode, Self::ClaudeDesktop, Self::Cursor, Self::VsCode, Self::Codex, Self::Gemini];

    /// Its name on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::ClaudeDesktop => "claude-desktop",
            Self::Cursor => "cursor",
            Self::VsCode => "vscode",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

impl FromStr for Client {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|client| client.word() == word);
        known.ok_or_else(|| {
            let words: Vec<&str> = Self::ALL.iter().map(|client| client.word()).collect();
            format!("it is {} or all", words.join(", "))
        })
    }
}

/// A file that may hold servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whose it is.
    pub client: Client,
    /// Where it lies.
    pub file: PathBuf,
    /// The directory whose project it belongs to; `None` when it holds for all of the user's projects.
    pub project: Option<PathBuf>,
}

/// The directories that the places are relative to.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The user's home directory.
    pub home: PathBuf,
    /// Where the user's configuration lies.
    pub config_home: PathBuf,
    /// Where Codex keeps its own, if that is said.
    pub codex_home: Option<PathBuf>,
    /// Where Claude Code keeps its own, if that is said.
    pub claude_home: Option<PathBuf>,
    /// The directory that the command was given in.
    pub current: PathBuf,
}

/// The files of one client: those of the current project first, because the client prefers them too.
pub fn places(client: Client, around: &Surroundings) -> Vec<Place> {
    let Surroundings { home, current, .. } = around;
    let mac = home.join("Library/Application Support");
    let (of_project, of_user): (Option<PathBuf>, Vec<PathBuf>) = match client {
        Client::ClaudeCode => {
            let own = around.claude_home.as_ref().map(|directory| directory.join(".claude.json"));
            let files = own.into_iter().chain([home.join(".claude.json")]).collect();
            (Some(current.join(".mcp.json")), files)
        }
        Client::ClaudeDesktop => {
            let file = "Claude/claude_desktop_config.json";
            (None, vec![around.config_home.join(file), mac.join(file)])
        }
        Client::Cursor => (Some(current.join(".cursor/mcp.json")), vec![home.join(".cursor/mcp.json")]),
        Client::VsCode => {
            let files = ["Code/User/mcp.json", "Code - Insiders/User/mcp.json"];
            let files = files.iter().flat_map(|file| [around.config_home.join(file), mac.join(file)]);
            (Some(current.join(".vscode/mcp.json")), files.collect())
        }
        Client::Codex => {
            let own = around.codex_home.clone().unwrap_or_else(|| home.join(".codex"));
            (Some(current.join(".codex/config.toml")), vec![own.join("config.toml")])
        }
        Client::Gemini => {
            (Some(current.join(".gemini/settings.json")), vec![home.join(".gemini/settings.json")])
        }
    };
    // In the home directory the project's file is the user's.
    let of_project = of_project.filter(|file| !of_user.contains(file));
    let of_project = of_project.map(|file| Place { client, file, project: Some(current.clone()) });
    let of_user = of_user.into_iter().map(|file| Place { client, file, project: None });
    of_project.into_iter().chain(of_user).collect()
}

/// A file that was named, with the client that its name or place speaks for unless one is given.
pub fn place_of(file: &Path, client: Option<Client>, around: &Surroundings) -> Place {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let directory = file.parent();
    let below = directory.and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
    let spoken_for = match (below, name) {
        (".cursor", _) => Client::Cursor,
        (".vscode" | "User", "mcp.json") => Client::VsCode,
        (".codex", _) => Client::Codex,
        (".gemini", _) => Client::Gemini,
        (_, "claude_desktop_config.json") => Client::ClaudeDesktop,
        (_, name) if name.ends_with(".toml") => Client::Codex,
        _ => Client::ClaudeCode,
    };
    let project = match (below, name) {
        (".cursor" | ".vscode" | ".codex" | ".gemini", _) => directory.and_then(Path::parent),
        (_, ".mcp.json") => directory,
        _ => None,
    };
    let project = project.filter(|project| *project != around.home).map(Path::to_owned);
    Place { client: client.unwrap_or(spoken_for), file: file.to_owned(), project }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(current: &str) -> Surroundings {
        Surroundings {
            home: "/h".into(),
            config_home: "/h/.config".into(),
            codex_home: None,
            claude_home: None,
            current: current.into(),
        }
    }

    #[test]
    fn each_client_has_its_places() {
        let check = |client: Client, expected: &[&str]| {
            let files: Vec<String> =
                places(client, &around("/p")).iter().map(|place| place.file.display().to_string()).collect();
            assert_eq!(files, expected);
        };
        check(Client::ClaudeCode, &["/p/.mcp.json", "/h/.claude.json"]);
        check(
            Client::ClaudeDesktop,
            &[
                "/h/.config/Claude/claude_desktop_config.json",
                "/h/Library/Application Support/Claude/claude_desktop_config.json",
            ],
        );
        check(Client::Cursor, &["/p/.cursor/mcp.json", "/h/.cursor/mcp.json"]);
        check(
            Client::VsCode,
            &[
                "/p/.vscode/mcp.json",
                "/h/.config/Code/User/mcp.json",
                "/h/Library/Application Support/Code/User/mcp.json",
                "/h/.config/Code - Insiders/User/mcp.json",
                "/h/Library/Application Support/Code - Insiders/User/mcp.json",
            ],
        );
        check(Client::Codex, &["/p/.codex/config.toml", "/h/.codex/config.toml"]);
        check(Client::Gemini, &["/p/.gemini/settings.json", "/h/.gemini/settings.json"]);
    }

    #[test]
    fn in_the_home_directory_the_projects_file_is_the_users() {
        let places = places(Client::Cursor, &around("/h"));
        assert_eq!(
            places,
            [Place { client: Client::Cursor, file: "/h/.cursor/mcp.json".into(), project: None }]
        );
    }

    #[test]
    fn a_named_file_speaks_for_its_client() {
        let check = |file: &str, client: Client, project: Option<&str>| {
            let place = place_of(Path::new(file), None, &around("/p"));
            assert_eq!((place.client, place.project), (client, project.map(PathBuf::from)), "{file}");
        };
        check("/x/.mcp.json", Client::ClaudeCode, Some("/x"));
        check("/x/.vscode/mcp.json", Client::VsCode, Some("/x"));
        check("/h/.cursor/mcp.json", Client::Cursor, None);
        check("/x/codex.toml", Client::Codex, None);
        check("/x/servers.json", Client::ClaudeCode, None);
        let place = place_of(Path::new("/x/a.json"), Some(Client::Gemini), &around("/p"));
        assert_eq!(place.client, Client::Gemini);
        assert_eq!("vscode".parse(), Ok(Client::VsCode));
        assert!("vs".parse::<Client>().is_err());
    }
}
