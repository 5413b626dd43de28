//! The TLS process beside a running service, and clients' certificates.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{CertificateParams, KeyPair};

use super::{TLS_USER, World, program};

/// A certificate that its owner made herself.
pub(crate) struct Identity {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    /// Both in one file.
    pub(crate) both: PathBuf,
    /// As a subject of the policy names it.
    pub(crate) subject: String,
}

/// The TLS process; killed when it is dropped.
pub(crate) struct TlsRunning {
    child: Child,
    pub(crate) address: String,
    pub(crate) authority: PathBuf,
}

/// The sections of a configuration with which [`World::serve_tls`] works.
pub(crate) fn config() -> String {
    format!(
        "[tls]\nuser = {TLS_USER:?}\nlisten = \"127.0.0.1:0\"\ncert = \"TLS/server.pem\"\nkey = \"TLS/server.key\"\n"
    )
}

impl World {
    /// A client's key pair and certificate, below this world.
    pub(crate) fn identity(&self, name: &str) -> Identity {
        let folder = self.path("clients");
        let _ = fs::create_dir(&folder);
        let pair = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![format!("{name}.example")])
            .unwrap()
            .self_signed(&pair)
            .unwrap();
        let [cert, key, both] = ["pem", "key", "both"].map(|kind| folder.join(format!("{name}.{kind}")));
        fs::write(&cert, certificate.pem()).unwrap();
        fs::write(&key, pair.serialize_pem()).unwrap();
        fs::write(&both, format!("{}{}", certificate.pem(), pair.serialize_pem())).unwrap();
        let hash = data_encoding::HEXLOWER.encode(digest(&SHA256, certificate.der()).as_ref());
        Identity {
            cert,
            key,
            both,
            subject: format!("cert:sha256:{hash}"),
        }
    }

    /// Starts it for a world that was made with [`config`], and waits until it serves.
    pub(crate) fn serve_tls(&self) -> TlsRunning {
        let folder = self.path("TLS");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        let pair = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().self_signed(&pair).unwrap();
        let (cert, key) = (folder.join("server.pem"), folder.join("server.key"));
        fs::write(&cert, certificate.pem()).unwrap();
        fs::write(&key, pair.serialize_pem()).unwrap();
        fs::set_permissions(&key, Permissions::from_mode(0o400)).unwrap();
        let user = nix::unistd::User::from_name(TLS_USER).unwrap().unwrap();
        chown(&key, Some(user.uid.as_raw()), None).unwrap();
        let place = self.path("");
        let config = fs::read_to_string(self.path("etc/config.toml")).unwrap();
        let config = config.replace("TLS/", &format!("{}/TLS/", place.display()).replace("//", "/"));
        self.write("etc/config.toml", &config, 0o644);
        let mut command = Command::new(program());
        command
            .args(["serve-tls", "--user", TLS_USER, "--config"])
            .arg(self.path("etc/config.toml"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        for line in lines.by_ref() {
            let line = line.unwrap();
            if let Some((_, address)) = line.split_once("address=") {
                let address = format!("https://{}", address.trim());
                std::thread::spawn(move || {
                    lines
                        .map_while(Result::ok)
                        .for_each(|line| println!("tls: {line}"))
                });
                return TlsRunning {
                    child,
                    address,
                    authority: cert,
                };
            }
            said.push_str(&line);
        }
        let ended = child.wait();
        panic!("the TLS process does not start: {said} {ended:?}");
    }
}

impl Drop for TlsRunning {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
