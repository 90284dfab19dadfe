//! Objects in one bucket of Cloud Storage.

mod access;
mod files;
mod media;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_storage::client::Storage;
use google_cloud_storage::read_resume_policy::NeverResume;
use serde::Deserialize;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{
    BearerTokens, ObjectStore, Precondition, PutOptions, StoredObject, check_object_key,
};
use spacecraft_core::{Effect, Error, Meaning, Result};
use spacecraft_http::{Client, Credential, Request, with_segments};
use url::Url;

use crate::api::fetch;
use crate::dialect::{Google, WithoutContent};
use crate::number;
use crate::tokens::StorageCredentials;

/// The most pages of a list that are read, against a server that never ends it.
const MOST_PAGES: usize = 10_000;

/// What a [`Bucket`] works with.
#[derive(Debug, Clone)]
pub struct BucketOptions {
    /// The bucket's name.
    pub name: String,
    /// Sends the requests and tries them again.
    pub client: Client,
    /// Gives the tokens.
    pub tokens: Arc<dyn BearerTokens>,
    /// Where Cloud Storage answers.
    pub endpoint: Url,
}

/// The objects of one bucket. Google's own client reads and writes them; listing, deleting and the bucket itself, for which that client
/// speaks gRPC only, go over the JSON API. One retry mechanism serves both.
#[derive(Clone)]
pub struct Bucket {
    name: String,
    endpoint: Url,
    client: Client,
    tokens: Arc<dyn BearerTokens>,
    storage: Storage,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, endpoint, .. } = self;
        formatter
            .debug_struct("Bucket")
            .field("name", name)
            .field("endpoint", &endpoint.as_str())
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ObjectPage {
    items: Vec<ObjectEntry>,
    next_page_token: String,
}

#[derive(Debug, Deserialize)]
struct ObjectEntry {
    name: String,
    #[serde(deserialize_with = "number::lenient")]
    generation: i64,
}

impl Bucket {
    /// A bucket that exists; asks nothing yet.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] when the client cannot be built, for want of certificate authorities on the system for example.
    pub async fn new(options: BucketOptions) -> Result<Self> {
        let BucketOptions { name, client, tokens, endpoint } = options;
        // Google's client takes the process's provider of cryptography and panics without one; a provider that is there is kept.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let credentials = StorageCredentials(tokens.clone());
        let storage = Storage::builder()
            .with_endpoint(endpoint.as_str().trim_end_matches('/'))
            .with_credentials(google_cloud_auth::credentials::Credentials::from(credentials))
            .with_retry_policy(NeverRetry)
            .with_read_resume_policy(NeverResume)
            .build()
            .await
            .map_err(|error| {
                Error::new(Meaning::Invalid, "build client for bucket", name.as_str(), "").with_source(error)
            })?;
        Ok(Self { name, endpoint, client, tokens, storage })
    }

    /// A URL of the JSON API below the bucket.
    fn api_url(&self, segments: &[&str]) -> Url {
        let bucket = ["storage", "v1", "b", self.name.as_str()];
        with_segments(&self.endpoint, bucket.iter().chain(segments).copied())
    }

    fn authorized(&self, request: Request, operation: &str, key: &str) -> Request {
        request
            .about(operation, self.described(key))
            .credential(Credential::Bearer(self.tokens.clone()))
            .dialect(Arc::new(Google))
    }

    fn get_request(&self, segments: &[&str], operation: &str, key: &str) -> Request {
        self.authorized(self.client.get(self.api_url(segments)), operation, key)
    }

    /// An object's name in messages, or the bucket's without a key.
    fn described(&self, key: &str) -> String {
        if key.is_empty() { self.location() } else { format!("{}/{key}", self.location()) }
    }

    /// What became of a write whose precondition did not hold after an attempt that may have taken effect: our own, when exactly
    /// these bytes are there.
    async fn settle(&self, key: &str, bytes: &[u8], error: Error) -> Result<i64> {
        if error.meaning() != Meaning::PreconditionFailed || error.effect() != Effect::Possible {
            return Err(error);
        }
        match self.read(key).await? {
            Some(object) if object.bytes == bytes => Ok(object.generation),
            _ => Err(error),
        }
    }
}

#[async_trait]
impl ObjectStore for Bucket {
    fn location(&self) -> String {
        format!("gs://{}", self.name)
    }

    fn url(&self, key: &str) -> String {
        let segments = std::iter::once(self.name.as_str()).chain(key.split('/'));
        with_segments(&self.endpoint, segments).into()
    }

    async fn get(&self, key: &str) -> Result<Option<StoredObject>> {
        check_object_key("read object", key)?;
        self.read(key).await
    }

    async fn put(&self, key: &str, bytes: Vec<u8>, options: &PutOptions) -> Result<i64> {
        check_object_key("write object", key)?;
        let bytes = bytes::Bytes::from(bytes);
        match self.write(key, &bytes, options).await {
            Ok(generation) => Ok(generation),
            Err(error) => self.settle(key, &bytes, error).await,
        }
    }

    async fn delete(&self, key: &str, precondition: Precondition) -> Result<Outcome> {
        let operation = "delete object";
        check_object_key(operation, key)?;
        let request = self.client.delete(self.api_url(&["o", key]));
        let mut request = self.authorized(request, operation, key).dialect(Arc::new(WithoutContent));
        if let Some(generation) = generation_to_match(precondition) {
            request = request.query("ifGenerationMatch", generation.to_string());
        }
        match request.send().await {
            Ok(_) => Ok(Outcome::Removed),
            Err(error) if access::is_missing_bucket(&error) => Err(error),
            Err(error) if error.is_not_found() && error.effect() == Effect::Possible => Ok(Outcome::Removed),
            Err(error) if error.is_not_found() => Ok(Outcome::Absent),
            Err(error) => Err(error),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, i64)>> {
        let operation = "list objects";
        let mut found = Vec::new();
        let mut token = String::new();
        for _ in 0..MOST_PAGES {
            let mut request = self.get_request(&["o"], operation, prefix).query("prefix", prefix);
            if !token.is_empty() {
                request = request.query("pageToken", &token);
            }
            let page: ObjectPage = fetch(request, "a list of objects").await?;
            found.extend(page.items.into_iter().map(|item| (item.name, item.generation)));
            if page.next_page_token.is_empty() {
                found.sort();
                return Ok(found);
            }
            token = page.next_page_token;
        }
        let reason = format!("the list does not end after {MOST_PAGES} pages");
        Err(Error::new(Meaning::Invalid, operation, self.described(prefix), reason))
    }

    async fn is_public(&self) -> Result<bool> {
        self.can_be_read_by_everybody().await
    }

    async fn check_access(&self) -> Result<()> {
        self.check_permissions().await
    }
}

/// The generation that an object must have; zero is an object that is not there.
fn generation_to_match(precondition: Precondition) -> Option<i64> {
    match precondition {
        Precondition::None => None,
        Precondition::Absent => Some(0),
        Precondition::Generation(generation) => Some(generation),
    }
}
