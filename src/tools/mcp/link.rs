//! The connection to one upstream: made when needed, made again when it was lost, with growing pauses while it fails.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rmcp::RoleClient;
use rmcp::model::{ProtocolVersion, SubscriptionFilter};
use rmcp::service::{
    ClientInitializeError, ClientLifecycleMode, RunningService, serve_client_with_lifecycle,
};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::streamable_http_client::{StreamableHttpClientTransportConfig, StreamableHttpError};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::entry::{Entry, Transport, Way};
use super::handler::Shared;
use super::http::Http;
use super::sse::SseTransport;
use crate::programs::{Program, Running, tail};
use crate::tools::secrets::Template;
use crate::tools::web;

/// How long a server may take to start and greet.
const START: Duration = Duration::from_secs(30);

/// The first pause after a failed start; it doubles up to the longest.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How long the end of its stderr is waited for when a server has gone.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The longest quote of a server's stderr, in characters.
const QUOTE: usize = 1_000;

/// See the module.
#[derive(Debug)]
pub struct Link {
    name: String,
    entry: Entry,
    state: tokio::sync::Mutex<State>,
    said: Arc<Mutex<Said>>,
    /// Fires when the link is to end, so that a server that hangs while it starts keeps nobody waiting.
    ended: CancellationToken,
}

/// What the server has said of itself.
#[derive(Debug, Default)]
struct Said {
    stderr: String,
    about: String,
    /// It speaks only the revision without a handshake.
    is_stateless: bool,
}

#[derive(Debug)]
enum State {
    Idle,
    Up(Box<Connection>),
    Down { since: Instant, failures: u32, why: String },
    Ended,
}

#[derive(Debug)]
struct Connection {
    service: RunningService<RoleClient, Shared>,
    peer: Peer,
    /// Dropping it ends the program.
    _process: Option<Running>,
    tasks: Vec<AbortHandle>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// A connected server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The SDK's side of it.
    pub service: rmcp::Peer<RoleClient>,
    /// What its handler shares.
    pub shared: Shared,
}

impl Peer {
    /// Whether its tools have changed since this was asked last.
    pub fn has_changed(&self) -> bool {
        self.shared.take_change()
    }
}

impl Link {
    /// Not connected yet.
    pub fn new(name: &str, entry: Entry) -> Self {
        Self {
            name: name.to_owned(),
            entry,
            state: tokio::sync::Mutex::new(State::Idle),
            said: Arc::default(),
            ended: CancellationToken::new(),
        }
    }

    /// The connected server; a reason why not, in words.
    pub async fn peer(&self) -> Result<Peer, String> {
        let mut state = self.state.lock().await;
        let failures = match &*state {
            State::Up(connection) if !connection.service.is_closed() => return Ok(connection.peer.clone()),
            State::Up(_) | State::Idle => 0,
            State::Down { since, failures, why } => {
                let pause = PAUSE.saturating_mul(1 << (failures - 1).min(10)).min(LONGEST_PAUSE);
                if let Some(left) = pause.checked_sub(since.elapsed()) {
                    return Err(format!("{why}; it is tried again in {} s", left.as_secs() + 1));
                }
                *failures
            }
            State::Ended => return Err("the server is shutting down".to_owned()),
        };
        // What was lost is ended before another one starts.
        *state = State::Idle;
        let connected = tokio::select! {
            connected = self.connect() => connected,
            () = self.ended.cancelled() => return Err("the server is shutting down".to_owned()),
        };
        match connected {
            Ok(connection) => {
                let peer = connection.peer.clone();
                *state = State::Up(Box::new(connection));
                Ok(peer)
            }
            Err(why) => {
                let why = self.entry.secrets.mask(&why);
                tracing::warn!(server = self.name, "an upstream could not be started: {why}");
                *state = State::Down { since: Instant::now(), failures: failures + 1, why: why.clone() };
                Err(why)
            }
        }
    }

