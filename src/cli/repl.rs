//! `actwright repl`: a session, line by line.
//!
//! Ctrl-C at the prompt drops the line; at a running cell it cancels the cell and keeps the session.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Editor, Helper};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::continuation::{Input, look};
use super::flags::ConfigFlags;
use super::{engine, error, print, run};
use crate::config::env::Environment;
use crate::config::units::Span;
use crate::names::SessionId;
use crate::nearest::nearest;
use crate::session::report::{Keep, RunMode, RunRequest, Target};
use crate::session::{Phase, Sessions};

/// The most twins that `:fork` makes at once.
const MAX_TWINS: usize = 8;

const HISTORY: &str = "repl_history";
const COMMANDS: [&str; 8] = ["help", "undo", "fork", "session", "reset", "sessions", "timeout", "quit"];
const HELP: &str = "\
Python goes to the session; a block ends with an empty line. Ctrl-C cancels a running cell, Ctrl-D leaves.
  :undo [N]     take the variables back to before the last cell, or the last N
  :fork [N]     give the session a live twin, or N of them, to try variants side by side
  :session S    go to another session, by its handle or how that begins; alone, say which one this is
  :reset        start again with no variables
  :sessions     list the sessions of this program
  :timeout N    let cells run N seconds (or 5m); alone, say how long they may run
  :quit         leave
";

/// `actwright repl`
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    config: ConfigFlags,
}

/// Reads, runs and prints until the end of input.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let resolved = args.config.resolve(&Environment::of_process())?;
    let config = Arc::new(resolved.config);
    let runtime = engine::runtime()?;
    let sessions = runtime.block_on(async { engine::few_sessions(&config) })?;
    let history = config.base.join(HISTORY);
    let mut editor: Editor<Prompt, FileHistory> = Editor::new().context("cannot use this terminal")?;
    editor.set_helper(Some(Prompt));
    // The first start has no history file.
    drop(editor.load_history(&history));

    let mut repl = Repl {
        sessions,
        session: None,
        runtime,
        timeout: config.limits.timeout,
        longest: config.limits.max_timeout,
    };
    print::stderr("actwright, Python in a sandbox. :help says what can be typed, Ctrl-D leaves.\n")?;
    let ended = repl.talk(&mut editor);
    if let Err(error) = editor.save_history(&history) {
        tracing::warn!("the history could not be saved: {error}");
    }
    repl.runtime.block_on(repl.sessions.shutdown());
    ended.map(|()| ExitCode::SUCCESS)
}

struct Repl {
    sessions: Sessions,
    /// The session that lines go to; `None` is the default one.
    session: Option<SessionId>,
    runtime: Runtime,
    timeout: Duration,
    longest: Duration,
}

/// What the person wants after a line.
enum Next {
    Go,
    Leave,
}

impl Repl {
    fn talk(&mut self, editor: &mut Editor<Prompt, FileHistory>) -> anyhow::Result<()> {
        loop {
            let text = match editor.readline(">>> ") {
                Ok(text) => text,
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => return Ok(()),
                Err(error) => return Err(error).context("cannot read from this terminal"),
            };
            if text.trim().is_empty() {
                continue;
            }
            drop(editor.add_history_entry(text.trim_end()));
            let next = match text.trim().strip_prefix(':') {
                Some(command) => self.command(command)?,
                None => self.cell(text)?,
            };
            if matches!(next, Next::Leave) {
                return Ok(());
            }
        }
    }

    /// Runs a cell. Nothing that happens to it ends the conversation.
    fn cell(&mut self, code: String) -> anyhow::Result<Next> {
        let cancel = CancellationToken::new();
        let request =
            RunRequest { code, timeout: Some(self.timeout), mode: RunMode::Execute, keep: Keep::Effects };
        let report = self.runtime.block_on(async {
            let watch = tokio::spawn(run::interrupt(cancel.clone()));
            let target = self.session.clone().map_or(Target::Default, Target::Named);
            let report = run::run_shown(&self.sessions, target, request, cancel).await;
            watch.abort();
            report
        });
        match report {
            Ok(report) => print::ending(&report)?,
            Err(failure) => error::report(&failure),
        }
        Ok(Next::Go)
    }

    fn command(&mut self, command: &str) -> anyhow::Result<Next> {
        let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
        match (name, rest.trim()) {
            ("quit" | "q" | "exit", _) => return Ok(Next::Leave),
            ("help" | "h" | "?", _) => print::stderr(HELP)?,
            ("reset", _) => match self.runtime.block_on(self.sessions.reset(self.session.as_ref())) {
                Ok(_) => print::stderr("the session starts again with no variables\n")?,
                Err(failure) => error::report(&failure.into()),
            },
            ("undo", steps) => self.undo(steps)?,
            ("fork", twins) => self.fork(twins)?,
            ("session", name) => self.go_to(name)?,
            ("sessions", _) => self.list()?,
            ("timeout", "") => print::stderr(&format!("cells may run {:?}\n", self.timeout))?,
            ("timeout", text) => self.set_timeout(text)?,
            _ => {
                let hint = match nearest(name, COMMANDS) {
                    Some(near) => format!("did you mean `:{near}`?"),
                    None => ":help lists the commands".into(),
                };
                error::report(&error::hinted(format!("no command `:{name}`"), hint));
            }
        }
        Ok(Next::Go)
    }

