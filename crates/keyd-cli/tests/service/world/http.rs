//! A client that says exactly what a test wants it to say.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Speaks to one socket; a connection for each request.
pub(crate) struct Http {
    socket: PathBuf,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn data(&self) -> &Value {
        &self.body["data"]
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.iter();
        fields
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first of `errors`.
    pub(crate) fn error(&self) -> &str {
        self.body["errors"][0].as_str().unwrap_or_default()
    }
}

impl Http {
    pub(crate) fn new(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &body.to_string())
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let length = body.len();
        let head = format!(
            "{method} /v1/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        self.raw(format!("{head}{body}").as_bytes()).expect("an answer")
    }

    /// These bytes, and the answer to them, if one comes before the connection ends.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Option<Answer> {
        self.connect()
            .map(|stream| Self::ask(stream, bytes))
            .expect("a service")
    }

    /// The same where the service may be gone.
    pub(crate) fn try_raw(&self, bytes: &[u8]) -> Option<Answer> {
        Self::ask(self.connect().ok()?, bytes)
    }

    pub(crate) fn connect(&self) -> std::io::Result<UnixStream> {
        UnixStream::connect(&self.socket)
    }

    fn ask(mut stream: UnixStream, bytes: &[u8]) -> Option<Answer> {
        // The service may refuse and close before it has read everything.
        let _ = stream.write_all(bytes);
        read(&mut BufReader::new(stream))
    }
}

/// One answer from a connection that may go on.
pub(crate) fn read(stream: &mut impl BufRead) -> Option<Answer> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let (mut head, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().ok()?;
        }
        head.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some(Answer { status, head, body })
}
