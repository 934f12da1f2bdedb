//! The system's trust store: the files that SSL_CERT_FILE and SSL_CERT_DIR name, or else the usual paths.

use std::env;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls_native_certs::load_certs_from_paths;

/// Bundle files of Debian, Red Hat (new and old), SUSE, OpenELEC, Alpine and Entware.
const FILES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/cert.pem",
    "/opt/etc/ssl/certs/ca-certificates.crt",
];

/// Directories with one file per certificate.
const DIRECTORIES: &[&str] = &["/etc/ssl/certs", "/etc/pki/tls/certs"];

/// The paths that the environment variables name.
#[derive(Debug, Default)]
pub(in crate::transport) struct SystemStore {
    file: Option<PathBuf>,
    directories: Vec<PathBuf>,
}

impl SystemStore {
    /// Reads SSL_CERT_FILE and SSL_CERT_DIR.
    pub(in crate::transport) fn read() -> Self {
        let directories = env::var_os("SSL_CERT_DIR").unwrap_or_default();
        Self {
            file: env::var_os("SSL_CERT_FILE").map(PathBuf::from),
            directories: env::split_paths(&directories).filter(|path| !path.as_os_str().is_empty()).collect(),
        }
    }

    /// Loads the certificates. Returns a message if none is usable.
    pub(super) fn load(&self) -> Result<RootCertStore, String> {
        let (file, directories) = if self.file.is_none() && self.directories.is_empty() {
            let file = FILES.iter().map(Path::new).find(|path| path.exists());
            (file, DIRECTORIES.iter().map(Path::new).filter(|path| path.exists()).collect())
        } else {
            (self.file.as_deref(), self.directories.iter().map(PathBuf::as_path).collect::<Vec<_>>())
        };
        let (mut found, mut errors) = (Vec::new(), Vec::new());
        // Reading a pipe could block forever.
        match file {
            Some(file) if file.exists() && !file.is_file() => errors.push(format!("{file:?} is not a regular file")),
            file => add(file, None, &mut found, &mut errors),
        }
        for directory in directories {
            add(None, Some(directory), &mut found, &mut errors);
        }
        found.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
        found.dedup();
        let mut store = RootCertStore::empty();
        // Ignores certificates that rustls does not support.
        store.add_parsable_certificates(found);
        if store.is_empty() {
            return Err(format!("the system's trust store has no usable certificate {}", errors.join("; ")));
        }
        Ok(store)
    }
}

fn add(
    file: Option<&Path>,
    directory: Option<&Path>,
    found: &mut Vec<CertificateDer<'static>>,
    errors: &mut Vec<String>,
) {
    let mut loaded = load_certs_from_paths(file, directory);
    found.append(&mut loaded.certs);
    errors.extend(loaded.errors.iter().map(ToString::to_string));
}
