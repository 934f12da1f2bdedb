//! Converts the errors of a TLS stream.

use std::io;

use crate::error::{Error, Kind};
use crate::transport::tls::verify;

/// Converts the error of a stream: an error of the certificate, of TLS or of the connection.
pub(crate) fn error(doing: &str, error: &io::Error) -> Error {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        let kind = if error.kind() == io::ErrorKind::InvalidData { Kind::Tls } else { Kind::Io };
        return Error::os(kind, doing, error);
    };
    let kind = match tls {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => Kind::TlsCertificate,
        _ => Kind::Tls,
    };
    let tls_alert = match tls {
        rustls::Error::AlertReceived(alert) => Some(u8::from(*alert)),
        _ => None,
    };
    // The verifier's own reason says more than the error of rustls.
    let why = match (verify::take_reason(), kind) {
        (Some(reason), Kind::TlsCertificate) => reason,
        _ if matches!(tls, rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)) => {
            format!("the answer is not TLS: is this a server for ws:// or http://? ({tls})")
        }
        _ => tls.to_string(),
    };
    Error { tls_alert, ..Error::new(kind, format!("{doing}: {why}")) }
}
