//! A server that shows members different genuine pasts, at random: what they notice, when, and what they can prove (attack 34).
//!
//! Six devices of five members; the server keeps groups of them on branches of their own, each with right heads and receipts by its real
//! key, splits groups and lets them grow apart. A partition ends when devices of two groups are shown anything of each other: an entry, the
//! other branch, a note, or (two devices of one account) home heads. Every seed is run again by a server that never splits anybody.

use std::collections::BTreeMap;

use crannog_proto::api::Stored;
use crannog_proto::sign::{Signature, VerifyingKey, message};
use crannog_proto::{EntryId, Hash, Header, JournalId, Kind, Receipt, Seen, Signer, decode, labels};
use crannog_seal::asym::KemPublicKey;
use crannog_seal::sign::DeviceSigningKey;
use rand_core::Rng;

use super::rekeys::rekey;
use super::world::*;
use crate::check::Check;
use crate::evidence::{Branch, Case, Convicted, Evidence, ServerProof, audit};
use crate::identity::NewAccount;
use crate::inbox::{Form, Invite, Note, NoteIn, Purpose, seal_note};
use crate::journal::*;

const SEEDS: u32 = 200;
const STEPS: usize = 24;
const NOW: i64 = 1_700_000_000_000;

const ROLES: [Role; 5] = [
    Role::Admin,
    Role::Writer,
    Role::Writer,
    Role::Reader,
    Role::Writer,
];

/// How often each way of noticing was seen, over all seeds.
#[derive(Debug, Default)]
struct Tally {
    exchanges: u32,
    partitions: u32,
    /// By way and check.
    noticed: BTreeMap<(&'static str, u16), u32>,
    convictions: u32,
    healed: u32,
}

struct Server<'p> {
    key: &'p DeviceSigningKey,
    public: VerifyingKey,
    journal: JournalId,
    branches: Vec<Log>,
}

impl Server<'_> {
    fn receipt(&self, at: &Stored) -> Receipt {
        let statement = Receipt::statement(&self.journal, at.seq, &at.head);
        Receipt {
            journal: self.journal,
            seq: at.seq,
            head: at.head,
            signature: Signature(self.key.sign(&message(labels::RECEIPT, &statement))),
        }
    }
}

/// A device as the engine has it: what it read, the receipts that it was given, and whether an alarm has stopped it.
struct Device<'p> {
    reader: Reader<'p>,
    role: Role,
    view: Vec<Stored>,
    receipts: BTreeMap<u64, Receipt>,
    group: usize,
    frozen: bool,
}

impl Device<'_> {
    fn last(&self) -> &Stored {
        self.view.last().unwrap()
    }

    fn head_at(&self, seq: u64) -> Option<Hash> {
        self.view.get(seq as usize).map(|stored| stored.head)
    }

    /// A catch-up: the page's receipt, then its entries in order.
    fn catch_up(&mut self, server: &Server<'_>, log: &Log) -> Result<(), Check> {
        let last = server.receipt(log.stored.last().unwrap());
        check_receipt(&last, &server.public, &server.journal, self.reader.state.last())?;
        for (stored, body) in log.stored.iter().zip(&log.bodies).skip(self.view.len()) {
            match self.reader.read(stored, body.as_deref()) {
                Ok(_) => self.view.push(stored.clone()),
                Err(ReadError::Refused { check, by, .. }) => {
                    assert_eq!(by, Fault::Server);
                    return Err(check);
                }
                Err(other) => panic!("{other}"),
            }
        }
        self.receipts.insert(last.seq, last);
        Ok(())
    }

    /// What the inbox does with each head of a note, after a catch-up.
    fn heads_meet(&self, server: &Server<'_>, theirs: &Receipt) -> Result<(), Check> {
        check_receipt(theirs, &server.public, &server.journal, None)?;
        self.head_recorded(&Seen {
            seq: theirs.seq,
            head: theirs.head,
        })
    }

    /// What home does with a head that another device recorded, after a catch-up.
    fn head_recorded(&self, seen: &Seen) -> Result<(), Check> {
        match self.head_at(seen.seq) {
            None => Err(Check::Rollback),
            own => check_heads(seen, own.as_ref()),
        }
    }

    /// As the engine makes it of its receipts and header hashes.
    fn fork_case(&self, theirs: &Receipt) -> Case {
        let seq = theirs.seq;
        let Some((_, ours)) = self.receipts.range(seq..).next() else {
            return Case::Nothing;
        };
        let Some(head) = self.head_at(seq) else {
            return Case::Nothing;
        };
        let between = self.view[seq as usize + 1..=ours.seq as usize].iter();
        Case::Fork {
            ours: Branch {
                from: Seen { seq, head },
                headers: between
                    .map(|stored| Hash::of(labels::HEADER, &stored.entry.header))
                    .collect(),
                receipt: *ours,
            },
            theirs: Branch {
                from: Seen {
                    seq,
                    head: theirs.head,
                },
                headers: Vec::new(),
                receipt: *theirs,
            },
        }
    }
}

