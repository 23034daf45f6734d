//! Upstream servers that behave: what their results become in code, their names, progress, resources, prompts, changes.

use std::time::Duration;

use serde_json::json;

use super::{heard, over, raised, said, scripted, value};
use crate::support::processes::{await_that, below_named};
use crate::support::{Client, report, text};

fn good() -> Client {
    over(&[("mcp.json", &scripted("up", "good"))])
}

#[test]
fn a_server_is_started_when_it_is_first_needed() {
    let mut client = good();
    value(&mut client, "tools, 1");
    value(&mut client, "dir(tools), hasattr(tools, '_x'), repr(tools)");
    client.request("tools/list", json!({})).unwrap();
    assert!(heard(&client, "up").is_empty());
    assert!(below_named(client.pid(), "scripted.py").is_empty());
    assert_eq!(value(&mut client, "tools.up.add(1)"), "'2'");
    assert_eq!(value(&mut client, "tools.up.add(1, 5)"), "'6'");
    let starts = heard(&client, "up").iter().filter(|line| line.starts_with("start")).count();
    assert_eq!(starts, 1);
}

#[test]
fn results_are_what_the_server_gave() {
    let mut client = good();
    let mut check = |call: &str, expected: &str| assert_eq!(value(&mut client, call), expected, "{call}");
    check("tools.up.structured()", "{'n': 3, 'o': [None, True]}");
    check("tools.up.text()", "'one\\ntwo'");
    check("tools.up.json_text()", "'{\"a\": [1, 2]}'");
    check(
        "r = tools.up.image()\nr, r.media_type, r[:4], isinstance(r, bytes)",
        "(Media(67 bytes, 'image/png'), 'image/png', b'\\x89PNG', True)",
    );
    check("tools.up.mixed()", "['see', Media(67 bytes, 'image/png')]");
    check(
        "r = tools.up.resource()\nbytes(r), r.media_type, r.uri",
        "(b'\\x00\\x01\\x02', 'application/x-test', 'test://blob')",
    );
    check("tools.up.link()", "{'uri': 'test://note', 'name': 'note'}");
    check(
        "r = tools.up.numbers()\nr == {'big': 2**70, 'negative': -2**70, 'float': 0.1, 'huge': 1e300, 'one': 1.0, 'zero': -0.0, 'none': None}, {k: type(v).__name__ for k, v in r.items()}",
        "(True, {'big': 'int', 'negative': 'int', 'float': 'float', 'huge': 'float', 'one': 'float', 'zero': 'float', 'none': 'NoneType'})",
    );
    check(
        "import math\ndata = {'int': 2**200, 'neg': -2**64, 'f': 1e-300, 'nest': [{'a': [[], {}, None]}], 's': 'añ\\u2028\\x00', 't': (1, 2), 'k': {'': 1}}\nr = tools.up.echo(data)['value']\ndata['t'] = [1, 2]\nr == data",
        "True",
    );
    check("tools.up.echo(None), tools.up.echo([])", "({'value': None}, {'value': []})");
}

#[test]
fn an_image_of_a_tool_is_shown() {
    let mut client = good();
    let result = client.run("tools.up.image()");
    assert_eq!(result["content"][1]["mimeType"], "image/png", "{result}");
    let direct = client.call("call_tool", json!({"name": "up.image", "arguments": {}}));
    assert_eq!(direct["content"][0]["type"], "image", "{direct}");
}

