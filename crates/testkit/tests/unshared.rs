//! After `unshare`: whoever was a member keeps what he had read, and has nothing else. All that he ever held (tokens, write and admin
//! keys, blob ids, account keys) is driven by hand against the honest server, then against everything that lies in its directory.
#![recursion_limit = "256"]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use crannog_agent_api::request::Role;
use crannog_agent_api::{Event, Failure, Request, Secret};
use crannog_client::transport::{Bell, GrantKey, Transport, TransportError};
use crannog_client::{Dialogue, Engine};
use crannog_core::content::{Blob, open_chunk};
use crannog_core::drive::{Attrs, DriveBatch, DriveOp, NewNode, NodeId};
use crannog_core::journal::{Author, Content, EpochGrant, Ground, RekeyDraft, public_halves, seal_rekey};
use crannog_proto::api::{AppendResult, Held, Rung};
use crannog_proto::sign::{Signature, message};
use crannog_proto::{
    BlobId, Body, Entry, EntryId, EpochPublic, ErrorCode, Hash, Header, JournalId, Kind, Place, Seen,
    SeqRange, Signer, decode, encode, labels, limits,
};
use crannog_seal::asym::{Info, unwrap};
use crannog_seal::content::{ContentKey, ListKey, PackKey};
use crannog_seal::labels::WRAP_EPOCH_GRANT;
use crannog_seal::schedule::{EpochSecrets, ReadSecret};
use crannog_seal::sign::EpochWriteKey;
use crannog_testkit::{
    Device, Insider, Liar, Loot, Member, NOW, PASSWORD, Route, Site, Tables, random_entry,
};

