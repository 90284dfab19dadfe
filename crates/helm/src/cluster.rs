//! The Kubernetes API as far as releases need it: any object, by discovery.

mod address;
mod exchange;
mod served;
mod watch;

use http::{Method, Request};
use serde_json::{Value, json};
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Call, Failure, Idempotency, Retrier};

pub use address::Address;
pub use served::{Resource, Served};
pub(crate) use watch::{Change, Followed};

/// The field manager under which Helm's objects are applied.
pub(crate) const FIELD_MANAGER: &str = "helm";
/// How many objects one page of a list has.
const PAGE: usize = 500;

/// A connection to a cluster.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
    retrier: Retrier,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Cluster").finish_non_exhaustive()
    }
}

/// What becomes of objects whose owner is deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted after their owner.
    #[default]
    Background,
    /// They are deleted before their owner is gone.
    Foreground,
    /// They stay.
    Orphan,
}

impl Propagation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Background => "Background",
            Self::Foreground => "Foreground",
            Self::Orphan => "Orphan",
        }
    }
}

/// A request, of which each attempt makes its own copy.
struct Draft {
    method: Method,
    uri: String,
    content_type: Option<&'static str>,
    accept: &'static str,
    body: Vec<u8>,
}

impl Draft {
    fn new(method: Method, uri: impl Into<String>) -> Self {
        Self { method, uri: uri.into(), content_type: None, accept: "application/json", body: Vec::new() }
    }

    fn body(mut self, content_type: &'static str, body: &Value) -> Self {
        self.content_type = Some(content_type);
        self.body = body.to_string().into_bytes();
        self
    }

    fn request(&self) -> Result<Request<Vec<u8>>, Failure> {
        let mut builder = Request::builder()
            .method(self.method.clone())
            .uri(&self.uri)
            .header(http::header::ACCEPT, self.accept);
        if let Some(content_type) = self.content_type {
            builder = builder.header(http::header::CONTENT_TYPE, content_type);
        }
        builder.body(self.body.clone()).map_err(|error| {
            let reason = "this is no valid request";
            Failure::Final(
                Error::new(Meaning::Invalid, "ask the cluster", &self.uri, reason).with_source(error),
            )
        })
    }
}

impl Cluster {
    /// A cluster behind `client`, whose own retries should be off, since `retrier` repeats what can be repeated.
    #[must_use]
    pub fn new(client: kube::Client, retrier: Retrier) -> Self {
        Self { client, retrier }
    }

    /// Everything that the cluster serves, and its version.
    ///
    /// # Errors
    /// If discovery fails.
    pub async fn served(&self) -> Result<Served> {
        served::discover(self).await
    }

    /// The object at `address`; none when there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn get(&self, address: &Address) -> Result<Option<Value>> {
        let call = Call::new("read", address.to_string(), Idempotency::Safe);
        match self.exchange(&call, &Draft::new(Method::GET, address.path())).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All objects of a kind in a namespace, or in all, and the version of the list.
    pub(crate) async fn list(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        selector: &str,
    ) -> Result<(Vec<Value>, String)> {
        let place =
            namespace.map_or_else(|| "the cluster".to_owned(), |namespace| format!("namespace {namespace}"));
        let call = Call::new("list", format!("{} in {place}", resource.plural), Idempotency::Safe);
        let (mut objects, mut next) = (Vec::new(), String::new());
        loop {
            let uri = resource.list_uri(namespace, selector, PAGE, &next);
            let mut page = self.exchange(&call, &Draft::new(Method::GET, uri)).await?;
            if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
                objects.extend(items);
            }
            let metadata = |field: &str| {
                page.pointer(&format!("/metadata/{field}"))
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            next = metadata("continue");
            if next.is_empty() {
                return Ok((objects, metadata("resourceVersion")));
            }
        }
    }

    /// Creates an object. After a lost reply it may exist although this fails.
    pub(crate) async fn create(&self, address: &Address, object: &Value) -> Result<Value> {
        let call = Call::new("create", address.to_string(), Idempotency::NotRepeatable);
        let uri = format!("{}?fieldManager={FIELD_MANAGER}", address.collection_path());
        self.exchange(&call, &Draft::new(Method::POST, uri).body("application/json", object)).await
    }

    /// Puts an object in the place of the one that is there.
    pub(crate) async fn replace(&self, address: &Address, object: &Value) -> Result<Value> {
        let call = Call::new("update", address.to_string(), Idempotency::Idempotent);
        let uri = format!("{}?fieldManager={FIELD_MANAGER}", address.path());
        self.exchange(&call, &Draft::new(Method::PUT, uri).body("application/json", object)).await
    }

    /// Applies an object by server-side apply, taking fields over from whoever owns them.
    pub(crate) async fn apply(&self, address: &Address, object: &Value) -> Result<Value> {
        let call = Call::new("apply", address.to_string(), Idempotency::Idempotent);
        let uri = format!("{}?fieldManager={FIELD_MANAGER}&force=true", address.path());
        let draft = Draft::new(Method::PATCH, uri).body("application/apply-patch+yaml", object);
        self.exchange(&call, &draft).await
    }

    /// Changes an object by a JSON patch.
    pub(crate) async fn json_patch(&self, address: &Address, patch: &Value) -> Result<Value> {
        let call = Call::new("change", address.to_string(), Idempotency::Idempotent);
        let uri = format!("{}?fieldManager={FIELD_MANAGER}", address.path());
        self.exchange(&call, &Draft::new(Method::PATCH, uri).body("application/json-patch+json", patch)).await
    }

    /// Deletes an object, and in the background what it owns. True when it was there.
    pub(crate) async fn delete(&self, address: &Address) -> Result<bool> {
        self.delete_with(address, Propagation::Background).await
    }

    /// Deletes an object, and what it owns as `propagation` says. True when it was there.
    pub(crate) async fn delete_with(&self, address: &Address, propagation: Propagation) -> Result<bool> {
        let call = Call::new("delete", address.to_string(), Idempotency::Idempotent);
        let policy = propagation.as_str();
        let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy});
        let draft = Draft::new(Method::DELETE, address.path()).body("application/json", &options);
        match self.exchange(&call, &draft).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn exchange(&self, call: &Call, draft: &Draft) -> Result<Value> {
        let attempt = || async { exchange::attempt(&self.client, &self.retrier, draft.request()?).await };
        self.retrier.run(call, attempt).await
    }
}
