//! Tests of how arguments are encoded, in the examples that OpenAPI gives for its styles.

use serde_json::json;

use super::*;
use crate::tools::files::parse;
use crate::tools::rest::document::Document;

fn first(document: Value) -> Operation {
    Document::new(document).unwrap().operations(|_| true, &Map::new()).unwrap().remove(0)
}

/// A request with one parameter `color`, described by these fields.
fn prepared(path: &str, parameter: Value, value: Value) -> Prepared {
    let mut parameter = parameter;
    parameter["name"] = "color".into();
    let document = json!({
        "openapi": "3.1.0",
        "paths": {path: {"get": {"operationId": "x", "parameters": [parameter]}}},
    });
    let operation = first(document);
    let mut arguments = Arguments::default();
    arguments.values.insert("color".into(), value);
    Prepared::new("https://x", &operation, &arguments).unwrap()
}

fn list() -> Value {
    json!(["blue", "black", "brown"])
}

fn map() -> Value {
    json!({"R": 100, "G": 200, "B": 150})
}

#[test]
fn paths_are_written_in_every_style() {
    let check = |style: &str, explode: bool, value: Value, expected: &str| {
        let parameter = json!({"in": "path", "style": style, "explode": explode});
        assert_eq!(
            prepared("/{color}", parameter, value).url,
            format!("https://x/{expected}"),
            "{style} {explode}"
        );
    };
    check("simple", false, json!("blue"), "blue");
    check("simple", false, list(), "blue,black,brown");
    check("simple", false, map(), "R,100,G,200,B,150");
    check("simple", true, map(), "R=100,G=200,B=150");
    check("label", false, json!("blue"), ".blue");
    check("label", true, list(), ".blue.black.brown");
    check("label", true, map(), ".R=100.G=200.B=150");
    check("matrix", false, json!("blue"), ";color=blue");
    check("matrix", false, list(), ";color=blue,black,brown");
    check("matrix", true, list(), ";color=blue;color=black;color=brown");
    check("matrix", true, map(), ";R=100;G=200;B=150");
    check("simple", false, json!("a/b?c#d é"), "a%2Fb%3Fc%23d%20%C3%A9");
}

#[test]
fn a_path_never_leads_elsewhere() {
    let document = json!({"openapi": "3.0.0", "paths": {"/a/{id}/b": {"get": {"operationId": "x"}}}});
    let operation = first(document);
    for dots in ["..", "."] {
        let mut arguments = Arguments::default();
        arguments.values.insert("id".into(), dots.into());
        let refused = Prepared::new("https://x", &operation, &arguments).unwrap_err().message;
        assert!(refused.contains("it would lead elsewhere"), "{refused}");
    }
}

#[test]
fn queries_are_written_in_every_style() {
    let check = |parameter: Value, value: Value, expected: &str| {
        let mut parameter = parameter;
        parameter["in"] = "query".into();
        let address = prepared("/p", parameter.clone(), value).address();
        assert_eq!(address, format!("https://x/p?{expected}"), "{parameter}");
    };
    check(json!({}), json!("blue"), "color=blue");
    check(json!({}), list(), "color=blue&color=black&color=brown");
    check(json!({"explode": false}), list(), "color=blue,black,brown");
    check(json!({}), map(), "R=100&G=200&B=150");
    check(json!({"explode": false}), map(), "color=R,100,G,200,B,150");
    check(json!({"style": "spaceDelimited", "explode": false}), list(), "color=blue%20black%20brown");
    check(json!({"style": "pipeDelimited", "explode": false}), list(), "color=blue%7Cblack%7Cbrown");
    check(json!({"style": "deepObject"}), map(), "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150");
    check(json!({}), json!("a&b=c d"), "color=a%26b%3Dc%20d");
    check(json!({"allowReserved": true}), json!("a/b:c&d"), "color=a/b:c%26d");
    check(json!({}), json!(true), "color=true");
    check(json!({"content": {"application/json": {}}}), json!({"a": 1}), "color=%7B%22a%22%3A1%7D");
}

