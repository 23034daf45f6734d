//! The proxy between sessions and the hosts in the list of `sandbox.network`.
//!
//! A session has no network but its own loopback; on it a listener waits whose descriptor only this process holds. What
//! connects there asks for a host as clients ask an HTTP proxy. The host is checked, looked up and dialled here, so
//! nothing inside the sandbox forwards anything and nothing there can be talked into it. In reading order: `request` and
//! `head` read what is asked, `lookup` finds addresses and `address` judges them, `hello` reads who a tunnel greets,
//! `relay` passes on, `account` counts, `connection` is one connection from end to end.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

use crate::config::NetworkRules;
use crate::hosts::AllowList;

mod account;
pub mod address;
mod connection;
mod head;
pub mod hello;
mod lookup;
pub mod refusal;
mod relay;
pub mod request;

use account::{Account, Totals};
use lookup::Lookup;
use refusal::Refusal;

/// Connections of all sessions at once: each takes two descriptors of the server, which has about a thousand.
const IN_ALL: usize = 200;

/// After a failure to accept (no descriptors left) so long is waited.
const REST: Duration = Duration::from_millis(100);

/// Numbers workers for the records.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// What all proxies of a server share.
#[derive(Debug)]
pub struct Shared {
    list: AllowList,
    rules: Arc<NetworkRules>,
    lookup: Lookup,
    places: Arc<Semaphore>,
}

impl Shared {
    /// For this list under these rules.
    pub fn new(list: AllowList, rules: &NetworkRules) -> Self {
        Self {
            list,
            rules: Arc::new(rules.clone()),
            lookup: Lookup::new(rules.test_servers.clone()),
            places: Arc::new(Semaphore::new(IN_ALL)),
        }
    }
}

/// One session's proxy. It ends, with all of its connections, when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    /// Its number in the audit records.
    pub worker: u64,
    cut: mpsc::UnboundedSender<()>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Serves this listener. Must be called within the runtime.
    pub fn start(listener: OwnedFd, shared: Arc<Shared>) -> io::Result<Self> {
        let listener = std::net::TcpListener::from(listener);
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let worker = NEXT.fetch_add(1, Ordering::Relaxed);
        let (cut, orders) = mpsc::unbounded_channel();
        let serving = Serving { worker, shared, totals: Arc::default(), running: JoinSet::new() };
        Ok(Self { worker, cut, task: tokio::spawn(serving.run(listener, orders)) })
    }

    /// Ends all connections that are open: the process that made them is given up, and its copy must not go on in the
    /// middle of a conversation that went on without it.
    pub fn cut(&self) {
        // The task ends with this value only.
        let _ = self.cut.send(());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Serving {
    worker: u64,
    shared: Arc<Shared>,
    totals: Arc<Totals>,
    running: JoinSet<()>,
}

impl Serving {
    async fn run(mut self, listener: TcpListener, mut orders: mpsc::UnboundedReceiver<()>) {
        let mut pace = Pace::new(self.shared.rules.rate);
        loop {
            let accepted = async {
                sleep_until(pace.next()).await;
                listener.accept().await
            };
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(()) => self.running.abort_all(),
                    None => return,
                },
                Some(_) = self.running.join_next() => {}
                accepted = accepted => match accepted {
                    Ok((client, _)) => {
                        pace.took();
                        self.serve(client);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a session's connection could not be accepted");
                        sleep(REST).await;
                    }
                },
            }
        }
    }

    fn serve(&mut self, client: TcpStream) {
        let most = self.shared.rules.connections;
        let open = self.running.len();
        if open > 2 * most as usize {
            // Even to be refused takes a while.
            return;
        }
        let shared = self.shared.clone();
        let mut account = Account::open(self.worker, shared.rules.clone(), self.totals.clone());
        let used_up = self.totals.check(&shared.rules);
        let Ok(place) = shared.places.clone().try_acquire_owned() else {
            account.refused(&Refusal::Busy);
            // Without a place nothing is waited for; so short an answer fits into a new connection.
            let _ = client.try_write(&Refusal::Busy.answer());
            return;
        };
        self.running.spawn(async move {
            let refused = if open >= most as usize { Err(Refusal::TooMany { most }) } else { used_up };
            match refused {
                Ok(()) => connection::serve(client, &shared, &mut account).await,
                Err(refusal) => connection::refuse(client, &refusal, &mut account).await,
            }
            drop(place);
        });
    }
}

/// When the next connection may come: `rate` of them in a second, as many at once after a quiet second.
struct Pace {
    each: Duration,
    due: Instant,
}

impl Pace {
    fn new(rate: u32) -> Self {
        Self { each: Duration::from_secs(1) / rate.max(1), due: Instant::now() }
    }

    fn next(&self) -> Instant {
        self.due.checked_sub(Duration::from_secs(1)).unwrap_or(self.due)
    }

    fn took(&mut self) {
        self.due = self.due.max(Instant::now()) + self.each;
    }
}
