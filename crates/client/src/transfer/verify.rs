//! Every byte checked: each blob fetched, each piece opened. What is broken is named, and made again from local files whose
//! chunks have the keyed hashes that this device noted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crannog_agent_api::Code;
use crannog_agent_api::answer::Finding;
use crannog_agent_api::request::Filter;
use crannog_core::content::{Content, chunk_count};
use crannog_core::drive::{NodeId, Version};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::batch::Batch;
use super::content::Fetcher;
use super::file::{FileHead, Target};
use super::scan::{self, FoundKind};
use super::seal::{self, Known, Source};
use super::{Flow, Report, interrupted};
use crate::db::{DbError, DriveStore, FileStamp, Transfers};
use crate::engine::Caller;
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::shared::Shared;

/// Files checked at once.
const CHECKS: usize = 4;

/// Checks one drive; findings name what is broken, or say that all is well.
pub(crate) async fn verify(
    shared: &Arc<Shared>,
    journal: &Arc<Journal>,
    repair_from: &[PathBuf],
    caller: &Caller,
    flow: &Arc<Flow>,
) -> Result<Vec<Finding>> {
    let report = Report::over(flow, caller, "verifying", false);
    let fetcher = Fetcher::over(shared, journal, flow);
    let files = shared
        .with_drive(journal, |drive| {
            let mut files = Vec::new();
            drive.all_versions(&mut |node, version| -> Result<(), DbError> {
                files.push((node, version));
                Ok(())
            })?;
            Ok(files)
        })
        .await?;
    let (mut findings, mut broken) = (Vec::new(), Vec::new());
    let count = files.len();
    let check = |(node, version): (NodeId, Version)| {
        let fetcher = fetcher.clone();
        async move {
            let result = check_content(&fetcher, &version.content).await;
            (node, version, result)
        }
    };
    let mut checks = Box::pin(stream::iter(files).map(check).buffered(CHECKS));
    while let Some((node, version, result)) = checks.next().await {
        if caller.cancel.is_cancelled() {
            return Err(interrupted());
        }
        report.moved(1, version.content.size);
        match result {
            Ok(()) => {}
            Err(Error::Lied { check, object }) => {
                let path = path_of(shared, journal, node).await?;
                findings.push(Finding {
                    state: "broken".to_owned(),
                    object: format!("{path} version {}", version.version),
                    text: format!("CHK-{:03}: {} ({object})", check.number(), check.text()),
                });
                broken.push((node, version, path));
            }
            Err(Error::User(failure)) if failure.code == Code::Lost => {
                let path = path_of(shared, journal, node).await?;
                findings.push(Finding {
                    state: "lost".to_owned(),
                    object: format!("{path} version {}", version.version),
                    text: failure.message,
                });
                broken.push((node, version, path));
            }
            Err(other) => return Err(other),
        }
    }
    drop(checks);
    if !repair_from.is_empty() && !broken.is_empty() {
        findings.extend(repair(shared, journal, flow, broken, repair_from).await?);
    }
    if findings.is_empty() {
        let text = format!("{count} versions, every byte checked");
        findings.push(Finding {
            state: "ok".to_owned(),
            object: shared.name_of(&journal.id),
            text,
        });
    }
    Ok(findings)
}

async fn path_of(shared: &Arc<Shared>, journal: &Arc<Journal>, node: NodeId) -> Result<String> {
    let names = shared
        .with_drive(journal, move |drive| drive.names_of(node))
        .await?;
    Ok(format!("/{}", names.join("/")))
}

async fn check_content(fetcher: &Fetcher, content: &Content) -> Result<()> {
    Fetcher::check_shape(content)?;
    let mut chunks = Box::pin(fetcher.chunks(content));
    while let Some((index, chunk)) = chunks.try_next().await? {
        fetcher.chunk(&chunk, content.size, index).await?;
    }
    Ok(())
}

