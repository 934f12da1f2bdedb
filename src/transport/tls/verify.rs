//! Verifies server certificates: by webpki, without the checks that the configuration disables, and by pinned keys.

use std::cell::RefCell;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use crate::transport::tls::pin::Pin;
use crate::transport::tls::{explain, unverified};

thread_local! {
    /// Why this thread refused a certificate. The errors of rustls cannot contain a text.
    static REASON: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Takes the reason why the calling thread refused a certificate.
pub(super) fn take_reason() -> Option<String> {
    REASON.take()
}

/// The size of the shortest supported RSA keys in bits. The second is for TLS 1.2 without certificate verification.
const SHORTEST_RSA: usize = 2048;
const SHORTEST_RSA_UNVERIFIED: usize = 1024;

/// The verifier. Whichever checks are disabled, the server must prove that it has the private key of the certificate.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) provider: Arc<CryptoProvider>,
    /// Verifies the chain. `None` accepts every certificate.
    pub(super) trust: Option<Arc<WebPkiServerVerifier>>,
    /// Whether the certificate must be valid for the server's name.
    pub(super) checks_name: bool,
    /// The server must have one of these keys, unless the list is empty.
    pub(super) pins: Vec<Pin>,
    /// The revocation lists of `trust`, for messages.
    pub(super) revoked: Vec<CertificateRevocationListDer<'static>>,
}

impl Verifier {
    fn check_pins(&self, certificate: &[u8]) -> Result<(), Error> {
        if self.pins.is_empty() {
            return Ok(());
        }
        let pin = Pin::of(certificate);
        if pin.as_ref().is_some_and(|pin| self.pins.contains(pin)) {
            return Ok(());
        }
        let pin = pin.map_or_else(|| "unreadable".to_owned(), |pin| pin.to_string());
        let subject = explain::subject(certificate);
        REASON
            .set(Some(format!("the key of the certificate of {subject} is {pin}, which is not among the pinned ones")));
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let outcome = match &self.trust {
            None => Ok(ServerCertVerified::assertion()),
            Some(trust) => trust.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now),
        };
        match outcome {
            // webpki checks the name last. If only the name is wrong, everything else is valid.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.checks_name => {}
            Err(error) => {
                REASON.set(Some(explain::reason(&error, end_entity, intermediates, server_name, &self.revoked, now)));
                return Err(error);
            }
            Ok(_) => {}
        }
        self.check_pins(end_entity)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let (outcome, supports_short) = match &self.trust {
            Some(_) => (verify_tls12_signature(message, cert, dss, algorithms), false),
            None => {
                (unverified::verify_tls12(message, cert, dss, algorithms), unverified::supports_short_keys(dss.scheme))
            }
        };
        let shortest = if supports_short { SHORTEST_RSA_UNVERIFIED } else { SHORTEST_RSA };
        outcome.inspect_err(|error| record_missing_proof(cert, error, shortest, dss.scheme))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let outcome = match &self.trust {
            Some(_) => verify_tls13_signature(message, cert, dss, algorithms),
            None => unverified::verify_tls13(message, cert, dss, algorithms),
        };
        outcome.inspect_err(|error| record_missing_proof(cert, error, SHORTEST_RSA, dss.scheme))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match &self.trust {
            Some(_) => algorithms.supported_schemes(),
            None => unverified::schemes(algorithms),
        }
    }
}

/// Records the reason if the server does not prove that it has the private key: its signature is wrong or not supported.
fn record_missing_proof(certificate: &[u8], error: &Error, shortest_rsa: usize, scheme: SignatureScheme) {
    let subject = explain::subject(certificate);
    REASON.set(Some(match explain::rsa_bits(certificate) {
        Some(bits) if bits < shortest_rsa => format!(
            "the certificate of {subject} has an RSA key of {bits} bits, which is not supported: signatures of \
             {scheme:?} need at least {shortest_rsa}"
        ),
        _ => {
            let fault = explain::fault(error);
            format!("the server does not prove that it has the key of the certificate of {subject}: {fault}")
        }
    }));
}
