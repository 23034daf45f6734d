//! The stdio transport: lines in, lines out, on pipes, socket pairs, files and terminals alike.
//!
//! Nothing that a client sends ends the connection but the end of its input. A client that stops reading
//! stops being read in turn, so that neither side's backlog grows without bound.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, ClientRequest, ErrorData, GetMeta, JsonRpcMessage,
    ProtocolVersion, RequestId,
};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use fd::{Sink, Source};
use lines::{Line, Lines};
use outlet::Outlet;
use parse::{Parsed, parse, too_long};

use super::turns::Turns;

mod fd;
mod lines;
mod outlet;
mod parse;
mod scan;

/// The longest line that is read as a message.
pub const MAX_LINE: usize = 16 << 20;

/// Bytes that may wait to be written before nothing more is read.
const MAX_BACKLOG: u64 = 64 << 20;

/// Bytes and number of requests that may be unanswered before nothing more is read.
const MAX_OPEN_BYTES: usize = 64 << 20;
const MAX_OPEN: usize = 10_000;

/// How long cells may go on after the end of input, so that `printf … | actwright serve` gets its answers.
const GRACE: Duration = Duration::from_secs(4);

/// A connection over two descriptors.
#[derive(Debug)]
pub struct Stdio {
    lines: Lines,
    outlet: Arc<Outlet>,
    open: Arc<OpenRequests>,
    lifecycle: Lifecycle,
    turns: Turns,
    ended: CancellationToken,
}

/// Requests that were read and not answered yet, with their sizes.
#[derive(Debug, Default)]
struct OpenRequests {
    sizes: Mutex<Sizes>,
    closed_one: Notify,
}

#[derive(Debug, Default)]
struct Sizes {
    by_id: HashMap<RequestId, usize>,
    total: usize,
}

/// Whether the client has chosen an era of the protocol yet.
#[derive(Debug, PartialEq, Eq)]
enum Lifecycle {
    Undecided,
    Decided,
}

impl Stdio {
    /// Serves a client over these two descriptors; `ended` fires when its input has ended.
    pub fn new(input: OwnedFd, output: OwnedFd, ended: CancellationToken) -> io::Result<Self> {
        Ok(Self {
            lines: Lines::new(Source::new(input)?, MAX_LINE),
            outlet: Arc::new(Outlet::new(Sink::new(output)?)),
            open: Arc::default(),
            lifecycle: Lifecycle::Undecided,
            turns: Turns::default(),
            ended,
        })
    }

    async fn next(&mut self) -> io::Result<Option<RxJsonRpcMessage<RoleServer>>> {
        loop {
            self.outlet.below(MAX_BACKLOG).await?;
            self.open.has_room().await;
            let Some(line) = self.lines.next().await? else { return Ok(None) };
            let (parsed, size) = match line {
                Line::Whole(line) => (parse(line), line.len()),
                Line::TooLong { id, bytes } => (too_long(id, bytes, MAX_LINE), 0),
            };
            match parsed {
                Parsed::Nothing => {}
                // Not waited for: the backlog above bounds what a client that does not read can cause.
                Parsed::Answer(id, error) => self.answer(id, error),
                Parsed::Message(message) if self.is_early(&message) => {}
                Parsed::Message(mut message) => {
                    self.open.note(&message, size);
                    if let JsonRpcMessage::Request(request) = &mut *message
                        && let ClientRequest::CallToolRequest(call) = &mut request.request
                    {
                        call.extensions.insert(self.turns.take());
                    }
                    return Ok(Some(*message));
                }
            }
        }
    }

    fn answer(&self, id: Option<RequestId>, error: ErrorData) {
        let answer = TxJsonRpcMessage::<RoleServer>::error(error, id);
        self.outlet.push(&encode(&answer));
    }

