//! Tests of merging.

use serde_json::json;

use super::*;
use crate::tools::import::Client;

fn offer(client: Client, name: &str, entry: Result<Value, &str>) -> Offer {
    let entry = entry.map_err(str::to_owned);
    Offer { client, file: "/f".into(), name: name.into(), entry, notes: Vec::new() }
}

fn merged(document: Value, offers: Vec<Offer>, differing: Differing) -> (Value, Vec<Verdict>) {
    let document = document.as_object().unwrap().clone();
    let merged = merge(document, &["curl".into()], offers, differing).unwrap();
    (Value::Object(merged.document), merged.outcomes.into_iter().map(|outcome| outcome.verdict).collect())
}

#[test]
fn what_is_there_stays_and_every_offer_has_a_verdict() {
    let here = json!({"$schema": "s", "mcpServers": {"a": {"command": "a"}, "b": {"command": "b"}}});
    let offers = || {
        vec![
            offer(Client::ClaudeCode, "a", Ok(json!({"command": "a"}))),
            offer(Client::ClaudeCode, "b", Ok(json!({"command": "B"}))),
            offer(Client::ClaudeCode, "c", Ok(json!({"command": "c"}))),
            offer(Client::Cursor, "c", Ok(json!({"command": "c"}))),
            offer(Client::Cursor, "c", Ok(json!({"command": "C"}))),
            offer(Client::Cursor, "also-a", Ok(json!({"command": "a"}))),
            offer(Client::Codex, "c ", Ok(json!({"command": "c2"}))),
            offer(Client::Codex, "c_", Ok(json!({"command": "c3"}))),
            offer(Client::Codex, "curl", Ok(json!({"command": "x"}))),
            offer(Client::Codex, "", Ok(json!({"command": "y"}))),
            offer(Client::Codex, "off", Err("it is switched off")),
        ]
    };
    let (document, verdicts) = merged(here.clone(), offers(), Differing::Keep);
    let expected = [
        Verdict::There("a".into()),
        Verdict::Differs("mcp.json".into()),
        Verdict::Added,
        Verdict::There("c".into()),
        Verdict::Differs("claude-code".into()),
        Verdict::There("a".into()),
        Verdict::Added,
        Verdict::Taken("c ".into()),
        Verdict::Taken("curl".into()),
        Verdict::Skipped("it has no name".into()),
        Verdict::Skipped("it is switched off".into()),
    ];
    assert_eq!(verdicts, expected);
    let servers =
        json!({"a": {"command": "a"}, "b": {"command": "b"}, "c": {"command": "c"}, "c ": {"command": "c2"}});
    assert_eq!(document, json!({"$schema": "s", "mcpServers": servers}));
    let (document, verdicts) = merged(here, offers(), Differing::Replace);
    assert_eq!(verdicts[1], Verdict::Replaced);
    assert_eq!(document["mcpServers"]["b"], json!({"command": "B"}));
}

#[test]
fn the_other_key_is_used_where_it_is() {
    let offers = vec![offer(Client::Cursor, "c", Ok(json!({"command": "c"})))];
    let (document, _) = merged(json!({"servers": {"a": {}}}), offers, Differing::Keep);
    assert_eq!(document, json!({"servers": {"a": {}, "c": {"command": "c"}}}));
}

#[test]
fn a_document_that_is_none_is_refused() {
    let document = json!({"mcpServers": []}).as_object().unwrap().clone();
    let refused = merge(document, &[], Vec::new(), Differing::Keep).unwrap_err();
    assert_eq!(refused, "`mcpServers` is not a table");
}
