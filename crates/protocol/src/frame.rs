//! Frames on a stream: a little-endian `u32` length, then that many bytes of MessagePack.
//!
//! [`Buffer`] only cuts bytes into frames; it never reads a socket. A length over [`MAX_FRAME`] is an error at
//! once, before any memory is taken for it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{MAX_DEPTH, MAX_FRAME};

/// Why bytes are not a message.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The length field is over the limit.
    #[error("a frame of {length} bytes is over the limit of {MAX_FRAME}")]
    TooLong {
        /// What the field says.
        length: usize,
    },
    /// The bytes do not decode to the message expected.
    #[error("a frame does not decode")]
    Malformed(#[source] rmp_serde::decode::Error),
    /// Bytes are left over behind the message.
    #[error("a frame holds {0} bytes behind its message")]
    Trailing(usize),
    /// A message could not be encoded.
    #[error("a message does not encode")]
    Unencodable(#[source] rmp_serde::encode::Error),
}

/// One message as a frame, length included.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut bytes = vec![0; 4];
    rmp_serde::encode::write(&mut bytes, message).map_err(FrameError::Unencodable)?;
    let length = bytes.len() - 4;
    if length > MAX_FRAME {
        return Err(FrameError::TooLong { length });
    }
    bytes[..4].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(bytes)
}

/// One message without a length, for sockets that keep boundaries themselves.
pub fn encode_datagram<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    rmp_serde::to_vec(message).map_err(FrameError::Unencodable)
}

/// Reads one message from exactly these bytes.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    let mut rest = bytes;
    let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
    deserializer.set_max_depth(MAX_DEPTH);
    let message = T::deserialize(&mut deserializer).map_err(FrameError::Malformed)?;
    if rest.is_empty() { Ok(message) } else { Err(FrameError::Trailing(rest.len())) }
}

/// Bytes that have arrived and are not yet cut into frames.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl Buffer {
    /// Adds what was read.
    pub fn extend(&mut self, bytes: &[u8]) {
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        } else if self.start > 64 << 10 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame's body, if it is there.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let waiting = &self.bytes[self.start..];
        let Some(header) = waiting.first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*header) as usize;
        if length > MAX_FRAME {
            return Err(FrameError::TooLong { length });
        }
        if waiting.len() < 4 + length {
            return Ok(None);
        }
        let body = self.start + 4;
        self.start = body + length;
        Ok(Some(&self.bytes[body..body + length]))
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(buffer: &mut Buffer) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| buffer.next_frame().unwrap().map(<[u8]>::to_vec)).collect()
    }

    #[test]
    fn frames_come_out_however_the_bytes_came_in() {
        let all =
            [encode(&"one").unwrap(), encode(&2).unwrap(), encode(&"x".repeat(100_000)).unwrap()].concat();
        for step in [1, 3, 7, 4096, all.len()] {
            let mut buffer = Buffer::default();
            let mut out = Vec::new();
            for piece in all.chunks(step) {
                buffer.extend(piece);
                out.extend(frames(&mut buffer));
            }
            assert_eq!(out.len(), 3, "in steps of {step}");
            assert_eq!(decode::<String>(&out[2]).unwrap().len(), 100_000);
        }
    }

    #[test]
    fn a_length_over_the_limit_is_an_error_at_once() {
        let mut buffer = Buffer::default();
        buffer.extend(&u32::MAX.to_le_bytes());
        assert!(matches!(buffer.next_frame(), Err(FrameError::TooLong { .. })));
    }
}