#[test]
fn failures_carry_the_servers_words() {
    let mut client = good();
    let code = "def fails(f, *a, **k):\n    try: f(*a, **k)\n    except Exception as e: return type(e).__name__, str(e), e.kind, e.tool, e.status, e.body\n[fails(tools.up.fails, 'disk full'), fails(tools.up.errors)]";
    insta::assert_snapshot!(value(&mut client, code), @"[('ToolError', 'tools.up.fails: disk full', 'failed', 'up.fails', None, {'code': 7}), ('ToolError', 'tools.up.errors: no such luck', 'failed', 'up.errors', -32050, None)]");
    insta::assert_snapshot!(raised(&mut client, "tools.up.wrong_result()").1, @"tools.up.wrong_result: the server gave no tool result but something else");
    insta::assert_snapshot!(raised(&mut client, "tools.up.nothing_like_it()").1, @"tools.up has no `nothing_like_it`. tools.up.list() shows what there is");
    insta::assert_snapshot!(raised(&mut client, "tools.up.imagee()").1, @"tools.up has no `imagee`; did you mean `image`?");
    insta::assert_snapshot!(raised(&mut client, "tools.up()").1, @"tools.up is a namespace; call one of its tools, tools.up.list() shows them");
    let kinds = "issubclass(ToolTimeoutError, TimeoutError), issubclass(ToolArgumentError, TypeError), issubclass(ToolNotFoundError, AttributeError), issubclass(ToolDeniedError, PermissionError), issubclass(ToolUnavailableError, ConnectionError), all(issubclass(k, ToolError) for k in (ToolTimeoutError, ToolArgumentError, ToolNotFoundError, ToolDeniedError, ToolUnavailableError))";
    assert_eq!(value(&mut client, kinds), "(True, True, True, True, True, True)");
    // What was not sent was not heard.
    assert!(!heard(&client, "up").iter().any(|line| line.contains("imagee")));
}

#[test]
fn hostile_names_become_names() {
    let mut client = good();
    let names =
        "[(t['name'], t.get('original')) for t in tools.up.list() if 'original' in t or 'get' in t['name']]";
    insta::assert_snapshot!(value(&mut client, names), @"[('get_thing_2', 'get-thing'), ('get_thing', None), ('class_', 'class'), ('init__', '__init__'), ('list_', 'list'), ('nom_o__est', 'nom/où est')]");
    let code = "tools.up.class_(), tools.up.init__(), tools.up.list_(), tools.up.nom_o__est(), tools.up.get_thing(), tools.up.get_thing_2(), getattr(tools.up, 'get-thing')()";
    insta::assert_snapshot!(value(&mut client, code), @"('class {}', '__init__ {}', 'list {}', 'nom/où est {}', 'get_thing {}', 'get-thing {}', 'get-thing {}')");
    let code = "tools.up.dashes(some_name='a', from_='b', self='c', timeout='d'), tools.up.dashes(**{'some-name': 'a', 'from': 'b'})";
    insta::assert_snapshot!(value(&mut client, code), @"('dashes {\"from\": \"b\", \"self\": \"c\", \"some-name\": \"a\", \"timeout\": \"d\"}', 'dashes {\"from\": \"b\", \"some-name\": \"a\"}')");
    let code = "[hasattr(tools.up, n) for n in ('__wrapped__', '_repr_html_', '__len__', '__iter__', '__deepcopy__', 'x' * 10000, 'a.b', 'ñ', '')]";
    assert_eq!(value(&mut client, code), "[False, False, False, False, False, False, False, False, False]");
    assert_eq!(
        value(&mut client, "import copy, pickle\ncopy.copy(tools.up) is not None, callable(tools.up.add)"),
        "(True, True)"
    );
}

#[test]
fn progress_of_a_tool_is_progress_of_the_cell() {
    let mut client = good();
    value(&mut client, "tools.up.add(1)");
    for code in ["tools.up.progress()", "await tools.up.progress()"] {
        client.notifications.clear();
        let id = client.begin("run_code", json!({"code": code}), "p1");
        assert_eq!(report(&client.answer(&id).unwrap())["result"], "'finished'");
        // Those that come close together are told as one.
        client.await_print("/3 step ");
    }
}