fn convicts(server: &Server<'_>, case: Case) -> bool {
    let evidence = Evidence {
        version: 1,
        found: NOW,
        check: 13,
        journal: server.journal,
        server: ServerProof {
            ca: Vec::new(),
            receipt_key: server.public,
            receipt_key_signature: Signature([0; 64]),
        },
        case,
    };
    let text = evidence.to_text().unwrap();
    match audit(&Evidence::from_text(&text).unwrap(), true).convicts {
        Convicted::Server => true,
        Convicted::Nobody => false,
        Convicted::Member(_) => panic!("no member lied"),
    }
}

/// The rekeys of a past: whoever has others reads in other epochs.
fn rekeys(past: &[Stored]) -> Vec<EntryId> {
    let headers = past
        .iter()
        .map(|stored| decode::<Header>(&stored.entry.header).unwrap());
    headers
        .filter(|header| matches!(header.kind, Kind::Rekey { .. }))
        .map(|header| header.entry)
        .collect()
}

/// Whether two pasts contradict each other. The ground truth, by heads alone.
fn diverged(a: &[Stored], b: &[Stored]) -> bool {
    let both = a.len().min(b.len());
    a[..both] != b[..both]
}

struct Run<'p> {
    people: &'p [NewAccount],
    server: Server<'p>,
    devices: Vec<Device<'p>>,
    rng: TestRng,
    partitions: bool,
}

impl<'p> Run<'p> {
    fn new(
        seed: u32,
        people: &'p [NewAccount],
        operator: &'p NewAccount,
        partitions: bool,
        begun: &(Log, JournalId, EpochGrant),
    ) -> Self {
        let (log, journal, grant) = begun;
        let all: Vec<&NewAccount> = people.iter().collect();
        let server = Server {
            key: &operator.device_keys.signing,
            public: operator.chain.devices[0].sign,
            journal: *journal,
            branches: vec![log.clone()],
        };
        // The last one is another device of the first.
        let owners = people.iter().zip(ROLES).chain([(&people[0], Role::Admin)]);
        let device = |(owner, role): (&'p NewAccount, Role)| {
            let mut reader = Reader::new(owner, *journal, JournalKind::Drive, &all);
            let secrets = grant.secrets(journal, 0);
            reader.given.insert(0, EpochGrant::for_role(&secrets, role));
            let mut device = Device {
                reader,
                role,
                view: Vec::new(),
                receipts: BTreeMap::new(),
                group: 0,
                frozen: false,
            };
            device.catch_up(&server, log).unwrap();
            device
        };
        let devices = owners.map(device).collect();
        Self {
            people,
            server,
            devices,
            rng: TestRng::new(&format!("partitions {seed}")),
            partitions,
        }
    }

    fn below(&mut self, n: usize) -> usize {
        self.rng.next_u32() as usize % n
    }

    fn at_work(&self) -> Vec<usize> {
        (0..self.devices.len())
            .filter(|at| !self.devices[*at].frozen)
            .collect()
    }

    /// One of them, and another one.
    fn two(&mut self) -> Option<(usize, usize)> {
        let at_work = self.at_work();
        if at_work.len() < 2 {
            return None;
        }
        let first = self.below(at_work.len());
        let second = (first + 1 + self.below(at_work.len() - 1)) % at_work.len();
        Some((at_work[first], at_work[second]))
    }

    fn honest_catch_up(&mut self, at: usize) {
        let Self { server, devices, .. } = self;
        let device = &mut devices[at];
        device
            .catch_up(server, &server.branches[device.group])
            .expect("a branch contradicts itself to nobody");
    }

    /// Part of a group goes on alone.
    fn split(&mut self, tally: &mut Tally) {
        let at_work = self.at_work();
        let Some(first) = (!at_work.is_empty()).then(|| self.below(at_work.len())) else {
            return;
        };
        let group = self.devices[at_work[first]].group;
        let of: Vec<usize> = at_work
            .into_iter()
            .filter(|at| self.devices[*at].group == group)
            .collect();
        if of.len() < 2 || !self.partitions {
            return;
        }
        let (copy, to) = (self.server.branches[group].clone(), self.server.branches.len());
        self.server.branches.push(copy);
        // Not all of them go.
        let stays = self.below(of.len());
        let goes = (stays + 1 + self.below(of.len() - 1)) % of.len();
        for (nth, at) in of.iter().enumerate() {
            if nth == goes || (nth != stays && self.below(2) == 0) {
                self.devices[*at].group = to;
            }
        }
        tally.partitions += 1;
    }

