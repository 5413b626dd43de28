//! A stream of frames. Reading and writing may be dropped in the middle (`select!`) without losing a byte.

use std::collections::VecDeque;
use std::io;

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use zeroize::Zeroizing;

use crate::frame::{Frame, MAX_FRAME, decode};

/// The longest word: a listing of some millions of files.
const MAX_WORD: usize = 1 << 30;

/// Both halves of a connection.
pub fn split(stream: UnixStream) -> (FrameReader, FrameWriter) {
    let (read, write) = stream.into_split();
    (
        FrameReader {
            half: read,
            arrived: BytesMut::new(),
            word: Zeroizing::new(Vec::new()),
        },
        FrameWriter {
            half: write,
            queue: VecDeque::new(),
        },
    )
}

/// Reads frames.
#[derive(Debug)]
pub struct FrameReader {
    half: OwnedReadHalf,
    arrived: BytesMut,
    /// The parts of a long word that have come.
    word: Zeroizing<Vec<u8>>,
}

impl FrameReader {
    /// The next frame, the parts of a long word joined; `None` at the end of the stream.
    pub async fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            match decode(&mut self.arrived).map_err(invalid)? {
                Some(Frame::Part(text)) => {
                    self.join(&text)?;
                    continue;
                }
                Some(Frame::Json(text)) if !self.word.is_empty() => {
                    self.join(&text)?;
                    return Ok(Some(Frame::Json(std::mem::take(&mut self.word))));
                }
                Some(frame) => return Ok(Some(frame)),
                None => {}
            }
            if self.arrived.capacity() == self.arrived.len() {
                self.arrived.reserve(8 * 1024);
            }
            if self.half.read_buf(&mut self.arrived).await? == 0 {
                return if self.arrived.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }
}

impl FrameReader {
    fn join(&mut self, text: &[u8]) -> io::Result<()> {
        if self.word.len() + text.len() > MAX_WORD {
            return Err(invalid("a word is too long"));
        }
        self.word.extend_from_slice(text);
        Ok(())
    }
}

/// Writes frames: [`Self::push`] and [`Self::data`] queue, [`Self::advance`] sends.
#[derive(Debug)]
pub struct FrameWriter {
    half: OwnedWriteHalf,
    queue: VecDeque<Piece>,
}

/// Part of a frame on its way.
#[derive(Debug)]
enum Piece {
    Plain(Bytes),
    /// Wiped when sent: how much of it was sent, and the text.
    Word(usize, Zeroizing<Vec<u8>>),
}

impl FrameWriter {
    /// Queues a word.
    pub fn push(&mut self, word: &impl Serialize) -> io::Result<()> {
        // Capacity beforehand: a growing buffer would leave copies of a password behind.
        let mut text = Zeroizing::new(Vec::with_capacity(16 * 1024));
        serde_json::to_writer(&mut *text, word)?;
        if text.len() <= MAX_FRAME {
            return self.frame(Frame::Json(text));
        }
        let mut parts = text.chunks(MAX_FRAME).peekable();
        while let Some(part) = parts.next() {
            let part = Zeroizing::new(part.to_vec());
            let last = parts.peek().is_none();
            self.frame(if last {
                Frame::Json(part)
            } else {
                Frame::Part(part)
            })?;
        }
        Ok(())
    }

