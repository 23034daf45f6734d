//! Names of namespaces, tools and parameters: Python identifiers made by one written rule, the original kept beside.
//!
//! The rule: every character that is not an ASCII letter, digit or `_` becomes `_`; leading underscores go, because such
//! names are hidden from `dir()`; a leading digit gets `n` before it, nothing at all is `unnamed`; a Python keyword or a
//! name that means something else in that place gets `_` behind it. Of several names that become the same, one that needed
//! no change keeps it, else the first in the order of the originals; the others get `_2`, `_3` and so on.

use std::collections::{HashMap, HashSet};
use std::fmt;

/// The longest identifier; longer names are cut.
const LONGEST: usize = 100;

/// Words that Python keeps for itself, `match` and its like not among them.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// A name that Python code can write, made by the module's rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier(String);

/// Names that mean something else in the place that a name is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// `tools.<name>`
    Namespace,
    /// `tools.<namespace>.<name>`
    Tool,
    /// A parameter.
    Parameter,
}

impl Reserved {
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Namespace => &["list", "search", "schema"],
            Self::Tool => &["list", "resources", "prompts"],
            Self::Parameter => &[],
        }
    }
}

impl Identifier {
    /// The identifier for one name, by the module's rule and without regard to others.
    pub fn of(original: &str, place: Reserved) -> Self {
        let mut name: String =
            original.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(LONGEST).collect();
        name = name.trim_start_matches('_').to_owned();
        if name.is_empty() {
            name.push_str("unnamed");
        }
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            name.insert(0, 'n');
        }
        if KEYWORDS.contains(&name.as_str()) || place.names().contains(&name.as_str()) {
            name.push('_');
        }
        Self(name)
    }

    /// The identifiers for names that stand side by side, in the order given.
    pub fn of_all(originals: &[&str], place: Reserved) -> Vec<Self> {
        let mut order: Vec<usize> = (0..originals.len()).collect();
        let wanted: Vec<Self> = originals.iter().map(|name| Self::of(name, place)).collect();
        order.sort_by_key(|index| (wanted[*index].0 != originals[*index], originals[*index], *index));
        let mut taken: HashSet<String> = HashSet::new();
        let mut given: HashMap<usize, Self> = HashMap::new();
        for index in order {
            let base = &wanted[index].0;
            let mut name = base.clone();
            let mut number = 2;
            while !taken.insert(name.clone()) {
                name = format!("{base}_{number}");
                number += 1;
            }
            given.insert(index, Self(name));
        }
        (0..originals.len()).filter_map(|index| given.remove(&index)).collect()
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_an_identifier_by_the_rule() {
        let check = |original: &str, expected: &str| {
            assert_eq!(Identifier::of(original, Reserved::Tool).as_str(), expected, "{original:?}");
        };
        check("get_repo", "get_repo");
        check("get-repo", "get_repo");
        check("repos/list-all", "repos_list_all");
        check("3d", "n3d");
        check("__init__", "init__");
        check("class", "class_");
        check("list", "list_");
        check("größe", "gr__e");
        check("", "unnamed");
        check("…", "unnamed");
        check("match", "match");
        assert_eq!(Identifier::of("search", Reserved::Namespace).as_str(), "search_");
        assert_eq!(Identifier::of(&"x".repeat(500), Reserved::Tool).as_str().len(), 100);
    }

    #[test]
    fn names_that_collide_are_told_apart_the_same_way_whatever_their_order() {
        let names = |originals: &[&str]| -> Vec<String> {
            Identifier::of_all(originals, Reserved::Tool).into_iter().map(|name| name.0).collect()
        };
        assert_eq!(names(&["get-repo", "get_repo", "get.repo"]), ["get_repo_2", "get_repo", "get_repo_3"]);
        assert_eq!(names(&["get.repo", "get-repo", "get_repo"]), ["get_repo_3", "get_repo_2", "get_repo"]);
        assert_eq!(names(&["a-b", "a_b_2", "a b"]), ["a_b_3", "a_b_2", "a_b"]);
    }
}
