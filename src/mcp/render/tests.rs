//! Tests of what a model reads, one snapshot for each kind of outcome.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::names::{OutputId, SessionId};
use crate::outputs::{Outputs, Stream};
use crate::session::report::{CellValue, Checkpoint, LateOutput};

fn id(n: u32) -> OutputId {
    OutputId::parse(&format!("o_{n:032x}")).unwrap()
}

fn report(written: &[(Stream, &str)]) -> RunReport {
    let mut recorder = Outputs::new(std::env::temp_dir(), 1 << 30, Default::default()).recorder();
    for (stream, text) in written {
        recorder.write(*stream, text.as_bytes());
    }
    RunReport {
        session: SessionId::parse(&format!("s_{:032x}", 7)).unwrap(),
        is_default_session: true,
        cell: 3,
        status: Status::Ok,
        state: SessionState::Kept,
        notes: Vec::new(),
        value: None,
        error: None,
        output: recorder.recording(),
        output_id: id(1),
        displays: Vec::new(),
        late: Vec::new(),
        plan: None,
        artifacts: Vec::new(),
        checkpoint: Checkpoint::Kept { micros: 300 },
        tools: std::collections::BTreeMap::new(),
        calls: std::sync::Arc::default(),
        duration: Duration::from_micros(1_500),
    }
}

fn value(repr: &str, type_name: &str) -> Option<CellValue> {
    Some(CellValue { repr: repr.into(), type_name: type_name.into(), json: None })
}

fn error(type_name: &str, message: &str, traceback: &str) -> Option<CellError> {
    let (type_name, message, traceback) = (type_name.into(), message.into(), traceback.into());
    Some(CellError { type_name, message, traceback, ..CellError::default() })
}

fn read(report: &RunReport, budget: u64) -> String {
    let result = run(report, budget, Structured::No).unwrap();
    assert_eq!(result.is_error, Some(report.status != Status::Ok));
    result.content[0].as_text().unwrap().text.clone()
}

#[test]
fn a_quiet_cell() {
    insta::assert_snapshot!(read(&report(&[]), 8_000), @"(no output)");
}