    /// Queues bytes of a file, in as many frames as it takes.
    pub fn data(&mut self, mut bytes: Bytes) -> io::Result<()> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(MAX_FRAME));
            self.frame(Frame::Data(piece))?;
        }
        Ok(())
    }

    /// Queues a frame.
    pub fn frame(&mut self, frame: Frame) -> io::Result<()> {
        let head = frame.head().map_err(invalid)?;
        self.queue.push_back(Piece::Plain(Bytes::copy_from_slice(&head)));
        match frame {
            Frame::Json(text) | Frame::Part(text) => self.queue.push_back(Piece::Word(0, text)),
            Frame::Data(bytes) if !bytes.is_empty() => self.queue.push_back(Piece::Plain(bytes)),
            Frame::Data(_) | Frame::End | Frame::Interrupt => {}
        }
        Ok(())
    }

    /// Everything was sent.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Sends some of what is queued; at once when nothing is.
    pub async fn advance(&mut self) -> io::Result<()> {
        let Some(piece) = self.queue.front_mut() else {
            return Ok(());
        };
        let done = match piece {
            Piece::Plain(bytes) => {
                nonzero(self.half.write_buf(bytes).await?)?;
                bytes.is_empty()
            }
            Piece::Word(sent, text) => {
                *sent += nonzero(self.half.write(text.get(*sent..).unwrap_or_default()).await?)?;
                *sent >= text.len()
            }
        };
        if done {
            self.queue.pop_front();
        }
        Ok(())
    }

    /// Sends everything that is queued.
    pub async fn flush(&mut self) -> io::Result<()> {
        while !self.is_idle() {
            self.advance().await?;
        }
        Ok(())
    }

    /// Sends a word now.
    pub async fn send(&mut self, word: &impl Serialize) -> io::Result<()> {
        self.push(word)?;
        self.flush().await
    }
}

/// Reads a word.
pub fn word<T: DeserializeOwned>(text: &[u8]) -> io::Result<T> {
    serde_json::from_slice(text).map_err(invalid)
}

fn nonzero(sent: usize) -> io::Result<usize> {
    if sent == 0 {
        Err(io::ErrorKind::WriteZero.into())
    } else {
        Ok(sent)
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::net::UnixStream;

    use super::{split, word};
    use crate::frame::{Frame, MAX_FRAME};
    use crate::{Request, Secret};

    #[tokio::test]
    async fn words_and_long_data() {
        let (a, b) = UnixStream::pair().unwrap();
        let (mut reader, _keep) = split(a);
        let (_other, mut writer) = split(b);
        let long = Bytes::from(vec![7; MAX_FRAME * 2 + 3]);
        let sent = long.clone();
        let send = async move {
            writer
                .send(&Request::Unlock {
                    password: Secret::new("secret".into()),
                })
                .await
                .unwrap();
            writer.data(sent).unwrap();
            writer.frame(Frame::End).unwrap();
            writer.flush().await.unwrap();
        };
        let read = async move {
            let Some(Frame::Json(text)) = reader.next().await.unwrap() else {
                panic!("no word")
            };
            assert!(
                matches!(word::<Request>(&text).unwrap(), Request::Unlock { password } if *password.0 == "secret")
            );
            let mut got = Vec::new();
            loop {
                match reader.next().await.unwrap().unwrap() {
                    Frame::Data(bytes) => got.extend_from_slice(&bytes),
                    Frame::End => return got,
                    other => panic!("{other:?}"),
                }
            }
        };
        let ((), got) = tokio::join!(send, read);
        assert!(got == long);
    }

    #[tokio::test]
    async fn a_word_longer_than_a_frame() {
        let (a, b) = UnixStream::pair().unwrap();
        let (mut reader, _keep) = split(a);
        let (_other, mut writer) = split(b);
        let long = "x".repeat(MAX_FRAME * 2 + 3);
        let sent = long.clone();
        let send = async move { writer.send(&sent).await.unwrap() };
        let (frame, ()) = tokio::join!(reader.next(), send);
        let Some(Frame::Json(text)) = frame.unwrap() else {
            panic!("no word")
        };
        assert!(word::<String>(&text).unwrap() == long);
    }

    #[tokio::test]
    async fn an_end_in_the_middle_of_a_frame() {
        let (a, b) = UnixStream::pair().unwrap();
        let (mut reader, _keep) = split(a);
        b.try_write(&[9, 0, 0, 0, 1, 5]).unwrap();
        drop(b);
        assert_eq!(
            reader.next().await.unwrap_err().kind(),
            std::io::ErrorKind::UnexpectedEof
        );
    }
}
