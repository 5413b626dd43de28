//! Accepting, with who connected.

use std::io;
use std::os::unix::net::UnixListener as Plain;

use tokio::net::{UnixListener, UnixStream};

use super::overflow::Overflow;
use super::peer;
use crate::peer::Peer;
use crate::platform::Listener;

/// A listening Unix socket. It is made before the runtime is, and registers with the one in which it first accepts.
#[derive(Debug)]
pub struct LinuxListener {
    socket: Socket,
    overflow: Overflow,
}

#[derive(Debug)]
enum Socket {
    Plain(Plain),
    Registered(UnixListener),
}

impl LinuxListener {
    pub(super) fn new(socket: Plain, overflow: Overflow) -> Self {
        Self {
            socket: Socket::Plain(socket),
            overflow,
        }
    }
}

impl Listener for LinuxListener {
    type Stream = UnixStream;

    async fn accept(&mut self) -> io::Result<(UnixStream, Peer)> {
        if let Socket::Plain(plain) = &self.socket {
            let registered = UnixListener::from_std(plain.try_clone()?)?;
            self.socket = Socket::Registered(registered);
        }
        let Socket::Registered(socket) = &self.socket else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let (stream, _) = socket.accept().await?;
        let peer = peer::of(&stream, self.overflow)?;
        Ok((stream, peer))
    }
}
