//! `actwright demo`: a tour through a real MCP connection to this very program.
//!
//! Nothing is staged: the program starts `actwright serve` as a client would, sends it requests over stdio
//! and checks each answer. The steps are in `tour`; this file holds the connection and the printing.

use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rmcp::ServiceExt;
use rmcp::model::{CallToolRequestParams, CallToolResult, ContentBlock};
use rmcp::service::{RoleClient, RunningService};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::flags::ConfigFlags;
use super::{engine, print};
use crate::config::env::Environment;

mod library;
mod scratch;
mod tour;

use scratch::Scratch;

/// No step of the tour takes longer, even on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Lines of a cell or an answer that are printed; the checks see everything.
const SHOWN_LINES: usize = 24;

/// `actwright demo`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Interpreter that runs the cells: a path, a name on PATH, or auto
    #[arg(long, value_name = "PYTHON")]
    python: Option<String>,
    /// Protections that must be active: full or restricted [default: full]
    #[arg(long, value_name = "LEVEL")]
    sandbox: Option<String>,
    /// What the server logs to stderr [default: warn]
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

/// Takes the tour; any step that does not give what it should makes the exit code 1.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let scratch = Scratch::make()?;
    let flags = ConfigFlags {
        base: Some(scratch.base().display().to_string()),
        python: args.python,
        sandbox: args.sandbox,
        log: args.log,
        ..ConfigFlags::default()
    };
    // A configuration that is wrong is reported here, not as a server that does not answer.
    flags.resolve(&Environment::of_process())?;
    let runtime = engine::runtime()?;
    let failed = runtime.block_on(take_tour(&flags, &scratch))?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn take_tour(flags: &ConfigFlags, scratch: &Scratch) -> anyhow::Result<usize> {
    let mut client = Client::connect(flags).await?;
    print::stdout(&client.greeting().await?)?;
    let steps = tour::steps(scratch)?;
    let mut memory = tour::Memory::default();
    let mut failed = 0;
    for (index, step) in steps.iter().enumerate() {
        print::stdout(&format!("\n== {} of {}: {}\n   {}\n", index + 1, steps.len(), step.title, step.why))?;
        let arguments = (step.arguments)(&memory);
        print::stdout(&shown_call(step.tool, &arguments))?;
        let reply = client.call(step.tool, arguments).await?;
        print::stdout(&shown_reply(&reply))?;
        match (step.check)(&reply, &mut memory) {
            Ok(seen) => print::stdout(&format!("   ok: {seen}\n"))?,
            Err(missed) => {
                failed += 1;
                print::stdout(&format!("   FAILED: {missed}\n"))?;
            }
        }
    }
    client.leave().await?;
    let ending = match failed {
        0 => format!("\nAll {} steps gave what they should.\n", steps.len()),
        _ => format!("\n{failed} of {} steps did not give what they should.\n", steps.len()),
    };
    print::stdout(&ending)?;
    Ok(failed)
}

/// What a client gets for one call.
#[derive(Debug, Default)]
pub(super) struct Reply {
    /// The text blocks, joined.
    text: String,
    /// Media types of the images.
    images: Vec<String>,
    /// Whether the call is marked as failed.
    is_error: bool,
    /// The whole structure, `_meta["actwright/run"]`; null when there is none.
    run: Value,
}

impl From<CallToolResult> for Reply {
    fn from(result: CallToolResult) -> Self {
        let mut reply = Self { is_error: result.is_error == Some(true), ..Self::default() };
        for block in result.content {
            match block {
                ContentBlock::Text(text) => reply.text.push_str(&text.text),
                ContentBlock::Image(image) => reply.images.push(image.mime_type),
                _ => {}
            }
        }
        let run = result.meta.as_ref().and_then(|meta| meta.0.get("actwright/run"));
        reply.run = run.cloned().unwrap_or(Value::Null);
        reply
    }
}

/// A client's end of the connection, and the server that it started.
struct Client {
    service: RunningService<RoleClient, ()>,
    server: Child,
}

