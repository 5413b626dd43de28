//! The key process from its start to its end (docs/spec/keyd.md, *Processes*).
//!
//! ```text
//!  root: run folders, become the user ─► harden ─► lock the store ─► policy, unlocking key ─► sockets ─► confine
//!    ─► runtime ─► open store and log ─► accept ─► SIGTERM: answer what is under way, last record, end
//! ```
//! Everything before the runtime happens in one thread: the sandbox holds for threads that start after it.

mod accept;
mod error;
mod shares;
mod signals;
mod sockets;
mod user;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crannog_keyd_keys::Opener;
use crannog_keyd_os::{Confinement, KeyPlace, Linux, LockedBytes, Measures, Platform, ServiceState, UserId};
use tokio::runtime::Runtime;

pub use self::error::StartError;
pub use self::user::become_user;

use self::accept::Acceptor;
use self::shares::Shares;
use self::sockets::Sockets;
use crate::config::{Config, Hardening};
use crate::service::{Parts, Service, Settings, read_policy};
use crate::store::StateDir;

/// Serves until it is told to stop. `config_path` is where the configuration came from: its folder stays readable. `user` is who the
/// process becomes when root starts it; root never serves.
///
/// Call it before any thread was started: the sandbox would not hold for it.
pub fn run(config: &Config, config_path: &Path, user: Option<&str>) -> Result<(), StartError> {
    user::make_run_folders(config, user)?;
    become_user(user)?;
    let system = Linux::new();
    let measures = system.harden()?;
    let state = StateDir::lock(&config.state)?;
    let me = UserId::from_number(nix::unistd::geteuid().as_raw());
    let policy = read_policy(&config.policy, me, &system)?;
    for warning in &policy.warnings {
        tracing::warn!(%warning, "the policy");
    }
    let unlocking = unlocking_key(&system, config)?;
    let sockets = Sockets::open(&system, config)?;
    let measures = confine(&system, config, config_path, measures)?;
    let service = Service::new(Parts {
        settings: Settings::of(config),
        policy,
        names: Box::new(Linux::new()),
        user: me,
        measures,
        state,
    })?;
    let runtime = Runtime::new().map_err(StartError::Runtime)?;
    runtime.block_on(serve(system, service, sockets, unlocking))
}

fn unlocking_key(system: &Linux, config: &Config) -> Result<Option<LockedBytes>, StartError> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let place = KeyPlace {
        credentials: credentials.as_deref(),
        file: &config.unlock.key_file,
    };
    Ok(system.unlocking_key(&place)?)
}

fn confine(
    system: &Linux,
    config: &Config,
    config_path: &Path,
    mut measures: Measures,
) -> Result<Measures, StartError> {
    let folder = |path: &Path| path.parent().map(Path::to_owned);
    let mut read_write = vec![config.state.clone()];
    read_write.extend(config.audit.checkpoint_dir.clone());
    read_write.extend(config.rollback.witness.as_deref().and_then(folder));
    let read: Vec<PathBuf> = [config_path, &config.policy]
        .into_iter()
        .filter_map(folder)
        .collect();
    let closed = system.confine(&Confinement {
        read_write: &read_write.iter().map(PathBuf::as_path).collect::<Vec<_>>(),
        read: &read.iter().map(PathBuf::as_path).collect::<Vec<_>>(),
    })?;
    measures.in_force.extend(closed.in_force);
    measures.missing.extend(closed.missing);
    if !measures.missing.is_empty() {
        let missing: Vec<String> = measures.missing.iter().map(ToString::to_string).collect();
        if config.hardening == Hardening::Require {
            return Err(StartError::Missing(missing.join(", ")));
        }
        tracing::warn!(
            missing = missing.join(", "),
            "this kernel lacks a part of the sandbox"
        );
    }
    Ok(measures)
}

async fn serve(
    system: Linux,
    service: Service,
    sockets: Sockets,
    unlocking: Option<LockedBytes>,
) -> Result<(), StartError> {
    let mut signals = signals::Signals::new().map_err(StartError::Runtime)?;
    match unlocking {
        Some(key) => {
            let unlocking = service.clone();
            let opened = tokio::task::spawn_blocking(move || match key.expose().try_into() {
                Ok(bytes) => unlocking.unlock(&Opener::KeyFile(bytes)),
                Err(_) => Err(crannog_keyd_keys::RecordError::Unopened.into()),
            });
            opened.await.map_err(|_| StartError::Thread)??;
        }
        None => tracing::info!("the store is locked until `crannog-keyd unlock`"),
    }
    let system = Arc::new(system);
    let acceptor = Acceptor::new(service.clone(), Shares::new(service.settings().limits()));
    let accepting = acceptor.start(sockets);
    let rotating = {
        let service = service.clone();
        tokio::spawn(async move { service.keep_rotating().await })
    };
    system.notify(ServiceState::Ready);
    tracing::info!(sealed = service.is_sealed(), "serving");
    signals.obey(&service, &system).await;
    system.notify(ServiceState::Stopping);
    tracing::info!("stopping");
    accepting.stop().await;
    rotating.abort();
    // Blocks; the runtime has nothing else to do any more.
    let last = tokio::task::spawn_blocking(move || service.stopped()).await;
    last.map_err(|_| StartError::Thread)?;
    Ok(())
}
