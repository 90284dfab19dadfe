//! The state machines of the simulated cloud behind wiremock, and commands in this process that work on it.
//!
//! A mock server answers each call whole. So a watch ends after a moment with what happened until then, and what is to become a tunnel goes to the simulated cluster itself.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use serde_json::{Value, json};
use spacecraft_cli::ExitStatus;
use spacecraft_cli::embedded::{Ended, Machine, run};
use spacecraft_core::interrupt::Interrupt;
use spacecraft_core::state::{Holder, HolderProbe};
use spacecraft_core::time::{SeededRandom, SystemClock};
use spacecraft_helm::keys::NewRsaKeys;
use spacecraft_sandbox::World;
use spacecraft_sandbox::address::ServiceAddress;
use spacecraft_sandbox::context::Environment;
use spacecraft_sandbox::credentials::Credentials;
use spacecraft_sandbox::google::PROJECT;
use spacecraft_sandbox::server::{SandboxInfo, TimeSource, serve_cluster};
use spacecraft_sandbox::settings::SettingsChange;
use spacecraft_sandbox::wire::Request as WireRequest;
use spacecraft_sandbox::world::SharedWorld;
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// How many clusters there can be.
const CLUSTERS: usize = 2;
/// How long a watch stays open that nothing happens on.
const WATCH: Duration = Duration::from_millis(200);

/// What a mock server stands for.
enum Part {
    /// All services but those of clusters: the first segment of a path is the public name of one.
    Services,
    /// The Kubernetes API at an address.
    Cluster(String),
}

struct Responder {
    world: SharedWorld,
    time: CloudTime,
    part: Part,
}

/// The time of the simulated cloud, which may be ahead of the machine's.
#[derive(Clone, Default)]
struct CloudTime {
    ahead_seconds: Arc<AtomicI64>,
}

impl CloudTime {
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.ahead_seconds.load(Ordering::Relaxed))
    }
}

impl Responder {
    fn addressed(&self, path: &str) -> Option<(ServiceAddress, String)> {
        match &self.part {
            Part::Services => {
                let (host, path) = path.strip_prefix('/')?.split_once('/')?;
                Some((ServiceAddress::of_host(host)?, format!("/{path}")))
            }
            Part::Cluster(endpoint) => {
                let clusters = self.world.lock().cluster_endpoints();
                let (_, id) = clusters.into_iter().find(|(address, _)| address == endpoint)?;
                Some((ServiceAddress::Kubernetes(id), path.to_owned()))
            }
        }
    }
}

impl Respond for Responder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        if request.url.path() == "/admin/ping" {
            return ResponseTemplate::new(200).set_body_json(json!({}));
        }
        let Some((address, path)) = self.addressed(request.url.path()) else {
            return ResponseTemplate::new(404);
        };
        let asked = WireRequest {
            method: request.method.clone(),
            path,
            query: request.url.query().unwrap_or_default().to_owned(),
            headers: request.headers.clone(),
            body: request.body.clone().into(),
        };
        let watches = asked.query.contains("watch=true");
        let answer = self.world.answer_now(&address, &asked, self.time.now());
        let reply = ResponseTemplate::new(answer.status.as_u16()).set_body_bytes(answer.body.to_vec());
        let reply = if watches { reply.set_delay(WATCH) } else { reply };
        let reply =
            answer.headers.iter().fold(reply, |reply, (name, value)| reply.insert_header(name, value));
        match self.part {
            Part::Services => reply,
            // The next call may be one for a tunnel, which goes another way.
            Part::Cluster(_) => reply.insert_header("connection", "close"),
        }
    }
}

/// No command is killed here.
#[derive(Debug)]
struct AllAreDead;

impl HolderProbe for AllAreDead {
    fn is_certainly_dead(&self, _holder: &Holder) -> bool {
        true
    }
}

/// A simulated cloud behind mock servers.
pub(crate) struct Cloud {
    folder: TempDir,
    world: SharedWorld,
    time: CloudTime,
    commands: AtomicU32,
    _services: MockServer,
    _clusters: JoinSet<()>,
}

