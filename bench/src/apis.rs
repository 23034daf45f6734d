//! What tools over HTTP cost, and what large sets of tools do: an API of 2,500 operations, 2,000 calls at once, memory.

use std::fmt::Write as _;
use std::fs;
use std::io::BufReader;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::cases::Bench;
use crate::client::Client;
use crate::memory;
use crate::sample::Sample;
use crate::table::{Row, number};
use crate::tools::{best, calls, measured};
use crate::{http, table};

/// Operations of the large document.
const OPERATIONS: usize = 2_500;

/// About as many characters are one token of English and JSON.
const TOKEN: f64 = 4.0;

impl Bench {
    /// One call over HTTP, of an MCP server and of an API, and thousands at once.
    pub fn remote_tools(&self) -> anyhow::Result<Vec<Row>> {
        let address = http::start()?;
        let base = self.base.join("remote");
        fs::create_dir_all(base.join("tools"))?;
        let servers = json!({"mcpServers": {
            "far": {"url": format!("http://{address}/mcp")},
            "near": {"command": self.echo},
        }});
        fs::write(base.join("mcp.json"), servers.to_string())?;
        let api = json!({
            "name": "api", "type": "rest", "base_url": format!("http://{address}"),
            "endpoints": [{"name": "echo", "path": "/echo", "params": {"code": {"type": "string"}}}],
        });
        fs::write(base.join("tools/api.json"), api.to_string())?;
        let mut client = self.served(&base)?;
        let times = self.effort.times(2_000);
        let far = measured(&mut client, &calls("tools.far.echo('1+1')", times))?;
        let api = measured(&mut client, &calls("tools.api.echo(code='1+1')", times))?;
        let mut stream = BufReader::new(TcpStream::connect(address)?);
        let floor = Sample::take(times, || http::ask(&mut stream, "/echo?code=1").map(drop))?.median();
        let gather = include_str!("cells/tool_gather_many.py");
        let many = |client: &mut Client, call: &str| {
            Ok::<_, anyhow::Error>(-best(client, &gather.replace("CALL", call), self.effort)?)
        };
        let near = many(&mut client, "tools.near.echo(code='1+1')")?;
        let remote = many(&mut client, "tools.api.echo(code='1+1')")?;
        let rate = |millis: f64| format!("{} calls/s", number(1e3 / millis));
        let beside = format!("bare request on a kept connection: {} ms", number(floor));
        Ok(vec![
            Row::new("one call of an upstream over HTTP", far, "ms")
                .beside(format!("{}; {beside}", rate(far))),
            Row::new("one call of a REST API", api, "ms").beside(format!("{}; {beside}", rate(api))),
            Row::new("2000 gathered calls of an upstream's echo (best run)", near, "ms")
                .beside(rate(near / 2e3)),
            Row::new("2000 gathered calls of a REST API (best run)", remote, "ms").beside(rate(remote / 2e3)),
        ])
    }

    /// An OpenAPI document of thousands of operations: from nothing to the list, and what a search tells a model.
    pub fn large_api(&self) -> anyhow::Result<Vec<Row>> {
        let base = self.base.join("large");
        fs::create_dir_all(base.join("tools"))?;
        fs::write(base.join("tools/large.yaml"), "name: large\ntype: openapi\nspec: large.json\n")?;
        let document = document().to_string();
        fs::write(base.join("tools/large.json"), &document)?;
        let path = base.to_str().context("the base directory is not UTF-8")?;
        let load = Sample::take(self.effort.times(20), || {
            let output =
                Command::new(&self.program).args(["tools", "list", "large", "--base", path]).output()?;
            let lines = String::from_utf8_lossy(&output.stdout).matches("\n  tools.large.").count();
            if lines == OPERATIONS { Ok(()) } else { bail!("{lines} operations are listed") }
        })?;
        let mut rows = vec![
            Row::new(format!("{OPERATIONS} operations: from process start to the list"), load.median(), "ms")
                .p95(load.quantile(0.95))
                .beside(format!("a document of {} MB", number(document.len() as f64 / 1e6))),
        ];
        let mut client = self.served(&base)?;
        for detail in ["names", "signatures", "full"] {
            let arguments = json!({"query": "create invoice of a customer", "limit": 10, "detail": detail});
            let answer = client.ask("tools/call", json!({"name": "search_tools", "arguments": arguments}))?;
            let text = answer.message["result"]["content"][0]["text"].as_str().unwrap_or_default();
            if !text.contains("nvoice") {
                bail!("the search found {text}");
            }
            let row = Row::new(
                format!("{OPERATIONS} operations: ten found, detail {detail}"),
                text.chars().count() as f64 / TOKEN,
                "tokens",
            );
            rows.push(row.beside("characters / 4"));
        }
        let warm = search(&mut client, "create invoice of a customer", self.effort.times(200))?;
        rows.push(Row::new(
            format!("{OPERATIONS} operations: one search over MCP, warm"),
            warm.median(),
            "ms",
        ));
        Ok(rows)
    }

