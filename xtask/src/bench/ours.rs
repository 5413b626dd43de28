//! `crannogd` and `crannog`, as anyone would use them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::contender::{Contender, Room, Task};
use super::delay::Proxy;
use crate::compare::What;
use crate::layout::Binaries;
use crate::stage::{Device, Server};
use crate::{Outcome, run};

const NAME: &str = "bench";

/// A server, the device that does the work, one behind the proxy, and one that does not exist yet.
pub struct Ours {
    near: Device,
    far: Device,
    fresh: Device,
    url: String,
    words: PathBuf,
    source: PathBuf,
    proxy: Proxy,
    // Last: it is stopped after the devices.
    server: Server,
}

impl Ours {
    /// Server, account, second device.
    pub fn open(binaries: &Binaries, room: &Room<'_>) -> Outcome<Self> {
        let server = Server::start(binaries, &room.top.join("server"), &room.top.join("server.log"))?;
        let proxy = Proxy::start(&server.address)?;
        let invitation = server.invite()?;
        let words = room.top.join("words");
        let near = Device::new(binaries, &room.top.join("near"))?;
        run::capture(&mut near.join(&invitation, NAME, "near", &words)?)?;
        let far = Device::new(binaries, &room.top.join("far"))?;
        let far_url = invitation.server.replace(&server.address, &proxy.address);
        if far_url == invitation.server {
            return Err(format!("the server's URL {far_url} does not contain {}", server.address).into());
        }
        run::capture(&mut far.recover(&far_url, NAME, "far", &words))?;
        let fresh = Device::new(binaries, &room.top.join("fresh"))?;
        let source = room.data.top.clone();
        Ok(Self {
            near,
            far,
            fresh,
            url: invitation.server,
            words,
            source,
            proxy,
            server,
        })
    }

    fn put(&self, device: &Device, name: &str) -> Command {
        let mut command = device.command(["put", "-r"]);
        command.arg(self.source.join(name)).arg("/");
        command
    }

    fn get(&self, name: &str, into: &Path) -> Command {
        let mut command = self.near.command(["get", "-r", &format!("/{name}")]);
        command.arg(into);
        command
    }
}

impl Contender for Ours {
    fn commands(&self, task: Task, into: &Path) -> Outcome<Vec<Command>> {
        let list = |device: &Device| device.command(["ls", "-R", "/"]);
        Ok(match task {
            Task::StartUp => vec![self.near.command(["ls", "/"])],
            Task::PutBig => vec![self.put(&self.near, "big")],
            Task::GetBig => vec![self.get("big", into)],
            Task::PutSmall | Task::PutUnchanged | Task::PutChanged => vec![self.put(&self.near, "small")],
            Task::GetSmall => vec![self.get("small", into)],
            Task::List => vec![list(&self.near)],
            Task::PutOne => vec![self.put(&self.near, "one")],
            Task::PutOneFar => vec![self.put(&self.far, "far")],
            Task::NewDevice => {
                vec![
                    self.fresh.recover(&self.url, NAME, "fresh", &self.words),
                    list(&self.fresh),
                ]
            }
        })
    }

    fn keeps(&self) -> What {
        What::Everything
    }

    fn stored(&self) -> PathBuf {
        self.server.data.clone()
    }

    fn server_memory(&self) -> u64 {
        self.server.peak_memory()
    }

    fn agent_memory(&self) -> u64 {
        [&self.near, &self.far, &self.fresh]
            .into_iter()
            .map(Device::peak_memory)
            .max()
            .unwrap_or(0)
    }

    fn proxy(&self) -> &Proxy {
        &self.proxy
    }
}
