//! Where an answer ends, as cheaply as can be: the client shares the processor with what is measured.

use crate::Outcome;

/// A protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// HTTP/1.1 with `Content-Length`; anything but 200 is an error.
    Http,
    /// A length of four bytes, big-endian, then a message of the type that follows a signature's request.
    Agent,
    /// A line of JSON; an object with `error` is an error.
    Line,
}

/// `SSH_AGENT_SIGN_RESPONSE`.
const SIGNED: u8 = 14;

impl Framing {
    /// Bytes of the first answer in `bytes`, if it is there as a whole.
    pub(crate) fn whole(self, bytes: &[u8]) -> Outcome<Option<usize>> {
        let len = match self {
            Self::Http => http(bytes)?,
            Self::Agent => agent(bytes)?,
            Self::Line => line(bytes)?,
        };
        Ok(len.filter(|len| bytes.len() >= *len))
    }
}

fn http(bytes: &[u8]) -> Outcome<Option<usize>> {
    const LENGTH: &[u8] = b"content-length: ";
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let (head, _) = bytes.split_at(end);
    if !head.starts_with(b"HTTP/1.1 200 ") {
        return Err(format!("answered with: {}", String::from_utf8_lossy(bytes)).into());
    }
    let length = head.split(|byte| *byte == b'\n').find_map(|field| {
        let (name, value) = field.split_at_checked(LENGTH.len())?;
        name.eq_ignore_ascii_case(LENGTH).then_some(value)
    });
    let digits = length.ok_or("an answer without its length")?.trim_ascii_end();
    let length: usize = std::str::from_utf8(digits)?.parse()?;
    Ok(Some(end + 4 + length))
}

fn agent(bytes: &[u8]) -> Outcome<Option<usize>> {
    let Some((length, message)) = bytes.split_first_chunk() else {
        return Ok(None);
    };
    match message.first() {
        None => Ok(None),
        Some(&SIGNED) => Ok(Some(4 + u32::from_be_bytes(*length) as usize)),
        Some(other) => Err(format!("the agent answers with message {other}").into()),
    }
}

fn line(bytes: &[u8]) -> Outcome<Option<usize>> {
    if bytes.starts_with(br#"{"error""#) {
        return Err(format!("answered with: {}", String::from_utf8_lossy(bytes)).into());
    }
    Ok(bytes.iter().position(|byte| *byte == b'\n').map(|end| end + 1))
}
