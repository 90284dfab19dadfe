//! Port-forward: from an upgraded connection to what a pod would serve.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{
        FromRequestParts,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    response::IntoResponse,
};
use bytes::{BufMut, Bytes, BytesMut};
use futures::{SinkExt, StreamExt, stream::FuturesUnordered};
use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;

use super::{
    connection::{Outcome, ResetFlag, Site, begin, serve_connection, whole},
    faulty,
    host::Host,
    node, tls,
};
use crate::{
    address::ServiceAddress,
    faults::Fault,
    wire::{Answer, PortForward, Request, Response},
    workloads::{
        elasticsearch, kibana,
        served::{Served, serve_file, serve_health},
    },
};

/// Subprotocols of port-forward over WebSockets, the newest first.
const PROTOCOLS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
/// What a pipe to a pod holds before its writer waits.
const PIPE_BYTES: usize = 64 * 1024;
/// The longest piece that is sent in one frame.
const FRAME_BYTES: usize = 16 * 1024;

/// A program that a tunnel reached.
#[derive(Debug)]
pub(super) struct PodSite {
    served: Served,
    address: ServiceAddress,
    cluster: String,
    namespace: String,
}

/// Upgrades the connection and forwards the ports asked for.
pub(super) async fn upgrade(
    host: &Arc<Host>,
    address: &ServiceAddress,
    forward: PortForward,
    parts: &mut http::request::Parts,
) -> http::Response<Body> {
    let ServiceAddress::Kubernetes(cluster) = address else {
        return whole(Response::text(StatusCode::BAD_REQUEST, "only clusters have ports to forward"));
    };
    let upgrade = match WebSocketUpgrade::from_request_parts(parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(_) => {
            let message =
                "unable to upgrade: only WebSockets with v4.channel.k8s.io or v5.channel.k8s.io are served";
            return whole(Response::text(StatusCode::BAD_REQUEST, message));
        }
    };
    let (host, cluster) = (Arc::clone(host), cluster.clone());
    upgrade.protocols(PROTOCOLS).on_upgrade(move |socket| run(host, cluster, forward, socket)).into_response()
}

