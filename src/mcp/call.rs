//! The tools at work: arguments in, a result for the model out.

use std::fmt::Write as _;
use std::task::Poll;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{CallToolResult, JsonObject};
use rmcp::service::RequestContext;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::arguments::{Address, ArgumentError, Arguments, Choice, MAX_OUTPUT};
use super::artifacts;
use super::catalog::{self, Detail};
use super::library;
use super::packages;
use super::progress::{self, Listener};
use super::render::{self, Structured};
use super::server::Server;
use super::tools::{MAX_STEPS, MAX_TOOLS, MAX_TWINS, ToolName};
use super::turns::Turn;
use crate::config::Config;
use crate::names::SessionId;
use crate::outputs::{GrepResult, Page, Part, PatternKind, ReadError};
use crate::session::report::{Keep, RunEvent, RunMode, RunRequest, Target};
use crate::session::{Fork, Phase, SessionSummary};
use crate::tools::Watch;

/// Characters of a page when the call names no number.
const PAGE: u64 = 8_000;

/// Lines of a search when the call names no number.
const HITS: u64 = 100;

/// A call whose arguments are read.
#[derive(Debug)]
pub(super) enum Call {
    /// `run_code`.
    Run {
        /// Whose cell it is.
        target: Target,
        /// What to run.
        request: RunRequest,
        /// Characters to show.
        budget: u64,
    },
    /// `read_output`, a page.
    Read {
        /// Which text.
        address: Address,
        /// First character.
        offset: u64,
        /// How many.
        limit: u64,
    },
    /// `read_output`, a search.
    Grep {
        /// Which text.
        address: Address,
        /// What to look for.
        pattern: String,
        /// Matches to skip.
        skip: u64,
        /// Matches to show.
        show: u64,
    },
    /// `list_sessions`.
    List,
    /// `undo_run`.
    Undo {
        /// In which session.
        session: Option<SessionId>,
        /// How many cells.
        steps: usize,
    },
    /// `fork_session`.
    Fork {
        /// Which session.
        session: Option<SessionId>,
        /// How many twins.
        twins: usize,
    },
    /// `reset_session`.
    Reset(Option<SessionId>),
    /// `close_session`.
    Close(Option<SessionId>),
    /// `search_tools`.
    SearchTools {
        /// What it should do.
        query: String,
        /// How many to show.
        limit: usize,
        /// How much of each.
        detail: Detail,
    },
    /// `list_tools`, a page.
    ListTools {
        /// Only this namespace.
        server: Option<String>,
        /// Tools to skip.
        skip: usize,
        /// Tools to show.
        show: usize,
    },
    /// One of the library of skills.
    Skills(library::Request),
    /// One of the tools of artifacts.
    Artifacts(artifacts::Request),
    /// One of the tools of packages.
    Packages(packages::Request),
    /// `call_tool`.
    Tool {
        /// Which.
        name: String,
        /// With what.
        arguments: JsonObject,
    },
}

impl Call {
    /// Reads the arguments of a call of `tool`.
    pub(super) fn read(tool: ToolName, given: &JsonObject, config: &Config) -> Result<Self, ArgumentError> {
        let arguments = Arguments::new(tool.as_str(), tool.arguments(), given)?;
        match tool {
            ToolName::RunCode => Self::read_run(&arguments, config),
            ToolName::ReadOutput => Self::read_page(&arguments),
            ToolName::ListSessions => Ok(Self::List),
            ToolName::UndoRun => Ok(Self::Undo {
                session: arguments.session()?,
                steps: arguments.whole("steps", 1, MAX_STEPS)?.unwrap_or(1) as usize,
            }),
            ToolName::ForkSession => Ok(Self::Fork {
                session: arguments.session()?,
                twins: arguments.whole("n", 1, MAX_TWINS)?.unwrap_or(1) as usize,
            }),
            ToolName::ResetSession => arguments.session().map(Self::Reset),
            ToolName::CloseSession => arguments.session().map(Self::Close),
            ToolName::SearchTools => Ok(Self::SearchTools {
                query: arguments.text("query")?.to_owned(),
                limit: arguments.whole("limit", 1, MAX_TOOLS)?.unwrap_or(10) as usize,
                detail: arguments.word("detail", Detail::parse)?.unwrap_or(Detail::Signatures),
            }),
            ToolName::ListTools => Ok(Self::ListTools {
                server: arguments.optional_text("server")?.map(str::to_owned),
                skip: arguments.word("cursor", |cursor| cursor.parse().ok())?.unwrap_or(0),
                show: arguments.whole("limit", 1, MAX_TOOLS)?.unwrap_or(100) as usize,
            }),
            ToolName::SearchSkills
            | ToolName::ListSkills
            | ToolName::GetSkill
            | ToolName::CreateSkill
            | ToolName::InvokeSkill
            | ToolName::VerifySkill
            | ToolName::DeleteSkill => library::Request::read(tool, &arguments).map(Self::Skills),
            ToolName::SaveArtifact
            | ToolName::LoadArtifact
            | ToolName::ListArtifacts
            | ToolName::DeleteArtifact => artifacts::Request::read(tool, &arguments).map(Self::Artifacts),
            ToolName::AddDep | ToolName::ListDeps | ToolName::RemoveDep => {
                packages::Request::read(tool, &arguments).map(Self::Packages)
            }
            ToolName::CallTool => Ok(Self::Tool {
                name: arguments.text("name")?.to_owned(),
                arguments: arguments.object("arguments")?,
            }),
        }
    }

