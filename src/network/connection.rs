//! One connection of a session, from its first byte to its record: asked, checked, dialled, passed on.

use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Shared;
use super::account::{Account, Cut, Way};
use super::head::Scan;
use super::lookup::dial;
use super::refusal::Refusal;
use super::request::{Kind, Request};
use super::{hello, relay};
use crate::hosts::Host;

/// How long a head, or a greeting, may take to come.
const HEAD: Duration = Duration::from_secs(15);

/// In how many pieces a greeting may come. Each is looked at with all before it; clients send one or two.
const PIECES: usize = 100;

/// What a client that was refused may still send until it has read why, and for how long.
const LINGER_BYTES: usize = 1 << 20;
const LINGER: Duration = Duration::from_secs(2);

/// How a connection that was not refused ended.
enum Ended {
    /// Nobody asked for anything.
    Nothing,
    /// It was passed on.
    Passed(Result<(), Cut>),
    /// It was refused inside its tunnel, where HTTP can't say so.
    Tunnel(Refusal),
}

/// Serves it to its end.
pub async fn serve(mut client: TcpStream, shared: &Shared, account: &mut Account) {
    match converse(&mut client, shared, account).await {
        Ok(Ended::Nothing) => account.was_nothing(),
        Ok(Ended::Passed(how)) => {
            account.ended(how);
            if matches!(how, Ok(()) | Err(Cut::Answer(_))) {
                end_by_end_of_file(&mut client).await;
            }
        }
        Ok(Ended::Tunnel(refusal)) => {
            account.refused(&refusal);
            // A fatal alert of TLS 1.2: access denied. The client may have gone.
            let _ = client.write_all(&[21, 3, 3, 0, 2, 2, 49]).await;
            linger(&mut client).await;
        }
        Err(refusal) => refuse(client, &refusal, account).await,
    }
}

/// From now on an end that comes by itself resets the connection: half an answer must not look like a whole one, whoever
/// cuts it off.
fn end_by_reset(client: &TcpStream) {
    if let Err(error) = client.set_zero_linger() {
        tracing::debug!(%error, "a connection cannot be told how to end");
    }
}

/// All was said.
async fn end_by_end_of_file(client: &mut TcpStream) {
    if let Err(error) = set_socket_linger(&*client, None) {
        tracing::debug!(%error, "a connection cannot be told how to end");
    }
    linger(client).await;
}

/// Says why not, and lets the client read it.
pub async fn refuse(mut client: TcpStream, refusal: &Refusal, account: &mut Account) {
    account.refused(refusal);
    // The client may have gone.
    let _ = client.write_all(&refusal.answer()).await;
    linger(&mut client).await;
}

/// A socket that is closed with something unread resets the connection, and what was written last is lost.
async fn linger(client: &mut TcpStream) {
    let drain = async {
        client.shutdown().await?;
        let mut chunk = [0; 4096];
        let mut taken = 0;
        while taken < LINGER_BYTES {
            match client.read(&mut chunk).await? {
                0 => break,
                count => taken += count,
            }
        }
        std::io::Result::Ok(())
    };
    // It has gone, or does not stop: both are no news.
    drop(timeout(LINGER, drain).await);
}

async fn converse(client: &mut TcpStream, shared: &Shared, account: &mut Account) -> Result<Ended, Refusal> {
    let most_head = usize::try_from(shared.rules.head).unwrap_or(usize::MAX);
    let read = timeout(HEAD, read_head(client, most_head)).await.map_err(|_| Refusal::TooSlow)??;
    let Some((bytes, end)) = read else { return Ok(Ended::Nothing) };
    let request = Request::parse(&bytes[..end])?;
    let (host, port) = (&request.host, request.port);
    account.asks_for(host, port);
    check(shared, host, port)?;
    let rest = &bytes[end..];
    if matches!(request.kind, Kind::Plain { body, .. } if (rest.len() as u64) > body) {
        return Err(Refusal::Malformed("a second request on one connection"));
    }
    let addresses = shared.lookup.addresses(host, port).await?;
    let (mut server, address) = dial(host, port, &addresses).await?;
    account.reached(address);
    match request.kind {
        Kind::Tunnel => tunnel(client, &mut server, rest.to_vec(), host, account).await,
        Kind::Plain { head, body } => {
            let left = body - rest.len() as u64;
            let opened = [&head, rest].concat();
            end_by_reset(client);
            let how = match pass(&mut server, &opened, account).await {
                Ok(()) => relay::one_exchange(client, &mut server, left, most_head, account).await,
                Err(cut) => Err(cut),
            };
            Ok(Ended::Passed(how))
        }
    }
}