    /// An entry on the writer's own branch.
    fn write(&mut self) {
        let at_work = self.at_work();
        let Some(at) = (!at_work.is_empty()).then(|| self.below(at_work.len())) else {
            return;
        };
        let at = at_work[at];
        if self.devices[at].role == Role::Reader {
            return self.honest_catch_up(at);
        }
        let group = self.devices[at].group;
        let stale = rekeys(&self.devices[at].view) != rekeys(&self.server.branches[group].stored);
        if stale || self.below(2) == 0 {
            self.honest_catch_up(at);
        }
        let rekeys_now = self.devices[at].role == Role::Admin && self.below(4) == 0;
        let sealed = if rekeys_now {
            self.honest_catch_up(at);
            let list: Vec<Member> = self
                .people
                .iter()
                .zip(ROLES)
                .map(|(person, role)| member(person, role))
                .collect();
            rekey(&self.devices[at].reader, list, Signer::Admin, &mut self.rng).sealed
        } else {
            self.devices[at].reader.change(&mut self.rng)
        };
        self.server.branches[group].append(&sealed);
    }

    /// Groups of which one's branch is only shorter may be put together again: nobody was shown anything false.
    fn heal(&mut self, tally: &mut Tally) {
        let Some((a, b)) = self.two() else { return };
        let (from, to) = (self.devices[a].group, self.devices[b].group);
        let (short, long) = (&self.server.branches[from], &self.server.branches[to]);
        let prefix = short.stored.len() <= long.stored.len() && !diverged(&short.stored, &long.stored);
        if from == to || !prefix {
            return;
        }
        for at in self.at_work() {
            if self.devices[at].group == from {
                self.devices[at].group = to;
                self.honest_catch_up(at);
            }
        }
        tally.healed += 1;
    }

    /// Each of two devices is shown something of the other. Both are what they were when that is sent.
    fn exchange(&mut self, tally: &mut Tally) {
        let Some((a, b)) = self.two() else { return };
        let account_at_work = !self.devices[0].frozen && !self.devices[5].frozen;
        let way = self.below(if account_at_work { 4 } else { 3 });
        let (a, b) = if way == 3 { (0, 5) } else { (a, b) };
        tally.exchanges += 1;
        let same = self.devices[a].group == self.devices[b].group;
        if same {
            // A server that splits nobody refuses what an old epoch sealed.
            self.honest_catch_up(a);
            self.honest_catch_up(b);
        }
        let (before_a, before_b) = (self.devices[a].view.clone(), self.devices[b].view.clone());
        let found = match way {
            0 => {
                let (to_b, to_a) = (self.entry_of(a), self.entry_of(b));
                let first = to_a.map(|entry| self.entry_arrives(a, &before_b, &entry));
                let second = to_b.map(|entry| self.entry_arrives(b, &before_a, &entry));
                [first.flatten(), second.flatten()].map(|check| check.map(|check| ("entry", check)))
            }
            1 => {
                let (one, other) = (self.devices[a].group, self.devices[b].group);
                [self.shown(a, other), self.shown(b, one)].map(|check| check.map(|check| ("branch", check)))
            }
            2 => {
                let (to_b, to_a) = (self.note(a, b), self.note(b, a));
                [self.note_arrives(a, b, &to_a), self.note_arrives(b, a, &to_b)]
                    .map(|check| check.map(|check| ("note", check)))
            }
            _ => {
                let seen = |stored: &Stored| Seen {
                    seq: stored.seq,
                    head: stored.head,
                };
                let (of_a, of_b) = (seen(self.devices[a].last()), seen(self.devices[b].last()));
                self.honest_catch_up(a);
                self.honest_catch_up(b);
                let met = [
                    self.devices[a].head_recorded(&of_b),
                    self.devices[b].head_recorded(&of_a),
                ];
                met.map(|met| met.err().map(|check| ("home", check)))
            }
        };
        // Who was apart notices, on both sides; who was not notices nothing.
        let apart = diverged(&before_a, &before_b);
        let silent = |way: usize, at: usize| way == 0 && self.devices[at].role == Role::Reader;
        let told = [!silent(way, b), !silent(way, a)];
        for (found, told) in found.iter().zip(told) {
            if apart && told {
                assert!(found.is_some(), "way {way} ended a partition unseen");
            }
        }
        if same {
            assert_eq!(found, [None, None], "way {way} within a group");
        }
        for (at, found) in [a, b].into_iter().zip(found) {
            if let Some((way, check)) = found {
                *tally.noticed.entry((way, check.number())).or_default() += 1;
                self.devices[at].frozen = true;
            }
        }
        self.prove(a, b, tally);
    }

