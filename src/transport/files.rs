//! Files that the application names. Opening and reading them does not block and uses bounded memory.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The size limit: larger than any bundle of certificates or revocation list.
const MAX_SIZE: u64 = 64 * 1024 * 1024;

/// Reads a regular file.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 64 MiB");
    let file = open(path, OpenOptions::new().read(true), Metadata::is_file)?;
    if file.metadata()?.len() > MAX_SIZE {
        return Err(too_large());
    }
    let mut content = Vec::new();
    // The file may have grown meanwhile.
    file.take(MAX_SIZE + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX_SIZE {
        return Err(too_large());
    }
    Ok(content)
}

/// Opens a file if its type is allowed.
pub(super) fn open(path: &Path, how: &mut OpenOptions, is_fit: fn(&Metadata) -> bool) -> io::Result<File> {
    let unfit = || io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
    // Opening a pipe would wake a process that waits at its other end.
    if std::fs::metadata(path).is_ok_and(|found| !is_fit(&found)) {
        return Err(unfit());
    }
    // If a pipe has replaced the file meanwhile, opening it must not block.
    let file = how.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    if !is_fit(&file.metadata()?) {
        return Err(unfit());
    }
    Ok(file)
}
