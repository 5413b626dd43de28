//! What the service or the way to it says, as a failure: whose fault it is decides the code, known sentences the check.

use std::io;

use crannog_keyd_client::{Error, Misbehaviour, Misuse, Refusal, RefusalKind};

use crate::failure::{Code, Failure};

/// Sentences of the interface that say more than their status.
const SENTENCES: &[(&str, Code, Option<&str>, Option<&str>)] = &[
    (
        "unable to decrypt",
        Code::VerificationFailed,
        Some("CHK-002"),
        None,
    ),
    ("does not open", Code::VerificationFailed, Some("CHK-002"), None),
    (
        "key is damaged",
        Code::VerificationFailed,
        Some("KEY-001"),
        Some("crannog-keyd doctor"),
    ),
    (
        "has reached its limit of uses",
        Code::Quota,
        Some("KEY-007"),
        Some("crannog-keyd keys rotate NAME"),
    ),
    (
        "context provided for a key that is not derived",
        Code::Usage,
        Some("KEY-005"),
        Some("leave --context out"),
    ),
    (
        "missing 'context' for key derivation",
        Code::Usage,
        Some("KEY-005"),
        Some("give --context"),
    ),
    (
        "nonce provided when not allowed",
        Code::Usage,
        Some("KEY-005"),
        None,
    ),
    (
        "private key material is not exportable",
        Code::Denied,
        Some("KEY-013"),
        None,
    ),
    (
        "exporting is disallowed on the policy",
        Code::Denied,
        Some("KEY-013"),
        None,
    ),
    (
        "plaintext backup is disallowed on the policy",
        Code::Denied,
        Some("KEY-013"),
        None,
    ),
    (
        "deletion is not allowed for this key",
        Code::Denied,
        None,
        Some("crannog-keyd keys config NAME --deletion-allowed true"),
    ),
    (
        "import path cannot be used with an existing key",
        Code::Conflict,
        None,
        Some("give --new-version to add a version to it"),
    ),
    ("already exist", Code::Conflict, None, None),
    ("not found", Code::NotFound, None, None),
    ("no existing key named", Code::NotFound, None, None),
    ("invalid key name", Code::NotFound, None, None),
    ("cannot be found", Code::NotFound, None, None),
    ("too long for this key type", Code::Quota, None, None),
    ("(limits.", Code::Quota, Some("KEY-015"), None),
    (
        "the policy, line",
        Code::Other,
        None,
        Some("crannog-keyd policy check"),
    ),
    (
        "KEY-010: ",
        Code::VerificationFailed,
        None,
        Some("crannog-keyd policy check"),
    ),
];

/// Why a call has no answer.
pub(crate) fn of(error: &Error) -> Failure {
    match error {
        Error::Unreachable(io::ErrorKind::PermissionDenied) => Failure::new(
            Code::Denied,
            "this user may not open the socket of the key service",
        )
        .hint("membership in the group crannog-keyd-clients opens it; a new one counts after the next login"),
        Error::Unreachable(_) => Failure::new(Code::TryAgain, error.to_string())
            .hint("is the service running? systemctl status crannog-keyd"),
        Error::Broken | Error::TimedOut => Failure::new(Code::TryAgain, error.to_string())
            .hint("whether it was done is not known: look before doing it again"),
        Error::Refused(refusal) => refused(refusal),
        Error::Misbehaved(how) => {
            Failure::new(Code::VerificationFailed, error.to_string()).check(misbehaviour(how))
        }
        Error::Misuse(Misuse::Name(_)) => Failure::new(
            Code::Usage,
            "not a name of a key: 1 to 127 of A-Z a-z 0-9 _ - . and no - or . at an end",
        )
        .check("KEY-015"),
        Error::Misuse(_) => Failure::new(Code::Usage, error.to_string()),
        Error::Tls(crannog_keyd_client::TlsError::Refused(_)) => {
            Failure::new(Code::Denied, error.to_string())
                .hint("the policy must name this certificate, and --ca the service's")
        }
        Error::Tls(_) => Failure::new(Code::Usage, error.to_string()),
        _ => Failure::new(Code::Other, error.to_string()),
    }
}

/// Why one item of a batch failed.
pub(crate) fn item(text: &str) -> Failure {
    said(text).unwrap_or_else(|| Failure::new(Code::Usage, text))
}

