//! Calls to a server that was restored from a backup: what it lost is given back.

use bytes::Bytes;
use crannog_core::check::Check;
use crannog_proto::api::{
    AppendResult, BODY, BODY_HEADER, GiveBack, HEAL, HEAL_HEADER, Healing, LostAccount, WRITE_HEADER,
};
use crannog_proto::sigchain::{GenerationSecrets, SignedLink};
use crannog_proto::{BlobId, Entry, JournalId, Receipt, encode, limits};
use http::{HeaderName, HeaderValue};

use super::Transport;
use super::error::TransportError;
use super::exchange::Call;
use super::journal_calls::{append_call, with_read};
use super::session::GrantKey;

impl Transport {
    /// `GET /v1/healing`: whether the server says that it was restored, and from when.
    pub async fn healing(&self) -> Result<Option<Healing>, TransportError> {
        let call = Call::get("/v1/healing", 64);
        self.exchange(&call).await?.decode(&call)
    }

    /// `POST /v1/healing/account`: one's own sigchain with its sealed generations, by a device that the server need not know.
    pub async fn give_back_account(
        &self,
        links: &[SignedLink],
        secrets: &[GenerationSecrets],
        lost: Option<&LostAccount>,
    ) -> Result<(), TransportError> {
        let given = GiveBack {
            login: self.login().await?,
            links: links.to_vec(),
            secrets: secrets.to_vec(),
            lost: lost.cloned(),
        };
        let call = Call::post("/v1/healing/account", encode(&given), 0);
        self.exchange(&call).await?.decode(&call)
    }

    /// `POST /v1/healing/chains`: somebody's sigchain, for others who follow it.
    pub async fn give_back_chain(&self, links: &[SignedLink]) -> Result<(), TransportError> {
        let call = Call::post("/v1/healing/chains", encode(&links), 0);
        self.with_session(|_| call.clone()).await?.decode(&call)
    }

    /// [`Self::append`] of entries that the server acknowledged before and lost. Blobs of their `adds` may be lost, too.
    pub async fn append_back(
        &self,
        journal: &JournalId,
        entries: &[Entry],
        extra_tokens: &[[u8; 32]],
    ) -> Result<Vec<AppendResult>, TransportError> {
        let call = given_back(append_call(journal, entries, extra_tokens)?);
        self.send_append(journal, entries, call).await
    }

    /// [`Self::create_journal`] of a journal that the server lost. `key` signs with the genesis' own admin key: only whoever made it held
    /// that.
    pub async fn create_back(&self, genesis: &Entry, key: &dyn GrantKey) -> Result<Receipt, TransportError> {
        let journal = JournalId::of_genesis(&genesis.header);
        let call = given_back(Call::post("/v1/journals", encode(genesis), 1024));
        let name = HeaderName::from_static(WRITE_HEADER);
        self.create(genesis, &call, |call, live| {
            call.secret(name.clone(), &live.grant_once(&journal, key))
        })
        .await
    }

    /// [`Self::put_body`] for an entry that is then given back.
    pub async fn put_back(
        &self,
        journal: &JournalId,
        key: &dyn GrantKey,
        id: &BlobId,
        bytes: Bytes,
    ) -> Result<(), TransportError> {
        let words = [(BODY_HEADER, BODY), (HEAL_HEADER, HEAL)];
        self.put(journal, key, id, bytes, &words).await
    }

    /// `POST …/lacking`: those of these blobs that the journal does not hold.
    pub async fn lacking(
        &self,
        journal: &JournalId,
        read_token: &[u8; 32],
        blobs: &[BlobId],
    ) -> Result<Vec<BlobId>, TransportError> {
        if blobs.len() > limits::IDS_MAX {
            return Err(TransportError::Misuse("more blobs than one question may name"));
        }
        let path = format!("/v1/journals/{journal}/lacking");
        let call = with_read(
            Call::post(path, encode(&blobs), limits::IDS_MAX * 32 + 4),
            &[*read_token],
        );
        let answer = self.with_session(|_| call.clone()).await?;
        let lacking: Vec<BlobId> = answer.decode(&call)?;
        if lacking.iter().any(|id| !blobs.contains(id)) {
            return Err(TransportError::misbehaved(
                Check::Bounds,
                call.object(),
                answer.bytes.as_ref(),
            ));
        }
        Ok(lacking)
    }
}

fn given_back(mut call: Call) -> Call {
    call.headers.insert(
        HeaderName::from_static(HEAL_HEADER),
        HeaderValue::from_static(HEAL),
    );
    call
}
