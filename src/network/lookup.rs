//! From a host that may be reached to addresses that may be dialled.
//!
//! A name is looked up once, here in the host, and what was checked is what is dialled: a second answer of the name's
//! server is never asked for. One answer that is not public refuses all of them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::address::is_public;
use super::refusal::Refusal;
use crate::hosts::Host;

/// How long a name's server may take.
const LOOKUP: Duration = Duration::from_secs(10);

/// How long a server may take to answer, over all of its addresses.
const DIAL: Duration = Duration::from_secs(10);

/// Lookups at once in the whole server: each takes a thread of the runtime's few.
const AT_ONCE: usize = 4;

/// Looks names up.
#[derive(Debug)]
pub struct Lookup {
    places: Arc<Semaphore>,
    /// Names that mean a server of a test.
    test_servers: Vec<(Host, SocketAddr)>,
    resolve: Resolve,
}

/// The host's resolver, or what stands in for it.
type Resolve = fn(String, u16) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

fn by_the_host(name: String, port: u16) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> {
    Box::pin(async move { tokio::net::lookup_host((name, port)).await.map(Iterator::collect) })
}

impl Lookup {
    /// With these names that mean servers of a test.
    pub fn new(test_servers: Vec<(Host, SocketAddr)>) -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), test_servers, resolve: by_the_host }
    }

    /// The addresses to dial for a host that the list opens.
    pub async fn addresses(&self, host: &Host, port: u16) -> Result<Vec<SocketAddr>, Refusal> {
        if let Some((_, server)) = self.test_servers.iter().find(|(name, _)| name == host) {
            return Ok(vec![*server]);
        }
        let name = match host {
            // The list names this very address.
            Host::Address(address) => return Ok(vec![SocketAddr::new(*address, port)]),
            Host::Name(name) => name.as_str().to_owned(),
        };
        let unknown = || Refusal::Unknown { host: host.clone() };
        let (places, resolve) = (self.places.clone(), self.resolve);
        // In a task of its own: whoever gives up waiting does not give up the place that the lookup still takes.
        let looked_up = tokio::spawn(async move {
            // It is never closed.
            let _place = places.acquire_owned().await.map_err(io::Error::other)?;
            resolve(name, port).await
        });
        match timeout(LOOKUP, looked_up).await {
            Ok(Ok(Ok(addresses))) => check(host, addresses),
            _ => Err(unknown()),
        }
    }
}

/// All of them, if all are public.
fn check(host: &Host, addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Refusal> {
    if let Some(closed) = addresses.iter().map(SocketAddr::ip).find(|address| !is_public(*address)) {
        return Err(Refusal::NotPublic { host: host.clone(), address: plain(closed) });
    }
    if addresses.is_empty() { Err(Refusal::Unknown { host: host.clone() }) } else { Ok(addresses) }
}

/// A mapped address reads more easily as what it stands for.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Connects to the first that answers.
pub async fn dial(
    host: &Host,
    port: u16,
    addresses: &[SocketAddr],
) -> Result<(TcpStream, SocketAddr), Refusal> {
    let mut cause = "no answer in time".to_owned();
    let each = async {
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => return Some((stream, *address)),
                Err(error) => cause = error.kind().to_string(),
            }
        }
        None
    };
    match timeout(DIAL, each).await {
        Ok(Some(dialled)) => Ok(dialled),
        _ => Err(Refusal::Unreachable { host: host.clone(), port, cause }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn checked(answers: &[&str]) -> Result<usize, Refusal> {
        let answers = answers.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 443)).collect();
        check(&Host::parse("a.example").unwrap(), answers).map(|addresses| addresses.len())
    }

    #[test]
    fn one_answer_that_is_not_public_refuses_all() {
        assert_eq!(checked(&["1.1.1.1", "2606:4700::1111"]), Ok(2));
        for (answers, closed) in [
            (&["127.0.0.1"][..], "127.0.0.1"),
            (&["1.1.1.1", "10.0.0.1"], "10.0.0.1"),
            (&["169.254.169.254", "1.1.1.1"], "169.254.169.254"),
            (&["1.1.1.1", "::ffff:192.168.0.1"], "192.168.0.1"),
            (&["fd00::1"], "fd00::1"),
        ] {
            let host = Host::parse("a.example").unwrap();
            assert_eq!(checked(answers), Err(Refusal::NotPublic { host, address: closed.parse().unwrap() }));
        }
        assert_eq!(checked(&[]), Err(Refusal::Unknown { host: Host::parse("a.example").unwrap() }));
    }

    #[tokio::test]
    async fn what_a_name_means_by_the_hosts_own_table_is_checked_too() {
        let host = Host::parse("localhost").unwrap();
        let refused = Lookup::new(Vec::new()).addresses(&host, 80).await.unwrap_err();
        assert!(
            matches!(refused, Refusal::NotPublic { address, .. } if address.is_loopback()),
            "{refused:?}"
        );
        let server: SocketAddr = "127.0.0.1:9".parse().unwrap();
        let lookup = Lookup::new(vec![(host.clone(), server)]);
        assert_eq!(lookup.addresses(&host, 80).await, Ok(vec![server]));
    }

    /// A name whose server gives another answer each time: public, then the machine itself.
    #[tokio::test]
    async fn a_name_is_looked_up_once_and_what_was_checked_is_what_is_dialled() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let turncoat: Resolve = |_, port| {
            let address =
                if ASKED.fetch_add(1, Ordering::SeqCst) == 0 { [1, 1, 1, 1] } else { [127, 0, 0, 1] };
            Box::pin(async move { Ok(vec![SocketAddr::from((address, port))]) })
        };
        let lookup = Lookup { resolve: turncoat, ..Lookup::new(Vec::new()) };
        let host = Host::parse("a.example").unwrap();
        assert_eq!(lookup.addresses(&host, 443).await, Ok(vec!["1.1.1.1:443".parse().unwrap()]));
        assert_eq!(ASKED.load(Ordering::SeqCst), 1);
        let refused = Refusal::NotPublic { host: host.clone(), address: [127, 0, 0, 1].into() };
        assert_eq!(lookup.addresses(&host, 443).await, Err(refused));
    }
}
