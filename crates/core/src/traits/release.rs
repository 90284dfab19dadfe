use std::fmt::{self, Debug};
use std::path::Path;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Look;
use crate::error::Result;
use crate::observer::Outcome;

/// An operating system that go-spacemesh is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Platform {
    /// Windows.
    Windows,
    /// macOS.
    #[serde(rename = "macOS")]
    MacOs,
    /// Linux.
    Linux,
}

impl Platform {
    /// All of them, in the order in which releases name them.
    pub const ALL: [Self; 3] = [Self::Windows, Self::MacOs, Self::Linux];

    /// Its name, as in the names of the builds' archives.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Windows => "Windows",
            Self::MacOs => "macOS",
            Self::Linux => "Linux",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A build of go-spacemesh that is to be published together with a network's config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkBuild {
    /// The version of go-spacemesh, such as `v1.7.6`.
    pub version: String,
    /// The operating system.
    pub platform: Platform,
    /// The network's config, as it is published.
    pub config: Vec<u8>,
}

impl NetworkBuild {
    /// The key of the archive, both where it comes from and where it goes.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}.zip", self.version, self.platform)
    }
}

/// Where builds come from, and where those with a network's config in them are published.
///
/// # Contract
///
/// * What is published is the archive of the build with the config as `config.json` beside the program, everything else in it byte for byte. The same build and
///   config make the same archive.
/// * `look_build` publishes nothing. It is [`Look::Same`] exactly when the archive that is published is the one that would be.
/// * A build that does not exist is [`Meaning::NotFound`](crate::Meaning::NotFound). An archive that is damaged, or could harm who unpacks it, is
///   [`Meaning::Invalid`](crate::Meaning::Invalid).
/// * Memory is bounded, whatever the size of a build.
#[async_trait]
pub trait ReleaseBuilds: Debug + Send + Sync {
    /// The address under which everybody reads the published archive.
    fn url(&self, build: &NetworkBuild) -> String;

    /// Checks, without writing, that archives can be published.
    async fn check_access(&self) -> Result<()>;

    /// Compares what is published with what should be.
    async fn look_build(&self, build: &NetworkBuild) -> Result<Look>;

    /// Publishes the archive, unless it is there already.
    async fn ensure_build(&self, build: &NetworkBuild) -> Result<Outcome>;
}

/// Files that are too large for memory, in a bucket or a folder.
///
/// # Contract
///
/// * Keys are those of an [`ObjectStore`](super::ObjectStore).
/// * `upload` replaces exactly what was described before: with `expected` none, nothing may be there. Otherwise it changes nothing and fails with
///   [`Meaning::PreconditionFailed`](crate::Meaning::PreconditionFailed).
/// * Files are never seen half written.
#[async_trait]
pub trait FileStore: Debug + Send + Sync {
    /// Where the files are, for messages.
    fn location(&self) -> String;

    /// The address under which everybody, or at least this machine, reads the file.
    fn url(&self, key: &str) -> String;

    /// Checks, without writing, that files can be read and written here. Fails with what is missing.
    async fn check_access(&self) -> Result<()>;

    /// What is known of a file without reading it; none when it is not there.
    async fn describe(&self, key: &str) -> Result<Option<StoredFile>>;

    /// Copies a local file here.
    async fn upload(
        &self,
        key: &str,
        from: &Path,
        content_type: &str,
        expected: Option<&StoredFile>,
    ) -> Result<()>;
}

/// What is known of a file without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Its bytes, counted.
    pub size: u64,
    /// The digests that are known of it.
    pub digests: FileDigests,
    /// Its generation, which no other content of the same name has.
    pub generation: i64,
}

/// Digests of a file's content, as far as they are known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileDigests {
    /// MD5, which Cloud Storage keeps of most objects. It tells accidents, not malice.
    pub md5: Option<[u8; 16]>,
    /// CRC-32C, which Cloud Storage keeps of every object.
    pub crc32c: Option<u32>,
}

impl FileDigests {
    /// Whether both are of the same content; none when they have no kind of digest in common.
    #[must_use]
    pub fn agree(&self, other: &Self) -> Option<bool> {
        let md5 = self.md5.zip(other.md5).map(|(one, another)| one == another);
        let crc32c = self.crc32c.zip(other.crc32c).map(|(one, another)| one == another);
        match (md5, crc32c) {
            (None, None) => None,
            (md5, crc32c) => Some(md5.unwrap_or(true) && crc32c.unwrap_or(true)),
        }
    }
}

/// A release as it should be: a draft that people look over and publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseDraft {
    /// The tag, which is the version.
    pub tag: String,
    /// The title.
    pub name: String,
    /// The notes, in Markdown.
    pub notes: String,
    /// Small files that hang on the release.
    pub assets: Vec<ReleaseAsset>,
}

/// A small file that hangs on a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseAsset {
    /// Its name: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Its content type.
    pub content_type: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Releases of a repository.
///
/// # Contract
///
/// * `ensure_release` makes or changes a draft pre-release, never a release that was published: one of that tag that differs is refused with
///   [`Meaning::AlreadyExists`](crate::Meaning::AlreadyExists), by `look_release` too. So is a draft of another name: it is another network's.
/// * There is one draft of a tag afterwards, also when the reply to making it was lost. Assets of other names stay.
/// * A right that the credentials lack is named: as [`Meaning::Invalid`](crate::Meaning::Invalid) where the service tells what they may, else as
///   [`Meaning::Denied`](crate::Meaning::Denied).
#[async_trait]
pub trait ReleasePublisher: Debug + Send + Sync {
    /// The repository, for messages.
    fn location(&self) -> String;

    /// Checks, without writing, that the repository is there and releases can be made in it.
    async fn check_access(&self) -> Result<()>;

    /// Compares the release of that tag with what is wanted.
    async fn look_release(&self, release: &ReleaseDraft) -> Result<Look>;

    /// Makes the release so.
    async fn ensure_release(&self, release: &ReleaseDraft) -> Result<Outcome>;

    /// The page of the release of a tag; none when there is none.
    async fn release_page(&self, tag: &str) -> Result<Option<String>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_agree_by_what_both_have() {
        let digests = |md5: Option<u8>, crc32c| FileDigests { md5: md5.map(|byte| [byte; 16]), crc32c };
        assert_eq!(digests(Some(1), Some(2)).agree(&digests(Some(1), Some(2))), Some(true));
        assert_eq!(digests(Some(1), Some(2)).agree(&digests(Some(1), Some(3))), Some(false));
        assert_eq!(digests(Some(1), None).agree(&digests(Some(2), Some(3))), Some(false));
        assert_eq!(digests(None, Some(3)).agree(&digests(Some(2), Some(3))), Some(true));
        assert_eq!(digests(None, Some(3)).agree(&digests(Some(2), None)), None);
    }
}