/// Local files by size: only these can be what was lost.
fn candidates(folders: &[PathBuf], sizes: &[u64]) -> Result<BTreeMap<u64, Vec<(PathBuf, FileStamp)>>> {
    let mut found: BTreeMap<u64, Vec<(PathBuf, FileStamp)>> = BTreeMap::new();
    for folder in folders {
        let each = |item: scan::Found| {
            if let FoundKind::File(stamp) = item.kind
                && sizes.contains(&stamp.size)
            {
                found.entry(stamp.size).or_default().push((item.path, stamp));
            }
            Ok(())
        };
        scan::walk(folder, &Filter::default(), each, |_| {}, |_| {})?;
    }
    Ok(found)
}

async fn repair(
    shared: &Arc<Shared>,
    journal: &Arc<Journal>,
    flow: &Arc<Flow>,
    broken: Vec<(NodeId, Version, String)>,
    folders: &[PathBuf],
) -> Result<Vec<Finding>> {
    let sizes: Vec<u64> = broken
        .iter()
        .map(|(_, version, _)| version.content.size)
        .collect();
    let folders = folders.to_vec();
    let local = tokio::task::spawn_blocking(move || candidates(&folders, &sizes))
        .await
        .map_err(Error::task)??;
    let mut findings = Vec::new();
    let row = journal.row;
    for (node, version, path) in broken {
        let id = version.version;
        let (hashes, current) = shared
            .db
            .read(move |c| Ok((Transfers(c).hashes(&id)?, DriveStore::new(c, row).current(node)?)))
            .await?;
        let (Some(hashes), true) = (hashes, current.is_some_and(|current| current.version == id)) else {
            continue;
        };
        for (file, stamp) in local.get(&version.content.size).into_iter().flatten() {
            if matches_hashes(shared, file, *stamp, &hashes).await? {
                make_again(shared, journal, flow, node, &version, file, *stamp).await?;
                let text = format!("made again from {}", file.display());
                findings.push(Finding {
                    state: "ok".to_owned(),
                    object: path.clone(),
                    text,
                });
                break;
            }
        }
    }
    Ok(findings)
}

async fn matches_hashes(
    shared: &Arc<Shared>,
    path: &Path,
    stamp: FileStamp,
    hashes: &[[u8; 32]],
) -> Result<bool> {
    let (source, key, hashes) = (
        Source {
            path: path.to_owned(),
            stamp,
            known: Known::new(),
        },
        shared.hash_key.clone(),
        hashes.to_vec(),
    );
    let same = tokio::task::spawn_blocking(move || {
        let Ok(file) = seal::open(&source) else {
            return false;
        };
        let mut buffer = Vec::new();
        (0..chunk_count(stamp.size)).zip(&hashes).all(|(place, hash)| {
            seal::hash_chunk(&file, &source, place, &key, &mut buffer).is_ok_and(|found| found == *hash)
        }) && hashes.len() as u64 == chunk_count(stamp.size)
    });
    same.await.map_err(Error::task)
}

/// A new version with the same bytes and attributes, in new blobs.
async fn make_again(
    shared: &Arc<Shared>,
    journal: &Arc<Journal>,
    flow: &Arc<Flow>,
    node: NodeId,
    version: &Version,
    path: &Path,
    stamp: FileStamp,
) -> Result<()> {
    let source = Arc::new(Source {
        path: path.to_owned(),
        stamp,
        known: Known::new(),
    });
    let file = Arc::new(seal::open(&source)?);
    let mut batch = Batch::new(shared, journal, flow);
    let target = Target::Write {
        node,
        base: version.version,
    };
    batch.begin(FileHead {
        target,
        version: super::fresh_version(),
        attrs: version.attrs,
        size: stamp.size,
        local: FileHead::local(path, stamp),
        previous: None,
        leaves: Vec::new(),
    });
    for place in 0..chunk_count(stamp.size) {
        let (file, source, key) = (Arc::clone(&file), Arc::clone(&source), shared.hash_key.clone());
        let sealed = tokio::task::spawn_blocking(move || {
            seal::ready_chunk(&file, &source, place, &key, &mut Vec::new())
        });
        batch.chunk(sealed.await.map_err(Error::task)??).await?;
    }
    seal::check_unchanged(&file, &source)?;
    batch.end(stamp.size);
    batch.finish().await.map(drop)
}
