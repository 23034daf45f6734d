//! Commands from YAML: what their command lines become, what comes back, and what is refused before anything is started.

use serde_json::json;

use super::{over, over_with, raised, said, upstream_file, value};
use crate::support::Client;

/// A command that shows its arguments, in the way that files for the older format describe one.
fn shown() -> String {
    let script = upstream_file("argv.py");
    format!(
        r#"
name: show
command: python3
args: ["-I", "{}"]
description: Shows its arguments. It has more words.
timeout: 20
tags: [demo]
output: json
schema:
  options:
    verbose: {{type: boolean, short: v, description: Talk more}}
    header: {{type: array, short: H}}
    count: {{type: integer, short: c}}
    level: {{type: string, enum: [low, high]}}
    name: {{type: string}}
    exit: {{type: integer}}
  positional:
    - {{name: what, type: string, required: true, description: What to show}}
    - {{name: more, type: array}}
recipes:
  show:
    description: The plain way
    preset: {{count: 1}}
    params: {{what: {{}}, count: {{}}}}
  loud:
    description: With all noise
    preset: {{verbose: true, level: high}}
    params:
      what: {{default: nothing}}
      header: {{description: A header}}
      level: {{default: low}}
  plain:
    preset: {{level: low}}
"#,
        script.display()
    )
}

