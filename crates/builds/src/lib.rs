//! Builds of go-spacemesh, published with a network's config in them.
//!
//! A build is downloaded from a public address into a temporary folder, checked by its size and the digests that the server gives, and copied into a new archive entry by
//! entry, without being unpacked: no name of the archive ever becomes a path, and no compressed byte is expanded. What is published is compared by digest, so
//! that nothing is uploaded twice.

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

mod archive;
mod dialect;
mod digests;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{FileStore, Look, NetworkBuild, ReleaseBuilds, StoredFile};
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Client, Url, with_segments};
use tempfile::TempDir;
use tokio::fs::File;
use tokio::sync::Mutex;

use crate::dialect::PublicBucket;
use crate::digests::{check_download, digests_of};

/// The public address of the bucket that builds come from by default.
pub const PUBLIC_STORAGE: &str = "https://storage.googleapis.com";

/// The largest build that is taken, in bytes.
const LARGEST_BUILD: u64 = 2 << 30;
/// How long one download may take.
const LONGEST_DOWNLOAD: Duration = Duration::from_secs(30 * 60);
/// The content type of what is published.
const ZIP: &str = "application/zip";

/// Publishes builds from one address in one store.
#[derive(Debug)]
pub struct Builds {
    client: Client,
    source: Url,
    store: Arc<dyn FileStore>,
    folder: TempDir,
    prepared: Mutex<BTreeMap<String, Arc<Prepared>>>,
}

/// An archive with the config in it, ready to be published. It is made once for each build and config.
#[derive(Debug)]
struct Prepared {
    config: Vec<u8>,
    path: PathBuf,
    file: StoredFile,
}

impl Builds {
    /// Builds below `source`, such as the public address of a bucket, to be published in `store`. Nothing is called yet.
    ///
    /// # Errors
    ///
    /// [`Meaning::Other`] when no temporary folder can be made.
    pub fn new(client: Client, source: Url, store: Arc<dyn FileStore>) -> Result<Self> {
        let folder = TempDir::with_prefix("spacecraft-builds-").map_err(|error| {
            Error::new(Meaning::Other, "make temporary folder", "", "builds cannot be kept")
                .with_source(error)
        })?;
        Ok(Self { client, source, store, folder, prepared: Mutex::default() })
    }

    /// The archive of a build, made unless it was before.
    async fn prepare(&self, build: &NetworkBuild) -> Result<Arc<Prepared>> {
        let key = build.key();
        let mut prepared = self.prepared.lock().await;
        if let Some(known) = prepared.get(&key).filter(|known| known.config == build.config) {
            return Ok(Arc::clone(known));
        }
        let downloaded = self.folder.path().join(format!("{}-downloaded.zip", build.platform));
        let path = self.folder.path().join(format!("{}.zip", build.platform));
        self.download(build, &downloaded).await?;
        let file = pack(build, &downloaded, &path).await?;
        // What was downloaded is not needed any more; if it stays, it goes with the folder.
        let _ = tokio::fs::remove_file(&downloaded).await;
        let made = Arc::new(Prepared { config: build.config.clone(), path, file });
        prepared.insert(key, Arc::clone(&made));
        Ok(made)
    }

    async fn download(&self, build: &NetworkBuild, path: &Path) -> Result<()> {
        let archive = format!("{}.zip", build.platform);
        let url = with_segments(&self.source, [build.version.as_str(), archive.as_str()]);
        let unwritten = |error: std::io::Error| {
            Error::new(
                Meaning::Other,
                "download build",
                url.as_str(),
                "it cannot be written to the temporary folder",
            )
            .with_source(error)
        };
        let mut file = File::create(path).await.map_err(unwritten)?;
        let request =
            self.client.get(&url).about("download build", url.as_str()).dialect(Arc::new(PublicBucket));
        let request = request.timeout(LONGEST_DOWNLOAD);
        let downloaded = request.deadline(LONGEST_DOWNLOAD).download(&mut file, LARGEST_BUILD).await;
        let downloaded = downloaded.map_err(|error| explain_missing(error, build))?;
        file.sync_all().await.map_err(unwritten)?;
        let (path, url) = (path.to_owned(), url.to_string());
        blocking(move || check_download(&url, &path, &downloaded)).await
    }
}

/// A bucket that may not be listed answers that a missing object is forbidden.
fn explain_missing(error: Error, build: &NetworkBuild) -> Error {
    let missing = matches!(error.meaning(), Meaning::NotFound | Meaning::Denied);
    if !missing {
        return error;
    }
    let reason = format!("there is no build of version {} for {}", build.version, build.platform);
    Error::new(Meaning::NotFound, error.operation(), error.resource(), reason)
        .with_source(error)
        .with_hint("see --go-sm-release-version and --builds-bucket")
}

async fn pack(build: &NetworkBuild, from: &Path, to: &Path) -> Result<StoredFile> {
    let (build, from, to) = (build.clone(), from.to_owned(), to.to_owned());
    blocking(move || {
        archive::put_config(&build.key(), &from, &to, &build.config)?;
        digests_of(&to)
    })
    .await
}

/// Runs work that waits for the disk.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Error::new(Meaning::Other, "pack build", "", "the work was broken off").with_source(error))
    })
}

/// Whether the published file is the prepared one.
fn is_published(prepared: &StoredFile, published: &StoredFile) -> bool {
    prepared.size == published.size && prepared.digests.agree(&published.digests) == Some(true)
}

#[async_trait]
impl ReleaseBuilds for Builds {
    fn url(&self, build: &NetworkBuild) -> String {
        self.store.url(&build.key())
    }

    async fn check_access(&self) -> Result<()> {
        self.store.check_access().await
    }

    async fn look_build(&self, build: &NetworkBuild) -> Result<Look> {
        let prepared = self.prepare(build).await?;
        Ok(match self.store.describe(&build.key()).await? {
            None => Look::Absent,
            Some(published) if is_published(&prepared.file, &published) => Look::Same,
            Some(published) => Look::Differs(vec![format!(
                "{}: {} bytes -> {} bytes",
                build.key(),
                published.size,
                prepared.file.size
            )]),
        })
    }

    async fn ensure_build(&self, build: &NetworkBuild) -> Result<Outcome> {
        let prepared = self.prepare(build).await?;
        let published = self.store.describe(&build.key()).await?;
        if published.as_ref().is_some_and(|published| is_published(&prepared.file, published)) {
            return Ok(Outcome::Unchanged);
        }
        self.store.upload(&build.key(), &prepared.path, ZIP, published.as_ref()).await?;
        Ok(if published.is_some() { Outcome::Updated } else { Outcome::Created })
    }
}
