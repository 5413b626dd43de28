//! Drives and their members, by hand.

use crannog_core::identity::{
    AddDevice, HomeState, KnownChain, NewLink, new_words, recover, revoke_device, sign_as_new_device,
};
use crannog_core::journal::{
    Content, EpochGrant, Ground, JournalKind, JournalState, Member, Payload, RekeyDraft, Role, SealedRekey,
    seal_genesis, seal_rekey,
};
use crannog_proto::api::AppendLink;
use crannog_proto::sigchain::{Device, SigchainState};
use crannog_proto::sign::{Signature, VerifyingKey, message};
use crannog_proto::{AccountId, DeviceId, Entry, Hash, Header, JournalId, Signer, decode, encode, labels};
use crannog_seal::asym::{Info, KemPublicKey, wrap};
use crannog_seal::labels::WRAP_EPOCH_GRANT;
use crannog_seal::schedule::{DeviceKeys, DeviceSeed, EpochSecrets, RecoveryWords};
use crannog_seal::sign::EpochAdminKey;
use std::sync::Arc;

use super::{DEVICE_NAME, Insider, Login, NOW, Reading, random_entry};

/// The body of a rekey as it travels: the sealed part, envelopes by tag, the notice.
pub type Envelopes = (Vec<u8>, Vec<([u8; 16], Vec<u8>)>, Vec<u8>);

impl Insider {
    /// A line of a member list, citing the newest link that she knows.
    pub fn member(&self, account: AccountId, role: Role) -> Member {
        let chain = self.chain(&account).expect("a person whom she has met").cite();
        Member { account, role, chain }
    }

    /// The first entry of a drive with herself as its only member, and its secrets; nobody has it yet.
    pub fn genesis(&self) -> (JournalId, Entry, EpochSecrets) {
        let secrets = EpochSecrets::generate(&JournalId::ZERO.0, 0, &mut rand::rng());
        let payload = Payload {
            time: NOW,
            device_name: DEVICE_NAME.to_owned(),
            cites: Vec::new(),
            content: Content::Genesis {
                kind: JournalKind::Drive,
                members: vec![self.member(self.account, Role::Admin)],
            },
        };
        let (author, key) = (self.author(), &self.keys.signing);
        let (id, sealed) =
            seal_genesis(&secrets, &payload, author, key, random_entry(), &mut rand::rng()).unwrap();
        (id, sealed.entry, secrets)
    }

    /// Makes a drive with herself as its only member, and reads it.
    pub async fn create_share(&mut self) -> Reading {
        let (id, entry, secrets) = self.genesis();
        self.transport.create_journal(&entry).await.unwrap();
        self.grants
            .insert((id, 0), EpochGrant::for_role(&secrets, Role::Admin));
        self.read_share(id).await
    }

