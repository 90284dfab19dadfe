//! Connections: accepting them, reading whole requests, answering by the world, and failing as told.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use http::StatusCode;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Notify,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::{admin, door::Door, faulty, host::Host, rest, tunnel};
use crate::{
    address::ServiceAddress,
    faults::Fault,
    wire::{Answer, Request, Response, Stream},
};

/// The longest body of a request; uploads are the long ones.
const MAX_BODY_BYTES: usize = 512 * 1024 * 1024;
/// How long changes are gathered before they are sent to an open stream.
const GATHERING: Duration = Duration::from_millis(2);

/// The connection is to be reset instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Reset {
    /// Others can be opened.
    #[error("the connection is reset")]
    Connection,
    /// Others are refused for a while.
    #[error("the connection is reset and others are refused")]
    Server,
}

pub(super) type Outcome = Result<http::Response<Body>, Reset>;

/// What a connection reaches.
#[derive(Debug, Clone)]
pub(super) enum Site {
    /// The REST services and the admin calls.
    Rest,
    /// The Kubernetes API at a host and port.
    Cluster(String),
    /// A program in a pod.
    Pod(Arc<tunnel::PodSite>),
}

/// Accepts connections to the REST services, for ever.
pub(super) async fn accept_rest(host: Arc<Host>, door: Arc<Door>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = door.accept().await;
        while connections.try_join_next().is_some() {}
        if let Ok(stream) = accepted {
            let (io, reset) = resettable(stream, &door);
            connections.spawn(serve_connection(Arc::clone(&host), Site::Rest, io, reset));
        }
    }
}

/// Accepts connections to the address of a cluster's API, for ever; while no cluster has the address they are closed.
pub(super) async fn accept_cluster(host: Arc<Host>, door: Arc<Door>, tls: Arc<rustls::ServerConfig>) {
    let acceptor = TlsAcceptor::from(tls);
    let mut connections = JoinSet::new();
    loop {
        let accepted = door.accept().await;
        while connections.try_join_next().is_some() {}
        let endpoint = door.address().to_string();
        let Ok(stream) = accepted else { continue };
        if host.look(|world| cluster_at(world, &endpoint)).is_none() {
            continue;
        }
        let (io, reset) = resettable(stream, &door);
        let (host, acceptor) = (Arc::clone(&host), acceptor.clone());
        connections.spawn(async move {
            if let Ok(io) = acceptor.accept(io).await {
                serve_connection(host, Site::Cluster(endpoint), io, reset).await;
            }
        });
    }
}

fn cluster_at(world: &crate::World, endpoint: &str) -> Option<String> {
    world.cluster_endpoints().into_iter().find(|(address, _)| address == endpoint).map(|(_, id)| id)
}

/// Serves HTTP/1.1 or HTTP/2, whichever the client speaks, until the client ends.
pub(super) async fn serve_connection(
    host: Arc<Host>,
    site: Site,
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    reset: ResetFlag,
) {
    let _open = host.open_connection();
    let service = tower::service_fn(move |request: hyper::Request<Incoming>| {
        let (host, site, reset) = (Arc::clone(&host), site.clone(), reset.clone());
        async move {
            let outcome = respond(&host, &site, request).await;
            if let Err(kind) = outcome {
                reset.set(kind);
            }
            outcome
        }
    });
    let served = auto::Builder::new(TokioExecutor::new())
        .serve_connection_with_upgrades(TokioIo::new(io), TowerToHyperService::new(service))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn respond(host: &Arc<Host>, site: &Site, request: hyper::Request<Incoming>) -> Outcome {
    host.touch();
    let (mut parts, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Ok(whole(Response::text(StatusCode::PAYLOAD_TOO_LARGE, "request body too large"))),
    };
    let mut request = Request {
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers.clone(),
        body,
    };
    match site {
        Site::Rest if request.path.starts_with("/admin/") => Ok(whole(admin::answer(host, &request))),
        Site::Rest => match rest::route(&mut request) {
            Some(address) => call(host, &address, &request, &mut parts).await,
            None => Ok(whole(rest::not_found(&request))),
        },
        Site::Cluster(endpoint) => {
            let id = host.look(|world| cluster_at(world, endpoint)).ok_or(Reset::Connection)?;
            call(host, &ServiceAddress::Kubernetes(id), &request, &mut parts).await
        }
        Site::Pod(pod) => tunnel::answer(host, pod, request).await,
    }
}

/// Carries a call out: counted, after the configured latency, and failing as the fault rules say.
async fn call(
    host: &Arc<Host>,
    address: &ServiceAddress,
    request: &Request,
    parts: &mut http::request::Parts,
) -> Outcome {
    let (number, fault) = begin(host, address, request).await;
    if let Some(fault) = fault.as_ref().filter(|fault| !fault.takes_effect()) {
        return faulty::instead(fault, address, request).await.map(whole);
    }
    let answer = host.handle(address, request).await;
    let (status, length) = match &answer {
        Answer::Full(response) => (response.status, response.body.len()),
        Answer::Stream(stream) => (stream.head.status, stream.first.iter().map(bytes::Bytes::len).sum()),
        Answer::PortForward(_) => (StatusCode::SWITCHING_PROTOCOLS, 0),
    };
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    host.end_call(number, address, request, status, length);
    if fault == Some(Fault::NoReply) {
        return std::future::pending().await;
    }
    match answer {
        Answer::Full(response) => match fault {
            Some(fault) => faulty::damage(&fault, response),
            None => Ok(whole(response)),
        },
        Answer::Stream(_) if fault.is_some() => Err(Reset::Connection),
        Answer::Stream(stream) => Ok(streamed(host, address, stream)),
        Answer::PortForward(forward) => Ok(tunnel::upgrade(host, address, forward, parts).await),
    }
}

/// Counts a call, waits for the configured latency, and tells which fault the call meets.
pub(super) async fn begin(host: &Host, address: &ServiceAddress, request: &Request) -> (u64, Option<Fault>) {
    let (number, fault, latency) = host.begin_call(address, request);
    if latency > 0 {
        tokio::time::sleep(Duration::from_millis(latency)).await;
    }
    (number, fault)
}

/// A finished response on the wire.
pub(super) fn whole(response: Response) -> http::Response<Body> {
    let mut sent = http::Response::new(Body::from(response.body));
    *sent.status_mut() = response.status;
    *sent.headers_mut() = response.headers;
    sent
}

/// A stream that is sent what its service has after every change, until it is closed or its reader is gone.
fn streamed(host: &Arc<Host>, address: &ServiceAddress, stream: Stream) -> http::Response<Body> {
    let reader = Reader { host: Arc::clone(host), address: address.clone(), identifier: stream.identifier };
    let state = StreamState {
        changes: host.changes(),
        reader,
        pending: stream.first,
        closed: false,
        closes_at: stream.closes_at,
    };
    let body = Body::from_stream(futures::stream::unfold(state, StreamState::next));
    let mut sent = http::Response::new(body);
    *sent.status_mut() = stream.head.status;
    *sent.headers_mut() = stream.head.headers;
    sent
}

/// Tells the service when the stream's reader is gone.
struct Reader {
    host: Arc<Host>,
    address: ServiceAddress,
    identifier: u64,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.host.change(|world, _| world.close_stream(&self.address, self.identifier));
    }
}

