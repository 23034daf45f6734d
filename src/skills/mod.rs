//! Skills: saved Python workflows, read here and never run. A library of three sources: files, the store, and those that come
//! with the program; of one name the first of them wins and says what it hides.
//!
//! Nothing in here knows of sessions or of MCP. A session asks for a source and runs it; what came of it is told back.

mod agent;
mod bundled;
mod error;
mod files;
mod finding;
mod harvest;
mod invocation;
mod library;
mod meaning;
mod name;
mod proof;
mod ran;
mod saving;
mod shape;
mod skill;
mod source;
pub mod trial;
mod uses;

pub use agent::{Rendered, agent_name, render};
pub use error::SkillError;
pub use files::{Directory, directory_of};
pub use finding::{Answer, Hit, Semantic, Spent};
pub use invocation::{Gives, invocation};
pub use library::{Page, Skills};
pub use meaning::{Meanings, meaning as content_of};
pub use name::{NameError, SkillName};
pub use proof::{
    Answers, Behalf, Known, Manner, Played, Proof, Run, Stage, Staged, State, Task, Trial, Verdict,
};
pub use ran::{Calls, Cell, Ran, Which};
pub use saving::{Creation, Saved};
pub use shape::{Parameter, Shape};
pub use skill::{Event, Origin, Skill, Trouble};
pub use source::{Metadata, SourceError, needed};
pub use uses::{Outcome, Uses};

#[cfg(test)]
mod tests;
