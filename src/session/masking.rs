//! A finished cell's story without secrets: its value, its error, what it showed. Its output was masked as it came.

use super::cell::Story;
use super::report::{CellError, CellValue, Display, UndefinedCall};
use crate::masks::Mask;

/// Masks everything that goes back.
pub fn story(story: &mut Story, mask: &Mask) {
    if mask.is_empty() {
        return;
    }
    let Story { value, error, plan, notes, displays, status: _, state: _, duration: _ } = story;
    if let Some(CellValue { repr, type_name, json }) = value {
        [Some(repr), Some(type_name), json.as_mut()].into_iter().flatten().for_each(|part| text(part, mask));
    }
    if let Some(CellError { type_name, message, source, traceback, hints, line: _, exit_code: _ }) = error {
        [type_name, message, traceback]
            .into_iter()
            .chain(source)
            .chain(hints)
            .for_each(|part| text(part, mask));
    }
    for UndefinedCall { name, arguments, types, line: _ } in plan.iter_mut().flatten() {
        text(name, mask);
        arguments.iter_mut().chain(types).for_each(|part| text(part, mask));
    }
    notes.iter_mut().for_each(|note| text(note, mask));
    for Display { forms } in displays {
        for (_, content) in forms {
            if let Some(masked) = mask.bytes(content) {
                *content = masked;
            }
        }
    }
}

fn text(text: &mut String, mask: &Mask) {
    if let Some(masked) = mask.text(text) {
        *text = masked;
    }
}
