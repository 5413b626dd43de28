//! What the process is told from outside while it serves.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crannog_keyd_os::{Linux, Platform, ServiceState};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::interval;

use crate::service::Service;

/// How often the service manager hears that all is well, where its watchdog waits for thirty seconds.
const ALIVE: Duration = Duration::from_secs(10);

pub(super) struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Until it is to end: SIGHUP loads the policy again, SIGTERM and SIGINT end.
    pub(super) async fn obey(&mut self, service: &Service, system: &Arc<Linux>) {
        let mut alive = interval(ALIVE);
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = alive.tick() => system.notify(ServiceState::Alive),
                _ = self.hangup.recv() => {
                    let (service, system) = (service.clone(), system.clone());
                    // A directory of users that is slow holds up neither the watchdog nor the end.
                    tokio::task::spawn_blocking(move || {
                        system.notify(ServiceState::Reloading);
                        // Told where it is refused; what counted before goes on to count.
                        let _ = service.reload();
                        system.notify(ServiceState::Ready);
                    });
                }
            }
        }
    }
}
