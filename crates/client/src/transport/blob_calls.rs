//! Calls about blobs: each is sent and fetched whole.

use bytes::Bytes;
use crannog_agent_api::answer::Direction;
use crannog_core::check::Check;
use crannog_core::content::Blob;
use crannog_proto::api::{BODY, BODY_HEADER, WRITE_HEADER};
use crannog_proto::{BlobId, ErrorCode, JournalId, limits};
use http::{HeaderName, HeaderValue, Method};

use super::Transport;
use super::error::TransportError;
use super::exchange::Call;
use super::journal_calls::with_read;
use super::session::GrantKey;

impl Transport {
    /// `PUT …/blobs/BLOB`: stages a blob in this journal, in one round trip. `id` must be the blob's. The answer says
    /// nothing about durability: only the receipt of an entry that names the blob does.
    pub async fn put_blob(
        &self,
        journal: &JournalId,
        key: &dyn GrantKey,
        id: &BlobId,
        bytes: Bytes,
    ) -> Result<(), TransportError> {
        self.put(journal, key, id, bytes, &[]).await
    }

    /// The same for a piece of an entry's body, which may be staged beyond the quota: what frees space, or removes whoever filled it, must
    /// always be possible.
    pub async fn put_body(
        &self,
        journal: &JournalId,
        key: &dyn GrantKey,
        id: &BlobId,
        bytes: Bytes,
    ) -> Result<(), TransportError> {
        self.put(journal, key, id, bytes, &[(BODY_HEADER, BODY)]).await
    }

    pub(super) async fn put(
        &self,
        journal: &JournalId,
        key: &dyn GrantKey,
        id: &BlobId,
        bytes: Bytes,
        words: &[(&'static str, &'static str)],
    ) -> Result<(), TransportError> {
        if bytes.is_empty() || bytes.len() > limits::BLOB_MAX {
            return Err(TransportError::Misuse("a blob has 1 to 4,196,608 bytes"));
        }
        let call = Call::post(path(journal, id), bytes, 0).bulk(&self.pace);
        let mut call = Call {
            method: Method::PUT,
            ..call
        };
        for (name, value) in words {
            call.headers
                .insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let _entered = self.pace.enter(Direction::Up).await;
        let name = HeaderName::from_static(WRITE_HEADER);
        let sent = self.with_session(|live| call.clone().secret(name.clone(), &live.grant(journal, key)));
        let result = sent.await;
        if matches!(&result, Err(error) if error.code() == Some(ErrorCode::Forbidden)) {
            self.forget_grant(journal, key.epoch()).await;
        }
        result.map(|_| ())
    }

    /// `GET …/blobs/BLOB`: a blob of at most `max_len` bytes (CHK-001).
    pub async fn get_blob(
        &self,
        journal: &JournalId,
        read_token: &[u8; 32],
        id: &BlobId,
        max_len: usize,
    ) -> Result<Blob, TransportError> {
        let call = Call::get(path(journal, id), max_len.min(limits::BLOB_MAX)).bulk(&self.pace);
        let call = with_read(call, &[*read_token]);
        let _entered = self.pace.enter(Direction::Down).await;
        let answer = self.with_session(|_| call.clone()).await?;
        Blob::check(*id, Vec::from(answer.bytes)).map_err(|other| {
            TransportError::misbehaved(Check::Blob, format_args!("blob {id}"), other.into_bytes())
        })
    }
}

fn path(journal: &JournalId, id: &BlobId) -> String {
    format!("/v1/journals/{journal}/blobs/{id}")
}
