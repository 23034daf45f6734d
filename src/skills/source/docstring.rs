//! What a docstring says of parameters and their types, in the three forms that people write: Google, NumPy and reST.
//!
//! Text only: nothing here knows Python. What fits no form is description.

use std::collections::BTreeMap;

/// Headings under which parameters stand.
const PARAMETERS: [&str; 8] = [
    "args",
    "arguments",
    "parameters",
    "params",
    "keyword args",
    "keyword arguments",
    "other parameters",
    "kwargs",
];

/// Other headings, which end a section.
const OTHERS: [&str; 16] = [
    "returns",
    "return",
    "raises",
    "yields",
    "yield",
    "examples",
    "example",
    "notes",
    "note",
    "see also",
    "references",
    "warnings",
    "warning",
    "attributes",
    "todo",
    "usage",
];

/// What is said of one parameter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// What it is for; empty where only its type is said.
    pub words: String,
    /// Its type in the author's words; empty where there are none.
    pub kind: String,
}

/// What is said of each, by name.
pub type AllSaid = BTreeMap<String, Said>;

/// Takes the indentation off that all lines but the first share, as `inspect.cleandoc` does.
pub fn clean(text: &str) -> String {
    let text = text.replace('\t', "        ");
    let lines: Vec<&str> = text.lines().collect();
    let indent = lines
        .iter()
        .skip(1)
        .filter(|line| !line.trim().is_empty())
        .map(|line| indent(line))
        .min()
        .unwrap_or(0);
    let rest = lines.iter().skip(1).map(|line| line.get(indent..).unwrap_or("").trim_end());
    let first = lines.first().map_or("", |line| line.trim());
    let cleaned: Vec<&str> = std::iter::once(first).chain(rest).collect();
    cleaned.join("\n").trim_matches('\n').to_owned()
}

/// What a cleaned docstring says of parameters.
pub fn parameters(text: &str) -> AllSaid {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = AllSaid::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at].trim();
        if let Some((name, words, says)) = rest_field(line) {
            let end = block_end(&lines, at + 1, indent(lines[at]) + 1);
            let words = std::iter::once(words).chain(lines[at + 1..end].iter().copied());
            match says {
                Says::Type => add(&mut found, name, &words.collect::<Vec<_>>().join(" "), std::iter::empty()),
                Says::Words(kind) => add(&mut found, name, &kind, words),
            }
            at = end;
        } else if is_underlined(&lines, at) && PARAMETERS.contains(&line.to_lowercase().as_str()) {
            at = numpy(&lines, at + 2, &mut found);
        } else if line
            .strip_suffix(':')
            .is_some_and(|head| PARAMETERS.contains(&head.to_lowercase().as_str()))
        {
            at = google(&lines, at + 1, indent(lines[at]), &mut found);
        } else {
            at += 1;
        }
    }
    found
}

/// The text before the first section: what it is, without what its parameters are.
pub fn summary(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let end = (0..lines.len()).find(|at| {
        let line = lines[*at].trim();
        let head = line.strip_suffix(':').unwrap_or(line).to_lowercase();
        let known = PARAMETERS.contains(&head.as_str()) || OTHERS.contains(&head.as_str());
        known && (line.ends_with(':') || is_underlined(&lines, *at))
            || line.starts_with(':') && rest_head(line).is_some()
    });
    lines[..end.unwrap_or(lines.len())].join("\n").trim().to_owned()
}

/// `name (type): words`, and lines that are indented deeper.
fn google(lines: &[&str], start: usize, outer: usize, found: &mut AllSaid) -> usize {
    let mut at = start;
    let mut inner = None;
    while at < lines.len() {
        let line = lines[at];
        if line.trim().is_empty() {
            at += 1;
            continue;
        }
        let depth = indent(line);
        if depth <= outer || inner.is_some_and(|inner| depth < inner) {
            break;
        }
        let inner = *inner.get_or_insert(depth);
        let end = block_end(lines, at + 1, inner + 1);
        if depth == inner
            && let Some((head, words)) = split_entry(line.trim())
        {
            let name = head.split(['(', ' ']).next().unwrap_or(head);
            let kind = head.split_once('(').and_then(|(_, kind)| kind.trim_end().strip_suffix(')'));
            let words = std::iter::once(words).chain(lines[at + 1..end].iter().copied());
            add(found, name, kind.unwrap_or(""), words);
        }
        at = end.max(at + 1);
    }
    at
}

/// `name : type`, and the words indented below it.
fn numpy(lines: &[&str], start: usize, found: &mut AllSaid) -> usize {
    let mut at = start;
    while at < lines.len() {
        let line = lines[at];
        if line.trim().is_empty() {
            at += 1;
            continue;
        }
        if is_underlined(lines, at) {
            break;
        }
        let end = block_end(lines, at + 1, indent(line) + 1);
        let (head, kind) = line.split_once(':').unwrap_or((line, ""));
        for name in head.split(',') {
            add(found, name.trim(), kind, lines[at + 1..end].iter().copied());
        }
        at = end.max(at + 1);
    }
    at
}

