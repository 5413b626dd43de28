//! What is known beside the files: who, with which devices, with whom, and who changed what.

use std::sync::Arc;

use crannog_agent_api::answer::{Changed, DriveInfo, LogInfo, MemberInfo};
use crannog_agent_api::{Answer, Code, Failure, RemotePath};
use serde::Serialize;
use serde_json::json;

use super::Exported;
use super::place::Place;
use crate::clock;
use crate::engine::Caller;
use crate::error::{Error, Result};
use crate::shared::Shared;

/// A drive in `drives.json`.
#[derive(Serialize)]
struct Record {
    #[serde(flatten)]
    drive: DriveInfo,
    /// The name of its folder.
    folder: String,
    members: Vec<MemberInfo>,
    log: Vec<LogInfo>,
}

impl Shared {
    /// `account.json` and `drives.json`; what cannot be had of a drive is named.
    pub(super) async fn write_records(
        self: &Arc<Self>,
        place: &Place,
        drives: &[Exported],
        all: &mut Changed,
        caller: &Caller,
    ) -> Result<()> {
        let account = json!({
            "format": "crannog export 1",
            "time": clock::now_ms(),
            "account": value(&Answer::Whoami(self.whoami())),
            "devices": value(&Answer::Devices(crate::recover::devices(self).await?)),
            "contacts": value(&self.contacts().await?),
        });
        place.write("account.json", &text(&account)?)?;
        let Answer::Drives(infos) = self.drive_list().await? else {
            return Ok(());
        };
        let mut records = Vec::new();
        for info in infos {
            let Some(drive) = drives
                .iter()
                .find(|drive| drive.journal.id.to_string() == info.id)
            else {
                continue;
            };
            let (mut members, mut log) = (Vec::new(), Vec::new());
            let path = RemotePath {
                drive: Some(drive.name.clone()),
                components: Vec::new(),
                trailing_slash: false,
            };
            match self.members(path.clone()).await {
                Ok(Answer::Members(found)) => members = found,
                Ok(_) => {}
                Err(error) => {
                    let object = format!("{}: members", drive.name);
                    self.named_or_stop(error, &object, all, caller).await?;
                }
            }
            // What can't be told of a drive has been named just now.
            if let Ok(Answer::Log(found)) = self.log(Some(path), u32::MAX).await {
                log = found;
            }
            records.push(Record {
                folder: drive.folder.clone(),
                drive: info,
                members,
                log,
            });
        }
        place.write("drives.json", &text(&records)?)
    }
}

fn value(answer: &Answer) -> serde_json::Value {
    let wrapped = serde_json::to_value(answer).unwrap_or_default();
    wrapped.get("value").cloned().unwrap_or_default()
}

fn text(value: &impl Serialize) -> Result<Vec<u8>> {
    let text = serde_json::to_vec_pretty(value);
    text.map_err(|error| Error::User(Failure::new(Code::Internal, error.to_string())))
}
