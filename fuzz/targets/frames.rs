//! Frames come out of a stream the same however its bytes were cut, and none is larger than it may be.

#![no_main]

use actwright_protocol::{Buffer, MAX_FRAME};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, u8)| {
    let (stream, cut) = input;
    let whole = frames(&[&stream]);
    let pieces: Vec<&[u8]> = stream.chunks(usize::from(cut) + 1).collect();
    assert_eq!(frames(&pieces), whole);
    if let Ok(frames) = whole {
        assert!(frames.iter().all(|frame| frame.len() <= MAX_FRAME));
    }
});

/// The frames of a stream that comes in pieces, up to the first error.
fn frames(pieces: &[&[u8]]) -> Result<Vec<Vec<u8>>, String> {
    let mut buffer = Buffer::default();
    let mut frames = Vec::new();
    for piece in pieces {
        buffer.extend(piece);
        while let Some(frame) = buffer.next_frame().map_err(|error| error.to_string())? {
            frames.push(frame.to_vec());
        }
    }
    Ok(frames)
}