    /// Whether the call takes a place in a session's queue.
    fn is_ordered(&self) -> bool {
        match self {
            Self::Run { .. } | Self::Undo { .. } | Self::Fork { .. } | Self::Reset(_) | Self::Close(_) => {
                true
            }
            Self::Read { .. } | Self::Grep { .. } | Self::List => false,
            Self::SearchTools { .. } | Self::ListTools { .. } | Self::Tool { .. } => false,
            Self::Artifacts(_) | Self::Packages(_) => false,
            Self::Skills(request) => request.is_ordered(),
        }
    }

    fn read_run(arguments: &Arguments<'_>, config: &Config) -> Result<Self, ArgumentError> {
        let request = RunRequest {
            code: arguments.text("code")?.to_owned(),
            timeout: arguments.seconds("timeout", config.limits.max_timeout)?,
            mode: match arguments.choice("plan")? {
                Some(Choice::Yes) => RunMode::Plan,
                Some(Choice::No) | None => RunMode::Execute,
            },
            keep: match arguments.choice("keep")? {
                Some(Choice::No) => Keep::Nothing,
                Some(Choice::Yes) | None => Keep::Effects,
            },
        };
        let budget = arguments.whole("max_output", 1, MAX_OUTPUT)?;
        let target = arguments.target()?;
        Ok(Self::Run {
            target,
            request,
            budget: budget.unwrap_or(config.results.max_output as u64).min(MAX_OUTPUT),
        })
    }

    fn read_page(arguments: &Arguments<'_>) -> Result<Self, ArgumentError> {
        let address = arguments.address()?;
        let offset = arguments.whole("offset", 0, u64::MAX)?.unwrap_or(0);
        let limit = arguments.whole("limit", 1, MAX_OUTPUT)?;
        Ok(match arguments.optional_text("grep")? {
            None => Self::Read { address, offset, limit: limit.unwrap_or(PAGE) },
            Some(pattern) => {
                let show = limit.unwrap_or(HITS);
                Self::Grep { address, pattern: pattern.to_owned(), skip: offset, show }
            }
        })
    }
}

