use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{
    FileDigests, FileStore, Look, NetworkBuild, Platform, ReleaseBuilds, ReleaseDraft, ReleasePublisher,
    StoredFile, check_object_key,
};
use spacecraft_core::{Error, Meaning, Result};

use crate::ledger::Ledger;
use crate::shared::Shared;

/// Builds in memory: which versions there are, and what was published.
#[derive(Debug, Clone, Default)]
pub struct InMemoryBuilds {
    ledger: Ledger,
    state: Shared<Archives>,
}

#[derive(Debug, Default)]
struct Archives {
    missing: Vec<(String, Platform)>,
    published: BTreeMap<String, Vec<u8>>,
}

impl InMemoryBuilds {
    /// Every version that starts with `v` exists; calls are counted in `ledger`.
    #[must_use]
    pub fn with_ledger(ledger: Ledger) -> Self {
        Self { ledger, state: Shared::default() }
    }

    /// Takes a build away.
    pub fn remove_build(&self, version: &str, platform: Platform) {
        self.state.lock().missing.push((version.to_owned(), platform));
    }

    /// The keys of what was published, each with the config in it.
    #[must_use]
    pub fn published(&self) -> BTreeMap<String, Vec<u8>> {
        self.state.lock().published.clone()
    }

    fn find(&self, build: &NetworkBuild) -> Result<()> {
        let missing = self.state.lock().missing.contains(&(build.version.clone(), build.platform));
        if build.version.starts_with('v') && !missing {
            return Ok(());
        }
        let reason = format!("there is no build of version {} for {}", build.version, build.platform);
        Err(Error::new(Meaning::NotFound, "download build", build.key(), reason))
    }
}

#[async_trait]
impl ReleaseBuilds for InMemoryBuilds {
    fn url(&self, build: &NetworkBuild) -> String {
        format!("memory://builds/{}", build.key())
    }

    async fn check_access(&self) -> Result<()> {
        self.ledger.begin("builds.check_access", "").await?.read(())
    }

    async fn look_build(&self, build: &NetworkBuild) -> Result<Look> {
        let call = self.ledger.begin("builds.look_build", &build.key()).await?;
        self.find(build)?;
        let look = match self.state.lock().published.get(&build.key()) {
            None => Look::Absent,
            Some(config) if *config == build.config => Look::Same,
            Some(_) => Look::Differs(vec![build.key()]),
        };
        call.read(look)
    }

    async fn ensure_build(&self, build: &NetworkBuild) -> Result<Outcome> {
        let call = self.ledger.begin("builds.ensure_build", &build.key()).await?;
        self.find(build)?;
        let before = self.state.lock().published.insert(build.key(), build.config.clone());
        match before {
            Some(config) if config == build.config => call.read(Outcome::Unchanged),
            Some(_) => call.wrote(Outcome::Updated),
            None => call.wrote(Outcome::Created),
        }
    }
}

/// Large files in memory, whatever their name says.
#[derive(Debug, Clone, Default)]
pub struct InMemoryFiles {
    state: Shared<Files>,
}

#[derive(Debug, Default)]
struct Files {
    files: BTreeMap<String, (i64, Vec<u8>)>,
    last_generation: i64,
}

impl InMemoryFiles {
    /// The content of a file.
    #[must_use]
    pub fn content(&self, key: &str) -> Option<Vec<u8>> {
        self.state.lock().files.get(key).map(|(_, bytes)| bytes.clone())
    }
}

#[async_trait]
impl FileStore for InMemoryFiles {
    fn location(&self) -> String {
        "memory://files".to_owned()
    }

    fn url(&self, key: &str) -> String {
        format!("memory://files/{key}")
    }

    async fn check_access(&self) -> Result<()> {
        Ok(())
    }

    async fn describe(&self, key: &str) -> Result<Option<StoredFile>> {
        check_object_key("look at file", key)?;
        let known = self.state.lock().files.get(key).cloned();
        Ok(known.map(|(generation, bytes)| StoredFile {
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            digests: FileDigests { md5: None, crc32c: Some(crc32c::crc32c(&bytes)) },
            generation,
        }))
    }

