//! From the words alone to a device that has everything.

use std::path::Path;
use std::sync::Arc;

use crannog_agent_api::answer::{DeviceInfo, RecoverySummary};
use crannog_agent_api::{Code, Event, Failure, Secret};
use crannog_core::identity::{
    AccountSecrets, Expected, HomeOp, KnownChain, NewLink, Opener, WrittenWords, recover as recover_link,
};
use crannog_core::journal::{JournalKind, JournalState};
use crannog_proto::api::{AccountView, AppendLink, Principal};
use crannog_proto::sigchain::{Link, LinkKind};
use crannog_proto::sign::{Signature, VerifyingKey, message};
use crannog_proto::{DeviceId, ErrorCode, decode};
use crannog_seal::schedule::{DeviceKeys, DeviceSeed};
use crannog_seal::sign::RootSigningKey;

use crate::account::{Account, DeviceLogin, Identity, chain_refused};
use crate::db::{Heard, Meta, MetaKey};
use crate::engine::Dialogue;
use crate::error::{Error, Result};
use crate::join::{check_device, check_name, check_password, create_profile, parse_server, random_device};
use crate::profile;
use crate::shared::Shared;
use crate::transport::{LoginKey, Transport};

/// What a recovery needs to know.
pub(crate) struct Recover<'a> {
    pub(crate) server: &'a str,
    pub(crate) name: &'a str,
    pub(crate) device: &'a str,
    pub(crate) words: &'a Secret,
    pub(crate) password: &'a Secret,
}

pub(crate) async fn recover(
    home: &Path,
    recover: Recover<'_>,
    dialogue: &impl Dialogue,
) -> Result<Arc<Shared>> {
    profile::prepare(home)?;
    let url = parse_server(recover.server)?;
    check_name(recover.name)?;
    check_password(recover.password)?;
    let device_name = check_device(recover.device)?;
    let written = WrittenWords::parse(&recover.words.0).map_err(|error| {
        Failure::new(Code::WrongCredentials, error.to_string())
            .hint("twelve words in the order in which they were given, or the whole sheet")
    })?;
    let transport = Transport::connect(url.clone())?;
    let server = transport.server_info().await?;
    transport.set_login(
        recover.name,
        Arc::new(RootLogin(written.words().root_signing_key())),
    );
    let view = transport.account().await.map_err(wrong_words)?;
    let account = open_account(recover.name, &written, &view)?;

    let device = random_device();
    let device_seed = DeviceSeed::generate(&mut rand::rng());
    let identity = Identity {
        server: url.to_string(),
        receipt_key: server.receipt_key,
        name: recover.name.to_owned(),
        account: account.known.state().account,
        device,
        device_name,
        device_seed: device_seed.clone(),
        home: view.home,
    };
    let state = JournalState::new(view.home, JournalKind::Home, identity.account);
    let shared = create_profile(home, recover.password, identity, account, state, transport).await?;
    let journal = shared.home_journal()?;
    shared.catch_up(&journal).await?;
    let summary = summary(&shared).await?;
    let revoke = dialogue.confirm(Event::Recovery(summary)).await?;
    add_this_device(&shared, &written, &device_seed, &revoke).await?;
    profile::commit_key(home)?;
    let name = shared.identity.device_name.clone();
    shared
        .append_home(vec![HomeOp::DeviceNamed { device, name }])
        .await?;
    crate::background::sync_all(&shared).await?;
    Ok(shared)
}

/// Verifies the chain against the words and opens every generation.
fn open_account(name: &str, written: &WrittenWords, view: &AccountView) -> Result<Account> {
    let root = VerifyingKey(written.words().root_signing_key().public());
    let expected = Expected {
        name: Some(name),
        root: Some(root),
        account: None,
    };
    let mut known =
        KnownChain::first(view.links.clone(), &expected).map_err(|error| chain_refused(name, error))?;
    written
        .check_floor(known.state())
        .map_err(|check| Error::lied(check, format!("the sigchain of {name}")))?;
    let kem = written.words().recovery_kem_key();
    loop {
        let refused = match AccountSecrets::open(known.state(), &view.secrets, Opener::Recovery(&kem)) {
            Ok(secrets) => return Ok(Account { known, secrets }),
            Err(refused) => refused,
        };
        known = before_a_spoilt_generation(&known)
            .filter(|before| written.check_floor(before.state()).is_ok())
            .ok_or_else(|| Error::lied(refused.check(), format!("the account secret of {name}")))?;
        tracing::warn!(
            links = known.links().len(),
            "a device's newest generation does not open: it is cut off"
        );
    }
}

