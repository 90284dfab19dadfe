use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use spacecraft_core::Result;
use spacecraft_core::names::NetworkName;
use spacecraft_core::quantity::{Bytes, MilliCpu};
use spacecraft_core::secret::SecretString;
use spacecraft_core::time::{Clock as _, SeededRandom};
use spacecraft_core::traits::{BearerTokens, ClusterRequest, MachineShape};
use spacecraft_core::wait::Wait;
use spacecraft_http::{Client, ClientOptions};
use spacecraft_testkit::{RecordingObserver, TestClock};
use url::Url;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{Bucket, BucketOptions, Endpoints, Gke, GkeOptions};

/// The clusters of the project's zone.
pub(super) const CLUSTERS: &str = "/v1/projects/p/locations/us-central1-a/clusters";
pub(super) const NET1: &str = "/v1/projects/p/locations/us-central1-a/clusters/net1";
pub(super) const OPERATIONS: &str = "/v1/projects/p/locations/us-central1-a/operations";
pub(super) const OPERATION: &str = "/v1/projects/p/locations/us-central1-a/operations/operation-1";
pub(super) const SERVER_CONFIG: &str = "/v1/projects/p/locations/us-central1-a/serverConfig";
pub(super) const COMPUTE: &str = "/compute/v1/projects/p";

#[derive(Debug)]
pub(super) struct FixedToken;

#[async_trait]
impl BearerTokens for FixedToken {
    async fn bearer_token(&self) -> Result<SecretString> {
        Ok("word".into())
    }
}

/// A server in place of Google's, with our clients of it.
pub(super) struct Cloud {
    pub(super) server: MockServer,
    pub(super) gke: Gke,
    pub(super) clock: TestClock,
    pub(super) observer: RecordingObserver,
}

fn client(clock: &TestClock) -> Client {
    let options = ClientOptions {
        clock: Arc::new(clock.clone()),
        random: Arc::new(SeededRandom::new(1)),
        ..ClientOptions::default()
    };
    Client::new(options).unwrap()
}

impl Cloud {
    pub(super) async fn start() -> Self {
        let server = MockServer::start().await;
        let clock = TestClock::default();
        let url = Url::parse(&server.uri()).unwrap();
        let gke = Gke::new(GkeOptions {
            client: client(&clock),
            tokens: Arc::new(FixedToken),
            project: "p".to_owned(),
            location: "us-central1-a".to_owned(),
            zone: "us-central1-a".to_owned(),
            state_bucket: Some("state".to_owned()),
            endpoints: Endpoints {
                container: url.clone(),
                compute: url.clone(),
                resource_manager: url.clone(),
                service_usage: url.clone(),
                storage: url,
            },
        });
        Self { server, gke, clock, observer: RecordingObserver::default() }
    }

    pub(super) async fn bucket(&self) -> Bucket {
        let options = BucketOptions {
            name: "b".to_owned(),
            client: client(&self.clock),
            tokens: Arc::new(FixedToken),
            endpoint: Url::parse(&self.server.uri()).unwrap(),
        };
        Bucket::new(options).await.unwrap()
    }

    /// Patience for half an hour of virtual time.
    pub(super) fn wait(&self) -> Wait {
        let deadline = self.clock.now() + jiff::SignedDuration::from_mins(30);
        Wait::new(Arc::new(self.clock.clone()), Arc::new(self.observer.clone()), "cluster", deadline)
    }

    /// Patience for a minute.
    pub(super) fn short_wait(&self) -> Wait {
        self.wait().within(Duration::from_secs(60))
    }

    /// Answers from now on, unless something mounted before does.
    pub(super) async fn answer(&self, verb: &str, at: &str, status: u16, body: Value) {
        let reply = ResponseTemplate::new(status).set_body_json(body);
        Mock::given(method(verb)).and(path(at)).respond_with(reply).mount(&self.server).await;
    }

    /// Answers once, before anything that is mounted later.
    pub(super) async fn answer_once(&self, verb: &str, at: &str, status: u16, body: Value) {
        let reply = ResponseTemplate::new(status).set_body_json(body);
        let mock = Mock::given(method(verb)).and(path(at)).respond_with(reply);
        mock.up_to_n_times(1).mount(&self.server).await;
    }

    /// The writes that arrived: method, path and body.
    pub(super) async fn writes(&self) -> Vec<(String, String, Value)> {
        let requests = self.server.received_requests().await.unwrap();
        let writes = requests
            .into_iter()
            .filter(|request| request.method.as_str() != "GET" && !request.url.path().ends_with("/wait"));
        writes
            .map(|request| {
                let body = serde_json::from_slice(&request.body).unwrap_or_default();
                (request.method.to_string(), request.url.path().to_owned(), body)
            })
            .collect()
    }

    /// How often this was asked.
    pub(super) async fn count(&self, verb: &str, at: &str) -> usize {
        let requests = self.server.received_requests().await.unwrap();
        requests.iter().filter(|request| request.method.as_str() == verb && request.url.path() == at).count()
    }
}

pub(super) fn network() -> NetworkName {
    NetworkName::new("net1").unwrap()
}

pub(super) fn request() -> ClusterRequest {
    ClusterRequest {
        network: network(),
        kubernetes_version: None,
        release_channel: "regular".to_owned(),
        machine: MachineShape {
            machine_type: "e2-standard-4".to_owned(),
            cpu: MilliCpu::cores(4),
            memory: Bytes::gibi(16),
        },
        workers: 3,
        most_workers: 5,
        accelerator: None,
        vpc: None,
    }
}

/// Our cluster as GKE shows it.
pub(super) fn cluster(status: &str) -> Value {
    json!({
        "name": "net1", "location": "us-central1-a", "status": status, "endpoint": "203.0.113.7",
        "currentNodeCount": 3, "currentMasterVersion": "1.35.5-gke.2", "network": "default",
        "resourceLabels": {"managed-by": "spacecraft", "spacecraft-network": "net1"},
        "nodePools": [{"name": "default", "status": "RUNNING", "config": {"machineType": "e2-standard-4"},
                       "autoscaling": {"enabled": true, "minNodeCount": 3, "maxNodeCount": 5}}],
    })
}

/// A cluster of that name that somebody else made.
pub(super) fn foreign_cluster() -> Value {
    let mut cluster = cluster("RUNNING");
    cluster["resourceLabels"] = json!({"managed-by": "terraform"});
    cluster
}

pub(super) fn operation(status: &str) -> Value {
    json!({"name": "operation-1", "operationType": "CREATE_CLUSTER", "status": status,
           "targetLink": "https://container.googleapis.com/v1/projects/1/locations/us-central1-a/clusters/net1"})
}

pub(super) fn server_config() -> Value {
    json!({"channels": [{"channel": "REGULAR", "defaultVersion": "1.35.5-gke.2",
                         "validVersions": ["1.36.0-gke.1", "1.35.5-gke.2"]}]})
}

/// A refusal in the shape of GKE.
pub(super) fn refusal(code: u16, status: &str, message: &str) -> Value {
    json!({"error": {"code": code, "status": status, "message": message}})
}

/// A refusal in the shape of Compute and Cloud Storage.
pub(super) fn legacy_refusal(code: u16, reason: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": message,
                     "errors": [{"message": message, "domain": "global", "reason": reason}]}})
}

pub(super) fn not_found() -> Value {
    refusal(404, "NOT_FOUND", "Not found: projects/p/locations/us-central1-a/clusters/net1.")
}

pub(super) fn busy() -> Value {
    refusal(400, "FAILED_PRECONDITION", "Cluster is running incompatible operation operation-0.")
}
