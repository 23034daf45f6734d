//! One story that every kind of tool must pass: the same tools as a command, over MCP in both ways, and over REST with a
//! document and with a list of endpoints.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{over_with, raised, said, upstream_file, value};
use crate::support::processes::await_that;
use crate::support::{Client, report};

const TOKEN: &str = "hush-hush-4711";
const POLICY: &str = "[tools.policy.\"shop.forbidden\"]\npermission = \"deny\"\n\n[tools.policy.\"shop.consent\"]\npermission = \"ask\"\n";

/// What the tools are called and take, in their order. A command's recipes take what they preset as well.
const SIGNATURES: [&str; 8] = [
    "tools.shop.put(key: str, value: int, tag: str = 'none'",
    "tools.shop.get(key: str",
    "tools.shop.slow(seconds: float",
    "tools.shop.big(size: int",
    "tools.shop.words(words: list[str] = None, loud: bool = None, note: str = None",
    "tools.shop.secret(",
    "tools.shop.forbidden(",
    "tools.shop.consent(",
];

/// The server over HTTP; it ends when it is dropped.
struct Shop {
    child: Child,
    port: u16,
}

impl Shop {
    fn start(heard: &Path) -> Self {
        let mut command = Command::new("python3");
        command.arg("-I").arg(upstream_file("shop.py")).arg("http").env("HEARD", heard);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, port: line.trim().parse().unwrap() }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn tell(files: &[(&str, String)], heard: &Path) {
    let mut files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    files.push(("actwright.toml", POLICY));
    let mut client = over_with(&files, &[("SHOP_TOKEN", TOKEN)]);
    is_shown(&mut client);
    is_called(&mut client);
    is_refused(&mut client, heard);
    is_waited_for(&mut client, heard);
}

/// Lists, search, signatures, help.
fn is_shown(client: &mut Client) {
    let listed = said(client, "list_tools", json!({"server": "shop"}));
    for signature in SIGNATURES {
        assert!(listed.contains(signature), "{signature}\n{listed}");
    }
    let found = said(client, "search_tools", json!({"query": "shop put", "limit": 1}));
    assert!(found.contains("tools.shop.put("), "{found}");
    let mut check = |code: &str, expected: &str| assert_eq!(value(client, code), expected, "{code}");
    check(
        "s = tools.shop\n[t['name'] for t in s.list() if t['name']]",
        "['put', 'get', 'slow', 'big', 'words', 'secret', 'forbidden', 'consent']",
    );
    check(
        "import inspect\np = inspect.signature(s.put).parameters\nlist(p)[:3], p['tag'].default, p['value'].annotation",
        "(['key', 'value', 'tag'], 'none', 'int')",
    );
    check(
        "s.put.__name__, 'put' in dir(s), 'shop' in dir(tools), 'key' in s.put.__doc__",
        "('put', True, True, True)",
    );
    check(
        "[n for n in ('key', 'tag', 'value') if n in tools.schema('shop.put')['input']['properties']], tools.schema('shop.put')['input']['required']",
        "(['key', 'tag', 'value'], ['key', 'value'])",
    );
}

/// Positional, by keyword, awaited, in any text, with what may be left out, one after the other and all at once.
fn is_called(client: &mut Client) {
    let mut check = |code: &str, expected: &str| assert_eq!(value(client, code), expected, "{code}");
    check("s.put('tea', 3)", "{'key': 'tea', 'value': 3, 'tag': 'none'}");
    check("s.put('tea', 4, tag='hot')['value'], s.put(tag='x', value=-5, key='ice')['value']", "(4, -5)");
    check("s.get('tea')", "{'key': 'tea', 'value': 4, 'tag': 'hot'}");
    check("await s.get(key='ice')", "{'key': 'ice', 'value': -5, 'tag': 'x'}");
    check("for n in range(3): s.put('ice', s.get('ice')['value'] + 1)\ns.get('ice')['value']", "-2");
    check(
        "k = 'ä\\u2028\\U0001f980 \"\\'\\\\ %20&=?#/$(id);'\ns.put(k, 1)['key'] == k and s.get(k)['key'] == k",
        "True",
    );
    check("s.put('-n', 1)['key'], s.put('--tag', 2, tag='-x')['tag']", "('-n', '-x')");
    check("s.words()", "{'words': [], 'loud': False, 'note': None}");
    check(
        "s.words(['a b', '-c', 'ü'], True, note='n')",
        "{'words': ['a b', '-c', 'ü'], 'loud': True, 'note': 'n'}",
    );
    check(
        "s.words(None, loud=False, note=None), s.words(words=[])['words']",
        "({'words': [], 'loud': False, 'note': None}, [])",
    );
    check("r = s.big(700_000)['text']\nlen(r), set(r)", "(700000, {'é'})");
    check("'hush' in str(s.secret()), s.secret()['token'].endswith('***')", "(False, True)");
    check(
        "import asyncio\n[r['value'] for r in await asyncio.gather(*[s.get('tea') for _ in range(10)])] == [4] * 10",
        "True",
    );
    let started = Instant::now();
    check("len(await asyncio.gather(*[s.slow(1.5) for _ in range(8)]))", "8");
    // One after the other they would take twelve seconds; the bound is wide for busy machines.
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

/// By the arguments, by the policy, before anything is sent; and by the tool itself.
fn is_refused(client: &mut Client, heard: &Path) {
    let before = lines(heard);
    for (call, words) in [
        ("s.put('a')", "argument `value` is missing"),
        ("s.put()", "arguments `key`, `value` are missing"),
        ("s.put('a', 'b')", "argument `value`: \"b\" is not of type \"integer\""),
        ("s.put('a', 1.5)", "argument `value`: 1.5 is not of type \"integer\""),
        ("s.put(1, 1)", "argument `key`: 1 is not of type \"string\""),
        ("s.put('a', 1, taag='b')", "there is no argument `taag` (did you mean `tag`?)"),
        ("s.get('a', 'b', 'c')", "positional arguments and got 3"),
        ("s.put('a', key='b', value=1)", "argument `key` is given twice"),
        ("s.words('a')", "argument `words`: \"a\" is not of type \"array\""),
        ("await s.put('a')", "argument `value` is missing"),
    ] {
        let (kind, message) = raised(client, call);
        assert_eq!(kind, "ToolArgumentError", "{call}: {message}");
        assert!(
            message.contains(words) && message.contains("it is called as tools.shop."),
            "{call}: {message}"
        );
    }
    for name in ["forbidden", "consent"] {
        let (kind, message) = raised(client, &format!("f = getattr(s, '{name}')\nf()"));
        assert_eq!(kind, "ToolDeniedError", "{message}");
    }
    let (kind, message) = raised(client, "s.putt('a', 1)");
    assert_eq!(
        (kind.as_str(), message.as_str()),
        ("ToolNotFoundError", "tools.shop has no `putt`; did you mean `put`?")
    );
    assert_eq!(lines(heard), before, "something was sent");
    let (kind, message) = raised(client, "s.get('nothing')");
    assert_eq!(kind, "ToolError");
    assert!(message.starts_with("tools.shop.get: ") && message.contains("no such key: nothing"), "{message}");
    let code = "def fate(key):\n    try:\n        return s.get(key)['value']\n    except ToolError as error:\n        return error.kind, error.tool\n[fate(k) for k in ('tea', 'none')]";
    assert_eq!(value(client, code), "[4, ('failed', 'shop.get')]");
}

/// Not longer than it may take, not longer than it is wanted.
fn is_waited_for(client: &mut Client, heard: &Path) {
    let (kind, message) = raised(client, "s.slow(30)");
    assert_eq!(kind, "ToolTimeoutError", "{message}");
    let started = Instant::now();
    let (kind, _) = raised(client, "await asyncio.wait_for(s.slow(1.5), 0.2)");
    assert!(kind.ends_with("TimeoutError"), "{kind}");
    let before = lines(heard);
    let id = client.begin("run_code", json!({"code": "s.slow(1.6)"}), "t");
    await_that("the call has come", || lines(heard) > before);
    client.cancel(&id);
    assert_eq!(value(client, "s.get('tea')['value']"), "4");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let result = client.run("s.get('tea')");
    assert_eq!(report(&result)["status"], "ok");
    // For a client without code it is the same.
    let result = client.call("call_tool", json!({"name": "shop.get", "arguments": {"key": "tea"}}));
    let data: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(data, json!({"key": "tea", "value": 4, "tag": "hot"}));
}

fn lines(heard: &Path) -> usize {
    std::fs::read_to_string(heard).unwrap_or_default().lines().count()
}

#[test]
fn a_command_tells_it() {
    let room = tempfile::tempdir().unwrap();
    let heard = room.path().join("heard");
    let param = |name: &str| format!("{name}: {{required: true}}");
    let recipes = [
        ("put", format!("{}, {}, tag: {{default: none}}", param("key"), param("value"))),
        ("get", param("key")),
        ("slow", param("seconds")),
        ("big", param("size")),
        ("words", "words: {}, loud: {}, note: {}".to_owned()),
        ("secret", String::new()),
        ("forbidden", String::new()),
        ("consent", String::new()),
    ];
    let mut yaml = format!(
        "name: shop\ncommand: python3\nargs: [-I, '{}', cli]\ntimeout: 6\noutput: json\n\
         env: {{HEARD: '{}', TOKEN: '${{SHOP_TOKEN}}'}}\nschema:\n  options:\n    key: {{type: string}}\n    \
         value: {{type: integer}}\n    tag: {{type: string}}\n    seconds: {{type: number}}\n    size: {{type: integer}}\n    \
         words: {{type: array, items: {{type: string}}}}\n    loud: {{type: boolean}}\n    note: {{type: string}}\n  positional:\n    \
         - {{name: action, type: string, required: true}}\nrecipes:\n",
        upstream_file("shop.py").display(),
        heard.display(),
    );
    for (name, params) in recipes {
        yaml += &format!(
            "  {name}: {{description: Does {name}., preset: {{action: {name}}}, params: {{{params}}}}}\n"
        );
    }
    tell(&[("tools/shop.yaml", yaml)], &heard);
}

#[test]
fn a_server_on_pipes_tells_it() {
    let room = tempfile::tempdir().unwrap();
    let heard = room.path().join("heard");
    let server = json!({
        "command": "python3",
        "args": ["-I", upstream_file("shop.py"), "stdio"],
        "env": {"HEARD": heard, "TOKEN": "${SHOP_TOKEN}"},
        "timeout": 6000,
    });
    tell(&[("mcp.json", json!({"mcpServers": {"shop": server}}).to_string())], &heard);
}

#[test]
fn a_server_over_http_tells_it() {
    let room = tempfile::tempdir().unwrap();
    let heard = room.path().join("heard");
    let shop = Shop::start(&heard);
    let server = json!({
        "url": format!("http://127.0.0.1:{}/mcp", shop.port),
        "headers": {"Authorization": "Bearer ${SHOP_TOKEN}"},
        "timeout": 6000,
    });
    tell(&[("mcp.json", json!({"mcpServers": {"shop": server}}).to_string())], &heard);
}

/// The tools of the shop: method, name, and its parameters.
fn operations() -> Vec<(&'static str, &'static str, Value)> {
    let text = json!({"type": "string"});
    vec![
        (
            "post",
            "put",
            json!({"key": text, "value": {"type": "integer"}, "tag": {"type": "string", "default": "none"}}),
        ),
        ("get", "get", json!({"key": text})),
        ("get", "slow", json!({"seconds": {"type": "number"}})),
        ("get", "big", json!({"size": {"type": "integer"}})),
        (
            "get",
            "words",
            json!({"words": {"type": "array", "items": text}, "loud": {"type": "boolean"}, "note": text}),
        ),
        ("get", "secret", json!({})),
        ("get", "forbidden", json!({})),
        ("get", "consent", json!({})),
    ]
}

fn is_required(name: &str) -> bool {
    ["key", "value", "seconds", "size"].contains(&name)
}

#[test]
fn an_api_with_a_document_tells_it() {
    let room = tempfile::tempdir().unwrap();
    let heard = room.path().join("heard");
    let shop = Shop::start(&heard);
    let mut paths = json!({});
    for (method, name, properties) in operations() {
        let properties = properties.as_object().unwrap();
        let mut operation = json!({"operationId": name, "summary": format!("Does {name}."), "responses": {"200": {"description": "."}}});
        if method == "post" {
            let required: Vec<&String> = properties.keys().filter(|name| is_required(name)).collect();
            let schema = json!({"type": "object", "properties": properties, "required": required});
            operation["requestBody"] =
                json!({"required": true, "content": {"application/json": {"schema": schema}}});
        } else {
            let parameters = properties.iter().map(|(name, schema)| json!({"name": name, "in": "query", "required": is_required(name), "schema": schema}));
            operation["parameters"] = parameters.collect();
        }
        paths[format!("/{name}")] = json!({method: operation});
    }
    let document = json!({"openapi": "3.1.0", "info": {"title": "Shop", "version": "1"}, "paths": paths});
    let yaml = format!(
        "name: shop\ntype: openapi\nspec: specs/shop.json\nbase_url: http://127.0.0.1:{}/api\ntimeout: 6\nauth: [{{token: '${{SHOP_TOKEN}}'}}]\n",
        shop.port
    );
    tell(&[("tools/shop.yaml", yaml), ("tools/specs/shop.json", document.to_string())], &heard);
}

#[test]
fn an_api_with_endpoints_tells_it() {
    let room = tempfile::tempdir().unwrap();
    let heard = room.path().join("heard");
    let shop = Shop::start(&heard);
    let endpoints = operations().into_iter().map(|(method, name, properties)| {
        let properties = properties.as_object().unwrap();
        let mut endpoint = json!({"name": name, "path": format!("/{name}"), "method": method.to_uppercase(), "description": format!("Does {name}.")});
        if method == "post" {
            let required: Vec<&String> = properties.keys().filter(|name| is_required(name)).collect();
            endpoint["body"] = json!({"required": true, "schema": {"type": "object", "properties": properties, "required": required}});
        } else {
            let mut params = properties.clone();
            for (name, schema) in &mut params {
                schema["required"] = json!(is_required(name));
            }
            endpoint["params"] = Value::Object(params);
        }
        endpoint
    });
    let file = json!({
        "name": "shop", "type": "rest", "base_url": format!("http://127.0.0.1:{}/api", shop.port), "timeout": 6,
        "auth": [{"token": "${SHOP_TOKEN}"}], "endpoints": endpoints.collect::<Value>(),
    });
    tell(&[("tools/shop.json", file.to_string())], &heard);
}