/// A device that was to go may have made the newest generation, and sealed nothing in it (`docs/spec/identity.md`, Recovery): the words
/// override it from there on. What the words made is never cut off.
fn before_a_spoilt_generation(known: &KnownChain) -> Option<KnownChain> {
    let kinds = known
        .links()
        .iter()
        .map(|link| decode::<Link>(&link.link).map(|link| link.kind));
    let kinds: Vec<LinkKind> = kinds.collect::<Result<_, _>>().ok()?;
    let began = kinds
        .iter()
        .rposition(|kind| !matches!(kind, LinkKind::AddDevice { .. }))?;
    let by_device = matches!(kinds.get(began)?, LinkKind::RevokeDevice { .. });
    let before = known.links().get(..began).filter(|_| by_device)?;
    KnownChain::first(before.to_vec(), &Expected::default()).ok()
}

async fn summary(shared: &Arc<Shared>) -> Result<RecoverySummary> {
    let account = shared.account();
    let last = account
        .known
        .links()
        .last()
        .and_then(|link| decode::<Link>(&link.link).ok());
    let last_link = last.map_or("none", |link| match link.kind {
        LinkKind::Create { .. } => "create",
        LinkKind::AddDevice { .. } => "add device",
        LinkKind::RevokeDevice { .. } => "revoke device",
        LinkKind::Recover { .. } => "recover",
        LinkKind::NewWords { .. } => "new words",
        LinkKind::Close => "close",
    });
    Ok(RecoverySummary {
        name: shared.identity.name.clone(),
        links: u32::try_from(account.known.links().len()).unwrap_or(u32::MAX),
        last_link: last_link.to_owned(),
        devices: devices(shared).await?,
        last_home_time: shared.db.read(|c| Meta(c).read(MetaKey::HomeTime)).await?,
    })
}

/// The devices of the sigchain, with the names that home gives them.
pub(crate) async fn devices(shared: &Shared) -> Result<Vec<DeviceInfo>> {
    let (account, home) = (shared.account(), shared.home());
    let whose = shared.identity.account;
    let heard = shared.db.read(move |c| Heard(c).of(&whose)).await?;
    let info = |id: DeviceId| DeviceInfo {
        id: id.to_string(),
        name: home.device_name(&id).unwrap_or("unnamed").to_owned(),
        this: id == shared.identity.device,
        heard: heard.get(&id).copied(),
    };
    Ok(account
        .known
        .state()
        .devices
        .iter()
        .map(|device| info(device.id))
        .collect())
}

async fn add_this_device(
    shared: &Arc<Shared>,
    written: &WrittenWords,
    seed: &DeviceSeed,
    revoke: &[String],
) -> Result<()> {
    let account = shared.account();
    let chain = account.known.state();
    let keep: Vec<DeviceId> = chain
        .devices
        .iter()
        .map(|device| device.id)
        .filter(|id| !revoke.contains(&id.to_string()))
        .collect();
    let device = shared.identity.device;
    let keys = DeviceKeys::new(seed, &device.0);
    let made = recover_link(
        chain,
        written.words(),
        &account.secrets,
        (device, &keys),
        &keep,
        &mut rand::rng(),
    )
    .map_err(|error| Error::User(Failure::new(Code::Internal, error.to_string())))?;
    let NewLink {
        link,
        secrets,
        account: generations,
        ..
    } = made;
    let links: Vec<_> = account
        .known
        .links()
        .iter()
        .cloned()
        .chain([link.clone()])
        .collect();
    let (known, _) = account
        .known
        .follow(links)
        .map_err(|error| chain_refused(&shared.identity.name, error))?;
    let generations =
        generations.ok_or_else(|| Failure::new(Code::Internal, "a recovery brings a new generation"))?;
    let next = Arc::new(Account {
        known,
        secrets: generations,
    });
    let saved = Arc::clone(&next);
    // Before the server hears of it: a device that is in the chain must have its keys.
    shared.db.write(move |tx| saved.save(tx)).await?;
    shared
        .retry(|| async {
            shared
                .transport
                .append_link(&AppendLink {
                    link: link.clone(),
                    secrets: secrets.clone(),
                })
                .await
        })
        .await?;
    shared.publish_account(next);
    shared.transport.set_login(
        shared.identity.name.clone(),
        Arc::new(DeviceLogin::new(device, seed)),
    );
    Ok(())
}

/// Logs in by the words.
pub(crate) struct RootLogin(pub(crate) RootSigningKey);

impl LoginKey for RootLogin {
    fn principal(&self) -> Principal {
        Principal::Root
    }

    fn sign_login(&self, label: &'static str, statement: &[u8]) -> Signature {
        Signature(self.0.sign(&message(label, statement)))
    }
}

/// What a server says to words that are not these.
pub(crate) fn wrong_words(error: crate::transport::TransportError) -> Error {
    match error.code() {
        Some(
            ErrorCode::Unauthorized | ErrorCode::BadSignature | ErrorCode::Forbidden | ErrorCode::NotFound,
        ) => Error::User(
            Failure::new(
                Code::WrongCredentials,
                "the server knows no account of this name with these words",
            )
            .hint("check the name, the words and the server's address"),
        ),
        _ => error.into(),
    }
}
