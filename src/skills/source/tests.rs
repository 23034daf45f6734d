//! Sources as people and enemies write them: what is read of each, and what each mistake is called.

use serde_json::{Value, json};

use super::{LARGEST, Source, SourceError, read};

fn good(source: &str) -> Source {
    read(source).unwrap_or_else(|error| panic!("{error}\n{source}"))
}

fn schema_of(annotation: &str, before: &str) -> Value {
    let source = format!("{before}\ndef run(x: {annotation}): pass\n");
    good(&source).shape.parameters[0].schema.clone()
}

#[test]
fn a_skill_is_read_whole() {
    let source = r#"# /// script
# dependencies = ["rich"]
# ///
"""Count lines.

Args:
    path: Of the module.
"""
import re

async def run(path: str, limit: int = 10, *, level="info", tags=None, **more) -> dict[str, int]:
    """Of run.

    Args:
        limit (int): How many
            at most.
    """
    return {}
"#;
    let read = good(source);
    assert_eq!(read.description, "Count lines.");
    let shape = read.shape;
    assert!(shape.is_async && shape.open);
    assert_eq!(shape.dependencies, ["rich"]);
    assert_eq!(
        shape.signature("count"),
        "skills.count(path: str, limit: int = 10, *, level=\"info\", tags=None, **more) -> dict[str, int]"
    );
    assert_eq!(
        shape.input(),
        json!({
            "type": "object",
            "properties": {
                "path": {"type": "string", "description": "Of the module."},
                "limit": {"type": "integer", "description": "How many at most.", "default": 10},
                "level": {"default": "info"},
                "tags": {"default": null},
            },
            "required": ["path"],
            "additionalProperties": true,
        })
    );
    assert_eq!(shape.returns_schema, json!({"type": "object", "additionalProperties": {"type": "integer"}}));
    assert_eq!(good("def run():\n    'Only of run.'\n").description, "Only of run.");
    assert_eq!(good("def run(): pass").description, "");
    assert_eq!(good("\u{feff}def run(): pass").description, "");
}

#[test]
fn docstrings_say_types_where_there_are_no_annotations() {
    let check = |source: &str, expected: Value| {
        assert_eq!(good(source).shape.input()["properties"], expected, "{source}");
    };
    check(
        "def run(a, b=2, c='x', d: bool=None):\n    \"\"\"Sum.\n\n    Parameters\n    ----------\n    a : int\n    b : float, optional\n        The second.\n    c : {'x', 'y'}\n    d : str\n    \"\"\"\n",
        json!({
            "a": {"type": "integer"},
            "b": {"type": "number", "description": "The second.", "default": 2},
            "c": {"type": "string", "enum": ["x", "y"], "default": "x"},
            "d": {"type": "boolean", "default": null},
        }),
    );
    check(
        "def run(a, b):\n    \"\"\"Sum.\n\n    Args:\n        a (list[str]): First.\n        b (Point): Second.\n    \"\"\"\nclass Point(TypedDict):\n    x: int\n",
        json!({
            "a": {"type": "array", "items": {"type": "string"}, "description": "First."},
            "b": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"], "description": "Second."},
        }),
    );
    check(
        "def run(a, b):\n    \"\"\":param int a: First.\n    :param b: Second.\n    :type b: str or None\n    \"\"\"\n",
        json!({
            "a": {"type": "integer", "description": "First."},
            "b": {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "Second."},
        }),
    );
}

#[test]
fn what_hides_run_or_the_sessions_objects_is_refused_with_its_line() {
    let check = |source: &str, expected: &str| {
        let error = read(source).expect_err(source).to_string();
        assert!(error.contains(expected), "{source}: {error}");
    };
    check(
        "def run(a):\n    return 1\n\ndef run(b):\n    return 2\n",
        "`run` is defined in line 1 and again in line 4",
    );
    check("def run(x, tools=None):\n    pass", "line 1: `tools` would shadow the session's own `tools`");
    check("def run(*, x,\n        **skills):\n    pass", "line 2: `skills` would shadow");
    check("import json as artifacts\ndef run(): pass", "line 1: `artifacts` would shadow");
    check("import tools.x\ndef run(): pass", "`tools` would shadow");
    check("from a import deps\ndef run(): pass", "`deps` would shadow");
    check("\nx, tools = 1, 2\ndef run(): pass", "line 2: `tools` would shadow");
    check("def run(): pass\ndef skills(): pass", "line 2: `skills` would shadow");
    check("class tools: pass\ndef run(): pass", "`tools` would shadow");
    good(
        "from typing import overload\n@overload\ndef run(a: int): ...\n@overload\ndef run(a: str): ...\ndef run(a): pass",
    );
    good(
        "import tools, skills\ntools: Any\nfrom tools import x\ndef helper(tools): pass\ndef run(name, self=1): artifacts = 1",
    );
}

