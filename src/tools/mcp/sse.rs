//! The older HTTP transport: a stream of events from the server, and an address to post messages to.
//!
//! The stream's first event names that address. It must be on the same origin, else a server could make us post what is
//! meant for it, with its headers, somewhere else.

use std::collections::HashMap;
use std::future::Future;

use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, Url};
use rmcp::RoleClient;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::Transport;

/// The longest event, in bytes.
const LONGEST: usize = 16 << 20;

/// A message could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum SseError {
    /// The request failed.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// The server does not take it.
    #[error("the server answered a message with status {0}")]
    Status(u16),
}

/// See the module.
#[derive(Debug)]
pub struct SseTransport {
    client: Client,
    headers: HeaderMap,
    endpoint: Url,
    events: Events,
}

impl SseTransport {
    /// Opens the stream and waits for the address to post to.
    pub async fn connect(
        client: Client,
        url: &str,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<Self, String> {
        let headers: HeaderMap = headers.into_iter().collect();
        let request = client.get(url).headers(headers.clone()).header(ACCEPT, "text/event-stream");
        let response = request.send().await.map_err(|error| error.to_string())?;
        if !response.status().is_success() {
            return Err(format!("the server answered with status {}", response.status().as_u16()));
        }
        let origin = response.url().clone();
        let mut events = Events { response: Some(response), buffer: Vec::new(), seen: 0 };
        let first = events.next().await.ok_or("the stream of events ended at once")?;
        if first.name != "endpoint" {
            return Err(format!("the first event is `{}` and not `endpoint`", first.name));
        }
        let endpoint = origin.join(first.data.trim()).map_err(|error| error.to_string())?;
        if endpoint.origin() != origin.origin() {
            return Err(format!("the server wants messages at `{endpoint}`, which is another origin"));
        }
        Ok(Self { client, headers, endpoint, events })
    }
}

impl Transport<RoleClient> for SseTransport {
    type Error = SseError;

    fn send(
        &mut self,
        item: ClientJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let body = serde_json::to_vec(&item).unwrap_or_default();
        let request = self.client.post(self.endpoint.clone()).headers(self.headers.clone());
        let request = request.header("content-type", "application/json").body(body);
        async move {
            let status = request.send().await?.status();
            if status.is_success() { Ok(()) } else { Err(SseError::Status(status.as_u16())) }
        }
    }

    async fn receive(&mut self) -> Option<ServerJsonRpcMessage> {
        loop {
            let event = self.events.next().await?;
            if event.name != "message" && !event.name.is_empty() {
                continue;
            }
            match serde_json::from_str(&event.data) {
                Ok(message) => return Some(message),
                Err(error) => tracing::debug!(%error, "an upstream sent an event that is no message"),
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.events.response = None;
        Ok(())
    }
}

#[derive(Debug)]
struct Events {
    response: Option<Response>,
    buffer: Vec<u8>,
    /// So much of it holds no end of an event; a long one comes in many parts, and each is looked at once.
    seen: usize,
}

#[derive(Debug, PartialEq, Eq)]
struct Event {
    name: String,
    data: String,
}

impl Events {
    /// The next event with data; `None` when the stream is over or an event is too long.
    async fn next(&mut self) -> Option<Event> {
        loop {
            // The blank line may have begun at the end of what was seen.
            let from = self.seen.saturating_sub(3);
            self.seen = self.buffer.len();
            if let Some((length, separator)) = end_of_event(&self.buffer[from..]) {
                let length = from + length;
                self.seen = 0;
                let text = String::from_utf8_lossy(&self.buffer[..length]).into_owned();
                self.buffer.drain(..length + separator);
                match event(&text) {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            if self.buffer.len() > LONGEST {
                return None;
            }
            let chunk = self.response.as_mut()?.chunk().await.ok()??;
            self.buffer.extend_from_slice(&chunk);
        }
    }
}

/// Where the first event ends and how long the blank line behind it is.
fn end_of_event(buffer: &[u8]) -> Option<(usize, usize)> {
    let ends: [&[u8]; 3] = [b"\n\n", b"\r\n\r\n", b"\r\r"];
    (0..buffer.len()).filter(|at| matches!(buffer[*at], b'\n' | b'\r')).find_map(|at| {
        let end = ends.iter().find(|end| buffer[at..].starts_with(end))?;
        Some((at, end.len()))
    })
}

fn event(text: &str) -> Option<Event> {
    let (mut name, mut data) = (String::new(), Vec::new());
    for line in text.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut name),
            "data" => data.push(value),
            _ => {}
        }
    }
    (!data.is_empty()).then(|| Event { name, data: data.join("\n") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_into_events() {
        let check = |text: &str, expected: Option<(usize, usize)>| {
            assert_eq!(end_of_event(text.as_bytes()), expected, "{text:?}");
        };
        check("data: x\n\nmore", Some((7, 2)));
        check("data: x\r\n\r\nmore", Some((7, 4)));
        check("data: x\n", None);
        let parsed = event("event: endpoint\nid: 3\ndata: /messages\ndata: two").unwrap();
        assert_eq!((parsed.name.as_str(), parsed.data.as_str()), ("endpoint", "/messages\ntwo"));
        assert_eq!(event(": only a comment"), None);
    }
}