fn content(len: u32, seed: u32) -> Vec<u8> {
    (0..len)
        .map(|i| ((i ^ seed).wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

/// A folder of so many small files: their entry's body travels in blobs.
fn tree(folder: &Path, files: usize) {
    fs::create_dir_all(folder).unwrap();
    for at in 0..files {
        fs::write(folder.join(format!("{at:06}")), [at as u8]).unwrap();
    }
}

/// A drive of Alice's that Bob is in, as a writer: his engine, and his hand.
struct Share {
    alice: Device,
    laptop: Option<Device>,
    bob: Insider,
    journal: JournalId,
    site: Site,
}

impl Share {
    async fn new() -> Self {
        let site = Site::start();
        let (url, invite) = site.invite();
        let (alice, _) = Device::join(&url, &invite, "alice").await.unwrap();
        let mut bob = Insider::join(&url, &site.invite().1, "bob").await;
        let laptop = Device::recover(&url, "bob", &bob.sheet.words, "laptop")
            .await
            .unwrap();
        laptop.create_drive("main").await.unwrap();
        alice.create_drive("photos").await.unwrap();
        alice.put("photos:/before", &content(300_000, 1)).await.unwrap();
        alice.share("photos:/", "bob", Role::Writer).await.unwrap();
        laptop.sync().await.unwrap();
        laptop.accept("photos", None).await.unwrap();
        bob.sync().await;
        let main = *bob.home_state.default_drive().unwrap();
        let journal = bob
            .home_state
            .drives()
            .map(|drive| drive.journal)
            .find(|journal| *journal != main)
            .expect("the share in his home");
        Self {
            alice,
            laptop: Some(laptop),
            bob,
            journal,
            site,
        }
    }

    fn laptop(&self) -> &Device {
        self.laptop.as_ref().expect("his engine runs")
    }

    fn member(&self) -> Member<'_> {
        Member {
            transport: &self.bob.transport,
            account: self.bob.account,
            secrets: &self.bob.secrets,
            chain: &self.bob.known,
            home: &self.bob.home_state,
        }
    }

    /// Everybody writes something, in an entry with a short body and one with a long one; then all that Bob can keep.
    async fn round(&mut self, name: &str, bob_writes: bool) -> Loot {
        self.alice
            .put(&format!("photos:/alice-{name}"), &content(70_000, 2))
            .await
            .unwrap();
        let folder = self.alice.scratch.path().join(name);
        tree(&folder, 300);
        self.alice
            .put_tree(&folder, &format!("photos:/tree-{name}"))
            .await
            .unwrap();
        if bob_writes {
            self.laptop().sync().await.unwrap();
            self.laptop()
                .put(&format!("photos:/bob-{name}"), &content(5_000_000, 3))
                .await
                .unwrap();
            self.alice.sync().await.unwrap();
        }
        self.loot().await
    }

    async fn loot(&mut self) -> Loot {
        // His home records the secrets of the newest epoch when his engine has read the rekey.
        self.laptop().sync().await.unwrap();
        self.bob.sync().await;
        Loot::take(self.member(), self.journal, &["alice"]).await
    }

    async fn role(&self, role: Role) {
        self.alice.sync().await.unwrap();
        self.alice.set_role("photos:/", "bob", role).await.unwrap();
    }

    fn ground<'a>(&'a self, loot: &'a Loot) -> Ground<'a> {
        let author = Author {
            account: self.bob.account,
            device: self.bob.device,
        };
        loot.state
            .ground(author, &self.bob.keys.signing)
            .expect("a ground")
    }

    /// A rekey by Bob's hand on this ground, with the list of `loot`.
    fn rekey(&self, loot: &Loot, ground: &Ground<'_>, signer: Signer) -> Entry {
        let draft = RekeyDraft {
            entry: random_entry(),
            signer,
            members: loot.state.members().to_vec(),
            secrets: None,
            time: NOW,
            device_name: "insider",
            cites: vec![self.bob.known.state().cite()],
        };
        let chains = |account: &_| loot.chain(self.member(), account);
        seal_rekey(&loot.state, ground, draft, &chains, &mut rand::rng())
            .unwrap()
            .sealed
            .entry
    }

    async fn end(self) {
        for device in [Some(self.alice), self.laptop].into_iter().flatten() {
            assert_eq!(device.status().await.alarms, []);
            device.close().await;
        }
        self.site.assert_sound();
    }
}

/// A write grant by hand: the epoch that is claimed need not be the key's.
struct Grant(u64, EpochWriteKey);

impl GrantKey for Grant {
    fn epoch(&self) -> u64 {
        self.0
    }

    fn sign_grant(&self, label: &'static str, statement: &[u8]) -> Signature {
        Signature(self.1.sign(&message(label, statement)))
    }
}

type SignAs<'a> = &'a dyn Fn(&[u8]) -> [u8; 64];

/// An entry by hand, with a body of noise.
fn entry(journal: JournalId, epoch: u64, id: EntryId, seen: Seen, kind: Kind, sign: SignAs<'_>) -> Entry {
    let body = content(2_000, epoch as u32);
    let header = encode(&Header {
        version: 1,
        journal,
        epoch,
        entry: id,
        seen,
        kind,
        adds: Vec::new(),
        drops: Vec::new(),
        body: Body {
            hash: Hash::plain(&body),
            len: u32::try_from(body.len()).unwrap(),
            place: Place::Inline,
        },
    });
    Entry {
        signature: Signature(sign(&message(labels::ENTRY, &header))),
        header,
        body,
    }
}

fn code(error: TransportError) -> ErrorCode {
    error.code().unwrap_or_else(|| panic!("{error:?}"))
}

/// What the server says to these entries: the last result.
async fn append(transport: &Transport, journal: &JournalId, entries: &[Entry]) -> AppendResult {
    match transport.append(journal, entries, &[]).await {
        Ok(mut results) => results.pop().unwrap(),
        Err(error) => AppendResult::Refused {
            code: code(error).as_str().to_owned(),
        },
    }
}

fn refused(code: ErrorCode) -> AppendResult {
    AppendResult::Refused {
        code: code.as_str().to_owned(),
    }
}

/// Keys that nobody gave to him.
fn own_keys() -> (EpochSecrets, EpochPublic) {
    let secrets = EpochSecrets::generate(&[9; 32], 7, &mut rand::rng());
    let public = public_halves(&secrets).unwrap();
    (secrets, public)
}

/// Somebody's session, and the loot of an epoch that is over (`through`: the last that was his).
struct Thief<'a> {
    transport: &'a Transport,
    loot: &'a Loot,
    /// The epoch that is now.
    now: u64,
}

impl Thief<'_> {
    /// All that he can do against the honest server, with every secret of every epoch of his.
    async fn has_only_the_past(&self, tables: &Tables) {
        let (journal, loot) = (self.loot.journal, self.loot);
        let entries = tables.entries(&journal.0);
        let header =
            |seq: u64| decode::<Header>(&entries[usize::try_from(seq).unwrap()].bytes("header")).unwrap();
        let places = 0..entries.len() as u64;
        let blobs = tables.blobs(&journal.0);
        assert!(blobs.len() > 8 && loot.grants.len() > 2, "something to steal");
        for (&epoch, grant) in &loot.grants {
            assert!(epoch < self.now);
            let secrets = grant.secrets(&journal, epoch);
            let token = *secrets.read_token().expose_to_server();
            let own: Vec<u64> = places.clone().filter(|seq| header(*seq).epoch == epoch).collect();
            let rekey = *own.last().unwrap();
            assert!(matches!(header(rekey).kind, Kind::Rekey { .. }));

            // The entries of the epoch and its rekey; nothing before, nothing after.
            let mut seen = Vec::new();
            loop {
                let after = seen.last().copied();
                let page = self
                    .transport
                    .entries(&journal, &token, after, 512)
                    .await
                    .unwrap();
                assert_eq!(page.last.seq, rekey, "the receipt tells of nothing later");
                if page.entries.is_empty() {
                    break;
                }
                seen.extend(page.entries.iter().map(|stored| stored.seq));
                if after.is_none() {
                    // A place before the epoch gives no more than no place.
                    let from_start = self.transport.entries(&journal, &token, Some(0), 512).await;
                    let skipped = from_start.map(|page| page.entries.first().map(|stored| stored.seq));
                    assert!(!matches!(skipped, Ok(Some(first)) if first < own[0]));
                }
            }
            assert_eq!(seen, own, "epoch {epoch}");

            // The blobs of these entries' bodies; no other, old or new.
            let bodies: BTreeSet<BlobId> = own
                .iter()
                .flat_map(|seq| match header(*seq).body.place {
                    Place::Blobs(ids) => ids,
                    Place::Inline => Vec::new(),
                })
                .collect();
            let known = loot.blobs();
            let all: BTreeSet<BlobId> = blobs.iter().map(|(id, ..)| BlobId(*id)).chain(known).collect();
            for id in &all {
                let got = self
                    .transport
                    .get_blob(&journal, &token, id, limits::BLOB_MAX)
                    .await;
                match got {
                    Ok(_) => assert!(bodies.contains(id), "epoch {epoch} reads {id}"),
                    Err(error) => {
                        let code = code(error);
                        assert!(
                            !bodies.contains(id),
                            "epoch {epoch} does not read its body {id}: {code}"
                        );
                        assert_eq!(code, ErrorCode::Forbidden, "epoch {epoch}, {id}");
                    }
                }
            }
            self.cannot_write(epoch, &secrets).await;
        }
        self.hears_nothing().await;
    }

    async fn cannot_write(&self, epoch: u64, secrets: &EpochSecrets) {
        let (journal, loot) = (self.loot.journal, self.loot);
        let last = *loot.state.last().unwrap();
        let noise = Bytes::from(content(5_000, 4));
        let id = BlobId::of(&noise);
        let (_, mine) = own_keys();
        let refresh = EpochPublic {
            admin_key: loot.state.public().unwrap().admin_key,
            ..mine
        };
        if secrets.write_key().is_some() {
            for (claimed, wanted) in [(epoch, ErrorCode::StaleEpoch), (self.now, ErrorCode::Forbidden)] {
                let grant = Grant(claimed, secrets.write_key().unwrap());
                let put = self
                    .transport
                    .put_blob(&journal, &grant, &id, noise.clone())
                    .await;
                assert_eq!(code(put.unwrap_err()), wanted, "epoch {epoch} as {claimed}");
            }
        }
        let through = last.seq;
        let by_writer = [
            Kind::Change,
            Kind::Checkpoint { through },
            Kind::Rekey {
                signer: Signer::Writer,
                next: refresh,
            },
        ];
        let by_admin = [
            Kind::Rekey {
                signer: Signer::Admin,
                next: mine,
            },
            Kind::Prune {
                ranges: vec![SeqRange { from: 1, to: 1 }],
            },
            Kind::Reset {
                through,
                lost: Vec::new(),
            },
            Kind::Close,
        ];
        let write = secrets.write_key().map(|key| (key, by_writer.as_slice()));
        if let Some((key, kinds)) = write {
            self.try_all(epoch, last, kinds, &|bytes| key.sign(bytes)).await;
        }
        if let Some(key) = secrets.admin_key() {
            self.try_all(epoch, last, &by_admin, &|bytes| key.sign(bytes))
                .await;
            self.try_all(epoch, last, &by_writer, &|bytes| key.sign(bytes))
                .await;
        }
    }

    async fn try_all(&self, epoch: u64, seen: Seen, kinds: &[Kind], sign: SignAs<'_>) {
        let journal = self.loot.journal;
        for kind in kinds {
            for claimed in [epoch, self.now, self.now + 1] {
                let entry = entry(journal, claimed, random_entry(), seen, kind.clone(), sign);
                let said = append(self.transport, &journal, &[entry]).await;
                let wanted = [refused(ErrorCode::StaleEpoch), refused(ErrorCode::BadSignature)];
                assert!(
                    wanted.contains(&said),
                    "epoch {epoch} as {claimed}, {kind:?}: {said:?}"
                );
            }
        }
    }

    /// The bell says of each of his epochs only how it ended.
    async fn hears_nothing(&self) {
        let journal = self.loot.journal;
        for (&epoch, grant) in &self.loot.grants {
            let token = *grant.secrets(&journal, epoch).read_token().expose_to_server();
            let mut bell = Bell::open(self.transport).await.unwrap();
            bell.hold(vec![Held { journal, token }]).await.unwrap();
            let Rung::Journal(ring) = bell.next().await.unwrap() else {
                panic!("something else rings first");
            };
            if epoch < *self.loot.grants.keys().last().unwrap() {
                assert_eq!(ring.last.seq, Loot::range(&self.loot.stored, epoch).1);
            }
            let header = ring
                .entry
                .map(|stored| decode::<Header>(&stored.entry.header).unwrap());
            assert!(header.is_none_or(|header| header.epoch == epoch));
        }
    }
}