#[test]
fn further_positions_stand_in_the_signature() {
    let signature = |parameters: &str| good(&format!("def run({parameters}): pass")).shape.signature("x");
    assert_eq!(signature("*args"), "skills.x(*args)");
    assert_eq!(signature("a, *rest: int, b=1, **more"), "skills.x(a, *rest: int, b=1, **more)");
    assert_eq!(signature("a, *, b"), "skills.x(a, *, b)");
}

#[test]
fn annotations_become_schemas() {
    let check =
        |annotation: &str, expected: Value| assert_eq!(schema_of(annotation, ""), expected, "{annotation}");
    let (text, whole, nothing) =
        (json!({"type": "string"}), json!({"type": "integer"}), json!({"type": "null"}));
    check("str", text.clone());
    check("'str'", text.clone());
    check("Optional[int]", json!({"anyOf": [whole, nothing]}));
    check("int | None", json!({"anyOf": [whole, nothing]}));
    check("typing.Union[str, int, None]", json!({"anyOf": [text, whole, nothing]}));
    check("str | int | str", json!({"anyOf": [text, whole]}));
    check("Optional[str | None]", json!({"anyOf": [text, nothing]}));
    check("Literal['a', 1, None, -2]", json!({"enum": ["a", 1, null, -2]}));
    check("list[str]", json!({"type": "array", "items": {"type": "string"}}));
    check("List", json!({"type": "array"}));
    check("set[int]", json!({"type": "array", "uniqueItems": true, "items": {"type": "integer"}}));
    check(
        "dict[str, list[int]]",
        json!({"type": "object", "additionalProperties": {"type": "array", "items": {"type": "integer"}}}),
    );
    check("dict[str, Any]", json!({"type": "object"}));
    check("tuple[int, ...]", json!({"type": "array", "items": {"type": "integer"}}));
    check(
        "tuple[int, str]",
        json!({"type": "array", "prefixItems": [whole, text], "minItems": 2, "maxItems": 2}),
    );
    check("Annotated[int, 'x']", json!({"type": "integer", "description": "x"}));
    check("Annotated[int, Field(ge=1, description='y')]", json!({"type": "integer", "description": "y"}));
    check("Annotated[int, Doc('z')]", json!({"type": "integer", "description": "z"}));
    check("Annotated[int, 5]", whole.clone());
    check("Literal['a', 'b']", json!({"type": "string", "enum": ["a", "b"]}));
    check("Literal[1, True]", json!({"enum": [1, true]}));
    check("datetime.date", json!({"type": "string", "format": "date"}));
    check("Unknown", json!({}));
    check("list[Unknown]", json!({"type": "array"}));
    check("int | Unknown", json!({}));
    check("f(x)", json!({}));
}

#[test]
fn classes_of_the_same_file_are_known() {
    let check = |before: &str, expected: Value| assert_eq!(schema_of("T", before), expected, "{before}");
    let point = json!({
        "type": "object",
        "properties": {"x": {"type": "integer"}, "y": {"type": "integer", "default": 0}},
        "required": ["x"],
    });
    check("@dataclass\nclass T:\n    x: int\n    y: int = 0\n    z: ClassVar[int] = 1", point.clone());
    check(
        "@dataclasses.dataclass(frozen=True)\nclass A:\n    x: int\nclass T(A):\n    y: int = 0",
        point.clone(),
    );
    check("class T(NamedTuple):\n    x: int\n    y: int = 0", point);
    check(
        "class T(TypedDict):\n    'A row.'\n    a: str\n    b: NotRequired[int]",
        json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a"], "description": "A row."}),
    );
    check(
        "class T(TypedDict, total=False):\n    a: Required[str]\n    b: int",
        json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a"]}),
    );
    check(
        "class T(str, Enum):\n    RED = 'red'\n    BLUE = 'blue'",
        json!({"type": "string", "enum": ["red", "blue"]}),
    );
    check("class T(Enum):\n    A = auto()\n    B = enum.auto()", json!({"type": "integer", "enum": [1, 2]}));
    check("class T(StrEnum):\n    A = auto()\n    B = 'x'", json!({"type": "string", "enum": ["a", "x"]}));
    check("class T(Enum):\n    A = 'x'\n    B = f()", json!({}));
    check(
        "from enum import Enum as E\nclass T(E):\n    A: int = 5\n    _x = 3",
        json!({"type": "integer", "enum": [5]}),
    );
    check("T = NewType('T', int)", json!({"type": "integer"}));
    check(
        "from typing import Sequence as S\nT = S[int]",
        json!({"type": "array", "items": {"type": "integer"}}),
    );
    let source = "class C(Enum):\n    A = 'x'\n@dataclass\nclass D:\n    c: C = C.A\ndef run(c: C = C.A, d: D = None): pass";
    let choice = json!({"type": "string", "enum": ["x"], "default": "x"});
    let object = json!({"type": "object", "properties": {"c": choice}, "default": null});
    assert_eq!(good(source).shape.input()["properties"], json!({"c": choice, "d": object}));
    check("T = Union[int, str]", json!({"anyOf": [{"type": "integer"}, {"type": "string"}]}));
    check("class T:\n    x: int", json!({}));
    check("T = T", json!({}));
    // A class that names itself, and many that name each other, end.
    let deep = schema_of("T", "@dataclass\nclass T:\n    next: Optional[T]");
    assert_eq!(deep, json!({"type": "object", "properties": {"next": {}}, "required": ["next"]}));
    let fields: String = (0..30).map(|n| format!("    f{n}: T\n")).collect();
    let size = schema_of("T", &format!("@dataclass\nclass T:\n{fields}")).to_string().len();
    assert!(size < 300_000, "{size}");
}

