//! The verifier of server certificates: webpki's, less what the configuration switches off, with the pins on top.

use std::cell::RefCell;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use crate::transport::tls_certificates;
use crate::transport::tls_pins::Pin;

thread_local! {
    /// Why this thread has refused a certificate: rustls' errors have no room for it.
    static REASON: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Why the calling thread has refused a certificate, since it was last asked.
pub(super) fn take_reason() -> Option<String> {
    REASON.take()
}

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
        let pin = Pin::of(certificate);
        if self.pins.is_empty() || pin.as_ref().is_some_and(|pin| self.pins.contains(pin)) {
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
        let outcome = verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms);
        outcome.inspect_err(|error| note_unproven(cert, error))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let outcome = verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms);
        outcome.inspect_err(|error| note_unproven(cert, error))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The server has not shown that it holds the certificate's key.
fn note_unproven(certificate: &[u8], error: &Error) {
    let (subject, fault) = (tls_certificates::subject(certificate), tls_certificates::fault(error));
    REASON.set(Some(format!("the server does not prove that it has the key of the certificate of {subject}: {fault}")));
}
