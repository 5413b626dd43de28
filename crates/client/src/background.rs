//! What runs while nobody asks: the first catch-up, the bell, and heads recorded in home.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crannog_agent_api::Failure;
use crannog_core::identity::HomeOp;
use crannog_proto::api::{Held, Rung};
use crannog_proto::{ErrorCode, limits};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use crate::clock;
use crate::db::{Meta, MetaKey, RawEntries};
use crate::error::{Error, Result};
use crate::journal::keep_checkpoints;
use crate::shared::Shared;
use crate::transport::{Bell, Policy};

/// Each device records the heads that it saw at least this often, milliseconds.
const HEADS_EVERY: i64 = 24 * 3600 * 1000;

/// So long entries are kept at least for a server that may lose them, milliseconds.
const RAW_KEPT: i64 = 30 * 24 * 3600 * 1000;

/// However silent a held bell is, the server is asked for everything again after so long (CHK-025).
pub(crate) const ASK_EVERY: Duration = Duration::from_secs(15 * 60);

/// A line that lasted so long was a good one: the next attempt waits no longer than the first.
const LASTED: Duration = Duration::from_secs(60);

/// Rings that are worked on at once; further ones wait in the line.
const RINGS: usize = 64;

/// Catches up, then holds the bell until the engine closes.
pub(crate) async fn run(shared: Arc<Shared>) {
    tokio::select! {
        () = shared.closing.cancelled() => {}
        () = keep_current(&shared) => {}
        () = keep_checkpoints(&shared) => {}
    }
    shared.online.store(false, Ordering::Relaxed);
}

async fn keep_current(shared: &Arc<Shared>) {
    let mut pause = Policy::PATIENT.first;
    loop {
        let start = Instant::now();
        let result = once(shared).await;
        if start.elapsed() > LASTED {
            pause = Policy::PATIENT.first;
        }
        shared.online.store(false, Ordering::Relaxed);
        shared.first_sync.send_replace(true);
        if let Err(error) = result {
            let error = Failure::from(error);
            match &error.check {
                Some(check) => tracing::error!(check, %error, "the server failed a check"),
                None => tracing::info!(%error, "not connected"),
            }
        }
        tokio::select! {
            // sleep: backoff before the next attempt to connect
            () = tokio::time::sleep(pause) => {}
            () = shared.reconnect.notified() => {}
        }
        pause = pause.saturating_mul(2).min(Duration::from_secs(60));
    }
}

async fn once(shared: &Arc<Shared>) -> Result<()> {
    sync_all(shared).await?;
    shared.first_sync.send_replace(true);
    for journal in shared.all_journals() {
        shared.due.look(&journal.id);
    }
    let mut bell = Bell::open(&shared.transport).await?;
    let mut holding = held(shared);
    bell.hold(holding.clone()).await?;
    shared.online.store(true, Ordering::Relaxed);
    let mut every = shared.ask_every.subscribe();
    let mut due = Instant::now() + *every.borrow_and_update();
    // Beside the bell, whose pings want answers while a long catch-up runs.
    let mut work: JoinSet<Result<()>> = JoinSet::new();
    let mut asking: Option<AbortHandle> = None;
    loop {
        tokio::select! {
            rung = bell.next(), if work.len() < RINGS => {
                let (rung, shared) = (rung?, Arc::clone(shared));
                work.spawn(async move {
                    let (of, done) = match rung {
                        Rung::Inbox => ("the inbox".to_owned(), shared.empty_inbox().await),
                        Rung::Journal(ring) => (shared.name_of(&ring.last.journal), shared.rung(*ring).await),
                    };
                    // An alarm freezes its own journal; the others go on.
                    done.or_else(|error| stays_behind(&of, error))
                });
            }
            Some(done) = work.join_next() => {
                done.map_err(Error::task)??;
                // A token rings for its own epoch only: after a rekey the next one is held out.
                let now = held(shared);
                if now != holding {
                    bell.hold(now.clone()).await?;
                    holding = now;
                }
            }
            () = tokio::time::sleep_until(due) => {
                if asking.as_ref().is_none_or(AbortHandle::is_finished) {
                    let shared = Arc::clone(shared);
                    asking = Some(work.spawn(async move { sync_all(&shared).await }));
                }
                due = Instant::now() + *every.borrow();
            }
            Ok(()) = every.changed() => due = Instant::now() + *every.borrow_and_update(),
            () = shared.journals_changed.notified() => {
                for journal in shared.all_journals() {
                    if journal.state().last().is_none()
                        && let Err(error) = shared.catch_up(&journal).await
                    {
                        stays_behind(&shared.name_of(&journal.id), error)?;
                    }
                }
                holding = held(shared);
                bell.hold(holding.clone()).await?;
            }
        }
    }
}