    /// This connection was found to be lost: the next call makes another one. Gives the reason as far as the server said.
    pub async fn lost(&self, peer: &Peer) -> String {
        if matches!(self.entry.way, Way::Program { .. }) {
            // The end of its stderr comes a moment after the end of its stdout.
            tokio::time::sleep(LAST_WORDS).await;
        }
        let words = self.last_words();
        let mut state = self.state.lock().await;
        if matches!(&*state, State::Up(connection) if connection.peer.shared.is(&peer.shared)) {
            *state = State::Idle;
        }
        words
    }

    /// What the server says that it is.
    pub fn about(&self) -> String {
        self.said().about.clone()
    }

    /// Why a connection was lost, as far as the server said.
    fn last_words(&self) -> String {
        match self.stderr() {
            nothing if nothing.is_empty() => "it has ended".to_owned(),
            stderr => format!("it has ended; the last words on its stderr: {stderr}"),
        }
    }

    /// The end of its stderr without secrets, masked before it is cut, because half of one is not known for one.
    fn stderr(&self) -> String {
        let masked = self.entry.secrets.mask(self.said().stderr.trim());
        let count = masked.chars().count();
        masked.chars().skip(count.saturating_sub(QUOTE)).collect()
    }

    fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the connection for good.
    pub async fn end(&self) {
        self.ended.cancel();
        let before = std::mem::replace(&mut *self.state.lock().await, State::Ended);
        if let State::Up(mut connection) = before {
            // One that does not end in time is ended by its drop.
            let _ = connection.service.close_with_timeout(Duration::from_secs(1)).await;
        }
    }

    async fn connect(&self) -> Result<Connection, String> {
        let stateless = self.said().is_stateless;
        let first = if stateless { Era::Stateless } else { Era::Handshake };
        match self.try_to_connect(first).await {
            // It knows no handshake at all.
            Err(Refused::Handshake(_)) if !stateless => {
                let connected = self.try_to_connect(Era::Stateless).await;
                self.said().is_stateless = connected.is_ok();
                connected.map_err(Refused::words)
            }
            other => other.map_err(Refused::words),
        }
    }

    async fn try_to_connect(&self, era: Era) -> Result<Connection, Refused> {
        match timeout(START, self.greet(era)).await {
            Ok(connected) => connected,
            Err(_) => Err(Refused::Other(
                self.with_stderr(format!("no greeting within {} s", START.as_secs())).await,
            )),
        }
    }

