//! The server's refusals: `{"code", "message", "ids"?}` with a matching status (`docs/spec/api.md`, Errors).

use std::str::FromStr;
use std::time::Duration;

use crannog_proto::{BlobId, ErrorCode};
use http::{HeaderValue, StatusCode};
use serde::Deserialize;

use super::error::TransportError;

/// Largest refusal in bytes.
pub(super) const ERROR_MAX: usize = 64 * 1024;
/// No server can send a client to sleep for longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// The message is left out: it is for people who read logs of their own server, not for terminals of others.
#[derive(Deserialize)]
struct Refusal {
    code: String,
    #[serde(default)]
    ids: Vec<String>,
}

/// Believes a code only with its own status.
pub(super) fn parse(status: StatusCode, retry_after: Option<&HeaderValue>, body: &[u8]) -> TransportError {
    let status = status.as_u16();
    let known = serde_json::from_slice::<Refusal>(body).ok().and_then(|refusal| {
        let code = ErrorCode::from_str(&refusal.code)
            .ok()
            .filter(|code| code.status() == status)?;
        let ids = refusal
            .ids
            .iter()
            .map(|id| BlobId::from_str(id))
            .collect::<Result<_, _>>()
            .ok()?;
        Some((code, ids))
    });
    match known {
        Some((code, ids)) => TransportError::Server {
            code,
            ids,
            retry_after: retry_after.and_then(seconds),
        },
        None => TransportError::UnknownStatus { status },
    }
}

fn seconds(value: &HeaderValue) -> Option<Duration> {
    let seconds = value.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(status: u16, retry_after: Option<&'static str>, body: &str) -> TransportError {
        let retry_after = retry_after.map(HeaderValue::from_static);
        parse(
            StatusCode::from_u16(status).unwrap(),
            retry_after.as_ref(),
            body.as_bytes(),
        )
    }

    #[test]
    fn a_code_counts_only_with_its_status() {
        for code in ErrorCode::ALL {
            let body = format!(r#"{{"code":"{code}","message":"m"}}"#);
            assert_eq!(parsed(code.status(), None, &body).code(), Some(*code));
            assert!(matches!(
                parsed(418, None, &body),
                TransportError::UnknownStatus { status: 418 }
            ));
        }
        assert!(matches!(
            parsed(500, None, "<html>"),
            TransportError::UnknownStatus { status: 500 }
        ));
        assert!(matches!(
            parsed(500, None, r#"{"code":"new"}"#),
            TransportError::UnknownStatus { .. }
        ));
    }

    #[test]
    fn ids_are_ids() {
        let id = BlobId::of(b"x");
        let body = format!(r#"{{"code":"not_found","message":"","ids":["{id}"]}}"#);
        assert!(matches!(parsed(404, None, &body), TransportError::Server { ids, .. } if ids == [id]));
        let body = r#"{"code":"not_found","message":"","ids":["nonsense"]}"#;
        assert!(matches!(
            parsed(404, None, body),
            TransportError::UnknownStatus { .. }
        ));
    }

    #[test]
    fn retry_after_is_bounded() {
        let body = r#"{"code":"too_many_requests","message":""}"#;
        assert_eq!(
            parsed(429, Some("7"), body).retry_after(),
            Some(Duration::from_secs(7))
        );
        assert_eq!(
            parsed(429, Some("99999999"), body).retry_after(),
            Some(RETRY_AFTER_MAX)
        );
        assert_eq!(
            parsed(429, Some("Wed, 21 Oct 2026 07:28:00 GMT"), body).retry_after(),
            None
        );
        assert_eq!(parsed(429, None, body).retry_after(), None);
    }
}
