//! A sandbox inside another program, in time as that program tells it and kept nowhere: for tests that go over and over the
//! same states.

use std::{fmt, path::Path, sync::Arc};

use jiff::Timestamp;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
};

use super::{
    Listeners, ServeError,
    connection::{ResetFlag, Site, serve_connection},
    folder::Folder,
    host::Host,
    info::SandboxInfo,
};
use crate::{
    address::ServiceAddress,
    faults::{Fault, FaultRule},
    wire::Request,
    world::{SharedWorld, World, is_effect, path_and_query},
};

/// Where a host takes the time from.
#[derive(Clone)]
pub struct TimeSource(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl TimeSource {
    /// Time as `now` tells it; it must pass as tokio's does.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The machine's own time.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Timestamp::now)
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for TimeSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TimeSource")
    }
}

/// A call, as a [`Witness`] sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenCall {
    /// Counts all calls from 1.
    pub number: u64,
    /// The service's name, as in fault rules.
    pub service: &'static str,
    /// The HTTP method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// True when it could change something.
    pub is_effect: bool,
    /// The fault that it meets.
    pub fault: Option<Fault>,
}

impl SeenCall {
    pub(super) fn of(
        number: u64,
        address: &ServiceAddress,
        request: &Request,
        fault: Option<&Fault>,
    ) -> Self {
        Self {
            number,
            service: address.service(),
            method: request.method.to_string(),
            path: path_and_query(request),
            is_effect: is_effect(address, request),
            fault: fault.cloned(),
        }
    }
}

/// Sees every call, with the world as it is at that instant. It must not wait.
pub trait Witness: fmt::Debug + Send + Sync {
    /// A call arrived; its service has not seen it.
    fn begins(&self, call: &SeenCall, world: &World, now: Timestamp);
    /// A call was handled; its answer has not been sent.
    fn handled(&self, call: &SeenCall, world: &World, now: Timestamp);
}

/// Serves one connection, whose encryption is off already, as the API of the cluster at `endpoint` until its client ends: for programs that listen themselves, and answer other calls in
/// other ways.
pub async fn serve_cluster(
    world: SharedWorld,
    time: TimeSource,
    info: SandboxInfo,
    endpoint: String,
    connection: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) {
    let host = Host::beside_others(world, time, info);
    serve_connection(host, Site::Cluster(endpoint), connection, ResetFlag::default()).await;
}

/// A sandbox that is served by this process' own tokio runtime until it is dropped.
#[derive(Debug)]
pub struct EmbeddedSandbox {
    folder: Folder,
    host: Arc<Host>,
    listeners: Listeners,
    tasks: JoinSet<()>,
}

impl EmbeddedSandbox {
    /// Serves a fresh world. `folder` gets its addresses, certificates and secrets, so that clients find it as they find any other.
    ///
    /// # Errors
    /// When the folder cannot be used or its addresses cannot be listened on.
    pub async fn start(folder: &Path, time: TimeSource) -> Result<Self, ServeError> {
        let in_folder = |source| ServeError::Folder { folder: folder.display().to_string(), source };
        let opened = Folder::open(folder).map_err(in_folder)?;
        let listeners = Listeners::open(&opened).await?;
        let host = Host::embedded(&opened, time).map_err(in_folder)?;
        opened.write_info().map_err(in_folder)?;
        let tasks = listeners.accept(&host);
        Ok(Self { folder: opened, host, listeners, tasks })
    }

    /// What clients need to know.
    #[must_use]
    pub fn info(&self) -> SandboxInfo {
        self.folder.info()
    }

    /// The world as it is, and its time.
    #[must_use]
    pub fn fork(&self) -> (World, Timestamp) {
        self.host.change(|world, moment| (world.clone(), moment.now))
    }

    /// Cuts all connections: what was answered stays done, nothing else arrives.
    pub async fn cut(&mut self) {
        self.tasks.shutdown().await;
        // Tasks of the connections end once nothing else is to be done; only then does paused time go on.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        self.tasks = self.listeners.accept(&self.host);
    }

    /// Goes on with another world at its time, with no connection left from before.
    pub async fn go_on_with(&mut self, world: World, now: Timestamp) {
        self.cut().await;
        self.host.replace_world(world, now);
    }

    /// The sandbox's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.host.moment().now
    }

    /// Lets `witness` see every call from now on.
    pub fn set_witness(&self, witness: Option<Arc<dyn Witness>>) {
        self.host.set_witness(witness);
    }

    /// Adds a fault rule; without one, removes all.
    pub fn set_fault(&self, rule: Option<FaultRule>) {
        self.host.set_fault(rule);
    }
}
