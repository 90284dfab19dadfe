//! Releases on a simulated GitHub.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;
use spacecraft_core::Meaning;
use spacecraft_core::observer::Outcome;
use spacecraft_core::time::{Clock as _, SeededRandom};
use spacecraft_core::traits::{Look, ReleasePublisher};
use spacecraft_http::{Client, ClientOptions, Url};
use spacecraft_sandbox::World;
use spacecraft_sandbox::address::ServiceAddress;
use spacecraft_sandbox::context::{Environment, ServiceUrls};
use spacecraft_sandbox::credentials::Credentials;
use spacecraft_sandbox::google::PROJECT;
use spacecraft_sandbox::moment::Moment;
use spacecraft_sandbox::wire::Request as WireRequest;
use spacecraft_sandbox::world::SharedWorld;
use spacecraft_testkit::TestClock;
use spacecraft_testkit::conformance::Subject;
use spacecraft_testkit::conformance::releases::release;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::{GitHub, GitHubOptions, RepositoryName};

spacecraft_testkit::release_publisher_conformance!(async {
    let hub = Hub::start().await;
    Subject::new(hub.github()).keeping(hub)
});

/// Which call goes wrong, counted from one, and whether it is done nevertheless.
type Fault = Option<(u32, bool)>;

#[derive(Debug, Default)]
struct Plan {
    fault: Fault,
    calls: u32,
    writes: u32,
}

/// Hosts a simulated GitHub.
struct Host {
    world: SharedWorld,
    clock: TestClock,
    plan: Arc<Mutex<Plan>>,
}

impl Respond for Host {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let path = request.url.path().trim_start_matches('/');
        let (host, path) = path.split_once('/').unwrap_or((path, ""));
        let address = ServiceAddress::of_host(host).unwrap();
        let fault = {
            let mut plan = self.plan.lock().unwrap();
            plan.calls += 1;
            plan.writes += u32::from(request.method != "GET");
            plan.fault.filter(|(number, _)| *number == plan.calls)
        };
        if fault.is_some_and(|(_, done)| !done) {
            return ResponseTemplate::new(502);
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
        if fault.is_some() {
            return ResponseTemplate::new(502).set_body_string("<html>bad gateway");
        }
        let reply = ResponseTemplate::new(answer.status.as_u16()).set_body_bytes(answer.body.to_vec());
        answer.headers.iter().fold(reply, |reply, (name, value)| reply.insert_header(name, value))
    }
}

/// A simulated GitHub that runs.
struct Hub {
    server: MockServer,
    world: SharedWorld,
    clock: TestClock,
    plan: Arc<Mutex<Plan>>,
    token: String,
}

impl Hub {
    async fn start() -> Self {
        let server = MockServer::start().await;
        let clock = TestClock::default();
        let credentials = Credentials::generate(PROJECT).unwrap();
        let token = credentials.github_token.clone();
        let environment = Environment {
            urls: ServiceUrls::below(&server.uri()),
            cluster_endpoints: Vec::new(),
            authority_pem: String::new(),
            credentials,
            seed: 1,
        };
        let world = SharedWorld::new(World::new(environment, clock.now()));
        let plan = Arc::<Mutex<Plan>>::default();
        let host = Host { world: world.clone(), clock: clock.clone(), plan: plan.clone() };
        Mock::given(any()).respond_with(host).mount(&server).await;
        Self { server, world, clock, plan, token }
    }

    fn github(&self) -> GitHub {
        self.with_token(&self.token)
    }

    fn with_token(&self, token: &str) -> GitHub {
        let options = ClientOptions {
            clock: Arc::new(self.clock.clone()),
            random: Arc::new(SeededRandom::new(1)),
            ..ClientOptions::default()
        };
        let at = |host: &str| Url::parse(&format!("{}/{host}", self.server.uri())).unwrap();
        let options_of_github = GitHubOptions {
            api: at("api.github.com"),
            uploads: at("uploads.github.com"),
            repository: RepositoryName::new("spacemeshos/sm-net").unwrap(),
            token: SecretString::from(token.to_owned()),
        };
        GitHub::new(Client::new(options).unwrap(), options_of_github)
    }

