use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Read};

/// Reads the files that settings name.
pub trait FileReader: Debug + Send + Sync {
    /// The text of the file at `path`.
    ///
    /// # Errors
    ///
    /// Why it cannot be read, or that it is no text.
    fn read_text(&self, path: &str) -> io::Result<String>;
}

/// The machine's own files; none larger than 64 MiB is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemFiles;

const LARGEST_FILE_BYTES: u64 = 64 << 20;

impl FileReader for SystemFiles {
    fn read_text(&self, path: &str) -> io::Result<String> {
        let mut text = String::new();
        let read = File::open(path)?.take(LARGEST_FILE_BYTES + 1).read_to_string(&mut text)?;
        if u64::try_from(read).is_ok_and(|read| read <= LARGEST_FILE_BYTES) {
            Ok(text)
        } else {
            Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 64 MiB"))
        }
    }
}

/// Files by path, for tests and for programs that have their texts elsewhere.
impl FileReader for BTreeMap<String, String> {
    fn read_text(&self, path: &str) -> io::Result<String> {
        self.get(path)
            .cloned()
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no such file"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_machine_are_read_and_missing_ones_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(SystemFiles.read_text(path.to_str().unwrap()).unwrap(), "{}");
        let missing = folder.path().join("b.json");
        let error = SystemFiles.read_text(missing.to_str().unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_file_that_is_no_text_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(SystemFiles.read_text(path.to_str().unwrap()).is_err());
    }
}
