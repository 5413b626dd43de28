//! What is known of other people: their sigchains, and what they sent that was refused.

use crannog_core::identity::KnownChain;
use crannog_proto::AccountId;
use rusqlite::Connection;

use super::DbError;

/// So many refusals are remembered.
const REFUSED: i64 = 256;

/// Something from the inbox that was refused.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// Milliseconds since 1970.
    pub(crate) time: i64,
    /// `CHK-nnn`.
    pub(crate) check: String,
    /// What it was.
    pub(crate) text: String,
}

/// Access to what other people showed.
pub(crate) struct People<'a>(pub(crate) &'a Connection);

impl People<'_> {
    /// Every sigchain, verified again.
    pub(crate) fn chains(&self) -> Result<Vec<KnownChain>, DbError> {
        let mut statement = self.0.prepare_cached("SELECT links FROM chains")?;
        let mut rows = statement.query([])?;
        let mut chains = Vec::new();
        while let Some(row) = rows.next()? {
            chains.push(KnownChain::from_stored(&row.get::<_, Vec<u8>>(0)?)?);
        }
        Ok(chains)
    }

    /// Keeps a chain as it was verified.
    pub(crate) fn save_chain(&self, account: &AccountId, chain: &KnownChain) -> Result<(), DbError> {
        self.0
            .prepare_cached(
                "INSERT INTO chains (account, links) VALUES (?1, ?2) ON CONFLICT (account) DO UPDATE SET links = ?2",
            )?
            .execute((account.as_bytes().as_slice(), chain.to_stored()))?;
        Ok(())
    }

    /// Remembers a refusal; the oldest go.
    pub(crate) fn refuse(&self, refusal: &Refusal) -> Result<(), DbError> {
        self.0
            .prepare_cached("INSERT INTO refused (time, fault, text) VALUES (?1, ?2, ?3)")?
            .execute((refusal.time, &refusal.check, &refusal.text))?;
        self.0
            .prepare_cached("DELETE FROM refused WHERE id <= (SELECT max(id) FROM refused) - ?1")?
            .execute([REFUSED])?;
        Ok(())
    }

    /// The refusals, newest first.
    pub(crate) fn refusals(&self) -> Result<Vec<Refusal>, DbError> {
        let mut statement = self
            .0
            .prepare_cached("SELECT time, fault, text FROM refused ORDER BY id DESC")?;
        let rows = statement.query_map([], |row| {
            Ok(Refusal {
                time: row.get(0)?,
                check: row.get(1)?,
                text: row.get(2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
