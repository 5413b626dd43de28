//! The listening sockets, by who may open them.

use std::path::Path;

use crannog_keyd_os::{Endpoint, Linux, LinuxListener, Platform, UserId};

use super::error::StartError;
use crate::config::Config;
use crate::identity::SocketName;

/// All of them, listening.
pub(super) struct Sockets {
    /// Of clients and applications, with their names.
    pub(super) clients: Vec<(SocketName, LinuxListener)>,
    /// Of administrators.
    pub(super) admin: LinuxListener,
    /// Of the TLS process, and its user; none on a host that has no such user.
    pub(super) proxy: Option<(LinuxListener, UserId)>,
}

impl Sockets {
    pub(super) fn open(system: &Linux, config: &Config) -> Result<Self, StartError> {
        let run = &config.run;
        let mut clients = vec![(
            SocketName::clients(),
            listen(system, "clients", &run.join("clients/keyd.sock"), 0o660)?,
        )];
        for socket in &config.socket {
            let Some(name) = SocketName::parse(&socket.name) else {
                continue;
            };
            let path = run.join("app").join(&socket.name).join("keyd.sock");
            clients.push((name, listen(system, &socket.name, &path, 0o660)?));
        }
        let admin = listen(system, "admin", &run.join("admin.sock"), 0o600)?;
        let proxy = match system.user_named(&config.tls.user) {
            Ok(Some(user)) => {
                let path = run.join("proxy/keyd.sock");
                Some((listen(system, "proxy", &path, 0o660)?, user))
            }
            _ => {
                tracing::info!(
                    user = config.tls.user,
                    "no such user: no TLS process is listened to"
                );
                None
            }
        };
        Ok(Self {
            clients,
            admin,
            proxy,
        })
    }
}

fn listen(system: &Linux, name: &str, path: &Path, mode: u32) -> Result<LinuxListener, StartError> {
    let endpoint = Endpoint { name, path, mode };
    system.listen(&endpoint).map_err(|source| StartError::Path {
        path: path.to_owned(),
        source,
    })
}
