//! The peer that signs: OpenSSH's agent, by its own protocol (draft-ietf-sshm-ssh-agent).

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use data_encoding::BASE64;

use crate::Outcome;
use crate::case::{Case, To};
use crate::framing::Framing;
use crate::process::Running;

/// `SSH_AGENTC_SIGN_REQUEST`.
const SIGN: u8 = 13;

/// It, with one Ed25519 key.
pub(crate) struct Agent {
    running: Running,
    socket: PathBuf,
    public: Vec<u8>,
}

impl Agent {
    /// Starts it and gives it a new key.
    pub(crate) fn start(folder: &Path) -> Outcome<Self> {
        let (socket, key) = (folder.join("agent.sock"), folder.join("agent-key"));
        let mut keygen = Command::new("ssh-keygen");
        done(
            keygen
                .args(["-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f"])
                .arg(&key),
        )?;
        let mut agent = Command::new("ssh-agent");
        let running = Running::start(agent.arg("-D").arg("-a").arg(&socket), &socket)?;
        done(
            Command::new("ssh-add")
                .arg("-q")
                .arg(&key)
                .env("SSH_AUTH_SOCK", &socket),
        )?;
        let line = std::fs::read_to_string(key.with_extension("pub"))?;
        let blob = line.split(' ').nth(1).ok_or("no public key")?;
        Ok(Self {
            running,
            socket,
            public: BASE64.decode(blob.as_bytes())?,
        })
    }

    /// Signing as many bytes as the service does.
    pub(crate) fn cases(&self) -> Outcome<Vec<Case>> {
        let to = To {
            who: "ssh-agent",
            server: self.running.id(),
            socket: &self.socket,
            framing: Framing::Agent,
        };
        let mut message = vec![SIGN];
        string(&mut message, &self.public)?;
        string(&mut message, &rand::random::<[u8; 64]>())?;
        message.extend([0; 4]);
        let mut request = Vec::new();
        string(&mut request, &message)?;
        to.cases("sign ed25519", 1, &request)
    }
}

fn string(to: &mut Vec<u8>, bytes: &[u8]) -> Outcome {
    to.extend(u32::try_from(bytes.len())?.to_be_bytes());
    to.extend_from_slice(bytes);
    Ok(())
}

fn done(command: &mut Command) -> Outcome {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    let status = status.map_err(|error| format!("{program}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{program} ended with {status}").into())
    }
}