    fn undo(&self, steps: &str) -> anyhow::Result<()> {
        let steps = if steps.is_empty() { Ok(1) } else { steps.parse::<usize>() };
        let Ok(steps @ 1..) = steps else {
            error::report(&error::hinted("`:undo` takes how many cells to undo", ":undo 2"));
            return Ok(());
        };
        match self.runtime.block_on(self.sessions.undo(self.session.as_ref(), steps)) {
            Ok((_, left)) => {
                print::stderr(&format!("the variables are as before; {left} more can be undone\n"))?
            }
            Err(failure) => error::report(&failure.into()),
        }
        Ok(())
    }

    fn fork(&self, twins: &str) -> anyhow::Result<()> {
        let twins = if twins.is_empty() { Ok(1) } else { twins.parse::<usize>() };
        let Ok(twins @ 1..=MAX_TWINS) = twins else {
            let message = format!("`:fork` takes how many twins to make, at most {MAX_TWINS}");
            error::report(&error::hinted(message, ":fork 2"));
            return Ok(());
        };
        match self.runtime.block_on(self.sessions.fork(self.session.as_ref(), twins)) {
            Ok(fork) => {
                for twin in &fork.twins {
                    print::stderr(&format!("{twin}\n"))?;
                }
                print::stderr(&format!("{} goes on too; `:session S` goes to one of them\n", fork.id))?;
                if !fork.lost.is_empty() {
                    let lost = fork.lost.join(", ");
                    print::stderr(&format!("none of them has these open descriptors any more: {lost}\n"))?;
                }
            }
            Err(failure) => error::report(&failure.into()),
        }
        Ok(())
    }

    fn go_to(&mut self, name: &str) -> anyhow::Result<()> {
        let sessions = self.sessions.list();
        if name.is_empty() {
            let here = match &self.session {
                Some(id) => Some(id),
                None => sessions.iter().find(|session| session.is_default).map(|session| &session.id),
            };
            let words =
                here.map_or("no session yet: the first cell makes one".to_owned(), ToString::to_string);
            print::stderr(&format!("{words}\n"))?;
            return Ok(());
        }
        let begins = sessions.iter().filter(|session| session.id.as_str().starts_with(name));
        match begins.map(|session| session.id.clone()).collect::<Vec<_>>().as_slice() {
            [id] => self.session = Some(id.clone()),
            [] => error::report(&error::hinted(format!("no session `{name}`"), ":sessions lists them")),
            several => {
                let message = format!("{} sessions begin with `{name}`", several.len());
                error::report(&error::hinted(message, "more of the handle tells them apart"));
            }
        }
        Ok(())
    }

    fn list(&self) -> anyhow::Result<()> {
        let sessions = self.sessions.list();
        if sessions.is_empty() {
            print::stderr("no session yet: the first cell makes one\n")?;
        }
        for session in sessions {
            let phase = match session.phase {
                Phase::Idle => "idle",
                Phase::Running => "running",
                Phase::Reset => "reset",
            };
            let (id, cells, age) = (session.id, session.cells, session.age.as_secs());
            print::stderr(&format!("{id}  {phase}  {cells} cells  {age} s old\n"))?;
        }
        Ok(())
    }

    fn set_timeout(&mut self, text: &str) -> anyhow::Result<()> {
        match text.parse::<Span>() {
            Ok(span) if !span.0.is_zero() && span.0 <= self.longest => {
                self.timeout = span.0;
                print::stderr(&format!("cells may run {:?}\n", span.0))?;
            }
            Ok(_) => {
                let message = format!("`{text}` is not more than 0 and at most {:?}", self.longest);
                error::report(&error::hinted(message, "`limits.max_timeout` is the longest"));
            }
            Err(failure) => error::report(&failure.into()),
        }
        Ok(())
    }
}

/// The line editor's view of Python: whether Enter runs the text or opens another line.
struct Prompt;

impl Validator for Prompt {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = context.input();
        let whole = text.trim_start().starts_with(':') || look(text) == Input::Whole;
        Ok(if whole { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Completer for Prompt {
    type Candidate = String;
}
impl Hinter for Prompt {
    type Hint = String;
}
impl Highlighter for Prompt {}
impl Helper for Prompt {}
