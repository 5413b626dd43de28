//! Making an account: everything is made here, the words are kept by the user, then the server hears of it.

use std::path::Path;
use std::sync::Arc;

use crannog_agent_api::{Code, Event, Failure, Secret};
use crannog_core::identity::{HomeOp, KnownChain, NewAccount, RecoverySheet, create_account};
use crannog_core::journal::{JournalKind, JournalState};
use crannog_proto::api::{Register, Stored};
use crannog_proto::invite::Invite;
use crannog_proto::sigchain::is_account_name;
use crannog_proto::{DeviceId, ErrorCode, ServerUrl};
use crannog_seal::password::LocalDatabaseKey;
use rand::Rng;

use crate::account::{Account, DeviceLogin, Identity};
use crate::clock;
use crate::db::{Db, DbError, Journals, Meta, MetaKey};
use crate::engine::Dialogue;
use crate::error::{Error, Result};
use crate::profile;
use crate::shared::Shared;
use crate::transport::{Policy, Transport, TransportError, retry};

/// The drive that every account begins with.
pub(crate) const FIRST_DRIVE: &str = "main";

/// What a join needs to know.
pub(crate) struct Join<'a> {
    pub(crate) server: &'a str,
    pub(crate) invite: &'a Secret,
    pub(crate) name: &'a str,
    pub(crate) device: &'a str,
    pub(crate) password: &'a Secret,
}

pub(crate) async fn join(home: &Path, join: Join<'_>, dialogue: &impl Dialogue) -> Result<Arc<Shared>> {
    profile::prepare(home)?;
    let url = parse_server(join.server)?;
    let invite: Invite = join.invite.0.parse().map_err(|_| {
        Failure::new(Code::Usage, "that is not an invite")
            .hint("give the file that `crannogd invite create --json` wrote")
    })?;
    check_name(join.name)?;
    check_password(join.password)?;
    let device_name = check_device(join.device)?;
    let transport = Transport::connect(url.clone())?;
    let server = transport.server_info().await?;
    let made = make(join.name, &device_name).await?;
    let sheet = RecoverySheet::new(url.clone(), made.0.words, &made.0.chain);
    let words = Secret::new(sheet.words.phrase().to_string());
    let text = Secret(sheet.format());
    dialogue.confirm(Event::Sheet { words, sheet: text }).await?;
    drop(sheet);
    let (made, device) = (made.0.rest, made.1);
    let identity = Identity {
        server: url.to_string(),
        receipt_key: server.receipt_key,
        name: join.name.to_owned(),
        account: made.account,
        device,
        device_name,
        device_seed: made.device_seed.clone(),
        home: made.home,
    };
    transport.set_login(join.name, Arc::new(DeviceLogin::new(device, &made.device_seed)));
    let known = KnownChain::first(
        vec![made.link.clone()],
        &crannog_core::identity::Expected::default(),
    )
    .map_err(|error| crate::account::chain_refused(join.name, error))?;
    let account = Account {
        known,
        secrets: made.secrets,
    };
    let state = JournalState::new(made.home, JournalKind::Home, made.account);
    let shared = create_profile(home, join.password, identity, account, state, transport).await?;
    let register = Register {
        invite: invite.to_string(),
        link: made.link,
        secrets: made.sealed,
        home: made.home_genesis.entry.clone(),
    };
    let registered = retry(Policy::PROMPT, || shared.transport.register(&register))
        .await
        .map_err(explain)?;
    profile::commit_key(home)?;
    let journal = shared.home_journal()?;
    let stored = Stored {
        seq: 0,
        head: registered.receipt.head,
        entry: made.home_genesis.entry,
        body_gone: false,
    };
    shared.meets(&journal, &registered.receipt).await?;
    shared.take(&journal, stored, None).await?;
    let name = shared.identity.device_name.clone();
    shared
        .append_home(vec![HomeOp::DeviceNamed { device, name }])
        .await?;
    shared.create_drive(FIRST_DRIVE, true).await?;
    shared.refresh_account().await?;
    Ok(shared)
}

/// What [`create_account`] made, with the words apart so that they can go first.
struct Parts {
    words: crannog_seal::schedule::RecoveryWords,
    chain: crannog_proto::sigchain::SigchainState,
    rest: Rest,
}

