//! A body, whole, within its size and time (KEY-015).

use std::time::Duration;

use crannog_keyd_client::Refusal;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use zeroize::Zeroizing;

/// Reads a body of at most `most` bytes.
pub(super) async fn read(body: Incoming, most: usize, time: Duration) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    if body.is_end_stream() {
        return Ok(Zeroizing::default());
    }
    let told = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if told > most {
        return Err(Refusal::body_too_large());
    }
    match tokio::time::timeout(time, collect(body, most, told)).await {
        Ok(read) => read,
        Err(_) => Err(Refusal::too_slow()),
    }
}

async fn collect(mut body: Incoming, most: usize, told: usize) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    // What was told is believed up to this much; more is made room for when it comes.
    const BELIEVED: usize = 64 << 10;
    let mut bytes = Zeroizing::new(Vec::with_capacity(told.min(BELIEVED)));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::invalid("the request body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > most - bytes.len() {
            return Err(Refusal::body_too_large());
        }
        grow(&mut bytes, data.len());
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Makes room in a new place and wipes the old one, which a vector that grows by itself would not.
fn grow(bytes: &mut Zeroizing<Vec<u8>>, more: usize) {
    let needed = bytes.len().saturating_add(more);
    if needed > bytes.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(bytes.capacity().saturating_mul(2))));
        larger.extend_from_slice(bytes);
        *bytes = larger;
    }
}
