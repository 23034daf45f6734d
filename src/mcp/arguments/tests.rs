//! Tests of arguments: what is refused, and in which words.

use serde_json::json;

use super::*;

const DECLARED: &[Declared] = &[
    Declared { name: "code", expected: "a string of Python source" },
    Declared { name: "timeout", expected: "a number of seconds" },
    Declared { name: "plan", expected: "true or false" },
    Declared { name: "limit", expected: "a whole number" },
    Declared { name: "id", expected: "an output id" },
    Declared { name: "session", expected: "a session handle" },
];

fn read<T>(given: Value, with: impl Fn(&Arguments<'_>) -> Result<T, ArgumentError>) -> Result<T, String> {
    let Value::Object(given) = given else { panic!("an object") };
    Arguments::new("run_code", DECLARED, &given)
        .and_then(|arguments| with(&arguments))
        .map_err(|error| error.to_string())
}

fn refused<T: std::fmt::Debug>(
    given: Value,
    with: impl Fn(&Arguments<'_>) -> Result<T, ArgumentError>,
) -> String {
    read(given, with).unwrap_err()
}

#[test]
fn names() {
    let code = |arguments: &Arguments<'_>| arguments.text("code").map(str::to_owned);
    assert_eq!(read(json!({"code": "1"}), code), Ok("1".to_owned()));
    insta::assert_snapshot!(refused(json!({"cod": "1"}), code), @"run_code has no argument `cod`; did you mean `code`? It takes: code, timeout, plan, limit, id, session");
    insta::assert_snapshot!(refused(json!({"zzz": 1}), code), @"run_code has no argument `zzz`. It takes: code, timeout, plan, limit, id, session");
    insta::assert_snapshot!(refused(json!({}), code), @"run_code needs the argument `code` (a string of Python source). It takes: code, timeout, plan, limit, id, session");
    insta::assert_snapshot!(refused(json!({"code": null}), code), @"run_code needs the argument `code` (a string of Python source). It takes: code, timeout, plan, limit, id, session");
    insta::assert_snapshot!(refused(json!({"code": 12}), code), @"argument `code` must be a string of Python source, not the number 12");
    insta::assert_snapshot!(refused(json!({"code": ["1"]}), code), @"argument `code` must be a string of Python source, not an array");
}

#[test]
fn seconds() {
    let timeout = |arguments: &Arguments<'_>| arguments.seconds("timeout", Duration::from_secs(3600));
    for (given, expected) in [("5", 5.0), ("0.25", 0.25), ("3600", 3600.0), ("1e2", 100.0)] {
        let given = serde_json::from_str::<Value>(given).unwrap();
        let read = read(json!({"timeout": given}), timeout);
        assert_eq!(read, Ok(Some(Duration::from_secs_f64(expected))));
    }
    assert_eq!(read(json!({"timeout": null}), timeout), Ok(None));
    for bad in [
        "0",
        "-1",
        "3600.1",
        "1e400",
        "-0.0",
        "1e-300",
        "true",
        "\"5\"",
        "[]",
        "{}",
        "123456789012345678901234567890",
    ] {
        let given = serde_json::from_str::<Value>(bad).unwrap();
        let message = refused(json!({"timeout": given}), timeout);
        assert!(
            message
                .starts_with("argument `timeout` must be a number of seconds above 0 and up to 3600, not "),
            "{message}"
        );
    }
}

#[test]
fn whole_numbers() {
    let limit = |arguments: &Arguments<'_>| arguments.whole("limit", 1, 200);
    assert_eq!(read(json!({"limit": 7}), limit), Ok(Some(7)));
    assert_eq!(read(json!({"limit": 7.0}), limit), Ok(Some(7)));
    for bad in ["0", "-1", "201", "1.5", "1e400", "false", "\"7\"", "99999999999999999999999"] {
        let given = serde_json::from_str::<Value>(bad).unwrap();
        let message = refused(json!({"limit": given}), limit);
        assert!(
            message.starts_with("argument `limit` must be a whole number from 1 to 200, not "),
            "{message}"
        );
    }
}

#[test]
fn choices_and_handles() {
    let plan = |arguments: &Arguments<'_>| arguments.choice("plan");
    assert_eq!(read(json!({"plan": true}), plan), Ok(Some(Choice::Yes)));
    insta::assert_snapshot!(refused(json!({"plan": "true"}), plan), @r#"argument `plan` must be true or false, not the string "true""#);
    let session = |arguments: &Arguments<'_>| arguments.session();
    insta::assert_snapshot!(refused(json!({"session": "s_1"}), session), @"argument `session`: `s_1` is not a session handle: a session handle is `s_` and 32 hexadecimal digits");
}

#[test]
fn addresses() {
    let address = |arguments: &Arguments<'_>| arguments.address();
    let id = OutputId::parse("o_0123456789abcdef0123456789abcdef").unwrap();
    for (given, part) in [
        ("o_0123456789abcdef0123456789abcdef", None),
        ("o_0123456789abcdef0123456789abcdef/stderr", Some(Part::Stderr)),
        ("actwright://output/o_0123456789abcdef0123456789abcdef/result", Some(Part::Result)),
    ] {
        assert_eq!(read(json!({"id": given}), address), Ok(Address { id: id.clone(), part }));
    }
    insta::assert_snapshot!(refused(json!({"id": format!("{id}/x")}), address), @"argument `id`: an output has no part `x`; the parts are output, stdout, stderr, result, error, as in o_…/stderr");
}