struct Rest {
    account: crannog_proto::AccountId,
    home: crannog_proto::JournalId,
    secrets: crannog_core::identity::AccountSecrets,
    device_seed: crannog_seal::schedule::DeviceSeed,
    link: crannog_proto::sigchain::SignedLink,
    sealed: crannog_proto::sigchain::GenerationSecrets,
    home_genesis: crannog_core::journal::SealedEntry,
}

async fn make(name: &str, device_name: &str) -> Result<(Parts, DeviceId)> {
    let (name, device_name) = (name.to_owned(), device_name.to_owned());
    let made = tokio::task::spawn_blocking(move || {
        let device = random_device();
        create_account(&name, device, &device_name, clock::now_ms(), &mut rand::rng())
            .map(|made| (made, device))
    });
    let (made, device) = made
        .await
        .map_err(Error::task)?
        .map_err(|error| Error::User(Failure::new(Code::Internal, error.to_string())))?;
    let NewAccount {
        words,
        secrets,
        device_seed,
        link,
        sealed,
        home_genesis,
        home,
        chain,
        account,
        ..
    } = made;
    Ok((
        Parts {
            words,
            chain,
            rest: Rest {
                account,
                home,
                secrets,
                device_seed,
                link,
                sealed,
                home_genesis,
            },
        },
        device,
    ))
}

pub(crate) fn random_device() -> DeviceId {
    let mut id = DeviceId::ZERO;
    rand::rng().fill_bytes(&mut id.0);
    id
}

/// Makes key and database; the profile counts only once [`profile::commit_key`] ran.
pub(crate) async fn create_profile(
    home: &Path,
    password: &Secret,
    identity: Identity,
    account: Account,
    state: JournalState,
    transport: Transport,
) -> Result<Arc<Shared>> {
    let (home, password) = (home.to_owned(), password.clone());
    let shared = tokio::task::spawn_blocking(move || {
        let key = LocalDatabaseKey::generate(&mut rand::rng());
        profile::write_key(&home, &password, &key)?;
        let db = Db::open(&profile::database(&home), key.expose_to_database())?;
        db.with_writer(|tx| {
            let mut hash_key = [0; 32];
            rand::rng().fill_bytes(&mut hash_key);
            let meta = Meta(tx);
            meta.write(MetaKey::HashKey, &hash_key)?;
            meta.write(MetaKey::Identity, &identity)?;
            account.save(tx)?;
            Journals(tx).save(&identity.home, &state.snapshot(), None)?;
            Ok::<_, DbError>(())
        })?;
        let shared = db.with_writer(|tx| Shared::load(tx, db.clone(), transport, home))?;
        Ok::<_, Error>(Arc::new(shared))
    });
    shared.await.map_err(Error::task)?
}

pub(crate) fn parse_server(text: &str) -> Result<ServerUrl> {
    text.parse()
        .map_err(|error: crannog_proto::server_url::ParseServerUrlError| {
            Failure::new(Code::Usage, error.to_string()).object(text).into()
        })
}

pub(crate) fn check_name(name: &str) -> Result<()> {
    if is_account_name(name) {
        return Ok(());
    }
    let rule =
        "a name has 2 to 32 characters of a-z, 0-9 and -, begins with a letter and does not end with -";
    Err(Failure::new(Code::Usage, "that cannot be an account's name")
        .object(name)
        .hint(rule)
        .into())
}

pub(crate) fn check_device(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.len() > 64 || name.chars().any(char::is_control) {
        return Err(Failure::new(
            Code::Usage,
            "a device's name has 1 to 64 bytes without control characters",
        )
        .object(name)
        .into());
    }
    Ok(name.to_owned())
}

pub(crate) fn check_password(password: &Secret) -> Result<()> {
    if password.0.chars().count() >= 8 {
        return Ok(());
    }
    Err(Failure::new(Code::Usage, "the password is too short")
        .hint("eight characters at least; it opens this device only and never leaves it")
        .into())
}

/// Registration is not repeated blindly: the words are kept by now, so the hint can rely on them.
fn explain(error: TransportError) -> Error {
    match error.code() {
        Some(ErrorCode::NameTaken | ErrorCode::InviteInvalid) => error.into(),
        _ => {
            let failure: Failure = Error::from(error).into();
            let hint = "join again; if the name is then taken, the account was made and the words bring you in: crannog recover";
            Error::User(Failure {
                hint: Some(hint.to_owned()),
                ..failure
            })
        }
    }
}
