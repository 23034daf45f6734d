//! Passing bytes between a session and a server, counted both ways.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use super::account::{Account, Cut, Way};
use super::head::{Field, Head, Scan, passed_on, written};

/// How much is read at a time.
const CHUNK: usize = 16 << 10;

/// Both ways until both ends have said all, or nothing moves any more.
pub async fn both_ways(client: &mut TcpStream, server: &mut TcpStream, account: &Account) -> Result<(), Cut> {
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let there = copy(from_client, to_server, account, Way::Sent);
    let back = copy(from_server, to_client, account, Way::Received);
    tokio::select! {
        ended = async { tokio::try_join!(there, back) } => ended.map(|_| ()),
        cut = account.idle() => Err(cut),
    }
}

/// A request's body there and the answer back; the answer's end is the end of it.
pub async fn one_exchange(
    client: &mut TcpStream,
    server: &mut TcpStream,
    body: u64,
    most_head: usize,
    account: &Account,
) -> Result<(), Cut> {
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    tokio::select! {
        ended = answer(from_server, to_client, most_head, account) => ended,
        Err(cut) = send_body(from_client, to_server, body, account) => Err(cut),
        cut = account.idle() => Err(cut),
    }
}

async fn copy(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, account: &Account, way: Way) -> Result<(), Cut> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = from.read(&mut chunk).await.map_err(|_| Cut::Broken)?;
        if count == 0 {
            // The other end may have gone first.
            let _ = to.shutdown().await;
            return Ok(());
        }
        account.count(way, count)?;
        to.write_all(&chunk[..count]).await.map_err(|_| Cut::Broken)?;
    }
}

/// Sends exactly the body. Whatever comes after it would be a second request that nobody has checked.
async fn send_body(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut left: u64,
    account: &Account,
) -> Result<(), Cut> {
    let mut chunk = vec![0; CHUNK];
    while left > 0 {
        let room = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        let count = from.read(&mut chunk[..room]).await.map_err(|_| Cut::Broken)?;
        if count == 0 {
            return Err(Cut::Broken);
        }
        account.count(Way::Sent, count)?;
        // The server may refuse the body and answer all the same.
        if to.write_all(&chunk[..count]).await.is_err() {
            return std::future::pending().await;
        }
        left -= count as u64;
    }
    match from.read(&mut chunk).await {
        Ok(0) => std::future::pending().await,
        Ok(_) => Err(Cut::Pipelined),
        Err(_) => Err(Cut::Broken),
    }
}

/// The answer: its head rewritten so that the connection ends with it, its body as it comes.
async fn answer(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    most_head: usize,
    account: &Account,
) -> Result<(), Cut> {
    let (mut bytes, mut scan) = (Vec::new(), Scan::default());
    loop {
        let end = match scan.end_of(&bytes) {
            Ok(end) => end,
            Err(what) => return refuse(to, what).await,
        };
        let Some(end) = end else {
            if bytes.len() > most_head {
                return refuse(to, "a head over the limit (network.head)").await;
            }
            let mut chunk = vec![0; CHUNK];
            let count = from.read(&mut chunk).await.map_err(|_| Cut::Broken)?;
            if count == 0 {
                return refuse(to, "no head").await;
            }
            account.count(Way::Received, count)?;
            bytes.extend_from_slice(&chunk[..count]);
            continue;
        };
        let head = match Head::parse(&bytes[..end]).and_then(|head| Ok((is_interim(&head)?, head))) {
            // More is to come after an interim answer, and no client of HTTP/1.1 may mind missing it.
            Ok((true, _)) => {
                bytes.drain(..end);
                scan = Scan::default();
                continue;
            }
            Ok((false, head)) => head,
            Err(what) => return refuse(to, what).await,
        };
        let line = head.line.to_owned();
        let mut fields = passed_on(head.fields);
        fields.push(Field::new("Connection", "close"));
        to.write_all(&written(&line, &fields)).await.map_err(|_| Cut::Broken)?;
        to.write_all(&bytes[end..]).await.map_err(|_| Cut::Broken)?;
        return copy(from, to, account, Way::Received).await;
    }
}

/// Whether this is only the announcement of an answer.
fn is_interim(head: &Head<'_>) -> Result<bool, &'static str> {
    let status = head.line.strip_prefix("HTTP/1.1 ").or_else(|| head.line.strip_prefix("HTTP/1.0 "));
    let status = status.ok_or("another version than HTTP/1.1")?;
    match status.as_bytes() {
        [b'1', b'0', b'1', ..] => Err("a change of protocol"),
        [b'1', b'0'..=b'9', b'0'..=b'9', ..] => Ok(true),
        [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9'] | [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9', b' ', ..] => {
            Ok(false)
        }
        _ => Err("no status"),
    }
}

async fn refuse(mut to: WriteHalf<'_>, what: &'static str) -> Result<(), Cut> {
    let refusal = super::refusal::Refusal::Answer(what);
    // The client may have gone.
    let _ = to.write_all(&refusal.answer()).await;
    Err(Cut::Answer(what))
}
