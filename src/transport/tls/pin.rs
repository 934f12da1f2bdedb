//! Pinned public keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Kind, Result};
use crate::transport::tls::explain;

/// The prefix that curl uses.
const PREFIX: &str = "sha256//";

/// The SHA-256 of a certificate's SubjectPublicKeyInfo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pin([u8; 32]);

impl Pin {
    /// Parses base64, with or without the prefix.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let decoded = BASE64.decode(text.strip_prefix(PREFIX).unwrap_or(text)).ok();
        let hash = decoded.and_then(|bytes| bytes.try_into().ok());
        hash.map(Self).ok_or_else(|| {
            Error::new(Kind::InvalidArgument, format!("{text:?} is not the base64 of a SHA-256, of 44 characters"))
        })
    }

    /// Returns the pin of a certificate.
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        Some(Self(Sha256::digest(explain::key_info(certificate)?).into()))
    }
}

impl std::fmt::Display for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PREFIX}{}", BASE64.encode(self.0))
    }
}
