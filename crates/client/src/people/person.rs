//! How a person is shown: always with whether she was verified.

use crannog_agent_api::answer::Person;
use crannog_agent_api::request;
use crannog_core::identity::root_words;
use crannog_core::journal::Role;
use crannog_proto::AccountId;

use crate::shared::Shared;

/// A role in the words of commands.
pub(crate) fn shown_role(role: Role) -> request::Role {
    match role {
        Role::Reader => request::Role::Reader,
        Role::Append => request::Role::Append,
        Role::Writer => request::Role::Writer,
        Role::Admin => request::Role::Admin,
    }
}

/// And back.
pub(crate) fn core_role(role: request::Role) -> Role {
    match role {
        request::Role::Reader => Role::Reader,
        request::Role::Append => Role::Append,
        request::Role::Writer => Role::Writer,
        request::Role::Admin => Role::Admin,
    }
}

impl Shared {
    /// A person with a device as she calls it.
    pub(crate) fn person(&self, account: &AccountId, device: &str) -> Person {
        Person {
            name: self.name_of_person(account),
            account: account.to_string(),
            device: device.to_owned(),
            me: self.is_me(account),
            verified: self.is_verified(account),
        }
    }

    /// Her pinned name; else the name of her sigchain, unless someone else is pinned under it.
    pub(crate) fn name_of_person(&self, account: &AccountId) -> String {
        if self.is_me(account) {
            return self.identity.name.clone();
        }
        let home = self.home();
        if let Some(pin) = home.pin(account) {
            return pin.name.clone();
        }
        let chains = self.chains();
        let Some(chain) = chains.state(account) else {
            return account.to_string();
        };
        if self.is_namesake(account) {
            format!("{} (not the one you know: {account})", chain.name)
        } else {
            chain.name.clone()
        }
    }

    /// Nobody pinned her, and she is called as someone who is pinned, or as this account: she is not the one you know (CHK-008).
    pub(crate) fn is_namesake(&self, account: &AccountId) -> bool {
        let (home, chains) = (self.home(), self.chains());
        if self.is_me(account) || home.pin(account).is_some() {
            return false;
        }
        let Some(chain) = chains.state(account) else {
            return false;
        };
        chain.name == self.identity.name || home.pins().any(|(_, pin)| pin.name == chain.name)
    }

    /// Somebody verified her root, and it is still the same.
    pub(crate) fn is_verified(&self, account: &AccountId) -> bool {
        self.is_me(account)
            || self.home().pin(account).is_some_and(|pin| pin.verified > 0) && !self.root_changed(account)
    }

    /// Her chain has another root than the one that was pinned: nobody has looked yet.
    pub(crate) fn root_changed(&self, account: &AccountId) -> bool {
        let chains = self.chains();
        match (self.home().pin(account), chains.state(account)) {
            (Some(pin), Some(chain)) => pin.root != chain.root,
            _ => false,
        }
    }

    /// Her root as words, to be compared; empty for someone never asked for.
    pub(crate) fn words_of(&self, account: &AccountId) -> String {
        let pinned = self.home().pin(account).map(|pin| pin.root);
        let root = pinned.or_else(|| self.chains().state(account).map(|chain| chain.root));
        root.map(|root| root_words(&root)).unwrap_or_default()
    }
}
