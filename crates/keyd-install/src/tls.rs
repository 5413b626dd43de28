//! The key pair and the certificate of the TLS process.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use zeroize::Zeroizing;

use crate::error::InstallError;
use crate::files::look;
use crate::places::{TLS_CERT, TLS_KEY};
use crate::report::Action;
use crate::site::{Owner, Site};

const DAY: Duration = Duration::from_secs(86_400);
/// Nobody renews it by himself: clients hold the certificate itself.
const VALID_DAYS: u32 = 3_650;
/// What the machine calls itself.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// Makes a key pair and its certificate for a process that listens at `address`; what is there is kept.
pub(crate) fn key_pair(site: &mut Site<'_>, address: SocketAddr) -> Result<(), InstallError> {
    let (cert, key) = (site.on_disk(TLS_CERT), site.on_disk(TLS_KEY));
    if look(&cert)?.is_some() && look(&key)?.is_some() {
        site.tell("TLS key", key, Action::Kept);
        site.tell("TLS certificate", cert, Action::Kept);
        return Ok(());
    }
    let pair = match look(&key)? {
        Some(_) => KeyPair::from_pem(&read(&key)?)?,
        None => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?,
    };
    let pem = Zeroizing::new(pair.serialize_pem());
    site.operators_file("TLS key", TLS_KEY, pem.as_bytes(), Owner::read_by_tls(0o640))?;
    let certificate = params(address)?.self_signed(&pair)?.pem();
    let owner = Owner::read_by_tls(0o644);
    site.operators_file("TLS certificate", TLS_CERT, certificate.as_bytes(), owner)?;
    Ok(())
}

fn read(path: &std::path::Path) -> Result<Zeroizing<String>, InstallError> {
    let text = std::fs::read_to_string(path).map_err(crate::files::at(path))?;
    Ok(Zeroizing::new(text))
}

/// For the names by which clients can reach the address.
fn params(address: SocketAddr) -> Result<CertificateParams, InstallError> {
    let mut names = BTreeSet::from(["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()]);
    names.extend(host_name());
    if !address.ip().is_unspecified() {
        names.insert(address.ip().to_string());
    }
    let mut params = CertificateParams::new(names.into_iter().collect::<Vec<_>>())?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Crannog key service");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let yesterday = date_time_ymd(1970, 1, 1) + since.saturating_sub(DAY);
    params.not_before = yesterday;
    params.not_after = yesterday + DAY * VALID_DAYS;
    Ok(params)
}

/// The name of this machine, if it can stand in a certificate and is no address.
fn host_name() -> Option<String> {
    let text = std::fs::read_to_string(HOST_NAME).ok()?;
    let name = text.trim();
    let usual = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let fits = !name.is_empty() && name.chars().all(usual) && name.parse::<IpAddr>().is_err();
    fits.then(|| name.to_owned())
}
