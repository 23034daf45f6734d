//! Skills in code: composed in every way, each in a namespace of its own, errors as they are.

use serde_json::json;

use super::{raised, said, value};
use crate::support::{Client, report, text};

fn with(skills: &[(&str, &str)]) -> Client {
    let mut client = Client::start();
    for (name, source) in skills {
        let cell = format!("skills.create({name:?}, {source:?})['version']");
        assert_eq!(value(&mut client, &cell), "1");
    }
    client
}

#[test]
fn skills_call_skills_plainly_and_awaited() {
    let mut client = with(&[
        ("double", "def run(x):\n    return 2 * x\n"),
        (
            "slow",
            "import asyncio\nasync def run(x):\n    await asyncio.sleep(0.2)\n    return skills.double(x) + await skills.double(x)\n",
        ),
        ("plain", "def run(x):\n    return skills.slow(x=x) + skills.invoke('double', x=x)\n"),
    ]);
    let mut check = |code: &str, expected: &str| assert_eq!(value(&mut client, code), expected, "{code}");
    check("skills.double(2), skills.slow(2), skills.plain(2)", "(4, 8, 12)");
    check("skills.plain(1), await skills.plain(1), await skills.ainvoke('slow', x=3)", "(6, 6, 12)");
    check("import asyncio\nawait asyncio.gather(*[skills.slow(n) for n in range(4)])", "[0, 4, 8, 12]");
    check(
        "import time\nt = time.monotonic()\nawait asyncio.gather(*[skills.slow(n) for n in range(20)])\ntime.monotonic() - t < 3",
        "True",
    );
    check("await skills.invoke('plain', x=1)", "6");
}

#[test]
fn each_call_has_a_namespace_of_its_own_and_sees_what_stands_ready() {
    let mut client = with(&[
        (
            "counter",
            "seen = []\nx = 1\ndef run(name, limit=3):\n    seen.append(name)\n    return len(seen), name, callable(tools.search), __name__\n",
        ),
        (
            "typed",
            "from __future__ import annotations\nfrom dataclasses import dataclass\nfrom enum import Enum\n\nclass Color(Enum):\n    RED = 'red'\n\n@dataclass\nclass Point:\n    x: int\n    y: int = 0\n\ndef run(c: Color, p: Point):\n    return c.name, p.x, type(p).__module__\n",
        ),
    ]);
    let mut check = |code: &str, expected: &str| assert_eq!(value(&mut client, code), expected, "{code}");
    check(
        "x = 5\nskills.counter(name='a'), skills.counter('b'), x",
        "((1, 'a', True, 'skills.counter'), (1, 'b', True, 'skills.counter'), 5)",
    );
    check("skills.invoke('counter', name='a')[:2]", "(1, 'a')");
    check("skills.typed('red', {'x': 3})", "('RED', 3, 'skills.typed')");
    check("import inspect\nstr(inspect.signature(skills.counter))", "'(name, limit=3)'");
    check(
        "'counter' in dir(skills), 'search' in dir(skills), hasattr(skills, 'nothing')",
        "(True, True, False)",
    );
    check(
        "skills.create('counter', 'def run(name): return 2')['version'], skills.counter('a'), skills.invoke('counter@1', 'a')[0]",
        "(2, 2, 1)",
    );
    check("[each['kind'] for each in skills.history('counter')]", "['saved', 'saved']");
    check("skills.delete('counter')['version'], hasattr(skills, 'counter')", "(3, False)");
    check(
        "skills.search('nothing of this kind at all'), skills.search('typed')[0]['matched_by']",
        "(nothing fits; solve it in code and save what works with skills.create(name, source)\n[semantic: off: comparing meanings is switched off (`model.name`); only words were compared], ['exact name'])",
    );
}