#[test]
fn resources_and_prompts_are_reachable() {
    let mut client = good();
    let mut check = |call: &str, expected: &str| assert_eq!(value(&mut client, call), expected, "{call}");
    check("tools.up.resources.list()", "[{'uri': 'test://note', 'name': 'note', 'mimeType': 'text/plain'}]");
    check("tools.up.resources.read('test://note')", "'a note'");
    check(
        "r = tools.up.resources.read('test://blob')\nr, bytes(r)",
        "(Media(2 bytes, 'application/x-test'), b'\\x00\\xff')",
    );
    check(
        "tools.up.prompts.list()",
        "[{'name': 'greet', 'arguments': [{'name': 'who', 'required': True}]}, {'name': 'part'}]",
    );
    check(
        "tools.up.prompts.get('greet', who='Ann')",
        "{'messages': [{'role': 'user', 'content': {'type': 'text', 'text': 'Greet Ann'}}]}",
    );
    let (kind, message) = raised(&mut client, "tools.up.resources.read('test://none')");
    assert_eq!(kind, "ToolError");
    insta::assert_snapshot!(message, @"tools.up: no such resource");
}

#[test]
fn changed_lists_are_followed() {
    let mut client = good();
    assert_eq!(value(&mut client, "hasattr(tools.up, 'grown_0')"), "False");
    // In the same cell and in the next.
    assert_eq!(
        value(&mut client, "tools.up.grow()\nimport time; time.sleep(0.3)\ntools.up.grown_0()"),
        "'I am new'"
    );
    value(&mut client, "tools.up.grow()");
    await_that("the new tool is listed", || value(&mut client, "'grown_1' in dir(tools.up)") == "True");
    assert!(
        said(&mut client, "list_tools", json!({"server": "up", "limit": 100})).contains("tools.up.grown_1()")
    );
    assert!(said(&mut client, "search_tools", json!({"query": "grown_1"})).contains("tools.up.grown_1"));
}

#[test]
fn shapes_are_learned_without_values() {
    let mut client = good();
    assert_eq!(value(&mut client, "repr(tools.schema('up.unsaid')['output'])"), "'None'");
    value(&mut client, "for n in range(4): tools.up.unsaid(n)");
    insta::assert_snapshot!(value(&mut client, "tools.schema('up.unsaid')['output']"), @"{'type': 'object', 'properties': {'id': {'type': 'integer'}, 'name': {'type': 'string'}}, 'required': ['id', 'name'], 'x-learned-from': {'results': 4, 'confidence': 'medium'}}");
    insta::assert_snapshot!(value(&mut client, "tools.schema('tools.up.structured')['output']"), @"{'type': 'object', 'properties': {'n': {'type': 'integer'}}}");
}

#[test]
fn what_helps_to_find_a_tool() {
    let mut client = good();
    insta::assert_snapshot!(value(&mut client, "tools.search('add', limit=2)"), @"[{'name': 'up.add', 'signature': 'tools.up.add(a: int, b: int = 1)', 'summary': 'Does add.', 'score': 0.896}]");
    insta::assert_snapshot!(value(&mut client, "import inspect\nstr(inspect.signature(tools.up.add)), tools.up.add.__doc__, tools.up.add.__name__"), @"(\"(a: 'int', b: 'int' = 1)\", 'Does add. More words.\\n\\nArgs:\\n    a\\n    b', 'add')");
    let helped = client.run("help(tools.up.dashes)");
    let expected = "Help on function dashes:\n\ndashes(some_name: 'str' = None, from_: 'str' = None, self: 'str' = None, \
                    timeout: 'str' = None)\n    Does dashes. More words.\n    \n    Args:\n        some_name: \
                    (`some-name` in the tool's own words)\n        from_: (`from` in the tool's own words)\n        \
                    self\n        timeout\n\n";
    assert_eq!(report(&helped)["stdout"], expected);
    let whole = client.run("help(tools.up)");
    assert!(text(&whole).contains("tools.up.add(a: int, b: int = 1)"), "{}", text(&whole));
    client.listen(Duration::from_millis(1));
}
