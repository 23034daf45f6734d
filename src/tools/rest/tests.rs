//! Real specifications, installed by the names of their packages: what becomes of every operation of large public APIs.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use super::*;
use crate::tools::arguments::Given;
use crate::tools::entry::{Presence, Tool};
use crate::tools::name::{Identifier, Reserved};

/// The directory of a package's files, fetched once by the package manager that its readers use.
fn package(name: &str) -> PathBuf {
    let room = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("tmp");
    let place = room.join(name.replace(['@', '/'], "_"));
    if !place.exists() {
        std::fs::create_dir_all(&room).unwrap();
        let scratch = tempfile::tempdir_in(&room).unwrap();
        let run = |command: &mut Command| {
            assert!(
                command.current_dir(&scratch).status().is_ok_and(|status| status.success()),
                "{command:?}"
            );
        };
        run(Command::new("npm").args(["pack", "--silent", name]));
        let packed = std::fs::read_dir(&scratch).unwrap().next().unwrap().unwrap().path();
        run(Command::new("tar").args(["--exclude=*.deref.json", "-xzf"]).arg(packed));
        // Whoever was faster has made the same.
        let _ = std::fs::rename(scratch.path().join("package"), &place);
    }
    place
}

/// All documents below a directory.
fn documents(place: PathBuf) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(place).unwrap().flatten() {
        let path = entry.path();
        let kind = path.extension().and_then(|kind| kind.to_str());
        if path.is_dir() {
            found.extend(documents(path));
        } else if matches!(kind, Some("json" | "yaml"))
            && !path.ends_with("package.json")
            && !path.ends_with("tsconfig.json")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A value that fits a schema, as far as that can be said without thinking.
fn example(schema: &Value, root: &Value, depth: u32) -> Value {
    let below = |schema: &Value| example(schema, root, depth + 1);
    if depth > 12 {
        return Value::Null;
    }
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return below(root.pointer(reference.strip_prefix('#').unwrap()).unwrap());
    }
    for (key, pick) in [("const", ""), ("enum", "/0"), ("default", ""), ("examples", "/0")] {
        if let Some(value) = schema.get(key).and_then(|value| value.pointer(pick)) {
            return value.clone();
        }
    }
    let mut merged = Map::new();
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        if let Value::Object(fields) = below(part) {
            merged.extend(fields);
        }
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(first) =
            schema.get(key).and_then(|list| list.get(0)).filter(|_| schema.get("type").is_none())
        {
            return below(first);
        }
    }
    let number = |key: &str| schema.get(key).and_then(Value::as_u64);
    let kind = schema.get("type").map(|kind| kind.get(0).unwrap_or(kind));
    match kind.and_then(Value::as_str) {
        Some("string") => "a".repeat(number("minLength").unwrap_or(1).max(1) as usize).into(),
        Some("integer" | "number") => number("minimum").unwrap_or(1).into(),
        Some("boolean") => true.into(),
        Some("null") => Value::Null,
        Some("array") => {
            let items = schema.get("items").unwrap_or(&Value::Null);
            (0..number("minItems").unwrap_or(1)).map(|_| below(items)).collect()
        }
        _ => {
            for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
                let name = name.as_str().unwrap();
                let field =
                    schema.get("properties").and_then(|fields| fields.get(name)).unwrap_or(&Value::Null);
                merged.insert(name.to_owned(), below(field));
            }
            if merged.is_empty() {
                merged.insert("a".to_owned(), 1.into());
            }
            Value::Object(merged)
        }
    }
}

/// What became of one document.
#[derive(Debug, Default)]
struct Outcome {
    operations: usize,
    bound: usize,
    weight: usize,
}