    /// What the two can show a stranger once each has the other's newest receipt: the server's two pasts if there are two, else nothing.
    fn prove(&self, a: usize, b: usize, tally: &mut Tally) {
        let (a, b) = (&self.devices[a], &self.devices[b]);
        let newest = |device: &Device<'_>| *device.receipts.last_key_value().unwrap().1;
        let (of_a, of_b) = (newest(a), newest(b));
        let proved = [a.fork_case(&of_b), b.fork_case(&of_a)].map(|case| convicts(&self.server, case));
        let apart = a.head_at(of_b.seq).is_some_and(|own| own != of_b.head)
            || b.head_at(of_a.seq).is_some_and(|own| own != of_a.head);
        assert_eq!(proved.contains(&true), apart);
        assert!(!apart || diverged(&a.view, &b.view));
        tally.convictions += u32::from(apart);
    }

    fn entry_of(&mut self, at: usize) -> Option<SealedEntry> {
        let Self { devices, rng, .. } = self;
        (devices[at].role >= Role::Writer).then(|| devices[at].reader.change(rng))
    }

    /// The server puts an entry of the other side at the end of the reader's own branch, with the head and receipt that belong there.
    fn entry_arrives(&mut self, at: usize, author: &[Stored], entry: &SealedEntry) -> Option<Check> {
        self.honest_catch_up(at);
        let Self { server, devices, .. } = self;
        let device = &mut devices[at];
        let mut log = server.branches[device.group].clone();
        log.append(entry);
        let expected = match author {
            _ if rekeys(author) != rekeys(&device.view) => Some(Check::EpochSignature),
            _ if author.len() > device.view.len() || diverged(author, &device.view) => Some(Check::Seen),
            _ => None,
        };
        let read = device.catch_up(server, &log);
        assert_eq!(read.err(), expected);
        if expected.is_none() {
            // It is in place, for the whole group.
            server.branches[device.group] = log;
        }
        expected
    }

    /// The server shows a device another group's branch from where it stands.
    fn shown(&mut self, at: usize, group: usize) -> Option<Check> {
        let Self { server, devices, .. } = self;
        let (device, log) = (&mut devices[at], &server.branches[group]);
        let (own, other) = (device.view.len(), log.stored.len());
        let fits = log.stored.get(own - 1).map(|stored| stored.head) == Some(device.last().head);
        let expected = match own.cmp(&other) {
            std::cmp::Ordering::Greater => Some(Check::Rollback),
            _ if fits => None,
            std::cmp::Ordering::Equal => Some(Check::Head),
            _ if rekeys(&device.view) == rekeys(&log.stored[..own]) => Some(Check::Head),
            _ => Some(Check::EpochSignature),
        };
        let read = device.catch_up(server, log);
        assert_eq!(read.err(), expected);
        if expected.is_none() {
            // From now on it is in that group.
            device.group = group;
        }
        expected
    }

    /// A real note, as it lies in the inbox.
    fn note(&mut self, from: usize, to: usize) -> Vec<u8> {
        let purpose = self.below(3);
        let Self {
            devices, rng, server, ..
        } = self;
        let (from, to) = (&devices[from], devices[to].reader.me);
        let journal = server.journal;
        let at = from.last();
        let purpose = match purpose {
            0 => Purpose::Refresh { journal },
            1 => Purpose::Leave { journal, epoch: 0 },
            _ => {
                let epoch = from.reader.state.epoch().unwrap();
                let secrets = from.reader.state.secrets(epoch).unwrap();
                Purpose::Invite(Invite {
                    journal,
                    kind: JournalKind::Drive,
                    name: "photos".into(),
                    form: Form::Folder,
                    epoch,
                    role: Role::Reader,
                    grant: EpochGrant::for_role(&secrets, Role::Reader),
                    at: Seen {
                        seq: at.seq,
                        head: at.head,
                    },
                    inside: None,
                })
            }
        };
        let me = from.reader.me;
        let note = Note {
            version: 1,
            id: random(rng),
            sender: author(me),
            chain: me.chain.cite(),
            sender_root: me.chain.root,
            recipient: to.account,
            recipient_root: to.chain.root,
            time: NOW,
            expires: NOW + 1,
            heads: vec![*from.receipts.last_key_value().unwrap().1],
            purpose,
        };
        let kem = KemPublicKey::from_bytes(&to.chain.generation().unwrap().kem).unwrap();
        seal_note(&note, &me.device_keys.signing, &kem, rng).unwrap()
    }

