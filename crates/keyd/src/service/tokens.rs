//! Tokens of TLS clients (KEY-012): bound to one certificate, they give no right and keep clients' habits.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;
use crannog_seal::keyd::TokenKey;
use data_encoding::BASE64URL_NOPAD;
use rand::Rng;
use zeroize::Zeroizing;

const PREFIX: &str = "crkd.";
const RANDOM: usize = 16;
const BODY: usize = 8 + RANDOM;
const TAG: usize = 32;
/// So many tokens can be renewed or revoked at once; more are told to log in anew (KEY-015).
const REMEMBERED: usize = 100_000;

/// What is remembered of a token until it would have ended.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Renewed { until: u64 },
    Revoked { until: u64 },
}

/// Makes tokens and judges them.
pub(super) struct Tokens {
    key: hmac::Key,
    ttl: u64,
    most: u64,
    fates: Mutex<HashMap<[u8; RANDOM], Fate>>,
}

/// A token that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    id: [u8; RANDOM],
    /// Seconds since 1970 at which it was made.
    pub(super) made: u64,
    /// And from which on it no longer counts.
    pub(super) until: u64,
}

/// KEY-012: not a token of this service, of this certificate, or of this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("KEY-012: the token does not count here and now")]
pub(super) struct BadToken;

impl Tokens {
    pub(super) fn new(key: &TokenKey, ttl: Duration, most: Duration) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.expose_to_mac()),
            ttl: ttl.as_secs(),
            most: most.as_secs(),
            fates: Mutex::default(),
        }
    }

    /// A new token for the certificate of this connection.
    pub(super) fn make(&self, certificate: &[u8; 32], now: u64) -> (Zeroizing<String>, Token) {
        let until = now.saturating_add(self.ttl);
        let mut id = [0; RANDOM];
        rand::rng().fill_bytes(&mut id);
        let mut bytes = Zeroizing::new(Vec::with_capacity(BODY + TAG));
        bytes.extend(until.to_be_bytes());
        bytes.extend(id);
        let tag = self.tag(&bytes, certificate);
        bytes.extend(tag.as_ref());
        let text = format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes));
        let token = Token { id, made: now, until };
        (Zeroizing::new(text), token)
    }

    /// The token of this text, if it is genuine, unexpired, not revoked, and of this connection's certificate.
    pub(super) fn judge(&self, text: &str, certificate: &[u8; 32], now: u64) -> Result<Token, BadToken> {
        let encoded = text.strip_prefix(PREFIX).ok_or(BadToken)?;
        let bytes = BASE64URL_NOPAD.decode(encoded.as_bytes()).map_err(|_| BadToken)?;
        let (body, tag) = bytes.split_first_chunk::<BODY>().ok_or(BadToken)?;
        let mut signed = body.to_vec();
        signed.extend(certificate);
        hmac::verify(&self.key, &signed, tag).map_err(|_| BadToken)?;
        let (until, id) = body.split_first_chunk::<8>().ok_or(BadToken)?;
        let first = u64::from_be_bytes(*until);
        let id = *id.first_chunk().ok_or(BadToken)?;
        let until = match self.fates().get(&id) {
            Some(Fate::Revoked { .. }) => return Err(BadToken),
            Some(Fate::Renewed { until }) => *until,
            None => first,
        };
        let token = Token {
            id,
            made: first.saturating_sub(self.ttl),
            until,
        };
        if now < token.until {
            Ok(token)
        } else {
            Err(BadToken)
        }
    }

    /// Counts from now on for the usual time again, at most to the end that its login set.
    pub(super) fn renew(&self, token: &Token, now: u64) -> Result<Token, BadToken> {
        let end = token.made.saturating_add(self.most);
        let until = now.saturating_add(self.ttl).min(end).max(token.until);
        self.remember(token.id, Fate::Renewed { until }, now)?;
        Ok(Token { until, ..*token })
    }

    /// Counts no longer.
    pub(super) fn revoke(&self, token: &Token, now: u64) -> Result<(), BadToken> {
        self.remember(token.id, Fate::Revoked { until: token.until }, now)
    }

    fn remember(&self, id: [u8; RANDOM], fate: Fate, now: u64) -> Result<(), BadToken> {
        let mut fates = self.fates();
        if fates.len() >= REMEMBERED {
            fates.retain(|_, fate| match fate {
                Fate::Renewed { until } | Fate::Revoked { until } => now < *until,
            });
        }
        if fates.len() >= REMEMBERED && !fates.contains_key(&id) {
            return Err(BadToken);
        }
        match (fates.get(&id), fate) {
            // A renewal under way does not bring back what was revoked meanwhile.
            (Some(Fate::Revoked { .. }), Fate::Renewed { .. }) => Err(BadToken),
            _ => {
                fates.insert(id, fate);
                Ok(())
            }
        }
    }

    fn fates(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; RANDOM], Fate>> {
        self.fates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tag(&self, body: &[u8], certificate: &[u8; 32]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(body);
        context.update(certificate);
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use crannog_seal::keyd::StoreKey;

    use super::*;

    const MINE: [u8; 32] = [1; 32];
    const HERS: [u8; 32] = [2; 32];

    fn tokens() -> Tokens {
        let key = StoreKey::generate(&mut rand::rng()).token_key(&[7; 16]);
        Tokens::new(&key, Duration::from_hours(1), Duration::from_hours(24))
    }

    /// KEY-012, and its honest twin.
    #[test]
    fn a_token_counts_with_its_own_certificate_alone() {
        let tokens = tokens();
        let (text, token) = tokens.make(&MINE, 1_000);
        assert_eq!(tokens.judge(&text, &MINE, 1_001), Ok(token));
        assert_eq!(tokens.judge(&text, &HERS, 1_001), Err(BadToken));
        assert_eq!(tokens.judge(&text, &MINE, 1_000 + 3_600), Err(BadToken));
        let (other, _) = Tokens::make(&self::tokens(), &MINE, 1_000);
        assert_eq!(tokens.judge(&other, &MINE, 1_001), Err(BadToken));
    }

    #[test]
    fn no_changed_or_cut_text_counts() {
        let tokens = tokens();
        let (text, _) = tokens.make(&MINE, 1_000);
        for at in 0..text.len() {
            let mut changed = text.as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(tokens.judge(&changed, &MINE, 1_001), Err(BadToken), "{at}");
            assert_eq!(tokens.judge(&text[..at], &MINE, 1_001), Err(BadToken), "{at}");
        }
    }

    #[test]
    fn renewing_ends_with_the_time_that_the_login_set() {
        let tokens = tokens();
        let (text, token) = tokens.make(&MINE, 0);
        let renewed = tokens.renew(&token, 3_000).unwrap();
        assert_eq!(renewed.until, 6_600);
        assert_eq!(tokens.judge(&text, &MINE, 6_000).unwrap().until, 6_600);
        let last = tokens.renew(&renewed, 23 * 3_600 + 1_800).unwrap();
        assert_eq!(last.until, 24 * 3_600);
    }

    #[test]
    fn a_revoked_token_stays_revoked() {
        let tokens = tokens();
        let (text, token) = tokens.make(&MINE, 0);
        tokens.revoke(&token, 1).unwrap();
        assert_eq!(tokens.judge(&text, &MINE, 2), Err(BadToken));
        assert_eq!(
            tokens.renew(&token, 3),
            Err(BadToken),
            "a renewal that was under way"
        );
        assert_eq!(tokens.judge(&text, &MINE, 4), Err(BadToken));
    }
}
