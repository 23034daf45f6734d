//! Tests of recordings: order, runs, excerpts, and what a flood costs.

use super::*;

fn recorder() -> Recorder {
    Recorder::new(Arc::from(std::env::temp_dir()), Arc::default(), Masks::default())
}

fn all(recording: &Recording, part: Part) -> String {
    recording.slice(part, 0, u64::MAX).unwrap()
}

#[test]
fn three_texts_in_order() {
    let mut recorder = recorder();
    for (stream, text) in
        [(Stream::Stdout, "a"), (Stream::Stdout, "b"), (Stream::Stderr, "E"), (Stream::Stdout, "é")]
    {
        assert_eq!(recorder.write(stream, text.as_bytes()), text);
    }
    let recording = recorder.recording();
    assert_eq!(all(&recording, Part::Output), "abEé");
    assert_eq!(all(&recording, Part::Stdout), "abé");
    assert_eq!(all(&recording, Part::Stderr), "E");
    let run = |stream, from, to| Segment { stream, from, to };
    let known = vec![run(Stream::Stdout, 0, 2), run(Stream::Stderr, 2, 3), run(Stream::Stdout, 3, 4)];
    assert_eq!(recording.segments(3), Segments::Known(known));
    assert_eq!(recording.segments(2), Segments::TooMany);
}

#[test]
fn a_split_character_waits_and_is_flushed_as_escapes() {
    let mut recorder = recorder();
    assert_eq!(recorder.write(Stream::Stdout, &[0xc3]), "");
    assert_eq!(recorder.write(Stream::Stdout, &[0xa9, 0xe6]), "é");
    recorder.flush();
    assert_eq!(all(&recorder.recording(), Part::Stdout), "é\\xe6");
}

#[test]
fn excerpts_keep_head_and_tail() {
    for (text, budget, head, tail, cut) in [
        ("abcdefghij", 10, "abcdefghij", "", None),
        ("abcdefghij", 6, "abcd", "ij", Some((4, 8))),
        ("ééééé漢", 3, "éé", "漢", Some((2, 5))),
        ("abc", 0, "", "", Some((0, 3))),
        ("abc", 1, "a", "", Some((1, 3))),
        ("", 0, "", "", None),
    ] {
        let mut recorder = recorder();
        recorder.write(Stream::Stderr, text.as_bytes());
        let expected =
            Excerpt { head: head.into(), tail: tail.into(), total: text.chars().count() as u64, cut };
        assert_eq!(recorder.recording().excerpt(Part::Output, budget).unwrap(), expected, "{text} {budget}");
        assert_eq!(Excerpt::of(text, budget), expected, "{text} {budget} in memory");
    }
}

#[test]
fn the_second_stream_comes_late_to_a_long_text() {
    let mut recorder = recorder();
    for _ in 0..40 {
        recorder.write(Stream::Stdout, "漢".repeat(5_000).as_bytes());
    }
    recorder.write(Stream::Stderr, b"!");
    recorder.write(Stream::Stdout, b"end");
    let recording = recorder.recording();
    assert_eq!(recording.chars(Part::Output), 200_004);
    assert_eq!(recording.slice(Part::Output, 199_999, 200_004).unwrap(), "漢!end");
    assert_eq!(recording.slice(Part::Stdout, 199_999, 200_004).unwrap(), "漢end");
}

#[test]
fn too_many_runs_are_forgotten_and_the_text_is_not() {
    let mut recorder = recorder();
    for _ in 0..MAX_SEGMENTS {
        recorder.write(Stream::Stdout, b"o");
        recorder.write(Stream::Stderr, b"e");
    }
    let recording = recorder.recording();
    assert_eq!(recording.segments(usize::MAX), Segments::TooMany);
    assert_eq!(recording.chars(Part::Output), 2 * MAX_SEGMENTS as u64);
}

#[test]
fn the_account_is_even_in_the_end() {
    let account = Arc::new(Account::default());
    let mut recorder = Recorder::new(Arc::from(std::env::temp_dir()), Arc::clone(&account), Masks::default());
    recorder.write(Stream::Stdout, &[b'x'; 200_000]);
    recorder.write(Stream::Stderr, b"y");
    let total = account.total();
    assert_eq!((total.bytes, total.files), (200_000 + 1 + 200_001, 2));
    assert!(total.memory >= 2 * (64 << 10), "{total:?}");
    drop(recorder);
    assert_eq!(account.total(), Cost::default());
}

#[test]
fn a_secret_is_not_recorded_wherever_writes_cut_it() {
    let masks = Masks::default();
    masks.learn("s3cret/value");
    let mut recorder = Recorder::new(Arc::from(std::env::temp_dir()), Arc::default(), masks);
    assert_eq!(recorder.write(Stream::Stdout, b"a s3cret"), "a ");
    // The other stream is another text.
    assert_eq!(recorder.write(Stream::Stderr, b"/value"), "/value");
    assert_eq!(recorder.write(Stream::Stdout, b"/value b s3cr"), "*** b ");
    recorder.flush();
    assert_eq!(all(&recorder.recording(), Part::Stdout), "a *** b s3cr");
}
