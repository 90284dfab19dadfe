//! The simulated cloud on wiremock.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use spacecraft_core::secret::SecretString;
use spacecraft_core::time::{Clock as _, SeededRandom};
use spacecraft_http::{Client, ClientOptions};
use spacecraft_sandbox::World;
use spacecraft_sandbox::address::ServiceAddress;
use spacecraft_sandbox::context::{Environment, ServiceUrls};
use spacecraft_sandbox::credentials::Credentials;
use spacecraft_sandbox::google::PROJECT;
use spacecraft_sandbox::moment::Moment;
use spacecraft_sandbox::wire::Request as WireRequest;
use spacecraft_sandbox::world::SharedWorld;
use spacecraft_testkit::TestClock;
use url::Url;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::{Bucket, BucketOptions, Endpoints, Gke, GkeOptions, Tokens};

pub(super) const ZONE: &str = "us-central1-a";
/// The bucket of a fresh simulated cloud that the public cannot read.
const STATE_BUCKET: &str = "spacecraft-sandbox-state";

/// How one call of a flow goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The service answers that it is unavailable and does nothing.
    Unavailable,
    /// The service does it, and what comes back is a gateway's error page.
    LostReply,
    /// The service does it, and what comes back means success but is garbage.
    Garbage,
}

/// Which call of a flow goes wrong, counted from one, and how; and how many there were so far. Calls for tokens do not count.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) fault: Option<(u32, Fault)>,
    pub(super) calls: u32,
}

/// Hosts a simulated cloud: the first segment of each path is the public name of the service it is for.
struct Host {
    world: SharedWorld,
    clock: TestClock,
    plan: Arc<Mutex<Plan>>,
}

impl Host {
    fn next_fault(&self, address: &ServiceAddress) -> Option<Fault> {
        if *address == ServiceAddress::OAuth {
            return None;
        }
        let mut plan = self.plan.lock().unwrap();
        plan.calls += 1;
        plan.fault.filter(|(number, _)| *number == plan.calls).map(|(_, fault)| fault)
    }
}

impl Respond for Host {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let path = request.url.path().trim_start_matches('/');
        let (host, path) = path.split_once('/').unwrap_or((path, ""));
        let Some(address) = ServiceAddress::of_host(host) else { return ResponseTemplate::new(404) };
        let fault = self.next_fault(&address);
        if fault == Some(Fault::Unavailable) {
            return ResponseTemplate::new(503);
        }
        let asked = WireRequest {
            method: request.method.clone(),
            path: format!("/{path}"),
            query: request.url.query().unwrap_or_default().to_owned(),
            headers: request.headers.clone(),
            body: request.body.clone().into(),
        };
        let moment = Moment { now: self.clock.now(), wall: Timestamp::now() };
        let answer = self.world.answer_now(&address, &asked, moment);
        match fault {
            Some(Fault::LostReply) => return ResponseTemplate::new(502).set_body_string("<html>bad gateway"),
            Some(_) => return ResponseTemplate::new(200).set_body_string("{\"garb"),
            None => {}
        }
        let reply = ResponseTemplate::new(answer.status.as_u16()).set_body_bytes(answer.body.to_vec());
        answer.headers.iter().fold(reply, |reply, (name, value)| reply.insert_header(name, value))
    }
}

/// A fresh simulated cloud and the clients of it.
pub(super) struct Sandbox {
    server: MockServer,
    pub(super) clock: TestClock,
    pub(super) plan: Arc<Mutex<Plan>>,
    client: Client,
    tokens: Arc<Tokens>,
}

impl Sandbox {
    pub(super) async fn start() -> Self {
        Self::with_credentials(Credentials::generate(PROJECT).unwrap()).await
    }

    pub(super) async fn with_credentials(credentials: Credentials) -> Self {
        let server = MockServer::start().await;
        let clock = TestClock::default();
        let plan = Arc::<Mutex<Plan>>::default();
        let urls = ServiceUrls::below(&server.uri());
        let token_uri = format!("{}/token", urls.of("oauth2.googleapis.com"));
        let key = SecretString::from(credentials.service_account_key(PROJECT, &token_uri).to_string());
        let environment = Environment {
            urls,
            cluster_endpoints: (1..=20).map(|port| format!("127.0.0.1:{port}")).collect(),
            authority_pem: "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".to_owned(),
            credentials,
            seed: 1,
        };
        let world = SharedWorld::new(World::new(environment, clock.now()));
        Mock::given(any())
            .respond_with(Host { world, clock: clock.clone(), plan: plan.clone() })
            .mount(&server)
            .await;
        let options = ClientOptions {
            clock: Arc::new(clock.clone()),
            random: Arc::new(SeededRandom::new(1)),
            ..ClientOptions::default()
        };
        let tokens = Arc::new(Tokens::from_service_account(&key).unwrap());
        Self { server, clock, plan, client: Client::new(options).unwrap(), tokens }
    }

    fn endpoint(&self, host: &str) -> Url {
        Url::parse(&format!("{}/{host}", self.server.uri())).unwrap()
    }

    pub(super) fn gke(&self) -> Gke {
        Gke::new(GkeOptions {
            client: self.client.clone(),
            tokens: self.tokens.clone(),
            project: PROJECT.to_owned(),
            location: ZONE.to_owned(),
            zone: ZONE.to_owned(),
            state_bucket: None,
            endpoints: Endpoints {
                container: self.endpoint("container.googleapis.com"),
                compute: self.endpoint("compute.googleapis.com"),
                resource_manager: self.endpoint("cloudresourcemanager.googleapis.com"),
                service_usage: self.endpoint("serviceusage.googleapis.com"),
                storage: self.endpoint("storage.googleapis.com"),
            },
        })
    }

    pub(super) async fn bucket(&self) -> Bucket {
        let options = BucketOptions {
            name: STATE_BUCKET.to_owned(),
            client: self.client.clone(),
            tokens: self.tokens.clone(),
            endpoint: self.endpoint("storage.googleapis.com"),
        };
        Bucket::new(options).await.unwrap()
    }
}