/// The frame of a rekey's body, as anybody can take it apart.
#[derive(borsh::BorshDeserialize)]
struct RekeyFrame {
    sealed: Vec<u8>,
    envelopes: Vec<([u8; 16], Vec<u8>)>,
    notice: Vec<u8>,
}

/// Tries whatever he has on whatever the server has.
struct Picklock<'a> {
    share: &'a Share,
    loot: &'a Loot,
    raw: BTreeSet<[u8; 32]>,
    epochs: u64,
}

impl<'a> Picklock<'a> {
    fn new(share: &'a Share, loot: &'a Loot, older: &[&Loot], epochs: u64) -> Self {
        let mut raw = loot.raw();
        older.iter().for_each(|loot| raw.extend(loot.raw()));
        for number in 0.. {
            let Some(generation) = share.bob.secrets.generation(number) else {
                break;
            };
            raw.insert(*generation.secret().expose_to_wrap());
        }
        Self {
            share,
            loot,
            raw,
            epochs,
        }
    }

    /// Whether any secret, taken for `K` of any epoch, opens this as a body or as a notice.
    fn opens(&self, header: &Header, sealed: &[u8]) -> bool {
        let aad = header.associated_data();
        self.raw.iter().any(|raw| {
            (0..=self.epochs).any(|epoch| {
                let secrets = EpochSecrets::new(
                    &self.loot.journal.0,
                    epoch,
                    ReadSecret::from_bytes(raw),
                    None,
                    None,
                );
                secrets.body_key().open(&aad, sealed).is_ok()
                    || secrets.notice_key().open(&aad, sealed).is_ok()
            })
        })
    }

