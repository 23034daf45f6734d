//! Tests of command lines from values, and files that are no command.

use serde_json::json;

use super::*;
use crate::tools::files::parse;

fn read(yaml: &str) -> Definition {
    let Value::Object(document) = parse(yaml).unwrap() else { panic!("not a table") };
    Definition::read(&document).unwrap()
}

fn curl() -> Definition {
    read(
        "name: curl
command: curl
args: [-q]
schema:
  options:
    silent: {type: boolean, short: s}
    header: {type: array, short: H}
    max_time: {type: integer}
    request: {type: string, short: X}
    trace: {type: string, flag: +trace}
  positional:
    - {name: url, type: string, required: true}
    - {name: more, type: array}
recipes:
  post:
    preset: {silent: true, request: POST, header: [\"A: 1\"]}
    params: {url: {}, max_time: {default: 5}}
",
    )
}

fn check(definition: &Definition, values: Value, expected: &str) {
    let values = values.as_object().unwrap().clone();
    let argv = build(definition, &values);
    assert_eq!(
        argv.map(|argv| argv.join(" ")).map_err(|error| error.to_string()),
        Ok(expected.to_owned()),
        "{values:?}"
    );
}

#[test]
fn options_stand_in_the_order_of_the_schema_and_positionals_last() {
    let curl = curl();
    check(&curl, json!({"url": "u", "request": "PUT", "silent": true}), "-q -s -X PUT u");
    check(&curl, json!({"url": "u", "silent": false, "header": ["a", "b"]}), "-q -H a -H b u");
    check(&curl, json!({"url": "u", "more": ["v", "w"], "max_time": 3}), "-q --max_time 3 u v w");
    check(&curl, json!({"url": "a b; rm -rf $HOME `id`"}), "-q a b; rm -rf $HOME `id`");
}

#[test]
fn the_callers_value_beats_the_preset_and_that_the_default() {
    let curl = curl();
    let recipe = curl.recipe("post").unwrap();
    let fill = |given: Value| Value::Object(recipe.fill(given.as_object().unwrap()));
    let filled = fill(json!({"url": "u"}));
    check(&curl, filled, "-q -s -H A: 1 --max_time 5 -X POST u");
    let filled = fill(json!({"url": "u", "request": "PUT", "max_time": 9}));
    check(&curl, filled, "-q -s -H A: 1 --max_time 9 -X PUT u");
}

#[test]
fn a_value_that_begins_with_a_dash_stays_a_value_or_is_refused() {
    let curl = curl();
    check(&curl, json!({"url": "u", "request": "-x", "max_time": -5}), "-q --max_time=-5 -X-x u");
    check(&curl, json!({"url": "-"}), "-q -");
    let refused = |definition: &Definition, values: Value| {
        build(definition, values.as_object().unwrap()).unwrap_err().to_string()
    };
    assert!(refused(&curl, json!({"url": "-o/etc/x"})).contains("end_of_options: true"));
    assert!(
        refused(&curl, json!({"url": "u", "trace": "-x"})).contains("argument `trace`: `-x` begins with `-`")
    );
    assert!(refused(&curl, json!({"url": "a\0b"})).contains("NUL"));
    assert!(refused(&curl, json!({"url": {"a": 1}})).contains("of a type"));
    let safe = read("name: ls\nend_of_options: true\nschema: {positional: [{name: path}]}\n");
    check(&safe, json!({"path": "-rf"}), "-- -rf");
    check(&safe, json!({}), "");
}

#[test]
fn what_is_not_understood_is_named() {
    let check = |yaml: &str, expected: &str| {
        let Value::Object(document) = parse(yaml).unwrap() else { panic!("not a table") };
        assert_eq!(Definition::read(&document).unwrap_err().to_string(), expected, "{yaml}");
    };
    check("command: x", "it has no `name`");
    check(
        "name: x\ncomand: y",
        "the file has the key `comand`, which means nothing; did you mean `command`?",
    );
    check("name: x\ncommand: 'ls -l'", "`command` is one program; put fixed arguments into `args`");
    check("name: x\ntimeout: -1", "`timeout` must be seconds, more than 0 and at most 86400");
    check("name: x\ncwd: ../y", "`cwd` must be a directory below the base directory, without `..`");
    check("name: x\ncwd: /etc", "`cwd` must be a directory below the base directory, without `..`");
    check(
        "name: x\nschema: {options: {a: {type: bol}}}",
        "option `a`: `type` is string, boolean, integer, number or array, not `bol`",
    );
    check("name: x\nschema: {options: {a: {}}, positional: [{name: a}]}", "`a` is there twice in `schema`");
}

#[test]
fn oddities_of_older_files_are_said_and_not_guessed() {
    let ping = read("name: ping\nschema: {options: {c: {type: integer}}}\nrecipes: {q: {preset: {zz: 1}}}\n");
    check(&ping, json!({"c": 4}), "--c 4");
    assert_eq!(ping.notes.len(), 2);
    assert!(ping.notes[0].contains("option `c` is passed as `--c`"), "{:?}", ping.notes);
    assert!(ping.notes[1].contains("recipe `q` names `zz`"), "{:?}", ping.notes);
}
