//! What a client hears while a cell runs: a sign of life at least every five seconds, and prints as they come.
//!
//! Progress is a courtesy: it is throttled and bounded, and neither a slow client nor a flood of prints slows
//! the cell. The number is the seconds gone by, because it must only ever grow.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::Peer;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use crate::session::report::RunEvent;

/// Between two signs of life; below the five seconds that are promised.
const HEARTBEAT: Duration = Duration::from_millis(4_500);

/// Between two messages with output.
const THROTTLE: Duration = Duration::from_millis(100);

/// How long a print waits for what belongs to it, such as the rest of its line.
const GATHER: Duration = Duration::from_millis(20);

/// Characters of one message; of more output the end is shown.
const MESSAGE: usize = 2_000;

/// How long a result waits for the last message before it.
const LAST: Duration = Duration::from_millis(200);

/// Events that may wait; more are dropped by the sender.
pub(super) const QUEUE: usize = 256;

/// Who hears it.
pub(super) struct Listener {
    peer: Peer<RoleServer>,
    token: ProgressToken,
    start: Instant,
    last: f64,
}

impl Listener {
    /// The client that sent `token` with its request.
    pub(super) fn new(peer: Peer<RoleServer>, token: ProgressToken) -> Self {
        Self { peer, token, start: Instant::now(), last: 0.0 }
    }

    fn message(&mut self, text: String) -> impl Future<Output = ()> + Send + 'static {
        let seconds = self.start.elapsed().as_secs_f64();
        self.last = seconds.max(self.last + 0.001);
        let progress = (self.last * 1e3).round() / 1e3;
        let param = ProgressNotificationParam::new(self.token.clone(), progress).with_message(text);
        let peer = self.peer.clone();
        async move {
            if let Err(error) = peer.notify_progress(param).await {
                tracing::debug!(%error, "a progress message was not delivered");
            }
        }
    }
}

/// Drives `run` to its end and tells `listener` about it meanwhile.
pub(super) async fn accompany<F: Future>(
    run: F,
    mut listener: Listener,
    mut events: mpsc::Receiver<RunEvent>,
) -> F::Output {
    let mut run = pin!(run);
    let mut news = News::default();
    let mut sent = Instant::now();
    loop {
        let due = match news.since {
            None => sent + HEARTBEAT,
            Some(since) => (sent + THROTTLE).max(since + GATHER),
        };
        tokio::select! {
            biased;
            output = &mut run => return output,
            event = events.recv(), if !events.is_closed() || !events.is_empty() => {
                if let Some(event) = event {
                    news.take(event);
                }
                continue;
            }
            () = sleep_until(due) => {}
        }
        let mut message = pin!(listener.message(news.text(listener.start.elapsed())));
        sent = Instant::now();
        tokio::select! {
            biased;
            () = &mut message => {}
            output = &mut run => {
                // A message on its way must not arrive after the result.
                let _ = timeout(LAST, message).await;
                return output;
            }
        }
    }
}

/// What happened since the last message.
#[derive(Debug, Default)]
struct News {
    /// When the first of it came.
    since: Option<Instant>,
    output: String,
    dropped: usize,
    progress: Option<String>,
}

impl News {
    fn take(&mut self, event: RunEvent) {
        if !matches!(event, RunEvent::Started { .. }) {
            self.since.get_or_insert_with(Instant::now);
        }
        match event {
            RunEvent::Started { .. } => {}
            RunEvent::Output { text, .. } => {
                self.output.push_str(&text);
                self.bound();
            }
            RunEvent::Progress { done, total, message } => {
                let of = total.map_or_else(String::new, |total| format!("/{total}"));
                let message: String = message.chars().take(MESSAGE).collect();
                self.progress = Some(format!("{done}{of} {message}").trim_end().to_owned());
            }
        }
    }

    fn bound(&mut self) {
        // A character is up to four bytes; the cheap test on bytes comes first.
        if self.output.len() <= MESSAGE {
            return;
        }
        if let Some((at, _)) = self.output.char_indices().nth_back(MESSAGE - 1) {
            self.dropped += self.output[..at].chars().count();
            self.output.drain(..at);
        }
    }

    fn text(&mut self, elapsed: Duration) -> String {
        let mut parts = Vec::new();
        parts.extend(self.progress.take());
        if self.dropped > 0 {
            parts.push(format!("[… {} characters …]", self.dropped));
        }
        let output = std::mem::take(&mut self.output);
        if !output.is_empty() {
            parts.push(output);
        }
        self.dropped = 0;
        self.since = None;
        if parts.is_empty() { format!("running for {} s", elapsed.as_secs()) } else { parts.join("\n") }
    }
}

#[cfg(test)]
mod tests;
