//! What a live server sees pass, without opening anything: who, when, where, how much.

use std::collections::HashMap;
use std::sync::Mutex;

use crannog_proto::api::{Login, Session};
use crannog_proto::{Hash, decode, labels};
use data_encoding::HEXLOWER;

use super::exchange::{Ask, Exchange, Route};

/// A request that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its method.
    pub method: String,
    /// Path and query, with all ids.
    pub path: String,
    /// What it asked for.
    pub route: Route,
    /// Bytes of its body.
    pub asked: usize,
    /// HTTP status of the answer.
    pub status: u16,
    /// Bytes of the answer's body.
    pub told: usize,
    /// Hash of the session that it came with, as the server stores it.
    pub session: Option<Hash>,
    /// Whose session that is, if its login passed here too.
    pub account: Option<String>,
}

/// All that passed, in order.
#[derive(Default)]
pub(super) struct Log {
    passed: Mutex<Vec<Seen>>,
    names: Mutex<HashMap<Hash, String>>,
}

impl Log {
    /// A request whose answer was told.
    pub(super) fn pass(&self, exchange: &Exchange) {
        let (ask, told) = (&exchange.ask, &exchange.told);
        if ask.route() == Route::Login
            && told.status == 200
            && let (Ok(login), Ok(session)) = (decode::<Login>(&ask.body), decode::<Session>(&told.body))
        {
            let session = Hash::of(labels::SESSION_HASH, &session.token);
            self.names.lock().unwrap().insert(session, login.name);
        }
        self.note(ask, told.status, told.body.len());
    }

    /// A request with only so much of its answer.
    pub(super) fn note(&self, ask: &Ask, status: u16, told: usize) {
        let session = session(ask);
        let account = session.and_then(|session| self.names.lock().unwrap().get(&session).cloned());
        self.passed.lock().unwrap().push(Seen {
            method: ask.method.clone(),
            path: ask.path.clone(),
            route: ask.route(),
            asked: ask.body.len(),
            status,
            told,
            session,
            account,
        });
    }

    pub(super) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.passed.lock().unwrap())
    }
}

fn session(ask: &Ask) -> Option<Hash> {
    let (_, value) = ask.headers.iter().find(|(name, _)| name == "authorization")?;
    let token = HEXLOWER.decode(value.strip_prefix("Bearer ")?.as_bytes()).ok()?;
    let token: [u8; 32] = token.try_into().ok()?;
    Some(Hash::of(labels::SESSION_HASH, &token))
}
