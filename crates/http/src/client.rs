use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use reqwest::redirect;
use spacecraft_core::secret::{ExposeSecret, SecretString};
use spacecraft_core::time::{Clock, Random, SystemClock, SystemRandom};
use spacecraft_core::{Error, Meaning, Result};

use crate::call::Idempotency;
use crate::meter::Meter;
use crate::request::Request;
use crate::retry::{Retrier, RetryPolicy};

/// The most redirects that are followed.
const MOST_REDIRECTS: usize = 5;

/// How a client is built.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The `User-Agent` of all requests.
    pub user_agent: String,
    /// How long single attempts may take.
    pub timeouts: Timeouts,
    /// Certificate authorities in PEM that are trusted beside the system's.
    pub extra_roots: Vec<String>,
    /// The certificate that says who asks, to servers that want one.
    pub identity: Option<ClientIdentity>,
    /// Addresses of hosts that are not looked up.
    pub resolve: Vec<(String, SocketAddr)>,
    /// The proxy for everything that is not on this machine.
    pub proxy: Option<Proxy>,
    /// The clock of pauses and deadlines.
    pub clock: Arc<dyn Clock>,
    /// The source of jitter.
    pub random: Arc<dyn Random>,
    /// How often and how long calls are tried.
    pub retry: RetryPolicy,
    /// Who is told of every attempt.
    pub meter: Option<Arc<dyn Meter>>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            user_agent: concat!("spacecraft/", env!("CARGO_PKG_VERSION")).to_owned(),
            timeouts: Timeouts::default(),
            extra_roots: Vec::new(),
            identity: None,
            resolve: Vec::new(),
            proxy: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            retry: RetryPolicy::default(),
            meter: None,
        }
    }
}

/// A certificate of the one who asks, with its key.
#[derive(Debug, Clone)]
pub struct ClientIdentity {
    /// The certificate, and those that lead to its authority, in PEM.
    pub certificates: String,
    /// The key in PEM.
    pub key: SecretString,
}

/// How long single attempts may take, on the machine's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until there is a connection.
    pub connect: Duration,
    /// Until the whole reply is there; a request can have its own.
    pub attempt: Duration,
}

impl Default for Timeouts {
    /// Ten seconds to connect, sixty for the whole attempt.
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), attempt: Duration::from_secs(60) }
    }
}

/// A proxy, as the operator's environment names it.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Its URL, which may hold a password.
    pub url: SecretString,
    /// Hosts, domains and address ranges that are asked directly, separated by commas. This machine always is.
    pub except: String,
}

/// Sends requests. Clones share connections.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    /// Follows redirects.
    pub(crate) following: reqwest::Client,
    /// Takes every reply as it is.
    pub(crate) fixed: reqwest::Client,
    pub(crate) timeouts: Timeouts,
    pub(crate) retrier: Retrier,
    pub(crate) meter: Option<Arc<dyn Meter>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { timeouts, retrier, meter, .. } = &*self.inner;
        formatter
            .debug_struct("Client")
            .field("timeouts", timeouts)
            .field("retrier", retrier)
            .field("meter", meter)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Builds a client. TLS is rustls with aws-lc-rs and always verified.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] when a certificate authority or the proxy cannot be read, or the system trusts no authority at all.
    pub fn new(options: ClientOptions) -> Result<Self> {
        let retrier = Retrier::new(options.clock.clone(), options.random.clone(), options.retry);
        let inner = Inner {
            following: build(&options, careful_redirects())?,
            fixed: build(&options, redirect::Policy::none())?,
            timeouts: options.timeouts,
            retrier,
            meter: options.meter,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What retries this client's calls, for calls that other clients make.
    #[must_use]
    pub fn retrier(&self) -> &Retrier {
        &self.inner.retrier
    }

    /// A request of any method, not repeatable unless said otherwise.
    pub fn request(&self, method: Method, url: impl AsRef<str>) -> Request {
        Request::new(self.clone(), method, url.as_ref(), Idempotency::NotRepeatable)
    }

    /// A GET, safe to repeat.
    pub fn get(&self, url: impl AsRef<str>) -> Request {
        Request::new(self.clone(), Method::GET, url.as_ref(), Idempotency::Safe)
    }

    /// A PUT, idempotent unless said otherwise.
    pub fn put(&self, url: impl AsRef<str>) -> Request {
        Request::new(self.clone(), Method::PUT, url.as_ref(), Idempotency::Idempotent)
    }

    /// A DELETE, idempotent unless said otherwise.
    pub fn delete(&self, url: impl AsRef<str>) -> Request {
        Request::new(self.clone(), Method::DELETE, url.as_ref(), Idempotency::Idempotent)
    }

    /// A POST, not repeatable unless said otherwise.
    pub fn post(&self, url: impl AsRef<str>) -> Request {
        self.request(Method::POST, url)
    }

    /// A PATCH, not repeatable unless said otherwise.
    pub fn patch(&self, url: impl AsRef<str>) -> Request {
        self.request(Method::PATCH, url)
    }
}

fn build(options: &ClientOptions, redirects: redirect::Policy) -> Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .user_agent(options.user_agent.as_str())
        .connect_timeout(options.timeouts.connect)
        .redirect(redirects)
        .referer(false)
        .retry(reqwest::retry::never())
        .no_proxy();
    for pem in &options.extra_roots {
        let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(unreadable_root)?;
        if certificates.is_empty() {
            return Err(unbuildable("the PEM of a certificate authority holds no certificate"));
        }
        builder = builder.tls_certs_merge(certificates);
    }
    if let Some(identity) = &options.identity {
        builder = builder.identity(build_identity(identity)?);
    }
    for (host, address) in &options.resolve {
        builder = builder.resolve(host, *address);
    }
    if let Some(proxy) = &options.proxy {
        builder = builder.proxy(build_proxy(proxy)?);
    }
    builder.build().map_err(|error| {
        unbuildable("TLS cannot be set up")
            .with_source(error)
            .with_hint("install the system's certificate authorities (package ca-certificates)")
    })
}

fn build_identity(identity: &ClientIdentity) -> Result<reqwest::Identity> {
    let pem = format!("{}\n{}", identity.key.expose_secret(), identity.certificates);
    // The cause is left out: its text may hold what it could not read.
    reqwest::Identity::from_pem(pem.as_bytes()).map_err(|_| {
        unbuildable("the certificate that says who asks, or its key, is no PEM that can be read")
    })
}

fn build_proxy(proxy: &Proxy) -> Result<reqwest::Proxy> {
    // The cause is left out: its text may hold the proxy's password.
    let built = reqwest::Proxy::all(proxy.url.expose_secret())
        .map_err(|_| unbuildable("the proxy's URL cannot be read"))?;
    let direct = format!("localhost,127.0.0.0/8,::1,{}", proxy.except);
    Ok(built.no_proxy(reqwest::NoProxy::from_string(&direct)))
}

/// Follows a few redirects, but none from an encrypted to a plain connection.
fn careful_redirects() -> redirect::Policy {
    redirect::Policy::custom(|attempt| {
        let was_encrypted = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
        if attempt.previous().len() > MOST_REDIRECTS {
            attempt.error("redirected too often")
        } else if was_encrypted && attempt.url().scheme() != "https" {
            attempt.error("redirected from https to an unencrypted address")
        } else {
            attempt.follow()
        }
    })
}

fn unreadable_root(error: reqwest::Error) -> Error {
    unbuildable("the PEM of a certificate authority cannot be read").with_source(error)
}

fn unbuildable(reason: &str) -> Error {
    Error::new(Meaning::Invalid, "build the HTTP client", "", reason)
}
