//! What a request is made of: every place and style of parameter, and every kind of body, as a server sees them.

use serde_json::{Value, json};

use super::{client, failure, value};
use crate::support::api::Api;

fn parameter(place: &str, style: &str, explode: bool) -> Value {
    json!({"name": "color", "in": place, "required": place == "path", "style": style, "explode": explode, "schema": {}})
}

/// A document with an operation for each style, called as its place, style and `_x` where it is exploded.
fn styles() -> Value {
    let mut paths = serde_json::Map::new();
    let styles = [
        ("path", ["simple", "label", "matrix"].as_slice()),
        ("query", ["form", "spaceDelimited", "pipeDelimited", "deepObject"].as_slice()),
        ("header", ["simple"].as_slice()),
        ("cookie", ["form"].as_slice()),
    ];
    for (place, styles) in styles {
        for style in styles {
            for explode in [false, true] {
                let name = format!("{place}_{style}{}", if explode { "_x" } else { "" });
                let path = if place == "path" { format!("/{name}/{{color}}") } else { format!("/{name}") };
                let get = json!({"operationId": name, "parameters": [parameter(place, style, explode)]});
                paths.insert(path, json!({"get": get}));
            }
        }
    }
    json!({"openapi": "3.0.3", "info": {"title": "Styles"}, "paths": paths})
}

fn api(server: &Api, document: &Value) -> crate::support::Client {
    let file = json!({"name": "api", "type": "rest", "spec": "specs/api.json", "base_url": format!("{}/v1/", server.url())});
    client(&[("api.json", file.to_string()), ("specs/api.json", document.to_string())], &[])
}

#[test]
fn every_style_arrives_as_openapi_says() {
    let server = Api::echo();
    let mut client = api(&server, &styles());
    let mut check = |call: &str, expected: &str| {
        let echo = value(&mut client, &format!("tools.api.{call}"));
        let seen = match call.split('_').next().unwrap() {
            "header" => &echo["headers"]["color"],
            "cookie" => &echo["headers"]["cookie"],
            _ => &echo["target"],
        };
        assert_eq!(seen.as_str().unwrap().rsplit('/').next().unwrap(), expected, "{call}");
    };
    check("path_simple('a/b ü')", "a%2Fb%20%C3%BC");
    check("path_simple(['blue', 'black'])", "blue,black");
    check("path_simple_x({'R': 1, 'G': 2})", "R=1,G=2");
    check("path_label(['blue', 'black'])", ".blue,black");
    check("path_label_x({'R': 1})", ".R=1");
    check("path_matrix(['blue', 'black'])", ";color=blue,black");
    check("path_matrix_x(['blue', 'black'])", ";color=blue;color=black");
    check("query_form(['a,b', 'c&d'])", "query_form?color=a%2Cb,c%26d");
    check("query_form_x(['a', 'b'])", "query_form_x?color=a&color=b");
    check("query_form_x({'R': 1, 'G': 2})", "query_form_x?R=1&G=2");
    check("query_spaceDelimited(['a', 'b'])", "query_spaceDelimited?color=a%20b");
    check("query_pipeDelimited(['a', 'b'])", "query_pipeDelimited?color=a%7Cb");
    check("query_deepObject_x({'a': {'b': True}})", "query_deepObject_x?color%5Ba%5D%5Bb%5D=true");
    check("query_form()", "query_form");
    check("header_simple(['a', 'b'])", "a,b");
    check("header_simple_x({'R': 1, 'G': 2})", "R=1,G=2");
    check("cookie_form('a; b=c')", "color=a%3B%20b%3Dc");
    check("cookie_form_x(['a', 'b'])", "color=a; color=b");
}

