//! What a start finds, and what becomes of it. Everything is read and judged before anything is changed.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use crannog_keyd_keys::{
    Found, Head, Judgement, Key, KeyName, RecordError, RecordIn, StoreId, Verdict, open_key,
};
use crannog_seal::keyd::StoreKey;

use super::anchor;
use super::disk::{Disk, wipe_folder};
use super::error::{Damage, StoreError};
use super::places::{self, HEAD, KEY, KEYS, TMP, TOP, WRAPPING};
use super::shared::Held;
use super::witness::Witness;

/// What a start found and did. Each is for the audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// A change of this key had broken off before the head, and was completed (event `recovered`).
    pub recovered: Option<KeyName>,
    /// Deleting this key had broken off before the head, and was undone (event `recovered`).
    pub kept: Option<KeyName>,
    /// The head is newer than the anchor of the audit log: the record of the last change may be missing there (event `recovered`).
    pub ahead_of_log: bool,
    /// These keys answer nothing (event `damaged`).
    pub damaged: Vec<(KeyName, Damage)>,
}

/// An open store, not yet shared.
pub(super) struct Opened {
    pub(super) head: Head,
    pub(super) keys: BTreeMap<KeyName, Held>,
    pub(super) findings: Findings,
}

/// The folder of a key.
struct Folder {
    name: KeyName,
    /// Where it is: at home, or in `tmp`.
    place: String,
    files: Vec<String>,
    /// `None` if there is no key record.
    key: Option<Result<(Key, u64), RecordError>>,
}

pub(super) fn open(
    disk: &dyn Disk,
    key: &StoreKey,
    id: &StoreId,
    witness: Option<&Witness>,
) -> Result<Opened, StoreError> {
    let read = disk.read(HEAD).map_err(StoreError::io("read the head"))?;
    let mut head = Head::open(key, id, &read.ok_or(StoreError::HeadMissing)?).map_err(StoreError::Head)?;
    let folders = survey(disk, key, id, &head).map_err(StoreError::io("read the keys"))?;
    let verdicts = judge(&head, &folders)?;
    let ahead = verdicts.iter().find(|(_, verdict)| *verdict == Verdict::Ahead);
    let ahead = ahead.map(|(name, _)| name.clone());
    let next = folders
        .iter()
        .filter(|folder| Some(&folder.name) == ahead.as_ref())
        .find_map(|folder| Some(head.with(&folder.key.as_ref()?.as_ref().ok()?.0)));
    let generation = next.as_ref().unwrap_or(&head).generation();
    let anchor = anchor::generation(disk, key, id)?;
    if let Some(anchor) = anchor
        && generation < anchor
    {
        return Err(StoreError::BelowAnchor {
            head: generation,
            anchor,
        });
    }
    if let Some(witness) = witness {
        witness.judge(id, generation)?;
    }

    let mut findings = Findings {
        recovered: ahead,
        ahead_of_log: anchor.is_some_and(|anchor| generation > anchor),
        ..Findings::default()
    };
    settle(disk, findings.recovered.as_ref()).map_err(StoreError::io("sync the store"))?;
    if let Some(next) = next {
        let bytes = next.seal(key, id, &mut rand::rng()).map_err(StoreError::Head)?;
        let temporary = format!("{TMP}/{HEAD}.next");
        disk.write(&temporary, &bytes)
            .and_then(|()| disk.rename(&temporary, HEAD))
            .and_then(|()| disk.sync(TOP))
            .map_err(StoreError::io("write the head"))?;
        head = next;
    }
    tidy(disk, &head, &folders, &mut findings).map_err(StoreError::io("tidy the store"))?;
    if let Some(witness) = witness {
        witness
            .write(id, generation)
            .map_err(StoreError::io("write the rollback witness"))?;
    }
    let keys = hold(verdicts, folders, &mut findings);
    Ok(Opened { head, keys, findings })
}

/// Every folder that is a key's by its name. One that waits in `tmp` to be wiped counts, if the head still names it and it is not
/// at home.
fn survey(disk: &dyn Disk, key: &StoreKey, id: &StoreId, head: &Head) -> io::Result<Vec<Folder>> {
    let mut places: BTreeMap<KeyName, String> = BTreeMap::new();
    for entry in disk.list(TMP)?.into_iter().filter(|entry| entry.is_folder) {
        let name = KeyName::from_folder(&entry.name);
        if let Some(name) = name.filter(|name| head.keys().any(|(known, _)| known == name)) {
            let place = places::deleted(&name);
            places.insert(name, place);
        }
    }
    for entry in disk.list(KEYS)?.into_iter().filter(|entry| entry.is_folder) {
        if let Some(name) = KeyName::from_folder(&entry.name) {
            let place = places::folder(&name);
            places.insert(name, place);
        }
    }
    if disk
        .list(TOP)?
        .iter()
        .any(|entry| entry.is_folder && entry.name == WRAPPING)
    {
        places.insert(KeyName::wrapping(), WRAPPING.to_owned());
    }
    places
        .into_iter()
        .map(|(name, place)| read(disk, key, id, name, place))
        .collect()
}

