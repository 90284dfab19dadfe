//! A simulated cluster behind an HTTP server on loopback, in real time but with quick pods.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{Method, Request, Response};
use futures::stream;
use jiff::Timestamp;
use spacecraft_core::Result;
use spacecraft_core::charts::Namespaces;
use spacecraft_core::names::NetworkName;
use spacecraft_core::secret::SecretString;
use spacecraft_core::spec::ProviderKind;
use spacecraft_core::time::{SeededRandom, SystemClock};
use spacecraft_core::traits::{Access, BearerTokens, NetworkBinding};
use spacecraft_http::{Retrier, RetryPolicy};
use spacecraft_kubernetes::{Connection, KubernetesWorkloads};
use spacecraft_sandbox::kubernetes::{Cluster, ClusterShape, StartTimes, WorkerShape};
use spacecraft_sandbox::wire::{self, Answer};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How often an open watch is given what is new.
const PUSH_INTERVAL: Duration = Duration::from_millis(10);
/// How many workers the cluster has.
pub(crate) const WORKERS: u32 = 3;

/// A cluster of three workers that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Hosted {
    server: String,
    shared: Shared,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone)]
struct Shared {
    cluster: Arc<Mutex<Cluster>>,
    calls: Arc<AtomicUsize>,
    writes: Arc<AtomicUsize>,
    watches: Arc<AtomicUsize>,
}

impl Shared {
    fn cluster(&self) -> MutexGuard<'_, Cluster> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hosted {
    /// A cluster whose workers are ready.
    pub(crate) async fn start() -> Self {
        let shape = ClusterShape {
            times: StartTimes {
                pod_start_seconds: 0.2,
                pod_stop_seconds: 0.1,
                job_seconds: 0.1,
                volume_seconds: 0.1,
            },
            ..ClusterShape::default()
        };
        let mut cluster = Cluster::new(shape, Timestamp::now());
        cluster.set_workers((1..=WORKERS).map(worker).collect(), Timestamp::now());
        let shared = Shared {
            cluster: Arc::new(Mutex::new(cluster)),
            calls: Arc::default(),
            writes: Arc::default(),
            watches: Arc::default(),
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(handle).with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { server, shared, task }
    }

    /// The workloads of `net1`, on this cluster alone or, with a network's name, of that one on a shared cluster.
    pub(crate) async fn workloads(&self, sharing: Option<&str>) -> KubernetesWorkloads {
        let network = NetworkName::new(sharing.unwrap_or("net1")).unwrap();
        let binding = NetworkBinding {
            namespaces: Namespaces::named(ProviderKind::Kubernetes, &network, network.as_str()),
            owned_namespaces: vec![network.as_str().to_owned()],
            network,
            shared_cluster: sharing.is_some(),
            most_workers: Some(WORKERS),
        };
        KubernetesWorkloads::new(self.connection().await, &binding)
    }

    async fn connection(&self) -> Connection {
        let retrier =
            Retrier::new(Arc::new(SystemClock), Arc::new(SeededRandom::new(1)), RetryPolicy::default());
        let access = Access::Bearer {
            server: self.server.clone(),
            certificate_authority: None,
            tokens: Arc::new(OneToken),
        };
        Connection::open(&access, retrier).await.unwrap()
    }

    /// How many calls were made so far, how many of them writes, and how many watches.
    pub(crate) fn traffic(&self) -> (usize, usize, usize) {
        let read = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        (read(&self.shared.calls), read(&self.shared.writes), read(&self.shared.watches))
    }

    /// Everything that is in the cluster beyond what a fresh one has.
    pub(crate) fn inventory(&self) -> Vec<String> {
        let inventory = self.shared.cluster().inventory();
        let lines = inventory
            .into_iter()
            .flat_map(|(kind, names)| names.into_iter().map(move |name| format!("{kind} {name}")));
        lines.collect()
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Debug)]
struct OneToken;

#[async_trait]
impl BearerTokens for OneToken {
    async fn bearer_token(&self) -> Result<SecretString> {
        Ok(SecretString::from("token"))
    }
}

fn worker(number: u32) -> WorkerShape {
    const GIB: u64 = 1 << 30;
    WorkerShape {
        name: format!("worker-{number}"),
        internal_ip: format!("10.0.0.{number}"),
        external_ip: Some(format!("203.0.113.{number}")),
        cpu_milli: 64_000,
        allocatable_cpu_milli: 63_000,
        memory_bytes: 256 * GIB,
        allocatable_memory_bytes: 250 * GIB,
        pods: 400,
        disks: 400,
        ..WorkerShape::default()
    }
}

async fn handle(State(shared): State<Shared>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let request = wire::Request {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body: to_bytes(body, 8 << 20).await.unwrap(),
        method: parts.method,
        headers: parts.headers,
    };
    shared.calls.fetch_add(1, Ordering::SeqCst);
    if request.method != Method::GET {
        shared.writes.fetch_add(1, Ordering::SeqCst);
    }
    let answer = shared.cluster().handle(&request, Timestamp::now());
    match answer {
        Answer::Full(response) => sent(response.clone(), Body::from(response.body)),
        Answer::Stream(opened) => {
            shared.watches.fetch_add(1, Ordering::SeqCst);
            sent(opened.head, Body::from_stream(pushed(shared, opened.identifier, opened.first)))
        }
        Answer::PortForward(_) => panic!("these tests open no tunnels"),
    }
}

fn sent(response: wire::Response, body: Body) -> Response<Body> {
    let mut sent = Response::new(body);
    *sent.status_mut() = response.status;
    *sent.headers_mut() = response.headers;
    sent
}

/// The lines of an open watch as they come.
fn pushed(
    shared: Shared,
    identifier: u64,
    first: Vec<Bytes>,
) -> impl futures::Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold((shared, first, false), move |(shared, lines, ended)| async move {
        if !lines.is_empty() {
            return Some((Ok(Bytes::from(lines.concat())), (shared, Vec::new(), ended)));
        }
        if ended {
            return None;
        }
        loop {
            tokio::time::sleep(PUSH_INTERVAL).await;
            let update = shared.cluster().stream_next(identifier, Timestamp::now());
            if update.closed || !update.lines.is_empty() {
                return Some((Ok(Bytes::from(update.lines.concat())), (shared, Vec::new(), update.closed)));
            }
        }
    })
}
