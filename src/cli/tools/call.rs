//! `actwright tools call`: one call as the operator, under the same checks as any other.
//!
//! Text and data go to stdout and everything about the call to stderr, so that the result can be piped.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use serde_json::{Map, Value};

use super::{patiently, shown, with_tools};
use crate::cli::error::hinted;
use crate::cli::flags::Workspace;
use crate::cli::{error, print};
use crate::tools::{Caller, Failure, FailureKind, Given, Media, Origin, Output, Part, Tool, Watch};

const MISUSED: u8 = 2;
const TIMED_OUT: u8 = 124;

/// `actwright tools call`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name, such as curl.get
    name: String,
    /// An argument (repeatable; a list takes one value each time); read as JSON where its type is no text
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "json")]
    arg: Vec<String>,
    /// All arguments as one JSON object
    #[arg(long, value_name = "OBJECT")]
    json: Option<String>,
    /// Where bytes go, such as an image [default: stdout, unless it is a terminal]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    workspace: Workspace,
}

/// Calls the tool and prints what it gives.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let workspace = args.workspace.clone();
    with_tools(&workspace, async |tools| {
        let tool = match patiently(tools, tools.find(&args.name)).await? {
            Ok(tool) => tool,
            Err(failure) => return Ok(refused(&failure)),
        };
        let given = match given(&tool, &args.arg, args.json.as_deref()) {
            Ok(given) => given,
            Err(cause) => {
                error::report(&cause);
                return Ok(ExitCode::from(MISUSED));
            }
        };
        let watch = Watch::new(|done, total, message| {
            let of = total.map_or(String::new(), |total| format!(" of {total}"));
            // Nobody may be reading, and the call goes on all the same.
            drop(print::stderr(&format!("[{done}{of}] {message}\n")));
        });
        match tools.call(&Origin::outside(Caller::Operator), &args.name, given, watch).await {
            Ok(output) => give(output, args.out.as_deref()).map(|()| ExitCode::SUCCESS),
            Err(failure) => Ok(refused(&failure)),
        }
    })
}

fn refused(failure: &Failure) -> ExitCode {
    let code = match failure.kind {
        FailureKind::NotFound | FailureKind::Arguments => ExitCode::from(MISUSED),
        FailureKind::Timeout => ExitCode::from(TIMED_OUT),
        FailureKind::Denied | FailureKind::Unavailable | FailureKind::Failed => ExitCode::FAILURE,
    };
    let cause = match failure.kind {
        FailureKind::NotFound => shown::not_found(failure),
        _ => anyhow::anyhow!("{failure}"),
    };
    error::report(&cause);
    code
}

/// The arguments as they were written, in the types that the tool wants.
fn given(tool: &Tool, pairs: &[String], json: Option<&str>) -> anyhow::Result<Vec<(String, Given)>> {
    let values = match json {
        Some(text) => serde_json::from_str(text).map_err(|cause| {
            hinted(
                format!("`--json` is no JSON object: {cause}"),
                "write it as `--json '{\"name\": \"value\"}'`",
            )
        })?,
        None => from_pairs(tool, pairs)?,
    };
    Ok(values.into_iter().map(|(name, value)| (name, Given::Json(value))).collect())
}

fn from_pairs(tool: &Tool, pairs: &[String]) -> anyhow::Result<Map<String, Value>> {
    let mut values: Map<String, Value> = Map::new();
    for pair in pairs {
        let (name, text) = pair
            .split_once('=')
            .ok_or_else(|| hinted(format!("`--arg {pair}` has no `=`"), "write it as `--arg name=value`"))?;
        let schema = tool.parameters.iter().find(|it| it.name.as_str() == name || it.original == name);
        let schema = schema.map_or(&Value::Null, |parameter| &parameter.schema);
        let is_list = schema.get("type").and_then(Value::as_str) == Some("array");
        let value = value_of(schema, text);
        match values.get_mut(name) {
            Some(Value::Array(items)) if is_list => items.push(item_of(schema, text)),
            Some(_) => {
                return Err(hinted(
                    format!("argument `{name}` is given twice"),
                    "only a list takes several values",
                ));
            }
            None if is_list && !value.is_array() => {
                drop(values.insert(name.to_owned(), Value::Array(vec![item_of(schema, text)])));
            }
            None => drop(values.insert(name.to_owned(), value)),
        }
    }
    Ok(values)
}

