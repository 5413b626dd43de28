//! Making a server before it serves: directory, keys, database, a first invite.

use std::path::PathBuf;

use crannog_proto::ServerUrl;
use crannog_proto::invite::Invite;

use crate::admin;
use crate::blobs::BlobDir;
use crate::ca::Identity;
use crate::clock::now_ms;
use crate::config::Config;
use crate::datadir::DataDir;
use crate::server::StartError;
use crate::store::Operator;
use crate::store::sqlite::SqliteStore;

/// Why there is no new server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum InitError {
    /// There is one already.
    #[error("{} holds a server already", .0.display())]
    Exists(PathBuf),
    /// It cannot be made.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Makes what `serve` would make at its first start, and an invite for one account.
pub(crate) async fn init(
    config: &Config,
    seconds: u64,
    quota: u64,
) -> Result<(ServerUrl, Invite), InitError> {
    let data = DataDir::open(&config.data).map_err(StartError::from)?;
    if data.is_taken() {
        return Err(InitError::Exists(config.data.clone()));
    }
    let made = make(config, &data, seconds, quota).await?;
    Ok(made)
}

async fn make(
    config: &Config,
    data: &DataDir,
    seconds: u64,
    quota: u64,
) -> Result<(ServerUrl, Invite), StartError> {
    let identity = Identity::open(data, now_ms())?;
    let address = config.public_address.as_ref().unwrap_or(&config.listen);
    let url = format!("crannog://{address}#{}", identity.fingerprint())
        .parse()
        .map_err(|_| StartError::PublicAddress(address.clone()))?;
    BlobDir::open(&data.blobs())?;
    let store = SqliteStore::open(&data.database())?;
    let invite = admin::create_invite(&store, 1, seconds, quota).await?;
    store.close().await?;
    data.sync()?;
    Ok((url, invite))
}
