//! Where things lie.

use std::path::{Path, PathBuf};

/// The folder of the service's configuration.
pub(crate) const CONFIG_FOLDER: &str = "/etc/crannog-keyd";
pub(crate) const CONFIG: &str = "/etc/crannog-keyd/config.toml";
pub(crate) const TLS_FOLDER: &str = "/etc/crannog-keyd/tls";
pub(crate) const TLS_CERT: &str = "/etc/crannog-keyd/tls/cert.pem";
pub(crate) const TLS_KEY: &str = "/etc/crannog-keyd/tls/key.pem";
/// Where the service manager looks for credentials that are encrypted.
pub(crate) const CREDENTIAL_STORE: &str = "/etc/credstore.encrypted";
pub(crate) const CREDENTIAL: &str = "/etc/credstore.encrypted/crannog-keyd.master";
pub(crate) const TMPFILES: &str = "/usr/lib/tmpfiles.d/crannog-keyd.conf";
/// The same, as systemd-tmpfiles finds it.
pub(crate) const TMPFILES_NAME: &str = "crannog-keyd.conf";
pub(crate) const UNITS: &str = "/etc/systemd/system";
/// There if and only if systemd is the service manager (sd_booted(3)).
const BOOTED_WITH_SYSTEMD: &str = "/run/systemd/system";

/// Where things of the service lie. [`below`](Self::below) gives the places of the specification; the fields are those that the
/// configuration can change. Paths are as the service sees them, without the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    root: PathBuf,
    /// The state directory.
    pub state: PathBuf,
    /// The folder of the sockets.
    pub run: PathBuf,
    /// The policy file.
    pub policy: PathBuf,
    /// The unlocking key of a host without credentials.
    pub key_file: PathBuf,
}

impl Places {
    /// The usual places on the host whose file system begins at `root`: `/`, or where another one is mounted.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            state: "/var/lib/crannog-keyd".into(),
            run: "/run/crannog-keyd".into(),
            policy: "/etc/crannog-keyd/policy.toml".into(),
            key_file: "/etc/crannog-keyd/master.key".into(),
        }
    }

    /// A path of the service as this process reaches it.
    pub fn on_disk(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The root, where it is not this machine's own.
    pub(crate) fn other_root(&self) -> Option<&Path> {
        (self.root != Path::new("/")).then_some(&self.root)
    }

    pub(crate) fn systemd_runs(&self) -> bool {
        self.on_disk(BOOTED_WITH_SYSTEMD).is_dir()
    }
}
