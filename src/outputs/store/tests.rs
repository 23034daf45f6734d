//! Tests of the store: parts, pages, what is dropped and what its readers are told.

use super::*;
use crate::masks::Masks;
use crate::outputs::Stream;

fn kept(outputs: &Outputs, written: &str) -> Kept {
    let mut recorder = outputs.recorder();
    recorder.write(Stream::Stdout, written.as_bytes());
    Kept {
        session: SessionId::random().unwrap(),
        cell: 1,
        recording: recorder.recording(),
        result: None,
        error: None,
        displays: Vec::new(),
    }
}

fn store(limit: u64) -> Outputs {
    Outputs::new(std::env::temp_dir(), limit, Masks::default())
}

#[test]
fn pages_lead_through_a_text() {
    let outputs = store(1 << 20);
    let id = OutputId::random().unwrap();
    outputs.keep(id.clone(), Kept { result: Some("42".into()), ..kept(&outputs, "añb\ncd\n") });
    let mut offset = 0;
    let mut seen = String::new();
    loop {
        let page = outputs.read(&id, None, offset, 3).unwrap();
        assert_eq!((page.part, page.total), (Part::Output, 7));
        seen.push_str(&page.text);
        match page.next {
            Some(next) => offset = next,
            None => break,
        }
    }
    assert_eq!(seen, "añb\ncd\n");
    assert_eq!(outputs.read(&id, Some(Part::Result), 0, 9).unwrap().text, "42");
    assert_eq!(outputs.read(&id, None, 99, 9).unwrap().text, "");
    let (_, found) = outputs.grep(&id, Some(Part::Stdout), "c", 0, 9).unwrap();
    assert_eq!(found.hits[0].line, 2);
}

#[test]
fn without_a_part_the_first_that_exists_is_read() {
    let outputs = store(1 << 20);
    let id = OutputId::random().unwrap();
    outputs.keep(id.clone(), Kept { error: Some("Boom".into()), ..kept(&outputs, "") });
    assert_eq!(outputs.read(&id, None, 0, 9).unwrap().text, "Boom");
    let message = outputs.read(&id, Some(Part::Result), 0, 9).unwrap_err().to_string();
    assert_eq!(message, format!("output `{id}` has no result; it has error"));
}

#[test]
fn the_oldest_is_dropped_and_its_reader_is_told() {
    let outputs = store(1000);
    let ids: Vec<_> = (0..5).map(|_| OutputId::random().unwrap()).collect();
    for id in &ids {
        outputs.keep(id.clone(), kept(&outputs, &"x".repeat(400)));
    }
    assert!(matches!(outputs.read(&ids[0], None, 0, 1), Err(ReadError::Dropped(_))));
    assert!(matches!(outputs.read(&ids[2], None, 0, 1), Err(ReadError::Dropped(_))));
    assert_eq!(outputs.read(&ids[3], None, 0, 1).unwrap().total, 400);
    assert_eq!(outputs.list().iter().map(|kept| &kept.id).collect::<Vec<_>>(), [&ids[4], &ids[3]]);
    let never = OutputId::random().unwrap();
    assert!(matches!(outputs.read(&never, None, 0, 1), Err(ReadError::Unknown(_))));
}

#[test]
fn one_output_larger_than_the_limit_is_kept_until_the_next() {
    let outputs = store(10);
    let id = OutputId::random().unwrap();
    outputs.keep(id.clone(), kept(&outputs, &"x".repeat(400)));
    assert_eq!(outputs.read(&id, None, 0, 1).unwrap().total, 400);
}

#[test]
fn late_output_is_appended() {
    let outputs = store(1 << 20);
    let id = OutputId::random().unwrap();
    let mut recorder = outputs.recorder();
    let recording = recorder.recording();
    outputs.keep(id.clone(), Kept { recording, ..kept(&outputs, "") });
    recorder.write(Stream::Stderr, b"late");
    assert_eq!(outputs.read(&id, None, 0, 9).unwrap().text, "late");
}

#[test]
fn displays_by_number_and_type() {
    let outputs = store(1 << 20);
    let id = OutputId::random().unwrap();
    let forms = vec![("image/png".to_owned(), vec![1; 100_000]), ("text/plain".to_owned(), b"p".to_vec())];
    outputs.keep(id.clone(), Kept { displays: vec![forms], ..kept(&outputs, "") });
    assert_eq!(outputs.form(&id, 0, None).unwrap().data.len(), 100_000);
    assert_eq!(outputs.form(&id, 0, Some("text/plain")).unwrap().data, b"p");
    assert!(matches!(outputs.form(&id, 1, None), Err(ReadError::NoDisplay { count: 1, .. })));
}
