//! An HTTP API on the loopback that answers as each test says and remembers what it was asked.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET` and so on.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// What was sent.
    pub body: Vec<u8>,
    /// How many requests of this path came before.
    pub before: usize,
}

impl Request {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The path without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }
}

/// A server; it ends with the test's process.
pub struct Api {
    /// Where it listens.
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<Request>>>,
}

impl Api {
    /// Answers every request with what this makes of it.
    pub fn start(answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (told, answer) = (heard.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (told, answer) = (told.clone(), answer.clone());
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                std::thread::spawn(move || serve(stream, &told, &*answer));
            }
        });
        Self { address, heard }
    }

    /// Answers every request with what was asked, as JSON.
    pub fn echo() -> Self {
        Self::start(|request| {
            let headers: HashMap<&str, &str> =
                request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let body = String::from_utf8_lossy(&request.body);
            reply_json(
                &json!({"method": request.method, "target": request.target, "headers": headers, "body": body}),
            )
        })
    }

    /// Its address as a tool file writes it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything it was asked since this was last called.
    pub fn heard(&self) -> Vec<Request> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    /// Methods and targets of everything it was asked since it was last looked at.
    pub fn targets(&self) -> Vec<String> {
        self.heard().iter().map(|request| format!("{} {}", request.method, request.target)).collect()
    }
}

/// An answer with its length and these headers.
pub fn reply(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head =
        format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// A JSON answer.
pub fn reply_json(value: &Value) -> Vec<u8> {
    reply(200, &[("Content-Type", "application/json")], value.to_string().as_bytes())
}

fn serve(mut stream: TcpStream, heard: &Mutex<Vec<Request>>, answer: &dyn Fn(&Request) -> Vec<u8>) {
    let Some(mut request) = receive(&mut stream) else { return };
    {
        let mut heard = heard.lock().unwrap();
        request.before = heard.iter().filter(|other| other.path() == request.path()).count();
        heard.push(request.clone());
    }
    let _ = stream.write_all(&answer(&request));
    if request.path() == "/hang" {
        let _ = stream.read(&mut [0; 1]);
    }
}

fn receive(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 1 << 16];
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        match stream.read(&mut chunk) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&chunk[..count]),
            _ => return None,
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, length)| length.parse().unwrap());
    let mut body = bytes.split_off(end);
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    while if chunked { !body.ends_with(b"0\r\n\r\n") } else { body.len() < length } {
        match stream.read(&mut chunk) {
            Ok(count) if count > 0 => body.extend_from_slice(&chunk[..count]),
            _ => return None,
        }
    }
    Some(Request { method, target, headers, body, before: 0 })
}