#[test]
fn each_mistake_has_its_own_words() {
    let check = |source: &str, expected: &str| {
        let words = read(source).unwrap_err().to_string();
        assert!(words.contains(expected), "{source:.80}: {words}");
    };
    check("x = 1", "defines no function `run` at its top level");
    check("class A:\n    def run(self): pass", "no function `run`");
    check("run = lambda: 1", "no function `run`");
    check("", "no function `run`");
    check("def run(:\n    pass", "syntax error in line 1, column 9: ");
    check("def run():\n    x = = 1", "syntax error in line 2, column 9: ");
    check("def run():\npass", "syntax error in line 2, column 1: ");
    check("def run(): pass\nx = 'é' + (", "syntax error in line 2");
    check(
        "def run():\n    return 1\n\0",
        "syntax error in line 3, column 1: source code cannot contain null bytes",
    );
    check("def run(a, /): pass", "`run` takes `a` by position only");
    check("def run(a, a): pass", "twice");
    check("# /// script\n# dependencies = 1\n# ///\ndef run(): pass", "line 2: the block");
    check(&format!("def run(): pass\n#{}", "x".repeat(LARGEST)), "the limit is 262144");
}

#[test]
fn hostile_depth_ends_with_a_word() {
    let most = LARGEST - 100;
    let repeat = |open: &str, middle: &str, close: &str| {
        let times = most / (open.len() + close.len());
        format!("x = {}{middle}{}\ndef run(): pass", open.repeat(times), close.repeat(times))
    };
    for (open, middle, close) in [
        ("(", "1", ")"),
        ("[", "", "]"),
        ("{1:", "1", "}"),
        ("-", "1", ""),
        ("not ", "1", ""),
        ("lambda: ", "1", ""),
        ("1 if 1 else ", "1", ""),
        ("2**", "1", ""),
        ("f(", "1", ")"),
        ("a[", "1", "]"),
        ("f'{", "1", "}'"),
        ("await ", "x", ""),
        ("(yield ", "1", ")"),
        ("*", "x", ""),
    ] {
        let source = repeat(open, middle, close);
        match read(&source) {
            Err(SourceError::TooDeep { line: 1 } | SourceError::Syntax { .. }) => {}
            other => panic!("{open}: {other:?}"),
        }
    }
    // What nests to the left is read in a loop, and must also be let go of.
    for (open, middle, close) in [
        ("", "a", ".b"),
        ("", "a", "+a"),
        ("", "a", "()"),
        ("", "a", "[0]"),
        ("", "a", " if a else a"),
        ("", "a", ",a"),
        ("", "a", "<a"),
        ("", "a", " and a"),
    ] {
        let source = repeat(open, middle, close);
        match read(&source) {
            Ok(_) | Err(SourceError::TooDeep { .. }) => {}
            other => panic!("{close}: {other:?}"),
        }
    }
    let annotation = format!("def run(x: {}int): pass", "int | ".repeat(40_000));
    assert!(read(&annotation).is_ok());
    let blocks: String = (0..600).map(|depth| format!("{}if 1:\n", " ".repeat(depth))).collect();
    let source = format!("{blocks}{}pass\ndef run(): pass", " ".repeat(600));
    assert!(matches!(read(&source), Err(SourceError::TooDeep { .. })));
    let chain = format!("if 1: pass\n{}def run(): pass", "elif 1: pass\n".repeat(15_000));
    assert!(read(&chain).is_ok());
}