fn read(disk: &dyn Disk, key: &StoreKey, id: &StoreId, name: KeyName, place: String) -> io::Result<Folder> {
    let entries = disk.list(&place)?;
    let files: Vec<String> = entries.into_iter().map(|entry| entry.name).collect();
    let opened = match disk.read(&format!("{place}/{KEY}"))? {
        None => None,
        Some(record) => {
            let mut versions = Vec::new();
            for file in &files {
                if let Some(number) = places::version(file)
                    && let Some(bytes) = disk.read(&format!("{place}/{file}"))?
                {
                    versions.push((number, bytes));
                }
            }
            let versions: Vec<RecordIn<'_>> = versions
                .iter()
                .map(|(version, bytes)| RecordIn {
                    version: *version,
                    bytes,
                })
                .collect();
            Some(open_key(key, id, &name, &record, &versions))
        }
    };
    Ok(Folder {
        name,
        place,
        files,
        key: opened,
    })
}

fn judge(head: &Head, folders: &[Folder]) -> Result<Vec<(KeyName, Verdict)>, StoreError> {
    let mut found = Vec::new();
    for folder in folders {
        match &folder.key {
            Some(Ok((key, store_generation))) => found.push(Found::of(key, *store_generation)),
            // A key that the head does not name is whole, or no break-off left it.
            Some(Err(_)) if !head.keys().any(|(name, _)| *name == folder.name) => {
                return Err(StoreError::PutBack(folder.name.clone()));
            }
            Some(Err(_)) | None => (),
        }
    }
    match head.judge(&found) {
        Judgement::Opens(verdicts) => Ok(verdicts),
        Judgement::Refused(name) => Err(StoreError::PutBack(name)),
    }
}

/// What the last process renamed and did not sync: nothing is wiped that a disk without these names would need.
fn settle(disk: &dyn Disk, recovered: Option<&KeyName>) -> io::Result<()> {
    disk.make_folder(TMP)?;
    if let Some(name) = recovered {
        disk.sync(&places::folder(name))?;
        disk.sync(places::parent(name))?;
    }
    disk.sync(TOP)
}

/// Removes what a break-off left, and brings back what it took away.
fn tidy(disk: &dyn Disk, head: &Head, folders: &[Folder], findings: &mut Findings) -> io::Result<()> {
    for folder in folders {
        let Folder {
            name,
            place,
            files,
            key,
        } = folder;
        let home = places::folder(name);
        if *place != home {
            disk.rename(place, &home)?;
            disk.sync(TMP)?;
            disk.sync(places::parent(name))?;
            findings.kept = Some(name.clone());
        }
        match key {
            None if !head.keys().any(|(known, _)| known == name) => wipe_folder(disk, &home)?,
            Some(Ok((key, _))) => {
                for file in files {
                    if places::version(file).is_some_and(|version| !key.has(version)) {
                        disk.wipe(&format!("{home}/{file}"))?;
                    }
                }
            }
            _ => (),
        }
    }
    for entry in disk.list(TMP)? {
        let path = format!("{TMP}/{}", entry.name);
        if entry.is_folder {
            wipe_folder(disk, &path)?;
        } else {
            disk.wipe(&path)?;
        }
    }
    Ok(())
}

fn hold(
    verdicts: Vec<(KeyName, Verdict)>,
    folders: Vec<Folder>,
    findings: &mut Findings,
) -> BTreeMap<KeyName, Held> {
    let mut found: BTreeMap<KeyName, _> = folders
        .into_iter()
        .filter_map(|folder| Some((folder.name, folder.key?)))
        .collect();
    let mut keys = BTreeMap::new();
    for (name, verdict) in verdicts {
        let held = match (verdict, found.remove(&name)) {
            (Verdict::Current | Verdict::Ahead, Some(Ok((key, _)))) => Held::Whole(Arc::new(key)),
            (_, Some(Err(error))) => Held::Damaged(Damage::Record(error)),
            (_, Some(Ok(_))) => Held::Damaged(Damage::PutBack),
            (_, None) => Held::Damaged(Damage::Missing),
        };
        if let Held::Damaged(damage) = held {
            findings.damaged.push((name.clone(), damage));
        }
        keys.insert(name, held);
    }
    keys
}