fn refused(refusal: &Refusal) -> Failure {
    if let Some(failure) = refusal.errors.iter().find_map(|text| said(text)) {
        return failure;
    }
    let failure = |code| Failure::new(code, refusal.to_string());
    match refusal.kind() {
        RefusalKind::Denied => {
            failure(Code::Denied).hint("why: crannog-keyd policy explain SUBJECT KEY OP, as an administrator")
        }
        RefusalKind::NotFound => failure(Code::NotFound),
        RefusalKind::Invalid => failure(Code::Usage),
        RefusalKind::Bounds if refusal.status == 408 => failure(Code::TryAgain),
        RefusalKind::Bounds => failure(Code::Quota).check("KEY-015"),
        RefusalKind::Busy => {
            let wait = refusal.retry_after.map_or(1, |wait| wait.as_secs().max(1));
            failure(Code::TryAgain).hint(format!("again in {wait} s"))
        }
        RefusalKind::Sealed => {
            Failure::new(Code::Locked, "the store is locked").hint("crannog-keyd unlock, as an administrator")
        }
        RefusalKind::Unavailable => failure(Code::TryAgain).hint("crannog-keyd doctor"),
        _ => failure(Code::Other),
    }
}

/// A sentence that is known; its check stands before it, or is known with it.
fn said(text: &str) -> Option<Failure> {
    let (_, code, check, hint) = SENTENCES.iter().find(|(sentence, ..)| text.contains(sentence))?;
    let mut failure = Failure::new(*code, text);
    if failure.check.is_none() {
        failure.check = check.map(str::to_owned);
    }
    failure.hint = hint.map(str::to_owned);
    Some(failure)
}

fn misbehaviour(how: &Misbehaviour) -> &'static str {
    match how {
        Misbehaviour::TooLarge(_) => "KEY-015",
        Misbehaviour::ContentEncoding | Misbehaviour::Status(300..400) => "CHK-028",
        _ => "CHK-029",
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use crannog_keyd_client::{Error, Refusal};

    use super::of;
    use crate::failure::Code;

    #[test]
    fn refusals_have_codes_and_checks() {
        for (refusal, code, check) in [
            (
                Refusal::invalid("invalid ciphertext: unable to decrypt"),
                Code::VerificationFailed,
                Some("CHK-002"),
            ),
            (
                Refusal::invalid("key version has reached its limit of uses; rotate the key"),
                Code::Quota,
                Some("KEY-007"),
            ),
            (
                Refusal::invalid("context provided for a key that is not derived"),
                Code::Usage,
                Some("KEY-005"),
            ),
            (
                Refusal::invalid("private key material is not exportable"),
                Code::Denied,
                Some("KEY-013"),
            ),
            (
                Refusal::failed("KEY-003: key is damaged"),
                Code::VerificationFailed,
                Some("KEY-003"),
            ),
            (
                Refusal::failed("key is damaged"),
                Code::VerificationFailed,
                Some("KEY-001"),
            ),
            (Refusal::failed("key \"a\" already exists"), Code::Conflict, None),
            (Refusal::invalid("encryption key not found"), Code::NotFound, None),
            (Refusal::invalid("unknown key type x"), Code::Usage, None),
            (
                Refusal::invalid("CHK-002: does not open"),
                Code::VerificationFailed,
                Some("CHK-002"),
            ),
            (
                Refusal::invalid("KEY-010: the policy is not a file"),
                Code::VerificationFailed,
                Some("KEY-010"),
            ),
            (Refusal::not_found(), Code::NotFound, None),
            (Refusal::denied(), Code::Denied, None),
            (Refusal::sealed(), Code::Locked, None),
            (Refusal::body_too_large(), Code::Quota, Some("KEY-015")),
            (Refusal::too_many(Duration::from_secs(3)), Code::TryAgain, None),
            (
                Refusal::unavailable("the audit log cannot be written"),
                Code::TryAgain,
                None,
            ),
            (Refusal::failed("the disk failed"), Code::Other, None),
        ] {
            let failure = of(&Error::Refused(refusal));
            assert_eq!(
                (failure.code, failure.check.as_deref()),
                (code, check),
                "{failure}"
            );
        }
        assert_eq!(
            of(&Error::Unreachable(io::ErrorKind::NotFound)).code,
            Code::TryAgain
        );
        assert_eq!(
            of(&Error::Unreachable(io::ErrorKind::PermissionDenied)).code,
            Code::Denied
        );
    }
}
