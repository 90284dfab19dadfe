//! One connection to a Kubernetes API: every request goes through here, and with it retry, deadlines and the reading of refusals.

mod failure;
mod lines;
mod list;
mod request;
mod watch;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use kube::client::Body;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};
use spacecraft_core::traits::Access;
use spacecraft_core::{Effect, Error, Meaning, Result};
use spacecraft_http::{Call, Dialect as _, Failure, Idempotency, Reply, Retrier};
use tokio::sync::Semaphore;

pub(crate) use list::{Listed, Metadata, Query};
pub(crate) use request::Draft;
pub(crate) use watch::{Delta, follow};

use crate::access;
use crate::dialect::KubernetesDialect;
use crate::objects::{MANAGER, Manifest};
use crate::resource::Address;

/// The time that one attempt of a request may take: as long as API servers work on one by default. Open watches and tunnels have no such end.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
/// No reply is read further than this: a thousand Deployments take about 10 MB.
const LARGEST_REPLY_BYTES: usize = 256 << 20;
/// How many requests are under way at once. Others wait for their turn: every one takes a socket of its own, with buffers on both of its ends, and API servers
/// ration the requests that they work on for one user.
const REQUESTS_AT_ONCE: usize = 64;
/// How often a creation whose outcome is unclear is looked at and tried again.
const CREATE_ATTEMPTS: u32 = 3;

/// A connection to one Kubernetes API. Cloning it is cheap and shares its sockets.
#[derive(Clone)]
pub struct Connection {
    client: kube::Client,
    retrier: Retrier,
    server: String,
    attempt_timeout: Duration,
    turns: Arc<Semaphore>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connection").field("server", &self.server).finish_non_exhaustive()
    }
}

/// What became of an object that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It was made.
    Created,
    /// It was there; whether it changed the server does not say.
    Existing,
}

/// A whole reply.
#[derive(Debug)]
pub(crate) struct Received {
    status: StatusCode,
    pub(crate) body: Bytes,
}

impl Connection {
    /// Makes a client for `access`, whose requests `retrier` repeats. Opens no socket, except that a kubeconfig's exec plugin may run.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] when an address, a certificate or the kubeconfig cannot be used.
    pub async fn open(access: &Access, retrier: Retrier) -> Result<Self> {
        let (client, server) = access::client(access).await?;
        let turns = Arc::new(Semaphore::new(REQUESTS_AT_ONCE));
        Ok(Self { client, retrier, server, attempt_timeout: ATTEMPT_TIMEOUT, turns })
    }

    /// The same connection, but each attempt of a request may take this long, its whole reply included.
    #[must_use]
    pub fn with_attempt_timeout(self, attempt_timeout: Duration) -> Self {
        Self { attempt_timeout, ..self }
    }

    /// The client beneath, for what speaks to the API by itself. It does not repeat requests.
    #[must_use]
    pub fn client(&self) -> &kube::Client {
        &self.client
    }

    /// The server's address.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The retrier of its requests, with the clock and the random source that they use.
    #[must_use]
    pub fn retrier(&self) -> &Retrier {
        &self.retrier
    }

