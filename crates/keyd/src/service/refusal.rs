//! From faults to refusals: the texts of the interface.

use crannog_keyd_audit::LogError;
use crannog_keyd_client::{ItemFault, Refusal};
use crannog_keyd_keys::KeyError;

use crate::store::StoreError;

/// Of a key operation. All but a failure of the library are the caller's; two are 500 because clients expect that.
pub(super) fn of_key(error: &KeyError) -> Refusal {
    let status = match error {
        KeyError::Internal | KeyError::BackupNotExportable | KeyError::BackupDisallowed => 500,
        _ => 400,
    };
    Refusal::new(status, error.to_string())
}

/// Of one item of a batch.
pub(super) fn of_item(error: &KeyError) -> ItemFault {
    ItemFault {
        text: error.to_string(),
        by_service: *error == KeyError::Internal,
    }
}

/// Of the store; `missing` is what is said of a key that is not there.
pub(super) fn of_store(error: &StoreError, missing: impl FnOnce() -> Refusal) -> Refusal {
    match error {
        StoreError::NoKey => missing(),
        StoreError::Key(error) => of_key(error),
        StoreError::Damaged | StoreError::Changed => Refusal::failed(error.to_string()),
        error => {
            tracing::error!(%error, "the store failed");
            Refusal::failed(match error {
                StoreError::Io { .. } => "the disk failed or is full; nothing was changed",
                _ => "the store failed; the service's log says why",
            })
        }
    }
}

/// What most operations say of a missing key.
pub(super) fn no_key() -> Refusal {
    Refusal::invalid("encryption key not found")
}

/// Nothing is answered that is not recorded.
pub(super) fn of_log(error: &LogError) -> Refusal {
    tracing::error!(%error, "the audit log takes no record");
    Refusal::unavailable("the audit log cannot be written")
}