    /// Whether any account key of his opens this envelope, meant for anyone.
    fn unwraps(&self, epoch: u64, envelope: &[u8]) -> bool {
        let mut accounts: Vec<_> = self.loot.chains.keys().collect();
        accounts.push(&self.share.bob.account);
        accounts.iter().any(|account| {
            let context = encode(&(self.loot.journal, epoch, account));
            let info = Info::new(WRAP_EPOCH_GRANT, &context);
            self.share
                .bob
                .secrets
                .kem_keys()
                .any(|key| unwrap(&key, info, b"", envelope).is_ok())
        })
    }

    /// Whether any key of his opens this blob.
    fn opens_blob(&self, bytes: &[u8]) -> bool {
        self.raw.iter().any(|raw| {
            ContentKey::from_bytes(raw).open(bytes).is_ok()
                || PackKey::from_bytes(raw).open(bytes).is_ok()
                || ListKey::from_bytes(raw).open(bytes).is_ok()
        })
    }
}

/// A member through five epochs: writer, admin, a rekey by his own hand, reader, and then nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_was_removed_keeps_the_past_and_nothing_else() {
    let mut share = Share::new().await;
    let journal = share.journal;

    // As a writer: a blob and a change by hand, and a rekey that is refused.
    let writer = share.round("writer", true).await;
    let epoch = writer.state.epoch().unwrap();
    let key = || writer.state.secrets(epoch).unwrap().write_key().unwrap();
    let noise = Bytes::from(content(5_000, 5));
    let id = BlobId::of(&noise);
    let put = share
        .bob
        .transport
        .put_blob(&journal, &Grant(epoch, key()), &id, noise.clone())
        .await;
    put.unwrap();
    let folder = DriveOp::Create {
        node: NodeId::generate(NOW, &mut rand::rng()),
        parent: NodeId::ROOT,
        name: "by hand".to_owned(),
        attrs: Attrs::default(),
        new: NewNode::Directory,
    };
    let batch = DriveBatch {
        ops: vec![folder],
        filler: vec![id],
    };
    let sealed = share
        .bob
        .seal_on(&share.ground(&writer), Content::Drive(batch), vec![id]);
    share.bob.append(&journal, &sealed).await;
    share.alice.sync().await.unwrap();
    let names: Vec<String> = share
        .alice
        .list("photos:/")
        .await
        .unwrap()
        .into_iter()
        .map(|node| node.path)
        .collect();
    assert!(names.iter().any(|name| name.ends_with("by hand")), "{names:?}");

    // As an admin: a rekey by hand, which everybody follows.
    share.role(Role::Admin).await;
    let admin = share.round("admin", true).await;
    let rekey = share.rekey(&admin, &share.ground(&admin), Signer::Admin);
    let done = append(&share.bob.transport, &journal, &[rekey]).await;
    assert!(matches!(done, AppendResult::Done(_)), "{done:?}");
    let rekeyed = share.round("rekeyed", true).await;
    assert_eq!(rekeyed.state.epoch(), admin.state.epoch().map(|epoch| epoch + 1));

    // Demoted: his admin keys are those of ended epochs. He reads everything still, and writes nothing.
    share.role(Role::Reader).await;
    let reader = share.round("reader", false).await;
    let now = reader.state.epoch().unwrap();
    assert!(reader.grants[&now].write.is_none() && reader.grants[&now].admin.is_none());
    assert!(reader.grants[&(now - 1)].admin.is_some());
    let with = |grant: &EpochGrant, epoch: u64| Ground {
        secrets: EpochSecrets::new(
            &journal.0,
            epoch,
            grant.read.clone(),
            grant.write.clone(),
            grant.admin.clone(),
        ),
        admin: grant.secrets(&journal, epoch).admin_key(),
        ..share.ground(&reader)
    };
    for (&epoch, grant) in reader.grants.iter().filter(|(_, grant)| grant.admin.is_some()) {
        for claimed in [epoch, now] {
            for signer in [Signer::Admin, Signer::Writer] {
                let ground = with(grant, claimed);
                let rekey = share.rekey(&reader, &ground, signer);
                let said = append(&share.bob.transport, &journal, &[rekey]).await;
                let wanted = if claimed == now {
                    ErrorCode::BadSignature
                } else {
                    ErrorCode::StaleEpoch
                };
                assert_eq!(
                    said,
                    refused(wanted),
                    "a demoted admin, epoch {epoch} as {claimed}, {signer:?}"
                );
            }
        }
        let put = Grant(epoch, grant.secrets(&journal, epoch).write_key().unwrap());
        let put = share
            .bob
            .transport
            .put_blob(&journal, &put, &id, noise.clone())
            .await;
        assert_eq!(code(put.unwrap_err()), ErrorCode::StaleEpoch);
    }
    let token = *reader.grants[&now]
        .secrets(&journal, now)
        .read_token()
        .expose_to_server();
    assert_eq!(reader.stored[0].seq, 0, "a member reads from the genesis");
    for piece in &reader.pieces {
        let blob = share
            .bob
            .transport
            .get_blob(&journal, &token, &piece.chunk.blob, limits::BLOB_MAX)
            .await
            .unwrap();
        open_chunk(&piece.chunk, piece.size, piece.index, &blob).unwrap();
    }
    // The bell, held with a token that is alive: it rings for what comes.
    let mut bell = Bell::open(&share.bob.transport).await.unwrap();
    let (drive, own) = (share.bob.the_drive().last(), *share.bob.the_drive().state.id());
    let own_grant = {
        let epoch = share
            .bob
            .home_state
            .journals()
            .find(|(id, ..)| *id == own)
            .unwrap()
            .2;
        share
            .bob
            .home_state
            .secrets(&own, epoch)
            .unwrap()
            .secrets(&own, epoch)
    };
    let own_token = *own_grant.read_token().expose_to_server();
    let hold = |journal, token| Held { journal, token };
    bell.hold(vec![hold(journal, token), hold(own, own_token)])
        .await
        .unwrap();
    let mut rings = BTreeMap::new();
    while rings.len() < 2 {
        if let Rung::Journal(ring) = bell.next().await.unwrap() {
            rings.insert(ring.last.journal, ring.last.seq);
        }
    }
    assert_eq!(rings[&own], drive.0);
    share.alice.put("photos:/rings", b"rings").await.unwrap();
    let Rung::Journal(ring) = bell.next().await.unwrap() else {
        panic!("the inbox")
    };
    assert_eq!((ring.last.journal, ring.last.seq), (journal, rings[&journal] + 1));

    // Removed. His engine is gone; his hand has all that it ever had.
    let last = share.loot().await;
    share.laptop.take().unwrap().close().await;
    let begun = Instant::now();
    share.alice.unshare("photos:/", &["bob"]).await.unwrap();
    println!("unshared after {:?}", begun.elapsed());
    let after = share.alice.scratch.path().join("after");
    tree(&after, 300);
    share
        .alice
        .put("photos:/after", &content(300_000, 6))
        .await
        .unwrap();
    share
        .alice
        .put("photos:/after-large", &content(5_000_000, 7))
        .await
        .unwrap();
    share.alice.put_tree(&after, "photos:/tree-after").await.unwrap();
    share
        .alice
        .put("photos:/before", &content(300_000, 8))
        .await
        .unwrap();

    // The bell that he held while he was a member tells how the epoch ended, and of nothing later; his own drive rings after all that.
    let folder = DriveOp::Create {
        node: NodeId::generate(NOW, &mut rand::rng()),
        parent: NodeId::ROOT,
        name: "still here".to_owned(),
        attrs: Attrs::default(),
        new: NewNode::Directory,
    };
    let sealed = share.bob.seal_drive(vec![folder], Vec::new());
    share.bob.append(&own, &sealed).await;
    let mut heard = Vec::new();
    loop {
        let Rung::Journal(ring) = bell.next().await.unwrap() else {
            continue;
        };
        if ring.last.journal == own {
            break;
        }
        heard.push(ring.last.seq);
    }
    let removal = last.state.last().unwrap().seq + 1;
    assert_eq!(
        heard,
        [removal],
        "the rekey that removed him, and nothing after it"
    );
    drop(bell);

    let tables = Tables::of(&share.site.data);
    let before = tables.entries(&journal.0).len();
    assert!(before as u64 > removal + 4);
    let thief = Thief {
        transport: &share.bob.transport,
        loot: &last,
        now: now + 1,
    };
    thief.has_only_the_past(&tables).await;

    // Old blobs cannot be taken over into a drive of his own, whatever tokens come along.
    let blobs: Vec<BlobId> = last.blobs().into_iter().collect();
    let tokens: Vec<[u8; 32]> = last
        .grants
        .iter()
        .map(|(epoch, grant)| *grant.secrets(&journal, *epoch).read_token().expose_to_server())
        .collect();
    share.bob.sync().await;
    let sealed = share.bob.seal_drive(Vec::new(), blobs.clone());
    let said = share
        .bob
        .transport
        .append(&own, std::slice::from_ref(&sealed.entry), &tokens)
        .await
        .unwrap();
    assert_eq!(said, [AppendResult::Missing(blobs)]);

    // Nothing of all this left a trace.
    let tables = Tables::of(&share.site.data);
    assert_eq!(tables.entries(&journal.0).len(), before);
    assert_eq!(tables.table("staged").len(), 0);

    everything_is_shut(
        &share,
        &last,
        &[&writer, &admin, &rekeyed, &reader],
        &tables,
        removal,
    );
    let Share { alice, site, .. } = share;
    assert_eq!(alice.status().await.alarms, []);
    alice.close().await;
    site.assert_sound();
}

