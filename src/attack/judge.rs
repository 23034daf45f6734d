//! From what an attempt and its control did to a verdict. Pure.

use serde::Serialize;

use super::catalogue::{Attempt, Needs};
use super::stage::{Outcome, Performed};
use crate::config::SandboxLevel;

/// How an attempt came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It works outside and was refused inside, by what should refuse it.
    Held,
    /// It got through, or did harm.
    Escaped,
    /// The control did not work, or something else refused it: nothing is proven.
    Inconclusive,
    /// This machine or this user has nothing to attack there, with or without a sandbox.
    Absent,
}

impl Verdict {
    /// The word for a table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Escaped => "ESCAPED",
            Self::Inconclusive => "inconclusive",
            Self::Absent => "absent",
        }
    }
}

/// Everything that is known of an attempt.
#[derive(Debug)]
pub struct Account<'a> {
    /// The attempt.
    pub attempt: &'a Attempt,
    /// Where it was performed.
    pub level: SandboxLevel,
    /// Outside.
    pub control: &'a Performed,
    /// Inside.
    pub inside: &'a Performed,
    /// What the canaries say of it.
    pub touched: Option<String>,
}

/// The verdict, and in a word what refused it or what went wrong.
pub fn judge(account: &Account<'_>) -> (Verdict, String) {
    let inside = &account.inside.outcome;
    if let Some(touched) = &account.touched {
        return (Verdict::Escaped, touched.clone());
    }
    if let Some(harm) = &account.inside.harm {
        return (Verdict::Escaped, harm.clone());
    }
    match (&account.control.outcome, inside) {
        // Through is through, whatever the control did.
        (_, Outcome::Done(evidence)) => (Verdict::Escaped, evidence.clone()),
        (Outcome::Absent(why), _) => (Verdict::Absent, why.clone()),
        (Outcome::Refused(by), _) if account.attempt.needs == Needs::Rights => {
            (Verdict::Absent, format!("refused to this server too: {by}"))
        }
        (Outcome::Refused(by), _) => (Verdict::Inconclusive, format!("outside it was refused too: {by}")),
        (Outcome::Done(_), Outcome::Refused(by)) => refused(account, by),
        (Outcome::Done(_), Outcome::Absent(why)) => (Verdict::Inconclusive, why.clone()),
    }
}

fn refused(account: &Account<'_>, by: &str) -> (Verdict, String) {
    let expected = account.attempt.expected(account.level);
    if expected.split(" or ").any(|word| word == by) {
        (Verdict::Held, by.to_owned())
    } else {
        (Verdict::Inconclusive, format!("refused by {by}, expected {expected}"))
    }
}

#[cfg(test)]
mod tests;
