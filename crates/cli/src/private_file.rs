//! Files that hold secrets, or may: new ones, which only their owner can read.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use spacecraft_core::{Error, Meaning, Result};

/// Writes a file that must not exist yet and that only its owner can read. `what` says what is written, as in `keys`.
///
/// # Errors
///
/// [`Meaning::Invalid`] when the file exists or cannot be written.
pub(crate) fn write_new(what: &str, path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error: std::io::Error| {
        let operation = format!("write {what} into");
        Error::new(Meaning::Invalid, operation, path.display().to_string(), "the file cannot be made")
            .with_source(error)
    };
    let mut file = private().create_new(true).open(path).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)
}

/// Writes a file, in the place of what is there. A new one can be read by its owner only; one that exists keeps who may.
///
/// # Errors
///
/// Those of the file system.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    private().create(true).truncate(true).open(path)?.write_all(bytes)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}
