//! From a request to a call: the table of the interface, read from the left.

use http::Method;

use super::{
    Call, Capabilities, Crypt, ExportKind, ExportVersion, Hash, Hmac, Random, RandomSource, Sign, Upsert,
    Verify,
};
use crate::json::{self, Fields};
use crate::path::{self, Mount, Name};
use crate::refusal::Refusal;
use crate::word::{Worded, decimal};

/// A request as it came.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path, and the query after a `?`.
    pub target: &'a str,
    /// The whole body; read only where the method is POST or PUT.
    pub body: &'a [u8],
}

/// What one request may ask for (KEY-015).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most items of a batch.
    pub batch: usize,
}

impl Limits {
    /// The most JSON values that a body of this limit may have: more than its known fields need, and still a bound of memory.
    pub(crate) const fn values(self) -> usize {
        self.batch.saturating_add(1).saturating_mul(64)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { batch: 10_000 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Get,
    Head,
    List,
    Write,
    Delete,
}

const GET: &str = "GET";
const WRITE: &str = "POST, PUT";
const GET_WRITE: &str = "GET, POST, PUT";

/// A request whose path was taken off.
struct Asked<'a> {
    verb: Verb,
    query: Fields<'a>,
    body: &'a [u8],
    limits: Limits,
}

impl Asked<'_> {
    fn get(&self) -> Result<&Fields<'_>, Refusal> {
        match self.verb {
            Verb::Get => Ok(&self.query),
            _ => Err(Refusal::method(GET)),
        }
    }

    fn write(&self) -> Result<Fields<'_>, Refusal> {
        match self.verb {
            Verb::Write => Ok(json::read(self.body, self.limits.values())?),
            _ => Err(Refusal::method(WRITE)),
        }
    }

    fn written<T: Worded>(&self) -> Result<T, Refusal> {
        Ok(T::read(&self.write()?)?)
    }
}

impl Call {
    /// The call that a request makes. Paths and methods that there are not are the refusals 404 and 405, whatever does not decode is 400
    /// in the words of the interface (CHK-029); an item of a batch that does not decode is an error of that item alone.
    pub fn read(request: &Received<'_>, mount: &Mount, limits: Limits) -> Result<Self, Refusal> {
        let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
        let segments = path::segments(path).ok_or_else(Refusal::not_found)?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let query = path::query(query)?;
        let listing = query.take::<Option<String>>("list")?;
        let verb = match request.method.as_str() {
            "GET" if matches!(listing.as_deref(), Some("true" | "1")) => Some(Verb::List),
            "GET" => Some(Verb::Get),
            "HEAD" => Some(Verb::Head),
            "LIST" => Some(Verb::List),
            "POST" | "PUT" => Some(Verb::Write),
            "DELETE" => Some(Verb::Delete),
            _ => None,
        };
        let asked = Asked {
            verb: verb.ok_or_else(|| Refusal::method("DELETE, GET, HEAD, LIST, POST, PUT"))?,
            query,
            body: request.body,
            limits,
        };
        let Some(("v1", path)) = segments.split_first().map(|(first, path)| (*first, path)) else {
            return Err(Refusal::not_found());
        };
        if let Some(path) = mount.strip(path) {
            return transit(path, &asked);
        }
        match path {
            ["sys", "keyd", path @ ..] => own(path, &asked),
            ["sys", path @ ..] => system(path, &asked),
            ["auth", path @ ..] => authentication(path, &asked),
            _ => Err(Refusal::not_found()),
        }
    }
}

/// A name that does not fit its pattern is a path that there is not.
fn name(text: &str) -> Result<Name, Refusal> {
    Name::parse(text).map_err(|_| Refusal::not_found())
}

