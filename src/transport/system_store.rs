//! The certificates that the system trusts: those of the files that the environment names, else of those that systems have.

use std::env;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls_native_certs::load_certs_from_paths;

/// Where systems have them in one file: Debian, Red Hat (new and old), SUSE, OpenELEC, Alpine, Entware.
const FILES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/cert.pem",
    "/opt/etc/ssl/certs/ca-certificates.crt",
];

/// Where they have one file for each.
const DIRECTORIES: &[&str] = &["/etc/ssl/certs", "/etc/pki/tls/certs"];

/// Where the environment says that they are.
#[derive(Debug, Default)]
pub(super) struct SystemStore {
    file: Option<PathBuf>,
    directories: Vec<PathBuf>,
}

impl SystemStore {
    /// Reads SSL_CERT_FILE and SSL_CERT_DIR.
    pub(super) fn read() -> Self {
        let directories = env::var_os("SSL_CERT_DIR").unwrap_or_default();
        Self {
            file: env::var_os("SSL_CERT_FILE").map(PathBuf::from),
            directories: env::split_paths(&directories).filter(|path| !path.as_os_str().is_empty()).collect(),
        }
    }

    /// The certificates; why there are none, if there is none that can be used.
    pub(super) fn load(&self) -> Result<RootCertStore, String> {
        let (file, directories) = if self.file.is_none() && self.directories.is_empty() {
            let file = FILES.iter().map(Path::new).find(|path| path.exists());
            (file, DIRECTORIES.iter().map(Path::new).filter(|path| path.exists()).collect())
        } else {
            (self.file.as_deref(), self.directories.iter().map(PathBuf::as_path).collect::<Vec<_>>())
        };
        let (mut found, mut errors) = (Vec::new(), Vec::new());
        // What is not a file might be waited for without end.
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
        // There may be certificates that rustls cannot use; the others still count.
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