/// Does what the call asks. Whatever goes wrong is said in the result.
pub(super) async fn perform(
    server: &Server,
    call: Call,
    mut context: RequestContext<RoleServer>,
) -> CallToolResult {
    let turn = context.extensions.remove::<Turn>().filter(|_| call.is_ordered());
    match call {
        Call::Run { target, request, budget } => {
            in_turn(turn, run(server, target, request, budget, context)).await
        }
        Call::Read { address, offset, limit } => {
            match server.outputs.read(&address.id, address.part, offset, limit) {
                Ok(page) => render::plain(self::page(&address, &page)),
                Err(error) => unreadable(&error),
            }
        }
        Call::Grep { address, pattern, skip, show } => grep(server, address, pattern, skip, show).await,
        Call::List => render::plain(list(&server.sessions.list())),
        Call::Undo { session, steps } => {
            match in_turn(turn, server.sessions.undo(session.as_ref(), steps)).await {
                Ok((id, left)) => render::plain(format!(
                    "session {id}: {steps} cell(s) undone; its variables are as before; {left} more can be undone"
                )),
                Err(error) => render::refusal(&error),
            }
        }
        Call::Fork { session, twins } => {
            match in_turn(turn, server.sessions.fork(session.as_ref(), twins)).await {
                Ok(fork) => render::plain(self::twins(&fork)),
                Err(error) => render::refusal(&error),
            }
        }
        Call::Reset(id) => match in_turn(turn, server.sessions.reset(id.as_ref())).await {
            Ok(session) => render::plain(format!("session {} was reset: its variables are gone", session.id)),
            Err(error) => render::refusal(&error),
        },
        Call::SearchTools { query, limit, detail } => {
            catalog::search(server.sessions.tools(), &query, limit, detail).await
        }
        Call::ListTools { server: space, skip, show } => {
            catalog::list(server.sessions.tools(), space.as_deref(), skip, show).await
        }
        Call::Skills(request) => {
            // The turn is kept until the source is found, so that calls of one session stay in order.
            match library::perform(server, request).await {
                library::Done::Answered(result) => result,
                library::Done::ToRun { target, code } => {
                    in_turn(turn, invoke(server, target, code, context)).await
                }
            }
        }
        Call::Artifacts(request) => artifacts::perform(server, request).await,
        Call::Packages(request) => packages::perform(server, request).await,
        Call::Tool { name, arguments } => tool(server, &name, &arguments, context).await,
        Call::Close(id) => match in_turn(turn, server.sessions.close(id.as_ref())).await {
            Ok(id) => render::plain(format!("session {id} is closed")),
            Err(error) => render::refusal(&error),
        },
    }
}

/// What became of a fork, for the model.
fn twins(fork: &Fork) -> String {
    let mut text = format!(
        "session {} goes on, and {} beside it from the same state, with its own copy of /session and /tmp:",
        fork.id,
        if fork.twins.len() == 1 { "one twin" } else { "its twins" }
    );
    for twin in &fork.twins {
        text.push_str(&format!("\n{twin}"));
    }
    text.push_str("\nundo_run does not go back beyond this; random and numpy.random are seeded anew in each");
    if !fork.lost.is_empty() {
        text.push_str(&format!(
            "\n[note] none of them has these open descriptors any more: {}",
            fork.lost.join(", ")
        ));
    }
    text
}

/// Polls `work` once before giving up its turn, so that it stands in its session's queue when the next call
/// goes there.
async fn in_turn<F: Future>(turn: Option<Turn>, work: F) -> F::Output {
    let mut work = std::pin::pin!(work);
    if let Some(turn) = turn {
        turn.come().await;
        let first = std::future::poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await;
        drop(turn);
        if let Poll::Ready(output) = first {
            return output;
        }
    }
    work.await
}

/// Runs the cell that calls a skill, under the defaults of `run_code`.
async fn invoke(
    server: &Server,
    target: Target,
    code: String,
    context: RequestContext<RoleServer>,
) -> CallToolResult {
    let request = RunRequest { code, timeout: None, mode: RunMode::Execute, keep: Keep::Effects };
    let budget = (server.config.results.max_output as u64).min(MAX_OUTPUT);
    run(server, target, request, budget, context).await
}

async fn run(
    server: &Server,
    target: Target,
    request: RunRequest,
    budget: u64,
    context: RequestContext<RoleServer>,
) -> CallToolResult {
    let cancel = server.ended.child_token();
    let token = context.meta.get_progress_token();
    let (sender, receiver) = mpsc::channel(progress::QUEUE);
    let run = server.sessions.run(target, request, sender, cancel.clone());
    let run = forward_cancel(run, &context.ct, &cancel);
    let report = match token {
        Some(token) => progress::accompany(run, Listener::new(context.peer.clone(), token), receiver).await,
        None => {
            drop(receiver);
            run.await
        }
    };
    let structured = if server.config.results.structured { Structured::Yes } else { Structured::No };
    let report = match report {
        Ok(report) => report,
        Err(error) => return render::refusal(&error),
    };
    let rendered = if report.displays.is_empty() {
        render::run(&report, budget, structured)
    } else {
        // Images take tens of milliseconds to decode and scale, which other calls must not wait for.
        let render = tokio::task::spawn_blocking(move || render::run(&report, budget, structured));
        render.await.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    };
    rendered.unwrap_or_else(|error| unreadable(&error.into()))
}

