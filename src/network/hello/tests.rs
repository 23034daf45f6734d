//! Greetings as clients send them, cut, spread over records, bent.

use super::*;

fn lengthy(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [kind.to_be_bytes().to_vec(), lengthy(content)].concat()
}

fn server_name(name: &str) -> Vec<u8> {
    extension(SERVER_NAME, &lengthy(&[&[0], lengthy(name.as_bytes()).as_slice()].concat()))
}

/// The handshake message with these extensions.
fn message(extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 1, 1, 0]);
    body.extend(lengthy(extensions));
    [&[CLIENT_HELLO], &(body.len() as u32).to_be_bytes()[1..], &body].concat()
}

/// In records of so many bytes.
fn records(message: &[u8], each: usize) -> Vec<u8> {
    let record = |part: &[u8]| [&[HANDSHAKE, 3, 1], lengthy(part).as_slice()].concat();
    message.chunks(each).flat_map(record).collect()
}

fn named(name: &str) -> Greeting {
    Greeting { name: Some(name.into()), is_hidden: false }
}

#[test]
fn the_name_is_found_however_it_is_cut() {
    let versions = extension(43, &[2, 3, 4]);
    let whole = message(&[versions, server_name("a.example"), extension(0x0a0a, &[])].concat());
    for each in [1, 2, 3, 4, 5, 50, 10_000] {
        let bytes = records(&whole, each);
        assert_eq!(parse(&bytes), Ok(Some(named("a.example"))), "records of {each}");
        for end in 0..bytes.len() {
            assert_eq!(parse(&bytes[..end]), Ok(None), "records of {each}, {end} bytes");
        }
        let more = [bytes, vec![20, 3, 3, 0, 1, 1]].concat();
        assert_eq!(parse(&more), Ok(Some(named("a.example"))));
    }
}

#[test]
fn a_greeting_without_a_name_and_one_that_hides_it() {
    assert_eq!(parse(&records(&message(&[]), 500)), Ok(Some(Greeting { name: None, is_hidden: false })));
    let hidden = message(&[server_name("a.example"), extension(ENCRYPTED_HELLO, &[0, 1])].concat());
    let expected = Greeting { is_hidden: true, ..named("a.example") };
    assert_eq!(parse(&records(&hidden, 500)), Ok(Some(expected)));
}

#[test]
fn what_is_not_tls_is_refused_at_once() {
    let two_names = extension(SERVER_NAME, &lengthy(&[&[0, 0, 1, b'a'][..], &[0, 0, 1, b'b']].concat()));
    let other_kind = extension(SERVER_NAME, &lengthy(&[1, 0, 1, b'a']));
    let empty = extension(SERVER_NAME, &lengthy(&[0, 0, 0]));
    let twice = [server_name("a.example"), server_name("a.example")].concat();
    let mut short = message(&server_name("a.example"));
    short.truncate(short.len() - 3);
    let length = (short.len() - 4) as u32;
    short[1..4].copy_from_slice(&length.to_be_bytes()[1..]);
    let mut server = message(&[]);
    server[0] = 2;
    let cases = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"SSH-2.0-OpenSSH\r\n".to_vec(),
        vec![0x80, 46, 1, 3, 1],
        vec![23, 3, 3, 0, 1, 0],
        vec![HANDSHAKE, 2, 0, 0, 1, 1],
        vec![HANDSHAKE, 3, 1, 0, 0],
        vec![HANDSHAKE, 3, 1, 0xff, 0xff],
        vec![HANDSHAKE, 3, 1, 0, 4, CLIENT_HELLO, 0xff, 0xff, 0xff],
        records(&server, 500),
        records(&message(&two_names), 500),
        records(&message(&other_kind), 500),
        records(&message(&empty), 500),
        records(&message(&twice), 500),
        records(&short, 500),
    ];
    for bytes in cases {
        assert_eq!(parse(&bytes), Err(Refusal::NotTls), "{bytes:?}");
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let whole = records(&message(&server_name("a.example")), 40);
    for at in 0..whole.len() {
        for byte in [0, 1, 0x7f, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            let _ = parse(&bytes);
        }
    }
}