    async fn upload(&self, key: &str, from: &Path, _: &str, expected: Option<&StoredFile>) -> Result<()> {
        check_object_key("write file", key)?;
        let bytes = tokio::fs::read(from).await.map_err(|error| {
            Error::new(Meaning::Other, "write file", key, "the local file cannot be read").with_source(error)
        })?;
        let mut files = self.state.lock();
        let found = files.files.get(key).map(|(generation, _)| *generation);
        if found != expected.map(|file| file.generation) {
            let reason = "it is not what was looked at before";
            return Err(Error::new(Meaning::PreconditionFailed, "write file", key, reason));
        }
        files.last_generation += 1;
        let generation = files.last_generation;
        files.files.insert(key.to_owned(), (generation, bytes));
        Ok(())
    }
}

/// The releases of a repository, in memory.
#[derive(Debug, Clone, Default)]
pub struct InMemoryReleases {
    ledger: Ledger,
    state: Shared<BTreeMap<String, (ReleaseDraft, bool)>>,
}

impl InMemoryReleases {
    /// A repository without releases that counts its calls in `ledger`.
    #[must_use]
    pub fn with_ledger(ledger: Ledger) -> Self {
        Self { ledger, state: Shared::default() }
    }

    /// Publishes the draft of a tag, as people do.
    pub fn publish(&self, tag: &str) {
        if let Some((_, published)) = self.state.lock().get_mut(tag) {
            *published = true;
        }
    }

    /// The release of a tag.
    #[must_use]
    pub fn release(&self, tag: &str) -> Option<ReleaseDraft> {
        self.state.lock().get(tag).map(|(release, _)| release.clone())
    }

    fn compare(&self, wanted: &ReleaseDraft) -> Result<Look> {
        match self.state.lock().get(&wanted.tag) {
            None => Ok(Look::Absent),
            Some((known, _)) if known == wanted => Ok(Look::Same),
            Some((known, false)) if known.name == wanted.name => Ok(Look::Differs(vec![wanted.tag.clone()])),
            Some((_, false)) => {
                let reason = "there is a draft of that tag with another name";
                Err(Error::new(Meaning::AlreadyExists, "draft release", &wanted.tag, reason))
            }
            Some((_, true)) => {
                let reason = "it was published, and differs from what would be released";
                Err(Error::new(Meaning::AlreadyExists, "draft release", &wanted.tag, reason))
            }
        }
    }
}

#[async_trait]
impl ReleasePublisher for InMemoryReleases {
    fn location(&self) -> String {
        "memory/releases".to_owned()
    }

    async fn check_access(&self) -> Result<()> {
        self.ledger.begin("releases.check_access", "").await?.read(())
    }

    async fn look_release(&self, release: &ReleaseDraft) -> Result<Look> {
        let call = self.ledger.begin("releases.look_release", &release.tag).await?;
        call.read(self.compare(release)?)
    }

    async fn ensure_release(&self, release: &ReleaseDraft) -> Result<Outcome> {
        let call = self.ledger.begin("releases.ensure_release", &release.tag).await?;
        let outcome = match self.compare(release)? {
            Look::Same => return call.read(Outcome::Unchanged),
            Look::Absent => Outcome::Created,
            Look::Differs(_) => Outcome::Updated,
        };
        self.state.lock().insert(release.tag.clone(), (release.clone(), false));
        call.wrote(outcome)
    }

    async fn release_page(&self, tag: &str) -> Result<Option<String>> {
        let call = self.ledger.begin("releases.release_page", tag).await?;
        let known = self.state.lock().contains_key(tag);
        call.read(known.then(|| format!("memory://releases/{tag}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    mod builds {
        crate::release_builds_conformance!(async {
            crate::conformance::Subject::new(super::InMemoryBuilds::default())
        });
    }

    mod files {
        crate::file_store_conformance!(async {
            crate::conformance::Subject::new(super::InMemoryFiles::default())
        });
    }

    mod releases {
        crate::release_publisher_conformance!(async {
            crate::conformance::Subject::new(super::InMemoryReleases::default())
        });
    }

    #[tokio::test]
    async fn a_published_release_is_not_changed() {
        let releases = InMemoryReleases::default();
        let release = crate::conformance::releases::release("v1.7.6", "one");
        releases.ensure_release(&release).await.unwrap();
        releases.publish("v1.7.6");
        assert_eq!(releases.look_release(&release).await.unwrap(), Look::Same);
        let other = crate::conformance::releases::release("v1.7.6", "two");
        assert_eq!(releases.ensure_release(&other).await.unwrap_err().meaning(), Meaning::AlreadyExists);
    }
}
