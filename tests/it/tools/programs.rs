//! Programs that people have, as tools in the format of files that exist: curl against a server of the test, jq, git.

use crate::support::api::{Api, reply};

use super::{over, raised, value};

const CURL: &str = r"
name: curl
command: curl
description: Transfers data from or to a server.
timeout: 5
tags: [http, web]
schema:
  options:
    silent: {type: boolean, short: s, description: No progress}
    show-error: {type: boolean, short: S, description: Errors all the same}
    fail: {type: boolean, short: f, description: An error status is a failure}
    location: {type: boolean, short: L, description: Follow redirects}
    request: {type: string, short: X, description: The method}
    header: {type: array, short: H, description: A header line}
    data: {type: string, short: d, description: The body}
    user-agent: {type: string, short: A, description: Who asks}
    get: {type: boolean, short: G, description: Send the data in the address}
    data-urlencode: {type: array, description: Data that is encoded}
  positional:
    - {name: url, type: string, required: true, description: Where}
recipes:
  get:
    description: Simple GET request
    preset: {silent: true, show-error: true, fail: true, location: true}
    params: {url: {}, header: {}}
  post:
    description: Sends JSON
    preset: {silent: true, show-error: true, fail: true, request: POST, header: ['Content-Type: application/json']}
    params: {url: {}, data: {}}
  search:
    description: Asks with a query
    preset: {silent: true, get: true}
    params: {url: {}, data-urlencode: {description: name=value}}
";

const JQ: &str = r"
tools:
  - name: jq
    command: jq
    description: Picks from JSON.
    timeout: 5
    stdin: true
    output: json
    schema:
      options:
        compact-output: {type: boolean, short: c}
        slurp: {type: boolean, short: s}
      positional: [{name: filter, type: string, required: true}]
  - name: jq_raw
    command: jq
    args: ['-r']
    timeout: 5
    stdin: true
    output: lines
    schema: {positional: [{name: filter, type: string, required: true}]}
";

const GIT: &str = r#"
tools:
  - {name: git_init, command: git, args: [init, --quiet], cwd: repo, timeout: 20}
  - name: git
    command: git
    description: Version control.
    timeout: 20
    cwd: repo
    end_of_options: true
    args: [add]
    schema: {positional: [{name: paths, type: array, required: true}]}
  - name: git_commit
    command: git
    args: [commit, --quiet]
    cwd: repo
    timeout: 20
    env: {GIT_AUTHOR_NAME: Ann, GIT_AUTHOR_EMAIL: a@example.org, GIT_COMMITTER_NAME: Ann, GIT_COMMITTER_EMAIL: a@example.org, GIT_CONFIG_GLOBAL: /dev/null}
    schema:
      options:
        message: {type: string, short: m}
        allow-empty: {type: boolean}
  - name: git_checkout
    command: git
    args: [checkout]
    cwd: repo
    timeout: 20
    schema: {positional: [{name: branch, type: string, required: true, pattern: "^[a-z]+$"}]}
"#;

const HISTORY: &str = r#"
name: history
command: git
args: [log, "--format=%s"]
cwd: repo
output: lines
timeout: 20
schema:
  options:
    most: {type: integer, short: n, minimum: 1}
    grep: {type: array, flag: --grep}
    reverse: {type: boolean}
"#;