/// The server helps: it gives out whatever lies in its directory.
fn everything_is_shut(share: &Share, last: &Loot, older: &[&Loot], tables: &Tables, removal: u64) {
    let entries = tables.entries(&share.journal.0);
    let epochs = last.state.epoch().unwrap() + 2;
    let picklock = Picklock::new(share, last, older, epochs);
    let blobs: BTreeMap<BlobId, (u64, Vec<u8>)> = tables
        .blobs(&share.journal.0)
        .into_iter()
        .map(|(id, added, bytes)| (BlobId(id), (added, bytes)))
        .collect();
    let (mut opened, mut shut, mut tried) = (0, 0, 0);
    for row in &entries {
        let header: Header = decode(&row.bytes("header")).unwrap();
        let mut body = row.bytes("body");
        if let Place::Blobs(ids) = &header.body.place {
            ids.iter().for_each(|id| body.extend_from_slice(&blobs[id].1));
        }
        let seq = row.uint("seq");
        if let Kind::Rekey { .. } = header.kind {
            let RekeyFrame {
                sealed,
                envelopes,
                notice,
            } = decode(&body).unwrap();
            let his = envelopes
                .iter()
                .any(|(_, wrapped)| picklock.unwraps(header.epoch + 1, wrapped));
            assert_eq!(
                picklock.opens(&header, &sealed),
                seq < removal,
                "the list of the rekey at {seq}"
            );
            assert_eq!(his, seq < removal, "an envelope of the rekey at {seq}");
            // That he was removed he may know: it is said under his last `K`.
            assert_eq!(
                picklock.opens(&header, &notice),
                seq <= removal,
                "the notice at {seq}"
            );
        } else {
            assert_eq!(picklock.opens(&header, &body), seq < removal, "the body at {seq}");
        }
        if seq < removal {
            opened += 1;
        } else {
            shut += 1;
        }
    }
    let mine: BTreeSet<BlobId> = last.pieces.iter().map(|piece| piece.chunk.blob).collect();
    for (id, (added, bytes)) in &blobs {
        if *added >= removal {
            tried += 1;
            assert!(!picklock.opens_blob(bytes), "blob {id} of the entry at {added}");
        } else if mine.contains(id) {
            assert!(picklock.opens_blob(bytes), "what was his: {id}");
        }
    }
    assert!(opened > 8 && shut > 2 && tried > 1, "{opened} {shut} {tried}");
    for piece in &last.pieces {
        let blob = Blob::check(piece.chunk.blob, blobs[&piece.chunk.blob].1.clone()).unwrap();
        open_chunk(&piece.chunk, piece.size, piece.index, &blob).unwrap();
    }
}