async fn tool(
    server: &Server,
    name: &str,
    arguments: &JsonObject,
    context: RequestContext<RoleServer>,
) -> CallToolResult {
    let (sender, receiver) = mpsc::channel(progress::QUEUE);
    let watch = Watch::new(move |done, total, message| {
        // A full channel means that nobody reads fast enough.
        let _ = sender.try_send(RunEvent::Progress { done, total, message });
    });
    let ended = [&context.ct, &server.ended];
    let budget = server.config.results.max_output as u64;
    let call = catalog::call(server.sessions.tools(), name, arguments, budget, watch, &ended);
    match context.meta.get_progress_token() {
        Some(token) => progress::accompany(call, Listener::new(context.peer.clone(), token), receiver).await,
        None => call.await,
    }
}

/// Drives `run` to its end; the client's wish to stop reaches it by `cancel`.
async fn forward_cancel<F: Future>(
    run: F,
    wish: &CancellationToken,
    cancel: &CancellationToken,
) -> F::Output {
    let mut run = std::pin::pin!(run);
    tokio::select! {
        biased;
        output = &mut run => return output,
        () = wish.cancelled() => cancel.cancel(),
    }
    // The report of a cancelled cell still comes, and is waited for so that the session stays in order.
    run.await
}

async fn grep(server: &Server, address: Address, pattern: String, skip: u64, show: u64) -> CallToolResult {
    let outputs = server.outputs.clone();
    let (id, part) = (address.id.clone(), address.part);
    let search = tokio::task::spawn_blocking(move || {
        let found = outputs.grep(&id, part, &pattern, skip, show);
        found.map(|(part, found)| hits(&pattern, part, skip, &found))
    });
    match search.await {
        Ok(Ok(text)) => render::plain(text),
        Ok(Err(error)) => unreadable(&error),
        Err(error) => {
            tracing::error!(%error, "a search failed");
            render::refusal(&"the search failed; read the output page by page instead")
        }
    }
}

fn unreadable(error: &ReadError) -> CallToolResult {
    if let ReadError::Io(cause) = error {
        tracing::error!(%cause, "a kept output could not be read");
    }
    render::refusal(error)
}

fn page(address: &Address, page: &Page) -> String {
    let (id, part, total) = (&address.id, page.part, page.total);
    if total == 0 {
        return "(no output)".to_owned();
    }
    let end = page.offset + page.text.chars().count() as u64;
    let name = if part == Part::Output { id.to_string() } else { format!("{id}/{}", part.name()) };
    let next = match page.next {
        Some(next) => format!("next: read_output(id=\"{name}\", offset={next})"),
        None => "this is the end".to_owned(),
    };
    format!("[{} characters {}-{end} of {total}; {next}]\n{}", part.name(), page.offset, page.text)
}

fn hits(pattern: &str, part: Part, skip: u64, found: &GrepResult) -> String {
    let kind = match found.reading {
        PatternKind::Regex => "",
        PatternKind::Plain => " (as plain text: it is no valid regex)",
    };
    let shown = found.hits.len() as u64;
    let pattern: String = pattern.chars().take(200).collect();
    let mut text =
        format!("[{} of {} lines of {} match `{pattern}`{kind}", found.matches, found.lines, part.name());
    // Writing to a string cannot fail.
    if shown < found.matches {
        let _ = write!(text, "; matches {skip}-{} are shown", skip + shown);
        if skip + shown < found.matches {
            let _ = write!(text, ", next: offset={}", skip + shown);
        }
    }
    text.push(']');
    let mut room = MAX_OUTPUT as usize;
    for hit in &found.hits {
        let line = format!("\n{}: {}", hit.line, hit.text);
        room = room.saturating_sub(line.len());
        if room == 0 {
            let _ = write!(text, "\n[… cut here; ask for fewer lines …]");
            break;
        }
        text.push_str(&line);
    }
    text
}

fn list(sessions: &[SessionSummary]) -> String {
    if sessions.is_empty() {
        return "no sessions; run_code starts one".to_owned();
    }
    let lines = sessions.iter().map(|session| {
        let phase = match session.phase {
            Phase::Idle => "idle",
            Phase::Running => "running",
            Phase::Reset => "reset, starts empty at its next run",
        };
        let default = if session.is_default { " (default)" } else { "" };
        let queued = match session.queued {
            0 => String::new(),
            1 => ", 1 call waiting".to_owned(),
            waiting => format!(", {waiting} calls waiting"),
        };
        let (age, idle) = (span(session.age), span(session.idle));
        format!(
            "{}{default}: {phase}, {} cells, made {age} ago, idle {idle}{queued}",
            session.id, session.cells
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3_600),
    }
}
