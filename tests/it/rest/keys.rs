//! Keys: filled in where they belong, kept from everything else, and never seen by code.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::{client, failure, value};
use crate::support::Client;
use crate::support::api::{Api, reply, reply_json};

const TOKEN: &str = "tok3n/with+signs";

fn schemes() -> Value {
    json!({
        "head": {"type": "apiKey", "in": "header", "name": "X-Key"},
        "query": {"type": "apiKey", "in": "query", "name": "key"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "sid"},
        "bearer": {"type": "http", "scheme": "bearer"},
        "basic": {"type": "http", "scheme": "basic"},
        "oauth": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {}}}},
    })
}

/// An operation for each scheme, one for none and one for the document's own.
fn document() -> Value {
    let mut paths = serde_json::Map::new();
    for name in schemes().as_object().unwrap().keys() {
        paths.insert(format!("/{name}"), json!({"get": {"operationId": name, "security": [{name: []}]}}));
    }
    paths.insert("/open".into(), json!({"get": {"operationId": "open", "security": []}}));
    paths.insert(
        "/own".into(),
        json!({"get": {"operationId": "own", "parameters": [{"name": "X-Key", "in": "header", "required": true, "schema": {}}]}}),
    );
    let security = json!([{"head": []}]);
    json!({"openapi": "3.0.3", "paths": paths, "security": security, "components": {"securitySchemes": schemes()}})
}

fn api(server: &Api, auth: &str) -> Client {
    let file = format!(
        "name: api\ntype: rest\nspec: specs/api.json\nbase_url: {}\nretries: 0\nauth:\n{auth}\n",
        server.url()
    );
    client(&[("api.yaml", file), ("specs/api.json", document().to_string())], &[("TOKEN", TOKEN)])
}

