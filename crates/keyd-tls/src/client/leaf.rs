//! A client's own certificate. Nothing in it is believed but its key, which the client proves to hold, and its dates.

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

use super::fault::Fault;

/// A certificate that is whole, no authority's, for proving who a client is, and valid at `now`.
pub(super) fn read<'a>(der: &'a CertificateDer<'a>, now: UnixTime) -> Result<X509Certificate<'a>, Fault> {
    let certificate = decode(der)?;
    same_key(der, &certificate)?;
    purpose(&certificate)?;
    let (validity, now) = (certificate.validity(), seconds(now));
    if now < validity.not_before.timestamp() {
        return Err(Fault::NotYetValid);
    }
    if now > validity.not_after.timestamp() {
        return Err(Fault::Expired);
    }
    Ok(certificate)
}

/// CHK-029: to the last byte, each extension once, and each of them that has a known form in that form.
fn decode<'a>(der: &'a CertificateDer<'a>) -> Result<X509Certificate<'a>, Fault> {
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| Fault::Malformed)?;
    let unique = certificate.extensions_map().is_ok();
    let broken = |extension: &ParsedExtension<'_>| matches!(extension, ParsedExtension::ParseError { .. });
    let whole = !certificate
        .iter_extensions()
        .any(|extension| broken(extension.parsed_extension()));
    if rest.is_empty() && unique && whole {
        Ok(certificate)
    } else {
        Err(Fault::Malformed)
    }
}

/// The client proves to hold the key that rustls reads in the certificate; the one that is told to the key process must be that
/// one, whatever the two readers make of odd bytes.
fn same_key(der: &CertificateDer<'_>, certificate: &X509Certificate<'_>) -> Result<(), Fault> {
    let proven = ParsedCertificate::try_from(der).map_err(|_| Fault::Malformed)?;
    let told = certificate.tbs_certificate.subject_pki.raw;
    if proven.subject_public_key_info().as_ref() == told {
        Ok(())
    } else {
        Err(Fault::Malformed)
    }
}

/// RFC 8446, section 4.4.2.3, and RFC 5280, section 4.2.1.12: who restricted a certificate meant it.
fn purpose(certificate: &X509Certificate<'_>) -> Result<(), Fault> {
    if certificate.is_ca() {
        return Err(Fault::Authority);
    }
    let usage = certificate.key_usage().map_err(|_| Fault::Malformed)?;
    if usage.is_some_and(|usage| !usage.value.digital_signature()) {
        return Err(Fault::KeyUsage);
    }
    let extended = certificate.extended_key_usage().map_err(|_| Fault::Malformed)?;
    if extended.is_some_and(|extended| !extended.value.client_auth && !extended.value.any) {
        return Err(Fault::ExtendedKeyUsage);
    }
    Ok(())
}

fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}
