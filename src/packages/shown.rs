//! Packages and changes of them as plain data for programs, and in words for readers.

use serde_json::{Map, Value, json};

use super::change::Change;
use super::listed::{Listed, Why};

/// A change as data.
pub fn change(change: &Change) -> Value {
    let versions = |packages: &[(crate::requirements::PackageName, String)]| {
        let pairs = packages.iter().map(|(name, version)| (name.to_string(), Value::from(version.as_str())));
        Value::Object(pairs.collect::<Map<_, _>>())
    };
    let updated: Map<String, Value> =
        change.updated.iter().map(|each| (each.name.to_string(), json!([each.from, each.to]))).collect();
    json!({
        "added": versions(&change.added),
        "removed": versions(&change.removed),
        "updated": updated,
        "count": change.count,
    })
}

/// A package as data.
pub fn listed(listed: &Listed) -> Value {
    json!({
        "name": listed.package.name,
        "version": listed.package.version,
        "requested": listed.requested,
        "modules": listed.package.modules,
    })
}

/// Why a package is there, as data.
pub fn why(why: &Why) -> Value {
    let mut shown = listed(&why.listed);
    shown["needed_by"] = json!(why.needed_by);
    shown["path"] = json!(why.path);
    shown
}

/// A change in words.
pub fn change_in_words(change: &Change) -> String {
    let versions = |packages: &[(crate::requirements::PackageName, String)]| {
        packages.iter().map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>().join(", ")
    };
    let updated: Vec<String> =
        change.updated.iter().map(|each| format!("{} {} -> {}", each.name, each.from, each.to)).collect();
    let mut parts = Vec::new();
    for (what, which) in [
        ("added", versions(&change.added)),
        ("updated", updated.join(", ")),
        ("removed", versions(&change.removed)),
    ] {
        if !which.is_empty() {
            parts.push(format!("{what} {which}"));
        }
    }
    if parts.is_empty() {
        parts.push("nothing had to be changed".to_owned());
    }
    parts.join("; ")
}

/// A package in a line.
pub fn line(listed: &Listed) -> String {
    let why = match &listed.requested {
        Some(requested) => format!("asked for as {requested}"),
        None => "needed by others".to_owned(),
    };
    format!("{} {} ({why})", listed.package.name, listed.package.version)
}

/// Why a package is there, in words.
pub fn why_in_words(why: &Why) -> String {
    let path: Vec<&str> = why.path.iter().map(crate::requirements::PackageName::as_str).collect();
    let by: Vec<&str> = why.needed_by.iter().map(crate::requirements::PackageName::as_str).collect();
    let mut text = line(&why.listed);
    if path.len() > 1 {
        text.push_str(&format!("\nby way of {}", path.join(" -> ")));
    }
    if !by.is_empty() {
        text.push_str(&format!("\nneeded by {}", by.join(", ")));
    }
    text
}