fn item_of(schema: &Value, text: &str) -> Value {
    value_of(schema.get("items").unwrap_or(&Value::Null), text)
}

/// A text as the value that a schema wants; what the schema does not decide is read as JSON if it is some.
fn value_of(schema: &Value, text: &str) -> Value {
    let as_text = Value::from(text);
    let kind = schema.get("type");
    let among = schema.get("enum").and_then(Value::as_array);
    if kind.and_then(Value::as_str) == Some("string") || among.is_some_and(|list| list.contains(&as_text)) {
        return as_text;
    }
    serde_json::from_str(text).unwrap_or(as_text)
}

/// Prints a result.
fn give(output: Output, out: Option<&Path>) -> anyhow::Result<()> {
    let parts = match output {
        Output::Text(text) => vec![Part::Text(text)],
        Output::Json(value) => vec![Part::Json(value)],
        Output::Media(media) => vec![Part::Media(media)],
        Output::Parts(parts) => parts,
    };
    let mut number = 0;
    for part in parts {
        match part {
            Part::Text(text) if text.is_empty() || text.ends_with('\n') => print::stdout(&text)?,
            Part::Text(text) => print::stdout(&(text + "\n"))?,
            Part::Json(value) => print::stdout(&format!("{value:#}\n"))?,
            Part::Media(media) => {
                number += 1;
                give_media(&media, out.map(|path| numbered(path, number)).as_deref())?;
            }
        }
    }
    Ok(())
}

fn give_media(media: &Media, out: Option<&Path>) -> anyhow::Result<()> {
    let about = format!("{}, {} bytes", media.media_type, media.bytes.len());
    match out {
        Some(path) => {
            let written = std::fs::write(path, &media.bytes);
            written.with_context(|| format!("cannot write `{}`", path.display()))?;
            print::stderr(&format!("[{about}: {}]\n", path.display()))?;
        }
        None if std::io::stdout().is_terminal() => {
            print::stderr(&format!("[{about}; name a file for it with --out FILE]\n"))?;
        }
        None => std::io::stdout().lock().write_all(&media.bytes).context("cannot write to stdout")?,
    }
    Ok(())
}

/// `photo.png`, `photo-2.png`, `photo-3.png`.
fn numbered(path: &Path, number: usize) -> PathBuf {
    if number == 1 {
        return path.to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().map_or(String::new(), |ending| format!(".{}", ending.to_string_lossy()));
    path.with_file_name(format!("{stem}-{number}{ending}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_becomes_what_the_schema_wants() {
        let check =
            |schema: Value, text: &str, expected: Value| assert_eq!(value_of(&schema, text), expected);
        check(json!({"type": "string"}), "5", json!("5"));
        check(json!({"type": "integer"}), "5", json!(5));
        check(json!({"type": "integer"}), "five", json!("five"));
        check(json!({"type": "boolean"}), "true", json!(true));
        check(json!({"type": "object"}), "{\"a\": 1}", json!({"a": 1}));
        check(json!({"enum": ["1", "2"]}), "1", json!("1"));
        check(json!({"type": ["string", "null"]}), "null", json!(null));
        check(Value::Null, "text", json!("text"));
    }

    #[test]
    fn several_files_have_names_of_their_own() {
        assert_eq!(numbered(Path::new("/a/b.png"), 1), Path::new("/a/b.png"));
        assert_eq!(numbered(Path::new("/a/b.png"), 3), Path::new("/a/b-3.png"));
        assert_eq!(numbered(Path::new("b"), 2), Path::new("b-2"));
    }
}
