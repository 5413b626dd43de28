//! Blobs: put (staged), and read.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use crannog_proto::api::{BODY, BODY_HEADER};
use crannog_proto::{BlobId, ErrorCode, JournalId, limits};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::body::{next, raw};
use super::caller::{AnyCaller, Caller};
use super::journals::journal_id;
use super::{App, access};
use crate::blobs::{PIECE, Upload, read_piece};
use crate::clock::Hour;
use crate::error::ApiError;
use crate::store::{BlobFile, NewStaged};

/// A whole blob may take so many times as long as one piece: whoever sends a byte a minute does not hold a place for ever.
const PATIENCE: u32 = 10;

/// Where the quota has no room, so much may be staged in a journal for entries' bodies: of those that free space, or remove whoever filled
/// it. An entry that adds content is refused then as ever.
const RESERVE: u64 = limits::BLOB_MAX as u64;
/// A body's entry follows at once, seconds.
const BODY_LEASE: u64 = 3600;

pub(super) async fn put(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path((journal, blob)): Path<(String, String)>,
    headers: HeaderMap,
    mut body: Body,
) -> Result<StatusCode, ApiError> {
    let id = journal_id(&journal)?;
    let blob = blob_id(&blob)?;
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limits::BLOB_MAX as u64) {
        return Err(ErrorCode::TooLarge.into());
    }
    let _mine = Arc::clone(&caller.uploads)
        .try_acquire_owned()
        .map_err(|_| ApiError::Slow { seconds: 1 })?;
    let (view, by) = access::writer(&app, &caller, id, &headers).await?;
    access::refuse_new(&view, access::gives_back(&headers))?;
    let body_of_entry = headers.get(BODY_HEADER).is_some_and(|value| value == BODY);
    let (reserve, lease) = if body_of_entry {
        // What only adds frees nothing.
        let frees = by == access::GrantedBy::Writer;
        (if frees { RESERVE } else { 0 }, BODY_LEASE)
    } else {
        (0, u64::from(app.config.lease_days) * 86_400)
    };
    if reserve == 0
        && announced.is_some_and(|length| length > view.left)
        && app.store.unsynced(id, vec![blob]).await?.is_empty()
    {
        return Err(ErrorCode::Quota.into());
    }
    let _ours = Arc::clone(&app.uploads)
        .acquire_owned()
        .await
        .map_err(|_| ErrorCode::Unavailable)?;
    let mut upload = Upload::new(&app.blobs).map_err(ApiError::disk)?;
    let mut length = 0;
    let until = Instant::now() + app.idle() * PATIENCE;
    while let Some(bytes) = next(
        &mut body,
        app.idle().min(until.saturating_duration_since(Instant::now())),
    )
    .await?
    {
        length += bytes.len();
        if length > limits::BLOB_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        upload.push(bytes).await.map_err(ApiError::disk)?;
    }
    let written = upload.finish().await.map_err(ApiError::disk)?;
    let file = written.file();
    if file.blob != blob {
        return Err(ErrorCode::BlobMismatch.into());
    }
    let expires = Hour::after(lease);
    // Once asked, the store may name the file even if the client hangs up: row and file go together.
    let task = tokio::spawn(async move {
        let replaced = app
            .store
            .stage(NewStaged {
                journal: id,
                epoch: view.epoch,
                file,
                expires,
                reserve,
            })
            .await?;
        written.keep(&app.syncer);
        if let Some(old) = replaced {
            app.syncer.forget(&[old]);
            app.blobs.remove_later(vec![old]);
        }
        Ok::<_, ApiError>(StatusCode::NO_CONTENT)
    });
    task.await.map_err(|_| ApiError::Task)?
}

pub(super) async fn read(
    State(app): State<Arc<App>>,
    _caller: AnyCaller,
    Path((journal, blob)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = journal_id(&journal)?;
    let blob = blob_id(&blob)?;
    let reader = access::reader(&app, id, &headers).await?;
    // A token that died with its epoch reads that epoch's entries: of blobs, their bodies alone.
    if !reader.live && !app.store.is_body(id, blob, reader.from, reader.last.seq).await? {
        return Err(ErrorCode::Forbidden.into());
    }
    let (file, open, first) = match open(&app, id, blob).await? {
        Some(found) => found,
        // It was put once more at this moment, and its old file is gone.
        None => open(&app, id, blob).await?.ok_or(ErrorCode::NotFound)?,
    };
    let mut response = raw(if first.len() as u64 == file.size {
        Body::from(first)
    } else {
        stream(open, first, file.size)
    });
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(file.size));
    Ok(response)
}

async fn open(
    app: &App,
    id: JournalId,
    blob: BlobId,
) -> Result<Option<(BlobFile, Arc<File>, Bytes)>, ApiError> {
    let file = app.store.blob(id, blob).await?.ok_or(ErrorCode::NotFound)?;
    let blobs = Arc::clone(&app.blobs);
    let task = tokio::task::spawn_blocking(move || match blobs.open_pieces(&file.name, file.size) {
        Ok(open) => piece(&open, 0, file.size).map(|first| Some((file, Arc::new(open), first))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    });
    task.await.map_err(|_| ApiError::Task)?.map_err(ApiError::Disk)
}

/// Reads ahead by one piece, never more.
fn stream(file: Arc<File>, first: Bytes, size: u64) -> Body {
    let at = first.len() as u64;
    let read = move |file: Arc<File>, at: u64| tokio::task::spawn_blocking(move || piece(&file, at, size));
    let ahead = Some(read(Arc::clone(&file), at));
    let state = (file, Some(first), ahead, at);
    Body::from_stream(futures_util::stream::unfold(
        state,
        move |(file, first, ahead, at)| async move {
            if let Some(first) = first {
                return Some((Ok(first), (file, None, ahead, at)));
            }
            let bytes = match ahead?.await.map_err(io::Error::other).and_then(|read| read) {
                Ok(bytes) => bytes,
                Err(error) => return Some((Err(error), (file, None, None, at))),
            };
            let at = at + bytes.len() as u64;
            let ahead = (at < size).then(|| read(Arc::clone(&file), at));
            Some((Ok(bytes), (file, None, ahead, at)))
        },
    ))
}

fn piece(file: &File, at: u64, size: u64) -> io::Result<Bytes> {
    let length = usize::try_from(size.saturating_sub(at))
        .unwrap_or(PIECE)
        .min(PIECE);
    read_piece(file, at, length)
}

fn blob_id(text: &str) -> Result<BlobId, ApiError> {
    Ok(text.parse().map_err(|_| ErrorCode::BadRequest)?)
}
