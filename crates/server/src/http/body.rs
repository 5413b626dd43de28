//! Bodies in and out: Borsh, bounded in size and time.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use crannog_proto::{ErrorCode, decode, encode};
use http::{HeaderValue, header};
use http_body_util::BodyExt;

use crate::error::ApiError;

/// An answer in Borsh.
#[derive(Debug)]
pub(super) struct Borsh<T>(pub(super) T);

/// Reads a whole body of at most `most` bytes; every piece has to come within `patience`.
pub(super) async fn read_bytes(body: Body, most: usize, patience: Duration) -> Result<Vec<u8>, ApiError> {
    let mut frames = body;
    let mut bytes = Vec::new();
    while let Some(frame) = next(&mut frames, patience).await? {
        if bytes.len() + frame.len() > most {
            return Err(ErrorCode::TooLarge.into());
        }
        bytes.extend_from_slice(&frame);
    }
    Ok(bytes)
}

/// The next bytes of a body.
pub(super) async fn next(body: &mut Body, patience: Duration) -> Result<Option<bytes::Bytes>, ApiError> {
    loop {
        let frame = tokio::time::timeout(patience, body.frame())
            .await
            .map_err(|_| ErrorCode::BadRequest)?;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(ErrorCode::BadRequest.into()),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Ok(Some(bytes)),
                Err(_) => {}
            },
        }
    }
}

/// Reads and decodes a body.
pub(super) async fn read<T: borsh::BorshDeserialize>(
    body: Body,
    most: usize,
    patience: Duration,
) -> Result<T, ApiError> {
    let bytes = read_bytes(body, most, patience).await?;
    Ok(decode(&bytes).map_err(|_| ErrorCode::BadRequest)?)
}

impl<T: borsh::BorshSerialize> IntoResponse for Borsh<T> {
    fn into_response(self) -> Response {
        raw(Body::from(encode(&self.0)))
    }
}

/// An answer of bytes.
pub(super) fn raw(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    response
}
