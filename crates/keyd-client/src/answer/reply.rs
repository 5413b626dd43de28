//! The envelope around an answer.

use serde::Serialize;
use serde::ser::SerializeMap;
use zeroize::Zeroizing;

use super::{Answer, Outcomes};
use crate::call::{Call, Items};
use crate::json::{Fields, JsonObject, Value, to_json, to_json_object};
use crate::word::{Word, Worded};
use crate::wrong::Wrong;

/// An answer with what stands around it.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status: 200, 204, or of a batch in which something failed another one.
    pub status: u16,
    /// The request's id in the audit log; empty where there is no envelope.
    pub request_id: String,
    /// What the caller should know besides.
    pub warnings: Vec<String>,
    /// The answer.
    pub answer: Answer,
}

impl Reply {
    /// The body; none for [`Answer::Nothing`].
    pub fn to_json(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Wrong> {
        match &self.answer {
            Answer::Nothing => Ok(None),
            Answer::Health(health) => to_json(health).map(Some),
            Answer::SealState(seal) => to_json(seal).map(Some),
            Answer::Leader(leader) => to_json(leader).map(Some),
            Answer::Init(init) => to_json(init).map(Some),
            _ => to_json_object(|map| self.write(map)).map(Some),
        }
    }

    fn write(&self, map: &mut JsonObject<'_>) -> serde_json::Result<()> {
        map.serialize_entry("request_id", &self.request_id)?;
        map.serialize_entry("lease_id", "")?;
        map.serialize_entry("renewable", &false)?;
        map.serialize_entry("lease_duration", &0)?;
        let auth = match &self.answer {
            Answer::LoggedIn(auth) | Answer::Renewed(auth) => Some(auth),
            answer => {
                map.serialize_entry("data", &Data(answer))?;
                None
            }
        };
        if auth.is_some() {
            map.serialize_entry("data", &())?;
        }
        map.serialize_entry("wrap_info", &())?;
        match self.warnings.as_slice() {
            [] => map.serialize_entry("warnings", &())?,
            warnings => map.serialize_entry("warnings", warnings)?,
        }
        map.serialize_entry("auth", &auth)?;
        map.serialize_entry("mount_type", self.answer.mount_type())?;
        if let Answer::Mounts(mounts) = &self.answer {
            mounts
                .iter()
                .try_for_each(|(path, mount)| map.serialize_entry(path, mount))?;
        }
        Ok(())
    }

    /// The reply to `call`, out of an answer that is no refusal.
    pub(crate) fn read(call: &Call, status: u16, body: &Fields<'_>) -> Result<Self, Wrong> {
        Ok(Self {
            status,
            request_id: body.take::<Option<String>>("request_id")?.unwrap_or_default(),
            warnings: body.take::<Option<Vec<String>>>("warnings")?.unwrap_or_default(),
            answer: Answer::read(call, body)?,
        })
    }
}

/// What stands in `data`.
struct Data<'a>(&'a Answer);

impl Serialize for Data<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Answer::Key(key) => key.serialize(serializer),
            Answer::Keys(keys) => keys.serialize(serializer),
            Answer::Encrypted(outcomes) => outcomes.serialize(serializer),
            Answer::Decrypted(outcomes) => outcomes.serialize(serializer),
            Answer::DataKey(key) => key.serialize(serializer),
            Answer::Signed(outcomes) => outcomes.serialize(serializer),
            Answer::Verified(outcomes) => outcomes.serialize(serializer),
            Answer::Hmac(outcomes) => outcomes.serialize(serializer),
            Answer::Random(bytes) => bytes.serialize(serializer),
            Answer::Sum(sum) => sum.serialize(serializer),
            Answer::Exported(key) => key.serialize(serializer),
            Answer::Backup(backup) => backup.serialize(serializer),
            Answer::WrappingKey(key) => key.serialize(serializer),
            Answer::KeysConfig(config) => config.serialize(serializer),
            Answer::Mounts(mounts) => mounts.serialize(serializer),
            Answer::Mount(mount) => mount.serialize(serializer),
            Answer::Token(token) => token.serialize(serializer),
            Answer::Capabilities(paths) => paths.serialize(serializer),
            Answer::Status(status) => status.serialize(serializer),
            Answer::PolicyLoaded(loaded) => loaded.serialize(serializer),
            Answer::Explanation(explanation) => explanation.serialize(serializer),
            Answer::Checkpoint(checkpoint) => checkpoint.serialize(serializer),
            Answer::AuditLines(lines) => lines.serialize(serializer),
            Answer::HashedValue(hash) => hash.serialize(serializer),
            Answer::Nothing
            | Answer::LoggedIn(_)
            | Answer::Renewed(_)
            | Answer::Health(_)
            | Answer::SealState(_)
            | Answer::Leader(_)
            | Answer::Init(_) => serializer.serialize_unit(),
        }
    }
}

