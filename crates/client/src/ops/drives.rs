//! Drives: create, list, rename, delete. Their names and keys live in home.

use std::sync::Arc;

use crannog_agent_api::answer::{Changed, DriveInfo};
use crannog_agent_api::{Answer, Code, Failure};
use crannog_core::drive::NodeId;
use crannog_core::identity::HomeOp;
use crannog_core::journal::{Content, EpochGrant, JournalKind, Member, Payload, Role, seal_genesis};
use crannog_proto::api::Stored;
use crannog_proto::{EntryId, ErrorCode, JournalId, Kind};
use crannog_seal::schedule::EpochSecrets;
use rand::Rng;

use crate::clock;
use crate::error::{Error, Result};
use crate::journal::Draft;
use crate::people::shown_role;
use crate::shared::Shared;

impl Shared {
    /// Makes a drive: its keys go to home first, so that they can never be lost, then its genesis to the server.
    pub(crate) async fn create_drive(self: &Arc<Self>, name: &str, default: bool) -> Result<JournalId> {
        let more = |journal| {
            if default {
                vec![HomeOp::DefaultDrive { journal }]
            } else {
                Vec::new()
            }
        };
        self.create_drive_with(name, more).await
    }

    /// The same; home records more with its keys, in one entry.
    pub(crate) async fn create_drive_with(
        self: &Arc<Self>,
        name: &str,
        more: impl FnOnce(JournalId) -> Vec<HomeOp>,
    ) -> Result<JournalId> {
        self.check_drive_name(name)?;
        let home = self.home_journal()?;
        self.ensure_current_members(&home).await?;
        let (shared, account) = (Arc::clone(self), self.account());
        let made = tokio::task::spawn_blocking(move || {
            let mut rng = rand::rng();
            let secrets = EpochSecrets::generate(&JournalId::ZERO.0, 0, &mut rng);
            let mut entry = EntryId::ZERO;
            rng.fill_bytes(&mut entry.0);
            let me = Member {
                account: shared.identity.account,
                role: Role::Admin,
                chain: account.known.state().cite(),
            };
            let payload = Payload {
                time: clock::now_ms(),
                device_name: shared.identity.device_name.clone(),
                cites: Vec::new(),
                content: Content::Genesis {
                    kind: JournalKind::Drive,
                    members: vec![me],
                },
            };
            let sealed = seal_genesis(
                &secrets,
                &payload,
                shared.author(),
                &shared.device_keys.signing,
                entry,
                &mut rng,
            )?;
            Ok::<_, crannog_core::journal::WriteError>((secrets, sealed))
        });
        let (secrets, (id, genesis)) = made
            .await
            .map_err(Error::task)?
            .map_err(|error| Error::User(Failure::new(Code::Internal, error.to_string())))?;
        let grant = EpochGrant::for_role(&secrets, Role::Admin);
        let mut ops = vec![
            HomeOp::Secrets {
                journal: id,
                kind: JournalKind::Drive,
                epoch: 0,
                grant,
            },
            HomeOp::DriveNamed {
                journal: id,
                name: name.to_owned(),
            },
        ];
        ops.extend(more(id));
        // First the journal: home never names a drive that does not exist.
        let receipt = self
            .retry(|| self.transport.create_journal(&genesis.entry))
            .await?;
        self.append_home(ops).await?;
        let journal = self
            .journal(&id)
            .ok_or_else(|| crate::transfer::internal("a drive that home does not show"))?;
        self.meets(&journal, &receipt).await?;
        let stored = Stored {
            seq: receipt.seq,
            head: receipt.head,
            entry: genesis.entry,
            body_gone: false,
        };
        self.take(&journal, stored, None).await?;
        self.journals_changed.notify_one();
        Ok(id)
    }

    /// A drive's name like this one that is allowed and not taken.
    pub(crate) fn free_drive_name(&self, like: &str) -> String {
        const ROOM: usize = 56;
        let mut name: String = like
            .chars()
            .map(|c| {
                if matches!(c, '/' | ':') || c.is_control() {
                    '_'
                } else {
                    c
                }
            })
            .collect();
        let cut = (0..=ROOM.min(name.len()))
            .rev()
            .find(|at| name.is_char_boundary(*at));
        name.truncate(cut.unwrap_or(0));
        if name.is_empty() {
            name.push_str("share");
        }
        let numbered = (1..).map(|n| {
            if n == 1 {
                name.clone()
            } else {
                format!("{name} {n}")
            }
        });
        numbered
            .into_iter()
            .find(|name| self.check_drive_name(name).is_ok())
            .unwrap_or(name)
    }

