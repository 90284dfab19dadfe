//! Tunnels from a local port, through the API server, to a port of a pod.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1 as core_v1;
use kube::Api;
use spacecraft_core::time::Clock;
use spacecraft_core::traits::{ServiceName, Tunnel, TunnelGuard};
use spacecraft_core::{Error, Meaning, Result};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::connection::{Connection, Query};
use crate::observed::{Pod, Service, TargetPort};
use crate::resource::{Address, POD, SERVICE};

/// The time that opening one way through the API server may take.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a tunnel waits after it could not accept a connection.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_millis(200);
/// How often a connection tries another pod before it is given up.
const ATTEMPTS: u32 = 3;

/// Opens a tunnel to a port of the Service, or, when the Service has no such port, of the pods behind it: that way ports that no
/// Service offers can be reached. Each local connection gets a way of its own, to a pod that is ready at that moment.
///
/// # Errors
///
/// [`Meaning::NotFound`] without such a Service, [`Meaning::Invalid`] with the ports that there are for one that neither Service nor pods have, and
/// [`Meaning::Unavailable`] when no pod behind it is ready.
pub(super) async fn open(connection: &Connection, service: &ServiceName, port: u16) -> Result<Tunnel> {
    let route = Route { connection: connection.clone(), service: service.clone(), port };
    route.destination().await?;
    let unusable = |error| route.failed(Meaning::Other, "no local port can be opened").with_source(error);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(unusable)?;
    let local = listener.local_addr().map_err(unusable)?;
    let blocked = Blockage::default();
    let carrying = tokio::spawn(accept(listener, route, blocked.clone()));
    Ok(Tunnel { local, guard: Box::new(Guard { carrying, blocked }) })
}

/// Why the last connection could not be carried.
#[derive(Debug, Clone, Default)]
struct Blockage(Arc<Mutex<Option<Error>>>);

impl Blockage {
    fn set(&self, error: Option<Error>) -> Option<Error> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), error)
    }
}

/// Ends the tunnel, with all its connections, when it is dropped.
#[derive(Debug)]
struct Guard {
    carrying: JoinHandle<()>,
    blocked: Blockage,
}

impl TunnelGuard for Guard {
    fn blocked(&self) -> Option<Error> {
        self.blocked.set(None)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

async fn accept(listener: TcpListener, route: Route, blocked: Blockage) {
    let mut carried = JoinSet::new();
    loop {
        let clock = route.connection.retrier().clock();
        let (local, from) = next_connection(&**clock, || listener.accept()).await;
        // Requests and answers are small; none waits for the acknowledgement of the one before.
        let _ = local.set_nodelay(true);
        carried.spawn(carry(local, from, route.clone(), blocked.clone()));
        while carried.try_join_next().is_some() {}
    }
}

/// The next connection. One that cannot be accepted, as for want of file descriptors, stays in the queue: without a pause it would be tried again for as long as that lasts, and
/// nothing else be done.
async fn next_connection<T, F: Future<Output = io::Result<T>>>(
    clock: &dyn Clock,
    accept: impl Fn() -> F,
) -> T {
    loop {
        match accept().await {
            Ok(connection) => return connection,
            Err(error) => tracing::debug!(%error, "a tunnel could not accept a connection"),
        }
        clock.sleep(PAUSE_AFTER_REFUSAL).await;
    }
}

/// Carries one connection from end to end. A caller sees a way that cannot be opened as a connection that closes at once.
async fn carry(mut local: TcpStream, from: SocketAddr, route: Route, blocked: Blockage) {
    let (mut remote, refusal) = match route.connect().await {
        Ok(way) => way,
        Err(error) => {
            tracing::warn!(error = %spacecraft_core::render_chain(&error), "a tunnel is blocked");
            blocked.set(Some(error));
            return;
        }
    };
    tokio::select! {
        biased;
        Some(message) = refusal => {
            blocked.set(Some(route.failed(Meaning::Unavailable, message.trim())));
            return;
        }
        carried = copy_bidirectional(&mut local, &mut remote) => match carried {
            Ok((_, 1..)) => drop(blocked.set(None)),
            Ok(_) => {}
            Err(error) => tracing::debug!(%from, %error, "a connection through a tunnel broke"),
        },
    }
    // The other side may be gone already; then there is nothing left to end.
    let _ = remote.shutdown().await;
}

/// From a Service to a pod.
#[derive(Debug, Clone)]
struct Route {
    connection: Connection,
    service: ServiceName,
    port: u16,
}

/// A port of one pod.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Destination {
    pod: String,
    port: u16,
}

impl Route {
    fn failed(&self, meaning: Meaning, reason: &str) -> Error {
        let ServiceName { namespace, name } = &self.service;
        Error::new(
            meaning,
            "open a tunnel to",
            format!("port {} of {name} in {namespace}", self.port),
            reason,
        )
    }

