//! The steps of the tour: what is called, and what must come back.
//!
//! The cells are Python files in `cells/`. A check says in one sentence what it saw, or what it missed.

use serde_json::{Value, json};

use super::{Reply, Scratch, code};

/// One call and its check.
pub struct Step<'a> {
    /// What it shows.
    pub title: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// The tool that is called.
    pub tool: &'static str,
    /// Its arguments, from what is known by then.
    pub arguments: Box<dyn Fn(&Memory) -> Value + 'a>,
    /// What must come back.
    pub check: Check<'a>,
}

type Check<'a> = Box<dyn Fn(&Reply, &mut Memory) -> Result<String, String> + 'a>;

/// What later steps need to know of earlier ones.
#[derive(Debug, Default)]
pub struct Memory {
    session: String,
    output_id: String,
}

/// All steps in order.
pub fn steps(scratch: &Scratch) -> anyhow::Result<Vec<Step<'_>>> {
    let mut steps = plain_steps();
    steps.extend(sandbox_steps(scratch)?);
    steps.extend(output_steps());
    steps.extend(super::library::steps());
    steps.extend(handle_steps());
    Ok(steps)
}

fn plain_steps<'a>() -> Vec<Step<'a>> {
    vec![
        cell(
            "State, part one",
            "A cell defines a variable and a function.",
            include_str!("cells/state_1.py"),
            |r, memory| {
                memory.session = field(r, "session")?.to_owned();
                status(r, "ok")?;
                Ok(format!("the result names its session, {}", memory.session))
            },
        ),
        cell("State, part two", "The next call finds both.", include_str!("cells/state_2.py"), |r, _| {
            result_is(r, "3.875")
        }),
        cell(
            "A loop, a branch and a comparison in one call",
            "score = cpu x battery / price; as tool calls this would be ten round trips.",
            include_str!("cells/laptops.py"),
            |r, _| {
                let stdout = field(r, "stdout")?;
                if stdout != "A: 81.0\nB: 87.0\nC: 80.0\n" {
                    return Err(format!("stdout is {stdout:?}"));
                }
                result_is(r, "('B', 87.0)")
            },
        ),
        cell(
            "An error",
            "It names the line and what was probably meant.",
            include_str!("cells/error.py"),
            |r, _| {
                status(r, "raised")?;
                let error = &r.run["error"];
                let hints = error["hints"].to_string();
                if error["type"] != "NameError" || !hints.contains("laptops") {
                    return Err(format!("the error is {error}"));
                }
                Ok(format!("NameError on line {}, and the hint says `laptops`", error["line"]))
            },
        ),
        cell(
            "Recovery",
            "The session lived on; one word is corrected.",
            include_str!("cells/recovery.py"),
            |r, _| result_is(r, "248.0"),
        ),
        Step {
            arguments: Box::new(
                |_| json!({"code": include_str!("cells/timeout.py").trim_end(), "timeout": 1}),
            ),
            ..cell(
                "A timeout",
                "It stops the code, keeps the output so far, and says what became of the state.",
                "",
                |r, _| {
                    status(r, "timeout")?;
                    if !field(r, "stdout")?.contains("never ends") {
                        return Err("the output so far is missing".into());
                    }
                    Ok(format!(
                        "stopped after {} ms; the state is {}",
                        r.run["duration_ms"],
                        field(r, "state")?
                    ))
                },
            )
        },
        cell(
            "After the timeout",
            "The same session answers, with its variables.",
            include_str!("cells/state_2.py"),
            |r, _| result_is(r, "3.875"),
        ),
    ]
}

fn sandbox_steps(scratch: &Scratch) -> anyhow::Result<Vec<Step<'_>>> {
    let file = format!("host_file = {:?}\n{}", scratch.host_file(), include_str!("cells/sandbox_file.py"));
    let socket =
        format!("host_port = {}\n{}", scratch.proven_port()?, include_str!("cells/sandbox_socket.py"));
    Ok(vec![
        cell("The sandbox refuses a file", "This program can read it; the cell can't.", &file, |r, _| {
            if r.text.contains(Scratch::SECRET) {
                return Err("the cell read a file of the host".into());
            }
            refused(r)
        }),
        cell(
            "The sandbox refuses a socket",
            "This program just connected to it; the cell can't.",
            &socket,
            |r, _| {
                if scratch.was_reached() {
                    return Err("the cell reached a socket of the host".into());
                }
                refused(r)
            },
        ),
    ])
}