/// What a field of reST says of its parameter.
enum Says {
    /// Its type.
    Type,
    /// What it is for, and perhaps a type.
    Words(String),
}

/// `:param type name: words` or `:type name: type`, as name, words and what they are.
fn rest_field(line: &str) -> Option<(&str, &str, Says)> {
    let (head, words) = rest_head(line)?;
    let parts: Vec<&str> = head.split_whitespace().collect();
    match parts.as_slice() {
        ["type", name] => Some((name, words, Says::Type)),
        ["param" | "parameter" | "arg" | "argument" | "key" | "keyword", kind @ .., name] => {
            Some((name, words, Says::Words(kind.join(" "))))
        }
        _ => None,
    }
}

fn rest_head(line: &str) -> Option<(&str, &str)> {
    let (head, words) = line.strip_prefix(':')?.split_once(':')?;
    head.starts_with(|c: char| c.is_ascii_alphabetic()).then_some((head, words))
}

/// Splits `name (type[a: b]): words` at the colon that no bracket holds.
fn split_entry(line: &str) -> Option<(&str, &str)> {
    let mut depth = 0_i32;
    for (at, c) in line.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ':' if depth <= 0 => return Some((&line[..at], &line[at + 1..])),
            _ => {}
        }
    }
    None
}

/// What is said first stays.
fn add<'a>(found: &mut AllSaid, name: &str, kind: &str, words: impl Iterator<Item = &'a str>) {
    let name = name.trim().trim_start_matches('*').trim_matches('`');
    let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let text = words.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
    let kind = kind.split_whitespace().collect::<Vec<_>>().join(" ");
    if is_name && !(text.is_empty() && kind.is_empty()) {
        let said = found.entry(name.to_owned()).or_default();
        for (known, more) in [(&mut said.words, text), (&mut said.kind, kind)] {
            if known.is_empty() {
                *known = more;
            }
        }
    }
}

/// The first line from `start` on that is indented less than `depth`; empty lines belong to what they stand in.
fn block_end(lines: &[&str], start: usize, depth: usize) -> usize {
    let less = |line: &&str| !line.trim().is_empty() && indent(line) < depth;
    lines[start.min(lines.len())..].iter().position(less).map_or(lines.len(), |at| start + at)
}

fn is_underlined(lines: &[&str], at: usize) -> bool {
    let below = lines.get(at + 1).map_or("", |line| line.trim());
    !lines[at].trim().is_empty() && below.len() > 2 && below.bytes().all(|byte| byte == b'-' || byte == b'=')
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str, &str)]) {
        let found = parameters(&clean(text));
        let found: Vec<(&str, &str, &str)> = found
            .iter()
            .map(|(name, said)| (name.as_str(), said.kind.as_str(), said.words.as_str()))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn google_style() {
        check(
            "Does it.\n\n    Args:\n        path (str): Where it\n            lies.\n        limit (Dict[str, int], optional): How many: at most.\n        **more: Others.\n\n    Returns:\n        x: no parameter.\n    ",
            &[
                ("limit", "Dict[str, int], optional", "How many: at most."),
                ("more", "", "Others."),
                ("path", "str", "Where it lies."),
            ],
        );
    }

    #[test]
    fn numpy_style() {
        check(
            "Does it.\n\n    Parameters\n    ----------\n    path : str\n        Where it\n        lies.\n    a, b : int, optional\n        Two of them.\n    c : {1, 2}\n\n    Returns\n    -------\n    dict\n        The result.\n    ",
            &[
                ("a", "int, optional", "Two of them."),
                ("b", "int, optional", "Two of them."),
                ("c", "{1, 2}", ""),
                ("path", "str", "Where it lies."),
            ],
        );
    }

    #[test]
    fn rest_style() {
        check(
            "Does it.\n\n    :param str path: Where it\n        lies.\n    :param limit: How many.\n    :type limit: int\n    :returns: nothing\n    ",
            &[("limit", "int", "How many."), ("path", "str", "Where it lies.")],
        );
    }

    #[test]
    fn what_is_no_section_is_description() {
        check("Note: this is prose.\nfoo: bar", &[]);
        check("", &[]);
        check("Args:", &[]);
        check("Args:\n:::\n  :", &[]);
        let text = clean("First line.\n\n    More of it.\n\n    Args:\n        x: y\n");
        assert_eq!(summary(&text), "First line.\n\nMore of it.");
        assert_eq!(summary("All.\n\n:param x: y"), "All.");
        assert_eq!(summary("All.\n\nParameters\n----------\nx : int"), "All.");
        assert_eq!(summary("Example: none."), "Example: none.");
    }
}
