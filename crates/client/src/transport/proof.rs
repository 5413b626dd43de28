//! Which key signs a server's receipts, so that others can see it too: without this a receipt convicts nobody (`docs/spec/membership.md`).

use crannog_proto::sign::{Signature, VerifyingKey};
use crannog_proto::{Fingerprint, labels};

use super::Transport;
use super::tls;

/// A server's receipt key under its CA's signature. Whoever pinned the CA's fingerprint believes it, however it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerProof {
    /// The CA's certificate, DER.
    pub ca: Vec<u8>,
    /// Verifies receipts.
    pub receipt_key: VerifyingKey,
    /// By the CA's key, over `receipt_key`.
    pub receipt_key_signature: Signature,
}

/// Why a receipt key is not that server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotCertified {
    /// The bytes are no certificate with an Ed25519 key.
    #[error("the CA's certificate does not decode, or its key is not Ed25519")]
    Certificate,
    /// It is another CA than the pinned one.
    #[error("the CA is not the pinned one")]
    Fingerprint,
    /// The CA did not sign this receipt key.
    #[error("the CA did not sign the receipt key")]
    Signature,
}

impl Transport {
    /// What proves to others which key this server's receipts verify under. None before [`Transport::server_info`] has verified it.
    pub fn server_proof(&self) -> Option<ServerProof> {
        let (receipt_key, receipt_key_signature) = self.shared.receipt_key.get().copied()?;
        Some(ServerProof {
            ca: self.shared.pin.ca()?.der.clone(),
            receipt_key,
            receipt_key_signature,
        })
    }
}

/// CHK-020, long after the connection: the CA of this certificate signed this receipt key. Gives back the fingerprint by which the
/// server was, or is to be, pinned; it is `pinned` where that is given.
///
/// `signature = Sign(CA key, "crannog/1 receipt key.", receipt key)`
pub fn receipt_key_certified(
    ca: &[u8],
    pinned: Option<&Fingerprint>,
    receipt_key: &VerifyingKey,
    signature: &Signature,
) -> Result<Fingerprint, NotCertified> {
    let fingerprint = Fingerprint::of(ca);
    if pinned.is_some_and(|pinned| *pinned != fingerprint) {
        return Err(NotCertified::Fingerprint);
    }
    tls::ca_key(ca)
        .ok_or(NotCertified::Certificate)?
        .verify(labels::RECEIPT_KEY, &receipt_key.0, signature)
        .map_err(|_| NotCertified::Signature)?;
    Ok(fingerprint)
}