/// Whether the list opens it.
fn check(shared: &Shared, host: &Host, port: u16) -> Result<(), Refusal> {
    let host = || host.clone();
    match (shared.list.allows(&host(), port), shared.list.names(&host())) {
        (true, _) => Ok(()),
        (false, true) => Err(Refusal::OtherPort { host: host(), port }),
        (false, false) => Err(Refusal::NotListed { host: host(), port }),
    }
}

/// Reads until the end of a head; gives all bytes and where the head ends, `None` when nothing came.
async fn read_head(client: &mut TcpStream, most: usize) -> Result<Option<(Vec<u8>, usize)>, Refusal> {
    let (mut bytes, mut scan) = (Vec::new(), Scan::default());
    let mut chunk = [0; 4096];
    loop {
        if let Some(end) = scan.end_of(&bytes).map_err(Refusal::Malformed)? {
            return Ok(Some((bytes, end)));
        }
        if bytes.len() > most {
            return Err(Refusal::TooLong);
        }
        match client.read(&mut chunk).await {
            Ok(0) | Err(_) if bytes.is_empty() => return Ok(None),
            Ok(0) | Err(_) => return Err(Refusal::Malformed("half a request")),
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

/// Answers the CONNECT, then passes on only what greets the host that it was for.
async fn tunnel(
    client: &mut TcpStream,
    server: &mut TcpStream,
    mut bytes: Vec<u8>,
    host: &Host,
    account: &Account,
) -> Result<Ended, Refusal> {
    if client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.is_err() {
        return Ok(Ended::Passed(Err(Cut::Broken)));
    }
    let greeted = match timeout(HEAD, read_greeting(client, &mut bytes)).await {
        Ok(Ok(greeting)) => greeting.map_or(Ok(()), |greeting| judge(&greeting, host)),
        Ok(Err(refusal)) => Err(refusal),
        Err(_) => Err(Refusal::TooSlow),
    };
    if let Err(refusal) = greeted {
        return Ok(Ended::Tunnel(refusal));
    }
    end_by_reset(client);
    let how = match pass(server, &bytes, account).await {
        Ok(()) => relay::both_ways(client, server, account).await,
        Err(cut) => Err(cut),
    };
    Ok(Ended::Passed(how))
}

/// `None` when the client leaves without a greeting.
async fn read_greeting(
    client: &mut TcpStream,
    bytes: &mut Vec<u8>,
) -> Result<Option<hello::Greeting>, Refusal> {
    let mut chunk = [0; 4096];
    for _ in 0..PIECES {
        if let Some(greeting) = hello::parse(bytes)? {
            return Ok(Some(greeting));
        }
        if bytes.len() > 2 * hello::LONGEST {
            return Err(Refusal::NotTls);
        }
        match client.read(&mut chunk).await {
            Ok(0) | Err(_) if bytes.is_empty() => return Ok(None),
            Ok(0) | Err(_) => return Err(Refusal::NotTls),
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
    Err(Refusal::NotTls)
}

/// The greeting must name the host of the CONNECT, and nothing else; for an address there is no name.
fn judge(greeting: &hello::Greeting, host: &Host) -> Result<(), Refusal> {
    if greeting.is_hidden {
        return Err(Refusal::HiddenName);
    }
    match (host, &greeting.name) {
        (Host::Name(_), None) => Err(Refusal::Nameless),
        (Host::Name(name), Some(given)) if name.as_str().as_bytes().eq_ignore_ascii_case(given) => Ok(()),
        (Host::Address(_), None) => Ok(()),
        (_, Some(_)) => Err(Refusal::OtherName),
    }
}

async fn pass(server: &mut TcpStream, bytes: &[u8], account: &Account) -> Result<(), Cut> {
    account.count(Way::Sent, bytes.len())?;
    server.write_all(bytes).await.map_err(|_| Cut::Broken)
}
