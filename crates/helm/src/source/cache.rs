//! Downloads kept in a folder, named by the digest of their content.

use std::path::PathBuf;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use spacecraft_core::{Error, Meaning, Result};

/// A folder of downloads, or none.
#[derive(Debug, Clone)]
pub(super) struct Cache(Option<PathBuf>);

impl Cache {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self(folder)
    }

    /// The download with this SHA-256 digest in hexadecimal, if it is kept here and whole.
    pub(super) async fn get(&self, digest: &str) -> Option<Bytes> {
        let content = Bytes::from(tokio::fs::read(self.path(digest)?).await.ok()?);
        (sha256(&content) == digest).then_some(content)
    }

    /// Keeps a download. A folder that cannot be written to costs the next download, nothing else.
    pub(super) async fn keep(&self, content: &Bytes) {
        let digest = sha256(content);
        let Some(path) = self.path(&digest) else { return };
        if let Err(error) = write(&path, content).await {
            tracing::warn!(path = %path.display(), %error, "the chart cannot be kept for next time");
        }
    }

    fn path(&self, digest: &str) -> Option<PathBuf> {
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        let folder = self.0.as_ref().filter(|_| is_digest)?;
        Some(folder.join(format!("{digest}.tgz")))
    }
}

async fn write(path: &std::path::Path, content: &Bytes) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    // A file is there whole or not at all, whoever else writes it at the same time.
    let unfinished = path.with_extension(format!("{}.part", uuid::Uuid::new_v4().simple()));
    tokio::fs::write(&unfinished, content).await?;
    tokio::fs::rename(&unfinished, path).await
}

/// The SHA-256 digest in lower case hexadecimal.
pub(super) fn sha256(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}

/// Checks what was downloaded against the digest that was promised: hexadecimal, with or without `sha256:` in front.
///
/// # Errors
/// [`Meaning::Invalid`] if it is another.
pub(super) fn check_digest(what: &str, content: &[u8], promised: &str) -> Result<()> {
    let promised = promised.strip_prefix("sha256:").unwrap_or(promised);
    let found = sha256(content);
    if promised.eq_ignore_ascii_case(&found) {
        return Ok(());
    }
    let reason = format!("its SHA-256 digest is {found}, but {promised} was promised");
    Err(Error::new(Meaning::Invalid, "check the digest of", what, reason)
        .of_reply()
        .with_hint("the download was changed on its way or in its repository; nothing of it was used"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_download_is_kept_by_its_digest_and_read_only_if_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(folder.path().join("charts")));
        let content = Bytes::from_static(b"chart");
        let digest = sha256(&content);
        assert_eq!(cache.get(&digest).await, None);
        cache.keep(&content).await;
        assert_eq!(cache.get(&digest).await, Some(content));
        std::fs::write(folder.path().join(format!("charts/{digest}.tgz")), "changed").unwrap();
        assert_eq!(cache.get(&digest).await, None);
    }

    #[tokio::test]
    async fn a_digest_is_never_a_path() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.tgz"), "secret").unwrap();
        assert_eq!(Cache::new(Some(folder.path().join("charts"))).get("../x").await, None);
    }

    #[test]
    fn another_digest_than_the_promised_one_is_an_error() {
        let digest = sha256(b"a");
        check_digest("demo", b"a", &format!("sha256:{digest}")).unwrap();
        assert_eq!(check_digest("demo", b"b", &digest).unwrap_err().meaning(), Meaning::Invalid);
    }
}
