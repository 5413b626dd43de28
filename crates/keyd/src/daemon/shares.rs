//! Connections at once (KEY-015): so many of one subject, so many of all, and a fourth of all for subjects that have none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::Limits;
use crate::service::Share;

/// Counts connections.
#[derive(Clone)]
pub(super) struct Shares(Arc<Inner>);

struct Inner {
    all: usize,
    each: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    total: usize,
    by: HashMap<Share, usize>,
}

/// A connection's place; given back when it is dropped.
pub(super) struct Place {
    shares: Shares,
    share: Share,
}

impl Shares {
    pub(super) fn new(limits: &Limits) -> Self {
        Self(Arc::new(Inner {
            all: limits.connections,
            each: limits.connections_per_subject,
            taken: Mutex::default(),
        }))
    }

    /// A place, unless the subject has its share, or only those are left that are kept for others.
    pub(super) fn take(&self, share: Share) -> Option<Place> {
        let inner = &self.0;
        let mut taken = inner.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = taken.by.get(&share).copied().unwrap_or(0);
        let room = if mine == 0 {
            inner.all
        } else {
            inner.all - inner.all / 4
        };
        if mine >= inner.each || taken.total >= room {
            return None;
        }
        taken.total += 1;
        *taken.by.entry(share).or_default() += 1;
        Some(Place {
            shares: self.clone(),
            share,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.shares.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total = taken.total.saturating_sub(1);
        if let Some(mine) = taken.by.get_mut(&self.share) {
            *mine -= 1;
            if *mine == 0 {
                taken.by.remove(&self.share);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_none_gets_one_while_others_want_more() {
        let limits = Limits {
            connections: 8,
            connections_per_subject: 6,
            ..Limits::default()
        };
        let shares = Shares::new(&limits);
        let (hers, his) = (Share::Certificate([1; 32]), Share::Certificate([2; 32]));
        let mut held: Vec<_> = (0..6).map(|_| shares.take(hers).unwrap()).collect();
        assert!(shares.take(hers).is_none(), "her share");
        held.push(shares.take(his).unwrap());
        assert!(shares.take(his).is_none(), "a fourth is kept for others");
        held.push(shares.take(Share::Account([1; 32])).unwrap());
        assert!(
            shares.take(Share::Certificate([3; 32])).is_none(),
            "all are taken"
        );
        held.clear();
        assert!(shares.take(hers).is_some());
    }
}
