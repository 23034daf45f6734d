//! Servers on the loopback for tests of the network: one speaks HTTP and remembers what it was asked, one answers
//! whatever it is told with what it heard.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A server; it ends with the test's process.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Speaks HTTP. `/big/N` answers N bytes, `/unsized/N` without saying so, `/slow` never, `/to/URL` a redirect, `/gate` asks for another protocol,
    /// `/hints` has an interim answer before its own, `/bare` a malformed one; all else echoes its path and body.
    pub fn http() -> Self {
        Self::start(serve_http)
    }

    /// Answers the first bytes of a connection with `heard N`, and closes.
    pub fn echo() -> Self {
        Self::start(|mut stream, heard| {
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).unwrap_or(0);
            if count > 0 {
                heard.lock().unwrap().push(String::from_utf8_lossy(&bytes[..count]).into_owned());
                let _ = stream.write_all(format!("heard {count}").as_bytes());
            }
        })
    }

    fn start(serve: fn(TcpStream, &Mutex<Vec<String>>)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let told = heard.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let told = told.clone();
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                std::thread::spawn(move || serve(stream, &told));
            }
        });
        Self { address, heard }
    }

    /// Everything it was sent since it was last asked, a text for each request.
    pub fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

fn serve_http(mut stream: TcpStream, heard: &Mutex<Vec<String>>) {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&chunk[..count]),
            _ => return,
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    heard.lock().unwrap().push(head.clone());
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    while bytes.len() < end + length.unwrap_or(0) {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&chunk[..count]),
            _ => return,
        }
    }
    let path = head.split(' ').nth(1).unwrap_or_default();
    let _ = stream.write_all(&answer(path, &bytes[end..]));
    if path == "/slow" {
        let _ = stream.read(&mut [0; 1]);
    }
}

fn answer(path: &str, body: &[u8]) -> Vec<u8> {
    let plain = |body: &[u8]| {
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nKeep-Alive: timeout=5\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    match path.split('/').collect::<Vec<_>>().as_slice() {
        ["", "big", count] => plain(&vec![b'x'; count.parse().unwrap()]),
        ["", "unsized", count] => {
            [b"HTTP/1.1 200 OK\r\n\r\n", vec![b'x'; count.parse().unwrap()].as_slice()].concat()
        }
        ["", "slow"] => b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec(),
        ["", "to", ..] => {
            format!("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", &path[4..])
                .into_bytes()
        }
        ["", "gate"] => b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n".to_vec(),
        ["", "hints"] => {
            [b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n", plain(b"after").as_slice()].concat()
        }
        ["", "bare"] => b"HTTP/1.1 200 OK\nContent-Length: 0\n\n".to_vec(),
        _ => plain(format!("{path} {}", String::from_utf8_lossy(body)).as_bytes()),
    }
}