struct StreamState {
    changes: tokio::sync::watch::Receiver<u64>,
    reader: Reader,
    pending: Vec<bytes::Bytes>,
    closed: bool,
    closes_at: Option<jiff::Timestamp>,
}

impl StreamState {
    async fn next(mut self) -> Option<(Result<bytes::Bytes, Infallible>, Self)> {
        loop {
            if !self.pending.is_empty() {
                let mut chunk = bytes::BytesMut::new();
                self.pending.drain(..).for_each(|line| chunk.extend_from_slice(&line));
                return Some((Ok(chunk.freeze()), self));
            }
            if self.closed {
                return None;
            }
            self.wait().await;
            let reader = &self.reader;
            let update = reader
                .host
                .change(|world, moment| world.stream_next(&reader.address, reader.identifier, moment));
            self.pending = update.lines;
            self.closed = update.closed;
        }
    }

    /// Waits for a change, or for the end of the stream's time.
    async fn wait(&mut self) {
        let end =
            self.closes_at.and_then(|end| self.reader.host.until(end)).unwrap_or(Duration::from_secs(30));
        tokio::select! {
            changed = self.changes.changed() => {
                if changed.is_err() {
                    self.closed = true;
                }
                tokio::time::sleep(GATHERING).await;
            }
            () = tokio::time::sleep(end.min(Duration::from_secs(30))) => {}
        }
        self.changes.mark_unchanged();
    }
}

/// Set when a connection is to end by a reset instead of in order.
#[derive(Debug, Clone, Default)]
pub(super) struct ResetFlag {
    is_set: Arc<AtomicBool>,
    shut: Arc<Notify>,
}

impl ResetFlag {
    fn set(&self, kind: Reset) {
        self.is_set.store(true, Ordering::Relaxed);
        if kind == Reset::Server {
            self.shut.notify_one();
        }
    }

    fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Relaxed)
    }
}

/// A socket that resets its connection when it is dropped after its flag was set.
#[derive(Debug)]
pub(super) struct Resettable {
    stream: TcpStream,
    flag: ResetFlag,
}

fn resettable(stream: TcpStream, door: &Door) -> (Resettable, ResetFlag) {
    let flag = ResetFlag { shut: door.shut(), ..ResetFlag::default() };
    let _ = stream.set_nodelay(true);
    (Resettable { stream, flag: flag.clone() }, flag)
}

impl Drop for Resettable {
    fn drop(&mut self) {
        if self.flag.is_set() {
            let _ = self.stream.set_zero_linger();
        }
    }
}

/// Tells the sender at once what arrived. Clients that send small pieces as Nagle has it wait for that.
fn acknowledge(stream: &TcpStream) {
    #[cfg(target_os = "linux")]
    let _ = stream.set_quickack(true);
    #[cfg(not(target_os = "linux"))]
    let _ = stream;
}

impl AsyncRead for Resettable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            acknowledge(&self.stream);
        }
        read
    }
}

impl AsyncWrite for Resettable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.flag.is_set() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
