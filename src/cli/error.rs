//! How an error is shown to the person at the keyboard: one line, its causes, then `hint:`.
//!
//! The text goes to stderr, always; stdout belongs to results, and in `serve` to MCP.

use std::io::Write;

use crate::config::ConfigError;

/// An error of the command line itself, with the way out.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Hinted {
    message: String,
    hint: String,
}

/// An error with a hint.
pub fn hinted(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    Hinted { message: message.into(), hint: hint.into() }.into()
}

/// Prints an error. A stderr that is closed is no reason to fail in another way.
pub fn report(error: &anyhow::Error) {
    drop(std::io::stderr().lock().write_all(render(error).as_bytes()));
}

/// The same in one line, for those who see no stderr.
pub fn in_one_line(error: &anyhow::Error) -> String {
    let text = render(error);
    let text = text.trim_start_matches("error: ").trim_end();
    text.lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

fn render(error: &anyhow::Error) -> String {
    let mut text = format!("error: {error}\n");
    let mut last = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Some messages repeat their cause already.
        if !last.contains(&cause) {
            text.push_str(&format!("  caused by: {cause}\n"));
        }
        last = cause;
    }
    for hint in error.chain().filter_map(hint_of) {
        text.push_str(&format!("hint: {hint}\n"));
    }
    text
}

fn hint_of<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a str> {
    if let Some(error) = cause.downcast_ref::<ConfigError>() {
        return error.hint();
    }
    cause.downcast_ref::<Hinted>().map(|hinted| hinted.hint.as_str())
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn message_causes_and_hint_each_on_a_line() {
        let denied = std::io::Error::other("permission denied");
        let error = Err::<(), _>(denied).context("cannot read `x.py`").unwrap_err();
        assert_eq!(render(&error), "error: cannot read `x.py`\n  caused by: permission denied\n");
        let error = hinted("no such thing", "look elsewhere");
        assert_eq!(render(&error), "error: no such thing\nhint: look elsewhere\n");
    }
}