fn transit(path: &[&str], asked: &Asked<'_>) -> Result<Call, Refusal> {
    match *path {
        ["keys"] => match asked.verb {
            Verb::List => Ok(Call::ListKeys),
            _ => Err(Refusal::method("GET, LIST")),
        },
        ["keys", key] => one_key(name(key)?, asked),
        ["keys", key, "config"] => Ok(Call::ConfigKey(name(key)?, asked.written()?)),
        ["keys", key, "rotate"] => {
            let key = name(key)?;
            asked.write()?;
            Ok(Call::RotateKey(key))
        }
        ["keys", key, "trim"] => Ok(Call::TrimKey(name(key)?, asked.written()?)),
        ["keys", key, "import"] => Ok(Call::ImportKey(name(key)?, asked.written()?)),
        ["keys", key, "import_version"] => Ok(Call::ImportVersion(name(key)?, asked.written()?)),
        ["encrypt", key] => {
            let (key, fields) = (name(key)?, asked.write()?);
            let items = Crypt::read(&fields, asked.limits.batch)?;
            Ok(Call::Encrypt(key, Upsert::read(&fields)?, items))
        }
        ["decrypt", key] => {
            let (key, fields) = (name(key)?, asked.write()?);
            Ok(Call::Decrypt(key, Crypt::read(&fields, asked.limits.batch)?))
        }
        ["rewrap", key] => {
            let (key, fields) = (name(key)?, asked.write()?);
            Ok(Call::Rewrap(key, Crypt::read(&fields, asked.limits.batch)?))
        }
        ["translate", source, target] => {
            let (source, target, fields) = (name(source)?, name(target)?, asked.write()?);
            Ok(Call::Translate {
                source,
                target,
                items: Crypt::read(&fields, asked.limits.batch)?,
            })
        }
        ["datakey", "plaintext", key] => Ok(Call::DataKeyPlaintext(name(key)?, data_key(asked)?)),
        ["datakey", "wrapped", key] => Ok(Call::DataKeyWrapped(name(key)?, data_key(asked)?)),
        ["sign", key, ref hash @ ..] => {
            let (key, hash, fields) = (name(key)?, at_most_one(hash)?, asked.write()?);
            Ok(Call::Sign(key, Sign::read(&fields, hash, asked.limits.batch)?))
        }
        ["verify", key, ref hash @ ..] => {
            let (key, hash, fields) = (name(key)?, at_most_one(hash)?, asked.write()?);
            Ok(Call::Verify(
                key,
                Verify::read(&fields, hash, asked.limits.batch)?,
            ))
        }
        ["hmac", key, ref hash @ ..] => {
            let (key, hash, fields) = (name(key)?, at_most_one(hash)?, asked.write()?);
            Ok(Call::Hmac(key, Hmac::read(&fields, hash, asked.limits.batch)?))
        }
        ["random", ref what @ ..] => random(what, asked),
        ["hash", ref algorithm @ ..] => {
            let algorithm = at_most_one(algorithm)?;
            Ok(Call::Hash(Hash::read(&asked.write()?, algorithm)?))
        }
        ["export", what, key] => export(what, key, None, asked),
        ["export", what, key, version] => export(what, key, Some(version), asked),
        ["backup", key] => {
            let key = name(key)?;
            asked.get()?;
            Ok(Call::Backup(key))
        }
        ["restore"] => Ok(Call::Restore(None, asked.written()?)),
        ["restore", key] => Ok(Call::Restore(Some(name(key)?), asked.written()?)),
        ["wrapping_key"] => {
            asked.get()?;
            Ok(Call::WrappingKey)
        }
        ["config", "keys"] => {
            asked.get()?;
            Ok(Call::KeysConfig)
        }
        // A setting of the file.
        ["cache-config"] => Err(Refusal::method("")),
        _ => Err(Refusal::not_found()),
    }
}

fn one_key(key: Name, asked: &Asked<'_>) -> Result<Call, Refusal> {
    match asked.verb {
        Verb::Get => Ok(Call::ReadKey(key, Worded::read(&asked.query)?)),
        Verb::Write => Ok(Call::CreateKey(key, asked.written()?)),
        Verb::Delete => Ok(Call::DeleteKey(key)),
        Verb::Head | Verb::List => Err(Refusal::method("DELETE, GET, POST, PUT")),
    }
}

fn at_most_one<'a>(rest: &[&'a str]) -> Result<Option<&'a str>, Refusal> {
    match *rest {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(Refusal::not_found()),
    }
}

fn data_key(asked: &Asked<'_>) -> Result<super::DataKey, Refusal> {
    Ok(super::items::read_one(&asked.write()?)?)
}

