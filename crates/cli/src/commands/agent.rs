//! lock, unlock, agent.

use clap::{Args, Subcommand};
use crannog_agent_api::lock_file::{self, Lock as LockFile};
use crannog_agent_api::{Code, Failure, Request, Start};
use serde_json::json;

use crate::session::{Session, locked};
use crate::shown::Shown;
use crate::talk::With;
use crate::{password, table};

/// Lock the agent: nobody may ask anything before the password is given again
///
/// A running transfer keeps its own keys and finishes; --now stops it, and every key is gone when this returns.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog lock\n  crannog lock --now")]
pub(crate) struct Lock {
    /// Stop running transfers too
    #[arg(long)]
    now: bool,
}

impl Lock {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        if session.running().await?.is_none() {
            return Ok(Shown::said("no agent runs, so nothing is unlocked"));
        }
        session
            .ask_with(&Request::Lock { now: self.now }, With::default())
            .await?;
        Ok(Shown::said("locked"))
    }
}

/// Unlock the agent with this device's password
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog unlock\n  crannog unlock --password-file password.txt")]
pub(crate) struct Unlock {}

impl Unlock {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        // Says at once when there is no account, before anyone types a password.
        session.ask_with(&Request::Status, With::default()).await?;
        let password = password::current(session.global.password_file().as_ref())
            .await?
            .ok_or_else(locked)?;
        session
            .ask_with(&Request::Unlock { password }, With::default())
            .await?;
        Ok(Shown::said("unlocked"))
    }
}

/// The process that owns the keys and does the work; commands start it when they need it
///
/// Settings are in agent.toml in the profile's folder (CRANNOG_HOME, else ~/.local/share/crannog):
/// lock_after = "8h" (0: never), bwlimit = "8M", transfers = 6. Its log is agent.log beside it.
#[derive(Debug, Args)]
pub(crate) struct Agent {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Start(StartAgent),
    Stop(StopAgent),
    Status(AgentStatus),
}

/// Start the agent, if it does not run yet
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog agent start\n  crannog agent start --foreground")]
struct StartAgent {
    /// Be the agent, until stopped: for service managers
    #[arg(long)]
    foreground: bool,
    /// How commands start it.
    #[arg(long, hide = true, conflicts_with = "foreground")]
    detached: bool,
    /// How an older agent starts a newer one.
    #[arg(long, hide = true, conflicts_with_all = ["foreground", "detached"])]
    handed_over: bool,
}

/// Stop the agent; transfers are put aside and go on later
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog agent stop")]
struct StopAgent {}

/// Show whether the agent runs; does not start it
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog agent status --json")]
struct AgentStatus {}

impl Agent {
    /// This process becomes an agent.
    pub(crate) fn becomes(&self) -> Option<Start> {
        match &self.what {
            What::Start(start) if start.foreground => Some(Start::Foreground),
            What::Start(start) if start.detached => Some(Start::Detached),
            What::Start(start) if start.handed_over => Some(Start::HandedOver),
            _ => None,
        }
    }

    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        match self.what {
            What::Start(_) => {
                session.agent().await?;
                status(session).await
            }
            What::Stop(_) => stop(session).await,
            What::Status(_) => status(session).await,
        }
    }
}

async fn stop(session: &mut Session) -> Result<Shown, Failure> {
    if session.running().await?.is_none() {
        return Ok(Shown::said("no agent runs"));
    }
    match session.ask_with(&Request::Stop, With::default()).await {
        // It may be gone before its answer is read.
        Ok(_)
        | Err(Failure {
            code: Code::TryAgain, ..
        }) => {}
        Err(failure) => return Err(failure),
    }
    // It lets go of this with its last breath.
    drop(LockFile::wait(&session.home, lock_file::AGENT)?);
    Ok(Shown::said("stopped"))
}

async fn status(session: &mut Session) -> Result<Shown, Failure> {
    let home = session.home.clone();
    let place = lock_file::place(&home);
    let Some(client) = session.running().await? else {
        return Ok(Shown {
            text: "no agent runs\n".to_owned(),
            result: json!({ "running": false, "home": home }),
            ..Shown::default()
        });
    };
    let (pid, build) = (client.welcome.pid, client.welcome.build.clone());
    let socket = place
        .map(|place| place.socket.display().to_string())
        .unwrap_or_default();
    let text = table::pairs(&[
        ("pid", pid.to_string()),
        ("build", build.clone()),
        ("socket", socket.clone()),
        ("home", home.display().to_string()),
    ]);
    let result = json!({ "running": true, "pid": pid, "build": build, "socket": socket, "home": home });
    Ok(Shown {
        text,
        result,
        ..Shown::default()
    })
}