    fn deny(&self, permission: &str) {
        let change = json!({"settings": {"denied_github_permissions": [permission]}});
        let change = serde_json::from_value(change).unwrap();
        self.world.lock().configure(&change, self.clock.now()).unwrap();
    }

    fn releases(&self) -> Vec<serde_json::Value> {
        self.world.lock().inventory().releases
    }
}

#[tokio::test]
async fn a_second_run_writes_nothing() {
    let hub = Hub::start().await;
    let github = hub.github();
    let wanted = release("v1.7.6", "notes");
    github.ensure_release(&wanted).await.unwrap();
    let written = hub.plan.lock().unwrap().writes;
    assert_eq!(github.ensure_release(&wanted).await.unwrap(), Outcome::Unchanged);
    assert_eq!(hub.plan.lock().unwrap().writes, written);
    assert_eq!(
        hub.releases(),
        [json!({
            "repository": "spacemeshos/sm-net", "tag": "v1.7.6", "draft": true, "assets": ["config.json"]
        })]
    );
}

#[tokio::test]
async fn every_call_failing_once_leaves_one_draft_with_its_asset() {
    let wanted = release("v1.7.6", "notes");
    for done in [false, true] {
        for number in 1.. {
            let hub = Hub::start().await;
            hub.plan.lock().unwrap().fault = Some((number, done));
            let first = hub.github().ensure_release(&wanted).await;
            if first.is_err() {
                hub.github().ensure_release(&wanted).await.unwrap();
            }
            let releases = hub.releases();
            assert_eq!(releases.len(), 1, "call {number}, done: {done}: {releases:?}");
            assert_eq!(releases[0]["assets"], json!(["config.json"]), "call {number}");
            assert_eq!(hub.github().look_release(&wanted).await.unwrap(), Look::Same);
            if hub.plan.lock().unwrap().calls < number + 2 {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_token_that_lacks_a_right_is_told_which() {
    let hub = Hub::start().await;
    hub.deny("contents:write");
    let error = hub.github().check_access().await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid, "the token is known to be the wrong one");
    assert!(error.hint().unwrap().contains("contents=write"), "{error:?}");
    let error = hub.github().ensure_release(&release("v1", "notes")).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Denied);
    assert!(error.hint().unwrap().contains("contents=write"), "{error:?}");

    hub.deny("metadata:read");
    let error = hub.github().check_access().await.unwrap_err();
    assert!(error.hint().unwrap().contains("may not see it"), "{error:?}");

    let error = hub.with_token("wrong").check_access().await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Denied);
    assert!(error.hint().unwrap().contains("expired"), "{error:?}");
}

#[tokio::test]
async fn a_release_that_people_published_is_left_alone() {
    let hub = Hub::start().await;
    let github = hub.github();
    let wanted = release("v1.7.6", "notes");
    github.ensure_release(&wanted).await.unwrap();
    let known = github.find("v1.7.6").await.unwrap().unwrap();
    let request =
        github.client.patch(github.api(&["releases", &known.id.to_string()])).json(&json!({"draft": false}));
    github.prepare(request, "publish", "v1.7.6").send().await.unwrap();
    assert_eq!(github.look_release(&wanted).await.unwrap(), Look::Same);
    let error = github.ensure_release(&release("v1.7.6", "other notes")).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::AlreadyExists);
    assert_eq!(github.ensure_release(&wanted).await.unwrap(), Outcome::Unchanged);
}

#[test]
fn repositories_are_owner_and_name() {
    assert!(RepositoryName::new("spacemeshos/sm-net").is_ok());
    for wrong in ["", "sm-net", "a/b/c", "/b", "a/", "../b", "a/..", "a b/c", "a/b?c"] {
        assert!(RepositoryName::new(wrong).is_err(), "{wrong:?}");
    }
}
