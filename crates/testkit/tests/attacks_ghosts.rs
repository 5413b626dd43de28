//! Forgeries by a server that has got hold of a drive's epoch keys as well (attacks 16, 19, 20, 23, 29, 31): outer signature, head and
//! receipt are right; what is inside is not. Only the author's device and the seal stand between it and the reader.

use crannog_agent_api::Code;
use crannog_core::drive::DriveBatch;
use crannog_core::identity::{AccountSecrets, HomeState, Opener};
use crannog_core::journal::{
    Author, Content, EntryDraft, EpochGrant, JournalKind, JournalState, Keys, OpenedEntry, Payload, Sources,
    seal_close, seal_entry,
};
use crannog_proto::api::{AccountView, Page, Stored};
use crannog_proto::sigchain::{SigchainState, verify_chain};
use crannog_proto::sign::{Signature, message};
use crannog_proto::{
    AccountId, DeviceId, Entry, EntryId, Hash, Header, JournalId, Kind, chain, decode, encode, labels,
};
use crannog_seal::schedule::{DeviceKeys, DeviceSeed, RecoveryWords};
use crannog_testkit::{Device, Exchange, Route, ServerKeys, World};

/// A drive with all its keys.
struct Stolen {
    account: AccountId,
    device: DeviceId,
    drive: JournalState,
    stored: Vec<Stored>,
}

fn pages(heard: &[Exchange], journal: JournalId) -> Vec<Stored> {
    let mut all: Vec<Stored> = Vec::new();
    for exchange in heard.iter().filter(|e| e.ask.route() == Route::Entries(journal)) {
        for stored in exchange.told.decode::<Page>().entries {
            if stored.seq == all.len() as u64 {
                all.push(stored);
            }
        }
    }
    all
}

/// Reads a journal as its owner would.
fn read(
    state: &mut JournalState,
    stored: &[Stored],
    account: (&SigchainState, &AccountSecrets),
    given: &dyn Fn(u64) -> Option<EpochGrant>,
) -> Vec<OpenedEntry> {
    let mut read = Vec::new();
    for one in stored {
        let chain = |_: &AccountId| Some(account.0);
        let sources = Sources {
            head_at: &|seq| stored.get(usize::try_from(seq).ok()?).map(|stored| stored.head),
            entry_known: &|_| false,
            chain: &chain,
            keys: Keys {
                account: account.1,
                given,
            },
            floor: None,
        };
        let (opened, change) = state.open(one, None, &sources).unwrap();
        state.commit(change).unwrap();
        read.push(opened);
    }
    read
}

/// Opens everything that went over the wire, with the words.
async fn steal(world: &World) -> Stolen {
    let drive: JournalId = world.author.drives().await[0].id.parse().unwrap();
    world.liar.heard();
    let owner = Device::recover(&world.liar.url(), "alice", &world.sheet.words, "third")
        .await
        .unwrap();
    owner.sync().await.unwrap();
    owner.close().await;
    // What the new device wrote itself it never read: another one does.
    world.victim().await.device.close().await;
    let heard = world.liar.heard();
    let told = heard
        .iter()
        .rev()
        .find(|e| e.ask.route() == Route::Account && e.told.status == 200);
    let view: AccountView = told.unwrap().told.decode();
    let words = RecoveryWords::parse(&world.sheet.words).unwrap();
    let known = verify_chain(&view.links).unwrap();
    let secrets =
        AccountSecrets::open(&known, &view.secrets, Opener::Recovery(&words.recovery_kem_key())).unwrap();

    let mut home = HomeState::default();
    let mut state = JournalState::new(view.home, JournalKind::Home, known.account);
    for opened in read(&mut state, &pages(&heard, view.home), (&known, &secrets), &|_| {
        None
    }) {
        if let (Some(author), Some(Content::Home(ops))) =
            (opened.author, opened.payload.map(|payload| payload.content))
        {
            for op in &ops {
                home.apply(&author.device, op);
            }
        }
    }
    let stored = pages(&heard, drive);
    let mut state = JournalState::new(drive, JournalKind::Drive, known.account);
    let given = |epoch| home.secrets(&drive, epoch).cloned();
    read(&mut state, &stored, (&known, &secrets), &given);
    Stolen {
        account: known.account,
        device: known.devices[0].id,
        drive: state,
        stored,
    }
}

/// An entry at the drive's end, sealed and signed with its own keys, by this author with this device key.
fn forge(stolen: &Stolen, author: Author, content: Content) -> Entry {
    let mut rng = rand::rng();
    let keys = DeviceKeys::new(&DeviceSeed::generate(&mut rng), &author.device.0);
    let ground = stolen.drive.ground(author, &keys.signing).unwrap();
    let payload = Payload {
        time: 1,
        device_name: "ghost".into(),
        cites: Vec::new(),
        content,
    };
    let draft = EntryDraft {
        entry: EntryId([7; 16]),
        kind: Kind::Change,
        adds: Vec::new(),
        drops: Vec::new(),
        payload: &payload,
    };
    seal_entry(&ground, draft, &mut rng).unwrap().entry
}