/// The honest twin of `missing`: an account takes a blob of one drive of its own over into another, with a live token.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_blob_of_ones_own_drive_can_be_cited_in_another() {
    let site = Site::start();
    let (url, invite) = site.invite();
    let mut bob = Insider::join(&url, &invite, "bob").await;
    let laptop = Device::recover(&url, "bob", &bob.sheet.words, "laptop")
        .await
        .unwrap();
    laptop.create_drive("main").await.unwrap();
    laptop.create_drive("other").await.unwrap();
    laptop.put("other:/file", &content(300_000, 1)).await.unwrap();
    bob.sync().await;
    let own = *bob.the_drive().state.id();
    let (other, _, epoch) = bob
        .home_state
        .journals()
        .find(|(id, kind, _)| *id != own && *kind == crannog_core::journal::JournalKind::Drive)
        .unwrap();
    let member = Member {
        transport: &bob.transport,
        account: bob.account,
        secrets: &bob.secrets,
        chain: &bob.known,
        home: &bob.home_state,
    };
    let loot = Loot::take(member, other, &[]).await;
    let blobs: Vec<BlobId> = loot.blobs().into_iter().collect();
    let token = *loot.grants[&epoch]
        .secrets(&other, epoch)
        .read_token()
        .expose_to_server();
    let sealed = bob.seal_drive(Vec::new(), blobs.clone());
    let append = async |tokens: &[[u8; 32]]| {
        let entries = std::slice::from_ref(&sealed.entry);
        bob.transport.append(&own, entries, tokens).await.unwrap()
    };
    assert_eq!(append(&[]).await, [AppendResult::Missing(blobs)]);
    assert!(matches!(
        append(&[token]).await.as_slice(),
        [AppendResult::Done(_)]
    ));
    laptop.close().await;
    site.assert_sound();
}

/// Answers the question of a recovery: these devices go.
struct Revoke(String);

impl Dialogue for Revoke {
    async fn confirm(&self, event: Event) -> Result<Vec<String>, Failure> {
        Ok(match event {
            Event::Recovery(_) => vec![self.0.clone()],
            _ => Vec::new(),
        })
    }
}

