//! Skills in code: composed in every way, each in a namespace of its own, errors as they are.

use super::{raised, value};
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
