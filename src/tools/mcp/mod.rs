//! Upstream MCP servers as namespaces: started when first needed, contained when they misbehave, never left behind.
//!
//! One server is one `Upstream`. Its connection is made under a lock by whoever needs it first; what it has is remembered,
//! so that a server that is down still shows its tools.

mod content;
mod entry;
mod handler;
mod http;
mod link;
mod sse;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::model::{
    CallToolRequestParams, ClientRequest, GetPromptRequestParams, PaginatedRequestParams,
    ReadResourceRequestParams, Request, ServerResult,
};
use rmcp::service::{PeerRequestOptions, RequestHandle, ServiceError};
use serde_json::Value;
use tokio::time::timeout;

use super::adapter::{Adapter, Extra, Kind, Listing, Patience, State, Task};
use super::arguments::Arguments;
use super::call::Watch;
use super::entry::{Hints, Raw};
use super::failure::{Failure, FailureKind};
use super::output::Output;
use crate::config::Order;
pub use entry::{Entry, EntryError};
use handler::Pending;
use link::{Link, Peer};

/// A request that was sent.
type Handle = RequestHandle<RoleClient>;

/// Pages of a list, and tools in all, that are taken from one server.
const PAGES: usize = 100;
const TOOLS: usize = 5_000;

/// How long a list may take.
const LIST: Duration = Duration::from_secs(30);

/// The longest that a call may take with all the progress it makes.
const LONGEST: Duration = Duration::from_secs(3600);

/// One upstream server.
#[derive(Debug)]
pub struct Upstream {
    entry: Entry,
    link: Link,
    known: Mutex<Listing>,
    /// The tools whose results are objects only because they have to be.
    wrapped: Mutex<HashSet<String>>,
}

impl Upstream {
    /// A server that is not started yet.
    pub fn new(name: &str, entry: Entry) -> Self {
        let known = Listing { tools: Arc::default(), root: None, state: State::Idle, generation: 0 };
        let (known, wrapped) = (Mutex::new(known), Mutex::default());
        Self { link: Link::new(name, entry.clone()), entry, known, wrapped }
    }

