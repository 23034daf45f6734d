//! What the last sessions imported, kept in a file of the base directory: what many of them do, the next one is likely to do.
//!
//! Names come from sessions, so they are only ever looked up, and what may be done with one is decided elsewhere. Losing the
//! file costs nothing but time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::is_module;

/// So many sessions are remembered.
const SESSIONS: usize = 32;

/// The most names that one session counts for.
const NAMES: usize = 24;

/// A package is popular if one in so many sessions imports it.
const SHARE: usize = 4;

/// The most popular packages that are told.
const MOST: usize = 8;

/// The largest file that is read: all names at their longest.
const LARGEST: u64 = 256 << 10;

/// See the module.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    /// By session, the oldest first; those of earlier servers have no name.
    sessions: VecDeque<(String, BTreeSet<String>)>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct File {
    sessions: Vec<BTreeSet<String>>,
}

impl History {
    /// What the file of this base directory remembers.
    pub fn below(base: &Path) -> Self {
        let path = base.join("cache").join("imports.json");
        let is_small = fs::metadata(&path).is_ok_and(|file| file.len() <= LARGEST);
        let text = if is_small { fs::read(&path).ok() } else { None };
        let file: File = text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let known = file.sessions.into_iter().rev().take(SESSIONS).rev();
        let known = known.map(|names| (String::new(), names.into_iter().filter(|name| is_module(name))));
        Self { path, sessions: known.map(|(id, names)| (id, names.take(NAMES).collect())).collect() }
    }

    /// A session has run a cell and imported these; whether that was news.
    pub fn imported(&mut self, session: &str, names: &[String]) -> bool {
        let at = match self.sessions.iter().rposition(|(id, _)| id == session) {
            Some(at) => at,
            None => {
                self.sessions.push_back((session.to_owned(), BTreeSet::new()));
                let surplus = self.sessions.len().saturating_sub(SESSIONS);
                self.sessions.drain(..surplus);
                self.sessions.len() - 1
            }
        };
        let Some((_, known)) = self.sessions.get_mut(at) else { return false };
        let before = known.len();
        for name in names.iter().filter(|name| is_module(name)) {
            if known.len() < NAMES {
                known.insert(name.clone());
            }
        }
        known.len() > before
    }

    /// The packages that many sessions import, those of most sessions first.
    pub fn popular(&self) -> Vec<String> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for name in self.sessions.iter().flat_map(|(_, names)| names) {
            *counts.entry(name).or_default() += 1;
        }
        let mut popular: Vec<_> =
            counts.into_iter().filter(|(_, count)| count * SHARE >= self.sessions.len()).collect();
        popular.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        popular.into_iter().take(MOST).map(|(name, _)| name.to_owned()).collect()
    }

    /// Writes it down.
    pub fn keep(&self) {
        let sessions = self.sessions.iter().map(|(_, names)| names.clone()).collect();
        let written = self.path.with_extension(format!("{}.new", std::process::id()));
        let kept = serde_json::to_vec(&File { sessions })
            .map_err(std::io::Error::other)
            .and_then(|text| {
                fs::create_dir_all(self.path.parent().unwrap_or(&self.path))?;
                fs::write(&written, text)
            })
            .and_then(|()| fs::rename(&written, &self.path));
        if let Err(error) = kept {
            tracing::debug!(%error, "what sessions import could not be written down");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn popular_is_what_a_quarter_of_the_last_sessions_imports() {
        let base = tempfile::tempdir().unwrap();
        let mut history = History::below(base.path());
        assert_eq!(history.popular(), Vec::<String>::new());
        assert!(history.imported("a", &names(&["pandas", "numpy"])));
        assert!(!history.imported("a", &names(&["pandas"])));
        assert_eq!(history.popular(), ["numpy", "pandas"]);
        assert!(history.imported("b", &names(&["pandas"])));
        assert_eq!(history.popular(), ["pandas", "numpy"]);
        for session in ["c", "d", "e", "f", "g", "h"] {
            history.imported(session, &[]);
        }
        assert_eq!(history.popular(), ["pandas"]);
        history.keep();
        assert_eq!(History::below(base.path()).popular(), ["pandas"]);
        for session in 0..SESSIONS {
            history.imported(&session.to_string(), &[]);
        }
        assert_eq!(history.popular(), Vec::<String>::new());
    }

    #[test]
    fn what_a_session_makes_up_is_bounded() {
        let base = tempfile::tempdir().unwrap();
        let mut history = History::below(base.path());
        let long = "a".repeat(65);
        assert!(!history.imported("a", &names(&["os.path", "../x", "", "1a", "_x", "a b", "é", &long])));
        let many: Vec<String> = (0..1000).map(|number| format!("made{number}")).collect();
        history.imported("a", &many);
        assert_eq!(history.popular().len(), MOST);
        assert_eq!(history.sessions[0].1.len(), NAMES);
        fs::create_dir_all(base.path().join("cache")).unwrap();
        for text in ["{", "[]", "{\"sessions\": [[\"../x\", 7]]}", &"x".repeat(300_000)] {
            fs::write(base.path().join("cache/imports.json"), text).unwrap();
            assert_eq!(History::below(base.path()).popular(), Vec::<String>::new());
        }
    }
}
