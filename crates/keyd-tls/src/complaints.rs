//! What strangers can make happen as often as they like is logged once a second, with how often it was.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const PERIOD: Duration = Duration::from_secs(1);

/// Why a connection ended before it served anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Complaint {
    /// No seat, no place, or no descriptor.
    NoRoom,
    /// No handshake, or none in time.
    Handshake,
    /// The key process does not know the client.
    NotNamed,
    /// The key process could not be asked.
    KeyProcess,
}

/// When each was last logged, and how often it happened since.
#[derive(Debug, Default)]
pub(crate) struct Complaints(Mutex<HashMap<Complaint, Since>>);

#[derive(Debug)]
struct Since {
    logged: Instant,
    times: u64,
}

impl Complaints {
    /// Logs it, or counts it for the next line of its kind.
    pub(crate) fn record(&self, complaint: Complaint, peer: SocketAddr, reason: &dyn fmt::Display) {
        let Some(times) = self.due(complaint, Instant::now()) else {
            return;
        };
        match complaint {
            Complaint::Handshake => tracing::info!(%peer, %reason, times, "a handshake failed"),
            Complaint::NotNamed => tracing::warn!(%peer, %reason, times, "a client was refused"),
            Complaint::NoRoom => tracing::warn!(%peer, %reason, times, "a connection was closed unread"),
            Complaint::KeyProcess => tracing::error!(%peer, %reason, times, "a client cannot be served"),
        }
    }

    /// How often it happened since the last line, this time too; `None` if that line is not a period old.
    fn due(&self, complaint: Complaint, now: Instant) -> Option<u64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(&complaint) {
            Some(since) if now.duration_since(since.logged) < PERIOD => {
                since.times = since.times.saturating_add(1);
                None
            }
            known => {
                let times = known.map_or(0, |since| since.times).saturating_add(1);
                let since = Since {
                    logged: now,
                    times: 0,
                };
                all.insert(complaint, since);
                Some(times)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_a_line_a_second() {
        let complaints = Complaints::default();
        let start = Instant::now();
        assert_eq!(complaints.due(Complaint::NoRoom, start), Some(1));
        for _ in 0..1000 {
            assert_eq!(complaints.due(Complaint::NoRoom, start + PERIOD / 2), None);
        }
        assert_eq!(complaints.due(Complaint::Handshake, start + PERIOD / 2), Some(1));
        assert_eq!(complaints.due(Complaint::NoRoom, start + PERIOD), Some(1001));
        assert_eq!(complaints.due(Complaint::NoRoom, start + PERIOD * 3), Some(1));
    }
}
