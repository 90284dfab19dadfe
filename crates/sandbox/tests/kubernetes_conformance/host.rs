//! A server on loopback around one simulated cluster.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use jiff::Timestamp;
use spacecraft_sandbox::kubernetes::{Cluster, ClusterShape, StartTimes, WorkerShape};
use spacecraft_sandbox::wire;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::wrappers::ReceiverStream;

/// How often an open stream is asked for more when nothing else wakes it.
const STREAM_PERIOD: Duration = Duration::from_millis(20);

struct Hosted {
    cluster: Mutex<Cluster>,
    changed: watch::Sender<u64>,
}

impl Hosted {
    fn with<T>(&self, act: impl FnOnce(&mut Cluster) -> T) -> T {
        act(&mut self.cluster.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Serves a fresh cluster with two workers; returns its address.
pub(crate) async fn serve() -> String {
    let hosted = Arc::new(Hosted { cluster: Mutex::new(cluster()), changed: watch::channel(0).0 });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port on loopback");
    let address = listener.local_addr().expect("the bound address");
    let router = Router::new().fallback(answer).with_state(hosted);
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn cluster() -> Cluster {
    let times =
        StartTimes { pod_start_seconds: 0.2, pod_stop_seconds: 0.1, job_seconds: 0.1, volume_seconds: 0.1 };
    let now = Timestamp::now();
    let mut cluster = Cluster::new(ClusterShape { times, ..ClusterShape::default() }, now);
    let worker = |number: u8| WorkerShape {
        name: format!("worker-{number}"),
        internal_ip: format!("10.0.0.{number}"),
        external_ip: Some(format!("127.0.0.{number}")),
        cpu_milli: 8000,
        allocatable_cpu_milli: 7900,
        memory_bytes: 32 << 30,
        allocatable_memory_bytes: 28 << 30,
        labels: BTreeMap::new(),
        pods: 110,
        disks: 127,
        provider_id: String::new(),
        kubelet_version: String::new(),
    };
    cluster.set_workers(vec![worker(1), worker(2)], now);
    cluster
}

async fn answer(State(hosted): State<Arc<Hosted>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 16 << 20).await.unwrap_or_default();
    let request = wire::Request {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
    };
    let answer = hosted.with(|cluster| cluster.handle(&request, Timestamp::now()));
    hosted.changed.send_modify(|count| *count += 1);
    match answer {
        wire::Answer::Full(full) => response(full.status, full.headers, Body::from(full.body)),
        wire::Answer::Stream(stream) => open_stream(hosted, stream),
        wire::Answer::PortForward(_) => {
            response(http::StatusCode::NOT_IMPLEMENTED, http::HeaderMap::new(), Body::empty())
        }
    }
}

fn response(status: http::StatusCode, headers: http::HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn open_stream(hosted: Arc<Hosted>, stream: wire::Stream) -> Response {
    let (lines, received) = tokio::sync::mpsc::channel::<Result<bytes::Bytes, std::convert::Infallible>>(64);
    let mut changes = hosted.changed.subscribe();
    tokio::spawn(async move {
        let mut pending = stream.first;
        let mut closed = false;
        loop {
            for line in pending.drain(..) {
                if lines.send(Ok(line)).await.is_err() {
                    return hosted.with(|cluster| cluster.close_stream(stream.identifier));
                }
            }
            if closed {
                return;
            }
            let _ = tokio::time::timeout(STREAM_PERIOD, changes.changed()).await;
            let update = hosted.with(|cluster| cluster.stream_next(stream.identifier, Timestamp::now()));
            (pending, closed) = (update.lines, update.closed);
        }
    });
    response(stream.head.status, stream.head.headers, Body::from_stream(ReceiverStream::new(received)))
}
