use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Meaning, Result};
use crate::observer::Outcome;

/// One bucket, or one folder, of objects with generations.
///
/// # Contract
///
/// * Keys are relative paths of `/`-separated parts without `.` and `..` parts; others are [`Meaning::Invalid`](crate::Meaning::Invalid).
/// * Every write gives an object a generation that it never had before, also after a delete and a new write.
/// * `put` with a precondition that does not hold changes nothing and fails with
///   [`Meaning::PreconditionFailed`](crate::Meaning::PreconditionFailed). When its own first attempt took effect although the reply was lost, it succeeds.
/// * `delete` of what is not there is [`Outcome::Absent`].
/// * `list` is complete and sorted by key.
#[async_trait]
pub trait ObjectStore: Debug + Send + Sync {
    /// Where the objects are, for messages: `gs://bucket` or a path.
    fn location(&self) -> String;

    /// The URL under which everybody, or at least this machine, reads the object.
    fn url(&self, key: &str) -> String;

    /// The object, or none.
    async fn get(&self, key: &str) -> Result<Option<StoredObject>>;

    /// Writes an object and answers its new generation.
    async fn put(&self, key: &str, bytes: Vec<u8>, options: &PutOptions) -> Result<i64>;

    /// Deletes an object if it is there and the precondition holds.
    async fn delete(&self, key: &str, precondition: Precondition) -> Result<Outcome>;

    /// All keys that start with `prefix`, with their generations.
    async fn list(&self, prefix: &str) -> Result<Vec<(String, i64)>>;

    /// Whether anybody without credentials can read the objects.
    async fn is_public(&self) -> Result<bool>;

    /// Checks, without writing, that objects can be read and written here. Fails with what is missing: the bucket, a permission.
    async fn check_access(&self) -> Result<()>;
}

/// An object's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its generation.
    pub generation: i64,
}

/// How an object is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutOptions {
    /// What must hold.
    pub precondition: Precondition,
    /// The content type.
    pub content_type: String,
    /// The Cache-Control of the object; without one, public objects are cached for an hour.
    pub cache_control: String,
}

impl PutOptions {
    /// JSON that must never be served from a cache.
    #[must_use]
    pub fn json(precondition: Precondition) -> Self {
        Self {
            precondition,
            content_type: "application/json".to_owned(),
            cache_control: "no-cache, max-age=0".to_owned(),
        }
    }
}

/// What must hold for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precondition {
    /// Nothing.
    None,
    /// There is no such object.
    Absent,
    /// The object has this generation.
    Generation(i64),
}

/// Refuses a key that is not a relative path of `/`-separated parts without `.` and `..` parts, which every [`ObjectStore`] does first.
///
/// # Errors
///
/// [`Meaning::Invalid`] with `operation` and the key.
pub fn check_object_key(operation: &str, key: &str) -> Result<()> {
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0', '\n', '\r']);
    if key.split('/').all(plain) {
        return Ok(());
    }
    let reason = "a key is a relative path of parts separated by `/`, none of them empty, `.` or `..`";
    Err(Error::new(Meaning::Invalid, operation, key, reason))
}
