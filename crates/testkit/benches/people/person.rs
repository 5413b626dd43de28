//! Accounts by hand: core and transport, no engine, no profile.

use std::sync::Arc;
use std::time::SystemTime;

use crannog_client::transport::{LoginKey, Transport};
use crannog_core::identity::{AccountSecrets, Expected, KnownChain, NewAccount, create_account};
use crannog_core::inbox::{Invite, NoteIn, Purpose};
use crannog_core::journal::Author;
use crannog_proto::api::{Principal, Register};
use crannog_proto::sigchain::SigchainState;
use crannog_proto::sign::{Signature, message};
use crannog_proto::{DeviceId, ServerUrl};
use crannog_seal::schedule::DeviceKeys;
use futures_util::{StreamExt, stream};

/// Accounts that are made at once.
const AT_ONCE: usize = 8;

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

/// An account with one device.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) author: Author,
    pub(crate) chain: SigchainState,
    secrets: AccountSecrets,
    device: Arc<DeviceLogin>,
    server: ServerUrl,
}

struct DeviceLogin(DeviceId, DeviceKeys);

impl LoginKey for DeviceLogin {
    fn principal(&self) -> Principal {
        Principal::Device(self.0)
    }

    fn sign_login(&self, label: &'static str, statement: &[u8]) -> Signature {
        Signature(self.1.signing.sign(&message(label, statement)))
    }
}

impl Person {
    /// Makes an account.
    pub(crate) async fn join(transport: &Transport, server: &ServerUrl, invite: &str, name: &str) -> Self {
        let device = DeviceId(rand::random());
        let named = name.to_owned();
        // The words are stretched: not on a thread that carries requests.
        let made = tokio::task::spawn_blocking(move || {
            create_account(&named, device, "by hand", now(), &mut rand::rng()).unwrap()
        });
        let NewAccount {
            secrets,
            device_keys,
            link,
            sealed,
            home_genesis,
            chain,
            account,
            ..
        } = made.await.unwrap();
        transport
            .register(&Register {
                invite: invite.to_owned(),
                link,
                secrets: sealed,
                home: home_genesis.entry,
            })
            .await
            .unwrap();
        Self {
            name: name.to_owned(),
            author: Author { account, device },
            chain,
            secrets,
            device: Arc::new(DeviceLogin(device, device_keys)),
            server: server.clone(),
        }
    }

    /// Makes many, in the order of their names.
    pub(crate) async fn join_all(server: &ServerUrl, invite: &str, names: Vec<String>) -> Vec<Self> {
        let transport = Transport::connect(server.clone()).unwrap();
        let join = |name: String| {
            let transport = transport.clone();
            async move { Self::join(&transport, server, invite, &name).await }
        };
        stream::iter(names).map(join).buffered(AT_ONCE).collect().await
    }

    /// Connections of its own, and, from the first call that needs it, a session of its own.
    pub(crate) fn session(&self) -> Transport {
        let transport = Transport::connect(self.server.clone()).unwrap();
        transport.set_login(self.name.clone(), self.device.clone());
        transport
    }

    /// The device's keys.
    pub(crate) fn keys(&self) -> &DeviceKeys {
        &self.device.1
    }

    /// The newest invite from someone of this name in the inbox, which keeps it.
    pub(crate) async fn invite_from(&self, session: &Transport, sender: &str) -> Invite {
        let links = session.directory(sender).await.unwrap().links;
        let sender = KnownChain::first(links, &Expected::default()).unwrap();
        let newest = session.inbox().await.unwrap().drops.pop().expect("a drop");
        let note = NoteIn::open(&newest.sealed, &self.author.account, &self.secrets).unwrap();
        let note = note.verify(sender.state(), &self.chain, now()).unwrap();
        match note.note().purpose.clone() {
            Purpose::Invite(invite) => invite,
            other => panic!("{other:?}"),
        }
    }
}