    async fn connect(
        &self,
    ) -> Result<(impl AsyncRead + AsyncWrite + Unpin, BoxFuture<'static, Option<String>>)> {
        let mut attempts = 1;
        loop {
            let destination = self.destination().await?;
            match tokio::time::timeout(OPEN_TIMEOUT, self.enter(&destination)).await {
                Ok(Ok(way)) => return Ok(way),
                Ok(Err(error)) if attempts == ATTEMPTS => return Err(error),
                Err(_) if attempts == ATTEMPTS => {
                    return Err(self.failed(Meaning::TimedOut, "the API server does not open the way"));
                }
                Ok(Err(_)) | Err(_) => attempts += 1,
            }
        }
    }

    /// The way to a pod's port, and what the pod's worker will say against it.
    async fn enter(
        &self,
        destination: &Destination,
    ) -> Result<(impl AsyncRead + AsyncWrite + Unpin + use<>, BoxFuture<'static, Option<String>>)> {
        let pods: Api<core_v1::Pod> =
            Api::namespaced(self.connection.client().clone(), &self.service.namespace);
        let mut forwarder =
            pods.portforward(&destination.pod, &[destination.port]).await.map_err(|error| match error {
                kube::Error::Api(status) => {
                    let reason = format!("the API server refuses the way: {}", status.message);
                    self.failed(Meaning::Unavailable, &reason)
                }
                other => {
                    self.failed(Meaning::Unavailable, "the API server refuses the way").with_source(other)
                }
            })?;
        let refusal = forwarder.take_error(destination.port);
        let refusal = async { futures::future::OptionFuture::from(refusal).await.flatten() };
        let stream = forwarder
            .take_stream(destination.port)
            .ok_or_else(|| self.failed(Meaning::Other, "the API server opened no stream"))?;
        Ok((stream, refusal.boxed()))
    }

    /// A ready pod behind the Service, and the port of it that the Service's port leads to.
    async fn destination(&self) -> Result<Destination> {
        let ServiceName { namespace, name } = &self.service;
        let address = Address::new(SERVICE, namespace.as_str(), name.as_str());
        let service: Service = (self.connection.get(&address).await?)
            .ok_or_else(|| self.failed(Meaning::NotFound, "there is no such Service"))?;
        if service.spec.selector.is_empty() {
            return Err(self.failed(Meaning::Unsupported, "the Service selects no pods"));
        }
        let selector: Vec<String> =
            service.spec.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let pods: Vec<Pod> =
            self.connection.list(&Query::within(POD, namespace).labelled(selector.join(","))).await?;
        let Some(pod) = pods.iter().find(|pod| pod.is_ready() && !pod.is_leaving()) else {
            return Err(self.failed(Meaning::Unavailable, "no pod behind it is ready"));
        };
        let port = target_port(&service, pod, self.port).ok_or_else(|| self.no_such_port(&service, pod))?;
        Ok(Destination { pod: pod.metadata.name.clone(), port })
    }

    fn no_such_port(&self, service: &Service, pod: &Pod) -> Error {
        let own = pod.ports().map(|port| (port.container_port, &port.name));
        let offered = service.spec.ports.iter().map(|port| (port.port, &port.name));
        let ports: BTreeMap<u16, &String> = own.chain(offered).collect();
        let named = |(port, name): (u16, &String)| match name.as_str() {
            "" => port.to_string(),
            name => format!("{port} ({name})"),
        };
        let ports: Vec<String> = ports.into_iter().map(named).collect();
        self.failed(Meaning::Invalid, "neither the Service nor its pods have this port")
            .with_hint(format!("there are: {}", ports.join(", ")))
    }
}

/// The port of the pod that the Service's port leads to, or the pod's own; none when the pod does not have the port that is meant. A pod that declares none may have any.
fn target_port(service: &Service, pod: &Pod, port: u16) -> Option<u16> {
    let Some(found) = service.spec.ports.iter().find(|other| other.port == port) else {
        let is_declared = pod.ports().any(|own| own.container_port == port);
        return (is_declared || pod.ports().next().is_none()).then_some(port);
    };
    match &found.target_port {
        TargetPort::Number(number) => Some(*number),
        TargetPort::SameAsPort => Some(port),
        TargetPort::Name(name) => pod.named_port(name),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use spacecraft_testkit::TestClock;

    use super::*;

    #[tokio::test]
    async fn a_tunnel_that_cannot_accept_a_connection_pauses_before_it_tries_again() {
        let clock = TestClock::default();
        let began = clock.now();
        let tried = AtomicU32::new(0);
        let accept = async || match tried.fetch_add(1, Ordering::Relaxed) {
            0..3 => Err(io::Error::other("too many open files")),
            _ => Ok("connection"),
        };
        assert_eq!(next_connection(&clock, accept).await, "connection");
        let paused = Duration::try_from(clock.now().duration_since(began)).unwrap();
        assert_eq!(paused, PAUSE_AFTER_REFUSAL * 3);
    }
}
