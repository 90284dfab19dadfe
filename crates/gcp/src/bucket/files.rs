//! Files of a bucket that are too large for memory.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use spacecraft_core::traits::{FileDigests, FileStore, StoredFile, check_object_key};
use spacecraft_core::{Effect, Error, Meaning, Result};
use spacecraft_http::{Call, Failure, Idempotency};

use super::{Bucket, access, media};
use crate::api::fetch;
use crate::number;

/// The slowest upload that is waited for, in bytes a second.
const SLOWEST: u64 = 128 << 10;
/// How long an upload may take besides.
const PATIENCE: Duration = Duration::from_secs(60);

/// An object without its content.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectBody {
    #[serde(deserialize_with = "number::lenient")]
    generation: i64,
    #[serde(deserialize_with = "number::lenient")]
    size: i64,
    #[serde(default)]
    md5_hash: String,
    #[serde(default)]
    crc32c: String,
}

impl ObjectBody {
    fn describe(self) -> StoredFile {
        StoredFile {
            size: u64::try_from(self.size).unwrap_or_default(),
            digests: FileDigests {
                md5: bytes_of(&self.md5_hash),
                crc32c: bytes_of(&self.crc32c).map(u32::from_be_bytes),
            },
            generation: self.generation,
        }
    }
}

/// The bytes of a digest in base64, when they are as many as they should be.
fn bytes_of<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

impl Bucket {
    async fn upload_once(
        &self,
        call: &Call,
        key: &str,
        from: &Path,
        content_type: &str,
        generation: i64,
    ) -> Result<(), Failure> {
        self.require_token(call).await?;
        let file = tokio::fs::File::open(from).await.map_err(|error| unreadable(call, from, error))?;
        let length = file.metadata().await.map_err(|error| unreadable(call, from, error))?.len();
        let request = self
            .storage
            .write_object(self.resource(), key, file)
            .set_content_type(content_type)
            .set_cache_control("no-cache, max-age=0")
            .set_if_generation_match(generation);
        let sent =
            async { Box::pin(request.send_buffered()).await.map_err(|error| self.failure(call, &error)) };
        let patience = PATIENCE + Duration::from_secs(length / SLOWEST);
        media::in_time(patience, sent).await.map(drop)
    }

    /// What became of an upload whose precondition did not hold after an attempt that may have taken effect: ours, when what is there is of this size and
    /// of a generation that nobody saw before.
    async fn settle_upload(&self, key: &str, from: &Path, expected: i64, error: Error) -> Result<()> {
        if error.meaning() != Meaning::PreconditionFailed || error.effect() != Effect::Possible {
            return Err(error);
        }
        let length = tokio::fs::metadata(from).await.map(|metadata| metadata.len()).ok();
        match self.describe(key).await? {
            Some(file) if Some(file.size) == length && file.generation > expected => Ok(()),
            _ => Err(error),
        }
    }
}

fn unreadable(call: &Call, path: &Path, error: std::io::Error) -> Failure {
    let reason = format!("{} cannot be read", path.display());
    Failure::Final(media::error_of(call, Meaning::Other, reason).with_source(error))
}

#[async_trait]
impl FileStore for Bucket {
    fn location(&self) -> String {
        spacecraft_core::traits::ObjectStore::location(self)
    }

    fn url(&self, key: &str) -> String {
        spacecraft_core::traits::ObjectStore::url(self, key)
    }

    async fn check_access(&self) -> Result<()> {
        self.check_permissions().await
    }

    async fn describe(&self, key: &str) -> Result<Option<StoredFile>> {
        let operation = "look at object";
        check_object_key(operation, key)?;
        match fetch::<ObjectBody>(self.get_request(&["o", key], operation, key), "an object").await {
            Ok(object) => Ok(Some(object.describe())),
            Err(error) if error.is_not_found() && !access::is_missing_bucket(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn upload(
        &self,
        key: &str,
        from: &Path,
        content_type: &str,
        expected: Option<&StoredFile>,
    ) -> Result<()> {
        check_object_key("upload object", key)?;
        let generation = expected.map_or(0, |file| file.generation);
        let call = Call::new("upload object", self.described(key), Idempotency::Idempotent);
        let attempt = || self.upload_once(&call, key, from, content_type, generation);
        match self.client.retrier().run(&call, attempt).await {
            Ok(()) => Ok(()),
            Err(error) => self.settle_upload(key, from, generation, error).await,
        }
    }
}