#[test]
fn a_command_line_is_options_in_order_then_positionals() {
    let mut client = over(&[("tools/show.yaml", &shown())]);
    let mut check = |call: &str, expected: &str| assert_eq!(value(&mut client, call), expected, "{call}");
    // The recipe with the tool's own name is what calling the tool means.
    check("tools.show(what='a')", "['-c', '1', 'a']");
    check("tools.show.show('a')", "['-c', '1', 'a']");
    check("tools.show('a', count=7)", "['-c', '7', 'a']");
    // The caller over the preset, the preset over the default.
    check("tools.show.loud()", "['-v', '--level', 'high', 'nothing']");
    check("tools.show.loud(level='low', verbose=False)", "['--level', 'low', 'nothing']");
    check(
        "tools.show.loud(header=['A: 1', 'B: 2'])",
        "['-v', '-H', 'A: 1', '-H', 'B: 2', '--level', 'high', 'nothing']",
    );
    check(
        "tools.show.plain(what='w', more=['x', 2], name='n', count=0)",
        "['-c', '0', '--level', 'low', '--name', 'n', 'w', 'x', '2']",
    );
    check("tools.show.plain('w', ['x'], level=None)", "['--level', 'low', 'w', 'x']");
    check("[tool['name'] for tool in tools.show.list()]", "['', 'show', 'loud', 'plain']");
    check("str(__import__('inspect').signature(tools.show.show))", r#""(what: 'str', count: 'int' = 1)""#);
    check("dir(tools.show)", "['list', 'loud', 'plain', 'show']");
}

#[test]
fn values_stay_values() {
    let mut client = over(&[("tools/show.yaml", &shown())]);
    let mut check = |call: &str, expected: &str| assert_eq!(value(&mut client, call), expected, "{call}");
    check(
        "tools.show.plain(what='$(id); `id` | x > y && z * ~ \"q\" \\'', name='a\\nb ')",
        r#"['--level', 'low', '--name', 'a\nb ', '$(id); `id` | x > y && z * ~ "q" \'']"#,
    );
    check("tools.show.plain('w', name='--help')", "['--level', 'low', '--name=--help', 'w']");
    check("tools.show.plain('w', header=['-x'])", "['-H-x', '--level', 'low', 'w']");
    check("tools.show.plain('w', count=-3)", "['-c-3', '--level', 'low', 'w']");
    check("tools.show.plain('', name='')", "['--level', 'low', '--name', '', '']");
    check("tools.show.plain('-')", "['--level', 'low', '-']");
    check("tools.show.plain('añ漢\\u202e')", "['--level', 'low', 'añ漢\\u202e']");
    let dash = raised(&mut client, "tools.show.plain('--exit=3')");
    assert_eq!(dash.0, "ToolArgumentError");
    insta::assert_snapshot!(dash.1, @"tools.show.plain: argument `what`: `--exit=3` begins with `-`, and the program would take it for an option; its tool file can say `end_of_options: true` if the program understands `--`");
    insta::assert_snapshot!(raised(&mut client, "tools.show.plain('w', name='a\\0b')").1, @"tools.show.plain: argument `name` holds a NUL character, which no command line can");
    insta::assert_snapshot!(raised(&mut client, "tools.show.plain('w', name='\\ud800')").1, @"tools.show.plain: argument `name` holds a text with lone surrogates");
}

#[test]
fn wrong_arguments_are_refused_before_anything_starts() {
    let mut client = over(&[("tools/show.yaml", &shown())]);
    let mut refused = |call: &str| {
        let (kind, message) = raised(&mut client, call);
        assert_eq!(kind, "ToolArgumentError", "{call}: {message}");
        message
    };
    insta::assert_snapshot!(refused("tools.show.show()"), @"tools.show.show: argument `what` is missing; it is called as tools.show.show(what: str, count: int = 1)");
    insta::assert_snapshot!(refused("tools.show.show('a', cuont=1)"), @"tools.show.show: there is no argument `cuont` (did you mean `count`?); it is called as tools.show.show(what: str, count: int = 1)");
    insta::assert_snapshot!(refused("tools.show.show('a', count='many')"), @"tools.show.show: argument `count`: \"many\" is not of type \"integer\"; it is called as tools.show.show(what: str, count: int = 1)");
    insta::assert_snapshot!(refused("tools.show.plain('a', level='middle')"), @"tools.show.plain: argument `level`: \"middle\" is not one of \"low\" or \"high\"; it is called as tools.show.plain(what: str, more: list[str | int | float] = None, verbose: bool = None, header: list[str | int | float] = None, count: int = None, level: Literal['low', 'high'] = 'low', name: str = None, exit: int = None)");
    insta::assert_snapshot!(refused("tools.show.show('a', 2, 3)"), @"tools.show.show: takes 2 positional arguments and got 3; it is called as tools.show.show(what: str, count: int = 1)");
    insta::assert_snapshot!(refused("tools.show.show('a', what='b')"), @"tools.show.show: argument `what` is given twice; it is called as tools.show.show(what: str, count: int = 1)");
    insta::assert_snapshot!(refused("tools.show.show(object())"), @"tools.show.show: a value of type object cannot cross to the host; convert it to plain data first; it is called as tools.show.show(what: str, count: int = 1)");
    insta::assert_snapshot!(refused("tools.show.show({1, 2})"), @"tools.show.show: argument `what` holds a set; use a list");
    insta::assert_snapshot!(refused("tools.show.show(b'bytes')"), @"tools.show.show: argument `what` is bytes; this one takes plain data; it is called as tools.show.show(what: str, count: int = 1)");
    insta::assert_snapshot!(refused("tools.show.show('a', count=float('nan'))"), @"tools.show.show: argument `count` holds the float NaN, which JSON cannot say");
    insta::assert_snapshot!(refused("x = []\nx.append(x)\ntools.show.plain('a', x)"), @"tools.show.plain: the value is nested too deeply, or contains itself; it is called as tools.show.plain(what: str, more: list[str | int | float] = None, verbose: bool = None, header: list[str | int | float] = None, count: int = None, level: Literal['low', 'high'] = 'low', name: str = None, exit: int = None)");
}

/// Three commands over the same script that differ in what becomes of their output.
fn forms() -> String {
    let script = upstream_file("argv.py").display().to_string();
    let common = |name: &str, more: &str| {
        format!(
            "  - name: {name}\n    command: python3\n    args: [\"-I\", \"{script}\"]\n    schema:\n      options:\n        exit: {{type: integer}}\n        big: {{type: integer}}\n        tell: {{type: string}}\n        bad: {{type: boolean}}\n        read: {{type: boolean}}\n        where: {{type: boolean}}\n{more}"
        )
    };
    let secret = "    env: {KEY: \"${A_TOKEN}\", BASIC: \"${OTHER:-plain}\", N: 5}\n";
    [
        "tools:\n".to_owned(),
        common("text", &format!("{secret}    cwd: inner\n    stdin: true\n")),
        common("lines", "    output: lines\n    success: [0, 1, 4]\n"),
        common("json", "    output: json\n    stdin: true\n"),
        common("bytes", "    output: bytes\n    stdin: true\n"),
        common("lost", "    cwd: nowhere\n"),
    ]
    .concat()
}

fn with_forms() -> Client {
    let token = "hush-hush/+token";
    over_with(&[("tools/forms.yaml", &forms()), ("inner/x", "")], &[("A_TOKEN", token)])
}

#[test]
fn what_comes_back_is_what_its_file_says() {
    let mut client = with_forms();
    let mut check = |call: &str, expected: &str| assert_eq!(value(&mut client, call), expected, "{call}");
    check("tools.text(read=True, stdin='añb')", "'b\u{fffd}\u{fffd}a'");
    check("tools.bytes(read=True, stdin=b'\\x00\\xff\\x01')", "Media(3 bytes, 'application/octet-stream')");
    check(
        "r = tools.bytes(read=True, stdin=b'\\x00\\xff\\x01')\nbytes(r), isinstance(r, bytes)",
        r"(b'\x01\xff\x00', True)",
    );
    check("tools.json(read=True, stdin=b'}1 :\"a\"{')", "{'a': 1}");
    check("tools.lines(exit=4)", "['half an answer']");
    check("tools.text(where=True).strip().endswith('/inner')", "True");
    let (kind, message) = raised(&mut client, "tools.json(read=True, stdin='}')");
    assert_eq!(kind, "ToolError");
    insta::assert_snapshot!(message, @"tools.json: its output is not JSON (expected value at line 1 column 1), and its file says `output: json`");
    let failed = "try:\n    tools.lines(exit=3)\nexcept ToolError as e:\n    r = (type(e).__name__, str(e), e.kind, e.tool, e.exit_code, e.stderr, e.stdout, e.status)\nr";
    insta::assert_snapshot!(value(&mut client, failed), @"('ToolError', 'tools.lines: exit code 3: it went wrong', 'failed', 'lines', 3, 'it went wrong\\n', 'half an answer\\n', None)");
    insta::assert_snapshot!(raised(&mut client, "tools.lost()").1, @"tools.lost: it could not be started: there is no directory `nowhere` to run it in");
}

#[test]
fn secrets_never_come_back() {
    let mut client = with_forms();
    assert_eq!(value(&mut client, "tools.text(tell='KEY')"), "'***\\n'");
    assert_eq!(value(&mut client, "tools.text(tell='BASIC'), tools.text(tell='N')"), "('plain\\n', '5\\n')");
    // The server's own variables are not the command's.
    assert_eq!(value(&mut client, "tools.text(tell='A_TOKEN')"), "'\\n'");
    let code = "try:\n    tools.text(tell='KEY', bad=True)\nexcept ToolError as e:\n    r = str(e), e.stdout, e.stderr\nr";
    insta::assert_snapshot!(value(&mut client, code), @"('tools.text: exit code 9: stderr has ***', '***\\n', 'stderr has ***\\n')");
    let direct = said(&mut client, "call_tool", json!({"name": "text", "arguments": {"tell": "KEY"}}));
    assert_eq!(direct, "***\n");
    let (_, traceback) = raised(&mut client, "tools.text(tell='KEY', bad=True)");
    assert!(!traceback.contains("hush"), "{traceback}");
}

#[test]
fn large_outputs_arrive_and_too_large_ones_are_refused() {
    let mut client = with_forms();
    let code = "r = tools.text(big=10)\nlen(r), r[:16], r[-16:]";
    assert_eq!(value(&mut client, code), "(10485760, '0123456789abcdef', '0123456789abcdef')");
    let code = "r = tools.bytes(big=63)\nn = len(r)\ndel r\nn";
    assert_eq!(value(&mut client, code), "66060288");
    let (kind, message) = raised(&mut client, "tools.text(big=65)");
    assert_eq!(kind, "ToolError");
    insta::assert_snapshot!(message, @"tools.text: it wrote more than 64 MB and was ended");
}

#[test]
fn what_cannot_be_used_is_named_and_the_rest_works() {
    let mut client = over(&[
        ("tools/a.yaml", "name: away\ncommand: no-such-program\n"),
        ("tools/b.yaml", "name: broken\ncomand: x\n"),
        ("tools/c.yaml", "name: clash-it\ncommand: 'true'\n"),
        ("tools/d.yaml", "name: clash_it\ncommand: 'true'\n"),
        ("tools/e.yaml", "name: unset\ncommand: 'true'\nenv: {K: '${NOT_SET_ANYWHERE}'}\n"),
        ("tools/f.yaml", "{{ not yaml"),
        ("tools/g.yaml", "# only a comment\n"),
        ("tools/ok.yaml", "name: fine\ncommand: 'true'\nschema: {options: {n: {type: integer}}}\n"),
        ("tools/readme.txt", "nothing"),
        (
            "mcp.json",
            "\t{\n\t\"mcpServers\": {\"off\": {\"command\": \"x\", \"disabled\": true}, \"none\": {\"type\": \"http\"}, \"e\": {\"url\": \"ftp:\\/\\/x\\ud83d\\ude00\"}}}\n",
        ),
    ]);
    insta::assert_snapshot!(said(&mut client, "list_tools", json!({})), @r#"
    tools.away (command, cannot be used: there is no program `no-such-program` on this machine)
      tools.away() -> str
    tools.clash_it (command, `clash-it`)
      tools.clash_it() -> str
    tools.fine (command)
      tools.fine(n: int = None) -> str
    broken: tools/b.yaml, `broken`: the file has the key `comand`, which means nothing; did you mean `command`?
    broken: tools/e.yaml, `unset`: in `env`: the environment variable `NOT_SET_ANYWHERE` is not set; set it where the server is started, or write `${NOT_SET_ANYWHERE:-default}`
    broken: tools/f.yaml: error: line 1 column 2: unclosed bracket '{'
     --> <input>:1:2
      |
    1 | {{ not yaml
      |  ^ unclosed bracket '{'
    broken: mcp.json, `none`: it has neither a `command` nor a `url` for its `type`
    broken: mcp.json, `e`: `url` must begin with http:// or https://
    broken: `clash_it`: its namespace `tools.clash_it` is taken by `clash-it`; rename one of them
    note: tools/ok.yaml, `fine`: option `n` is passed as `--n`, which few programs understand; write `short: n` for `-n`
    "#);
    assert_eq!(value(&mut client, "tools.fine()"), "''");
    insta::assert_snapshot!(raised(&mut client, "tools.away()").1, @"tools.away: it could not be started: there is no program `no-such-program` on this machine");
    insta::assert_snapshot!(raised(&mut client, "tools.fnie()").1, @"there is no `tools.fnie`; did you mean `tools.fine`?");
    insta::assert_snapshot!(raised(&mut client, "tools.broken()").1, @"there is no `tools.broken` (tools/b.yaml, `broken`: the file has the key `comand`, which means nothing; did you mean `command`?). tools.list() shows what there is");
    insta::assert_snapshot!(raised(&mut client, "tools.unset()").1, @"there is no `tools.unset` (tools/e.yaml, `unset`: in `env`: the environment variable `NOT_SET_ANYWHERE` is not set; set it where the server is started, or write `${NOT_SET_ANYWHERE:-default}`). tools.list() shows what there is");
    insta::assert_snapshot!(raised(&mut client, "tools.fine.other()").1, @"tools.fine has no `other`. tools.fine.list() shows what there is");
    assert_eq!(
        value(&mut client, "hasattr(tools, 'broken'), hasattr(tools, 'fine'), hasattr(tools.fine, 'x')"),
        "(False, True, False)"
    );
}