#[test]
fn arguments_cannot_lead_elsewhere_or_smuggle_anything() {
    let server = Api::echo();
    let mut client = api(&server, &styles());
    server.heard();
    for (call, words) in [
        ("tools.api.path_simple, '..'", "it would lead elsewhere"),
        ("tools.api.path_label, '.'", "it would lead elsewhere"),
        ("tools.api.path_simple, ''", "cannot be empty"),
        ("tools.api.path_simple, []", "cannot be empty"),
        ("tools.api.header_simple, 'a\\r\\nX-Evil: 1'", "control character"),
        ("tools.api.header_simple, ['a', 'b\\n']", "control character"),
        ("tools.api.header_simple, 'a\\0b'", "control character"),
        ("tools.api.header_simple, host='x'", "there is no argument `host`"),
    ] {
        let (kind, shown) = failure(&mut client, call);
        assert_eq!(kind, "arguments", "{call}: {shown}");
        assert!(shown.contains(words), "{call}: {shown}");
    }
    assert_eq!(server.targets(), [""; 0]);
    for (given, seen) in [
        ("%2e%2e", "%252e%252e"),
        ("a\\\\..\\\\b", "a%5C..%5Cb"),
        ("x?y#z", "x%3Fy%23z"),
        ("\\r\\n", "%0D%0A"),
    ] {
        let echo = value(&mut client, &format!("tools.api.path_simple('{given}')"));
        assert_eq!(echo["target"], format!("/v1/path_simple/{seen}"));
    }
}

#[test]
fn a_document_cannot_set_what_is_ours_or_send_elsewhere() {
    let server = Api::echo();
    let headers = ["Host", "Cookie", "Content-Length", "Transfer-Encoding", "Connection", "X-Fine"];
    let parameters: Vec<Value> = headers
        .iter()
        .map(|name| json!({"name": name, "in": "header", "schema": {"type": "string"}}))
        .collect();
    let document = json!({
        "openapi": "3.1.0",
        "servers": [{"url": "http://169.254.169.254"}],
        "paths": {
            "/plain": {"get": {"operationId": "plain", "parameters": parameters}},
            "//evil.example/x": {"get": {"operationId": "slashes"}},
            "https://evil.example/x": {"get": {"operationId": "whole"}},
            "/a/../../x": {"get": {"operationId": "dots"}},
            "@evil.example/x": {"get": {"operationId": "at"}},
            "/header": {"get": {"operationId": "name", "parameters": [{"name": "X\r\nY", "in": "header", "schema": {}}]}},
        },
    });
    let mut client = api(&server, &document);
    let schema = value(&mut client, "tools.schema('api.plain')['input']['properties']");
    assert_eq!(schema.as_object().unwrap().keys().collect::<Vec<_>>(), ["X-Fine"]);
    for (call, target) in [
        ("slashes", "/v1/evil.example/x"),
        ("whole", "/v1/https://evil.example/x"),
        ("at", "/v1/@evil.example/x"),
    ] {
        assert_eq!(value(&mut client, &format!("tools.api.{call}()"))["target"], target);
    }
    assert!(failure(&mut client, "tools.api.dots").1.contains("it would lead elsewhere"));
    assert!(failure(&mut client, "tools.api.name, 'x'").1.contains("the request cannot be made"));
    let headers = &value(&mut client, "tools.api.plain(X_Fine='ü')")["headers"];
    assert_eq!(headers["host"], server.address.to_string());
    assert!(headers["accept-encoding"].is_null(), "{headers}");
}