#[test]
fn errors_keep_their_kind_and_depth_is_bounded() {
    let mut client = with(&[
        ("fails", "def run():\n    return {}['key']\n"),
        ("outer", "def run():\n    return skills.fails()\n"),
        ("again", "def run(n=0):\n    return skills.again(n=n + 1)\n"),
    ]);
    let mut check = |code: &str, kind: &str, words: &str| {
        let (found, message) = raised(&mut client, code);
        assert!(found == kind && message.contains(words), "{code}: {found}: {message}");
    };
    check("skills.outer()", "KeyError", "key");
    check("skills.again()", "SkillDepthError", "skills call each other more than 32 deep");
    check(
        "skills.fails(1)",
        "SkillArgumentError",
        "too many positional arguments; it is called as skills.fails()",
    );
    check("skills.fials()", "SkillNotFoundError", "nearest: 'fails'");
    check("skills.create('x', 'def run(:')", "SkillSourceError", "syntax error in line 1, column 9");
    check("skills.invoke('fails@x')", "SkillNotFoundError", "write fails@3");
    check("skills.get('fails', version=9)", "SkillNotFoundError", "has no version 9");
    let result = client.run("skills.outer()");
    insta::assert_snapshot!(report(&result)["error"]["traceback"].as_str().unwrap(), @r#"
    Traceback (most recent call last):
      File "<cell 11>", line 1, in <module>
        skills.outer()
      File "<skill outer, version 1>", line 2, in run
        return skills.fails()
               ^^^^^^^^^^^^^^
      File "<skill fails, version 1>", line 2, in run
        return {}['key']
               ~~^^^^^^^
    KeyError: 'key'
    "#);
    let result = client.run("fails()");
    assert!(
        text(&result).contains("[hint] A saved skill may be what is meant: `skills.fails()`."),
        "{result}"
    );
}

#[test]
fn plain_values_become_what_annotations_name() {
    let mut client = with(&[(
        "typed",
        "from __future__ import annotations
import datetime
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import NamedTuple, Optional, TypedDict

class Color(Enum):
    RED = 'red'
    BLUE = 'blue'

@dataclass
class Pen:
    color: Color
    size: int = 1

@dataclass
class Box:
    pens: list[Pen] = field(default_factory=list)
    first: Optional[Pen] = None

class Place(NamedTuple):
    x: int
    y: int = 0

class Row(TypedDict):
    color: Color

def run(a: Optional[Color] = None, b: list[Color] = (), c: Optional[Box] = None, d: dict[str, Pen] = {}, e: Row = None,
        f: Place = None, g: datetime.date = None, h: bytes = None, i: set[int] = None, j: tuple[int, ...] = None,
        k: Decimal = None, **more: Color):
    return ' '.join(repr(value) for value in (a, b, c, d, e, f, g, h, i, j, k, more) if value or value == 0)
",
    )]);
    let mut check = |code: &str, expected: &str| assert_eq!(value(&mut client, code), expected, "{code}");
    check("skills.typed(a='red')", "\"<Color.RED: 'red'>\"");
    check("skills.typed(a='BLUE', z='red')", "\"<Color.BLUE: 'blue'> {'z': <Color.RED: 'red'>}\"");
    check(
        "skills.typed(b=['red', 'blue'], e={'color': 'red'}, f={'x': 1})",
        "\"[<Color.RED: 'red'>, <Color.BLUE: 'blue'>] {'color': <Color.RED: 'red'>} Place(x=1, y=0)\"",
    );
    check(
        "skills.typed(c={'pens': [{'color': 'red'}], 'first': {'color': 'blue'}}, d={'k': {'color': 'red'}})",
        "\"Box(pens=[Pen(color=<Color.RED: 'red'>, size=1)], first=Pen(color=<Color.BLUE: 'blue'>, size=1)) {'k': Pen(color=<Color.RED: 'red'>, size=1)}\"",
    );
    // Code gives what it means; only a client has no other words than those of JSON.
    check("skills.typed(g='2026-01-02', i=[1], j=[1], k=1.5)", "\"'2026-01-02' [1] [1] 1.5\"");
    let given = json!({"g": "2026-01-02", "h": "aGk=", "i": [1, 1], "j": [1, 2], "k": 1.5});
    assert_eq!(
        said(&mut client, "invoke_skill", json!({"name": "typed", "arguments": given})),
        "[result: str]\n\"datetime.date(2026, 1, 2) b'hi' {1} (1, 2) Decimal('1.5')\""
    );
    let mut refused = |arguments: serde_json::Value, words: &str| {
        let result = client.call("invoke_skill", json!({"name": "typed", "arguments": arguments}));
        let error = &report(&result)["error"];
        assert!(
            error["type"] == "SkillArgumentError" && error["message"].as_str().unwrap().contains(words),
            "{result}"
        );
    };
    refused(json!({"a": "green"}), "argument `a`: 'green' is not a valid Color; it is one of 'red', 'blue'");
    refused(json!({"b": ["red", "green"]}), "argument `b`: 'green' is not a valid Color");
    refused(json!({"g": "yesterday"}), "argument `g`: 'yesterday' is no date in ISO 8601");
    refused(json!({"h": "*"}), "argument `h`: bytes are given as a text in base64");
}

#[test]
fn tracebacks_of_awaited_skills_show_nothing_of_how_they_were_run() {
    let mut client = with(&[
        ("plain", "def run(x):\n    return 1 / x\n"),
        ("later", "import asyncio\nasync def run(x):\n    await asyncio.sleep(0)\n    return 1 / x\n"),
    ]);
    for (cell, code) in
        ["skills.later(0)", "await skills.plain(0)", "await skills.later(0)"].iter().enumerate()
    {
        let result = client.run(code);
        let error = &report(&result)["error"];
        let traceback = error["traceback"].as_str().unwrap();
        let lines: Vec<&str> =
            traceback.lines().filter(|line| !line.trim().starts_with(['~', '^'])).collect();
        let (name, line) = if code.contains("plain") { ("plain", 2) } else { ("later", 4) };
        let expected = [
            "Traceback (most recent call last):".to_owned(),
            format!("  File \"<cell {}>\", line 1, in <module>", cell + 3),
            format!("    {code}"),
            format!("  File \"<skill {name}, version 1>\", line {line}, in run"),
            "    return 1 / x".to_owned(),
            "ZeroDivisionError: division by zero".to_owned(),
        ];
        assert_eq!(lines, expected, "{code}");
    }
}

#[test]
fn arguments_of_another_type_are_named() {
    let mut client = with(&[("one", "def run(*rest: int):\n    return sum(rest)\n")]);
    let mut check = |code: &str, kind: &str, words: &str| {
        let (found, message) = raised(&mut client, code);
        assert!(found == kind && message.contains(words), "{code}: {found}: {message}");
    };
    check("skills.search(None)", "SkillArgumentError", "`query` must be a text (str)");
    check("skills.get('one', version='1')", "SkillArgumentError", "`version` must be a whole number");
    check("skills.invoke(5)", "SkillArgumentError", "a skill is named by a str, not int");
    check(
        "skills.create('two', 'def run(): return \"\\ud800\"')",
        "SkillArgumentError",
        "`source` holds a lone surrogate",
    );
    check("skills.create('two')", "SkillArgumentError", "give either `source` or `from_cell`");
    check("artifacts.load(5)", "ArtifactNameError", "`name` must be a text (str)");
    check(
        "artifacts.save('a', 1, metadata={1: 2})",
        "ArtifactNameError",
        "`metadata` holds a dict with a key",
    );
    check("deps.why(3)", "DepsSpecError", "`name` must be a text (str)");
    check("skills.create('two', 'def run(tools): pass')", "SkillSourceError", "line 1: `tools` would shadow");
    let mut check = |code: &str, expected: &str| assert_eq!(value(&mut client, code), expected, "{code}");
    check("skills.create('two', 'def run(): pass', tags='logs')['tags']", "['logs']");
    check("import inspect\nskills.one(1, 2), str(inspect.signature(skills.one))", "(3, '(*rest: int)')");
    check("skills.create('three', 'def run() -> list[int]: pass')['version']", "1");
    check("skills.get('three')['returns_schema']", "{'type': 'array', 'items': {'type': 'integer'}}");
}

#[test]
fn what_stands_ready_can_be_imported_and_classes_of_skills_pickle() {
    let mut client = with(&[
        ("double", "import skills, tools\ndef run(x):\n    return 2 * x, skills is not None\n"),
        (
            "made",
            "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\ndef run():\n    return P(1)\n",
        ),
    ]);
    let mut check = |code: &str, expected: &str| assert_eq!(value(&mut client, code), expected, "{code}");
    check(
        "a = skills\nimport skills, tools, artifacts, deps\nskills is a, callable(tools.search)",
        "(True, True)",
    );
    check("from skills import double\ndouble(2)", "(4, True)");
    check("import pickle\npickle.loads(pickle.dumps(skills.made())).x", "1");
    check(
        "open('tools.py', 'w').write('x = 5')\nimport sys; del sys.modules['tools']\nimport tools as own; own.x",
        "5",
    );
    let (kind, words) = raised(&mut client, "from skills import nothing_like_it");
    assert!(
        kind == "ImportError" && words.contains("cannot import name 'nothing_like_it'"),
        "{kind}: {words}"
    );
    let result = client.run("import skills.other");
    assert!(
        text(&result).contains("[hint] `skills` stands ready in every session and is no package"),
        "{}",
        text(&result)
    );
}

#[test]
fn a_skill_is_there_for_other_sessions_and_after_a_restart() {
    let mut client = with(&[("kept", "def run():\n    return 'kept'\n")]);
    let session = client.new_session();
    assert!(
        text(&client.run_in(&session, "skills.kept()")).ends_with("'kept'\n")
            || text(&client.run_in(&session, "skills.kept()")).contains("'kept'")
    );
    let mut client = Client::spawn_in(client.part(), crate::support::Wire::Pipes, &[]);
    client.initialize("2025-11-25");
    assert_eq!(value(&mut client, "skills.kept()"), "'kept'");
}
