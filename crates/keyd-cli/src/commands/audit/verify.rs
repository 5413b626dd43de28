//! audit verify.

use std::path::PathBuf;

use clap::Args;
use crannog_keyd_audit::{Checkpoint, Report, SignedNote, VerifierKey};
use crannog_keyd_client::{Answer, Call};
use data_encoding::HEXLOWER;
use tokio::runtime::Handle;

use super::evidence::{ThroughService, Vouching};
use super::report::conclude;
use super::state::{State, notes};
use crate::commands::{blocking, status};
use crate::failure::{Code, Failure};
use crate::session::{Session, unexpected};

/// Hold the audit log against its checkpoints and its anchor
///
/// Asks the service for a checkpoint of this moment and reads the log itself if it may, else through the service. With --dir all of it is
/// done without the service. Exits with 11 if the log was changed, with 3 if nothing says whether its end was cut.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd audit verify
  crannog-keyd audit verify --checkpoint /mnt/elsewhere/keyd.checkpoint
  crannog-keyd audit verify --dir /backup/crannog-keyd --recovery-file recovery.txt")]
pub(super) struct Verify {
    /// A state directory that no service needs to have open
    #[arg(long, value_name = "STATE")]
    dir: Option<PathBuf>,
    /// The log's verifier key (NAME+ID+BASE64), kept from `install` or `status` [default: what the service says, or the key file]
    #[arg(long, value_name = "KEY")]
    vkey: Option<VerifierKey>,
    /// A checkpoint that lay elsewhere; may be repeated
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// The unlocking key, for the anchor
    #[arg(long, value_name = "FILE", requires = "dir", conflicts_with = "recovery_file")]
    key_file: Option<PathBuf>,
    /// The recovery key, for the anchor
    #[arg(long, value_name = "FILE", requires = "dir")]
    recovery_file: Option<PathBuf>,
}

impl Verify {
    pub(super) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let (report, object) = match self.dir.clone() {
            Some(dir) => {
                let object = dir.display().to_string();
                (blocking(move || self.offline(&State::new(&dir))).await?, object)
            }
            None => (self.online(session).await?, session.place().to_owned()),
        };
        conclude(&report, session.printer, &object)
    }

    /// Without the service. Blocks.
    fn offline(&self, state: &State) -> Result<Report, Failure> {
        let unlocked = match (&self.key_file, &self.recovery_file) {
            (Some(path), _) => Some(state.clone().with_key_file(path)?),
            (None, Some(path)) => Some(state.clone().with_recovery_file(path)?),
            (None, None) => None,
        };
        let own = unlocked
            .as_ref()
            .map(|unlocked| unlocked.verifier_key())
            .transpose()?;
        let vkey = match (&self.vkey, own) {
            (Some(given), Some(own)) if *given != own => return Err(other_key(given)),
            (Some(given), _) => given.clone(),
            (None, Some(own)) => own,
            (None, None) => {
                return Err(
                    Failure::new(Code::Usage, "nothing says by whom the checkpoints must be signed")
                        .hint("give --vkey, --key-file or --recovery-file"),
                );
            }
        };
        let anchor = unlocked.map(|unlocked| unlocked.anchor()).transpose()?.flatten();
        let (notes, bad_notes) = state.notes()?;
        let vouching = Vouching {
            vkey,
            anchor,
            notes,
            bad_notes,
            elsewhere: self.elsewhere()?,
        };
        Ok(vouching.judge(state.segments()?))
    }

    /// With a checkpoint of this moment from the service.
    async fn online(self, session: &Session<'_>) -> Result<Report, Failure> {
        let status = status::ask(session).await?;
        let said: VerifierKey = status.audit.verifier_key.parse().map_err(|_| unexpected())?;
        let vkey = match &self.vkey {
            Some(given) if *given != said => return Err(other_key(given)),
            Some(given) => given.clone(),
            None => said,
        };
        let Answer::Checkpoint(now) = session.administer(&Call::AuditCheckpoint).await?.answer else {
            return Err(unexpected());
        };
        let mut elsewhere = self.elsewhere()?;
        let now = SignedNote::parse(now.note.as_bytes()).map_err(|_| unexpected())?;
        let size = Checkpoint::of_note(&now, &vkey)
            .map_err(|error| {
                Failure::new(Code::VerificationFailed, error.to_string())
                    .object(session.place())
                    .check("KEY-011")
            })?
            .size;
        elsewhere.push(now);
        let (client, runtime) = (session.administrator().clone(), Handle::current());
        let mut vouching = Vouching {
            vkey,
            anchor: None,
            notes: Vec::new(),
            bad_notes: Vec::new(),
            elsewhere,
        };
        blocking(move || {
            let state = State::installed();
            let own = state
                .store()
                .is_ok_and(|store| HEXLOWER.encode(&store.0) == status.store);
            if own && let (Ok((notes, bad)), Ok(segments)) = (state.notes(), state.segments()) {
                (vouching.notes, vouching.bad_notes) = (notes, bad);
                return Ok(vouching.judge(segments));
            }
            let mut lines = ThroughService::new(client, runtime, size);
            let report = vouching.judge(&mut lines);
            lines.failure.take().map_or(Ok(report), Err)
        })
        .await
    }

    /// The checkpoints that were named.
    fn elsewhere(&self) -> Result<Vec<SignedNote>, Failure> {
        let mut elsewhere = Vec::new();
        for path in &self.checkpoint {
            let (found, bad) = notes(path)?;
            if found.is_empty() || !bad.is_empty() {
                return Err(Failure::new(Code::Usage, "this is not a file of checkpoints")
                    .object(path.display().to_string()));
            }
            elsewhere.extend(found);
        }
        Ok(elsewhere)
    }
}

fn other_key(given: &VerifierKey) -> Failure {
    Failure::new(
        Code::VerificationFailed,
        "the log is signed with another key than this one",
    )
    .object(given.to_string())
    .check("KEY-011")
}
