//! Notes by hand: signed, sealed, dropped, and taken out again.

use std::time::{SystemTime, UNIX_EPOCH};

use crannog_core::inbox::{Form, Invite, Note, NoteIn, Purpose};
use crannog_core::journal::{EpochGrant, JournalKind, Role};
use crannog_proto::sign::{Signature, message};
use crannog_proto::{AccountId, Seen, decode, encode, labels, limits};
use crannog_seal::asym::{Info, WRAP_OVERHEAD, wrap};
use crannog_seal::labels::WRAP_INBOX_DROP;

use super::{Insider, Reading};

/// A day in milliseconds.
const DAY: i64 = 24 * 3600 * 1000;

/// A note's bytes and a signature over them.
pub type Signed = (Vec<u8>, Signature);

/// Something that lay in her inbox, opened.
#[derive(Debug)]
pub struct Dropped {
    /// The server's name for it.
    pub id: [u8; 16],
    /// As it was dropped.
    pub sealed: Vec<u8>,
    /// What its sender signed.
    pub signed: Signed,
    /// What it says.
    pub note: Note,
}

impl Dropped {
    /// The invite in it.
    pub fn invite(&self) -> &Invite {
        match &self.note.purpose {
            Purpose::Invite(invite) => invite,
            other => panic!("{other:?}"),
        }
    }
}

/// Milliseconds since 1970, as real clients see it.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

impl Insider {
    /// An honest note; whatever a test dislikes it changes.
    pub fn note(&self, to: &AccountId, purpose: Purpose) -> Note {
        let (me, her) = (self.known.state(), self.chain(to).expect("whom she has met"));
        let time = now();
        Note {
            version: 1,
            id: rand::random(),
            sender: self.author(),
            chain: me.cite(),
            sender_root: me.root,
            recipient: *to,
            recipient_root: her.root,
            time,
            expires: time + 30 * DAY,
            heads: Vec::new(),
            purpose,
        }
    }

    /// An honest invite into a drive of which she is an admin, for someone in its list.
    pub fn invite(&self, reading: &Reading, to: &AccountId, name: &str) -> Invite {
        let (state, last) = (&reading.state, reading.last());
        let members = state.members();
        let role = members.iter().find(|member| member.account == *to).unwrap().role;
        let epoch = state.epoch().unwrap();
        let secrets = state.secrets(epoch).unwrap();
        Invite {
            journal: reading.id(),
            kind: JournalKind::Drive,
            name: name.to_owned(),
            form: Form::Folder,
            epoch,
            role,
            grant: EpochGrant::for_role(&secrets, role),
            at: Seen {
                seq: last.0,
                head: last.1,
            },
            inside: None,
        }
    }

    /// Signs a note with her device's key, whoever it says that its sender is.
    pub fn sign(&self, note: &Note) -> Signed {
        let bytes = encode(note);
        let signature = self.keys.signing.sign(&message(labels::NOTE, &bytes));
        (bytes, Signature(signature))
    }

    /// Seals something signed, by whomever, to someone's current key: the least of the three sizes that holds it.
    pub fn seal_signed(&self, signed: &Signed, to: &AccountId) -> Vec<u8> {
        let bare = WRAP_OVERHEAD + encode(&(signed, Vec::<u8>::new())).len();
        let sizes = limits::DROP_SIZES;
        let length = sizes.iter().find(|size| bare <= **size).expect("it fits");
        let plain = encode(&(signed, vec![0u8; length - bare]));
        let info = Info::new(WRAP_INBOX_DROP, &to.0);
        wrap(&self.kem_of(to), info, b"", &plain, &mut rand::rng())
    }

    /// Signed by her and sealed to its recipient.
    pub fn seal(&self, note: &Note) -> Vec<u8> {
        self.seal_signed(&self.sign(note), &note.recipient)
    }

    /// Drops an honest note.
    pub async fn send(&self, to: &AccountId, purpose: Purpose) {
        self.drop_note(&self.note(to, purpose)).await;
    }

    /// Drops a note, honest or not, into its recipient's inbox.
    pub async fn drop_note(&self, note: &Note) {
        let sealed = self.seal(note);
        self.transport.inbox_put(&note.recipient, &sealed).await.unwrap();
    }

    /// Everything in her inbox; it stays there.
    pub async fn inbox(&self) -> Vec<Dropped> {
        let inbox = self.transport.inbox().await.unwrap();
        inbox.drops.into_iter().map(|drop| self.open(drop)).collect()
    }

    fn open(&self, drop: crannog_proto::api::Drop) -> Dropped {
        NoteIn::open(&drop.sealed, &self.account, &self.secrets).expect("a note for her");
        let keys = self.secrets.kem_keys();
        let info = Info::new(WRAP_INBOX_DROP, &self.account.0);
        let mut opened = keys.map(|key| crannog_seal::asym::unwrap(&key, info, b"", &drop.sealed));
        let plain = opened.find_map(Result::ok).unwrap();
        let (signed, _): (Signed, Vec<u8>) = decode(&plain).unwrap();
        let note = decode(&signed.0).unwrap();
        Dropped {
            id: drop.id,
            sealed: drop.sealed,
            signed,
            note,
        }
    }

    /// Takes the newest invite and reads the share.
    pub async fn accept(&mut self) -> Reading {
        let drops = self.inbox().await;
        let drop = drops.last().expect("an invite");
        let invite = drop.invite();
        self.grants
            .insert((invite.journal, invite.epoch), invite.grant.clone());
        self.transport.inbox_done(&drop.id).await.unwrap();
        self.read_share(invite.journal).await
    }

    /// What a role has of the newest epoch, to be leaked.
    pub fn grant(&self, reading: &Reading, role: Role) -> EpochGrant {
        let epoch = reading.state.epoch().unwrap();
        EpochGrant::for_role(&reading.state.secrets(epoch).unwrap(), role)
    }
}