/// Carries bytes between the channels of a WebSocket and the ports of a pod until either side ends.
///
/// Each port has a data channel and an error channel, in the order of the ports; each channel's first message is its
/// port as two bytes, the lower first.
async fn run(host: Arc<Host>, cluster: String, forward: PortForward, socket: WebSocket) {
    let (mut sink, mut stream) = socket.split();
    let (sender, mut frames) = mpsc::channel::<Bytes>(16);
    let mut writers = Vec::new();
    let mut readers = FuturesUnordered::new();
    for (index, port) in forward.ports.iter().enumerate() {
        let channel = u8::try_from(index * 2).unwrap_or(u8::MAX);
        for channel in [channel, channel.saturating_add(1)] {
            let _ = sink.send(Message::Binary(frame(channel, &port.to_le_bytes()))).await;
        }
        let (near, far) = duplex(PIPE_BYTES);
        let (reader, writer) = tokio::io::split(near);
        writers.push(writer);
        match connect(&host, &cluster, &forward, *port, far) {
            Ok(()) => readers.push(read_pod(channel, reader, sender.clone())),
            Err(message) => {
                let _ =
                    sink.send(Message::Binary(frame(channel.saturating_add(1), message.as_bytes()))).await;
            }
        }
    }
    drop(sender);
    loop {
        tokio::select! {
            message = stream.next() => match message {
                Some(Ok(Message::Binary(data))) => write_pod(&mut writers, &data).await,
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
            Some(data) = frames.recv() => {
                if sink.send(Message::Binary(data)).await.is_err() {
                    break;
                }
            }
            Some(()) = readers.next() => {}
            else => break,
        }
        if readers.is_empty() && frames.is_empty() {
            break;
        }
    }
    let _ = sink.send(Message::Close(None)).await;
}

fn frame(channel: u8, data: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(data.len() + 1);
    frame.put_u8(channel);
    frame.put_slice(data);
    frame.freeze()
}

async fn read_pod(channel: u8, mut reader: tokio::io::ReadHalf<DuplexStream>, sender: mpsc::Sender<Bytes>) {
    let mut buffer = vec![0; FRAME_BYTES];
    while let Ok(length) = reader.read(&mut buffer).await {
        let Some(data) = buffer.get(..length).filter(|data| !data.is_empty()) else { return };
        if sender.send(frame(channel, data)).await.is_err() {
            return;
        }
    }
}

async fn write_pod(writers: &mut [tokio::io::WriteHalf<DuplexStream>], data: &Bytes) {
    let Some((channel, data)) = data.split_first() else { return };
    if channel % 2 == 1 {
        return;
    }
    if let Some(writer) = writers.get_mut(usize::from(channel / 2)) {
        let _ = writer.write_all(data).await;
    }
}

/// Starts to serve what the pod's port would, on the far end of a pipe.
fn connect(
    host: &Arc<Host>,
    cluster: &str,
    forward: &PortForward,
    port: u16,
    far: DuplexStream,
) -> Result<(), String> {
    let reached = host.look(|world| world.serving(cluster, &forward.namespace, &forward.pod, port));
    let Some((served, workload)) = reached else {
        return Err(format!(
            "error forwarding port {port} to pod {}, uid : failed to connect to localhost:{port} inside namespace: \
             dial tcp4 127.0.0.1:{port}: connect: connection refused",
            forward.pod
        ));
    };
    let host = Arc::clone(host);
    let site = Arc::new(PodSite {
        served,
        address: ServiceAddress::Workload(workload),
        cluster: cluster.to_owned(),
        namespace: forward.namespace.clone(),
    });
    tokio::spawn(async move {
        match &site.served {
            Served::Elasticsearch { tls: Some(files), .. } => {
                let Some(config) = tls::server_of_pem(&files.certificate, &files.key) else { return };
                if let Ok(io) = TlsAcceptor::from(config).accept(far).await {
                    serve_connection(host, Site::Pod(site), io, ResetFlag::default()).await;
                }
            }
            Served::Node { node, listener } => {
                let (node, listener) = (node.clone(), *listener);
                let place = (site.cluster.clone(), site.namespace.clone());
                node::serve(host, site.address.clone(), place, *node, listener, far).await;
            }
            _ => serve_connection(host, Site::Pod(site), far, ResetFlag::default()).await,
        }
    });
    Ok(())
}

/// Answers a request to a program in a pod.
pub(super) async fn answer(host: &Arc<Host>, site: &PodSite, request: Request) -> Outcome {
    let (number, fault) = begin(host, &site.address, &request).await;
    if let Some(fault) = fault.as_ref().filter(|fault| !fault.takes_effect()) {
        return faulty::instead(fault, &site.address, &request).await.map(whole);
    }
    let response = serve(host, site, &request).await;
    let length = u64::try_from(response.body.len()).unwrap_or(u64::MAX);
    host.end_call(number, &site.address, &request, response.status, length);
    match fault {
        Some(Fault::NoReply) => std::future::pending().await,
        Some(fault) => faulty::damage(&fault, response),
        None => Ok(whole(response)),
    }
}

async fn serve(host: &Arc<Host>, site: &PodSite, request: &Request) -> Response {
    match &site.served {
        Served::Elasticsearch { password, .. } => match elasticsearch::refusal(request, password) {
            None => state(host, &site.address, request).await,
            Some(refused) => refused,
        },
        Served::Kibana => {
            let password = host.look(|world| world.elastic_password(&site.cluster, &site.namespace));
            let Some(password) = password else { return kibana::not_ready() };
            match elasticsearch::refusal(request, &password) {
                None => state(host, &site.address, request).await,
                Some(refused) => refused,
            }
        }
        Served::Poet(identity) => {
            let kept = state(host, &site.address, request).await;
            identity.answer(request, || kept)
        }
        Served::Files(files) => serve_file(files, request),
        Served::Healthy(checks) => serve_health(checks, request),
        Served::Node { .. } => Response::empty(StatusCode::NOT_FOUND),
    }
}

/// The answer of the process' state.
async fn state(host: &Host, address: &ServiceAddress, request: &Request) -> Response {
    match host.handle(address, request).await {
        Answer::Full(response) => response,
        Answer::Stream(stream) => stream.head,
        Answer::PortForward(_) => Response::empty(StatusCode::NOT_FOUND),
    }
}
