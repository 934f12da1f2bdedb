//! Signatures without certificate verification: any certificate is accepted, but the server must still prove that it has the
//! private key. Only the key of the certificate is parsed.

use ring::signature::{
    RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, RsaParameters,
    UnparsedPublicKey,
};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer, alg_id,
};
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerMisbehaved, SignatureScheme};
use webpki::RawPublicKeyEntity;

use crate::transport::tls::explain;

/// RSA signatures with keys from 1024 bits. TLS 1.2 only: TLS 1.3 requires PSS padding, which ring does not support for short
/// keys.
#[derive(Debug)]
struct ShortRsa {
    scheme: SignatureScheme,
    parameters: &'static RsaParameters,
    signature: AlgorithmIdentifier,
}

static SHORT_RSA: [ShortRsa; 2] = [
    ShortRsa {
        scheme: SignatureScheme::RSA_PKCS1_SHA512,
        parameters: &RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        signature: alg_id::RSA_PKCS1_SHA512,
    },
    ShortRsa {
        scheme: SignatureScheme::RSA_PKCS1_SHA256,
        parameters: &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        signature: alg_id::RSA_PKCS1_SHA256,
    },
];

impl SignatureVerificationAlgorithm for ShortRsa {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        UnparsedPublicKey::new(self.parameters, public_key).verify(message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

/// Returns the signature schemes in the order of preference. The RSA schemes that support short keys come first; a server with a
/// preference of its own chooses another one.
pub(super) fn schemes(supported: &WebPkiSupportedAlgorithms) -> Vec<SignatureScheme> {
    let mut schemes = supported.supported_schemes();
    schemes.sort_by_key(|scheme| match scheme {
        SignatureScheme::RSA_PSS_SHA256 | SignatureScheme::RSA_PSS_SHA384 | SignatureScheme::RSA_PSS_SHA512 => 2,
        SignatureScheme::RSA_PKCS1_SHA384 => 3,
        scheme if supports_short_keys(*scheme) => 1,
        _ => 0,
    });
    schemes
}

/// Whether the scheme supports short keys in TLS 1.2.
pub(super) fn supports_short_keys(scheme: SignatureScheme) -> bool {
    SHORT_RSA.iter().any(|short| short.scheme == scheme)
}

/// Verifies the signature of a TLS 1.2 handshake with the key of the certificate.
pub(super) fn verify_tls12(
    message: &[u8],
    certificate: &[u8],
    signed: &DigitallySignedStruct,
    supported: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let info = key_info(certificate)?;
    let key = RawPublicKeyEntity::try_from(&info).map_err(|_| unreadable())?;
    let known = supported.mapping.iter().filter(|(scheme, _)| *scheme == signed.scheme);
    let known = known.flat_map(|(_, algorithms)| algorithms.iter().copied());
    let short = SHORT_RSA.iter().filter(|short| short.scheme == signed.scheme);
    let mut algorithms = short.map(|short| short as &dyn SignatureVerificationAlgorithm).chain(known).peekable();
    if algorithms.peek().is_none() {
        return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
    }
    if algorithms.any(|algorithm| key.verify_signature(algorithm, message, signed.signature()).is_ok()) {
        return Ok(HandshakeSignatureValid::assertion());
    }
    Err(Error::InvalidCertificate(CertificateError::BadSignature))
}

/// Verifies the signature of a TLS 1.3 handshake with the key of the certificate.
pub(super) fn verify_tls13(
    message: &[u8],
    certificate: &[u8],
    signed: &DigitallySignedStruct,
    supported: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    verify_tls13_signature_with_raw_key(message, &key_info(certificate)?, signed, supported)
}

fn key_info(certificate: &[u8]) -> Result<SubjectPublicKeyInfoDer<'_>, Error> {
    explain::key_info(certificate).map(Into::into).ok_or_else(unreadable)
}

fn unreadable() -> Error {
    Error::InvalidCertificate(CertificateError::BadEncoding)
}