#[test]
fn value_and_output_are_told_apart() {
    let streams = [(Stream::Stdout, "a\n"), (Stream::Stderr, "warn\n"), (Stream::Stdout, "b")];
    let report = RunReport { value: value("'42'", "str"), ..report(&streams) };
    insta::assert_snapshot!(read(&report, 8_000), @r"
    [stdout]
    a
    [stderr]
    warn
    [stdout]
    b
    [result: str]
    '42'
    ");
}

#[test]
fn streams_that_alternate_much_come_one_after_the_other() {
    let streams: Vec<_> = (0..20).flat_map(|_| [(Stream::Stdout, "o"), (Stream::Stderr, "e")]).collect();
    insta::assert_snapshot!(read(&report(&streams), 8_000), @r"
    [stdout]
    oooooooooooooooooooo
    [stderr]
    eeeeeeeeeeeeeeeeeeee
    ");
}

#[test]
fn an_error_with_hints() {
    let mut report = RunReport {
        status: Status::Raised,
        error: error(
            "NameError",
            "name 'x' is not defined",
            "Traceback (most recent call last):\n  File \"cell 3\", line 1\n    x\nNameError: name 'x' is not defined\n",
        ),
        session: SessionId::parse(&format!("s_{:032x}", 7)).unwrap(),
        is_default_session: false,
        ..report(&[(Stream::Stdout, "before\n")])
    };
    report.error.as_mut().unwrap().hints = vec!["did you mean 'y'?".into()];
    insta::assert_snapshot!(read(&report, 8_000), @r#"
    [stdout]
    before
    [error]
    Traceback (most recent call last):
      File "cell 3", line 1
        x
    NameError: name 'x' is not defined
    [hint] did you mean 'y'?
    [session: s_00000000000000000000000000000007 cell 3]
    "#);
}

#[test]
fn a_timeout_a_cancel_and_a_loss() {
    let stopped = |status, type_name: &str, message: &str, state, notes: &[&str]| {
        let notes = notes.iter().map(|note| (*note).to_owned()).collect();
        let error = error(type_name, message, "");
        read(&RunReport { status, state, error, notes, ..report(&[(Stream::Stdout, "so far\n")]) }, 8_000)
    };
    let timeout = stopped(
        Status::Timeout,
        "Timeout",
        "the cell ran longer than 5 s and was interrupted",
        SessionState::Kept,
        &[],
    );
    insta::assert_snapshot!(timeout, @r"
    [timeout] the cell ran longer than 5 s and was interrupted; the session's variables are kept
    [stdout]
    so far
    ");
    let cancelled =
        stopped(Status::Cancelled, "Cancelled", "the client cancelled the call.", SessionState::Kept, &[]);
    insta::assert_snapshot!(cancelled, @r"
    [cancelled] the client cancelled the call; the session's variables are kept
    [stdout]
    so far
    ");
    let lost = stopped(
        Status::Lost,
        "WorkerLost",
        "the process was killed by signal 11 (segmentation fault)",
        SessionState::Reset,
        &["files in /session are kept"],
    );
    insta::assert_snapshot!(lost, @r"
    [lost] the process was killed by signal 11 (segmentation fault); the session was reset: its variables are gone, the next run starts empty
    [stdout]
    so far
    [note] files in /session are kept
    ");
}

#[test]
fn a_cut_is_announced_first() {
    let text: String = (0..100).map(|i| format!("{i:02}\n")).collect();
    let report = RunReport { value: value(&"x".repeat(500), "str"), ..report(&[(Stream::Stdout, &text)]) };
    insta::assert_snapshot!(read(&report, 60), @r#"
    [cut] output is 300 characters, 270 of them cut here; read on with read_output(id="o_00000000000000000000000000000001", offset=20) or the resource actwright://output/o_00000000000000000000000000000001; result is 500 characters, 470 of them cut here; read on with read_output(id="o_00000000000000000000000000000001/result", offset=20) or the resource actwright://output/o_00000000000000000000000000000001/result
    [stdout]
    00
    01
    02
    03
    04
    05
    06
    [… 270 characters cut …]

    97
    98
    99
    [result: str]
    xxxxxxxxxxxxxxxxxxxx
    [… 470 characters cut …]
    xxxxxxxxxx
    "#);
}

#[test]
fn the_error_survives_a_flood() {
    let flood = "z".repeat(100_000);
    let report = RunReport {
        status: Status::Raised,
        error: error("ValueError", "bad", "Traceback (most recent call last):\nValueError: bad"),
        ..report(&[(Stream::Stdout, &flood)])
    };
    let text = read(&report, 1_000);
    assert!(text.ends_with("[error]\nTraceback (most recent call last):\nValueError: bad"), "{text}");
    assert!(text.chars().count() < 1_400, "{}", text.chars().count());
}

#[test]
fn late_output_names_its_cell() {
    let late = vec![LateOutput { cell: 2, text: "tick\n".into(), output_id: id(2) }];
    let report = RunReport { late, value: value("1", "int"), ..report(&[]) };
    insta::assert_snapshot!(read(&report, 8_000), @r"
    [result: int]
    1
    [late output of cell 2]
    tick
    ");
}

#[test]
fn a_plan() {
    let call = |name: &str, line, arguments: &[&str], types: &[&str]| UndefinedCall {
        name: name.into(),
        line,
        arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
        types: types.iter().map(|text| (*text).to_owned()).collect(),
    };
    let plan = Some(vec![call("fetch", 2, &["url", "retries=3"], &["?", "int"]), call("a.b", 5, &[], &[])]);
    insta::assert_snapshot!(read(&RunReport { plan, ..report(&[]) }, 8_000), @r"
    [plan] not run; 2 calls of functions that exist nowhere:
    line 2: fetch(url, retries=3)  types: (?, int)
    line 5: a.b()
    ");
    let nothing = RunReport { plan: Some(Vec::new()), ..report(&[]) };
    insta::assert_snapshot!(read(&nothing, 8_000), @"[plan] not run; every function that it calls exists");
}

#[test]
fn displays_become_images_links_and_text() {
    let form = |media_type: &str, data: &[u8]| (media_type.to_owned(), data.to_vec());
    let mut png = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_luma8(3, 2).write_to(&mut png, image::ImageFormat::Png).unwrap();
    let displays = vec![
        Display { forms: vec![form("image/png", png.get_ref()), form("text/plain", b"<Figure>")] },
        Display { forms: vec![form("text/plain", b"   a\n0  1"), form("text/html", b"<table></table>")] },
        Display { forms: vec![form("text/markdown", b"# Title")] },
        Display { forms: vec![form("image/png", b"broken")] },
        Display { forms: vec![form("image/svg+xml", b"<svg/>"), form("text/plain", b"7")] },
    ];
    let report = RunReport { displays, value: value("7", "int"), ..report(&[]) };
    insta::assert_snapshot!(read(&report, 8_000), @r"
    [result: int]
    7
    [display 0: image/png 3x2]
    [display 1]
       a
    0  1
    [display 1: text/html, 15 bytes: actwright://output/o_00000000000000000000000000000001/display/1?type=text/html]
    [display 2]
    # Title
    [display 3: image/png not shown: it is not a readable image (Format error decoding Png: Invalid PNG signature.); its bytes: actwright://output/o_00000000000000000000000000000001/display/3]
    [display 4: image/svg+xml, 6 bytes: actwright://output/o_00000000000000000000000000000001/display/4?type=image/svg+xml]
    ");
    let content = run(&report, 8_000, Structured::No).unwrap().content;
    let kinds: Vec<_> =
        content.iter().map(|block| serde_json::to_value(block).unwrap()["type"].clone()).collect();
    assert_eq!(kinds, ["text", "image", "resource_link", "resource_link"]);
}

#[test]
fn programs_get_everything_exactly() {
    let json = r#"{"b":1.10,"a":123456789012345678901234567890,"c":5e-324}"#;
    let value = CellValue { repr: "{…}".into(), type_name: "dict".into(), json: Some(json.into()) };
    let report = RunReport { value: Some(value), ..report(&[(Stream::Stdout, "out\n")]) };
    let result = run(&report, 8_000, Structured::Yes).unwrap();
    let structure = result.structured_content.clone().unwrap();
    assert_eq!(structure, result.meta.as_ref().unwrap().0[RUN_META]);
    let line = serde_json::to_string(&result).unwrap();
    assert!(line.contains(&format!("\"result_json\":{json}")), "{line}");
    assert_eq!(structure["duration_ms"], json!(1.5));
    let keys: Vec<_> = structure.as_object().unwrap().keys().cloned().collect();
    insta::assert_snapshot!(keys.join(" "), @"status ok session cell result result_type result_json stdout stderr output state checkpoint notes duration_ms truncated output_id displays late");
}

#[test]
fn texts_in_the_structure_keep_to_the_budget() {
    let text = "y".repeat(1_000);
    let report = RunReport { value: value(&text, "str"), ..report(&[(Stream::Stderr, &text)]) };
    let structure = structure::of_run(&report, 90).unwrap();
    assert!(structure["stderr"].as_str().unwrap().len() < 200);
    insta::assert_snapshot!(serde_json::to_string_pretty(&structure["truncated"][1]).unwrap(), @r#"
    {
      "stream": "stderr",
      "total": 1000,
      "shown": 90,
      "where": "actwright://output/o_00000000000000000000000000000001/stderr"
    }
    "#);
}
