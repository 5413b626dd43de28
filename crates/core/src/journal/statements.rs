//! What a member proved herself to have said, although her entry is refused: for evidence (`docs/spec/membership.md`, Evidence).

use crannog_proto::api::Stored;
use crannog_proto::sigchain::{Cite, SigchainState};
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{DeviceId, Kind, decode};
use zeroize::Zeroizing;

use super::open::{Sources, check_body};
use super::payload::{Author, JournalKind};
use super::signed::{Signed, open_plain};
use super::state::JournalState;

impl JournalState {
    /// Who signed the next entry's body, and the opened `Signed`, if a device of hers did: with this header and this payload.
    ///
    /// To be asked when [`open`](Self::open) refused the entry by a member's fault. `None` where nobody proved to have said anything, and
    /// for Genesis, Rekey and all of home, whose bodies hold keys that must not get into a file for others. A drive's body holds
    /// keys of the files that it names: who hands such evidence on hands these on.
    pub fn said(
        &self,
        stored: &Stored,
        body: Option<&[u8]>,
        sources: &Sources<'_>,
    ) -> Option<(Author, Zeroizing<Vec<u8>>)> {
        let (opened, _) = self.open_header(stored, sources).ok()?;
        let header = &opened.header;
        let keys = matches!(header.kind, Kind::Genesis(_) | Kind::Rekey { .. });
        if keys || self.kind == JournalKind::Home || stored.body_gone {
            return None;
        }
        let sealed = check_body(header, &stored.entry.body, body, stored.seq).ok()?;
        let plain = open_plain(self.body_key()?, header, sealed).ok()?;
        let signed: Signed = decode(&plain).ok()?;
        let key = device_key((sources.chain)(&signed.author.account)?, &signed.author.device)?;
        signed.verify(header, &key).ok()?;
        Some((signed.author, plain))
    }
}

/// The key of a device that is, or at some link was, in this chain.
pub(crate) fn device_key(chain: &SigchainState, device: &DeviceId) -> Option<VerifyingKey> {
    let account = chain.account;
    let links = (0..=chain.cite().seq).filter_map(|seq| {
        let head = chain.link_hash(seq)?;
        Some(Cite { account, seq, head })
    });
    let mut found = links.filter_map(|link| chain.device_at(&link, device));
    found.next().map(|device| device.sign)
}