#[test]
fn each_operation_gets_its_own_key_and_no_other() {
    let server = Api::echo();
    let auth = "
  - {scheme: head, value: '${TOKEN}'}
  - {scheme: query, value: '${TOKEN}'}
  - {scheme: cookie, value: 'c00kie-value'}
  - {scheme: bearer, token: '${TOKEN}'}
  - {scheme: basic, username: me, password: 'pa55word:x'}";
    let mut client = api(&server, auth);
    let mut sent = |name: &str| {
        value(&mut client, &format!("tools.api.{name}()"));
        let request = server.heard().pop().unwrap();
        let header = |name: &str| request.header(name).map(str::to_owned);
        (request.target.clone(), header("x-key"), header("cookie"), header("authorization"))
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(sent("head"), ("/head".into(), text(TOKEN), None, None));
    assert_eq!(sent("own"), ("/own".into(), text(TOKEN), None, None));
    assert_eq!(sent("query"), ("/query?key=tok3n%2Fwith%2Bsigns".into(), None, None, None));
    assert_eq!(sent("cookie"), ("/cookie".into(), None, text("sid=c00kie-value"), None));
    assert_eq!(sent("bearer"), ("/bearer".into(), None, None, Some(format!("Bearer {TOKEN}"))));
    assert_eq!(sent("basic"), ("/basic".into(), None, None, text("Basic bWU6cGE1NXdvcmQ6eA==")));
    assert_eq!(sent("open"), ("/open".into(), None, None, None));
    // What the file fills in is no argument any more.
    assert_eq!(value(&mut client, "tools.schema('api.own')['input']['properties']"), json!({}));
}

#[test]
fn a_key_without_a_scheme_is_for_all_that_want_one() {
    let server = Api::echo();
    let mut client = api(&server, "  - {token: '${TOKEN}'}");
    value(&mut client, "[tools.api.own(X_Key='mine'), tools.api.open()]");
    let heard = server.heard();
    assert_eq!(heard[0].header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    assert_eq!(heard[1].header("authorization"), None);
}

#[test]
fn keys_never_come_back() {
    // Says everything it was told, in the body and with a status that raises, at a length that is cut.
    let server = Api::start(|request| {
        let told = format!("{}{:?} {}", "x".repeat(980), request.header("authorization"), request.target);
        let status = if request.path() == "/basic" { 403 } else { 200 };
        let body = json!({"told": told, "headers": request.header("x-key")}).to_string();
        reply(status, &[("Content-Type", "application/json")], body.as_bytes())
    });
    let auth = "
  - {scheme: head, value: '${TOKEN}'}
  - {scheme: query, value: '${TOKEN}'}
  - {scheme: bearer, token: '${TOKEN}'}
  - {scheme: basic, username: me, password: 'pa55word:x'}";
    let mut client = api(&server, auth);
    for name in ["head", "query", "bearer", "basic"] {
        let shown = value(&mut client, &format!("attempt(tools.api.{name})")).to_string();
        assert!(shown.contains("***"), "{shown}");
        for secret in [TOKEN, "tok3n", "pa55", "bWU6"] {
            assert!(!shown.contains(secret), "{name}: {secret} in {shown}");
        }
    }
}

#[test]
fn a_clients_token_is_fetched_once_kept_and_renewed() {
    let tokens = AtomicUsize::new(0);
    let server = Api::start(move |request| match request.path() {
        "/token" => {
            let token = format!("access-token-{}", tokens.fetch_add(1, Ordering::Relaxed));
            reply_json(&json!({"access_token": token, "expires_in": 18_446_744_073_709_551_615_u64}))
        }
        // The first token ends before its time.
        _ if request.before > 20 && request.header("authorization") == Some("Bearer access-token-0") => {
            reply(401, &[], b"")
        }
        _ => reply_json(&json!({"used": request.header("authorization")})),
    });
    let auth = format!(
        "  - {{scheme: oauth, client_id: me, client_secret: 'client-s3cret', token_url: '{}/token', scopes: [a, b c]}}",
        server.url()
    );
    let mut client = api(&server, &auth);
    client.run("import asyncio\nasync def all(n): return await asyncio.gather(*(tools.api.oauth() for i in range(n)))");
    let answers = value(&mut client, "await all(20)");
    assert_eq!(answers[19], json!({"used": "Bearer ***"}));
    let tokens: Vec<_> = server.heard().into_iter().filter(|request| request.path() == "/token").collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(String::from_utf8_lossy(&tokens[0].body), "grant_type=client_credentials&scope=a%20b%20c");
    assert_eq!(tokens[0].header("authorization"), Some("Basic bWU6Y2xpZW50LXMzY3JldA=="));
    assert_eq!(value(&mut client, "await all(25)").as_array().unwrap().len(), 25);
    assert_eq!(server.heard().iter().filter(|request| request.path() == "/token").count(), 1);
}

#[test]
fn a_token_server_that_fails_says_so_without_the_secret() {
    let server = Api::start(|request| match request.path() {
        "/token" => reply(401, &[], request.header("authorization").unwrap().as_bytes()),
        _ => reply_json(&json!(1)),
    });
    let auth = format!(
        "  - {{scheme: oauth, client_id: me, client_secret: 'client-s3cret', token_url: '{}/token'}}",
        server.url()
    );
    let mut client = api(&server, &auth);
    let (kind, shown) = failure(&mut client, "tools.api.oauth");
    assert_eq!(
        (kind.as_str(), shown.as_str()),
        ("unavailable", "tools.api.oauth: the token server answered 401")
    );
    assert_eq!(server.targets(), ["POST /token"]);
}

#[test]
fn a_program_is_asked_for_another_key_when_the_server_takes_its_last_one_no_more() {
    let server = Api::start(|request| match request.header("authorization") {
        Some("Bearer key-number-1") if request.before > 1 => reply(401, &[], b"too old"),
        Some(key) => reply_json(&json!({"tail": key.chars().last().unwrap().to_string()})),
        None => reply(401, &[], b"none"),
    });
    // It gives another key each time.
    let key = "${cmd:sh -c 'echo x >> asked; echo key-number-$(wc -l < asked)'}";
    let mut client = api(&server, &format!("  - {{scheme: bearer, token: \"{key}\"}}"));
    for _ in 0..2 {
        assert_eq!(value(&mut client, "tools.api.bearer()"), json!({"tail": "1"}));
    }
    let refused = failure(&mut client, "tools.api.bearer");
    assert_eq!(refused.0, "failed", "{refused:?}");
    assert_eq!(value(&mut client, "tools.api.bearer()"), json!({"tail": "2"}));
}