#[test]
fn curl_asks_a_server() {
    let api = Api::start(|request| match request.path() {
        "/json" => reply(200, &[("Content-Type", "application/json")], br#"{"n": [1, 2]}"#),
        "/gone" => reply(404, &[("Content-Type", "text/plain")], b"not here"),
        "/slow" => {
            std::thread::sleep(std::time::Duration::from_secs(8));
            reply(200, &[("Content-Type", "text/plain")], b"late")
        }
        _ => reply(
            200,
            &[("Content-Type", "text/plain")],
            format!(
                "{} {} {} {}",
                request.method,
                request.target,
                request.header("x-one").or(request.header("content-type")).unwrap_or("-"),
                String::from_utf8_lossy(&request.body)
            )
            .as_bytes(),
        ),
    });
    let at = format!("http://{}", api.address);
    let mut client = over(&[("tools/curl.yaml", CURL)]);
    value(&mut client, &format!("at = '{at}'"));
    let mut check = |code: &str, expected: &str| assert_eq!(value(&mut client, code), expected, "{code}");
    check("tools.curl.get(url=at + '/json')", "'{\"n\": [1, 2]}'");
    check("tools.curl.get(at + '/json') == await tools.curl.get(at + '/json')", "True");
    check("tools.curl.get(at + '/h', header=['X-One: ä b', 'X-Two: 2'])", "'GET /h ä b '");
    check(
        "import json\ntools.curl.post(at + '/p', json.dumps({'ä': 1}, ensure_ascii=False))",
        "'POST /p application/json {\"ä\": 1}'",
    );
    check(
        "tools.curl.post(url=at + '/p', data='-d @/etc/passwd')",
        "'POST /p application/json -d @/etc/passwd'",
    );
    check(
        "tools.curl.search(at + '/s', ['q=a b&c', 'l=ü']).lower().replace('+', '%20')",
        "'get /s?q=a%20b%26c&l=%c3%bc - '",
    );
    // All that the command takes, in the order of its schema.
    check(
        "tools.curl(url=at + '/x', silent=True, request='PUT', data='v')",
        "'PUT /x application/x-www-form-urlencoded v'",
    );
    check("[t['name'] for t in tools.curl.list()]", "['', 'get', 'post', 'search']");
    check(
        "import asyncio\nlen(await asyncio.gather(*[tools.curl.get(at + '/json') for _ in range(10)]))",
        "10",
    );
    check(
        "try:\n    tools.curl.get(at + '/gone')\nexcept ToolError as e:\n    r = e.kind, e.exit_code, '404' in e.stderr, '404' in str(e)\nr",
        "('failed', 22, True, True)",
    );
    let (kind, message) = raised(&mut client, "tools.curl.get('--version')");
    assert_eq!(kind, "ToolArgumentError", "{message}");
    let (kind, message) = raised(&mut client, "tools.curl.get(at + '/slow')");
    assert_eq!(kind, "ToolTimeoutError", "{message}");
}

#[test]
fn jq_picks_from_what_it_is_given() {
    let mut client = over(&[("tools/jq.yaml", JQ)]);
    let mut check = |code: &str, expected: &str| assert_eq!(value(&mut client, code), expected, "{code}");
    check(
        "tools.jq('.a', stdin='{\"a\": {\"b\": [1, 2.5, null, true, \"ü\"]}}')",
        "{'b': [1, 2.5, None, True, 'ü']}",
    );
    check(
        "tools.jq('map(. * 2)', stdin=b'[1, 2]'), tools.jq('length', stdin='[]'), tools.jq('null', stdin='1')",
        "([2, 4], 0, None)",
    );
    check("tools.jq('add', stdin='1 2 3', slurp=True)", "6");
    check("tools.jq_raw('.[]', stdin='[\"a\", \"b c\", \"ä\"]')", "['a', 'b c', 'ä']");
    check(
        "import json\nrows = [{'n': n, 'text': 'x' * 50} for n in range(5000)]\nlen(tools.jq('map(select(.n % 2 == 0))', stdin=json.dumps(rows)))",
        "2500",
    );
    check(
        "try:\n    tools.jq('.a |', stdin='{}')\nexcept ToolError as e:\n    r = e.exit_code, 'syntax error' in e.stderr\nr",
        "(3, True)",
    );
    check("try:\n    tools.jq('.', stdin='{')\nexcept ToolError as e:\n    r = e.exit_code > 0\nr", "True");
    let (kind, message) = raised(&mut client, "tools.jq('--version', stdin='1')");
    assert_eq!(kind, "ToolArgumentError", "{message}");
    // Two documents are no JSON.
    let (kind, message) = raised(&mut client, "tools.jq('.[]', stdin='[1, 2]')");
    assert_eq!(kind, "ToolError", "{message}");
}

#[test]
fn git_keeps_a_history() {
    let mut client =
        over(&[("tools/git.yaml", GIT), ("tools/history.yaml", HISTORY), ("repo/ü -x.txt", "one\n")]);
    let mut check = |code: &str, expected: &str| assert_eq!(value(&mut client, code), expected, "{code}");
    check(
        "tools.git_init(), tools.git(['ü -x.txt']), tools.git_commit(message='-first: \"ü\"')",
        "('', '', '')",
    );
    check("tools.history()", "['-first: \"ü\"']");
    check("await tools.git_commit('second', allow_empty=True), tools.history(most=1)", "('', ['second'])");
    check(
        "tools.history(), tools.history(grep=['first', 'none']), tools.history(reverse=True)[0]",
        "(['second', '-first: \"ü\"'], ['-first: \"ü\"'], '-first: \"ü\"')",
    );
    check(
        "try:\n    tools.git_checkout('none')\nexcept ToolError as e:\n    r = e.exit_code, 'pathspec' in e.stderr, e.stdout\nr",
        "(1, True, '')",
    );
    let (kind, message) = raised(&mut client, "tools.history(most=0)");
    assert_eq!(kind, "ToolArgumentError", "{message}");
    let (kind, message) = raised(&mut client, "tools.git_checkout('--orphan')");
    assert_eq!(kind, "ToolArgumentError", "{message}");
    // What begins with a dash stays a path.
    let (kind, message) = raised(&mut client, "tools.git(['--all'])");
    assert_eq!(kind, "ToolError", "{message}");
    assert!(message.contains("--all"), "{message}");
}
