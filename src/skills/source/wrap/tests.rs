//! Cells and the skills that are made of them.

use serde_json::json;

use super::*;

fn made(code: &str, before: &[&str]) -> Made {
    of_cell(code, before).unwrap()
}

#[test]
fn a_cell_becomes_the_body_of_run() {
    let cell = "import json\n\n# What counts.\nrows = json.loads('[1, 2]')\ntotal = 0\nfor row in rows:\n    total += row\ntotal\n";
    insta::assert_snapshot!(made(cell, &[]).source, @r#"
    import json


    def run():
        rows = json.loads('[1, 2]')
        total = 0
        for row in rows:
            total += row
        return total
    "#);
    assert_eq!(made(cell, &[]).arguments, Some(Map::new()));
    let texts = "text = '''a\n  b\n'''\nf\"\"\"{text}\n{\n  1}\n\"\"\"";
    insta::assert_snapshot!(made(texts, &[]).source, @r#"
    def run():
        text = '''a
      b
    '''
        return f"""{text}
    {
          1}
    """
    "#);
    assert!(
        made("import asyncio\nawait asyncio.sleep(0)", &[])
            .source
            .contains("async def run():\n    return await")
    );
    assert_eq!(made("import os", &[]).source, "import os\n\n\ndef run():\n    return None\n");
    assert_eq!(made("  a = 1; a + 1", &[]).source, "def run():\n    a = 1; return a + 1\n");
}

#[test]
fn what_it_needs_of_earlier_cells_comes_with_it() {
    let before = [
        "limit = 3\npath = 'app.log'\nrows = load(path)",
        "import re\nfrom collections import Counter as C\ndef words(text):\n    return clean(re.findall('[a-z]+', text))",
        "def clean(found):\n    return [word for word in found if word]",
    ];
    let made = made("C(words(str(rows)) + [path]).most_common(limit)", &before);
    insta::assert_snapshot!(made.source, @r"
    from collections import Counter as C
    import re


    def clean(found):
        return [word for word in found if word]


    def words(text):
        return clean(re.findall('[a-z]+', text))




    def run(rows, path: str = 'app.log', limit: int = 3):
        return C(words(str(rows)) + [path]).most_common(limit)
    ");
    assert_eq!(made.parameters, ["rows", "path", "limit"]);
    assert_eq!(made.arguments, None);
    let counting = super::of_cell("count = count + 1\ncount", &["count = 1"]).unwrap();
    assert!(counting.source.starts_with("def run(count: int = 1):\n    count = count + 1\n    return count"));
    let plain = super::of_cell(
        "def f(x): return [y for y in x if y not in tools.list()]\n{k: f(v) for k, v in zip('a', [[1]])}",
        &[],
    );
    assert_eq!(plain.unwrap().parameters, Vec::<String>::new());
}

#[test]
fn a_cell_that_defines_run_is_taken_as_it_is() {
    let cell = "\"\"\"Doubles.\"\"\"\nimport math\n\n# Twice.\nFACTOR = 2\n\ndef run(x: int, more=0):\n    return FACTOR * x + more\n\nshown = run(1)\nprint(shown)\nrun(4, more=[1][0])\nrun(4, more=1)\n";
    let made = made(cell, &[]);
    insta::assert_snapshot!(made.source, @r#"
    """Doubles."""
    import math

    # Twice.
    FACTOR = 2

    def run(x: int, more=0):
        return FACTOR * x + more
    "#);
    assert_eq!(made.arguments, json!({"x": 4, "more": 1}).as_object().cloned());
    assert_eq!(of_cell("def run(): return rate", &["rate = 3"]), Err(WrapError::Variable("rate".to_owned())));
}

#[test]
fn what_cannot_be_wrapped_says_why() {
    let check = |code: &str, words: &str| {
        let error = of_cell(code, &[]).unwrap_err().to_string();
        assert!(error.contains(words), "{code}: {error}");
    };
    check("", "it holds no code");
    check("# nothing", "it holds no code");
    check("from math import *\nsin(1)", "it imports `*`");
    check("def f():\n    global n\n    n = 1\nf()", "it says `global n`");
    check("x = (", "syntax error in line 1");
    check("%pip install x", "syntax error");
}