    fn known(&self) -> Listing {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connects if need be and brings what is known of it up to date.
    async fn refresh(&self) -> Listing {
        let peer = match self.link.peer().await {
            Ok(peer) => peer,
            Err(why) => return self.remember(State::Failed(why), None),
        };
        if !peer.has_changed() && self.known().state == State::Ready {
            return self.known();
        }
        // Until it is known what they are now; whoever waits for that may stop waiting.
        let unseen = Unseen(Some(&peer));
        match timeout(LIST, self.list(&peer)).await {
            Ok(Ok(tools)) => {
                unseen.seen();
                self.remember(State::Ready, Some(tools))
            }
            Ok(Err(error)) if is_lost(&error) => {
                let why = self.link.lost(&peer).await;
                self.remember(State::Failed(why), None)
            }
            Ok(Err(error)) => {
                self.remember(State::Failed(format!("it does not list its tools: {error}")), None)
            }
            Err(_) => {
                let words = format!("it did not list its tools within {} s", LIST.as_secs());
                self.remember(State::Failed(words), None)
            }
        }
    }

    fn remember(&self, state: State, tools: Option<Vec<Raw>>) -> Listing {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.state = state;
        if let Some(tools) = tools {
            known.tools = Arc::new(tools);
            known.generation += 1;
        }
        known.clone()
    }

    async fn list(&self, peer: &Peer) -> Result<Vec<Raw>, ServiceError> {
        let mut tools = Vec::new();
        let mut cursor = None;
        for _ in 0..PAGES {
            let params = PaginatedRequestParams::default().with_cursor(cursor);
            let page = peer.service.list_tools(Some(params)).await?;
            tools.extend(page.tools.into_iter().map(|tool| self.raw(tool)));
            cursor = page.next_cursor;
            if cursor.is_none() || tools.len() >= TOOLS {
                break;
            }
        }
        tools.truncate(TOOLS);
        Ok(tools)
    }

    fn raw(&self, tool: rmcp::model::Tool) -> Raw {
        let said = tool.annotations.unwrap_or_default();
        let description =
            tool.description.as_deref().or(tool.title.as_deref()).unwrap_or_default().to_owned();
        let output = tool.output_schema.map(|schema| Value::Object((*schema).clone()));
        let inner = output.as_ref().and_then(content::unwrapped);
        if inner.is_some() {
            self.wrapped().insert(tool.name.to_string());
        } else {
            self.wrapped().remove(&*tool.name);
        }
        let output = inner.or(output);
        Raw {
            name: tool.name.into_owned(),
            description,
            input: Value::Object((*tool.input_schema).clone()),
            output,
            bytes: Vec::new(),
            hints: Hints {
                read_only: said.read_only_hint,
                destructive: said.destructive_hint,
                idempotent: said.idempotent_hint,
            },
            tags: self.entry.tags.clone(),
            timeout: Some(LONGEST),
        }
    }

    async fn perform(&self, tool: &str, arguments: Arguments, watch: Watch) -> Result<Output, Failure> {
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments.values);
        let request = ClientRequest::CallToolRequest(Request::new(params));
        let mut peer = self.link.peer().await.map_err(|why| unavailable(&why))?;
        let pending = match self.send(&peer, request.clone()).await {
            // It ended while nobody looked, so nothing was sent.
            Err(error) if is_lost(&error) => {
                self.link.lost(&peer).await;
                peer = self.link.peer().await.map_err(|why| unavailable(&why))?;
                self.send(&peer, request).await
            }
            other => other,
        };
        let result = match pending {
            Ok(handle) => Self::answer(&peer, handle, watch).await,
            Err(error) => Err(error),
        };
        let result = match result {
            Ok(result) => result,
            Err(error) => return Err(self.broken(&peer, error).await),
        };
        match result {
            ServerResult::CallToolResult(mut result) => {
                if self.wrapped().contains(tool) {
                    content::unwrap(&mut result);
                }
                content::of_call(result)
            }
            ServerResult::InputRequiredResult(_) => {
                let words = "the server asks for input in the middle of a call, which is not supported";
                Err(Failure::failed(words))
            }
            other => Err(Failure::failed(format!("the server gave no tool result but {}", kind_of(&other)))),
        }
    }

