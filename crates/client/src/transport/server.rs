//! Who the server is: its receipt key, vouched for by the pinned CA (CHK-020).

use crannog_core::check::Check;
use crannog_proto::api::ServerInfo;
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{JournalId, Receipt, encode, labels};

use super::Transport;
use super::error::{Obstacle, TransportError};
use super::exchange::Call;

const ANSWER_MAX: usize = 1024;
const VERSION_MAX: usize = 64;

/// What the pinned server says about itself, its receipt key verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedServer {
    /// Verifies receipts.
    pub receipt_key: VerifyingKey,
    /// Its clock, milliseconds since 1970. Decides nothing.
    pub time: i64,
    /// Its version, for people: short and printable.
    pub version: String,
}

impl Transport {
    /// `GET /v1/server`: the receipt key stands under the pinned CA's signature (CHK-020).
    pub async fn server_info(&self) -> Result<VerifiedServer, TransportError> {
        let call = Call::get("/v1/server", ANSWER_MAX);
        let answer = self.exchange(&call).await?;
        let info: ServerInfo = answer.decode(&call)?;
        let lied = |check| TransportError::misbehaved(check, call.object(), answer.bytes.as_ref());
        let ca = self
            .shared
            .pin
            .ca()
            .ok_or(TransportError::unreachable(Obstacle::Tls))?;
        if info.ca_fingerprint != *self.pinned() {
            return Err(lied(Check::Server));
        }
        ca.key
            .verify(
                labels::RECEIPT_KEY,
                &info.receipt_key.0,
                &info.receipt_key_signature,
            )
            .map_err(|_| lied(Check::Server))?;
        if info.version.len() > VERSION_MAX || !info.version.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(lied(Check::Name));
        }
        self.shared
            .receipt_key
            .get_or_init(|| (info.receipt_key, info.receipt_key_signature));
        Ok(VerifiedServer {
            receipt_key: info.receipt_key,
            time: info.time,
            version: info.version,
        })
    }
}

impl VerifiedServer {
    /// CHK-019: the receipt is this server's, and about this journal.
    pub fn verify_receipt(&self, journal: &JournalId, receipt: &Receipt) -> Result<(), TransportError> {
        if receipt.journal != *journal || receipt.verify(&self.receipt_key).is_err() {
            return Err(TransportError::misbehaved(
                Check::Receipt,
                format_args!("journal {journal}"),
                encode(receipt),
            ));
        }
        Ok(())
    }
}