/// Makes every operation of a document a tool, and calls each with examples as far as the request.
fn prove(path: &Path) -> Result<Outcome, String> {
    let document = Document::new(files::parse(&files::read(path)?)?)?;
    let operations = document.operations(|_| true, &Map::new())?;
    let names: Vec<&str> = operations.iter().map(|operation| operation.name.as_str()).collect();
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{}", path.display());
    let identifiers = Identifier::of_all(&names, Reserved::Tool);
    let mut outcome = Outcome { operations: operations.len(), ..Outcome::default() };
    for (operation, name) in operations.iter().zip(identifiers) {
        let about = format!("{}: {}", path.display(), operation.name);
        outcome.weight += operation.weight();
        let raw = operation.raw(&[], Duration::from_secs(1));
        assert!(
            !raw.output.iter().chain([&raw.input]).any(|schema| schema.to_string().contains("x-place")),
            "{about}"
        );
        let tool = Tool::new(Identifier::of("api", Reserved::Namespace), Some(name), raw);
        tool.check().as_ref().unwrap_or_else(|error| panic!("{about}: {error}"));
        let signature = tool.signature();
        assert!(signature.starts_with("tools.api.") && signature.len() < 6_000, "{about}: {signature}");
        let given = tool.parameters.iter().filter(|parameter| parameter.presence == Presence::Required);
        let given = given.map(|parameter| {
            let value = example(&parameter.schema, &tool.raw.input, 0);
            (parameter.original.clone(), Given::Json(value))
        });
        let arguments = match tool.bind(given.collect()) {
            Ok(arguments) => arguments,
            Err(failure) => {
                // Shown where the test fails: whether it is the example that does not fit, or what was made of the schema.
                println!("{about}: {}", failure.message.chars().take(300).collect::<String>());
                continue;
            }
        };
        let prepared = Prepared::new("https://api.example.org", operation, &arguments);
        let prepared = prepared.unwrap_or_else(|failure| panic!("{about}: {}", failure.message));
        let address = parse(&prepared.address()).unwrap();
        assert_eq!(address.host_str(), Some("api.example.org"), "{about}");
        assert!(!address.path().contains(['{', '}']), "{about}: {address}");
        outcome.bound += 1;
    }
    Ok(outcome)
}

#[test]
fn every_operation_of_github_is_a_tool() {
    let paths = documents(package("@octokit/openapi").join("generated"));
    assert!(paths.len() > 3, "{paths:?}");
    for path in paths {
        let outcome = prove(&path).unwrap();
        println!("{}: {outcome:?}", path.display());
        assert!(outcome.operations > 900, "{}: {outcome:?}", path.display());
        assert!(outcome.bound * 100 > outcome.operations * 97, "{}: {outcome:?}", path.display());
        assert!(outcome.weight < HEAVY, "{}: {outcome:?}", path.display());
    }
}

/// What the largest of them may weigh in memory.
const HEAVY: usize = 64 << 20;

#[test]
fn every_example_of_openapi_3_is_read_or_refused_for_a_reason() {
    let paths = documents(package("@readme/oas-examples"));
    let (mut read, mut operations, mut bound) = (0, 0, 0);
    for path in &paths {
        match prove(path) {
            Ok(outcome) => {
                read += 1;
                operations += outcome.operations;
                bound += outcome.bound;
            }
            Err(why) => {
                let reasons = ["is Swagger 2.0", "has no `paths`", "has no `openapi` version", "a mapping"];
                assert!(reasons.iter().any(|reason| why.contains(reason)), "{}: {why}", path.display());
            }
        }
    }
    println!("{read} of {} documents, {bound} of {operations} operations bound", paths.len());
    assert!(read > 80, "{read} of {}", paths.len());
    // The rest has patterns that an example made without thinking does not fit.
    assert!(bound * 100 > operations * 90, "{bound} of {operations}");
}

#[test]
fn json_and_yaml_of_the_same_document_make_the_same_tools() {
    let place = package("@readme/oas-examples").join("3.0");
    let tools = |path: PathBuf| -> Vec<Value> {
        let document = Document::new(files::parse(&files::read(&path).unwrap()).unwrap()).unwrap();
        let operations = document.operations(|_| true, &Map::new()).unwrap();
        operations.iter().map(|operation| json!([operation.name, operation.raw(&[], REST).input])).collect()
    };
    for name in ["petstore", "star-trek", "complex-nesting", "parameters-style"] {
        let json = tools(place.join(format!("json/{name}.json")));
        assert_eq!(json, tools(place.join(format!("yaml/{name}.yaml"))), "{name}");
        assert!(!json.is_empty());
    }
}
