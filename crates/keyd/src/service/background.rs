//! What happens by itself: rotation by period and by uses.

use std::time::Duration;

use crannog_keyd_audit::{Detail, Event};
use crannog_keyd_keys::{KeyError, KeyName, RotateReason};
use data_encoding::HEXLOWER;

use super::Service;
use super::keys::{is_slow, now};
use super::opened::Opened;
use crate::store::StoreError;

const LOOK: Duration = Duration::from_mins(1);

/// Why a rotation did not happen; it is tried again.
#[derive(Debug, thiserror::Error)]
enum RotateError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Log(#[from] crannog_keyd_audit::LogError),
    #[error("the thread that made the version ended")]
    Thread,
}

impl Service {
    /// Rotates what is due, each minute and when a version has many uses. Does not end.
    pub async fn keep_rotating(&self) {
        loop {
            match self.opened() {
                Some(opened) => {
                    self.rotate_due(opened).await;
                    let _ = tokio::time::timeout(LOOK, opened.used.notified()).await;
                }
                // sleep: nothing tells this task that the store was unlocked, and a minute is soon enough
                None => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// Rotates what is due now.
    pub(super) async fn rotate_due(&self, opened: &Opened) {
        for name in opened.store.names() {
            if let Err(error) = self.rotate_if_due(opened, &name).await {
                tracing::error!(key = %name, %error, "a key is due to be rotated and was not");
            }
        }
    }

    async fn rotate_if_due(&self, opened: &Opened, name: &KeyName) -> Result<(), RotateError> {
        let settings = self.settings();
        let key = match opened.store.get(name) {
            Ok(key) => key,
            Err(StoreError::Damaged | StoreError::NoKey) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let Some(reason) = key.due(now(), settings.limits.rotate_uses) else {
            return Ok(());
        };
        if key.latest() as usize >= settings.limits.versions {
            tracing::error!(key = %name, "is due to be rotated and has as many versions as limits.versions allows");
            return Ok(());
        }
        let because = match reason {
            RotateReason::Period => "period",
            RotateReason::Uses => "uses",
        };
        let (name, id) = (key.name().to_string(), HEXLOWER.encode(&key.id().0));
        let begun = opened.event(Event::Begin, |record| {
            record.op = Some("rotate".into());
            record.key = Some(name.as_str().into());
            record.id = Some(id.as_str().into());
            record.detail = Some(Detail::default().text("because", because));
        })?;
        opened.log.synced(begun).await?;
        let planning = key.clone();
        let change = if is_slow(key.key_type()) {
            let plan = move || planning.rotate(now(), &mut rand::rng());
            let planned = tokio::task::spawn_blocking(plan).await;
            planned.map_err(|_| RotateError::Thread)??
        } else {
            planning.rotate(now(), &mut rand::rng())?
        };
        let key = match opened.store.commit(change).await {
            // Somebody changed it; the next look says whether it is still due.
            Err(StoreError::Changed) => return Ok(()),
            committed => committed?,
        };
        tracing::info!(key = %name, version = key.latest(), because, "rotated");
        let written = opened.event(Event::Rotated, |record| {
            record.key = Some(name.as_str().into());
            record.id = Some(id.as_str().into());
            record.version = Some(key.latest());
            record.detail = Some(Detail::default().text("because", because));
        })?;
        opened.log.anchored(written).await?;
        Ok(())
    }
}
