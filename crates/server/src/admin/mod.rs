//! The operator's side: a Unix socket in the data directory, for the same user and root only.

mod protocol;

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use crannog_proto::invite::Invite;
use crannog_proto::{Hash, ServerUrl};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

use crate::clock::Hour;
use crate::datadir::DataDir;
use crate::fsck;
use crate::http::App;
use crate::jobs::{self, Job, Ran};
use crate::store::{JobRow, NewInvite, Operator, StoreError};

pub(crate) use protocol::{Ask, Tell};

const LINE_MAX: u64 = 64 * 1024;

/// What is kept of an invite.
pub(crate) fn invite_hash(invite: &Invite) -> Hash {
    Hash(blake3::derive_key("crannogd 2026 invite", &invite.0))
}

/// Makes an invite.
pub(crate) async fn create_invite(
    store: &dyn Operator,
    uses: u32,
    seconds: u64,
    quota: u64,
) -> Result<Invite, StoreError> {
    let mut invite = Invite([0; 16]);
    rand::fill(&mut invite.0).map_err(|error| StoreError::Backend(Box::new(error)))?;
    let new = NewInvite {
        hash: invite_hash(&invite),
        uses,
        expires: Hour::after(seconds),
        quota,
    };
    store.create_invite(new).await?;
    Ok(invite)
}

/// Opens the socket, for its owner only.
pub(crate) fn listen(data: &Path) -> io::Result<UnixListener> {
    let path = DataDir::socket(data);
    // The lock of the data directory is ours: a socket that lies there is a dead server's.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers until the server stops.
pub(crate) async fn serve(
    app: Arc<App>,
    socket: UnixListener,
    url: ServerUrl,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            accepted = socket.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        let me = nix::unistd::geteuid().as_raw();
        if stream
            .peer_cred()
            .is_ok_and(|peer| peer.uid() == me || peer.uid() == 0)
        {
            let (app, url) = (Arc::clone(&app), url.clone());
            tokio::spawn(async move {
                if let Err(error) = answer(&app, &url, stream).await {
                    tracing::debug!(error = %error, "an admin command went away");
                }
            });
        }
    }
}

async fn answer(app: &Arc<App>, url: &ServerUrl, stream: UnixStream) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    (&mut stream).take(LINE_MAX).read_line(&mut line).await?;
    let told = match serde_json::from_str(&line) {
        Ok(ask) => act(app, url, ask).await,
        Err(_) => failed(
            "the command is not known to the running server",
            "restart crannogd after an upgrade",
        ),
    };
    let mut bytes = serde_json::to_vec(&told)?;
    bytes.push(b'\n');
    stream.get_mut().write_all(&bytes).await
}

async fn act(app: &Arc<App>, url: &ServerUrl, ask: Ask) -> Tell {
    let told = match ask {
        Ask::InviteCreate { uses, expires, quota } => create_invite(
            app.store.as_ref(),
            uses,
            expires,
            quota.unwrap_or(app.config.default_quota),
        )
        .await
        .map(|invite| Tell::Invite {
            invite: invite.to_string(),
            server: url.to_string(),
        }),
        Ask::InviteList => app.store.invites().await.map(Tell::Invites),
        Ask::InviteRevoke { id } => app.store.revoke_invite(id).await.map(|count| match count {
            0 => failed("there is no such invite", "see `crannogd invite list`"),
            _ => Tell::Done,
        }),
        Ask::AccountList => app.store.accounts().await.map(Tell::Accounts),
        Ask::Inspect { name } => app
            .store
            .inspect(name)
            .await
            .map(|found| found.map_or_else(no_account, |found| Tell::Inspection(Box::new(found)))),
        Ask::AccountSuspend { name, suspended } => {
            let account = app.store.account_named(name.clone()).await.ok().flatten();
            app.store.suspend(name, suspended).await.map(|done| {
                app.forget_sessions();
                if let (true, Some(account)) = (suspended, account) {
                    app.bell.close(Some(account.key));
                }
                done_or_no_account(done)
            })
        }
        Ask::AccountDelete { name } => {
            let account = app.store.account_named(name.clone()).await.ok().flatten();
            app.store.delete_account(name).await.map(|freed| {
                app.forget_sessions();
                if let Some(account) = account {
                    app.bell.close(Some(account.key));
                }
                let done = freed.is_some();
                app.blobs.remove_later(freed.unwrap_or_default());
                done_or_no_account(done)
            })
        }
        Ask::QuotaSet { name, bytes } => app.store.set_quota(name, bytes).await.map(done_or_no_account),
        Ask::Fsck { full } => fsck::check(app.store.as_ref(), &app.blobs, full)
            .await
            .map(Tell::Fsck),
        Ask::Stats => app.store.stats().await.map(Tell::Stats),
        Ask::Health => app.store.stats().await.map(|_| Tell::Health {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            server: url.to_string(),
        }),
        Ask::Hold { name, seconds, renew } => Ok(hold(app, name, seconds, renew)),
        Ask::Release { name, backed_up } => {
            app.blobs.holds().release(&name);
            match backed_up {
                true => jobs::backed_up(app).await.map(|()| Tell::Done),
                false => Ok(Tell::Done),
            }
        }
        Ask::Healing => app.store.healing().await.map(|taken| Tell::Healing { taken }),
        Ask::SetHealing { taken } => app.store.set_healing(taken).await.map(|()| {
            tracing::warn!(
                healing = taken.is_some(),
                "the operator changed whether the server heals"
            );
            Tell::Done
        }),
        Ask::JobList => app.store.jobs().await.map(|rows| Tell::Jobs(complete(rows))),
        Ask::JobRun { name } => Ok(run_job(app, &name).await),
    };
    told.unwrap_or_else(|error| failed(&error.to_string(), "see the server's log"))
}

/// With those that never ran.
fn complete(mut rows: Vec<JobRow>) -> Vec<JobRow> {
    for job in Job::ALL {
        if !rows.iter().any(|row| row.name == job.name()) {
            rows.push(JobRow {
                name: job.name().to_owned(),
                last_run: None,
                last_success: None,
                lease_until: None,
            });
        }
    }
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    rows
}

async fn run_job(app: &Arc<App>, name: &str) -> Tell {
    let Some(job) = Job::named(name) else {
        return failed(&format!("there is no job {name}"), "see `crannogd jobs list`");
    };
    match jobs::run(app, job).await {
        Ok(Ran::Done) => Tell::Done,
        Ok(Ran::Busy) => failed(
            &format!("the job {name} is being done"),
            "wait, then see `crannogd jobs list`",
        ),
        Err(error) => failed(&error.to_string(), "see the server's log"),
    }
}

fn hold(app: &App, name: String, seconds: u64, renew: bool) -> Tell {
    let (holds, length) = (app.blobs.holds(), Duration::from_secs(seconds.min(3600)));
    if renew && !holds.renew(&name, length) {
        return failed("the hold has ended", "begin a new one");
    }
    if !renew {
        holds.begin(name, length);
    }
    Tell::Done
}

fn failed(message: &str, hint: &str) -> Tell {
    Tell::Failed {
        message: message.to_owned(),
        hint: hint.to_owned(),
    }
}

fn no_account() -> Tell {
    failed("there is no such account", "see `crannogd account list`")
}

fn done_or_no_account(done: bool) -> Tell {
    if done { Tell::Done } else { no_account() }
}