fn random(what: &[&str], asked: &Asked<'_>) -> Result<Call, Refusal> {
    let number = |text: &str| {
        decimal(text)
            .map(|number| u32::try_from(number).unwrap_or(u32::MAX))
            .ok_or_else(Refusal::not_found)
    };
    let (source, bytes) = match *what {
        [] => (None, None),
        [one] if decimal(one).is_some() => (None, Some(number(one)?)),
        [source] => (Some(source), None),
        [source, bytes] => (Some(source), Some(number(bytes)?)),
        _ => return Err(Refusal::not_found()),
    };
    let fields = asked.write()?;
    let source = source.map(RandomSource::parse).transpose()?;
    Ok(Call::Random(Random::read_with(&fields, bytes)?, source))
}

fn export(what: &str, key: &str, version: Option<&str>, asked: &Asked<'_>) -> Result<Call, Refusal> {
    let key = name(key)?;
    let query = asked.get()?;
    Ok(Call::Export {
        what: ExportKind::parse(what)?,
        key,
        version: version.map(ExportVersion::parse).transpose()?,
        format: match query.take::<Option<String>>("format")?.as_deref() {
            None | Some("") => None,
            Some(format) => Some(super::ExportFormat::parse(format)?),
        },
    })
}

fn system(path: &[&str], asked: &Asked<'_>) -> Result<Call, Refusal> {
    match *path {
        ["health"] => match asked.verb {
            Verb::Get | Verb::Head => Ok(Call::Health(Worded::read(&asked.query)?)),
            _ => Err(Refusal::method("GET, HEAD")),
        },
        ["seal-status"] => asked.get().map(|_| Call::SealStatus),
        ["leader"] => asked.get().map(|_| Call::Leader),
        ["init"] => match asked.verb {
            Verb::Get => Ok(Call::Init),
            Verb::Write => Ok(Call::Initialize),
            _ => Err(Refusal::method(GET_WRITE)),
        },
        ["unseal"] => match asked.verb {
            Verb::Write => Ok(Call::Unseal),
            _ => Err(Refusal::method(WRITE)),
        },
        // Locking is a local command.
        ["seal"] => Err(Refusal::method("")),
        ["mounts"] => asked.get().map(|_| Call::Mounts),
        ["mounts", ref at @ ..] => match asked.verb {
            Verb::Write => Ok(Call::Mount(at.join("/"))),
            _ => Err(Refusal::method(WRITE)),
        },
        ["internal", "ui", "mounts", ref at @ ..] if !at.is_empty() => {
            asked.get().map(|_| Call::UiMount(at.join("/")))
        }
        ["capabilities-self"] => Ok(Call::CapabilitiesSelf(Capabilities::read(&asked.write()?)?)),
        _ => Err(Refusal::not_found()),
    }
}

fn authentication(path: &[&str], asked: &Asked<'_>) -> Result<Call, Refusal> {
    match *path {
        ["cert", "login"] => asked.write().map(|_| Call::Login),
        ["token", "lookup-self"] => match asked.verb {
            Verb::Get | Verb::Write => Ok(Call::LookupSelf),
            _ => Err(Refusal::method(GET_WRITE)),
        },
        ["token", "renew-self"] => asked.write().map(|_| Call::RenewSelf),
        ["token", "revoke-self"] => asked.write().map(|_| Call::RevokeSelf),
        _ => Err(Refusal::not_found()),
    }
}

fn own(path: &[&str], asked: &Asked<'_>) -> Result<Call, Refusal> {
    match *path {
        ["status"] => asked.get().map(|_| Call::Status),
        ["policy", "reload"] => asked.write().map(|_| Call::ReloadPolicy),
        ["policy", "explain"] => Ok(Call::ExplainPolicy(asked.written()?)),
        ["audit", "checkpoint"] => asked.write().map(|_| Call::AuditCheckpoint),
        ["audit", "records"] => Ok(Call::AuditRecords(Worded::read(asked.get()?)?)),
        ["audit", "hash"] => Ok(Call::AuditHash(asked.written()?)),
        ["unlock"] => Ok(Call::Unlock(asked.written()?)),
        ["drop-connections"] => asked.write().map(|_| Call::DropConnections),
        _ => Err(Refusal::not_found()),
    }
}