fn output_steps<'a>() -> Vec<Step<'a>> {
    vec![
        cell(
            "Half a megabyte of output",
            "The model gets head and tail; the rest stays readable.",
            include_str!("cells/long_output.py"),
            |r, memory| {
                status(r, "ok")?;
                let length = r.text.chars().count();
                if length > 9_000 || !r.text.contains("line 00000") || !r.text.contains("line 19999") {
                    return Err(format!("the text has {length} characters, or its head or tail is missing"));
                }
                memory.output_id =
                    output_id(&r.text).ok_or("the text does not say where the rest can be read")?;
                Ok(format!("{length} characters stand for 580,000, and name {}", memory.output_id))
            },
        ),
        Step {
            title: "The middle of that output",
            why: "A page from any place, by the id in the text.",
            tool: "read_output",
            arguments: Box::new(|memory| json!({"id": memory.output_id, "offset": 279_900, "limit": 200})),
            check: Box::new(|r, _| {
                if r.is_error || !r.text.contains("line 1000") {
                    return Err("the page does not hold the lines around 10,000".into());
                }
                Ok("the page holds the lines around 10,000".into())
            }),
        },
        cell(
            "A picture",
            "Anything with `_repr_png_` and its like becomes MCP content.",
            include_str!("cells/picture.py"),
            |r, _| {
                status(r, "ok")?;
                match r.images.as_slice() {
                    [image] if image == "image/png" => Ok("one image/png beside the text".into()),
                    other => Err(format!("the images are {other:?}")),
                }
            },
        ),
    ]
}

fn handle_steps<'a>() -> Vec<Step<'a>> {
    vec![
        Step {
            arguments: Box::new(|memory| json!({"code": "len(laptops)", "session": memory.session})),
            ..cell(
                "The session's handle",
                "Holding it is the permission: a client may name the session.",
                "",
                |r, _| result_is(r, "3"),
            )
        },
        Step {
            arguments: Box::new(|_| json!({"code": "1", "session": format!("s_{:032x}", 1)})),
            ..cell("A handle that nobody gave out", "It finds nothing, and harms nothing.", "", |r, _| {
                if !r.is_error || !r.text.contains("no session") {
                    return Err("the call was not refused".into());
                }
                Ok("refused, with a way on".into())
            })
        },
    ]
}

/// A step that runs a cell.
pub fn cell<'a>(
    title: &'static str,
    why: &'static str,
    source: &str,
    check: impl Fn(&Reply, &mut Memory) -> Result<String, String> + 'a,
) -> Step<'a> {
    let arguments = code(source);
    let arguments = Box::new(move |_: &Memory| arguments.clone());
    Step { title, why, tool: "run_code", arguments, check: Box::new(check) }
}

fn field<'r>(reply: &'r Reply, name: &str) -> Result<&'r str, String> {
    reply.run[name].as_str().ok_or_else(|| format!("the result has no `{name}`: {}", reply.run))
}

/// The status, and that `isError` says the same.
fn status(reply: &Reply, expected: &str) -> Result<(), String> {
    let status = field(reply, "status")?;
    if status != expected || reply.is_error != (expected != "ok") {
        return Err(format!("the status is {status}, isError is {}", reply.is_error));
    }
    Ok(())
}

/// That a cell ended well with this value.
pub fn result_is(reply: &Reply, expected: &str) -> Result<String, String> {
    status(reply, "ok")?;
    let result = field(reply, "result")?;
    if result == expected {
        Ok(format!("the value is {result}"))
    } else {
        Err(format!("the value is {result}"))
    }
}

fn refused(reply: &Reply) -> Result<String, String> {
    status(reply, "ok")?;
    let result = field(reply, "result")?;
    if result.contains("refused: ") { Ok(result.to_owned()) } else { Err(format!("the cell got {result}")) }
}

/// The first `o_` and 32 digits in a text.
fn output_id(text: &str) -> Option<String> {
    text.match_indices("o_").find_map(|(start, _)| {
        let id = text.get(start..start + 34)?;
        crate::names::OutputId::parse(id).ok().map(String::from)
    })
}
