//! A finished run in the form a terminal wants: value on stdout, everything about it on stderr.
//!
//! The cell's own output is not here: it was written as it came.

use std::io::{self, Write};

use crate::outputs::Stream;
use crate::session::report::{CellError, Display, RunEvent, RunReport, SessionState};

/// Writes to stdout. A reader that has left is not an error of ours.
pub fn stdout(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    quietly(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Writes to stderr under the same rule.
pub fn stderr(text: &str) -> io::Result<()> {
    quietly(io::stderr().lock().write_all(text.as_bytes()))
}

fn quietly(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Shows one event of a running cell.
pub fn event(event: &RunEvent) -> io::Result<()> {
    match event {
        RunEvent::Started { .. } => Ok(()),
        RunEvent::Output { stream: Stream::Stdout, text } => stdout(text),
        RunEvent::Output { stream: Stream::Stderr, text } => stderr(text),
        RunEvent::Progress { done, total: Some(total), message } => {
            stderr(&format!("[{done} of {total}] {message}\n"))
        }
        RunEvent::Progress { done, total: None, message } => stderr(&format!("[{done}] {message}\n")),
    }
}

/// Shows how a run ended.
pub fn ending(report: &RunReport) -> io::Result<()> {
    for display in &report.displays {
        stderr(&display_line(display))?;
    }
    if let Some(value) = &report.value {
        stdout(&format!("{}\n", value.repr))?;
    }
    if let Some(error) = &report.error {
        stderr(&error_text(error))?;
    }
    for note in &report.notes {
        stderr(&format!("note: {note}\n"))?;
    }
    if report.state == SessionState::RolledBack {
        stderr("note: the session was rolled back; its variables are as before the cell\n")?;
    }
    if report.state == SessionState::Reset {
        stderr("note: the session's variables are gone; the next cell starts with none\n")?;
    }
    Ok(())
}

/// The traceback and the hints. An exit with a code says nothing, as in a shell.
fn error_text(error: &CellError) -> String {
    if let Some(code) = error.exit_code {
        let silent = error.message.is_empty() || error.message == code.to_string() || error.message == "None";
        return if silent { String::new() } else { format!("{}\n", error.message) };
    }
    let mut text = match error.traceback.trim_end() {
        "" => format!("{}: {}\n", error.type_name, error.message),
        traceback => format!("{traceback}\n"),
    };
    for hint in &error.hints {
        text.push_str(&format!("hint: {hint}\n"));
    }
    text
}

fn display_line(display: &Display) -> String {
    let forms: Vec<String> = display
        .forms
        .iter()
        .map(|(media_type, bytes)| format!("{media_type}, {} bytes", bytes.len()))
        .collect();
    format!("[shown: {}]\n", forms.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_with_a_code_is_silent_and_one_with_words_is_not() {
        let exit = |message: &str, code| {
            let error = CellError { message: message.into(), exit_code: Some(code), ..CellError::default() };
            error_text(&error)
        };
        assert_eq!(exit("3", 3), "");
        assert_eq!(exit("None", 0), "");
        assert_eq!(exit("no input", 1), "no input\n");
    }

    #[test]
    fn an_error_ends_with_its_hints() {
        let error = CellError {
            type_name: "NameError".into(),
            message: "name 'x' is not defined".into(),
            hints: vec!["similar: y".into()],
            ..CellError::default()
        };
        assert_eq!(error_text(&error), "NameError: name 'x' is not defined\nhint: similar: y\n");
    }
}
