//! The secrets of connections in a file, for programs that look into recorded traffic.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustls::KeyLog;

use crate::transport::files;

/// Lines as NSS writes them.
#[derive(Debug)]
pub(super) struct KeyLogFile(File);

impl KeyLogFile {
    /// Appends to a file; a new one is for its owner only.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        // A pipe could make the host wait, or end it by a signal. A device that takes nothing loses lines.
        let is_fit = |found: &Metadata| found.is_file() || found.file_type().is_char_device();
        Ok(Self(files::open(path, OpenOptions::new().append(true).create(true).mode(0o600), is_fit)?))
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        // One call for each line: other threads and processes append too. A full disk is no reason to lose a connection.
        let _ = (&self.0).write_all(line.as_bytes());
    }
}
