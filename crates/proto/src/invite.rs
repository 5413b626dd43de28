//! Invites: what the operator hands to a person who may make an account.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;

/// An invite: 16 random bytes, written in lower-case base32. It is a bearer secret until it is used.
#[derive(Clone, PartialEq, Eq)]
pub struct Invite(pub [u8; 16]);

/// Not an invite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an invite: 26 letters and digits are needed")]
pub struct ParseInviteError;

impl fmt::Display for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE32_NOPAD.encode(&self.0).to_lowercase())
    }
}

impl fmt::Debug for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Invite")
    }
}

impl FromStr for Invite {
    type Err = ParseInviteError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = BASE32_NOPAD
            .decode(text.trim().to_uppercase().as_bytes())
            .map_err(|_| ParseInviteError)?;
        Ok(Self(bytes.try_into().map_err(|_| ParseInviteError)?))
    }
}
