//! The loop: accepts connections until there is a reason to end.

use std::sync::Arc;
use std::time::Duration;

use crannog_agent_api::{Code, Failure};
use tokio::net::UnixListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::agent::{Agent, Phase};
use crate::session;
use crate::watches::Why;

/// Why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Someone wants the agent to stop.
    Stop,
    /// A newer program shall go on.
    Upgrade,
}

/// Signals that end the agent.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// From now on.
    pub(crate) fn watch() -> Result<Self, Failure> {
        let watch = |kind| signal(kind).map_err(|error| Failure::new(Code::LocalIo, error.to_string()));
        Ok(Self {
            terminate: watch(SignalKind::terminate())?,
            interrupt: watch(SignalKind::interrupt())?,
            hangup: watch(SignalKind::hangup())?,
        })
    }
}

/// Serves.
pub(crate) async fn serve(agent: &Arc<Agent>, listener: &UnixListener, signals: &mut Signals) -> End {
    let mut phase = agent.phase.subscribe();
    loop {
        let serving = *phase.borrow_and_update() == Phase::Serving;
        tokio::select! {
            _ = signals.terminate.recv() => return End::Stop,
            _ = signals.interrupt.recv() => return End::Stop,
            _ = signals.hangup.recv() => return End::Stop,
            () = agent.stop.notified() => return End::Stop,
            () = agent.upgrade_due() => return End::Upgrade,
            // sleep: an idle agent looks again when it could be time to lock
            () = tokio::time::sleep(agent.idle_check()) => agent.lock_if_idle().await,
            _ = phase.changed() => {}
            // While the program is about to change, those who come wait in the socket's queue for the new one.
            accepted = listener.accept(), if serving => match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(session::serve(Arc::clone(agent), stream));
                }
                Err(error) => {
                    tracing::warn!(%error, "accept");
                    // sleep: out of descriptors: give connections the time to end
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
}

/// Puts everything aside and says so to those who wait for it.
pub(crate) async fn stop(agent: &Arc<Agent>) {
    /// For commands that do not read what they are told.
    const PATIENCE: Duration = Duration::from_secs(2);
    agent.phase.send_replace(Phase::Stopping);
    agent.watches.end(Why::Stopping).await;
    agent.put_aside().await;
    agent.phase.send_replace(Phase::Stopped);
    let gone = async { tokio::join!(agent.sessions.none(), agent.watches.gone()) };
    let _ = tokio::time::timeout(PATIENCE, gone).await;
}