    /// What a catalog of thousands costs a running server; `base` holds it.
    pub fn catalog_memory(&self, base: &Path, count: usize) -> anyhow::Result<Vec<Row>> {
        let empty = self.base.join("empty");
        fs::create_dir_all(&empty)?;
        let mut without = self.served(&empty)?;
        without.ask("tools/call", json!({"name": "list_tools", "arguments": {}}))?;
        let mut with = self.served(base)?;
        let warm = search(&mut with, "thing 7 of 321", self.effort.times(200))?;
        let (more, less) = (memory::of_process(with.pid())?, memory::of_process(without.pid())?);
        Ok(vec![
            Row::new(format!("{count} tools: one search over MCP, warm"), warm.median(), "ms")
                .p95(warm.quantile(0.95)),
            Row::new(format!("{count} tools: memory of the server, after a search"), more, "MB")
                .beside(format!("without any: {} MB", table::number(less))),
        ])
    }

    fn served(&self, base: &Path) -> anyhow::Result<Client> {
        let base = base.to_str().context("the base directory is not UTF-8")?;
        Client::connect(&self.program, &["serve", "--base", base])
    }
}

fn search(client: &mut Client, query: &str, times: usize) -> anyhow::Result<Sample> {
    let call = json!({"name": "search_tools", "arguments": {"query": query}});
    client.ask("tools/call", call.clone())?;
    Sample::take(times, || client.ask("tools/call", call.clone()).map(drop))
}

/// Operations as large APIs have them: parameters of every place, bodies with references, a sentence or two.
fn document() -> Value {
    let nouns = [
        "invoice", "customer", "order", "payment", "refund", "ticket", "user", "report", "webhook", "coupon",
    ];
    let verbs =
        [("get", "list"), ("post", "create"), ("get", "find"), ("put", "replace"), ("delete", "remove")];
    let mut paths = serde_json::Map::new();
    for number in 0..OPERATIONS {
        let noun = nouns[number % nouns.len()];
        let (method, verb) = verbs[number / nouns.len() % verbs.len()];
        let mut words = String::new();
        // Writing to a string cannot fail.
        let _ = write!(
            words,
            "{verb}s the {noun} of area {number}. It needs the scope {noun}:{method}, and is limited."
        );
        let text = json!({"type": "string", "description": format!("The {noun}'s own key.")});
        let mut operation = json!({
            "operationId": format!("{verb}_{noun}_{number}"),
            "summary": format!("{verb} {noun} {number}"),
            "description": words,
            "parameters": [
                {"name": "area", "in": "path", "required": true, "schema": {"type": "string"}},
                {"name": "expand", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
                {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}},
                {"name": "X-Trace", "in": "header", "schema": text},
            ],
            "responses": {"200": {"description": "Fine.", "content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{noun}")}}}}},
        });
        if matches!(method, "post" | "put") {
            operation["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{noun}")}}}});
        }
        paths.insert(format!("/areas/{{area}}/{noun}/{number}"), json!({method: operation}));
    }
    let schemas: serde_json::Map<String, Value> = nouns
        .iter()
        .map(|noun| {
            let properties = json!({
                "id": {"type": "string", "description": format!("Of the {noun}.")},
                "amount": {"type": "integer", "minimum": 0},
                "currency": {"enum": ["eur", "usd", "jpy"]},
                "notes": {"type": "array", "items": {"type": "object", "properties": {"text": {"type": "string"}, "by": {"type": "string"}}}},
                "parent": {"$ref": format!("#/components/schemas/{noun}")},
            });
            ((*noun).to_owned(), json!({"type": "object", "properties": properties, "required": ["amount", "currency"]}))
        })
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {"title": "A large API", "version": "1"},
        "servers": [{"url": "http://127.0.0.1:9"}],
        "paths": paths,
        "components": {"schemas": schemas},
    })
}
