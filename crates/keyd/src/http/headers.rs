//! What the service looks at in a head.

use crannog_keyd_client::Refusal;
use http::header::AUTHORIZATION;
use http::request::Parts;

/// The longest path and query, in bytes.
const LONGEST_TARGET: usize = 4 << 10;
/// The most fields of a head.
pub(super) const MOST_FIELDS: usize = 64;

/// Refuses what would be understood otherwise than it was meant, or takes too much room.
pub(super) fn check(head: &Parts) -> Result<(), Refusal> {
    let target = head
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > LONGEST_TARGET {
        return Err(Refusal::head_too_large());
    }
    let brings = |name| head.headers.get(name).is_some_and(|value| !value.is_empty());
    if brings("x-vault-namespace") {
        return Err(Refusal::invalid("namespaces are not supported"));
    }
    if brings("x-vault-wrap-ttl") {
        return Err(Refusal::invalid("response wrapping is not supported"));
    }
    Ok(())
}

/// The token, if one was brought. What is no text is no token, and yet was brought: it counts as a wrong one.
pub(super) fn token(head: &Parts) -> Option<&str> {
    const UNREADABLE: &str = "?";
    if let Some(value) = head.headers.get("x-vault-token") {
        return Some(value.to_str().unwrap_or(UNREADABLE));
    }
    let value = head.headers.get(AUTHORIZATION)?.to_str().unwrap_or(UNREADABLE);
    Some(value.strip_prefix("Bearer ").unwrap_or(UNREADABLE))
}
