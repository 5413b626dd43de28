//! Frames: how words and bytes share one stream. `u32` length of the payload (little endian, at most 1 MiB), `u8` kind, payload.
//!
//! No input or output here: [`decode`] takes bytes that have arrived, [`Frame::head`] gives those to send before the payload.

use bytes::{Buf, Bytes, BytesMut};
use zeroize::{Zeroize, Zeroizing};

/// The longest payload.
pub const MAX_FRAME: usize = 1 << 20;

const HEAD: usize = 5;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A word: [`crate::Hello`], [`crate::Welcome`], [`crate::Request`] or [`crate::Reply`]. May hold a password.
    Json(Zeroizing<Vec<u8>>),
    /// The beginning of a word that is longer than a frame; the next parts follow, [`Frame::Json`] is the last.
    Part(Zeroizing<Vec<u8>>),
    /// Bytes of a file.
    Data(Bytes),
    /// There are no more bytes.
    End,
    /// The user wants the running request to stop.
    Interrupt,
}

/// Not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Longer than [`MAX_FRAME`].
    #[error("a frame of {0} bytes is too long")]
    TooLong(usize),
    /// A kind that nobody knows.
    #[error("no frame has the kind {0}")]
    Kind(u8),
    /// A frame without payload has one.
    #[error("a frame of kind {0} has no payload")]
    Payload(u8),
}

impl Frame {
    /// The bytes before the payload.
    pub fn head(&self) -> Result<[u8; HEAD], FrameError> {
        let (kind, length) = match self {
            Self::Json(text) => (0, text.len()),
            Self::Data(bytes) => (1, bytes.len()),
            Self::End => (2, 0),
            Self::Interrupt => (3, 0),
            Self::Part(text) => (4, text.len()),
        };
        let length = u32::try_from(length)
            .ok()
            .filter(|length| *length as usize <= MAX_FRAME);
        let [a, b, c, d] = length
            .ok_or(FrameError::TooLong(self.payload().len()))?
            .to_le_bytes();
        Ok([a, b, c, d, kind])
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        match self {
            Self::Json(text) | Self::Part(text) => text,
            Self::Data(bytes) => bytes,
            Self::End | Self::Interrupt => &[],
        }
    }
}

/// Takes the first frame off `arrived`; `None` when it is not there as a whole. What held a word is wiped.
pub fn decode(arrived: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
    let Some([a, b, c, d, kind]) = arrived.first_chunk::<HEAD>().copied() else {
        return Ok(None);
    };
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    if length > MAX_FRAME {
        return Err(FrameError::TooLong(length));
    }
    match kind {
        0 | 1 | 4 => {}
        2 | 3 if length == 0 => {}
        2 | 3 => return Err(FrameError::Payload(kind)),
        _ => return Err(FrameError::Kind(kind)),
    }
    if arrived.len() < HEAD + length {
        arrived.reserve(HEAD + length - arrived.len());
        return Ok(None);
    }
    arrived.advance(HEAD);
    let mut payload = arrived.split_to(length);
    Ok(Some(match kind {
        0 | 4 => {
            let text = Zeroizing::new(payload.to_vec());
            payload.zeroize();
            if kind == 0 {
                Frame::Json(text)
            } else {
                Frame::Part(text)
            }
        }
        1 => Frame::Data(payload.freeze()),
        2 => Frame::End,
        _ => Frame::Interrupt,
    }))
}

#[cfg(test)]
mod tests {
    use bytes::{Bytes, BytesMut};
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    use super::{Frame, FrameError, MAX_FRAME, decode};

    fn bytes(frame: &Frame) -> Vec<u8> {
        [&frame.head().unwrap()[..], frame.payload()].concat()
    }

    fn any_frame() -> impl Strategy<Value = Frame> {
        let payload = proptest::collection::vec(any::<u8>(), 0..200);
        prop_oneof![
            payload.clone().prop_map(|text| Frame::Json(Zeroizing::new(text))),
            payload.clone().prop_map(|text| Frame::Part(Zeroizing::new(text))),
            payload.prop_map(|data| Frame::Data(Bytes::from(data))),
            Just(Frame::End),
            Just(Frame::Interrupt),
        ]
    }

    proptest! {
        #[test]
        fn however_the_stream_is_cut(frames in proptest::collection::vec(any_frame(), 0..6), step in 1_usize..50) {
            let stream: Vec<u8> = frames.iter().flat_map(bytes).collect();
            let (mut arrived, mut seen) = (BytesMut::new(), Vec::new());
            for piece in stream.chunks(step) {
                arrived.extend_from_slice(piece);
                while let Some(frame) = decode(&mut arrived).unwrap() {
                    seen.push(frame);
                }
            }
            prop_assert_eq!(seen, frames);
            prop_assert!(arrived.is_empty());
        }

        #[test]
        fn nonsense_is_refused_or_waits(stream in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut arrived = BytesMut::from(&stream[..]);
            while let Ok(Some(_)) = decode(&mut arrived) {}
        }
    }

    #[test]
    fn what_is_refused() {
        let refuse = |bytes: &[u8]| decode(&mut BytesMut::from(bytes)).unwrap_err();
        assert_eq!(
            refuse(&[0, 0, 0x10, 1, 1]),
            FrameError::TooLong(MAX_FRAME + (1 << 24))
        );
        assert_eq!(refuse(&[0, 0, 0, 0, 5]), FrameError::Kind(5));
        assert_eq!(refuse(&[1, 0, 0, 0, 3]), FrameError::Payload(3));
        let long = Frame::Data(Bytes::from(vec![0; MAX_FRAME + 1]));
        assert_eq!(long.head(), Err(FrameError::TooLong(MAX_FRAME + 1)));
    }
}