impl<T: Worded> Serialize for Outcomes<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.write(&mut map)?;
        map.end()
    }
}

impl Answer {
    fn mount_type(&self) -> &'static str {
        match self {
            Self::LoggedIn(_) => "cert",
            Self::Renewed(_) | Self::Token(_) => "token",
            Self::Mounts(_)
            | Self::Mount(_)
            | Self::Capabilities(_)
            | Self::Status(_)
            | Self::PolicyLoaded(_)
            | Self::Explanation(_)
            | Self::Checkpoint(_)
            | Self::AuditLines(_)
            | Self::HashedValue(_) => "system",
            _ => "transit",
        }
    }

    fn read(call: &Call, body: &Fields<'_>) -> Result<Self, Wrong> {
        match call {
            Call::Health(_) => Worded::read(body).map(Self::Health),
            Call::SealStatus | Call::Unseal => Worded::read(body).map(Self::SealState),
            Call::Leader => Worded::read(body).map(Self::Leader),
            Call::Init => Worded::read(body).map(Self::Init),
            Call::Login => body.take("auth").map(Self::LoggedIn),
            Call::RenewSelf => body.take("auth").map(Self::Renewed),
            Call::CreateKey(..)
            | Call::ReadKey(..)
            | Call::ConfigKey(..)
            | Call::RotateKey(_)
            | Call::TrimKey(..) => data(body).map(Box::new).map(Self::Key),
            Call::ListKeys => data(body).map(Self::Keys),
            Call::Encrypt(_, _, crypt) => outcomes(body, &crypt.items).map(Self::Encrypted),
            Call::Rewrap(_, crypt) => outcomes(body, &crypt.items).map(Self::Encrypted),
            Call::Translate { items, .. } => outcomes(body, &items.items).map(Self::Encrypted),
            Call::Decrypt(_, crypt) => outcomes(body, &crypt.items).map(Self::Decrypted),
            Call::DataKeyPlaintext(..) | Call::DataKeyWrapped(..) => data(body).map(Self::DataKey),
            Call::Sign(_, sign) => outcomes(body, &sign.items).map(Self::Signed),
            Call::Verify(_, verify) => outcomes(body, &verify.items).map(Self::Verified),
            Call::Hmac(_, hmac) => outcomes(body, &hmac.items).map(Self::Hmac),
            Call::Random(..) => data(body).map(Self::Random),
            Call::Hash(_) => data(body).map(Self::Sum),
            Call::Export { .. } => data(body).map(Self::Exported),
            Call::Backup(_) => data(body).map(Self::Backup),
            Call::WrappingKey => data(body).map(Self::WrappingKey),
            Call::KeysConfig => data(body).map(Self::KeysConfig),
            Call::Mounts => data(body).map(Self::Mounts),
            Call::UiMount(_) => data(body).map(Self::Mount),
            Call::LookupSelf => data(body).map(Self::Token),
            Call::CapabilitiesSelf(_) => data(body).map(Self::Capabilities),
            Call::Status => data(body).map(Box::new).map(Self::Status),
            Call::ReloadPolicy => data(body).map(Self::PolicyLoaded),
            Call::ExplainPolicy(_) => data(body).map(Self::Explanation),
            Call::AuditCheckpoint => data(body).map(Self::Checkpoint),
            Call::AuditRecords(_) => data(body).map(Self::AuditLines),
            Call::AuditHash(_) => data(body).map(Self::HashedValue),
            Call::DeleteKey(_)
            | Call::Restore(..)
            | Call::ImportKey(..)
            | Call::ImportVersion(..)
            | Call::Initialize
            | Call::Mount(_)
            | Call::RevokeSelf
            | Call::Unlock(_)
            | Call::DropConnections => Ok(Self::Nothing),
        }
    }
}

fn data<T: Word>(body: &Fields<'_>) -> Result<T, Wrong> {
    body.take("data")
}

fn outcomes<I, T: Worded>(body: &Fields<'_>, items: &Items<I>) -> Result<Outcomes<T>, Wrong> {
    match body.value("data") {
        Some(Value::Object(data)) => Outcomes::read(data, items.batch_len()),
        _ => Err(Wrong::Missing("data")),
    }
}