/// A member's device is revoked. The member stays; what the device had is as dead as that of a removed member, in whosever hands.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_revoked_device_of_a_member_keeps_the_past_and_nothing_else() {
    let mut share = Share::new().await;
    let journal = share.journal;
    share.round("writer", true).await;
    share.role(Role::Admin).await;
    let stolen = share.round("admin", true).await;
    let epoch = stolen.state.epoch().unwrap();
    assert!(stolen.grants[&epoch].admin.is_some());
    let home = share.bob.home.as_ref().unwrap().last();

    let (url, invite) = share.site.invite();
    let scratch = tempfile::tempdir().unwrap();
    let profile = scratch.path().join("profile");
    let request = Request::Recover {
        server: url.clone(),
        name: "bob".to_owned(),
        device: "tablet".to_owned(),
        words: Secret::new(share.bob.sheet.words.clone()),
        password: Secret::new(PASSWORD.to_owned()),
    };
    let engine = Engine::recover(&profile, request, &Revoke(share.bob.device.to_string()))
        .await
        .unwrap();
    let tablet = Device {
        engine,
        profile,
        scratch,
    };
    tablet.sync().await.unwrap();
    tablet.put("photos:/after", &content(300_000, 6)).await.unwrap();
    share.alice.sync().await.unwrap();
    share
        .alice
        .put("photos:/after-too", &content(300_000, 7))
        .await
        .unwrap();

    // With its own login it is nobody; with the session of somebody else, what it took along is the past.
    let token = *stolen.grants[&epoch]
        .secrets(&journal, epoch)
        .read_token()
        .expose_to_server();
    let refusal = share
        .bob
        .transport
        .entries(&journal, &token, None, 512)
        .await
        .unwrap_err();
    assert_eq!(code(refusal), ErrorCode::Unauthorized);
    let mallory = Insider::join(&url, &invite, "mallory").await;
    let tables = Tables::of(&share.site.data);
    let row = tables
        .table("journals")
        .iter()
        .find(|row| row.id::<32>("journal") == journal.0)
        .unwrap();
    let now = row.uint("epoch");
    assert!(now > epoch, "the journal was rekeyed");
    let thief = Thief {
        transport: &mallory.transport,
        loot: &stolen,
        now,
    };
    thief.has_only_the_past(&tables).await;

    // Home too.
    let home_id = *share.bob.home.as_ref().unwrap().state.id();
    let generation = share.bob.secrets.current().unwrap().generation();
    let grant = share
        .bob
        .secrets
        .home_grant(&home_id, u64::from(generation))
        .unwrap();
    let token = *grant
        .secrets(&home_id, u64::from(generation))
        .read_token()
        .expose_to_server();
    let page = mallory
        .transport
        .entries(&home_id, &token, Some(home.0), 512)
        .await
        .unwrap();
    let headers = page
        .entries
        .iter()
        .map(|stored| decode::<Header>(&stored.entry.header).unwrap());
    assert!(
        headers
            .into_iter()
            .all(|header| header.epoch == u64::from(generation))
    );

    let last_seq = stolen.state.last().unwrap().seq;
    let rekey = tables
        .entries(&journal.0)
        .iter()
        .map(|row| decode::<Header>(&row.bytes("header")).unwrap())
        .position(|header| header.epoch == epoch && matches!(header.kind, Kind::Rekey { .. }))
        .unwrap() as u64;
    assert!(rekey > last_seq - 1);
    everything_is_shut(&share, &stolen, &[], &tables, rekey);
    tablet.close().await;
    share.laptop.take().unwrap().close().await;
    share.alice.close().await;
    share.site.assert_sound();
}

/// Rule 6 of Order: a writer's refresh names the admin key that is, else a writer makes himself admin at the gate.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_writer_cannot_make_himself_admin_at_the_gate() {
    let mut share = Share::new().await;
    let loot = share.round("writer", true).await;
    let (epoch, seen) = (loot.state.epoch().unwrap(), *loot.state.last().unwrap());
    let key = loot.state.secrets(epoch).unwrap().write_key().unwrap();
    let (_, next) = own_keys();
    let kind = Kind::Rekey {
        signer: Signer::Writer,
        next,
    };
    let entry = entry(share.journal, epoch, random_entry(), seen, kind, &|bytes| {
        key.sign(bytes)
    });
    let said = append(&share.bob.transport, &share.journal, &[entry]).await;
    assert!(matches!(said, AppendResult::Refused { .. }), "{said:?}");
    // The honest twin: the same with the admin key that is.
    let refresh = share.rekey(&loot, &share.ground(&loot), Signer::Writer);
    let said = append(&share.bob.transport, &share.journal, &[refresh]).await;
    assert!(matches!(said, AppendResult::Done(_)), "{said:?}");
    share.end().await;
}

/// A batch whose first entries repeat ids that stand already: they are answered with the first answer, but the keys that they name
/// are nobody's. What follows is not signed by the epoch's key.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_repeated_entry_id_opens_no_epoch() {
    let mut share = Share::new().await;
    let journal = share.journal;
    share.role(Role::Admin).await;
    let loot = share.round("admin", true).await;
    let epoch = loot.state.epoch().unwrap();
    share.laptop().sync().await.unwrap();
    share.alice.unshare("photos:/", &["bob"]).await.unwrap();
    share.alice.put("photos:/after", b"after").await.unwrap();
    let before = Tables::of(&share.site.data);
    let standing: Header = decode(&loot.stored[0].entry.header).unwrap();
    let (seen, admin) = (
        *loot.state.last().unwrap(),
        loot.state.secrets(epoch).unwrap().admin_key().unwrap(),
    );
    let write = loot.state.secrets(epoch).unwrap().write_key().unwrap();
    let (mine, next) = own_keys();
    let own_write = mine.write_key().unwrap();
    let own_admin = mine.admin_key().unwrap();
    let old = |signer: Signer| {
        let kind = Kind::Rekey { signer, next };
        let sign: SignAs<'_> = match signer {
            Signer::Admin => &|bytes| admin.sign(bytes),
            Signer::Writer => &|bytes| write.sign(bytes),
        };
        entry(journal, epoch, standing.entry, seen, kind, sign)
    };
    let mut taken = Vec::new();
    let rekey = Kind::Rekey {
        signer: Signer::Admin,
        next,
    };
    for kind in [Kind::Change, Kind::Close, rekey] {
        let key: SignAs<'_> = match kind {
            Kind::Change => &|bytes| own_write.sign(bytes),
            _ => &|bytes| own_admin.sign(bytes),
        };
        for signer in [Signer::Writer, Signer::Admin] {
            let forged = entry(journal, epoch + 1, random_entry(), seen, kind.clone(), key);
            let said = append(&share.bob.transport, &journal, &[old(signer), forged]).await;
            if !matches!(said, AppendResult::Refused { .. }) {
                taken.push(format!("{kind:?} after a rekey by {signer:?}: {said:?}"));
            }
        }
    }
    let after = Tables::of(&share.site.data);
    let row = |tables: &Tables| {
        tables
            .table("journals")
            .iter()
            .find(|row| row.id::<32>("journal") == journal.0)
            .unwrap()
            .clone()
    };
    assert_eq!(taken, [] as [String; 0], "closed: {}", row(&after).int("closed"));
    assert_eq!(row(&before), row(&after));
    share.end().await;
}

