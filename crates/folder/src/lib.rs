//! An [`ObjectStore`] in a local folder, for networks on clusters that have no bucket beside them.
//!
//! Each object is a plain file under its key, so that people and web servers can read it. What the file system does not know, the
//! generations, is kept in the subfolder `.spacecraft`: which generation a content has is found by the content's digest, so that
//! a file edited by hand is noticed and gets a generation of its own. Writes replace files by renaming, and processes that write to
//! the same folder take turns by a file lock, which the operating system releases when its holder dies.

// What comes from outside is never counted on to be long or small enough.
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

mod disk;
mod files;
mod generations;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use spacecraft_core::observer::Outcome;
use spacecraft_core::time::{Clock, SystemClock};
use spacecraft_core::traits::{ObjectStore, Precondition, PutOptions, StoredObject, check_object_key};
use spacecraft_core::{Error, Meaning, Result};
use url::Url;

use crate::disk::Disk;
pub use crate::files::FolderFiles;

/// How long a write waits for other processes to finish theirs.
const LONGEST_TURN: Duration = Duration::from_secs(30);
const PAUSE_BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// Who else on this machine may read the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Nobody: files are made with mode 0600.
    Private,
    /// Everybody: files are made with mode 0644.
    Public,
}

/// Objects in a folder, which is made when the first object is written. Content types and cache headers are not kept.
#[derive(Debug, Clone)]
pub struct FolderStore {
    disk: Disk,
    clock: Arc<dyn Clock>,
}

impl FolderStore {
    /// The store in the folder `root`.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] when `root` is no path that can be made absolute.
    pub fn new(root: impl AsRef<Path>, visibility: Visibility) -> Result<Self> {
        let shown = root.as_ref().display().to_string();
        let root = std::path::absolute(root).map_err(|error| {
            Error::new(Meaning::Invalid, "use folder", shown, "it is no usable path").with_source(error)
        })?;
        Ok(Self { disk: Disk { root, visibility }, clock: Arc::new(SystemClock) })
    }

    /// The same store, waiting for its turn on another clock.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.disk.root
    }

    /// The file that holds an object.
    #[must_use]
    pub fn path(&self, key: &str) -> PathBuf {
        self.disk.root.join(key)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Disk) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let disk = self.disk.clone();
        let shown = self.location();
        tokio::task::spawn_blocking(move || work(&disk)).await.unwrap_or_else(|error| {
            Err(Error::new(Meaning::Other, "use folder", shown, "the work was broken off").with_source(error))
        })
    }

    /// Runs `work` while no other process and no other task writes to the folder.
    async fn run_alone<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Disk) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let lock = self.take_turn().await?;
        self.run(move |disk| {
            let done = work(disk);
            drop(lock);
            done
        })
        .await
    }

    async fn take_turn(&self) -> Result<File> {
        let mut waited = Duration::ZERO;
        loop {
            if let Some(lock) = self.run(Disk::try_lock).await? {
                return Ok(lock);
            }
            if waited >= LONGEST_TURN {
                let reason = format!("another process has been writing for {} s", LONGEST_TURN.as_secs());
                return Err(Error::new(Meaning::Unavailable, "lock folder", self.location(), reason)
                    .with_hint("see which process holds `.spacecraft/lock` in that folder"));
            }
            self.clock.sleep(PAUSE_BETWEEN_TRIES).await;
            waited += PAUSE_BETWEEN_TRIES;
        }
    }
}

/// Refuses keys that lead out of the folder or into our own bookkeeping.
fn check_key(operation: &str, key: &str) -> Result<String> {
    check_object_key(operation, key)?;
    if key.split('/').next() == Some(disk::OWN_FOLDER) {
        let reason = format!("`{}` is where generations are kept", disk::OWN_FOLDER);
        return Err(Error::new(Meaning::Invalid, operation, key, reason));
    }
    Ok(key.to_owned())
}

#[async_trait]
impl ObjectStore for FolderStore {
    fn location(&self) -> String {
        self.disk.root.display().to_string()
    }

    fn url(&self, key: &str) -> String {
        let path = self.path(key);
        Url::from_file_path(&path).map_or_else(|()| path.display().to_string(), Into::into)
    }

    async fn get(&self, key: &str) -> Result<Option<StoredObject>> {
        let key = check_key("read object", key)?;
        self.run(move |disk| disk.read(&key)).await
    }

    async fn put(&self, key: &str, bytes: Vec<u8>, options: &PutOptions) -> Result<i64> {
        let key = check_key("write object", key)?;
        let precondition = options.precondition;
        self.run_alone(move |disk| disk.write(&key, &bytes, precondition)).await
    }

    async fn delete(&self, key: &str, precondition: Precondition) -> Result<Outcome> {
        let key = check_key("delete object", key)?;
        if !self.disk.root.exists() {
            return Ok(Outcome::Absent);
        }
        self.run_alone(move |disk| disk.delete(&key, precondition)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, i64)>> {
        let prefix = prefix.to_owned();
        self.run(move |disk| disk.list(&prefix)).await
    }

    async fn is_public(&self) -> Result<bool> {
        self.run(Disk::is_public).await
    }

    async fn check_access(&self) -> Result<()> {
        self.run(Disk::check_access).await
    }
}
