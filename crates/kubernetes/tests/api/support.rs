//! An API server that plays a part, and workloads that talk to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use serde_json::{Value, json};
use spacecraft_core::Result;
use spacecraft_core::charts::Namespaces;
use spacecraft_core::image::ImageReference;
use spacecraft_core::names::NetworkName;
use spacecraft_core::quantity::{Bytes, MilliCpu, Resources};
use spacecraft_core::secret::{SecretBytes, SecretString};
use spacecraft_core::spec::ProviderKind;
use spacecraft_core::time::{Clock, SeededRandom, SystemClock};
use spacecraft_core::traits::{Access, BearerTokens, NetworkBinding};
use spacecraft_core::wait::Wait;
use spacecraft_core::workload::{DataVolume, NetworkSecret, Part, Role, Workload};
use spacecraft_http::{Retrier, RetryPolicy};
use spacecraft_kubernetes::{Connection, KubernetesWorkloads};
use spacecraft_testkit::{RecordingObserver, TestClock};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

pub(crate) const NAMESPACE: &str = "/api/v1/namespaces/net1";
pub(crate) const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/net1/deployments";

/// Tokens that differ from one to the next.
#[derive(Debug, Default)]
pub(crate) struct CountedTokens(AtomicU32);

#[async_trait]
impl BearerTokens for CountedTokens {
    async fn bearer_token(&self) -> Result<SecretString> {
        Ok(SecretString::from(format!("token-{}", self.0.fetch_add(1, Ordering::SeqCst))))
    }
}

/// A retrier whose pauses take no time, with the clock that counts them.
pub(crate) fn quick_retrier() -> (Retrier, TestClock) {
    let clock = TestClock::default();
    (retrier_on(Arc::new(clock.clone())), clock)
}

pub(crate) fn retrier_on(clock: Arc<dyn Clock>) -> Retrier {
    Retrier::new(clock, Arc::new(SeededRandom::new(7)), RetryPolicy::default())
}

pub(crate) fn bearer(server: &str) -> Access {
    Access::Bearer {
        server: server.to_owned(),
        certificate_authority: None,
        tokens: Arc::new(CountedTokens::default()),
    }
}

pub(crate) async fn connection(server: &str) -> Connection {
    Connection::open(&bearer(server), quick_retrier().0).await.unwrap()
}

/// Workloads of `net1` whose pauses between attempts take no time.
pub(crate) async fn workloads(server: &str) -> KubernetesWorkloads {
    KubernetesWorkloads::new(connection(server).await, &binding())
}

/// The same on the clock of the machine, for tests that wait for replies.
pub(crate) async fn unhurried_workloads(server: &str) -> KubernetesWorkloads {
    let retrier = retrier_on(Arc::new(SystemClock));
    KubernetesWorkloads::new(Connection::open(&bearer(server), retrier).await.unwrap(), &binding())
}

/// `net1` in the namespace of its name, on a cluster of its own.
pub(crate) fn binding() -> NetworkBinding {
    let network = NetworkName::new("net1").unwrap();
    NetworkBinding {
        namespaces: Namespaces::named(ProviderKind::Gcp, &network, "net1"),
        network,
        owned_namespaces: vec!["net1".to_owned()],
        shared_cluster: false,
        most_workers: None,
    }
}

/// Half a minute of patience, and what is told meanwhile.
pub(crate) fn patience() -> (Wait, RecordingObserver) {
    let clock = Arc::new(SystemClock);
    let deadline = clock.now() + SignedDuration::from_secs(30);
    let observer = RecordingObserver::default();
    (Wait::new(clock, Arc::new(observer.clone()), "nodes", deadline), observer)
}

/// Half a minute of patience that takes no time.
pub(crate) fn brief_patience() -> Wait {
    let clock = Arc::new(TestClock::default());
    let deadline = clock.now() + SignedDuration::from_secs(30);
    Wait::new(clock, Arc::new(RecordingObserver::default()), "removal", deadline)
}

pub(crate) fn status(code: u16, reason: &str, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(code).set_body_json(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    }))
}

pub(crate) fn list(items: &[Value]) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "10" }, "items": items,
    }))
}

/// Answers `verb` on `at` from now on.
pub(crate) async fn answer(server: &MockServer, verb: &str, at: &str, response: ResponseTemplate) {
    Mock::given(method(verb)).and(path(at)).respond_with(response).mount(server).await;
}

/// Answers `verb` on `at` once, before whatever answers it afterwards.
pub(crate) async fn answer_once(server: &MockServer, verb: &str, at: &str, response: ResponseTemplate) {
    Mock::given(method(verb))
        .and(path(at))
        .respond_with(response)
        .up_to_n_times(1)
        .with_priority(1)
        .mount(server)
        .await;
}

/// The requests that the server got, as `METHOD path?query`.
pub(crate) async fn requests(server: &MockServer) -> Vec<String> {
    let received = server.received_requests().await.unwrap_or_default();
    let shown = |request: &wiremock::Request| {
        let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{} {}{query}", request.method, request.url.path())
    };
    received.iter().map(shown).collect()
}

pub(crate) fn secret() -> NetworkSecret {
    NetworkSecret {
        name: "miner-1-keys".to_owned(),
        part: Some(part(1)),
        data: BTreeMap::from([("p2p.key".to_owned(), SecretBytes::new(*b"ours"))]),
    }
}

/// The Secret as the API shows it, with other contents.
pub(crate) fn stored_secret(content: &str) -> Value {
    json!({
        "metadata": { "name": "miner-1-keys", "labels": {
            "spacecraft.io/role": "miner", "spacecraft.io/node": "1",
        } },
        "data": { "p2p.key": content },
    })
}

fn part(number: u32) -> Part {
    Part::Node { number, role: Role::Miner }
}

/// A workload of a claim and a Deployment.
pub(crate) fn workload(name: &str, number: u32) -> Workload {
    Workload {
        name: name.to_owned(),
        part: part(number),
        image: ImageReference::parse("spacemeshos/go-spacemesh:v1.7.6").unwrap(),
        command: Vec::new(),
        arguments: vec!["--flag".to_owned()],
        environment: BTreeMap::new(),
        secret_environment: Vec::new(),
        files: Vec::new(),
        keys: Vec::new(),
        data: Some(DataVolume { size: Bytes::gibi(1), mount_path: "/data".to_owned() }),
        scratch: Vec::new(),
        resources: Resources { cpu: MilliCpu::cores(1), memory: Bytes::gibi(1) },
        accelerators: 0,
        ports: Vec::new(),
        services: Vec::new(),
        monitored: false,
        slot: None,
        probe: None,
        grace_period: Duration::from_secs(30),
        stopped: false,
    }
}