/// Everything that the server has, home first.
pub(crate) async fn sync_all(shared: &Arc<Shared>) -> Result<()> {
    shared.refresh_account().await?;
    shared.meet_server().await?;
    let home = shared.home_journal()?;
    shared.catch_up(&home).await?;
    // An earlier run may have ended between home's entry and what follows from it.
    shared.list_journals().await?;
    shared.ensure_current_members(&home).await?;
    let recorded = shared.home();
    shared.compare_heads(&home, &recorded, true).await?;
    let mut followed = HashSet::new();
    for journal in shared.all_journals() {
        if journal.id == shared.identity.home {
            continue;
        }
        let synced = async {
            shared.catch_up(&journal).await?;
            shared.compare_heads(&journal, &recorded, true).await?;
            let state = journal.state();
            shared.follow_members(&state, &mut followed).await?;
            shared.pin_members(&state).await?;
            shared.ensure_current_members(&journal).await?;
            shared.mend_grant(&journal).await
        };
        if let Err(error) = synced.await {
            stays_behind(&shared.name_of(&journal.id), error)?;
        }
    }
    if let Err(error) = shared.empty_inbox().await {
        stays_behind("the inbox", error)?;
    }
    if let Err(error) = shared.settle_mounts().await {
        stays_behind("home", error)?;
    }
    shared.name_what_is_lost().await?;
    forget_raw_entries(shared).await?;
    record_heads(shared).await
}

/// What concerns one journal alone, a drive that its maker never sent included, holds up no other.
pub(crate) fn stays_behind(journal: &str, error: Error) -> Result<()> {
    let its_own = matches!(error, Error::Lied { .. } | Error::User(_))
        || matches!(
            error.server_code(),
            Some(
                ErrorCode::NotFound
                    | ErrorCode::Forbidden
                    | ErrorCode::JournalClosed
                    | ErrorCode::Quota
                    | ErrorCode::StorageFull
                    | ErrorCode::Healing
            )
        );
    if !its_own {
        return Err(error);
    }
    tracing::error!(journal, error = %Failure::from(error), "a journal stays behind");
    Ok(())
}

/// Old entries go while the server has all that it ever had. One that was restored may want them back long after.
async fn forget_raw_entries(shared: &Arc<Shared>) -> Result<()> {
    let old = clock::now_ms() - RAW_KEPT;
    let outdated = shared.db.read(move |c| RawEntries(c).are_outdated(old)).await?;
    if !outdated || shared.retry(|| shared.transport.healing()).await?.is_some() {
        return Ok(());
    }
    let forgotten = shared.db.write(move |tx| RawEntries(tx).forget_before(old));
    Ok(forgotten.await?)
}

/// Heads meet in home: what this device was shown, for the account's other devices to compare (CHK-013).
async fn record_heads(shared: &Arc<Shared>) -> Result<()> {
    let last: i64 = shared
        .db
        .read(|c| Ok(Meta(c).read(MetaKey::HeadsRecorded)?.unwrap_or(0)))
        .await?;
    let now = clock::now_ms();
    if now - last < HEADS_EVERY {
        return Ok(());
    }
    let mut ops = Vec::new();
    for journal in shared.all_journals() {
        if let Some(seen) = journal.state().last() {
            ops.push(HomeOp::Head {
                journal: journal.id,
                seq: seen.seq,
                head: seen.head,
            });
        }
    }
    if !ops.is_empty() {
        match shared.append_home(ops).await {
            // They are as good when the server takes something new again.
            Err(error) if error.server_code() == Some(ErrorCode::Healing) => return Ok(()),
            done => done.map(drop)?,
        }
    }
    shared
        .db
        .write(move |tx| Meta(tx).write(MetaKey::HeadsRecorded, &now))
        .await?;
    Ok(())
}

/// The journals with the tokens of their epochs, in an order of their own. Of more than a bell holds, home and the first are held; the
/// others are asked for every quarter of an hour.
fn held(shared: &Shared) -> Vec<Held> {
    let held = |journal: &Arc<crate::journal::Journal>| {
        let state = journal.state();
        if state.is_removed() || state.is_closed() {
            return None;
        }
        Some(Held {
            journal: journal.id,
            token: shared.read_token(journal)?,
        })
    };
    let mut all: Vec<Held> = shared.all_journals().iter().filter_map(held).collect();
    all.sort_unstable_by_key(|held| (held.journal != shared.identity.home, held.journal));
    all.truncate(limits::BELL_JOURNALS);
    all
}
