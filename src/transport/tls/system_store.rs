//! The system's trust store: the files that SSL_CERT_FILE and SSL_CERT_DIR name, or else the usual paths.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::transport::files;

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
        let mut found = Found::default();
        if let Some(file) = file {
            found.add_file(file);
        }
        for directory in directories {
            found.add_directory(directory);
        }
        found.certificates.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
        found.certificates.dedup();
        let mut store = RootCertStore::empty();
        // Ignores certificates that rustls does not support.
        let (_, ignored) = store.add_parsable_certificates(found.certificates);
        if store.is_empty() {
            if ignored > 0 {
                found.errors.push(format!("{ignored} certificates are not supported"));
            }
            return Err(format!("the system's trust store has no usable certificate: {}", found.errors.join("; ")));
        }
        Ok(store)
    }
}

/// The content of files and directories.
#[derive(Default)]
struct Found {
    certificates: Vec<CertificateDer<'static>>,
    /// Why files were not used.
    errors: Vec<String>,
    /// The device and inode of each file of a directory.
    inodes: HashSet<(u64, u64)>,
}

impl Found {
    fn add_file(&mut self, path: &Path) {
        let before = (self.certificates.len(), self.errors.len());
        self.read(path);
        if (self.certificates.len(), self.errors.len()) == before {
            self.errors.push(format!("there is no certificate in {path:?}"));
        }
    }

    fn add_directory(&mut self, path: &Path) {
        let before = self.certificates.len();
        if let Err(error) = self.read_directory(path) {
            self.errors.push(format!("cannot read {path:?}: {error}"));
        } else if self.certificates.len() == before {
            self.errors.push(format!("no file in {path:?} holds a certificate"));
        }
    }

    fn read_directory(&mut self, path: &Path) -> io::Result<()> {
        for entry in fs::read_dir(path)? {
            let path = entry?.path();
            // In a directory of c_rehash, each certificate has a second name.
            let is_new = |file: fs::Metadata| file.is_file() && self.inodes.insert((file.dev(), file.ino()));
            if fs::metadata(&path).is_ok_and(is_new) {
                self.read(&path);
            }
        }
        Ok(())
    }

    /// Adds the valid certificates of a file.
    fn read(&mut self, path: &Path) {
        let pem = match files::read(path) {
            Ok(pem) => pem,
            Err(error) => return self.errors.push(format!("cannot read {path:?}: {error}")),
        };
        for section in CertificateDer::pem_slice_iter(&pem) {
            match section {
                Ok(certificate) => self.certificates.push(certificate),
                Err(error) => self.errors.push(format!("cannot read {path:?}: {error}")),
            }
        }
    }
}