    async fn greet(&self, era: Era) -> Result<Connection, Refused> {
        let shared = Shared::default();
        let lifecycle = match era {
            Era::Handshake => ClientLifecycleMode::Initialize,
            Era::Stateless => {
                ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
            }
        };
        let mut tasks = Vec::new();
        let mut process = None;
        let greeted = match &self.entry.way {
            Way::Program { command, arguments, environment, directory } => {
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    values.push(self.value(argument).await?);
                }
                let program = Program {
                    program: command.clone(),
                    arguments: values,
                    environment: self.pairs(environment).await?,
                    directory: directory.clone(),
                };
                let mut running = program.start().map_err(|error| Refused::Other(error.to_string()))?;
                let (Some(stdin), Some(stdout), Some(stderr)) =
                    (running.child.stdin.take(), running.child.stdout.take(), running.child.stderr.take())
                else {
                    return Err(Refused::Other("its pipes are missing".to_owned()));
                };
                self.said().stderr.clear();
                let said = self.said.clone();
                let listen = tokio::spawn(async move {
                    let words = tail(stderr).await;
                    said.lock().unwrap_or_else(PoisonError::into_inner).stderr = words;
                });
                tasks.push(listen.abort_handle());
                process = Some(running);
                serve_client_with_lifecycle(shared.clone(), AsyncRwTransport::new(stdout, stdin), lifecycle)
                    .await
            }
            Way::Address { url, headers, transport } => {
                let client = web::builder().build().map_err(|error| Refused::Other(error.to_string()))?;
                let headers = header_map(&self.pairs(headers).await?)?;
                match transport {
                    Transport::Streamable => {
                        let config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
                            .custom_headers(headers);
                        let transport = StreamableHttpClientTransport::with_client(Http(client), config);
                        serve_client_with_lifecycle(shared.clone(), transport, lifecycle).await
                    }
                    Transport::Sse => {
                        let transport =
                            SseTransport::connect(client, url, headers).await.map_err(Refused::Other)?;
                        serve_client_with_lifecycle(shared.clone(), transport, lifecycle).await
                    }
                }
            }
        };
        let service = match greeted {
            Ok(service) => service,
            Err(error) => {
                drop(process);
                return Err(self.refused(error).await);
            }
        };
        shared.change();
        let peer = Peer { service: service.peer().clone(), shared };
        self.note(&peer);
        if era == Era::Stateless {
            tasks.push(tokio::spawn(follow(peer.clone())).abort_handle());
        }
        Ok(Connection { service, peer, _process: process, tasks })
    }

    /// What a text of the entry stands for now.
    async fn value(&self, template: &Template) -> Result<String, Refused> {
        let value = template.resolve(&self.entry.secrets).await;
        let value = value.map_err(|error| Refused::Other(error.to_string()))?;
        // What a program gave may be anything.
        if value.contains(['\0', '\n']) {
            return Err(Refused::Other("a reference in its entry gave more than one line".to_owned()));
        }
        Ok(value)
    }

    async fn pairs(&self, pairs: &[(String, Template)]) -> Result<Vec<(String, String)>, Refused> {
        let mut values = Vec::with_capacity(pairs.len());
        for (name, template) in pairs {
            values.push((name.clone(), self.value(template).await?));
        }
        Ok(values)
    }

    fn note(&self, peer: &Peer) {
        let Some(info) = peer.service.peer_info() else { return };
        let told = info.instructions.as_deref().unwrap_or_default();
        self.said().about = told.trim().lines().next().unwrap_or_default().chars().take(500).collect();
    }

    async fn refused(&self, error: ClientInitializeError) -> Refused {
        match error {
            ClientInitializeError::JsonRpcError(error) => Refused::Handshake(error.message.to_string()),
            ClientInitializeError::TransportError { error, .. } => {
                Refused::Other(self.with_stderr(chain(&*error.error)).await)
            }
            other => Refused::Other(self.with_stderr(other.to_string()).await),
        }
    }

    /// Words, with what a program has said on its stderr before it ended.
    async fn with_stderr(&self, words: String) -> String {
        if matches!(self.entry.way, Way::Program { .. }) {
            tokio::time::sleep(LAST_WORDS).await;
        }
        match self.stderr() {
            nothing if nothing.is_empty() => words,
            stderr => format!("{words}; its stderr: {stderr}"),
        }
    }
}

/// An error in the words of its causes, without those of the layers that only repeat them.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    // The SDK's error does not name its cause as one.
    if let Some(StreamableHttpError::Client(error)) =
        error.downcast_ref::<StreamableHttpError<reqwest::Error>>()
    {
        return chain(error);
    }
    let mut words = error.to_string().trim_end_matches([':', ' ']).to_owned();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        cause = error.source();
    }
    words
}

/// How a server is greeted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Era {
    Handshake,
    Stateless,
}

/// Why there is no connection.
#[derive(Debug)]
enum Refused {
    /// The server answered the handshake with an error.
    Handshake(String),
    /// Anything else.
    Other(String),
}

impl Refused {
    fn words(self) -> String {
        match self {
            Self::Handshake(words) => format!("it refused the handshake: {words}"),
            Self::Other(words) => words,
        }
    }
}

/// Follows the changes of a server that tells them only to those who listen.
async fn follow(peer: Peer) {
    let filter = SubscriptionFilter::builder().tools_list_changed().build();
    let Ok(mut subscription) = peer.service.listen(filter).await else { return };
    while let Ok(Some(_)) = subscription.next().await {
        peer.shared.change();
    }
}

type Headers = HashMap<reqwest::header::HeaderName, reqwest::header::HeaderValue>;

fn header_map(headers: &[(String, String)]) -> Result<Headers, Refused> {
    let refused = |name: &str| Refused::Other(format!("the header `{name}` cannot be sent"));
    headers
        .iter()
        .map(|(name, value)| {
            let header = name.parse().map_err(|_| refused(name))?;
            let mut value: reqwest::header::HeaderValue = value.parse().map_err(|_| refused(name))?;
            value.set_sensitive(true);
            Ok((header, value))
        })
        .collect()
}
