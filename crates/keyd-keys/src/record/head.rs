//! The head: which keys there must be, and in which generation. What a start finds is judged against it (KEY-003).

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_seal::keyd::StoreKey;
use rand_core::CryptoRng;

use super::{RecordHeader, RecordKind, encoded, open_record, seal_record};
use crate::error::RecordError;
use crate::key::Key;
use crate::name::KeyName;
use crate::{KeyId, Millis, StoreId};

/// What the store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    generation: u64,
    created: Millis,
    keys: BTreeMap<KeyName, HeadEntry>,
}

/// A key as the head knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadEntry {
    /// The id that it keeps for life.
    pub key: KeyId,
    /// Its generation.
    pub generation: u64,
}

/// The plaintext of kind 1.
#[derive(BorshSerialize, BorshDeserialize)]
struct HeadRecord {
    generation: u64,
    created: Millis,
    keys: Vec<HeadRecordEntry>,
}

#[derive(BorshSerialize, BorshDeserialize)]
struct HeadRecordEntry {
    key: [u8; 16],
    name: String,
    generation: u64,
}

/// A key folder as it was found, its key record opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Name, by the folder.
    pub name: KeyName,
    /// The id in its record.
    pub key: KeyId,
    /// The generation in its record.
    pub generation: u64,
    /// The store generation in its record: that of the head which was to follow.
    pub store_generation: u64,
}

/// What becomes of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As the head says.
    Current,
    /// Broken off between the key record and the head: the head is written anew.
    Ahead,
    /// KEY-003: older than the head says, gone, or of another id. It answers nothing.
    PutBack,
}

/// What a start found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// The store opens. Each key of the head, and each found one, with its verdict, by name.
    Opens(Vec<(KeyName, Verdict)>),
    /// KEY-003: a key that no break-off explains is there; the store does not open. A deleted key that was put back is such a one.
    Refused(KeyName),
}

impl Head {
    /// The head of a new store, generation 1, without keys.
    pub const fn new(created: Millis) -> Self {
        Self {
            generation: 1,
            created,
            keys: BTreeMap::new(),
        }
    }

    /// Counts every change of the store.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// When the store was made.
    pub const fn created(&self) -> Millis {
        self.created
    }

    /// The keys, by name.
    pub fn keys(&self) -> impl Iterator<Item = (&KeyName, HeadEntry)> {
        self.keys.iter().map(|(name, entry)| (name, *entry))
    }

    /// The head after `key` was changed or made.
    #[must_use]
    pub fn with(&self, key: &Key) -> Self {
        let mut next = self.next(1);
        let entry = HeadEntry {
            key: key.id(),
            generation: key.generation(),
        };
        next.keys.insert(key.name().clone(), entry);
        next
    }

    /// The head after a key was deleted.
    #[must_use]
    pub fn without(&self, name: &KeyName) -> Self {
        let mut next = self.next(1);
        next.keys.remove(name);
        next
    }

    /// The head after a rollback was accepted: exactly the keys found, 2^32 generations on, so that no head of before is ever newer.
    #[must_use]
    pub fn accepting(&self, found: &[Found]) -> Self {
        let mut next = self.next(1 << 32);
        next.keys = found.iter().map(|one| (one.name.clone(), one.entry())).collect();
        next
    }

    fn next(&self, by: u64) -> Self {
        Self {
            generation: self.generation.saturating_add(by),
            ..self.clone()
        }
    }

    /// The record's bytes.
    pub fn seal(
        &self,
        store: &StoreKey,
        id: &StoreId,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, RecordError> {
        let entry = |(name, entry): (&KeyName, &HeadEntry)| HeadRecordEntry {
            key: entry.key.0,
            name: name.as_str().to_owned(),
            generation: entry.generation,
        };
        let record = HeadRecord {
            generation: self.generation,
            created: self.created,
            keys: self.keys.iter().map(entry).collect(),
        };
        let header = RecordHeader::of_store(id, RecordKind::Head, self.generation);
        seal_record(store, RecordKind::Head, &header, &encoded(&record)?, rng)
    }

    /// Opens the record. That it opens proves that `store` is the right key.
    pub fn open(store: &StoreKey, id: &StoreId, bytes: &[u8]) -> Result<Self, RecordError> {
        let expected = RecordHeader::of_store(id, RecordKind::Head, 0);
        let (header, plain) = open_record(store, RecordKind::Head, &expected, bytes)?;
        let record = HeadRecord::try_from_slice(plain.expose()).map_err(|_| RecordError::Damaged)?;
        let ascending = record.keys.windows(2).all(|pair| match pair {
            [a, b] => a.name.as_bytes() < b.name.as_bytes(),
            _ => true,
        });
        if !ascending || record.generation != header.generation {
            return Err(RecordError::Damaged);
        }
        let entry = |entry: HeadRecordEntry| {
            let name = KeyName::in_record(&entry.name).map_err(|_| RecordError::Damaged)?;
            let value = HeadEntry {
                key: KeyId(entry.key),
                generation: entry.generation,
            };
            Ok((name, value))
        };
        Ok(Self {
            generation: record.generation,
            created: record.created,
            keys: record
                .keys
                .into_iter()
                .map(entry)
                .collect::<Result<_, RecordError>>()?,
        })
    }

    /// Judges what a start found. One change is under way at a time, and its key record names the head that was to follow: only a key
    /// whose record names the very next head can be ahead.
    pub fn judge(&self, found: &[Found]) -> Judgement {
        let mut verdicts: BTreeMap<KeyName, Verdict> = self
            .keys
            .keys()
            .map(|name| (name.clone(), Verdict::PutBack))
            .collect();
        let mut ahead = 0_usize;
        for one in found {
            let verdict = self.verdict(one);
            ahead += usize::from(verdict == Some(Verdict::Ahead));
            match verdict {
                Some(verdict) if ahead <= 1 => verdicts.insert(one.name.clone(), verdict),
                _ => return Judgement::Refused(one.name.clone()),
            };
        }
        Judgement::Opens(verdicts.into_iter().collect())
    }

    fn verdict(&self, found: &Found) -> Option<Verdict> {
        let follows = found.store_generation == self.generation.saturating_add(1);
        match self.keys.get(&found.name) {
            Some(entry) if *entry == found.entry() => Some(Verdict::Current),
            Some(entry)
                if entry.key == found.key && found.generation == entry.generation.saturating_add(1) =>
            {
                follows.then_some(Verdict::Ahead)
            }
            Some(entry) if entry.key == found.key && found.generation > entry.generation => None,
            Some(_) => Some(Verdict::PutBack),
            None => (found.generation == 1 && follows).then_some(Verdict::Ahead),
        }
    }
}

impl Found {
    /// What a key whose record was opened is found as.
    pub fn of(key: &Key, store_generation: u64) -> Self {
        Self {
            name: key.name().clone(),
            key: key.id(),
            generation: key.generation(),
            store_generation,
        }
    }

    const fn entry(&self) -> HeadEntry {
        HeadEntry {
            key: self.key,
            generation: self.generation,
        }
    }
}