impl Cloud {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let services = MockServer::start().await;
        let credentials = Credentials::generate(PROJECT).unwrap();
        let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let doors: Vec<TcpListener> =
            (0..CLUSTERS).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let endpoints: Vec<String> =
            doors.iter().map(|door| door.local_addr().unwrap().to_string()).collect();
        let info = SandboxInfo::of(&folder.path().join("sandbox"), &services.uri(), &credentials);
        write_down(&info, &credentials, &certified.cert.pem());
        let environment = Environment {
            urls: info.urls.clone(),
            cluster_endpoints: endpoints.clone(),
            authority_pem: certified.cert.pem(),
            credentials,
            seed: 1,
        };
        let mut world = World::new(environment, Timestamp::now());
        let quick = json!({ "pod_start_seconds": 0.2, "cluster_creation_seconds": 0.2 });
        let change = SettingsChange { settings: quick.as_object().unwrap().clone(), advance_seconds: 0.0 };
        world.configure(&change, Timestamp::now()).unwrap();
        let world = SharedWorld::new(world);
        let time = CloudTime::default();
        host(&services, &world, &time, Part::Services).await;
        let tls = acceptor(&certified.cert.pem(), &certified.signing_key.serialize_pem());
        let mut clusters = JoinSet::new();
        for (door, endpoint) in doors.into_iter().zip(endpoints) {
            let api = MockServer::start().await;
            host(&api, &world, &time, Part::Cluster(endpoint.clone())).await;
            door.set_nonblocking(true).unwrap();
            let front = ClusterFront {
                tls: tls.clone(),
                api,
                world: world.clone(),
                time: time.clone(),
                info: info.clone(),
                endpoint,
            };
            clusters.spawn(front.serve(door));
        }
        Self { folder, world, time, commands: AtomicU32::new(1), _services: services, _clusters: clusters }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Sets the time of the simulated cloud forward.
    pub(crate) fn advance(&self, seconds: i64) {
        self.time.ahead_seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Everything that exists but for calls and messages.
    pub(crate) fn inventory(&self) -> Value {
        let mut inventory = serde_json::to_value(self.world.lock().inventory()).unwrap();
        for kept in ["calls", "slack_messages"] {
            inventory.as_object_mut().unwrap().remove(kept);
        }
        inventory
    }

    /// Runs a command line on the simulated Google Cloud.
    pub(crate) async fn on_google(&self, line: &str) -> Ended {
        let sandbox = self.path("sandbox");
        self.run(&format!("{line} --provider sandbox --sandbox-dir {sandbox}")).await
    }

    /// Runs a command line to its end.
    pub(crate) async fn run(&self, line: &str) -> Ended {
        let process_id = self.commands.fetch_add(1, Ordering::Relaxed);
        let machine = Machine {
            variables: BTreeMap::from([
                ("HOME".to_owned(), self.path("")),
                ("USER".to_owned(), "tester".to_owned()),
            ]),
            clock: Arc::new(SystemClock),
            random: Arc::new(SeededRandom::new(u64::from(process_id))),
            rsa_keys: Arc::new(NewRsaKeys),
            process_id,
            probe: Arc::new(AllAreDead),
            interrupt: Interrupt::never(),
        };
        let words = format!("{line} --output json");
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        run(&words, &machine).await
    }
}

/// The document of a command that succeeded.
pub(crate) fn document(ended: &Ended) -> Value {
    assert_eq!(ended.status, ExitStatus::Done, "{}\n{}", ended.stdout, ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

async fn host(server: &MockServer, world: &SharedWorld, time: &CloudTime, part: Part) {
    let responder = Responder { world: world.clone(), time: time.clone(), part };
    Mock::given(any()).respond_with(responder).mount(server).await;
}

/// Leaves the files by which commands find a simulated cloud that is being served.
fn write_down(info: &SandboxInfo, credentials: &Credentials, authority: &str) {
    let folder = info.authority_file.parent().unwrap();
    fs::create_dir_all(folder).unwrap();
    let token_uri = format!("{}/token", info.urls.of("oauth2.googleapis.com"));
    let key = credentials.service_account_key(PROJECT, &token_uri);
    fs::write(&info.service_account_file, key.to_string()).unwrap();
    fs::write(&info.authority_file, authority).unwrap();
    fs::write(folder.join("info.json"), serde_json::to_vec(info).unwrap()).unwrap();
}

fn acceptor(certificate: &str, key: &str) -> TlsAcceptor {
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// The API of a cluster: a mock server, which knows no encryption, and tunnels.
struct ClusterFront {
    tls: TlsAcceptor,
    api: MockServer,
    world: SharedWorld,
    time: CloudTime,
    info: SandboxInfo,
    endpoint: String,
}

impl ClusterFront {
    async fn serve(self, door: TcpListener) {
        let front = Arc::new(self);
        let door = tokio::net::TcpListener::from_std(door).unwrap();
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = door.accept().await {
            connections.spawn(Arc::clone(&front).connect(stream));
        }
    }

    /// Carries one call, whose head says where it goes.
    async fn connect(self: Arc<Self>, stream: TcpStream) {
        let Ok(mut encrypted) = self.tls.accept(stream).await else { return };
        let mut head = Vec::new();
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            if !matches!(encrypted.read_buf(&mut head).await, Ok(1..)) {
                return;
            }
        }
        let first = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let is_tunnel = String::from_utf8_lossy(first).contains("/portforward");
        let (rest, writer) = tokio::io::split(encrypted);
        let mut outside = tokio::io::join(Cursor::new(head).chain(rest), writer);
        if is_tunnel {
            let (world, info, time) = (self.world.clone(), self.info.clone(), self.time.clone());
            let time = TimeSource::new(move || time.now());
            serve_cluster(world, time, info, self.endpoint.clone(), outside).await;
        } else if let Ok(mut inside) = TcpStream::connect(*self.api.address()).await {
            let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
        }
    }
}