    /// A rekey on what was read, as crooked as the test likes.
    pub fn rekey(
        &self,
        reading: &Reading,
        signer: Signer,
        change: impl FnOnce(&mut RekeyDraft<'_>),
    ) -> SealedRekey {
        self.rekey_on(&reading.state, &self.ground(reading), signer, change)
    }

    /// The same on a state and a ground that may be crooked too.
    pub fn rekey_on(
        &self,
        state: &JournalState,
        ground: &Ground<'_>,
        signer: Signer,
        change: impl FnOnce(&mut RekeyDraft<'_>),
    ) -> SealedRekey {
        let mut draft = RekeyDraft {
            entry: random_entry(),
            signer,
            members: state.members().to_vec(),
            secrets: None,
            time: NOW,
            device_name: DEVICE_NAME,
            cites: Vec::new(),
        };
        change(&mut draft);
        let chains = |account: &AccountId| self.chain(account);
        seal_rekey(state, ground, draft, &chains, &mut rand::rng()).unwrap()
    }

    /// Rekeys with another list, which the real server takes, and reads on.
    pub async fn set_members(&mut self, reading: &mut Reading, members: Vec<Member>) {
        let rekey = self.rekey(reading, Signer::Admin, |draft| draft.members = members);
        let next = reading.state.epoch().unwrap() + 1;
        self.append(&reading.id(), &rekey.sealed).await;
        self.grants.insert((reading.id(), next), rekey.grant);
        self.read_on(reading).await;
    }

    /// Takes people in, who are then in the list with these roles.
    pub async fn admit(&mut self, reading: &mut Reading, people: &[(AccountId, Role)]) {
        let mut members = reading.state.members().to_vec();
        members.retain(|member| people.iter().all(|(account, _)| *account != member.account));
        members.extend(people.iter().map(|(account, role)| self.member(*account, *role)));
        self.set_members(reading, members).await;
    }

    /// Takes someone out.
    pub async fn remove(&mut self, reading: &mut Reading, who: &AccountId) {
        let mut members = reading.state.members().to_vec();
        members.retain(|member| member.account != *who);
        self.set_members(reading, members).await;
    }

    /// The admin key of the current epoch, to be leaked.
    pub fn admin_key(&self, reading: &Reading) -> EpochAdminKey {
        self.ground(reading).admin.expect("an admin")
    }

    /// Changes the envelopes of a rekey and signs the header anew, as its admin can. The tag of an account's envelope is
    /// [`envelope_tag`](Self::envelope_tag).
    pub fn bend_envelopes(
        &self,
        reading: &Reading,
        rekey: &SealedRekey,
        bend: impl FnOnce(&mut Envelopes),
    ) -> Entry {
        let mut header: Header = decode(&rekey.sealed.entry.header).unwrap();
        let mut body: Envelopes = decode(&rekey.sealed.entry.body).unwrap();
        bend(&mut body);
        let body = encode(&body);
        header.body.hash = Hash::plain(&body);
        header.body.len = u32::try_from(body.len()).unwrap();
        let header = encode(&header);
        let key = self.admin_key(reading);
        Entry {
            signature: Signature(key.sign(&message(labels::ENTRY, &header))),
            header,
            body,
        }
    }

    /// By what a member finds her envelope.
    pub fn envelope_tag(&self, reading: &Reading, account: &AccountId) -> [u8; 16] {
        let epoch = reading.state.epoch().unwrap();
        let key = reading.state.secrets(epoch).unwrap().envelope_tag_key();
        let mut hasher = blake3::Hasher::new_keyed(key.expose_to_hash());
        hasher.update(&account.0).update(&(epoch + 1).to_le_bytes());
        let mut tag = [0; 16];
        hasher.finalize_xof().fill(&mut tag);
        tag
    }

    /// A grant of the next epoch sealed to someone, whatever it holds.
    pub fn envelope(&self, reading: &Reading, account: &AccountId, grant: &EpochGrant) -> Vec<u8> {
        let epoch = reading.state.epoch().unwrap() + 1;
        let mut plain = encode(&grant.read);
        for secret in [encode(&grant.append), encode(&grant.write), encode(&grant.admin)] {
            plain.extend_from_slice(&secret);
            plain.resize(plain.len() + 33 - secret.len(), 0);
        }
        let context = encode(&(reading.id(), epoch, account));
        let info = Info::new(WRAP_EPOCH_GRANT, &context);
        wrap(&self.kem_of(account), info, b"", &plain, &mut rand::rng())
    }

    /// The key to which things for a person are sealed.
    pub fn kem_of(&self, account: &AccountId) -> KemPublicKey {
        let generation = self.chain(account).and_then(SigchainState::generation);
        KemPublicKey::from_bytes(&generation.expect("a person whom she has met").kem).unwrap()
    }

    fn words(&self) -> RecoveryWords {
        RecoveryWords::parse(&self.sheet.words).unwrap()
    }

    async fn append_link(&mut self, new: NewLink) {
        let append = AppendLink {
            link: new.link.clone(),
            secrets: new.secrets,
        };
        self.transport.append_link(&append).await.unwrap();
        let links = [self.known.links(), &[new.link]].concat();
        self.known = self.known.follow(links).unwrap().0;
        if let Some(secrets) = new.account {
            self.secrets = secrets;
        }
    }

    /// A second device by the words; the first one stays. What she signs from now on, the second device signs; the keys of the first are
    /// given out.
    pub async fn second_device(&mut self) -> (DeviceId, DeviceKeys) {
        let device = DeviceId(rand::random());
        let seed = DeviceSeed::generate(&mut rand::rng());
        let keys = DeviceKeys::new(&seed, &device.0);
        let (chain, words) = (self.known.state(), self.words());
        let keep = [self.device];
        let new = recover(
            chain,
            &words,
            &self.secrets,
            (device, &keys),
            &keep,
            &mut rand::rng(),
        );
        self.append_link(new.unwrap()).await;
        let old = std::mem::replace(&mut self.device, device);
        let old_keys = std::mem::replace(&mut self.keys, keys);
        let login = Login(device, DeviceKeys::new(&seed, &device.0));
        self.transport.set_login(&self.name, Arc::new(login));
        (old, old_keys)
    }

    /// A link that takes in a device without words and without a generation, that device, and its keys.
    pub fn device_link(&self) -> (NewLink, DeviceId, DeviceKeys) {
        let id = DeviceId(rand::random());
        let seed = DeviceSeed::generate(&mut rand::rng());
        let keys = DeviceKeys::new(&seed, &id.0);
        let (chain, secrets) = (self.known.state(), &self.secrets);
        let device = Device {
            id,
            sign: VerifyingKey(keys.signing.public()),
            kem: keys.kem.public().to_bytes().to_vec(),
        };
        let draft = AddDevice::draft(chain, secrets, device).unwrap();
        let signature = sign_as_new_device(draft.link(), id, &keys).unwrap();
        let new = draft.finish(chain, secrets, signature, &mut rand::rng()).unwrap();
        (new, id, keys)
    }

    /// A second device in the way that needs no words and makes no generation. What she signs from now on, it signs.
    pub async fn add_device(&mut self) {
        let (new, id, keys) = self.device_link();
        self.append_link(new).await;
        (self.device, self.keys) = (id, keys);
    }

    /// Takes one of her devices away.
    pub async fn revoke(&mut self, device: DeviceId) {
        let new = revoke_device(self.known.state(), &self.secrets, device, &mut rand::rng());
        self.append_link(new.unwrap()).await;
    }

    /// New words, and with them a new root, signed by the old one.
    pub async fn change_words(&mut self) {
        let (chain, words, keep) = (self.known.state(), self.words(), [self.device]);
        let made = new_words(chain, &words, &self.secrets, &keep, &mut rand::rng()).unwrap();
        self.append_link(made.new).await;
        self.sheet.words = made.words.phrase().to_string();
    }

    /// Forgets what home says: shares are then read with what she was given alone.
    pub fn forget_home(&mut self) {
        self.home_state = HomeState::default();
    }

    /// Her own sigchain, to be shown by a liar.
    pub fn own_chain(&self) -> &KnownChain {
        &self.known
    }
}
