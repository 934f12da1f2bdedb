//! Explains certificate errors in messages: which certificate was refused, and why.

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use rustls::{CertificateError, Error, OtherError};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, GeneralName, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// The longest text of a server in messages, in characters.
const MOST_SHOWN: usize = 200;

/// Explains why a chain was refused.
pub(super) fn reason(
    error: &Error,
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    revoked: &[CertificateRevocationListDer<'_>],
    now: UnixTime,
) -> String {
    let chain: Vec<_> = std::iter::once(end_entity)
        .chain(intermediates)
        .filter_map(|certificate| X509Certificate::from_der(certificate).ok().map(|(_, parsed)| parsed))
        .collect();
    let Error::InvalidCertificate(fault) = error else { return error.to_string() };
    let Some(leaf) = chain.first() else { return format!("the server's certificate cannot be read: {error}") };
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            validity_fault(&chain, now, |_, to, now| (to < now).then(|| format!("expired at {}", show_time(to))))
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            validity_fault(&chain, now, |from, _, now| {
                (now < from).then(|| format!("is not valid before {}", show_time(from)))
            })
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let kind = if matches!(name, ServerName::IpAddress(_)) { "the address " } else { "" };
            Some(format!("{} is for {}, not for {kind}{:?}", describe(leaf), names(leaf), name.to_str()))
        }
        CertificateError::UnknownIssuer if is_self_signed(leaf) => {
            Some(format!("{} is signed by itself, and is not among the trusted ones", describe(leaf)))
        }
        CertificateError::UnknownIssuer => {
            let last = issuer_missing(&chain);
            let issuer = show(&last.issuer().to_string());
            Some(format!(
                "{} was issued by {issuer}, which is not known: it is neither sent nor trusted",
                describe(last)
            ))
        }
        CertificateError::Revoked => {
            let one = chain.iter().find(|certificate| is_revoked(certificate, revoked)).unwrap_or(leaf);
            Some(format!("{} was revoked", describe(one)))
        }
        _ => None,
    }
    .unwrap_or_else(|| format!("{} cannot be accepted: {}", describe(leaf), self::fault(error)))
}

/// Describes an error of a certificate.
pub(super) fn fault(error: &Error) -> String {
    let Error::InvalidCertificate(fault) = error else { return error.to_string() };
    let text = match fault {
        CertificateError::BadSignature => "a signature is wrong",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not for servers (extended key usage)"
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. } => {
            "its signature algorithm is not safe or not known"
        }
        CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "its key is of another kind than its signature"
        }
        CertificateError::Other(OtherError(other)) => match other.downcast_ref::<webpki::Error>() {
            Some(webpki::Error::EndEntityUsedAsCa) => "a certificate of a server has signed another one",
            Some(webpki::Error::CaUsedAsEndEntity) => "it is one of an authority, not of a server",
            Some(webpki::Error::NameConstraintViolation) => {
                "an authority above it may not sign for its names (name constraints)"
            }
            Some(webpki::Error::PathLenConstraintViolated) => {
                "an authority above it may not have others below it (path length)"
            }
            Some(webpki::Error::UnsupportedCriticalExtension) => "it has a critical extension that is not known",
            Some(webpki::Error::MaximumPathDepthExceeded | webpki::Error::MaximumPathBuildCallsExceeded) => {
                "its chain is too long"
            }
            _ => return other.to_string(),
        },
        _ => return fault.to_string(),
    };
    text.to_owned()
}

/// Returns the SubjectPublicKeyInfo of a certificate. Works for certificates that cannot be parsed completely.
pub(super) fn key_info(certificate: &[u8]) -> Option<&[u8]> {
    const VERSION: u8 = 0xa0;
    let (_, whole, _) = element(certificate)?;
    let (_, mut fields, _) = element(whole)?;
    if let (VERSION, _, rest) = element(fields)? {
        fields = rest;
    }
    // Serial number, signature algorithm, issuer, validity, subject.
    for _ in 0..5 {
        (_, _, fields) = element(fields)?;
    }
    let (_, _, rest) = element(fields)?;
    Some(&fields[..fields.len() - rest.len()])
}