    fn check_drive_name(&self, name: &str) -> Result<()> {
        let plain = !name.is_empty()
            && name.len() <= 64
            && !name.contains(['/', ':', '\0'])
            && !name.chars().any(char::is_control);
        if !plain {
            return Err(Failure::new(
                Code::Usage,
                "a drive's name has 1 to 64 bytes without / and : and control characters",
            )
            .object(name)
            .into());
        }
        if self.home().drives().any(|drive| drive.name == Some(name)) {
            return Err(Failure::new(Code::Conflict, "there is a drive of this name")
                .object(name)
                .hint("choose another name")
                .into());
        }
        Ok(())
    }

    pub(crate) async fn drive_create(self: &Arc<Self>, name: String, dry_run: bool) -> Result<Answer> {
        self.check_drive_name(&name)?;
        let plan = vec![format!("create drive {name}")];
        if !dry_run {
            let first = self.home().drives().next().is_none();
            self.create_drive(&name, first).await?;
        }
        Ok(Answer::Changed(Changed {
            dry_run,
            plan,
            ..Changed::default()
        }))
    }

    pub(crate) async fn drive_list(self: &Arc<Self>) -> Result<Answer> {
        let home = self.home();
        let default = home.default_drive().copied();
        let mut drives = Vec::new();
        for drive in home.drives() {
            let Some(journal) = self.journal(&drive.journal) else {
                continue;
            };
            let totals = self
                .with_drive(&journal, |drive| drive.totals(NodeId::ROOT))
                .await?;
            let state = journal.state();
            let creator = state.creator().filter(|creator| !self.is_me(creator));
            drives.push(DriveInfo {
                name: drive.name.unwrap_or("unnamed").to_owned(),
                default: default == Some(drive.journal),
                id: drive.journal.to_string(),
                files: totals.files,
                bytes: totals.bytes,
                members: state.members().len() as u64,
                role: state.role().filter(|_| !state.is_removed()).map(shown_role),
                creator: creator.map(|creator| self.name_of_person(&creator)),
                mounted_at: self.mounted_path(&drive.journal).await?,
            });
        }
        drives.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Answer::Drives(drives))
    }

    pub(crate) async fn drive_rename(
        self: &Arc<Self>,
        name: String,
        new_name: String,
        dry_run: bool,
    ) -> Result<Answer> {
        let journal = self.drive(Some(&name))?;
        self.check_drive_name(&new_name)?;
        let plan = vec![format!("rename drive {name} to {new_name}")];
        if !dry_run {
            self.append_home(vec![HomeOp::DriveNamed {
                journal: journal.id,
                name: new_name,
            }])
            .await?;
        }
        Ok(Answer::Changed(Changed {
            dry_run,
            plan,
            ..Changed::default()
        }))
    }

    /// Deletes a drive for good: the journal is closed, its blobs go, home forgets it. A drive that the server never had is only forgotten.
    pub(crate) async fn drive_delete(self: &Arc<Self>, name: String, dry_run: bool) -> Result<Answer> {
        let journal = self.drive(Some(&name))?;
        let totals = self
            .with_drive(&journal, |drive| drive.totals(NodeId::ROOT))
            .await?;
        let plan = vec![format!("delete drive {name} with {} files", totals.files)];
        if !dry_run {
            match self.catch_up(&journal).await {
                Err(error) if error.server_code() == Some(ErrorCode::NotFound) => {}
                other => other?,
            }
            let state = journal.state();
            if state.last().is_some() && !state.is_closed() {
                if state.creator() != Some(self.identity.account) || state.role() != Some(Role::Admin) {
                    return Err(Failure::new(Code::Conflict, "this drive is not yours to delete")
                        .object(name)
                        .hint("crannog leave goes out of it")
                        .into());
                }
                let draft = Draft {
                    kind: Kind::Close,
                    ..Draft::change(Content::Close)
                };
                self.append(&journal, draft).await?;
            }
            self.append_home(vec![HomeOp::DriveRemoved { journal: journal.id }])
                .await?;
        }
        Ok(Answer::Changed(Changed {
            dry_run,
            files: totals.files,
            bytes: totals.bytes,
            plan,
            ..Changed::default()
        }))
    }
}
