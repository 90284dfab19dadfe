use std::fmt;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;
use gcp_auth::{CustomServiceAccount, TokenProvider};
use google_cloud_auth::credentials::{CacheableResource, CredentialsProvider, EntityTag};
use google_cloud_auth::errors::CredentialsError;
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, HeaderValue};
use serde::Deserialize;
use spacecraft_core::secret::{ExposeSecret, SecretString};
use spacecraft_core::traits::BearerTokens;
use spacecraft_core::{Error, Meaning, Result};
use url::{Host, Url};

/// The scope that covers every service used here; what a token may do is up to IAM.
const SCOPES: &[&str] = &["https://www.googleapis.com/auth/cloud-platform"];
/// How long one request for a token may take, its own repetitions included.
const PATIENCE: Duration = Duration::from_secs(30);
/// What is attempted when credentials of Google are missing, as errors tell it.
pub const GET_CREDENTIALS: &str = "get Google Cloud credentials";

/// The one source of Google access tokens: for GKE, Compute, Cloud Storage and the Kubernetes API of clusters alike.
///
/// Tokens are cached and refreshed shortly before they expire; callers that meet while one is fetched share it.
pub struct Tokens {
    provider: Arc<dyn TokenProvider>,
    /// Who asks first fetches; all others wait for what it fetched.
    turn: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    /// Tokens of a service account, by the text of its JSON key. The key's `token_uri` says who grants them.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] when the text is no service account key, or its `token_uri` is neither encrypted nor on this machine.
    pub fn from_service_account(key: &SecretString) -> Result<Self> {
        check_service_account(key.expose_secret())?;
        // The cause is left out: its text can hold pieces of the key.
        let account = CustomServiceAccount::from_json(key.expose_secret())
            .map_err(|_| invalid_key("its private key cannot be used: it is not an RSA key in PKCS#8 PEM"))?;
        Ok(Self::new(Arc::new(account)))
    }

    /// Tokens of a service account, by the file of its JSON key.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] when the file cannot be read, and as for [`from_service_account`](Self::from_service_account).
    pub fn from_service_account_file(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::new(Meaning::Invalid, "read service account key", path.display().to_string(), "")
                .with_source(error)
        })?;
        Self::from_service_account(&SecretString::from(text))
    }

    /// Tokens of whatever this machine is logged in as: `GOOGLE_APPLICATION_CREDENTIALS`, application default credentials of the
    /// gcloud tool, the metadata server of a Google machine, or the gcloud tool itself.
    ///
    /// # Errors
    ///
    /// [`Meaning::Denied`] when there is nothing of the kind.
    pub async fn of_environment() -> Result<Self> {
        let provider = tokio::time::timeout(PATIENCE, gcp_auth::provider()).await;
        provider.map_err(|_| slow())?.map(Self::new).map_err(refused)
    }

    /// The project that the credentials belong to.
    ///
    /// # Errors
    ///
    /// [`Meaning::Denied`] when the credentials do not say.
    pub async fn project(&self) -> Result<String> {
        let project = tokio::time::timeout(PATIENCE, self.provider.project_id()).await;
        project.map_err(|_| slow())?.map(|project| project.as_ref().to_owned()).map_err(refused)
    }

    fn new(provider: Arc<dyn TokenProvider>) -> Self {
        Self { provider, turn: tokio::sync::Mutex::default() }
    }
}

#[async_trait]
impl BearerTokens for Tokens {
    async fn bearer_token(&self) -> Result<SecretString> {
        let _turn = self.turn.lock().await;
        // The library panics at a lifetime that ends beyond all calendars.
        let asked = AssertUnwindSafe(self.provider.token(SCOPES)).catch_unwind();
        let token = tokio::time::timeout(PATIENCE, asked).await.map_err(|_| slow())?;
        let token = token.map_err(|_| senseless())?.map_err(refused)?;
        Ok(SecretString::from(token.as_str()))
    }
}

/// What of a service account key is looked at before it is used.
#[derive(Deserialize)]
struct ServiceAccountKey {
    #[serde(rename = "type")]
    kind: String,
    token_uri: String,
}

fn check_service_account(text: &str) -> Result<()> {
    let key: ServiceAccountKey =
        serde_json::from_str(text).map_err(|_| invalid_key("it is not the JSON key of a service account"))?;
    if key.kind != "service_account" {
        return Err(invalid_key("its `type` is not `service_account`"));
    }
    let trusted = Url::parse(&key.token_uri).is_ok_and(|url| url.scheme() == "https" || is_loopback(&url));
    if trusted { Ok(()) } else { Err(invalid_key("its `token_uri` is not an https URL")) }
}

fn is_loopback(url: &Url) -> bool {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        Some(Host::Domain(name)) => return name == "localhost",
        None => return false,
    };
    address.is_loopback()
}

fn invalid_key(reason: &str) -> Error {
    Error::new(Meaning::Invalid, "read service account key", "", reason)
}

fn senseless() -> Error {
    Error::new(
        Meaning::Unavailable,
        GET_CREDENTIALS,
        "",
        "the token service answered with a token that makes no sense",
    )
    .of_reply()
}

fn slow() -> Error {
    let reason = format!("no answer within {} s", PATIENCE.as_secs());
    Error::new(Meaning::TimedOut, GET_CREDENTIALS, "", reason)
}

fn refused(error: gcp_auth::Error) -> Error {
    let (meaning, reason) = match &error {
        gcp_auth::Error::NoAuthMethod(..) => (Meaning::Denied, "this machine is not logged in"),
        gcp_auth::Error::Json(..) => (Meaning::Invalid, "the answer holds no token"),
        gcp_auth::Error::Str(_) => (Meaning::Denied, "the token service refused"),
        gcp_auth::Error::Http(..) | gcp_auth::Error::Io(..) | gcp_auth::Error::Other(..) => {
            (Meaning::Unavailable, "the token service cannot be reached")
        }
    };
    let is_of_reply = matches!(error, gcp_auth::Error::Json(..));
    let told = Error::new(meaning, GET_CREDENTIALS, "", reason).with_source(error);
    let told = if is_of_reply { told.of_reply() } else { told };
    told.with_hint(
        "set GOOGLE_APPLICATION_CREDENTIALS to the file of a valid service account key, or run `gcloud auth application-default login`",
    )
}

/// The tokens in the shape that Google's own clients ask for.
#[derive(Debug)]
pub(crate) struct StorageCredentials(pub(crate) Arc<dyn BearerTokens>);

impl CredentialsProvider for StorageCredentials {
    async fn headers(
        &self,
        _extensions: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let refuse = |error: Error| CredentialsError::from_source(false, error);
        let token = self.0.bearer_token().await.map_err(refuse)?;
        let text = SecretString::from(format!("Bearer {}", token.expose_secret()));
        let mut value = HeaderValue::from_str(text.expose_secret()).map_err(|_| {
            let reason = "the token has characters that a header cannot carry";
            refuse(Error::new(Meaning::Invalid, GET_CREDENTIALS, "", reason))
        })?;
        value.set_sensitive(true);
        let data = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        Ok(CacheableResource::New { entity_tag: EntityTag::new(), data })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}
