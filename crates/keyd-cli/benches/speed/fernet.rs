//! What the service replaces: Fernet in Python behind a Unix socket (`tools/bench/fernet_service.py`).

use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::case::{Case, To};
use crate::framing::Framing;
use crate::process::Running;
use crate::{Outcome, load};

/// It, with a key of its own.
pub(crate) struct Fernet {
    running: Running,
    socket: PathBuf,
}

impl Fernet {
    /// Starts it.
    pub(crate) fn start(folder: &Path) -> Outcome<Self> {
        let named = |name| std::env::var_os(name).ok_or_else(|| format!("{name} is not set"));
        let socket = folder.join("fernet.sock");
        let mut command = Command::new(named("CRANNOG_PYTHON")?);
        command.arg(named("CRANNOG_FERNET_SERVICE")?).arg(&socket);
        let running = Running::start(&mut command, &socket)?;
        Ok(Self { running, socket })
    }

    /// As many bytes as the service is given.
    pub(crate) fn cases(&self) -> Outcome<Vec<Case>> {
        let to = To {
            who: "Python, Fernet",
            server: self.running.id(),
            socket: &self.socket,
            framing: Framing::Line,
        };
        let data = BASE64.encode(&rand::random::<[u8; 64]>());
        let encrypt = line(&json!({"operation": "encrypt", "data": data}));
        let answer = load::once(&self.socket, Framing::Line, &encrypt)?;
        let answer: Value = serde_json::from_slice(&answer)?;
        let decrypt = line(&json!({"operation": "decrypt", "token": answer["token"]}));
        let mut cases = to.cases("encrypt", 1, &encrypt)?;
        cases.extend(to.cases("decrypt", 1, &decrypt)?);
        Ok(cases)
    }
}

fn line(request: &Value) -> Vec<u8> {
    format!("{request}\n").into_bytes()
}
