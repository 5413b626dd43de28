//! Collection: whatever the order of adding, dropping, sharing, collecting and crashing, no file goes that a journal still needs.

use std::collections::{HashMap, HashSet};

use crannog_proto::{BlobId, Header, Kind};

use super::super::{AccountKey, BlobFile, Expiring, FileName, NewStaged, Outcome, Store};
use super::fixtures::{Journal, random};
use super::{NOW, append_with, create};
use crate::clock::Hour;

const INTERLEAVINGS: u64 = 1_000;
/// Steps of each.
const STEPS: usize = 24;
/// Few, so that they meet.
const BLOBS: usize = 3;

/// Numbers that follow from a seed (xorshift64*, Vigna 2016): a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }
}

/// A journal, and what it has to have: by blob, the place of the newest add.
struct Side {
    journal: Journal,
    live: HashMap<BlobId, u64>,
    /// What somebody wrote who had not seen later entries yet.
    slow: Vec<Header>,
}

struct World<'s, S> {
    store: &'s S,
    sides: [Side; 2],
    blobs: Vec<BlobId>,
    /// Files that were given back as named by nothing: their bytes are gone.
    freed: HashSet<FileName>,
    synced: Vec<BlobFile>,
}

pub(super) async fn collection(store: &impl Store, alice: AccountKey) {
    for seed in 1..=INTERLEAVINGS {
        let side = async || Side {
            journal: create(store, alice).await,
            live: HashMap::new(),
            slow: Vec::new(),
        };
        let mut world = World {
            store,
            sides: [side().await, side().await],
            blobs: (0..BLOBS).map(|_| BlobId(random())).collect(),
            freed: HashSet::new(),
            synced: Vec::new(),
        };
        let mut dice = Dice(seed);
        for step in 0..STEPS {
            world.step(&mut dice).await;
            world.check(&format!("interleaving {seed}, step {step}")).await;
        }
    }
}

impl<S: Store> World<'_, S> {
    async fn step(&mut self, dice: &mut Dice) {
        let at = dice.below(2);
        let blob = self.blobs[dice.below(BLOBS)];
        match dice.below(8) {
            0 | 1 => self.put(at, blob).await,
            2 => self.add(at, blob, false).await,
            3 => self.add(at, blob, true).await,
            4 => {
                let header = self.sides[at].journal.header(Kind::Change);
                self.drop_blob(at, blob, header).await;
            }
            5 => match self.sides[at].slow.pop() {
                Some(header) => self.drop_blob(at, blob, header).await,
                None => {
                    let header = self.sides[at].journal.header(Kind::Change);
                    self.sides[at].slow.push(header);
                }
            },
            6 => self.expire().await,
            _ => self.crash(dice).await,
        }
    }

    async fn put(&mut self, at: usize, blob: BlobId) {
        let file = BlobFile {
            blob,
            name: FileName(random()),
            size: 100,
        };
        let new = NewStaged {
            journal: self.sides[at].journal.id,
            epoch: 0,
            file,
            expires: Hour(NOW.0 + 24),
            reserve: 0,
        };
        let replaced = self.store.stage(new).await.unwrap();
        self.freed.extend(replaced);
        self.synced.push(file);
    }

    /// With `token`, a blob of the other journal will do.
    async fn add(&mut self, at: usize, blob: BlobId, token: bool) {
        let other = self.sides[1 - at].journal.epoch.public().read_token_hash;
        let tokens: Vec<_> = token.then_some(other).into_iter().collect();
        let journal = &self.sides[at].journal;
        let entry = journal.entry(Kind::Change, &[blob], &[]);
        let outcome = append_with(self.store, journal, &entry, &self.synced, &tokens).await;
        let side = &mut self.sides[at];
        match outcome {
            Outcome::Done { placed, .. } => {
                side.journal.saw(&entry);
                side.live.insert(blob, placed.seq);
            }
            Outcome::Missing(ids) => {
                assert_eq!(ids, [blob]);
                assert!(!side.live.contains_key(&blob), "what is live is not missing");
            }
            other => panic!("{other:?}"),
        }
    }

    async fn drop_blob(&mut self, at: usize, blob: BlobId, mut header: Header) {
        (header.entry.0, header.drops) = (random(), vec![blob]);
        let journal = &self.sides[at].journal;
        let entry = journal.seal(&header);
        let outcome = append_with(self.store, journal, &entry, &[], &[]).await;
        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
        let side = &mut self.sides[at];
        side.journal.saw(&entry);
        // A drop counts only if nothing later than its `seen` added the blob.
        if side
            .live
            .get(&blob)
            .is_some_and(|added| *added <= header.seen.seq)
        {
            side.live.remove(&blob);
        }
    }

    /// The grace of whatever was dropped is over.
    async fn expire(&mut self) {
        let freed = self.store.expire(Expiring::Dropped, NOW).await.unwrap();
        self.freed.extend(freed);
    }

    /// Staged files that were not synced may be lost; leases of the dead end.
    async fn crash(&mut self, dice: &mut Dice) {
        self.store.end_leases().await.unwrap();
        for (journal, file) in self.store.staged().await.unwrap() {
            if dice.below(2) == 0 {
                self.store.unstage(journal, file).await.unwrap();
                self.freed.insert(file.name);
                self.synced.retain(|synced| synced.name != file.name);
            }
        }
    }

    async fn check(&self, place: &str) {
        for side in &self.sides {
            for blob in side.live.keys() {
                let file = self.store.blob(side.journal.id, *blob).await.unwrap();
                let file = file.unwrap_or_else(|| panic!("{place}: a live blob has no file"));
                assert!(
                    !self.freed.contains(&file.name),
                    "{place}: a live blob's file was removed"
                );
            }
        }
    }
}
