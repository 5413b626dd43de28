//! What every operation has at hand, and what it gives.

use crannog_keyd_client::{Answer, Items, Refusal};
use crannog_keyd_keys::{Key, KeyType};

use super::caller::Caller;
use super::entry::{Entry, Values};
use super::items::whole;
use super::limits::{Slow, SlowTurn};
use super::opened::Opened;
use super::settings::Settings;

/// One request that was judged and may be done.
pub(super) struct Work<'a> {
    pub(super) opened: &'a Opened,
    pub(super) settings: &'a Settings,
    pub(super) caller: &'a Caller,
    pub(super) entry: &'a mut Entry,
    pub(super) slow: &'a Slow,
}

/// What came of it.
pub(super) struct Done {
    pub(super) status: u16,
    pub(super) answer: Answer,
    pub(super) warnings: Vec<String>,
}

impl Done {
    pub(super) fn of(answer: Answer) -> Self {
        Self::with_status(200, answer)
    }

    pub(super) fn nothing() -> Self {
        Self::with_status(204, Answer::Nothing)
    }

    pub(super) fn with_status(status: u16, answer: Answer) -> Self {
        Self {
            status,
            answer,
            warnings: Vec::new(),
        }
    }

    pub(super) fn warning(mut self, warning: Option<String>) -> Self {
        self.warnings.extend(warning);
        self
    }
}

impl Work<'_> {
    /// A turn to be slow, if one of the keys is: RSA takes milliseconds, all else microseconds.
    pub(super) async fn turn(&self, keys: &[&Key]) -> Result<Option<SlowTurn>, Refusal> {
        let slow = |key: &&Key| matches!(key.key_type(), KeyType::Rsa3072 | KeyType::Rsa4096);
        if keys.iter().any(slow) {
            self.slow.take(self.caller.share()).await.map(Some)
        } else {
            Ok(None)
        }
    }

    /// Notes how many items there are and what values they bring.
    pub(super) fn take_in<T: Sync>(&mut self, items: &Items<T>, mut add: impl FnMut(&mut Values, &T)) {
        self.entry.items = items.batch_len().map(|len| len as u64);
        let mut values = self.opened.values();
        for item in whole(items) {
            add(&mut values, item);
        }
        self.entry.input = values.finish();
    }
}
