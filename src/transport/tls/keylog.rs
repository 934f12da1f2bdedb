//! Key logging: writes the secrets of connections to a file, for tools that decrypt captured traffic.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustls::KeyLog;

use crate::transport::files;

/// A file in the format of NSS (SSLKEYLOGFILE).
#[derive(Debug)]
pub(super) struct KeyLogFile(File);

impl KeyLogFile {
    /// Opens a file for appending. Only the owner can read a new file.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        // A pipe could block the process or raise SIGPIPE. A device such as /dev/full only loses lines.
        let is_fit = |found: &Metadata| found.is_file() || found.file_type().is_char_device();
        Ok(Self(files::open(path, OpenOptions::new().append(true).create(true).mode(0o600), is_fit)?))
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        // One call per line, because other threads and processes append too. An error, such as a full disk, does not end the
        // connection.
        let _ = (&self.0).write_all(line.as_bytes());
    }
}
