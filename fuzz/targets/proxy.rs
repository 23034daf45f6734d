//! The proxy's readers: a request that is taken leaves as one request to the host that was checked, and a greeting that
//! is read names the same server however much comes behind it.

#![no_main]

use actwright::hosts::Host;
use actwright::network::hello;
use actwright::network::request::{Kind, Request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = Request::parse(bytes) {
        checked(&request);
    }
    if let Ok(Some(greeting)) = hello::parse(bytes) {
        let more = [bytes, b"\x16\x03\x01"].concat();
        assert_eq!(hello::parse(&more).ok().flatten(), Some(greeting));
    }
});

fn checked(request: &Request) {
    if let Host::Name(name) = &request.host {
        // Normalised once is normalised for good.
        assert_eq!(Host::parse(name.as_str()).ok().as_ref(), Some(&request.host));
    }
    let Kind::Plain { head, .. } = &request.kind else { return };
    let end = head.windows(4).position(|window| window == b"\r\n\r\n");
    assert_eq!(end, Some(head.len() - 4), "one end, and nothing behind it");
    let text = String::from_utf8_lossy(head);
    let fields: Vec<&str> = text.split("\r\n").skip(1).collect();
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "no line that only some readers see");
    let hosts: Vec<&&str> = fields.iter().filter(|field| named(field, "host")).collect();
    assert_eq!(hosts.len(), 1, "{text}");
    let shown = hosts[0].split_once(':').map(|(_, value)| value.trim()).unwrap_or_default();
    let host = request.host.to_string();
    assert!(shown.starts_with(&host) || shown.starts_with(&format!("[{host}]")), "{shown} {host}");
    let lengths = fields.iter().filter(|field| named(field, "content-length")).count();
    assert!(lengths <= 1 && !fields.iter().any(|field| named(field, "transfer-encoding")), "{text}");
}

fn named(field: &str, name: &str) -> bool {
    field.split_once(':').is_some_and(|(known, _)| known.eq_ignore_ascii_case(name))
}