    fn wrapped(&self) -> MutexGuard<'_, HashSet<String>> {
        self.wrapped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, peer: &Peer, request: ClientRequest) -> Result<Handle, ServiceError> {
        let options = PeerRequestOptions::with_timeout(self.entry.timeout)
            .reset_timeout_on_progress()
            .with_max_total_timeout(LONGEST);
        peer.service.send_cancellable_request(request, options).await
    }

    /// Waits for an answer whose progress is watched; dropping it tells the server to stop.
    async fn answer(peer: &Peer, handle: Handle, watch: Watch) -> Result<ServerResult, ServiceError> {
        let mut pending = Pending::new(peer, &handle, watch);
        let result = handle.await_response().await;
        pending.is_answered();
        result
    }

    async fn broken(&self, peer: &Peer, error: ServiceError) -> Failure {
        match error {
            error if is_lost(&error) => unavailable(&self.link.lost(peer).await),
            ServiceError::McpError(error) => Failure::failed(error.message).with("status", error.code.0),
            ServiceError::Timeout { timeout } => {
                let words = format!("no answer and no progress within {} s", timeout.as_secs_f64());
                Failure::new(FailureKind::Timeout, words)
            }
            other => Failure::failed(other.to_string()),
        }
    }

    async fn ask(&self, request: Extra) -> Result<Output, Failure> {
        let peer = self.link.peer().await.map_err(|why| unavailable(&why))?;
        let service = &peer.service;
        let work = async {
            Ok(match request {
                Extra::ListResources => {
                    let mut all = Vec::new();
                    let mut cursor = None;
                    for _ in 0..PAGES {
                        let params = PaginatedRequestParams::default().with_cursor(cursor);
                        let page = service.list_resources(Some(params)).await?;
                        all.extend(page.resources.into_iter().map(content::of_resource));
                        cursor = page.next_cursor;
                        if cursor.is_none() {
                            break;
                        }
                    }
                    Output::Json(Value::Array(all))
                }
                Extra::ReadResource { uri } => content::of_contents(
                    service.read_resource(ReadResourceRequestParams::new(uri)).await?.contents,
                ),
                Extra::ListPrompts => {
                    let mut all = Vec::new();
                    let mut cursor = None;
                    for _ in 0..PAGES {
                        let params = PaginatedRequestParams::default().with_cursor(cursor);
                        let page = service.list_prompts(Some(params)).await?;
                        all.extend(page.prompts.iter().map(content::plain));
                        cursor = page.next_cursor;
                        if cursor.is_none() {
                            break;
                        }
                    }
                    Output::Json(Value::Array(all))
                }
                Extra::GetPrompt { name, arguments } => {
                    let params = GetPromptRequestParams::new(name).with_arguments(arguments);
                    Output::Json(content::plain(&service.get_prompt(params).await?))
                }
            })
        };
        match timeout(self.entry.timeout, work).await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(error)) => Err(self.broken(&peer, error).await),
            Err(_) => {
                let words = format!("no answer within {} s", self.entry.timeout.as_secs_f64());
                Err(Failure::new(FailureKind::Timeout, words))
            }
        }
    }
}

fn is_lost(error: &ServiceError) -> bool {
    matches!(error, ServiceError::TransportClosed | ServiceError::TransportSend(_))
}

fn unavailable(why: &str) -> Failure {
    Failure::unavailable(format!("the server cannot be used now: {why}"))
}

fn kind_of(result: &ServerResult) -> &'static str {
    match result {
        ServerResult::CreateTaskResult(_) => "a task",
        ServerResult::EmptyResult(_) => "nothing",
        _ => "something else",
    }
}

/// A change of a server's tools that was noticed and not followed yet; dropped, it is to be noticed again.
struct Unseen<'a>(Option<&'a Peer>);

impl Unseen<'_> {
    fn seen(mut self) {
        self.0 = None;
    }
}

impl Drop for Unseen<'_> {
    fn drop(&mut self) {
        if let Some(peer) = self.0 {
            peer.shared.change();
        }
    }
}

impl Adapter for Upstream {
    fn kind(&self) -> Kind {
        Kind::Mcp
    }

    fn description(&self) -> String {
        match &self.entry.description {
            Some(description) => description.clone(),
            None => self.link.about(),
        }
    }

    fn listing(&self, patience: Patience) -> Task<'_, Listing> {
        Box::pin(async move {
            match patience {
                Patience::Known => self.known(),
                Patience::Start => self.refresh().await,
            }
        })
    }

    fn order(&self) -> Order {
        self.entry.order
    }

    fn generation(&self) -> u64 {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).generation
    }

    fn call<'a>(
        &'a self,
        name: Option<&'a str>,
        arguments: Arguments,
        watch: Watch,
    ) -> Task<'a, Result<Output, Failure>> {
        Box::pin(async move {
            match name {
                Some(name) => self.perform(name, arguments, watch).await,
                None => {
                    Err(Failure::new(FailureKind::NotFound, "a server itself cannot be called".to_owned()))
                }
            }
        })
    }

    fn extra<'a>(&'a self, request: Extra) -> Task<'a, Result<Output, Failure>> {
        Box::pin(self.ask(request))
    }

    fn end(&self) -> Task<'_, ()> {
        Box::pin(self.link.end())
    }
}
