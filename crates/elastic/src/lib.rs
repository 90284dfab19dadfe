//! The log store of a network: retention in Elasticsearch, dashboards in Kibana, and how logs get there.
//!
//! Both services are reached through tunnels. Elasticsearch speaks TLS with a certificate for `elasticsearch-master` that its chart
//! made, so its name is resolved to the tunnel's local end and the chart's authority is trusted beside the system's.

// What comes from outside is never counted on to be long or small enough.
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

mod dashboards;
mod dialect;
mod filebeat;
mod kibana;
mod retention;
mod saved_objects;
mod settings;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use spacecraft_core::observer::Outcome;
use spacecraft_core::secret::SecretString;
use spacecraft_core::traits::{LogRetention, LogStore, LogStoreAccess, Look};
use spacecraft_core::wait::{Progress, Wait};
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Client, ClientOptions, Credential, Dialect, Request, RetryPolicy, Url, with_segments};

pub use crate::dashboards::built_in_objects;
pub use crate::filebeat::{filebeat_config, web_services_filebeat_config};

use crate::kibana::Kibana;
use crate::retention::Elasticsearch;

/// The host that the chart's certificate is for.
const ELASTICSEARCH_HOST: &str = "elasticsearch-master";

/// A look at whether something is ready is repeated once, which is when a server is left alone for as long as it asks. The next look comes soon anyway.
fn look_policy() -> RetryPolicy {
    RetryPolicy { attempts: 2, ..RetryPolicy::default() }
}

const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How many looks may be denied: while Elasticsearch sets its users up, it knows none of them.
const MOST_DENIALS: u32 = 12;

/// A log store behind tunnels.
#[derive(Debug, Clone)]
pub struct Elastic {
    elasticsearch: Elasticsearch,
    kibana: Kibana,
}

/// One of the two services: where it is, who asks, and how it words refusals.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) client: Client,
    base: Url,
    user: String,
    password: SecretString,
    dialect: Arc<dyn Dialect>,
}

impl Elastic {
    /// The log store that `access` leads to, asked by a client that is built from `options`. Nothing is called yet.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] when the certificate authority cannot be read.
    pub fn connect(options: ClientOptions, access: &LogStoreAccess) -> Result<Self> {
        let mut options = options;
        options.extra_roots.push(access.certificate_authority.clone());
        options.resolve.push((ELASTICSEARCH_HOST.to_owned(), access.elasticsearch));
        let client = Client::new(options)?;
        let elasticsearch = format!("https://{ELASTICSEARCH_HOST}:{}/", access.elasticsearch.port());
        let kibana = format!("http://{}/", access.kibana);
        Self::at(&client, &elasticsearch, &kibana, access)
    }

    /// The log store at two base addresses.
    fn at(client: &Client, elasticsearch: &str, kibana: &str, access: &LogStoreAccess) -> Result<Self> {
        let service = |url: &str, dialect: Arc<dyn Dialect>| {
            let base = Url::parse(url).map_err(|error| {
                let reason = "the address makes no URL";
                Error::new(Meaning::Invalid, "connect to log store", url, reason).with_source(error)
            })?;
            let (user, password) = (access.user.clone(), access.password.clone());
            Ok(Service { client: client.clone(), base, user, password, dialect })
        };
        Ok(Self {
            elasticsearch: Elasticsearch(service(elasticsearch, Arc::new(dialect::ElasticsearchDialect))?),
            kibana: Kibana(service(kibana, Arc::new(dialect::KibanaDialect))?),
        })
    }

    async fn look_for_readiness(&self, denials: &AtomicU32) -> Result<Progress<()>> {
        let looked = match self.elasticsearch.look_for_readiness().await {
            Ok(Progress::Ready(())) => self.kibana.look_for_readiness().await,
            other => other,
        };
        let error = match looked {
            Ok(progress) => return Ok(progress),
            Err(error) => error,
        };
        let passes = match error.meaning() {
            Meaning::Unavailable | Meaning::TimedOut | Meaning::NotFound => true,
            Meaning::Denied => denials.fetch_add(1, Ordering::Relaxed) < MOST_DENIALS,
            _ => false,
        };
        if passes { Ok(Progress::Pending(error.to_string())) } else { Err(error) }
    }
}

impl Service {
    pub(crate) fn url<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Url {
        with_segments(&self.base, segments)
    }

    pub(crate) fn prepare(&self, request: Request, operation: &str, resource: &str) -> Request {
        let credential = Credential::Basic { user: self.user.clone(), password: self.password.clone() };
        request.about(operation, resource).credential(credential).dialect(Arc::clone(&self.dialect))
    }
}

#[async_trait]
impl LogStore for Elastic {
    async fn wait_ready(&self, wait: &Wait) -> Result<()> {
        let denials = AtomicU32::new(0);
        let look = || self.look_for_readiness(&denials);
        wait.until("the log store", LOOK_AGAIN, look).await
    }

    async fn look_retention(&self, retention: &LogRetention) -> Result<Look> {
        Ok(self.elasticsearch.look(retention).await?.look())
    }

    async fn ensure_retention(&self, retention: &LogRetention) -> Result<Outcome> {
        self.elasticsearch.ensure(retention).await
    }

    async fn look_dashboards(&self, saved_objects: &str) -> Result<Look> {
        let wanted = saved_objects::parse(saved_objects)?;
        let existing = self.kibana.existing(&wanted).await?;
        Ok(saved_objects::look(&existing, &wanted))
    }

    async fn ensure_dashboards(&self, saved_objects: &str) -> Result<Outcome> {
        let outcome = match self.look_dashboards(saved_objects).await? {
            Look::Same => return Ok(Outcome::Unchanged),
            Look::Absent => Outcome::Created,
            Look::Differs(_) => Outcome::Updated,
        };
        self.kibana.import(saved_objects).await?;
        Ok(outcome)
    }
}
