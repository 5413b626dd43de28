//! What clients of Transit ask of the service around keys: health, mounts, tokens, capabilities.

use std::collections::BTreeMap;

use crannog_keyd_audit::Time;
use crannog_keyd_client::{
    Answer, Auth, Capabilities, Health, HealthState, InitState, LeaderState, MountConfig, MountObject, Nil,
    Nullable, Refusal, SealState, SecretText, TokenState,
};
use crannog_keyd_keys::{KeyName, StoreId};
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::settings::Settings;
use super::tokens::{Token, Tokens};
use super::work::Done;
use crate::identity::Facts;
use crate::policy::{Op, Policy};

/// Clients parse the version and switch on it.
pub(super) fn version() -> String {
    format!("1.15.0+crannog.{}", env!("CARGO_PKG_VERSION"))
}

const CLUSTER: &str = "crannog-keyd";
/// Of one question for capabilities (KEY-015).
const MOST_PATHS: usize = 100;
const POLICIES: &str = "crannog-keyd";

pub(super) fn seconds() -> u64 {
    Time::now().micros() / 1_000_000
}

pub(super) fn health(wanted: &Health, store: StoreId, sealed: bool) -> Done {
    let status = if sealed {
        wanted.sealed.unwrap_or(503)
    } else {
        wanted.active.unwrap_or(200)
    };
    let state = HealthState {
        initialized: true,
        sealed,
        standby: false,
        performance_standby: false,
        replication_performance_mode: "disabled".to_owned(),
        replication_dr_mode: "disabled".to_owned(),
        server_time_utc: seconds(),
        version: version(),
        cluster_name: CLUSTER.to_owned(),
        cluster_id: uuid(&store.0),
    };
    Done::with_status(
        if (200..600).contains(&status) { status } else { 200 },
        Answer::Health(state),
    )
}

pub(super) fn seal_status(store: StoreId, sealed: bool) -> Done {
    Done::of(Answer::SealState(SealState {
        seal_type: "crannog".to_owned(),
        initialized: true,
        sealed,
        t: 1,
        n: 1,
        progress: 0,
        nonce: String::new(),
        version: version(),
        build_date: String::new(),
        migration: false,
        recovery_seal: true,
        storage_type: "file".to_owned(),
        cluster_name: CLUSTER.to_owned(),
        cluster_id: uuid(&store.0),
    }))
}

pub(super) fn leader() -> Done {
    Done::of(Answer::Leader(LeaderState {
        ha_enabled: false,
        is_self: true,
    }))
}

pub(super) fn init() -> Done {
    Done::of(Answer::Init(InitState { initialized: true }))
}

pub(super) fn mounts(settings: &Settings, store: StoreId) -> Done {
    let path = format!("{}/", settings.mount);
    let mounts = BTreeMap::from([(path, mount(store, None))]);
    Done::of(Answer::Mounts(mounts))
}

pub(super) fn ui_mount(settings: &Settings, store: StoreId, path: &str) -> Result<Done, Refusal> {
    let own = settings.mount.as_str();
    let asked = path.trim_matches('/');
    let within = asked
        .strip_prefix(own)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if !within {
        return Err(Refusal::denied());
    }
    Ok(Done::of(Answer::Mount(mount(store, Some(format!("{own}/"))))))
}

/// Nothing can be mounted; what is said depends on whether it is there already.
pub(super) fn refuse_mount(settings: &Settings, path: &str) -> Refusal {
    let own = settings.mount.as_str();
    if path.trim_matches('/') == own {
        Refusal::invalid(format!("path is already in use at {own}/"))
    } else {
        Refusal::invalid("the mounts are fixed")
    }
}

fn mount(store: StoreId, path: Option<String>) -> MountObject {
    let uuid = uuid(&store.0);
    MountObject {
        accessor: format!("transit_{}", uuid.get(..8).unwrap_or_default()),
        config: MountConfig {
            default_lease_ttl: 0,
            max_lease_ttl: 0,
            force_no_cache: false,
        },
        description: "keys of crannog-keyd".to_owned(),
        external_entropy_access: false,
        local: false,
        options: Nil,
        seal_wrap: false,
        mount_type: "transit".to_owned(),
        uuid,
        path,
    }
}

/// Sixteen bytes as a UUID is written (RFC 9562, section 4).
pub(super) fn uuid(bytes: &[u8; 16]) -> String {
    let hex = HEXLOWER.encode(bytes);
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}

/// A token for this connection's certificate.
pub(super) fn login(tokens: &Tokens, facts: &Facts) -> Result<Done, Refusal> {
    let certificate = facts
        .certificate()
        .ok_or_else(|| Refusal::invalid("client certificate must be supplied"))?;
    let (text, token) = tokens.make(certificate, seconds());
    Ok(Done::of(Answer::LoggedIn(auth(certificate, text, &token))))
}

pub(super) fn renew(tokens: &Tokens, facts: &Facts, token: Option<(&str, &Token)>) -> Result<Done, Refusal> {
    let (certificate, (text, token)) = facts.certificate().zip(token).ok_or_else(Refusal::denied)?;
    let renewed = tokens.renew(token, seconds()).map_err(|_| Refusal::denied())?;
    let text = Zeroizing::new(text.to_owned());
    Ok(Done::of(Answer::Renewed(auth(certificate, text, &renewed))))
}