    fn note_arrives(&mut self, at: usize, from: usize, drop: &[u8]) -> Option<Check> {
        self.honest_catch_up(at);
        let (device, sender) = (&self.devices[at], self.devices[from].reader.me);
        let me = device.reader.me;
        let note = NoteIn::open(drop, &me.account, &me.secrets)
            .unwrap()
            .verify(&sender.chain, &me.chain, NOW)
            .unwrap();
        let [theirs] = note.note().heads[..] else {
            panic!("one head")
        };
        let met = device.heads_meet(&self.server, &theirs);
        let expected = match device.head_at(theirs.seq) {
            None => Some(Check::Rollback),
            Some(own) => (own != theirs.head).then_some(Check::HeadsMeet),
        };
        assert_eq!(met.err(), expected);
        if let Purpose::Invite(invite) = &note.note().purpose {
            assert_eq!(device.head_recorded(&invite.at).err(), expected);
        }
        let convicted = convicts(&self.server, device.fork_case(&theirs));
        assert_eq!(
            convicted,
            expected == Some(Check::HeadsMeet),
            "a note's two receipts are evidence"
        );
        expected
    }

    /// Partitions that never ended: everybody at work has one genuine past, the same as the whole group, and nobody noticed anything.
    fn end(&mut self) {
        for at in self.at_work() {
            self.honest_catch_up(at);
        }
        let at_work = self.at_work();
        for &a in &at_work {
            let device = &self.devices[a];
            assert_eq!(device.view, self.server.branches[device.group].stored);
            for &b in &at_work {
                let other = &self.devices[b];
                if device.group != other.group {
                    continue;
                }
                let newest = other.receipts.last_key_value().unwrap().1;
                assert_eq!(device.heads_meet(&self.server, newest), Ok(()));
                for theirs in other.receipts.values() {
                    let case = device.fork_case(theirs);
                    assert!(!convicts(&self.server, case), "honest history convicts nobody");
                }
            }
        }
        if !self.partitions {
            assert_eq!(at_work.len(), self.devices.len(), "nobody was ever apart");
            assert_eq!(self.server.branches.len(), 1);
        }
    }
}

fn run(
    seed: u32,
    people: &[NewAccount],
    operator: &NewAccount,
    partitions: bool,
    begun: &(Log, JournalId, EpochGrant),
    tally: &mut Tally,
) {
    let mut run = Run::new(seed, people, operator, partitions, begun);
    for _ in 0..STEPS {
        match run.below(12) {
            0 | 1 => run.split(tally),
            2..=6 => run.write(),
            7 | 8 => {
                let at_work = run.at_work();
                if !at_work.is_empty() {
                    let at = run.below(at_work.len());
                    run.honest_catch_up(at_work[at]);
                }
            }
            9 => run.heal(tally),
            _ => run.exchange(tally),
        }
    }
    run.end();
}

/// CHK-011, CHK-012, CHK-013, CHK-014 (and CHK-016 where keys changed on one side), over many schedules.
#[test]
fn chk_013_every_partition_that_ends_is_noticed() {
    let names = ["alice", "bob", "carol", "dave", "erin"];
    let people: Vec<NewAccount> = names.iter().map(|name| person(name)).collect();
    let operator = person("operator");
    let mut rng = TestRng::new("partitions");
    let others: Vec<(&NewAccount, Role)> = people[1..].iter().zip(ROLES[1..].iter().copied()).collect();
    let (log, alice) = drive(&people[0], &others, &mut rng);
    let begun = (log, *alice.state.id(), alice.given[&0].clone());
    let (mut forked, mut honest) = (Tally::default(), Tally::default());
    for seed in 0..SEEDS {
        // Shown with the failure, if there is one.
        println!("seed {seed}");
        run(seed, &people, &operator, true, &begun, &mut forked);
        run(seed, &people, &operator, false, &begun, &mut honest);
    }
    println!("{forked:#?}");
    assert!(honest.noticed.is_empty() && honest.convictions == 0 && honest.partitions == 0);
    let ways = [
        ("entry", 14),
        ("entry", 16),
        ("branch", 11),
        ("branch", 12),
        ("branch", 16),
        ("note", 12),
        ("note", 13),
        ("home", 12),
        ("home", 13),
    ];
    for way in ways {
        assert!(forked.noticed.contains_key(&way), "{way:?} never happened");
    }
    assert!(forked.convictions > 0 && forked.healed > 0 && honest.exchanges > 0);
}
