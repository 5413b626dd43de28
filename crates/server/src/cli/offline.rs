//! `crannogd fsck`: by the running server if there is one, else here, with the data directory locked.

use std::sync::Arc;

use super::args::Common;
use super::{Failure, ask, show};
use crate::admin::{Ask, Tell};
use crate::blobs::BlobDir;
use crate::datadir::{DataDir, DataDirError};
use crate::fsck::{self, Report};
use crate::store::Operator;
use crate::store::sqlite::SqliteStore;

pub(super) fn fsck(full: bool, common: &Common) -> Result<bool, Failure> {
    if !common.data.join("crannogd.db").exists() {
        let message = format!(
            "{} is not the data directory of a crannogd",
            common.data.display()
        );
        return Err(Failure::new(message, "name the right one with --data"));
    }
    let told = match DataDir::open(&common.data) {
        Err(DataDirError::InUse(_)) => ask(&common.data, &Ask::Fsck { full })?,
        Err(error) => {
            return Err(Failure::new(
                error.to_string(),
                "run the command as the user that runs crannogd",
            ));
        }
        Ok(data) => Tell::Fsck(alone(&data, full)?),
    };
    show(&told, common.json)
}

pub(super) fn alone(data: &DataDir, full: bool) -> Result<Report, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(error.to_string(), "restore the data directory from a backup")
    };
    let store = SqliteStore::open(&data.database()).map_err(|error| failed(&error))?;
    let blobs = Arc::new(BlobDir::open(&data.blobs()).map_err(|error| failed(&error))?);
    let runtime = tokio::runtime::Runtime::new().map_err(|error| failed(&error))?;
    runtime.block_on(async {
        let report = fsck::check(&store, &blobs, full)
            .await
            .map_err(|error| failed(&error));
        store.close().await.map_err(|error| failed(&error))?;
        report
    })
}
