//! The end of an account: by the recovery words alone, and for ever (`docs/adr/0011-account-delete.md`).

use std::sync::Arc;

use crannog_agent_api::answer::Changed;
use crannog_agent_api::{Answer, Code, Failure, Secret};
use crannog_core::identity::{KnownChain, WrittenWords, close};
use crannog_proto::api::{AppendLink, LinkSecrets};
use crannog_proto::sigchain::SigchainState;
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{ErrorCode, limits};

use crate::account::chain_refused;
use crate::error::{Error, Result};
use crate::join::parse_server;
use crate::recover::{RootLogin, wrong_words};
use crate::shared::Shared;
use crate::transport::Transport;

/// Another root's link may come at the same moment; one of a device's own is cut off.
const TRIES: usize = 3;

/// The chain to stand on. One that holds no further link gives up its last one, whoever filled it: the root cuts that off.
fn not_full(known: &KnownChain) -> SigchainState {
    let full = known.links().len() >= limits::LINKS_MAX;
    let second_last = known.state().cite().seq.saturating_sub(1);
    let shorter = full.then(|| known.up_to(second_last)).flatten();
    shorter.unwrap_or_else(|| known.state().clone())
}

impl Shared {
    /// Closes the account; without words only what that would end is said.
    pub(crate) async fn account_delete(
        self: &Arc<Self>,
        name: &str,
        words: Option<&Secret>,
        dry_run: bool,
    ) -> Result<Answer> {
        if name != self.identity.name {
            return Err(Failure::new(Code::Usage, "this is not the name of this account")
                .object(name)
                .hint("crannog whoami shows it; nothing was changed")
                .into());
        }
        let plan = self.what_ends();
        if !dry_run {
            let Some(words) = words else {
                return Err(Failure::new(Code::Usage, "the words are needed")
                    .hint("give --words-file FILE")
                    .into());
            };
            self.close_by(words).await?;
        }
        Ok(Answer::Changed(Changed {
            dry_run,
            plan,
            ..Changed::default()
        }))
    }

    /// Line by line: the account, the drives that it made with those who lose them, the drives of others.
    fn what_ends(&self) -> Vec<String> {
        let mut plan = vec![format!(
            "close the account {} for ever: nobody, not even its owner, gets it or its name again",
            self.identity.name
        )];
        let home = self.home();
        for drive in home.drives() {
            let Some(journal) = self.journal(&drive.journal) else {
                continue;
            };
            let (state, name) = (journal.state(), drive.name.unwrap_or("unnamed"));
            let creator = state.creator();
            plan.push(match creator.filter(|creator| !self.is_me(creator)) {
                Some(creator) => format!("leave drive {name} of {}", self.name_of_person(&creator)),
                None => {
                    let others = state
                        .members()
                        .iter()
                        .filter(|member| !self.is_me(&member.account));
                    let others: Vec<String> = others
                        .map(|member| self.name_of_person(&member.account))
                        .collect();
                    match others.is_empty() {
                        true => format!("delete drive {name}"),
                        false => format!("delete drive {name}, also for {}", others.join(", ")),
                    }
                }
            });
        }
        plan
    }

    async fn close_by(self: &Arc<Self>, words: &Secret) -> Result<()> {
        let written = WrittenWords::parse(&words.0).map_err(|error| {
            Failure::new(Code::WrongCredentials, error.to_string())
                .hint("twelve words in the order in which they were given, or the whole sheet")
        })?;
        let root = written.words().root_signing_key();
        if VerifyingKey(root.public()) != self.account().known.state().root {
            return Err(
                Failure::new(Code::WrongCredentials, "these are not the words of this account")
                    .object(self.identity.name.clone())
                    .hint("nothing was changed")
                    .into(),
            );
        }
        let transport = Transport::connect(parse_server(&self.identity.server)?)?;
        transport.set_login(
            self.identity.name.clone(),
            Arc::new(RootLogin(written.words().root_signing_key())),
        );
        for attempt in 1..=TRIES {
            match self.try_close(&transport, &written).await {
                Err(error) if attempt < TRIES && error.server_code() == Some(ErrorCode::BadChain) => {}
                result => return result,
            }
        }
        Ok(())
    }

    async fn try_close(&self, transport: &Transport, written: &WrittenWords) -> Result<()> {
        let view = transport.account().await.map_err(wrong_words)?;
        let refused = |error| chain_refused(&self.identity.name, error);
        let (known, _): (KnownChain, _) = self.account().known.follow(view.links).map_err(refused)?;
        let made = close(&not_full(&known), written.words())
            .map_err(|error| Error::User(Failure::new(Code::Internal, error.to_string())))?;
        let link = AppendLink {
            link: made.link,
            secrets: LinkSecrets::None,
        };
        let sent = self.retry(|| transport.append_link(&link)).await;
        sent.map_err(|error| match error.server_code() {
            // The answer to an earlier attempt was lost on the way.
            Some(ErrorCode::Unauthorized) => Failure::new(
                Code::TryAgain,
                "the account may be closed already: the server does not know it any more",
            )
            .object(self.identity.name.clone())
            .hint("this profile was left as it is; crannog status says if the server still knows this device")
            .into(),
            _ => error,
        })
    }
}