#[test]
fn bodies_arrive_in_every_form() {
    let server = Api::echo();
    let fields = json!({"type": "object", "required": ["a"], "properties": {"a": {}, "b": {}}});
    let body = |media_type: &str, schema: &Value| json!({"required": true, "content": {media_type: {"schema": schema}}});
    let post = |name: &str, body: Value| json!({"post": {"operationId": name, "requestBody": body}});
    let file = json!({"type": "object", "properties": {"note": {"type": "string"}, "file": {"type": "string", "format": "binary"}}});
    let document = json!({"openapi": "3.0.3", "paths": {
        "/json": post("json", body("application/json", &fields)),
        "/form": post("form", body("application/x-www-form-urlencoded", &fields)),
        "/parts": post("parts", body("multipart/form-data", &file)),
        "/raw": post("raw", body("application/octet-stream", &json!({"type": "string", "format": "binary"}))),
        "/any": post("any", body("image/*", &json!({}))),
        "/list": post("list", body("application/json", &json!({"type": "array", "items": {"type": "integer"}}))),
        "/body": {"post": {
            "operationId": "body",
            "parameters": [{"name": "body", "in": "query", "schema": {"type": "string"}}],
            "requestBody": body("application/json", &json!({"type": "array"})),
        }},
    }});
    let mut client = api(&server, &document);
    let mut sent = |call: &str| {
        value(&mut client, &format!("tools.api.{call}"));
        let request = server.heard().pop().unwrap();
        (request.header("content-type").unwrap().to_owned(), request.target.clone(), request.body)
    };
    let json = "application/json".to_owned();
    assert_eq!(
        sent("json(a=[1, {'x': None}], b='é')"),
        (json.clone(), "/v1/json".into(), "{\"a\":[1,{\"x\":null}],\"b\":\"é\"}".into())
    );
    assert_eq!(sent("form(a=[1, 'x y'], b=True)").2, b"a=1&a=x%20y&b=true");
    assert_eq!(sent("list_([1, 2])").2, b"[1,2]");
    assert_eq!(sent("body(body='q', body_content=[1])"), (json, "/v1/body?body=q".into(), b"[1]".to_vec()));
    assert_eq!(sent("raw(bytes(range(256)))").2, (0..=255).collect::<Vec<u8>>());
    assert_eq!(sent("any(b'x')").0, "application/octet-stream");
    let (media_type, _, body) = sent("parts(note='a\\r\\n--x', file=b'\\x00\\xff')");
    let boundary = media_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    let shown = String::from_utf8_lossy(&body).into_owned();
    assert!(
        shown.starts_with(&format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n"
        )),
        "{shown}"
    );
    assert!(body.windows(6).any(|bytes| bytes == b"\r\n\x00\xff\r\n"), "{shown}");
    assert!(shown.contains("name=\"note\"\r\n\r\na\r\n--x\r\n"), "{shown}");
    let (kind, shown) = failure(&mut client, "tools.api.json, b=1");
    assert!(kind == "arguments" && shown.contains("argument `a` is missing"), "{shown}");
}

#[test]
fn endpoints_are_written_by_hand() {
    let server = Api::echo();
    let file = format!(
        "
name: shop
type: rest
base_url: {}
headers: {{X-Version: 3}}
endpoints:
  - name: get_item
    path: /items/{{id}}
    params:
      id: {{type: integer}}
      fields: {{type: array, items: {{type: string}}, description: What to show.}}
      X-Trace: {{in: header, type: string}}
      X-Version: {{in: header, type: string, required: true}}
  - name: add_item
    method: post
    path: /items
    body:
      required: true
      schema: {{type: object, required: [name], properties: {{name: {{type: string}}, price: {{type: number}}}}}}
  - name: put_picture
    method: PUT
    path: /picture
    body: {{type: image/png}}
",
        server.url()
    );
    let mut client = client(&[("shop.yaml", file)], &[]);
    let signatures = value(&mut client, "[tool['signature'] for tool in tools.shop.list()]");
    assert_eq!(
        signatures,
        json!([
            "tools.shop.get_item(id: int, fields: list[str] = None, X_Trace: str = None)",
            "tools.shop.add_item(name: str, price: float = None)",
            "tools.shop.put_picture(body: bytes = None)",
        ])
    );
    let echo = value(&mut client, "tools.shop.get_item(7, fields=['a', 'b'], X_Trace='t')");
    assert_eq!(echo["target"], "/items/7?fields=a&fields=b");
    assert_eq!((&echo["headers"]["x-trace"], &echo["headers"]["x-version"]), (&json!("t"), &json!("3")));
    assert_eq!(
        value(&mut client, "tools.shop.add_item('x', price=1.5)")["body"],
        r#"{"name":"x","price":1.5}"#
    );
    let echo = value(&mut client, "tools.shop.put_picture(b'png')");
    assert_eq!(
        (&echo["method"], &echo["body"], &echo["headers"]["content-type"]),
        (&json!("PUT"), &json!("png"), &json!("image/png"))
    );
    let (kind, shown) = failure(&mut client, "tools.shop.get_item, 'x'");
    assert!(kind == "arguments" && shown.contains("argument `id`"), "{shown}");
}
