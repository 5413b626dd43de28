//! How things are, and what is wrong.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crannog_agent_api::answer::{Finding, Status, Whoami};
use crannog_agent_api::{Answer, Code, Failure};

use crannog_core::check::Check;

use crate::db::{Journals, People};
use crate::error::{Error, Result};
use crate::shared::Shared;
use crate::{background, clock};

/// A server that has not been heard for so long is worth a warning, milliseconds.
const SILENT: i64 = 24 * 3600 * 1000;

/// What to do about an alarm.
pub(crate) const LOOK: &str = "nothing of it is used until you have looked: keep what `crannog status` says, ask the operator, compare with \
     another device; then crannog doctor --dismiss NAME reads on";

/// So long `status` waits for the server's word on what is used.
const PROMPT: Duration = Duration::from_secs(1);

impl Shared {
    pub(crate) async fn status(self: &Arc<Self>) -> Result<Answer> {
        let mut alarms = self.alarms().await?;
        if self.online.load(Ordering::Relaxed) {
            // A server that hangs holds up nobody who looks: what it said last is shown then.
            let asked = tokio::time::timeout(PROMPT, self.refresh_account()).await;
            if let Ok(Err(lie @ Error::Lied { .. })) = asked {
                alarms.push(lie.into());
            }
        }
        alarms.extend(self.changed_roots());
        let (quota, used) = self.quota();
        let address = self
            .identity
            .server
            .trim_start_matches("crannog://")
            .split('#')
            .next()
            .unwrap_or_default();
        let heard = self.last_heard();
        Ok(Answer::Status(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            locked: false,
            account: Some(format!("{}@{address}", self.identity.name)),
            device: Some(self.identity.device_name.clone()),
            online: self.online.load(Ordering::Relaxed),
            last_heard: (heard > 0).then_some(heard),
            behind: self.all_journals().iter().map(|journal| journal.behind()).sum(),
            transfers: self.running.count() as u64,
            quota,
            used,
            invites: self.waiting_count(),
            alarms,
        }))
    }

    /// Reads on everywhere. A journal that an alarm stopped is not up to date.
    pub(crate) async fn sync(self: &Arc<Self>) -> Result<Answer> {
        background::sync_all(self).await?;
        if !self.online.load(Ordering::Relaxed) {
            self.reconnect.notify_one();
        }
        match self.alarms().await?.into_iter().next() {
            Some(alarm) => Err(Error::User(alarm.hint(LOOK))),
            None => Ok(Answer::Ok),
        }
    }

    /// Somebody looked at the alarm of a journal. What made it is checked again by the next reading: it comes back if the server
    /// still says so.
    pub(crate) async fn dismiss(self: &Arc<Self>, name: &str) -> Result<Answer> {
        let alarms = self.db.read(|c| Journals(c).alarms()).await?;
        let named = |wanted: &str| alarms.iter().find(|(journal, _)| self.name_of(journal) == wanted);
        let Some((journal, _)) = named(name).or_else(|| named(&format!("drive {name}"))) else {
            let failure = Failure::new(Code::NotFound, "there is no alarm of this name");
            return Err(Error::User(
                failure.object(name).hint("crannog status lists alarms"),
            ));
        };
        let journal = *journal;
        self.db
            .write(move |tx| Journals(tx).dismiss_alarm(&journal))
            .await?;
        Ok(Answer::Ok)
    }

    pub(crate) fn whoami(&self) -> Whoami {
        let account = self.account();
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        Whoami {
            name: self.identity.name.clone(),
            account: self.identity.account.to_string(),
            root: hex(&account.known.state().root.0),
            words: crannog_core::identity::root_words(&account.known.state().root),
            server: self.identity.server.clone(),
            device: self.identity.device_name.clone(),
            device_id: self.identity.device.to_string(),
        }
    }

    async fn alarms(&self) -> Result<Vec<Failure>> {
        let alarms = self.db.read(|c| Journals(c).alarms()).await?;
        let failure = |(journal, alarm): (crannog_proto::JournalId, String)| {
            let check = alarm.split(' ').next().unwrap_or_default().to_owned();
            Failure::new(Code::VerificationFailed, alarm)
                .object(self.name_of(&journal))
                .check(check)
        };
        Ok(alarms.into_iter().map(failure).collect())
    }

    /// People whose root is another one than the pinned, and nobody has looked.
    fn changed_roots(&self) -> Vec<Failure> {
        let home = self.home();
        let changed = home.pins().filter(|(account, _)| self.root_changed(account));
        changed
            .map(|(_, pin)| {
                Failure::new(Code::VerificationFailed, Check::Root.text())
                    .object(pin.name.clone())
                    .check("CHK-008")
                    .hint("work with her stands still until you have looked: crannog contacts")
            })
            .collect()
    }

    pub(crate) async fn doctor(self: &Arc<Self>) -> Result<Answer> {
        let mut findings = Vec::new();
        let mut found = |state: &str, object: &str, text: String| {
            findings.push(Finding {
                state: state.to_owned(),
                object: object.to_owned(),
                text,
            });
        };
        match self.refresh_account().await {
            Ok(()) => found(
                "ok",
                "server",
                format!("{} answers and is the pinned one", self.identity.server),
            ),
            Err(error) => found("broken", "server", Failure::from(error).to_string()),
        }
        let heard = clock::now_ms() - self.last_heard();
        if heard > SILENT {
            found(
                "warning",
                "freshness",
                "the server has not proved to be current for more than a day (CHK-025)".to_owned(),
            );
        }
        for alarm in self.alarms().await? {
            found(
                "broken",
                alarm.object.as_deref().unwrap_or_default(),
                alarm.message,
            );
        }
        let damaged: String = self
            .db
            .read(|c| Ok(c.query_row("PRAGMA quick_check", [], |row| row.get(0))?))
            .await?;
        match damaged.as_str() {
            "ok" => found("ok", "local database", "no damage found".to_owned()),
            damage => found("broken", "local database", damage.to_owned()),
        }
        for journal in self.all_journals() {
            let name = self.name_of(&journal.id);
            match journal.state().last() {
                Some(last) => found("ok", &name, format!("read up to entry {}", last.seq)),
                None => found(
                    "warning",
                    &name,
                    "nothing was read yet; crannog sync tries again".to_owned(),
                ),
            }
        }
        for refusal in self.db.read(|c| People(c).refusals()).await? {
            let text = format!("something was refused: {} {}", refusal.check, refusal.text);
            found("warning", "refused", text);
        }
        for file in self.evidence_files() {
            let text = "evidence of a lie; crannog audit tells what it proves".to_owned();
            found("warning", &file.display().to_string(), text);
        }
        for changed in self.changed_roots() {
            found(
                "broken",
                changed.object.as_deref().unwrap_or_default(),
                changed.to_string(),
            );
        }
        let (quota, used) = self.quota();
        if quota > 0 && used.saturating_mul(10) > quota.saturating_mul(9) {
            found("warning", "quota", format!("{used} of {quota} bytes are used"));
        }
        Ok(Answer::Findings(findings))
    }
}
