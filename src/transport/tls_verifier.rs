//! The verifier of server certificates: webpki's, less what the configuration switches off, with the pins on top.

use std::cell::RefCell;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use crate::transport::tls_pins::Pin;
use crate::transport::{tls_certificates, tls_unverified};

thread_local! {
    /// Why this thread has refused a certificate: rustls' errors have no room for it.
    static REASON: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Why the calling thread has refused a certificate, since it was last asked.
pub(super) fn take_reason() -> Option<String> {
    REASON.take()
}

/// The shortest RSA keys that signatures are verified with, in bits; the second without verification in TLS 1.2.
const SHORTEST_RSA: usize = 2048;
const SHORTEST_RSA_UNVERIFIED: usize = 1024;

/// Whatever it accepts, the server still proves that it holds the certificate's key.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) provider: Arc<CryptoProvider>,
    /// What has to trust the certificate; none accepts any.
    pub(super) trust: Option<Arc<WebPkiServerVerifier>>,
    /// The certificate has to be for the server's name.
    pub(super) checks_name: bool,
    /// One of which the server's key has to be, unless there are none.
    pub(super) pins: Vec<Pin>,
    /// What `trust` knows of, for messages.
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
        let subject = tls_certificates::subject(certificate);
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
            // webpki looks at the name last: an error of the name means that all else is in order.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.checks_name => {}
            Err(error) => {
                REASON.set(Some(tls_certificates::reason(
                    &error,
                    end_entity,
                    intermediates,
                    server_name,
                    &self.revoked,
                    now,
                )));
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
        let (outcome, takes_short) = match &self.trust {
            Some(_) => (verify_tls12_signature(message, cert, dss, algorithms), false),
            None => (
                tls_unverified::verify_tls12(message, cert, dss, algorithms),
                tls_unverified::takes_short_keys(dss.scheme),
            ),
        };
        let shortest = if takes_short { SHORTEST_RSA_UNVERIFIED } else { SHORTEST_RSA };
        outcome.inspect_err(|error| note_unproven(cert, error, shortest, dss.scheme))
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
            None => tls_unverified::verify_tls13(message, cert, dss, algorithms),
        };
        outcome.inspect_err(|error| note_unproven(cert, error, SHORTEST_RSA, dss.scheme))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match &self.trust {
            Some(_) => algorithms.supported_schemes(),
            None => tls_unverified::schemes(algorithms),
        }
    }
}

/// The server has not shown that it holds the certificate's key: its proof is wrong, or of a kind that is not supported.
fn note_unproven(certificate: &[u8], error: &Error, shortest_rsa: usize, scheme: SignatureScheme) {
    let subject = tls_certificates::subject(certificate);
    REASON.set(Some(match tls_certificates::rsa_bits(certificate) {
        Some(bits) if bits < shortest_rsa => format!(
            "the certificate of {subject} has an RSA key of {bits} bits, which is not supported: signatures of \
             {scheme:?} need at least {shortest_rsa}"
        ),
        _ => {
            let fault = tls_certificates::fault(error);
            format!("the server does not prove that it has the key of the certificate of {subject}: {fault}")
        }
    }));
}
