//! Many at once: one request, and a result for each item.

use zeroize::Zeroizing;

use super::Client;
use super::calls::{Binding, other_answer};
use crate::answer::{Answer, ItemFault, Outcomes};
use crate::call::{Call, Items, Upsert};
use crate::error::{Error, Misuse};
use crate::path::Name;
use crate::word::Ciphertext;
use crate::wrong::Wrong;

impl Client {
    /// Encrypts all, in one request. The results have the order of the items; each succeeds or fails by itself. Contexts are in all of them
    /// or in none.
    ///
    /// # Errors
    /// What concerns the whole request; a batch without items cannot be said.
    pub async fn encrypt_batch(
        &self,
        key: &str,
        items: &[(&[u8], Binding<'_>)],
    ) -> Result<Vec<Result<Ciphertext, ItemFault>>, Error> {
        not_empty(items)?;
        let batch = Items::batch(
            items
                .iter()
                .map(|(plaintext, binding)| binding.encrypt(plaintext)),
        );
        let call = Call::Encrypt(Name::parse(key)?, Upsert::default(), batch.into());
        match self.call(&call).await?.answer {
            Answer::Encrypted(Outcomes::Batch(outcomes)) => Ok(outcomes
                .into_iter()
                .map(|outcome| outcome.result.map(|encrypted| encrypted.ciphertext))
                .collect()),
            _ => Err(other_answer()),
        }
    }

    /// Decrypts all, in one request; as [`encrypt_batch`](Self::encrypt_batch).
    ///
    /// # Errors
    /// What concerns the whole request; a batch without items cannot be said.
    pub async fn decrypt_batch(
        &self,
        key: &str,
        items: &[(&Ciphertext, Binding<'_>)],
    ) -> Result<Vec<Result<Zeroizing<Vec<u8>>, ItemFault>>, Error> {
        not_empty(items)?;
        let batch = Items::batch(
            items
                .iter()
                .map(|(ciphertext, binding)| binding.decrypt(ciphertext)),
        );
        let call = Call::Decrypt(Name::parse(key)?, batch.into());
        match self.call(&call).await?.answer {
            Answer::Decrypted(Outcomes::Batch(outcomes)) => Ok(outcomes
                .into_iter()
                .map(|outcome| outcome.result.map(|decrypted| decrypted.plaintext.into_inner()))
                .collect()),
            _ => Err(other_answer()),
        }
    }
}

fn not_empty<T>(items: &[T]) -> Result<(), Error> {
    match items.is_empty() {
        true => Err(Error::Misuse(Misuse::Body(Wrong::Missing("items of the batch")))),
        false => Ok(()),
    }
}
