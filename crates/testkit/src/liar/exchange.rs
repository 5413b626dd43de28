//! Requests and answers as a liar sees them.

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use crannog_proto::{AccountId, BlobId, EntryId, JournalId};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `GET /v1/server`
    Server,
    /// `POST /v1/accounts`
    Register,
    /// `POST /v1/login/challenge`
    Challenge,
    /// `POST /v1/login`
    Login,
    /// `GET /v1/account`
    Account,
    /// `POST /v1/account/links`
    Link,
    /// `GET /v1/directory/NAME`
    Directory,
    /// `GET /v1/directory/ACCOUNT`
    DirectoryOf(AccountId),
    /// `POST /v1/inbox/ACCOUNT`
    DropInto(AccountId),
    /// `GET /v1/inbox`
    Inbox,
    /// `DELETE /v1/inbox/ID`
    DropDone([u8; 16]),
    /// `POST /v1/journals`
    Create,
    /// `GET /v1/journals/ID/entries`
    Entries(JournalId),
    /// `POST /v1/journals/ID/entries`
    Append(JournalId),
    /// `PUT /v1/journals/ID/blobs/BLOB`
    Put(JournalId, BlobId),
    /// `GET /v1/journals/ID/blobs/BLOB`
    Get(JournalId, BlobId),
    /// `GET /v1/bell`
    Bell,
    /// Anything else.
    Other,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Its method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers, as text.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Bytes,
}

impl Ask {
    /// What it asks for.
    pub fn route(&self) -> Route {
        let path = self.path.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.trim_start_matches("/v1/").split('/').collect();
        let journal = |text: &str| text.parse().unwrap_or(JournalId::ZERO);
        let blob = |text: &str| text.parse().unwrap_or(BlobId::ZERO);
        let drop = |text: &str| text.parse().unwrap_or(EntryId::ZERO).0;
        match (self.method.as_str(), parts.as_slice()) {
            ("GET", ["server"]) => Route::Server,
            ("POST", ["accounts"]) => Route::Register,
            ("POST", ["login", "challenge"]) => Route::Challenge,
            ("POST", ["login"]) => Route::Login,
            ("GET", ["account"]) => Route::Account,
            ("POST", ["account", "links"]) => Route::Link,
            ("GET", ["directory", key]) => key.parse().map_or(Route::Directory, Route::DirectoryOf),
            ("POST", ["inbox", account]) => Route::DropInto(account.parse().unwrap_or(AccountId::ZERO)),
            ("GET", ["inbox"]) => Route::Inbox,
            ("DELETE", ["inbox", id]) => Route::DropDone(drop(id)),
            ("POST", ["journals"]) => Route::Create,
            ("GET", ["journals", id, "entries"]) => Route::Entries(journal(id)),
            ("POST", ["journals", id, "entries"]) => Route::Append(journal(id)),
            ("PUT", ["journals", id, "blobs", name]) => Route::Put(journal(id), blob(name)),
            ("GET", ["journals", id, "blobs", name]) => Route::Get(journal(id), blob(name)),
            ("GET", ["bell"]) => Route::Bell,
            _ => Route::Other,
        }
    }

    /// Everything of it as it went over the wire.
    pub fn wire(&self) -> Vec<u8> {
        let mut bytes = format!("{} {}\n", self.method, self.path).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("{name}: {value}\n").as_bytes());
        }
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Told {
    /// HTTP status.
    pub status: u16,
    /// Headers that are added or replaced.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Told {
    /// A success.
    pub fn ok<T: BorshSerialize>(value: &T) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: crannog_proto::encode(value),
        }
    }

    /// Nothing is said.
    pub fn nothing() -> Self {
        Self {
            status: 204,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A refusal.
    pub fn refusal(status: u16, code: &str) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: format!(r#"{{"code":"{code}","message":""}}"#).into_bytes(),
        }
    }

    /// Its body, decoded.
    pub fn decode<T: BorshDeserialize>(&self) -> T {
        crannog_proto::decode(&self.body).expect("the real server's answer decodes")
    }

    /// Changes a decoded body, if it is a success.
    pub fn edit<T: BorshDeserialize + BorshSerialize>(&mut self, change: impl FnOnce(&mut T)) {
        if self.status == 200 {
            let mut value = self.decode();
            change(&mut value);
            self.body = crannog_proto::encode(&value);
        }
    }
}

/// A request with what was told.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The request.
    pub ask: Ask,
    /// The answer, after all lies.
    pub told: Told,
}
