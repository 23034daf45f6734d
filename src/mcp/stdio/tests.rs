//! Tests of the transport on every kind of descriptor.

use std::io::{Read, Seek, Write, pipe};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use rmcp::model::{EmptyResult, ServerResult};

use super::*;

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

fn connect(input: impl Into<OwnedFd>, output: impl Into<OwnedFd>) -> Stdio {
    Stdio::new(input.into(), output.into(), CancellationToken::new()).unwrap()
}

fn pong() -> TxJsonRpcMessage<RoleServer> {
    TxJsonRpcMessage::<RoleServer>::response(ServerResult::EmptyResult(EmptyResult {}), RequestId::Number(1))
}

/// One request in, one answer out, then the end.
async fn story(mut stdio: Stdio) {
    assert!(matches!(stdio.receive().await, Some(JsonRpcMessage::Request(_))));
    stdio.send(pong()).await.unwrap();
    assert!(stdio.receive().await.is_none());
    stdio.close().await.unwrap();
}

#[tokio::test]
async fn pipes() {
    let (input, mut client_out) = pipe().unwrap();
    let (mut client_in, output) = pipe().unwrap();
    let flags = |fd: &dyn AsFd| rustix::fs::fcntl_getfl(fd.as_fd()).unwrap();
    let (kept_in, kept_out) = (input.try_clone().unwrap(), output.try_clone().unwrap());
    let before = (flags(&kept_in), flags(&kept_out));
    let stdio = connect(input, output);
    writeln!(client_out, "{PING}").unwrap();
    drop(client_out);
    story(stdio).await;
    assert_eq!((flags(&kept_in), flags(&kept_out)), before, "the shared descriptions stay as they were");
    drop(kept_out);
    let mut answer = String::new();
    client_in.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n");
}

#[tokio::test]
async fn one_socket_for_both_directions() {
    let (ours, mut client) = UnixStream::pair().unwrap();
    let stdio = connect(ours.try_clone().unwrap(), ours);
    // No line end: the end of input ends the last line too.
    client.write_all(PING.as_bytes()).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    story(stdio).await;
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert_eq!(answer.lines().count(), 1);
}

#[tokio::test]
async fn files() {
    let mut input = tempfile::tempfile().unwrap();
    writeln!(input, "{PING}").unwrap();
    input.rewind().unwrap();
    let mut output = tempfile::tempfile().unwrap();
    story(connect(input, output.try_clone().unwrap())).await;
    output.rewind().unwrap();
    let mut answer = String::new();
    output.read_to_string(&mut answer).unwrap();
    assert_eq!(answer.lines().count(), 1);
}

#[tokio::test]
async fn a_message_larger_than_the_pipe_is_written_whole_while_others_run() {
    let (input, _client_out) = pipe().unwrap();
    let (mut client_in, output) = pipe().unwrap();
    let mut stdio = connect(input, output);
    let error = ErrorData::internal_error("x".repeat(5 << 20), None);
    let large = stdio.send(TxJsonRpcMessage::<RoleServer>::error(error, Some(RequestId::Number(2))));
    let small = stdio.send(pong());
    let reader = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(50));
        let mut text = String::new();
        client_in.read_to_string(&mut text).unwrap();
        text
    });
    let (large, small) = tokio::join!(large, small);
    large.unwrap();
    small.unwrap();
    drop(stdio);
    let text = reader.join().unwrap();
    let sizes: Vec<_> = text.lines().map(|line| line.len() > 1000).collect();
    assert_eq!(sizes, [true, false]);
}

#[tokio::test]
async fn a_client_that_is_gone_ends_the_connection() {
    let (input, _client_out) = pipe().unwrap();
    let (client_in, output) = pipe().unwrap();
    let ended = CancellationToken::new();
    let mut stdio = Stdio::new(input.into(), output.into(), ended.clone()).unwrap();
    drop(client_in);
    assert!(stdio.send(pong()).await.is_err());
    assert!(ended.is_cancelled());
    assert!(stdio.receive().await.is_none());
}
