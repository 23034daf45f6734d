//! Tests of the way that is taken where a pipe cannot be opened again: a poll before each bounded call.

use std::io::pipe;

use super::*;

#[tokio::test]
async fn a_shared_blocking_pipe_is_read_without_blocking() {
    let (ours, mut theirs) = pipe().unwrap();
    let fd = watch(ours.into(), Interest::READABLE).unwrap();
    let mut source = Source::Waitable(fd, ReadManner(Manner::Poll));
    let mut bytes = Vec::new();
    let early =
        tokio::time::timeout(std::time::Duration::from_millis(30), source.read(&mut bytes, 100)).await;
    assert!(early.is_err(), "nothing is there yet, and the runtime is not blocked");
    theirs.write_all(b"abc").unwrap();
    assert_eq!(source.read(&mut bytes, 2).await.unwrap(), bytes.len());
    while bytes.len() < 3 {
        source.read(&mut bytes, 2).await.unwrap();
    }
    assert_eq!(bytes, b"abc");
    drop(theirs);
    assert_eq!(source.read(&mut bytes, 2).await.unwrap(), 0);
}

#[tokio::test]
async fn a_shared_blocking_pipe_is_written_without_blocking() {
    let (mut theirs, ours) = pipe().unwrap();
    let fd = watch(ours.into(), Interest::WRITABLE).unwrap();
    let sink = Sink { waitable: Some(fd), direct: None, manner: Manner::Poll };
    let mut written = 0;
    let full = loop {
        match sink.write_now(&[b'x'; 10_000]) {
            Ok(count) => written += count,
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
    assert!(written >= PIPE_BUF);
    let mut room = vec![0; written];
    theirs.read_exact(&mut room).unwrap();
    let mut again = Err(io::ErrorKind::WouldBlock.into());
    while again.as_ref().is_err_and(|error: &io::Error| error.kind() == io::ErrorKind::WouldBlock) {
        again = sink.when_writable(|| sink.write_now(b"y").map(drop)).await;
    }
    again.unwrap();
    drop(theirs);
    assert_eq!(sink.write_now(b"z").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}
