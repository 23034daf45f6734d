//! The steps of the tour through the library of skills: search, nothing fits, solve, save, find by other words, run, compose.

use serde_json::{Value, json};

use super::Reply;
use super::tour::{Memory, Step, cell, result_is};

/// What the skill of the tour is called.
const NAME: &str = "roman_to_int";

/// All steps in order.
pub fn steps<'a>() -> Vec<Step<'a>> {
    vec![
        step(
            "A search in the library",
            "The loop of an agent begins here: is it solved already?",
            "search_skills",
            json!({"query": "roman numerals"}),
            |r, _| {
                if r.text.contains("nothing fits") {
                    Ok(ranked(&r.text))
                } else {
                    Err("something fits already".into())
                }
            },
        ),
        cell(
            "Nothing fits, so it is solved in code",
            "A cell that defines run, and tries it.",
            include_str!("cells/roman.py"),
            |r, _| result_is(r, "2026"),
        ),
        step(
            "What worked is saved",
            "From the cell that ran. Its call of run becomes an example, which is run again before anything is stored.",
            "create_skill",
            json!({
                "name": NAME, "from_cell": "last",
                "description": "Convert roman numerals such as MMXXVI to numbers.", "tags": ["text"],
            }),
            |r, _| {
                contains(
                    r,
                    "saved version 1: skills.roman_to_int(text: str) -> int",
                    "it is version 1 of a skill",
                )
            },
        ),
        step(
            "It is found by other words",
            "Any session, and any client of this server, finds it now.",
            "search_skills",
            json!({"query": "the number that a roman numeral stands for"}),
            |r, _| match r.text.lines().next().filter(|line| line.contains("skills.roman_to_int(")) {
                Some(line) if line.contains("[verified") => Ok(ranked(&r.text)),
                _ => Err("it is not the first that was found, or not verified".into()),
            },
        ),
        step(
            "It is run without code",
            "A client that only calls tools can use it too.",
            "invoke_skill",
            json!({"name": NAME, "arguments": {"text": "XLII"}}),
            |r, _| result_is(r, "42"),
        ),
        cell(
            "Skills are made of skills",
            "This one sorts kings by the number behind their name.",
            include_str!("cells/kings.py"),
            |r, _| result_is(r, "['Charles X', 'Louis V', 'Louis IX', 'Louis XIV']"),
        ),
        step(
            "It is saved as well",
            "With its own proof.",
            "create_skill",
            json!({"name": "sort_kings", "from_cell": "last"}),
            |r, _| {
                contains(
                    r,
                    "saved version 1: skills.sort_kings(kings: list[str])",
                    "it is version 1 of another skill",
                )
            },
        ),
        step(
            "And proven again",
            "In a session that nobody else uses, without network; tools would answer from their recording.",
            "verify_skill",
            json!({"name": "sort_kings"}),
            |r, _| contains(r, "verified: sort_kings (version 1), 1 example", "it is verified"),
        ),
    ]
}

fn step<'a>(
    title: &'static str,
    why: &'static str,
    tool: &'static str,
    arguments: Value,
    check: impl Fn(&Reply, &mut Memory) -> Result<String, String> + 'a,
) -> Step<'a> {
    Step {
        title,
        why,
        tool,
        arguments: Box::new(move |_: &Memory| arguments.clone()),
        check: Box::new(check),
    }
}

fn contains(reply: &Reply, words: &str, seen: &str) -> Result<String, String> {
    if !reply.is_error && reply.text.contains(words) {
        Ok(seen.to_owned())
    } else {
        Err(format!("the reply does not say `{words}`"))
    }
}

/// What the search went by, as it says itself.
fn ranked(text: &str) -> String {
    match text.lines().find_map(|line| line.strip_prefix("[semantic: ")) {
        Some(semantic) if semantic.starts_with("off") => {
            "the search went by words alone, there is no model".to_owned()
        }
        Some(_) => "the search went by words and by meaning".to_owned(),
        None => "the search says nothing of its means".to_owned(),
    }
}
