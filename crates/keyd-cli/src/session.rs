//! The way to the service: which socket, or which address.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crannog_keyd_client::{Call, Client, Error, Mount, Name, Reply, TlsIdentity};
use nix::unistd::{AccessFlags, eaccess};

use crate::args::{Global, Tls};
use crate::failure::{Code, Failure};
use crate::output::Printer;
use crate::{fault, secret_file};

const SOCKET: &str = "/run/crannog-keyd/clients/keyd.sock";
/// What `install` makes; seen by everybody.
const CONFIGURATION: &str = "/etc/crannog-keyd";

/// A command's connections, and how it prints.
pub(crate) struct Session<'a> {
    pub(crate) client: Client,
    pub(crate) printer: &'a Printer,
    /// The socket or the address.
    place: String,
    /// None with TLS.
    socket: Option<PathBuf>,
    admin: Option<(Client, PathBuf)>,
}

impl<'a> Session<'a> {
    /// As the options say. Nothing is opened yet.
    pub(crate) fn new(global: &Global, tls: &Tls, printer: &'a Printer) -> Result<Self, Failure> {
        let mount = Mount::parse(&global.mount)
            .map_err(|error| Failure::new(Code::Usage, error.to_string()).object(&*global.mount))?;
        let mounted = |client: Client| client.with(|settings| settings.mount = mount.clone());
        if let Some(address) = &tls.address {
            let client = Client::tls(address, identity(tls)?);
            let client = client.map_err(|error| fault::of(&error).about(address))?;
            return Ok(Self {
                client: mounted(client),
                printer,
                place: address.clone(),
                socket: None,
                admin: None,
            });
        }
        let socket = global.socket.clone().unwrap_or_else(|| PathBuf::from(SOCKET));
        let admin = admin_socket(&socket).filter(|path| {
            let rights = AccessFlags::R_OK | AccessFlags::W_OK;
            eaccess(path, rights).is_ok()
        });
        Ok(Self {
            client: mounted(Client::unix(&socket)),
            printer,
            place: socket.display().to_string(),
            admin: admin.map(|path| (mounted(Client::unix(&path)), path)),
            socket: Some(socket),
        })
    }

    /// The socket; none with TLS.
    pub(crate) fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// The socket or the address.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Calls the service. What it warns of is said.
    pub(crate) async fn call(&self, call: &Call) -> Result<Reply, Failure> {
        self.call_through(&self.client, &self.place, call).await
    }

    /// Calls the service about a key, or something else that has a name.
    pub(crate) async fn call_about(&self, object: &str, call: &Call) -> Result<Reply, Failure> {
        self.call(call).await.map_err(|failure| failure.about(object))
    }

    /// Calls the service as its administrator, where this user may.
    pub(crate) async fn administer(&self, call: &Call) -> Result<Reply, Failure> {
        match &self.admin {
            Some((client, path)) => self.call_through(client, &path.display().to_string(), call).await,
            None => self.call(call).await,
        }
    }

    /// The client that [`administer`](Self::administer) uses.
    pub(crate) fn administrator(&self) -> &Client {
        self.admin.as_ref().map_or(&self.client, |(client, _)| client)
    }

    /// The same, with another time for one call.
    pub(crate) fn patient(&self, time: Duration) -> Self {
        let patient = |client: &Client| client.with(|settings| settings.timeout = time);
        Self {
            client: patient(&self.client),
            printer: self.printer,
            place: self.place.clone(),
            socket: self.socket.clone(),
            admin: self
                .admin
                .as_ref()
                .map(|(client, path)| (patient(client), path.clone())),
        }
    }

    async fn call_through(&self, client: &Client, place: &str, call: &Call) -> Result<Reply, Failure> {
        match client.call(call).await {
            Ok(reply) => {
                for warning in &reply.warnings {
                    self.printer
                        .say(&format!("warning: {}", crate::sanitise::line(warning)));
                }
                Ok(reply)
            }
            Err(Error::Unreachable(std::io::ErrorKind::NotFound)) if !self.is_installed() => Err(
                Failure::new(Code::NotInstalled, "there is no key service on this machine")
                    .object(place)
                    .hint("crannog-keyd install, as root; or --socket, or --address"),
            ),
            Err(error @ Error::Refused(_)) => Err(fault::of(&error)),
            Err(error) => Err(fault::of(&error).about(place)),
        }
    }

    fn is_installed(&self) -> bool {
        self.place != SOCKET || Path::new(CONFIGURATION).exists()
    }
}

/// A key's name, checked before anything is sent (KEY-015).
pub(crate) fn name(text: &str) -> Result<Name, Failure> {
    Name::parse(text).map_err(|error| fault::of(&Error::from(error)).object(text))
}

/// Not the answer that belongs to the call.
pub(crate) fn unexpected() -> Failure {
    Failure::new(Code::Internal, "the service answered something else")
}

/// `RUN/admin.sock` of `RUN/clients/keyd.sock`.
fn admin_socket(socket: &Path) -> Option<PathBuf> {
    let folder = socket.parent()?;
    (folder.file_name()? == "clients").then(|| folder.with_file_name("admin.sock"))
}

fn identity(tls: &Tls) -> Result<TlsIdentity, Failure> {
    let missing = || {
        Failure::new(Code::Usage, "--address needs --cert, --key and --ca")
            .hint("they stand before the command: crannog-keyd --address … --cert … --key … --ca … status")
    };
    let read = |path: &Option<PathBuf>| secret_file::read(path.as_deref().ok_or_else(missing)?);
    let (cert, key, ca) = (read(&tls.cert)?, read(&tls.tls_key)?, read(&tls.ca)?);
    TlsIdentity::from_pem(&cert, &key, &ca).map_err(|error| fault::of(&Error::Tls(error)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::admin_socket;

    #[test]
    fn the_administrators_socket_lies_beside_the_folder() {
        let admin = |path| admin_socket(Path::new(path));
        assert_eq!(
            admin("/run/k/clients/keyd.sock").unwrap(),
            Path::new("/run/k/admin.sock")
        );
        for other in ["/run/k/app/shop/keyd.sock", "/run/k/admin.sock", "keyd.sock"] {
            assert_eq!(admin(other), None);
        }
    }
}
