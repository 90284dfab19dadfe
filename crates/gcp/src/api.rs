use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use spacecraft_core::traits::BearerTokens;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Client, Credential, Idempotency, Method, Request, with_segments};
use url::Url;

use crate::dialect::Google;

/// Where the services answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Google Kubernetes Engine.
    pub container: Url,
    /// Compute Engine.
    pub compute: Url,
    /// Cloud Resource Manager.
    pub resource_manager: Url,
    /// Service Usage.
    pub service_usage: Url,
    /// Cloud Storage.
    pub storage: Url,
}

impl Endpoints {
    /// Google's own services.
    ///
    /// # Errors
    ///
    /// None in practice: the names are fixed.
    pub fn google() -> Result<Self> {
        Ok(Self {
            container: google("container")?,
            compute: google("compute")?,
            resource_manager: google("cloudresourcemanager")?,
            service_usage: google("serviceusage")?,
            storage: google("storage")?,
        })
    }
}

fn google(service: &str) -> Result<Url> {
    let text = format!("https://{service}.googleapis.com/");
    Url::parse(&text).map_err(|error| {
        Error::new(Meaning::Invalid, "name the service", text.as_str(), "").with_source(error)
    })
}

/// Sends requests about one project, with our tokens, and reads Google's refusals.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) client: Client,
    pub(crate) tokens: Arc<dyn BearerTokens>,
    pub(crate) project: String,
    pub(crate) endpoints: Endpoints,
}

impl Api {
    /// A URL of GKE below the project.
    pub(crate) fn container(&self, segments: &[&str]) -> Url {
        self.below_project(&self.endpoints.container, &["v1"], segments)
    }

    /// A URL of Compute Engine below the project.
    pub(crate) fn compute(&self, segments: &[&str]) -> Url {
        self.below_project(&self.endpoints.compute, &["compute", "v1"], segments)
    }

    fn below_project(&self, base: &Url, version: &[&str], segments: &[&str]) -> Url {
        let project = ["projects", self.project.as_str()];
        let all = version.iter().chain(project.iter()).chain(segments);
        with_segments(base, all.copied())
    }

    /// A request with our credential that reads Google's refusals.
    pub(crate) fn request(&self, method: Method, url: &Url, idempotency: Idempotency) -> Request {
        self.client
            .request(method, url)
            .idempotency(idempotency)
            .credential(Credential::Bearer(self.tokens.clone()))
            .dialect(Arc::new(Google))
    }

    pub(crate) fn get(&self, url: &Url) -> Request {
        self.request(Method::GET, url, Idempotency::Safe)
    }

    pub(crate) fn delete(&self, url: &Url) -> Request {
        self.request(Method::DELETE, url, Idempotency::Idempotent)
    }

    pub(crate) fn post(&self, url: &Url, body: &Value, idempotency: Idempotency) -> Request {
        self.request(Method::POST, url, idempotency).json(body)
    }

    /// A random identifier under which Compute does a request at most once.
    pub(crate) fn request_id(&self) -> String {
        let random = self.client.retrier().random();
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }
}

/// The full name of a VPC network; none is the project's default.
pub(crate) fn vpc_name(project: &str, vpc: Option<&str>) -> String {
    format!("projects/{project}/global/networks/{}", vpc.unwrap_or("default"))
}

/// What a request finds, or none where there is no such thing.
pub(crate) async fn find<T: DeserializeOwned>(request: Request, expected: &str) -> Result<Option<T>> {
    match request.send().await {
        Ok(response) => response.json(expected).map(Some),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a request finds.
pub(crate) async fn fetch<T: DeserializeOwned>(request: Request, expected: &str) -> Result<T> {
    request.send().await?.json(expected)
}
