//! From a call to a request: the table of the interface, read from the right.

use data_encoding::BASE64;
use http::Method;
use serde::ser::SerializeMap;
use zeroize::Zeroizing;

use super::{Call, ExportVersion, Random, Sent};
use crate::json::{JsonObject, to_json_object};
use crate::path::{self, Mount, Name};
use crate::word::Worded;
use crate::wrong::Wrong;

impl Call {
    /// The request that makes this call.
    pub fn write(&self, mount: &Mount) -> Result<Sent, Wrong> {
        let at = |path: String| format!("/v1/{mount}/{path}");
        let keys = |key: &Name, what: &str| at(format!("keys/{key}{what}"));
        let sys = |path: &str| format!("/v1/sys/{path}");
        let auth = |path: &str| format!("/v1/auth/{path}");
        match self {
            Self::CreateKey(key, create) => post(keys(key, ""), |map| create.write(map)),
            Self::ReadKey(key, read) => {
                let context = read
                    .context
                    .as_ref()
                    .map(|context| BASE64.encode(context.expose()));
                Ok(get(keys(key, ""), &[("context", context)]))
            }
            Self::ListKeys => Ok(get(at("keys".to_owned()), &[("list", Some("true".to_owned()))])),
            Self::DeleteKey(key) => Ok(Sent {
                method: Method::DELETE,
                ..get(keys(key, ""), &[])
            }),
            Self::ConfigKey(key, config) => post(keys(key, "/config"), |map| config.write(map)),
            Self::RotateKey(key) => Ok(post_nothing(keys(key, "/rotate"))),
            Self::TrimKey(key, trim) => post(keys(key, "/trim"), |map| trim.write(map)),
            Self::ImportKey(key, import) => post(keys(key, "/import"), |map| import.write(map)),
            Self::ImportVersion(key, import) => post(keys(key, "/import_version"), |map| import.write(map)),
            Self::Encrypt(key, upsert, items) => post(at(format!("encrypt/{key}")), |map| {
                upsert.write(map)?;
                items.write(map)
            }),
            Self::Decrypt(key, items) => post(at(format!("decrypt/{key}")), |map| items.write(map)),
            Self::Rewrap(key, items) => post(at(format!("rewrap/{key}")), |map| items.write(map)),
            Self::Translate {
                source,
                target,
                items,
            } => post(at(format!("translate/{source}/{target}")), |map| items.write(map)),
            Self::DataKeyPlaintext(key, wish) => {
                post(at(format!("datakey/plaintext/{key}")), |map| wish.write(map))
            }
            Self::DataKeyWrapped(key, wish) => {
                post(at(format!("datakey/wrapped/{key}")), |map| wish.write(map))
            }
            Self::Sign(key, sign) => post(at(format!("sign/{key}")), |map| sign.write(map)),
            Self::Verify(key, verify) => post(at(format!("verify/{key}")), |map| verify.write(map)),
            Self::Hmac(key, hmac) => post(at(format!("hmac/{key}")), |map| hmac.write(map)),
            Self::Random(random, source) => {
                let path = match source {
                    None => "random".to_owned(),
                    Some(source) => format!("random/{}", source.as_str()),
                };
                post(at(path), |map| Random::write(random, map))
            }
            Self::Hash(hash) => post(at("hash".to_owned()), |map| hash.write(map)),
            Self::Export {
                what,
                key,
                version,
                format,
            } => {
                let mut path = format!("export/{}/{key}", what.as_str());
                match version {
                    None => {}
                    Some(ExportVersion::Latest) => path.push_str("/latest"),
                    Some(ExportVersion::Number(number)) => path.push_str(&format!("/{number}")),
                }
                let format = format.map(|format| format.as_str().to_owned());
                Ok(get(at(path), &[("format", format)]))
            }
            Self::Backup(key) => Ok(get(at(format!("backup/{key}")), &[])),
            Self::Restore(None, restore) => post(at("restore".to_owned()), |map| restore.write(map)),
            Self::Restore(Some(key), restore) => post(at(format!("restore/{key}")), |map| restore.write(map)),
            Self::WrappingKey => Ok(get(at("wrapping_key".to_owned()), &[])),
            Self::KeysConfig => Ok(get(at("config/keys".to_owned()), &[])),
            Self::Health(health) => Ok(get(
                sys("health"),
                &[
                    ("activecode", health.active.map(|code| code.to_string())),
                    ("sealedcode", health.sealed.map(|code| code.to_string())),
                ],
            )),
            Self::SealStatus => Ok(get(sys("seal-status"), &[])),
            Self::Leader => Ok(get(sys("leader"), &[])),
            Self::Init => Ok(get(sys("init"), &[])),
            Self::Initialize => Ok(post_nothing(sys("init"))),
            Self::Unseal => Ok(post_nothing(sys("unseal"))),
            Self::Mounts => Ok(get(sys("mounts"), &[])),
            Self::Mount(at) => Ok(post_nothing(sys(&format!("mounts/{}", encoded(at))))),
            Self::UiMount(at) => Ok(get(sys(&format!("internal/ui/mounts/{}", encoded(at))), &[])),
            Self::Login => Ok(post_nothing(auth("cert/login"))),
            Self::LookupSelf => Ok(get(auth("token/lookup-self"), &[])),
            Self::RenewSelf => Ok(post_nothing(auth("token/renew-self"))),
            Self::RevokeSelf => Ok(post_nothing(auth("token/revoke-self"))),
            Self::CapabilitiesSelf(asked) => post(sys("capabilities-self"), |map| {
                map.serialize_entry("paths", &asked.paths)
            }),
            Self::ReloadPolicy => Ok(post_nothing(sys("keyd/policy/reload"))),
            Self::ExplainPolicy(explain) => post(sys("keyd/policy/explain"), |map| explain.write(map)),
            Self::AuditCheckpoint => Ok(post_nothing(sys("keyd/audit/checkpoint"))),
            Self::AuditRecords(records) => Ok(get(
                sys("keyd/audit/records"),
                &[
                    ("from", Some(records.from.to_string())),
                    ("count", Some(records.count.to_string())),
                    ("wait", records.wait.map(|wait| wait.0.to_string())),
                ],
            )),
            Self::AuditHash(hash) => post(sys("keyd/audit/hash"), |map| hash.write(map)),
            Self::Unlock(unlock) => post(sys("keyd/unlock"), |map| unlock.write(map)),
            Self::DropConnections => Ok(post_nothing(sys("keyd/drop-connections"))),
            Self::Status => Ok(get(sys("keyd/status"), &[])),
        }
    }
}

fn encoded(path: &str) -> String {
    let segments: Vec<String> = path.split('/').map(path::encode).collect();
    segments.join("/")
}

fn get(mut target: String, query: &[(&str, Option<String>)]) -> Sent {
    let given = query
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)));
    for (nth, (name, value)) in given.enumerate() {
        target.push(if nth == 0 { '?' } else { '&' });
        target.push_str(name);
        target.push('=');
        target.push_str(&path::encode(value));
    }
    Sent {
        method: Method::GET,
        target,
        body: Zeroizing::default(),
    }
}

fn post_nothing(target: String) -> Sent {
    Sent {
        method: Method::POST,
        ..get(target, &[])
    }
}

fn post(
    target: String,
    write: impl FnOnce(&mut JsonObject<'_>) -> serde_json::Result<()>,
) -> Result<Sent, Wrong> {
    Ok(Sent {
        body: to_json_object(write)?,
        ..post_nothing(target)
    })
}
