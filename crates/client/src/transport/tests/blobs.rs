//! CHK-001, CHK-024: blobs on their way down.

use bytes::Bytes;
use crannog_core::check::Check;
use crannog_core::content::Blob;
use crannog_proto::{BlobId, ErrorCode, JournalId, limits};

use super::world::{Key, assert_lie, header, logged_in, ok, refusal};
use crate::transport::TransportError;

const JOURNAL: JournalId = JournalId([8; 32]);
const TOKEN: [u8; 32] = [0x1f; 32];

async fn fetch(id: BlobId, served: Vec<u8>, max_len: usize) -> Result<Blob, TransportError> {
    let (transport, _) = logged_in(move |parts, _| {
        assert_eq!(parts.uri.path(), format!("/v1/journals/{JOURNAL}/blobs/{id}"));
        assert_eq!(header(parts, "crannog-read"), "1f".repeat(32));
        ok(served.clone())
    });
    transport.get_blob(&JOURNAL, &TOKEN, &id, max_len).await
}

#[tokio::test]
async fn chk_001_the_right_blob_passes() {
    for len in [1, 100_000, limits::BLOB_MAX] {
        let blob = vec![3; len];
        let fetched = fetch(BlobId::of(&blob), blob.clone(), usize::MAX).await.unwrap();
        assert_eq!(fetched.bytes(), blob);
    }
}

#[tokio::test]
async fn chk_001_other_bytes_are_refused_and_kept() {
    let blob = vec![3; 100_000];
    let mut flipped = blob.clone();
    flipped[77_777] ^= 1;
    for served in [flipped, blob[1..].to_vec(), Vec::new()] {
        let error = fetch(BlobId::of(&blob), served.clone(), 100_000)
            .await
            .unwrap_err();
        assert!(matches!(&error, TransportError::Misbehaved { evidence, .. } if evidence.0 == served));
        assert_lie(Err::<(), _>(error), Check::Blob);
    }
}

#[tokio::test]
async fn chk_024_a_longer_blob_than_recorded_is_refused() {
    let blob = vec![3; 1000];
    assert_lie(fetch(BlobId::of(&blob), blob.clone(), 999).await, Check::Bounds);
    let blob = vec![3; limits::BLOB_MAX + 1];
    assert_lie(
        fetch(BlobId::of(&blob), blob.clone(), usize::MAX).await,
        Check::Bounds,
    );
}

#[tokio::test]
async fn a_blob_that_is_gone_is_for_the_caller_to_name() {
    let (transport, _) = logged_in(|_, _| refusal(ErrorCode::NotFound));
    let error = transport
        .get_blob(&JOURNAL, &TOKEN, &BlobId::ZERO, 10)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NotFound));
}

#[tokio::test]
async fn what_is_no_blob_is_not_sent() {
    let (transport, logins) = logged_in(|_, _| ok(""));
    for bytes in [Bytes::new(), Bytes::from(vec![0; limits::BLOB_MAX + 1])] {
        let result = transport
            .put_blob(&JOURNAL, &Key::new(3), &BlobId::of(&bytes), bytes)
            .await;
        assert!(matches!(result, Err(TransportError::Misuse(_))));
    }
    assert_eq!(logins.load(std::sync::atomic::Ordering::SeqCst), 0);
}
