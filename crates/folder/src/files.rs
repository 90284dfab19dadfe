use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use spacecraft_core::traits::{FileDigests, FileStore, StoredFile, check_object_key};
use spacecraft_core::{Error, Meaning, Result};
use url::Url;

/// Large files in a folder, each a plain file under its key. A file's generation is its content's digest, because a folder keeps nothing else.
#[derive(Debug, Clone)]
pub struct FolderFiles {
    root: PathBuf,
}

impl FolderFiles {
    /// The files in the folder `root`, which is made when the first one is written.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] when `root` is no path that can be made absolute.
    pub fn new(root: impl AsRef<Path>) -> Result<Self> {
        let shown = root.as_ref().display().to_string();
        let root = std::path::absolute(root).map_err(|error| {
            Error::new(Meaning::Invalid, "use folder", shown, "it is no usable path").with_source(error)
        })?;
        Ok(Self { root })
    }

    fn path(&self, operation: &str, key: &str) -> Result<PathBuf> {
        check_object_key(operation, key)?;
        Ok(self.root.join(key))
    }
}

/// Size and digest of a file; none when there is none.
fn describe(path: &Path) -> io::Result<Option<StoredFile>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut piece = vec![0; 256 << 10];
    let (mut size, mut sha256, mut crc32c) = (0_u64, Sha256::new(), 0);
    loop {
        let length = file.read(&mut piece)?;
        let Some(read) = piece.get(..length).filter(|read| !read.is_empty()) else { break };
        size += u64::try_from(read.len()).unwrap_or(u64::MAX);
        sha256.update(read);
        crc32c = crc32c::crc32c_append(crc32c, read);
    }
    let first: [u8; 8] = sha256.finalize().first_chunk().copied().unwrap_or_default();
    let generation = i64::from_be_bytes(first) & i64::MAX;
    Ok(Some(StoredFile { size, digests: FileDigests { md5: None, crc32c: Some(crc32c) }, generation }))
}

/// Copies a file beside its place and moves it there, so that nobody sees a part of it.
fn replace(from: &Path, path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".being-written");
    let temporary = path.with_file_name(name);
    fs::copy(from, &temporary)?;
    File::open(&temporary)?.sync_all()?;
    fs::rename(&temporary, path)
}

async fn run<T: Send + 'static>(
    operation: &'static str,
    path: PathBuf,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let shown = path.display().to_string();
    let failed = |reason: &str| Error::new(Meaning::Other, operation, shown.clone(), reason);
    match tokio::task::spawn_blocking(move || work(&path)).await {
        Ok(done) => done.map_err(|error| failed("the file system refuses").with_source(error)),
        Err(error) => Err(failed("the work was broken off").with_source(error)),
    }
}

#[async_trait]
impl FileStore for FolderFiles {
    fn location(&self) -> String {
        self.root.display().to_string()
    }

    fn url(&self, key: &str) -> String {
        let path = self.root.join(key);
        Url::from_file_path(&path).map_or_else(|()| path.display().to_string(), Into::into)
    }

    async fn check_access(&self) -> Result<()> {
        let nearest = self.root.ancestors().find(|path| path.exists()).unwrap_or(&self.root).to_owned();
        let metadata = run("use folder", nearest, |path| fs::metadata(path)).await?;
        if metadata.is_dir() && !metadata.permissions().readonly() {
            return Ok(());
        }
        let reason = "it is no folder, or a read-only one";
        Err(Error::new(Meaning::Denied, "use folder", self.root.display().to_string(), reason))
    }

    async fn describe(&self, key: &str) -> Result<Option<StoredFile>> {
        let operation = "look at file";
        run(operation, self.path(operation, key)?, describe).await
    }

    async fn upload(&self, key: &str, from: &Path, _: &str, expected: Option<&StoredFile>) -> Result<()> {
        let operation = "write file";
        let path = self.path(operation, key)?;
        let found = self.describe(key).await?;
        if found.as_ref().map(|file| file.generation) != expected.map(|file| file.generation) {
            let reason = "it is not what was looked at before";
            return Err(Error::new(
                Meaning::PreconditionFailed,
                operation,
                path.display().to_string(),
                reason,
            ));
        }
        let from = from.to_owned();
        run(operation, path, move |path| replace(&from, path)).await
    }
}

#[cfg(test)]
mod tests {
    use spacecraft_testkit::conformance::Subject;
    use tempfile::TempDir;

    use super::FolderFiles;

    spacecraft_testkit::file_store_conformance!(async {
        let folder = TempDir::new().unwrap();
        Subject::new(FolderFiles::new(folder.path().join("files")).unwrap()).keeping(folder)
    });
}