pub(super) fn revoke(tokens: &Tokens, token: Option<&Token>) -> Result<Done, Refusal> {
    let token = token.ok_or_else(Refusal::denied)?;
    tokens.revoke(token, seconds()).map_err(|_| Refusal::denied())?;
    Ok(Done::nothing())
}

fn auth(certificate: &[u8; 32], text: Zeroizing<String>, token: &Token) -> Auth {
    let fingerprint = HEXLOWER.encode(certificate);
    Auth {
        client_token: SecretText::new(text),
        accessor: accessor(certificate),
        policies: vec![POLICIES.to_owned()],
        token_policies: vec![POLICIES.to_owned()],
        metadata: BTreeMap::from([("fingerprint".to_owned(), fingerprint)]),
        lease_duration: token.until.saturating_sub(seconds()),
        renewable: true,
        token_type: "service".to_owned(),
        orphan: true,
        entity_id: String::new(),
        num_uses: 0,
    }
}

/// Tells connections apart in lists, and nothing else.
fn accessor(certificate: &[u8; 32]) -> String {
    HEXLOWER
        .encode(certificate)
        .get(..24)
        .unwrap_or_default()
        .to_owned()
}

pub(super) fn lookup(facts: &Facts, token: Option<(&str, &Token)>) -> Done {
    let now = seconds();
    let made = token.map_or(now, |(_, token)| token.made);
    let until = token.map(|(_, token)| token.until);
    let told = |seconds: u64| Time::from_micros(seconds.saturating_mul(1_000_000)).to_string();
    Done::of(Answer::Token(TokenState {
        accessor: facts.certificate().map(accessor).unwrap_or_default(),
        creation_time: made,
        creation_ttl: until.map_or(0, |until| until.saturating_sub(made)),
        display_name: facts.to_string(),
        entity_id: String::new(),
        expire_time: Nullable(until.map(told)),
        explicit_max_ttl: 0,
        id: SecretText::new(token.map(|(text, _)| text.to_owned()).unwrap_or_default()),
        issue_time: Nullable(token.map(|_| told(made))),
        meta: Nil,
        num_uses: 0,
        orphan: true,
        path: "auth/cert/login".to_owned(),
        policies: vec![POLICIES.to_owned()],
        renewable: token.is_some(),
        ttl: until.map_or(0, |until| until.saturating_sub(now)),
        token_type: "service".to_owned(),
    }))
}

pub(super) fn capabilities(
    settings: &Settings,
    policy: &Policy,
    facts: &Facts,
    wanted: &Capabilities,
) -> Result<Done, Refusal> {
    if wanted.paths.len() > MOST_PATHS {
        return Err(Refusal::invalid(format!("at most {MOST_PATHS} paths")));
    }
    let of = |path: &String| (path.clone(), at_path(settings, policy, facts, path));
    Ok(Done::of(Answer::Capabilities(
        wanted.paths.iter().map(of).collect(),
    )))
}

fn at_path(settings: &Settings, policy: &Policy, facts: &Facts, path: &str) -> Vec<String> {
    let own = settings.mount.as_str();
    let rest = path.trim_matches('/').strip_prefix(own).unwrap_or_default();
    let segments: Vec<&str> = rest.split('/').filter(|segment| !segment.is_empty()).collect();
    let key = |name: &str| KeyName::parse(name).ok();
    let may =
        |op: Op, name: &str| key(name).is_some_and(|name| policy.decide(facts, op, Some(&name)).allowed());
    let plain = |op: Op| policy.decide(facts, op, None).allowed();
    let asked: Vec<(&str, bool)> = match segments.as_slice() {
        ["keys"] => vec![("list", policy.allows_somewhere(facts, Op::List))],
        ["keys", name] => vec![
            ("create", may(Op::Create, name)),
            ("read", may(Op::Read, name)),
            ("delete", may(Op::Delete, name)),
        ],
        ["keys", name, "import" | "import_version"] => vec![("update", may(Op::Import, name))],
        ["random", ..] => vec![("update", plain(Op::Random))],
        ["hash", ..] => vec![("update", plain(Op::Hash))],
        ["keys", name, verb] | [verb, name] => Op::parse(verb)
            .filter(|op| op.needs_key())
            .map(|op| {
                let word = if op == Op::Backup { "read" } else { "update" };
                vec![(word, may(op, name))]
            })
            .unwrap_or_default(),
        ["datakey", "plaintext", name] => vec![("update", may(Op::DatakeyPlaintext, name))],
        ["datakey", "wrapped", name] => vec![("update", may(Op::DatakeyWrapped, name))],
        ["sign", name, _] => vec![("update", may(Op::Sign, name))],
        ["translate", source, target] => {
            let both = may(Op::TranslateFrom, source) && may(Op::TranslateTo, target);
            vec![("update", both)]
        }
        ["export", "public-key", name, ..] => vec![("read", may(Op::Read, name))],
        ["export", _, name, ..] => vec![("read", may(Op::Export, name))],
        ["wrapping_key"] => vec![("read", policy.allows_somewhere(facts, Op::Import))],
        _ => Vec::new(),
    };
    let held: Vec<String> = asked
        .into_iter()
        .filter(|(_, held)| *held)
        .map(|(word, _)| word.to_owned())
        .collect();
    if held.is_empty() {
        vec!["deny".to_owned()]
    } else {
        held
    }
}