    /// Reads one object; none when there is none.
    pub(crate) async fn get<T: DeserializeOwned>(&self, address: &Address) -> Result<Option<T>> {
        let call = Call::new("read", address.to_string(), Idempotency::Safe);
        match self.exchange(&call, &Draft::new(Method::GET, address.path())).await {
            Ok(received) => received.json(&call).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Applies one object by server-side apply, taking over fields that others own: they are ours.
    pub(crate) async fn apply(&self, manifest: &Manifest) -> Result<Applied> {
        let call = Call::new("apply", manifest.address.to_string(), Idempotency::Idempotent);
        let draft = Draft::new(Method::PATCH, manifest.address.path())
            .query("fieldManager", MANAGER)
            .query("fieldValidation", "Strict")
            .query("force", "true")
            .body("application/apply-patch+yaml", &manifest.body);
        let received = self.exchange(&call, &draft).await?;
        Ok(if received.status == StatusCode::CREATED { Applied::Created } else { Applied::Existing })
    }

    /// Creates one object.
    pub(crate) async fn create<T: DeserializeOwned>(&self, address: &Address, body: &Value) -> Result<T> {
        let call = Call::new("create", address.to_string(), Idempotency::NotRepeatable);
        let draft = Draft::new(Method::POST, address.collection_path())
            .query("fieldManager", MANAGER)
            .query("fieldValidation", "Strict")
            .body("application/json", body);
        self.exchange(&call, &draft).await?.json(&call)
    }

    /// Creates one object unless it exists; answers what is then there and whether this call may have made it. When a reply was lost
    /// it looks before it tries again.
    pub(crate) async fn create_or_read<T: DeserializeOwned>(
        &self,
        address: &Address,
        body: &Value,
    ) -> Result<(T, bool)> {
        let mut attempts = 1;
        loop {
            let error = match self.create(address, body).await {
                Ok(created) => return Ok((created, true)),
                Err(error) => error,
            };
            let may_be_ours = error.effect() == Effect::Possible;
            if !may_be_ours && error.meaning() != Meaning::AlreadyExists {
                return Err(error);
            }
            if let Some(existing) = self.get(address).await? {
                return Ok((existing, may_be_ours));
            }
            if attempts == CREATE_ATTEMPTS {
                return Err(error);
            }
            attempts += 1;
        }
    }

    /// Changes fields of one object by a merge patch.
    pub(crate) async fn merge(&self, address: &Address, patch: &Value) -> Result<()> {
        let call = Call::new("change", address.to_string(), Idempotency::Idempotent);
        let draft = Draft::new(Method::PATCH, address.path())
            .query("fieldManager", MANAGER)
            .query("fieldValidation", "Strict")
            .body("application/merge-patch+json", patch);
        self.exchange(&call, &draft).await.map(drop)
    }

    /// Deletes one object, and in the background what it owns. With `uid`, only the very object that was seen: another one of its name
    /// counts as gone. True when it was there.
    pub(crate) async fn delete(&self, address: &Address, uid: Option<&str>) -> Result<bool> {
        let call = Call::new("delete", address.to_string(), Idempotency::Idempotent);
        let mut options = json!({
            "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background",
        });
        if let (Some(uid), Some(fields)) = (uid, options.as_object_mut()) {
            fields.insert("preconditions".to_owned(), json!({ "uid": uid }));
        }
        let draft = Draft::new(Method::DELETE, address.path()).body("application/json", &options);
        match self.exchange(&call, &draft).await {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.meaning(), Meaning::NotFound | Meaning::PreconditionFailed) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads what is not an object, such as a version or a log.
    pub(crate) async fn read(&self, call: &Call, draft: &Draft) -> Result<Received> {
        self.exchange(call, draft).await
    }

    async fn exchange(&self, call: &Call, draft: &Draft) -> Result<Received> {
        self.retrier.run(call, || self.attempt(draft)).await
    }

    async fn attempt(&self, draft: &Draft) -> Result<Received, Failure> {
        let timeout = self.attempt_timeout;
        let _turn = self.turns.acquire().await;
        match tokio::time::timeout(timeout, self.attempt_unhurried(draft)).await {
            Ok(result) => result,
            Err(_) => Err(failure::of_patience(timeout)),
        }
    }

    async fn attempt_unhurried(&self, draft: &Draft) -> Result<Received, Failure> {
        let response = self.client.send(draft.request()?).await.map_err(failure::of_sending)?;
        let (parts, body) = response.into_parts();
        let body = whole(body).await?;
        let reply = Reply { status: parts.status, headers: &parts.headers, body: &body };
        if let Some(refusal) = KubernetesDialect.refusal(&reply) {
            return Err(Failure::Refused(refusal));
        }
        if draft.expects_json() && serde_json::from_slice::<HashMap<String, IgnoredAny>>(&body).is_err() {
            return Err(failure::garbled());
        }
        Ok(Received { status: parts.status, body })
    }
}

impl Received {
    /// The body as JSON of the shape that is expected.
    pub(crate) fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Error::new(
                Meaning::Invalid,
                call.operation.as_str(),
                call.resource.as_str(),
                "the server's reply has another shape than expected",
            )
            .of_reply()
            .with_effect(if call.idempotency == Idempotency::Safe { Effect::None } else { Effect::Possible })
            .with_source(error)
        })
    }
}

async fn whole(body: Body) -> Result<Bytes, Failure> {
    let collected = Limited::new(body, LARGEST_REPLY_BYTES).collect().await.map_err(failure::of_reading)?;
    Ok(collected.to_bytes())
}
