//! What connections have used up, and the record that each of them leaves.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::refusal::Refusal;
use crate::config::NetworkRules;
use crate::hosts::Host;

/// Bytes that a session has moved in all.
#[derive(Debug, Default)]
pub struct Totals {
    sent: AtomicU64,
    received: AtomicU64,
}

impl Totals {
    /// Whether there is something left to use.
    pub fn check(&self, rules: &NetworkRules) -> Result<(), Refusal> {
        if self.sent.load(Ordering::Relaxed) >= rules.session_sent {
            return Err(Refusal::UsedUp("network.session_sent"));
        }
        if self.received.load(Ordering::Relaxed) >= rules.session_received {
            return Err(Refusal::UsedUp("network.session_received"));
        }
        Ok(())
    }
}

/// Which way bytes go, seen from the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the server.
    Sent,
    /// From the server.
    Received,
}

/// Why a connection that was allowed was cut before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// A limit, by its key.
    Limit(&'static str),
    /// Something came after the one request.
    Pipelined,
    /// One of the two ends broke off.
    Broken,
    /// The server's answer has something that no answer may have.
    Answer(&'static str),
}

impl Cut {
    /// In a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Limit(key) | Self::Answer(key) => key,
            Self::Pipelined => "a second request on one connection",
            Self::Broken => "one end broke off",
        }
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It was allowed and is over.
    Allowed,
    /// It was refused.
    Refused,
    /// It was allowed and cut.
    Cut,
}

/// One connection's account. When it is dropped it writes the audit record, also when the session has ended under it.
/// Nothing of a request is in it but the host and port.
#[derive(Debug)]
pub struct Account {
    worker: u64,
    started: Instant,
    rules: Arc<NetworkRules>,
    totals: Arc<Totals>,
    sent: AtomicU64,
    received: AtomicU64,
    /// Milliseconds after the start at which something moved last.
    moved: AtomicU64,
    target: Option<(Host, u16)>,
    address: Option<SocketAddr>,
    verdict: Verdict,
    reason: String,
    is_silent: bool,
}

impl Account {
    /// For a connection that begins now.
    pub fn open(worker: u64, rules: Arc<NetworkRules>, totals: Arc<Totals>) -> Self {
        Self {
            worker,
            started: Instant::now(),
            rules,
            totals,
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            moved: AtomicU64::new(0),
            target: None,
            address: None,
            verdict: Verdict::Cut,
            reason: "the session ended".to_owned(),
            is_silent: false,
        }
    }

    /// What is asked for.
    pub fn asks_for(&mut self, host: &Host, port: u16) {
        self.target = Some((host.clone(), port));
    }

    /// What was dialled.
    pub fn reached(&mut self, address: SocketAddr) {
        self.address = Some(address);
    }

    /// It is over.
    pub fn ended(&mut self, how: Result<(), Cut>) {
        (self.verdict, self.reason) = match how {
            Ok(()) => (Verdict::Allowed, String::new()),
            Err(cut) => (Verdict::Cut, cut.words().to_owned()),
        };
    }

    /// It was refused.
    pub fn refused(&mut self, refusal: &Refusal) {
        (self.verdict, self.reason) = (Verdict::Refused, refusal.reason());
    }

    /// Nobody asked for anything, so there is nothing to tell.
    pub fn was_nothing(&mut self) {
        self.is_silent = true;
    }

    /// Counts bytes before they are passed on.
    pub fn count(&self, way: Way, bytes: usize) -> Result<(), Cut> {
        let rules = &self.rules;
        let (own, all, most, most_in_all, key, key_in_all) = match way {
            Way::Sent => (
                &self.sent,
                &self.totals.sent,
                rules.sent,
                rules.session_sent,
                "network.sent",
                "network.session_sent",
            ),
            Way::Received => (
                &self.received,
                &self.totals.received,
                rules.received,
                rules.session_received,
                "network.received",
                "network.session_received",
            ),
        };
        let bytes = bytes as u64;
        let (own, all) = (own.fetch_add(bytes, Ordering::Relaxed), all.fetch_add(bytes, Ordering::Relaxed));
        if own + bytes > most {
            return Err(Cut::Limit(key));
        }
        if all + bytes > most_in_all {
            return Err(Cut::Limit(key_in_all));
        }
        self.moves();
        Ok(())
    }

    fn moves(&self) {
        self.moved.store(milliseconds(self.started.elapsed()), Ordering::Relaxed);
    }

    /// Resolves when nothing has moved for as long as it may.
    pub async fn idle(&self) -> Cut {
        self.moves();
        loop {
            let moved = Duration::from_millis(self.moved.load(Ordering::Relaxed));
            let left = (moved + self.rules.idle_timeout).saturating_sub(self.started.elapsed());
            if left.is_zero() {
                return Cut::Limit("network.idle_timeout");
            }
            tokio::time::sleep(left).await;
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if self.is_silent {
            return;
        }
        let (host, port) = match &self.target {
            Some((host, port)) => (host.to_string(), *port),
            None => ("-".to_owned(), 0),
        };
        let verdict = match self.verdict {
            Verdict::Allowed => "allowed",
            Verdict::Refused => "refused",
            Verdict::Cut => "cut",
        };
        tracing::info!(
            target: "audit",
            worker = self.worker,
            verdict,
            host,
            port,
            address = self.address.map(|address| address.to_string()).unwrap_or_default(),
            sent = self.sent.load(Ordering::Relaxed),
            received = self.received.load(Ordering::Relaxed),
            ms = milliseconds(self.started.elapsed()),
            reason = self.reason,
            "connection"
        );
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
