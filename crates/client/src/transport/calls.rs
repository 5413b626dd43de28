//! Calls about accounts: registration, one's own account, links, the directory.

use crannog_core::check::Check;
use crannog_proto::api::{AccountView, AppendLink, DirectoryEntry, Register, Registered};
use crannog_proto::sigchain::{SignedLink, is_account_name};
use crannog_proto::{AccountId, encode, limits};

use super::Transport;
use super::error::TransportError;
use super::exchange::{Answer, Call};
use super::journal_calls::check_genesis_receipt;

/// A sigchain of the largest size. Memory is spent only as the bytes come.
const CHAIN_MAX: usize = limits::LINKS_MAX * limits::LINK_MAX;
/// The sealed generations beside one's own sigchain.
const SECRETS_MAX: usize = 16 * 1024 * 1024;

impl Transport {
    /// `POST /v1/accounts`: makes an account with its home. The receipt names home's genesis; its signature is for the
    /// caller to check.
    pub async fn register(&self, register: &Register) -> Result<Registered, TransportError> {
        let call = Call::post("/v1/accounts", encode(register), 1024);
        let answer = self.exchange(&call).await?;
        let registered: Registered = answer.decode(&call)?;
        check_genesis_receipt(&register.home, &registered.receipt, &call, &answer)?;
        Ok(registered)
    }

    /// `GET /v1/account`: one's own account, as the server claims it to be.
    pub async fn account(&self) -> Result<AccountView, TransportError> {
        let call = Call::get("/v1/account", CHAIN_MAX + SECRETS_MAX);
        let answer = self.with_session(|_| call.clone()).await?;
        let view: AccountView = answer.decode(&call)?;
        check_links(&view.links, &call, &answer)?;
        Ok(view)
    }

    /// `POST /v1/account/links`: appends a link to one's own sigchain.
    pub async fn append_link(&self, append: &AppendLink) -> Result<(), TransportError> {
        let call = Call::post("/v1/account/links", encode(append), 0);
        self.with_session(|_| call.clone()).await?.decode(&call)
    }

    /// `GET /v1/directory/NAME`: someone's sigchain, as the server claims it to be.
    pub async fn directory(&self, name: &str) -> Result<DirectoryEntry, TransportError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > 32 || !name.bytes().all(plain) {
            return Err(TransportError::Misuse("not an account name"));
        }
        self.looked_up(name, |entry| entry.name == name).await
    }

    /// `GET /v1/directory/ACCOUNT`: the sigchain that begins with this account's Create link, that of a deleted account too. It is
    /// the server's claim that it is all of it.
    pub async fn directory_of(&self, account: &AccountId) -> Result<DirectoryEntry, TransportError> {
        let its = |entry: &DirectoryEntry| {
            let create = entry.links.first().map(SignedLink::account_id);
            create == Some(*account) && is_account_name(&entry.name)
        };
        self.looked_up(&account.to_string(), its).await
    }

    /// CHK-006: what the directory answers is what was asked for.
    async fn looked_up(
        &self,
        key: &str,
        asked_for: impl Fn(&DirectoryEntry) -> bool + Send,
    ) -> Result<DirectoryEntry, TransportError> {
        let call = Call::get(format!("/v1/directory/{key}"), CHAIN_MAX + 1024);
        let answer = self.with_session(|_| call.clone()).await?;
        let entry: DirectoryEntry = answer.decode(&call)?;
        if !asked_for(&entry) {
            return Err(TransportError::misbehaved(
                Check::ChainLink,
                call.object(),
                answer.bytes.as_ref(),
            ));
        }
        check_links(&entry.links, &call, &answer)?;
        Ok(entry)
    }
}

/// CHK-024: as many links, and as large ones, as a sigchain may have.
fn check_links(links: &[SignedLink], call: &Call, answer: &Answer) -> Result<(), TransportError> {
    let large = |link: &SignedLink| link.link.len() > limits::LINK_MAX;
    if links.len() > limits::LINKS_MAX || links.iter().any(large) {
        return Err(TransportError::misbehaved(
            Check::Bounds,
            call.object(),
            answer.bytes.as_ref(),
        ));
    }
    Ok(())
}