impl Client {
    async fn connect(flags: &ConfigFlags) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot tell where this program lies")?;
        let mut server = Command::new(program)
            .args(serve_arguments(flags))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the server")?;
        let (Some(input), Some(output)) = (server.stdin.take(), server.stdout.take()) else {
            bail!("the server has no stdin or stdout");
        };
        let service = tokio::time::timeout(PATIENCE, ().serve((output, input))).await;
        let service = service.context("the server did not answer")?.context("the server did not start")?;
        Ok(Self { service, server })
    }

    async fn greeting(&self) -> anyhow::Result<String> {
        let tools = self.service.list_all_tools().await.context("the server did not list its tools")?;
        let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_ref()).collect();
        let revision = self.service.peer_info().map(|info| info.protocol_version.to_string());
        Ok(format!(
            "Started `actwright serve` and connected as an MCP client.\nprotocol: {}\ntools: {}\n",
            revision.unwrap_or_else(|| "unknown".into()),
            names.join(", "),
        ))
    }

    async fn call(&mut self, tool: &'static str, arguments: Value) -> anyhow::Result<Reply> {
        let mut request = CallToolRequestParams::new(tool);
        if let Value::Object(arguments) = arguments {
            request = request.with_arguments(arguments);
        }
        let result = tokio::time::timeout(PATIENCE, self.service.call_tool(request)).await;
        let result = result.with_context(|| format!("`{tool}` did not answer in {PATIENCE:?}"))?;
        Ok(result.with_context(|| format!("`{tool}` was refused"))?.into())
    }

    /// Closes the connection; the server ends by itself, as it does when any client leaves.
    async fn leave(mut self) -> anyhow::Result<()> {
        drop(self.service.cancel().await);
        let status = tokio::time::timeout(PATIENCE, self.server.wait()).await;
        let status = status.context("the server did not end when its client left")??;
        if !status.success() {
            bail!("the server ended with {status}");
        }
        Ok(())
    }
}

fn serve_arguments(flags: &ConfigFlags) -> Vec<String> {
    let pairs = [
        ("--base", &flags.base),
        ("--python", &flags.python),
        ("--sandbox", &flags.sandbox),
        ("--log", &flags.log),
    ];
    let given = pairs.into_iter().filter_map(|(flag, value)| Some([flag.to_owned(), value.clone()?]));
    // The tour is over before a model could be fetched.
    let fixed = ["serve", "--model", "none"].map(str::to_owned);
    fixed.into_iter().chain(given.flatten()).collect()
}

fn shown_call(tool: &str, arguments: &Value) -> String {
    let mut arguments = arguments.clone();
    let code = arguments.as_object_mut().and_then(|map| map.shift_remove("code"));
    let rest = match arguments {
        Value::Object(map) if map.is_empty() => String::new(),
        rest => format!(" {rest}"),
    };
    let mut text = format!("\n   call {tool}{rest}\n");
    if let Some(Value::String(code)) = code {
        text.push_str(&framed(&code));
    }
    text
}

fn shown_reply(reply: &Reply) -> String {
    let kind = if reply.is_error { "isError: true, " } else { "" };
    let mut text = format!("   the client got ({kind}{} characters)\n", reply.text.chars().count());
    text.push_str(&framed(&reply.text));
    for image in &reply.images {
        text.push_str(&format!("   | [image: {image}]\n"));
    }
    text
}

/// Lines with a bar before them; the middle of a long text is left out.
fn framed(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let half = SHOWN_LINES / 2;
    let bar = |line: &&str| format!("   | {line}\n");
    if lines.len() <= SHOWN_LINES {
        return lines.iter().map(bar).collect();
    }
    let left_out = format!("   : ({} lines are not shown here)\n", lines.len() - 2 * half);
    let head: String = lines[..half].iter().map(bar).collect();
    let tail: String = lines[lines.len() - half..].iter().map(bar).collect();
    head + &left_out + &tail
}

/// Arguments of `run_code`.
fn code(source: &str) -> Value {
    json!({ "code": source.trim_end() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_head_and_tail() {
        let text: String = (0..100).map(|number| format!("{number}\n")).collect();
        let shown = framed(&text);
        assert!(shown.starts_with("   | 0\n") && shown.ends_with("   | 99\n"), "{shown}");
        assert!(shown.contains("(76 lines are not shown here)"), "{shown}");
    }

    #[test]
    fn the_code_of_a_call_is_shown_as_code() {
        let shown = shown_call("run_code", &json!({"code": "1 + 1", "timeout": 1}));
        assert_eq!(shown, "\n   call run_code {\"timeout\":1}\n   | 1 + 1\n");
    }
}