    /// Whether to drop a message because no era is chosen: the SDK ends the connection on one that is
    /// neither a request nor a notification it expects, such as a late `cancelled` of another server's call.
    fn is_early(&mut self, message: &ClientJsonRpcMessage) -> bool {
        if self.lifecycle == Lifecycle::Decided {
            return false;
        }
        let JsonRpcMessage::Request(request) = message else { return true };
        let decides = match &request.request {
            ClientRequest::InitializeRequest(_) => true,
            ClientRequest::PingRequest(_) | ClientRequest::DiscoverRequest(_) => false,
            other => {
                let meta = other.get_meta();
                meta.missing_required_keys(&ProtocolVersion::V_2026_07_28).is_empty()
                    && meta.protocol_version().is_some_and(|v| ProtocolVersion::KNOWN_VERSIONS.contains(&v))
            }
        };
        if decides {
            self.lifecycle = Lifecycle::Decided;
        }
        false
    }
}

impl Transport<RoleServer> for Stdio {
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        // Written here and now where the client takes it, which saves a hop through the scheduler.
        let end = self.outlet.push(&encode(&item));
        self.open.close(&item);
        let outlet = Arc::clone(&self.outlet);
        let ended = self.ended.clone();
        async move {
            let result = outlet.written(end).await;
            if result.is_err() {
                ended.cancel();
            }
            result
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        let ended = self.ended.clone();
        let received = tokio::select! {
            biased;
            received = self.next() => received,
            () = ended.cancelled() => Ok(None),
        };
        match received {
            Ok(Some(message)) => return Some(message),
            Ok(None) => {
                tracing::debug!("the client's input has ended");
                let ended = self.ended.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(GRACE).await;
                    ended.cancel();
                });
            }
            Err(error) => tracing::debug!(%error, "the connection to the client is broken"),
        }
        if self.outlet.is_broken() {
            self.ended.cancel();
        }
        None
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.ended.cancel();
        Ok(())
    }
}

impl OpenRequests {
    fn note(&self, message: &ClientJsonRpcMessage, size: usize) {
        match message {
            JsonRpcMessage::Request(request) => {
                let mut sizes = self.lock();
                sizes.total += size;
                let replaced = sizes.by_id.insert(request.id.clone(), size);
                sizes.total -= replaced.unwrap_or(0);
            }
            // The SDK never sends the answer to a cancelled request.
            JsonRpcMessage::Notification(notification) => {
                if let ClientNotification::CancelledNotification(cancelled) = &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    self.remove(id);
                }
            }
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => {}
        }
    }

    fn close(&self, message: &TxJsonRpcMessage<RoleServer>) {
        match message {
            JsonRpcMessage::Response(response) => self.remove(&response.id),
            JsonRpcMessage::Error(error) => {
                if let Some(id) = &error.id {
                    self.remove(id);
                }
            }
            JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => {}
        }
    }

    fn remove(&self, id: &RequestId) {
        let mut sizes = self.lock();
        let size = sizes.by_id.remove(id);
        sizes.total -= size.unwrap_or(0);
        drop(sizes);
        self.closed_one.notify_one();
    }

    async fn has_room(&self) {
        loop {
            let full = {
                let sizes = self.lock();
                sizes.by_id.len() >= MAX_OPEN || sizes.total > MAX_OPEN_BYTES
            };
            if !full {
                return;
            }
            self.closed_one.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sizes> {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message as its line. One that cannot be encoded becomes the error that says so.
fn encode(message: &TxJsonRpcMessage<RoleServer>) -> Vec<u8> {
    let mut line = Vec::with_capacity(1024);
    if let Err(error) = serde_json::to_writer(&mut line, message) {
        tracing::error!(%error, "a message could not be encoded");
        line.clear();
        let id = match message {
            JsonRpcMessage::Response(response) => Some(response.id.clone()),
            _ => None,
        };
        let failed = ErrorData::internal_error("the answer could not be encoded", None);
        // This message holds nothing but plain text and cannot fail.
        let _ = serde_json::to_writer(&mut line, &TxJsonRpcMessage::<RoleServer>::error(failed, id));
    }
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests;