fn nothing() -> Content {
    Content::Drive(DriveBatch {
        ops: Vec::new(),
        filler: Vec::new(),
    })
}

fn mine(stolen: &Stolen) -> Author {
    Author {
        account: stolen.account,
        device: stolen.device,
    }
}

/// Another body in place of the right one, with hash and outer signature made to fit.
fn rebody(stolen: &Stolen, mut entry: Entry, body: Vec<u8>) -> Entry {
    let mut header: Header = decode(&entry.header).unwrap();
    header.body.hash = Hash::plain(&body);
    header.body.len = u32::try_from(body.len()).unwrap();
    entry.header = encode(&header);
    let secrets = stolen.drive.secrets(stolen.drive.epoch().unwrap()).unwrap();
    let key = secrets.write_key().unwrap();
    entry.signature = Signature(key.sign(&message(labels::ENTRY, &entry.header)));
    entry.body = body;
    entry
}

type Forgery = fn(&Stolen) -> Entry;

const FORGERIES: &[(&str, &str, Forgery)] = &[
    ("a device that nobody has (attack 31)", "CHK-017", |s| {
        let ghost = Author {
            device: DeviceId([9; 16]),
            ..mine(s)
        };
        forge(s, ghost, nothing())
    }),
    ("my device, without its key (attack 23)", "CHK-017", |s| {
        forge(s, mine(s), nothing())
    }),
    ("another account", "CHK-017", |s| {
        let stranger = Author {
            account: AccountId([3; 32]),
            ..mine(s)
        };
        forge(s, stranger, nothing())
    }),
    ("what belongs into home", "CHK-017", |s| {
        forge(s, mine(s), Content::Home(Vec::new()))
    }),
    ("a close by a ghost", "CHK-017", |s| {
        let mut rng = rand::rng();
        let keys = DeviceKeys::new(&DeviceSeed::generate(&mut rng), &s.device.0);
        let ground = s.drive.ground(mine(s), &keys.signing).unwrap();
        seal_close(&ground, EntryId([8; 16]), 1, "ghost".into(), &mut rng)
            .unwrap()
            .entry
    }),
    ("a body that is noise (attack 16)", "CHK-002", |s| {
        let entry = forge(s, mine(s), nothing());
        let len = entry.body.len();
        rebody(s, entry, vec![0x5a; len])
    }),
    ("a flipped body with a right hash", "CHK-002", |s| {
        let entry = forge(s, mine(s), nothing());
        let mut body = entry.body.clone();
        body[200] ^= 1;
        rebody(s, entry, body)
    }),
    ("a body cut at its end", "CHK-002", |s| {
        let entry = forge(s, mine(s), nothing());
        let body = entry.body[..entry.body.len() - 1].to_vec();
        rebody(s, entry, body)
    }),
    (
        "the body of an older entry under a new header (attacks 19, 20)",
        "CHK-002",
        |s| {
            let old = s.stored.last().unwrap().entry.body.clone();
            rebody(s, forge(s, mine(s), nothing()), old)
        },
    ),
];

#[tokio::test]
async fn forgeries_with_stolen_keys() {
    let world = World::new(
        async |author| drop(author.put("/early", b"1").await.unwrap()),
        async |author| drop(author.put("/late", b"2").await.unwrap()),
    )
    .await;
    let stolen = steal(&world).await;
    let drive = *stolen.drive.id();
    let last = *stolen.drive.last().unwrap();
    let honest = world.victim().await;
    assert_eq!(
        (honest.failure, honest.device.paths().await.len()),
        (None, 2),
        "the honest twin"
    );
    honest.device.close().await;
    let mut wrong = Vec::new();
    for (name, check, forgery) in FORGERIES {
        let entry = forgery(&stolen);
        let keys = ServerKeys::of(&world.site.data);
        world.liar.tell(move |ask, told| {
            if ask.route() != Route::Entries(drive) {
                return;
            }
            told.edit(|page: &mut Page| {
                let seq = last.seq + 1;
                let head = chain::next_head(&last.head, seq, &entry.header);
                let at_end = page.entries.last().is_none_or(|stored| stored.seq == last.seq);
                if at_end && page.last.seq == last.seq {
                    page.entries.push(Stored {
                        seq,
                        head,
                        entry: entry.clone(),
                        body_gone: false,
                    });
                    page.last = keys.receipt(drive, seq, head);
                }
            });
        });
        let victim = world.victim().await;
        let found = victim
            .failure
            .as_ref()
            .map(|failure| (failure.code, failure.check.as_deref()));
        if found != Some((Code::VerificationFailed, Some(*check))) {
            wrong.push(format!("{name}: {check} was expected, not {:?}", victim.failure));
        }
        let refused = victim.device.list("/").await;
        if refused.err().and_then(|failure| failure.check).as_deref() != Some(*check) {
            wrong.push(format!("{name}: the drive is still shown"));
        }
        victim.device.close().await;
        world.liar.repent();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