/// Returns the tag and the content of the first DER element, and the rest.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, length], rest) = der.split_first_chunk()?;
    let (length, rest) = match length {
        ..=0x7f => (usize::from(length), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(length - 0x80))?;
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// Returns the size of the RSA key of a certificate in bits, or `None` for other keys.
pub(super) fn rsa_bits(certificate: &[u8]) -> Option<usize> {
    let (_, info) = SubjectPublicKeyInfo::from_der(key_info(certificate)?).ok()?;
    match info.parsed().ok()? {
        PublicKey::RSA(key) => Some(key.key_size()),
        _ => None,
    }
}

/// Whether one of the revocation lists contains the certificate.
fn is_revoked(certificate: &X509Certificate<'_>, lists: &[CertificateRevocationListDer<'_>]) -> bool {
    lists.iter().filter_map(|list| CertificateRevocationList::from_der(list).ok()).any(|(_, list)| {
        list.issuer() == certificate.issuer()
            && list.iter_revoked_certificates().any(|entry| entry.raw_serial() == certificate.raw_serial())
    })
}

/// Returns the subject of a certificate.
pub(super) fn subject(certificate: &[u8]) -> String {
    match X509Certificate::from_der(certificate) {
        Ok((_, parsed)) => show(&parsed.subject().to_string()),
        Err(_) => "an unreadable subject".to_owned(),
    }
}

fn describe(certificate: &X509Certificate<'_>) -> String {
    let (subject, issuer) = (certificate.subject().to_string(), certificate.issuer().to_string());
    if subject == issuer {
        return format!("the certificate of {}", show(&subject));
    }
    format!("the certificate of {} (issued by {})", show(&subject), show(&issuer))
}

/// Explains the first certificate for which `check` returns a fault. `check` gets the start and the end of the validity, and the
/// current time.
fn validity_fault(
    chain: &[X509Certificate<'_>],
    now: UnixTime,
    check: impl Fn(i64, i64, i64) -> Option<String>,
) -> Option<String> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    chain.iter().find_map(|certificate| {
        let validity = certificate.validity();
        let fault = check(validity.not_before.timestamp(), validity.not_after.timestamp(), now)?;
        Some(format!("{} {fault}", describe(certificate)))
    })
}

/// Returns the certificate whose issuer is missing in the chain.
fn issuer_missing<'a, 'c>(chain: &'a [X509Certificate<'c>]) -> &'a X509Certificate<'c> {
    let mut last = &chain[0];
    // Ends after the length of the chain, because certificates may have issued each other.
    for _ in chain {
        match chain.iter().find(|above| above.subject() == last.issuer() && !is_self_signed(last)) {
            Some(above) => last = above,
            None => break,
        }
    }
    last
}

fn is_self_signed(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject() == certificate.issuer()
}

/// Returns the subject alternative names. The common name is not used (RFC 9525).
fn names(certificate: &X509Certificate<'_>) -> String {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let names: Vec<_> = extension
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress([a, b, c, d]) => Some(format!("the address {a}.{b}.{c}.{d}")),
            GeneralName::IPAddress(bytes) => <[u8; 16]>::try_from(*bytes)
                .ok()
                .map(|bytes| format!("the address {}", std::net::Ipv6Addr::from(bytes))),
            _ => None,
        })
        .collect();
    if names.is_empty() { "no name at all".to_owned() } else { show(&names.join(", ")) }
}

/// Formats a time.
fn show_time(time: i64) -> String {
    x509_parser::time::ASN1Time::from_timestamp(time).map_or_else(|_| format!("second {time}"), |time| time.to_string())
}

/// Quotes and truncates a text of the server.
fn show(text: &str) -> String {
    let end = text.char_indices().nth(MOST_SHOWN).map_or(text.len(), |(at, _)| at);
    if end < text.len() { format!("{:?}...", &text[..end]) } else { format!("{text:?}") }
}
