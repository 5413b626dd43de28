//! Evidence: what an alarm has to show is written to a file that convinces a stranger (`docs/spec/membership.md`, Evidence).

use std::fs::{DirBuilder, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crannog_agent_api::answer::AuditInfo;
use crannog_agent_api::{Answer, Code, Failure};
use crannog_core::check::Check;
use crannog_core::evidence::{self, Branch, Case, Convicted, EntryCase, Evidence, ServerProof};
use crannog_proto::{Receipt, Seen};
use rusqlite::Connection;

use crate::clock;
use crate::db::{DbError, Journals, Receipts};
use crate::error::{Error, Result};
use crate::journal::{Culprit, Journal};
use crate::shared::Shared;
use crate::transport::receipt_key_certified;

/// Files beyond this are not written: whoever lies a thousand times fills no disk.
const FILES: usize = 64;
/// Largest file that is read.
const LARGEST: u64 = 32 * 1024 * 1024;

impl Shared {
    /// The server signed something that contradicts what was read. With a receipt of its own this device can prove it.
    pub(crate) async fn forked(&self, journal: &Journal, check: Check, theirs: &Receipt) -> Error {
        let (row, theirs) = (journal.row, *theirs);
        let case = self.db.read(move |c| fork_case(c, row, &theirs)).await;
        self.keep(journal, check, case.unwrap_or(Case::Nothing)).await;
        let lie = Error::lied(check, self.name_of(&journal.id));
        self.alarm(&journal.id, lie).await
    }

    /// An entry was refused.
    pub(crate) async fn keep_entry(&self, journal: &Journal, check: Check, culprit: Culprit) {
        let Culprit {
            stored,
            before,
            said,
            receipt,
        } = culprit;
        let (row, id, seq) = (journal.row, journal.id, stored.seq);
        let kept = self.db.read(move |c| Receipts(c).next(row, &id, seq)).await;
        let kept = kept.ok().flatten().filter(|kept| kept.seq == seq);
        let chains = self.chains();
        let known = said
            .as_ref()
            .and_then(|(author, _)| chains.known(&author.account));
        let case = Case::Entry(EntryCase {
            before,
            receipt: receipt.or(kept),
            links: known.map(|known| known.links().to_vec()).unwrap_or_default(),
            said: said.map(|(_, said)| said),
            stored,
        });
        self.keep(journal, check, case).await;
    }

    /// What shows whose receipts these are, asked for before it is needed: a server that is about to be convicted may stop answering.
    pub(crate) async fn meet_server(&self) -> Result<()> {
        if self.transport.server_proof().is_none() {
            self.retry(|| self.transport.server_info()).await?;
        }
        Ok(())
    }

    async fn keep(&self, journal: &Journal, check: Check, case: Case) {
        if matches!(case, Case::Nothing) {
            return;
        }
        let Some(proof) = self.transport.server_proof() else {
            return;
        };
        let evidence = Evidence {
            version: 1,
            found: clock::now_ms(),
            check: check.number(),
            journal: journal.id,
            server: ServerProof {
                ca: proof.ca,
                receipt_key: proof.receipt_key,
                receipt_key_signature: proof.receipt_key_signature,
            },
            case,
        };
        let Ok(text) = evidence.to_text().or_else(|_| evidence.without_said().to_text()) else {
            return tracing::error!("evidence is too large to be kept");
        };
        let folder = self.profile.join("evidence");
        let name = format!("{}-{}.evidence", self.file_name(journal), evidence.found);
        let written = tokio::task::spawn_blocking(move || write(&folder, &name, &text)).await;
        match written {
            Ok(Ok(path)) => {
                tracing::error!(path = %path.display(), "evidence was kept; crannog audit reads it")
            }
            Ok(Err(error)) => tracing::error!(%error, "evidence could not be kept"),
            Err(error) => tracing::error!(%error, "evidence could not be kept"),
        }
    }

    fn file_name(&self, journal: &Journal) -> String {
        let id = journal.id.to_string();
        id.get(..8).unwrap_or_default().to_owned()
    }

    /// The files of evidence that lie in this profile, oldest first.
    pub(crate) fn evidence_files(&self) -> Vec<PathBuf> {
        let Ok(folder) = std::fs::read_dir(self.profile.join("evidence")) else {
            return Vec::new();
        };
        let mut files: Vec<PathBuf> = folder.flatten().map(|file| file.path()).collect();
        files.sort();
        files
    }
}

/// Two branches from the place of the receipt on: the one that it names, and the own one with the next receipt that this device holds.
fn fork_case(connection: &Connection, row: i64, theirs: &Receipt) -> Result<Case, DbError> {
    let own = Journals(connection).head_at(row, theirs.seq)?;
    let receipts = Receipts(connection);
    let (Some(head), Some(ours)) = (own, receipts.next(row, &theirs.journal, theirs.seq)?) else {
        return Ok(Case::Nothing);
    };
    let Some(headers) = receipts.headers(row, theirs.seq, ours.seq)? else {
        return Ok(Case::Nothing);
    };
    let seq = theirs.seq;
    Ok(Case::Fork {
        ours: Branch {
            from: Seen { seq, head },
            headers,
            receipt: ours,
        },
        theirs: Branch {
            from: Seen {
                seq,
                head: theirs.head,
            },
            headers: Vec::new(),
            receipt: *theirs,
        },
    })
}

fn write(folder: &Path, name: &str, text: &str) -> std::io::Result<PathBuf> {
    DirBuilder::new().mode(0o700).recursive(true).create(folder)?;
    if std::fs::read_dir(folder)?.count() >= FILES {
        return Err(std::io::Error::other("there are many files of evidence already"));
    }
    let path = folder.join(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(path)
}

/// Says who lied. Believes nobody: not the file's finder, not its server.
pub(crate) async fn audit(file: PathBuf) -> Result<Answer> {
    let work = tokio::task::spawn_blocking(move || {
        let unreadable = |error| Error::io(&file, error);
        let no_evidence = |why: &str| {
            Failure::new(Code::Usage, why)
                .object(file.display().to_string())
                .hint("files of evidence lie in the folder `evidence` of the profile whose client raised the alarm")
        };
        let mut bytes = Vec::new();
        // A pipe that nobody writes to would be waited for.
        let read = OpenOptions::new()
            .read(true)
            .custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits())
            .open(&file)
            .map_err(unreadable)?;
        let seen = read.metadata().map_err(unreadable)?;
        if !seen.is_file() || seen.len() > LARGEST {
            return Err(no_evidence("this is no file of evidence").into());
        }
        read.take(LARGEST).read_to_end(&mut bytes).map_err(unreadable)?;
        // What is no text has no title, or is no Base64.
        let evidence = Evidence::from_text(&String::from_utf8_lossy(&bytes))
            .map_err(|error| no_evidence(&error.to_string()))?;
        let server = &evidence.server;
        let fingerprint = receipt_key_certified(
            &server.ca,
            None,
            &server.receipt_key,
            &server.receipt_key_signature,
        );
        let verdict = evidence::audit(&evidence, fingerprint.is_ok());
        let (convicts, who) = match verdict.convicts {
            Convicted::Server => (
                "server",
                fingerprint.ok().map(|fingerprint| fingerprint.to_string()),
            ),
            Convicted::Member(author) => (
                "member",
                Some(format!("account {}, device {}", author.account, author.device)),
            ),
            Convicted::Nobody => ("nobody", None),
        };
        let said = verdict.said.filter(|_| who.is_none());
        let said_by = said.map(|said| format!("account {}, device {}", said.account, said.device));
        Ok(Answer::Audit(AuditInfo {
            convicts: convicts.to_owned(),
            who,
            said_by,
            check: format!("CHK-{:03}", evidence.check),
            journal: evidence.journal.to_string(),
            findings: verdict.findings,
        }))
    });
    work.await.map_err(Error::task)?
}
