//! The reference over HTTP: one echo, as an MCP tool at `/mcp` and as plain JSON at every other path.
//!
//! It answers as soon as it has a request, keeps connections open, and ends with this program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use anyhow::Context;
use serde_json::{Value, json};

/// Starts it on the loopback.
pub fn start() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port on the loopback")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that leaves in the middle of a request is of no interest.
            std::thread::spawn(move || drop(serve(stream)));
        }
    });
    Ok(address)
}

/// One request on a kept connection; gives the body of the answer.
pub fn ask(stream: &mut BufReader<TcpStream>, path: &str) -> anyhow::Result<Vec<u8>> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.get_mut().write_all(request.as_bytes())?;
    Ok(message(stream)?.context("the server has closed the connection")?.1)
}

fn serve(stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some((first, body)) = message(&mut stream)? {
        let (status, answer) = if first.starts_with("POST /mcp ") {
            match mcp(&serde_json::from_slice(&body)?) {
                Value::Null => ("202 Accepted", Vec::new()),
                answer => ("200 OK", answer.to_string().into_bytes()),
            }
        } else if first.contains(" /mcp ") {
            ("405 Method Not Allowed", Vec::new())
        } else {
            ("200 OK", br#"{"code": "1+1"}"#.to_vec())
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        stream.get_mut().write_all(&[head.as_bytes(), &answer].concat())?;
    }
    Ok(())
}

/// The first line and the body of the next message; `None` at the end.
fn message(stream: &mut BufReader<TcpStream>) -> anyhow::Result<Option<(String, Vec<u8>)>> {
    let mut first = String::new();
    if stream.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().context("a length is no number")?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some((first, body)))
}

fn mcp(request: &Value) -> Value {
    let Some(id) = request.get("id") else { return Value::Null };
    let result = match request["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": request["params"]["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "far", "version": "1"},
        }),
        Some("tools/list") => json!({"tools": [{
            "name": "echo",
            "inputSchema": {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]},
        }]}),
        _ => json!({"content": [{"type": "text", "text": "1+1"}]}),
    };
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}
