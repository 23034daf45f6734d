//! Finds a message's own `id` while its bytes flow by, for lines that are too long or too deep to parse.
//!
//! It looks at the outermost object only, keeps a few hundred bytes whatever comes, and never judges whether
//! the rest is valid JSON.

use rmcp::model::RequestId;

/// The longest `id`, quotes included, that is found; longer ones are not answered by id.
const MAX_ID: usize = 512;

/// The state between two pieces of one line.
#[derive(Debug, Default)]
pub(super) struct IdScanner {
    depth: u64,
    text: InText,
    place: Place,
    key: Vec<u8>,
    value: Vec<u8>,
    id: Option<RequestId>,
    end: End,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum InText {
    #[default]
    No,
    Yes,
    Escaped,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Key,
    Value,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    Closed,
}

impl IdScanner {
    /// Looks at the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match self.text {
                InText::No => self.outside(byte),
                InText::Escaped => {
                    self.text = InText::Yes;
                    self.capture(byte);
                }
                InText::Yes => {
                    match byte {
                        b'\\' => self.text = InText::Escaped,
                        b'"' => self.text = InText::No,
                        _ => {}
                    }
                    self.capture(byte);
                }
            }
        }
    }

    /// The id, if one was found.
    pub(super) fn id(&self) -> Option<RequestId> {
        self.id.clone()
    }

    /// The id, if the line was one object from its first to its last bracket.
    pub(super) fn id_of_whole(&self) -> Option<RequestId> {
        (self.end == End::Closed).then(|| self.id()).flatten()
    }

    fn outside(&mut self, byte: u8) {
        match byte {
            b'"' => {
                self.text = InText::Yes;
                self.capture(byte);
            }
            b'{' | b'[' => {
                self.depth += 1;
                if self.depth == 2 {
                    // An id is never a container, so this value is not one.
                    self.key.clear();
                }
            }
            b'}' | b']' => {
                if self.depth == 1 {
                    self.finish_value();
                    self.end = End::Closed;
                }
                self.depth = self.depth.saturating_sub(1);
            }
            b':' if self.depth == 1 => self.place = Place::Value,
            b',' if self.depth == 1 => self.finish_value(),
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => self.capture(byte),
        }
    }

    fn capture(&mut self, byte: u8) {
        if self.depth != 1 {
            return;
        }
        let into = match self.place {
            Place::Key => &mut self.key,
            Place::Value if self.key == b"\"id\"" => &mut self.value,
            Place::Value => return,
        };
        if into.len() < MAX_ID {
            into.push(byte);
        }
    }

    fn finish_value(&mut self) {
        if self.key == b"\"id\"" {
            self.id = serde_json::from_slice(&self.value).ok();
        }
        self.key.clear();
        self.value.clear();
        self.place = Place::Key;
    }
}

#[cfg(test)]
mod tests;