/// The same with a rekey of his own in second place: it would give him a read token that is alive, and with it every old blob.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_repeated_entry_id_opens_no_blob() {
    let mut share = Share::new().await;
    let journal = share.journal;
    let loot = share.round("writer", true).await;
    let epoch = loot.state.epoch().unwrap();
    share.alice.unshare("photos:/", &["bob"]).await.unwrap();
    let standing: Header = decode(&loot.stored[0].entry.header).unwrap();
    let (seen, write) = (
        *loot.state.last().unwrap(),
        loot.state.secrets(epoch).unwrap().write_key().unwrap(),
    );
    let (mine, next) = own_keys();
    let own_admin = mine.admin_key().unwrap();
    let kind = |signer| Kind::Rekey { signer, next };
    let batch = [
        entry(
            journal,
            epoch,
            standing.entry,
            seen,
            kind(Signer::Writer),
            &|bytes| write.sign(bytes),
        ),
        entry(
            journal,
            epoch + 1,
            random_entry(),
            seen,
            kind(Signer::Admin),
            &|bytes| own_admin.sign(bytes),
        ),
    ];
    let said = append(&share.bob.transport, &journal, &batch).await;
    let token = *mine.read_token().expose_to_server();
    let page = share.bob.transport.entries(&journal, &token, None, 512).await;
    let mut read = 0;
    for piece in &loot.pieces {
        let blob = share
            .bob
            .transport
            .get_blob(&journal, &token, &piece.chunk.blob, limits::BLOB_MAX)
            .await;
        read += usize::from(blob.is_ok());
    }
    let seen = page.map_or(0, |page| page.entries.len());
    assert!(
        matches!(said, AppendResult::Refused { .. }) && read == 0 && seen == 0,
        "after the removal: {said:?}, then {seen} entries and {read} of {} blobs",
        loot.pieces.len()
    );
    share.end().await;
}

/// Removing costs one entry, whatever the drive holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn unsharing_costs_nothing() {
    let full = std::env::var_os("CRANNOG_FULL").is_some_and(|value| value == "1");
    let files = if full { 100_000 } else { 10_000 };
    let site = Site::start();
    let liar = Liar::before(&site).await;
    let (alice, _) = Device::join(&liar.url(), &site.invite().1, "alice")
        .await
        .unwrap();
    let (bob, _) = Device::join(&site.url(), &site.invite().1, "bob").await.unwrap();
    alice.create_drive("photos").await.unwrap();
    let folder = alice.scratch.path().join("many");
    for part in 0..files / 1_000 {
        tree(&folder.join(format!("{part:03}")), 1_000);
    }
    let begun = Instant::now();
    alice.put_tree(&folder, "photos:/").await.unwrap();
    println!("{files} files put after {:?}", begun.elapsed());
    alice.share("photos:/", "bob", Role::Writer).await.unwrap();
    bob.sync().await.unwrap();
    bob.accept("photos", None).await.unwrap();
    alice.sync().await.unwrap();
    bob.close().await;
    liar.heard();
    let (own, server) = (memory("self"), memory(&site.pid().to_string()));
    let begun = Instant::now();
    alice.unshare("photos:/", &["bob"]).await.unwrap();
    let took = begun.elapsed();
    let (own, server) = (memory("self") - own, memory(&site.pid().to_string()) - server);
    let heard = liar.heard();
    let sent: usize = heard.iter().map(|exchange| exchange.ask.wire().len()).sum();
    let read: usize = heard.iter().map(|exchange| exchange.told.body.len()).sum();
    println!(
        "{files} files: unshared after {took:?}; {} requests, {sent} bytes sent, {read} read; memory grew by {own} and {server} KiB (server)",
        heard.len()
    );
    let puts = heard
        .iter()
        .filter(|exchange| matches!(exchange.ask.route(), Route::Put(..)));
    assert_eq!(puts.count(), 0, "a list of one needs no blob");
    assert!(sent < 64 * 1024 && read < 64 * 1024);
    assert!(own < 32 * 1024 && server < 32 * 1024);
    let rekeys = heard
        .iter()
        .filter(|exchange| matches!(exchange.ask.route(), Route::Append(_)));
    assert!(rekeys.count() <= 4, "one for the drive, the others for home");
    assert_eq!(alice.members("photos:/").await.unwrap().len(), 1);
    alice.close().await;
    site.assert_sound();
}

/// The most memory that a process had, KiB.
fn memory(process: &str) -> i64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