fn with_body(content: Value, arguments: Arguments) -> Content {
    let document = json!({
        "openapi": "3.0.3",
        "paths": {"/p": {"post": {"operationId": "x", "requestBody": {"required": true, "content": content}}}},
    });
    let operation = first(document);
    Prepared::new("https://x", &operation, &arguments).unwrap().body
}

#[test]
fn bodies_are_written_by_their_media_type() {
    let fields = json!({"schema": {"type": "object", "properties": {"a": {}, "b": {}}}});
    let mut arguments = Arguments::default();
    arguments.values.insert("a".into(), json!([1, "x y"]));
    arguments.values.insert("b".into(), json!({"c": 2.5}));
    let check =
        |media_type: &str, expected: &str| match with_body(json!({media_type: fields}), arguments.clone()) {
            Content::Bytes(sent, bytes) => {
                assert_eq!(
                    (sent.as_str(), String::from_utf8(bytes).unwrap().as_str()),
                    (media_type, expected)
                );
            }
            other => panic!("{other:?}"),
        };
    check("application/json", r#"{"a":[1,"x y"],"b":{"c":2.5}}"#);
    check("application/x-www-form-urlencoded", "a=1&a=x%20y&b=%7B%22c%22%3A2.5%7D");
    let mut arguments = Arguments::default();
    arguments.values.insert("a".into(), "text".into());
    arguments.bytes.insert("b".into(), vec![0, 255]);
    let Content::Parts(parts) = with_body(json!({"multipart/form-data": fields}), arguments) else {
        panic!("parts")
    };
    assert_eq!((parts[0].name.as_str(), parts[0].bytes.as_slice()), ("a", &b"text"[..]));
    assert_eq!((parts[1].name.as_str(), parts[1].bytes.as_slice()), ("b", &[0, 255][..]));
    let mut arguments = Arguments::default();
    arguments.bytes.insert("body".into(), vec![1, 2]);
    let raw = with_body(json!({"application/octet-stream": {}}), arguments);
    assert!(matches!(raw, Content::Bytes(_, bytes) if bytes == [1, 2]));
}

#[test]
fn a_document_becomes_operations_with_converted_schemas() {
    let text = "
openapi: 3.0.3
info: {title: Shop}
servers: [{url: 'https://{region}.example.org/v1', variables: {region: {default: eu}}}]
paths:
  /items/{id}:
    parameters: [{$ref: '#/components/parameters/Id'}]
    get:
      operationId: getItem
      summary: One item.
      parameters: [{name: id, in: query, schema: {type: integer, nullable: true}}]
      responses: {'200': {content: {application/json: {schema: {$ref: '#/components/schemas/Item'}}}}}
components:
  parameters: {Id: {name: id, in: path, required: true, schema: {type: string, minimum: 1, exclusiveMinimum: true}}}
  schemas: {Item: {type: object, properties: {parent: {$ref: '#/components/schemas/Item'}}}}
";
    let document = Document::new(parse(text).unwrap()).unwrap();
    assert_eq!(document.servers(&Map::new()), ["https://eu.example.org/v1"]);
    let operation = document.operations(|_| true, &Map::new()).unwrap().remove(0);
    let raw = operation.raw(&[], std::time::Duration::from_secs(1));
    assert_eq!((raw.name.as_str(), raw.description.as_str()), ("getItem", "One item."));
    let expected = json!({
        "type": "object",
        "properties": {
            "id": {"type": ["integer", "null"]},
            "id_path": {"type": "string", "exclusiveMinimum": 1},
        },
        "required": ["id_path"],
        "additionalProperties": false,
    });
    assert_eq!(raw.input, expected);
    assert_eq!(raw.output.unwrap()["$defs"]["Item"]["properties"]["parent"]["$ref"], "#/$defs/Item");
}
