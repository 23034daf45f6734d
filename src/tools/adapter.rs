//! What every source of tools can do: say what it has, and perform a call.
//!
//! An adapter owns one namespace. It knows neither who calls nor what becomes of the result, and it never waits for
//! anything while it is asked what it knows already.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

use super::arguments::Arguments;
use super::call::Watch;
use super::entry::Raw;
use super::failure::Failure;
use super::output::Output;
use crate::config::Order;

/// A future that somebody else polls.
pub type Task<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One source of tools.
pub trait Adapter: fmt::Debug + Send + Sync {
    /// What kind of source it is.
    fn kind(&self) -> Kind;

    /// What the namespace is for.
    fn description(&self) -> String;

    /// What it has. With [`Patience::Start`] a source that has to be started is, and this waits for it within its own
    /// bound of time.
    fn listing(&self, patience: Patience) -> Task<'_, Listing>;

    /// The generation of what is known now; cheap, for every call asks.
    fn generation(&self) -> u64;

    /// Whether it takes one call at a time.
    fn order(&self) -> Order {
        Order::Parallel
    }

    /// Performs one call of the tool that its source calls `name`; `None` is the namespace itself. The arguments were
    /// checked. Dropping the future cancels the call.
    fn call<'a>(
        &'a self,
        name: Option<&'a str>,
        arguments: Arguments,
        watch: Watch,
    ) -> Task<'a, Result<Output, Failure>>;

    /// Something beside tools that the source offers: resources and prompts of an upstream.
    fn extra<'a>(&'a self, request: Extra) -> Task<'a, Result<Output, Failure>> {
        Box::pin(async move {
            Err(Failure::unavailable(format!(
                "this namespace has no {}; only MCP servers do",
                request.noun()
            )))
        })
    }

    /// Ends what the source has started; returns when nothing is left of it.
    fn end(&self) -> Task<'_, ()> {
        Box::pin(async {})
    }
}

/// Kinds of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A command line program.
    Command,
    /// An MCP server.
    Mcp,
    /// A REST API.
    Rest,
}

impl Kind {
    /// The kind with this word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Command, Self::Mcp, Self::Rest].into_iter().find(|kind| kind.word() == word)
    }

    /// The word for lists.
    pub fn word(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Mcp => "mcp",
            Self::Rest => "rest",
        }
    }
}

/// Whether to start what has not been started yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Only what is known now.
    Known,
    /// Start and wait.
    Start,
}

/// What a source has.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Its tools, in its own order.
    pub tools: Arc<Vec<Raw>>,
    /// Whether the namespace itself can be called, and as what.
    pub root: Option<Arc<Raw>>,
    /// Whether it can be used.
    pub state: State,
    /// Raised whenever the tools have changed.
    pub generation: u64,
}

/// Whether a source can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It can.
    Ready,
    /// It has not been started yet; a call starts it.
    Idle,
    /// It is being started; a call waits for it.
    Starting,
    /// It can't, for this reason.
    Failed(String),
}

/// A request for something beside tools.
#[derive(Debug, Clone)]
pub enum Extra {
    /// The resources there are.
    ListResources,
    /// One resource's content.
    ReadResource {
        /// Its address.
        uri: String,
    },
    /// The prompts there are.
    ListPrompts,
    /// One prompt's messages.
    GetPrompt {
        /// Its name.
        name: String,
        /// Its arguments.
        arguments: serde_json::Map<String, Value>,
    },
}

impl Extra {
    /// What code calls it, behind the namespace.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ListResources => "resources.list",
            Self::ReadResource { .. } => "resources.read",
            Self::ListPrompts => "prompts.list",
            Self::GetPrompt { .. } => "prompts.get",
        }
    }

    /// What it is given, as arguments.
    pub fn arguments(&self) -> Arguments {
        let values = match self {
            Self::ListResources | Self::ListPrompts => serde_json::Map::new(),
            Self::ReadResource { uri } => [("uri".to_owned(), uri.as_str().into())].into_iter().collect(),
            Self::GetPrompt { name, arguments } => {
                let given = Value::Object(arguments.clone());
                [("name".to_owned(), name.as_str().into()), ("arguments".to_owned(), given)]
                    .into_iter()
                    .collect()
            }
        };
        Arguments { values, ..Arguments::default() }
    }

    fn noun(&self) -> &'static str {
        match self {
            Self::ListResources | Self::ReadResource { .. } => "resources",
            Self::ListPrompts | Self::GetPrompt { .. } => "prompts",
        }
    }
}
