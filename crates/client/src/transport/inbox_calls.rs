//! Calls about inboxes: what is dropped into another's, what lies in one's own.

use crannog_core::check::Check;
use crannog_proto::api::Inbox;
use crannog_proto::{AccountId, limits};
use data_encoding::HEXLOWER;
use http::Method;

use super::Transport;
use super::error::TransportError;
use super::exchange::Call;

/// A full page of the largest drops, each with id and length.
const ANSWER_MAX: usize = 4 + limits::INBOX_PAGE * (limits::DROP_SIZES[2] + 20);

impl Transport {
    /// `POST /v1/inbox/ACCOUNT`: drops something sealed, of one of the three sizes, into this account's inbox. It lies there once
    /// this returned; repeating it drops nothing more as long as it does.
    pub async fn inbox_put(&self, account: &AccountId, sealed: &[u8]) -> Result<(), TransportError> {
        if !limits::DROP_SIZES.contains(&sealed.len()) {
            return Err(TransportError::Misuse("a drop has 4, 16 or 64 KiB"));
        }
        let call = Call::post(format!("/v1/inbox/{account}"), sealed.to_vec(), 0);
        self.with_session(|_| call.clone()).await.map(drop)
    }

    /// `GET /v1/inbox`: the oldest drops of one's own inbox, at most 64, each of one of the three sizes (CHK-024). Who may have
    /// dropped them, and what they are, is for the caller to find out.
    pub async fn inbox(&self) -> Result<Inbox, TransportError> {
        let call = Call::get("/v1/inbox", ANSWER_MAX);
        let answer = self.with_session(|_| call.clone()).await?;
        let inbox: Inbox = answer.decode(&call)?;
        let sized = |drop: &crannog_proto::api::Drop| limits::DROP_SIZES.contains(&drop.sealed.len());
        if inbox.drops.len() > limits::INBOX_PAGE || !inbox.drops.iter().all(sized) {
            return Err(TransportError::misbehaved(
                Check::Bounds,
                call.object(),
                answer.bytes.as_ref(),
            ));
        }
        Ok(inbox)
    }

    /// `DELETE /v1/inbox/ID`: the server may forget this drop of one's own inbox. It is no error if it has already.
    pub async fn inbox_done(&self, id: &[u8; 16]) -> Result<(), TransportError> {
        let call = Call {
            method: Method::DELETE,
            ..Call::get(format!("/v1/inbox/{}", HEXLOWER.encode(id)), 0)
        };
        self.with_session(|_| call.clone()).await.map(drop)
    }
}
