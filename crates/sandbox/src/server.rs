//! A sandbox as a server: one process per folder, which hosts a world for every command and tool.
//!
//! The folder holds the sandbox's identity (addresses, certificate authority, secrets), a snapshot and log of its state,
//! and, while a server runs, an information file that says where everything is. [`serve`] runs a server until it is
//! stopped; [`ensure_running`] starts one in the background when none runs.

mod admin;
mod background;
mod clock;
mod connection;
mod door;
mod embedded;
mod faulty;
mod folder;
mod host;
mod info;
mod log;
mod node;
mod rest;
mod tls;
mod tunnel;

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet};

pub use self::{
    background::{Running, ensure_running, running},
    clock::simulated_lead,
    embedded::{EmbeddedSandbox, SeenCall, TimeSource, Witness, serve_cluster},
    folder::FolderError,
    info::SandboxInfo,
};
use self::{door::Door, folder::Folder, host::Host};

/// How a server runs.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Ends the server after this long without a call or an open connection; never when absent.
    pub idle: Option<Duration>,
    /// True for a server that nobody watches: it outlives its terminal.
    pub background: bool,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self { idle: Some(Duration::from_secs(600)), background: false }
    }
}

/// Why a server could not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another process serves the folder.
    #[error(
        "serve the sandbox in {folder}: another process serves it; stop that one with `spacecraft sandbox stop`"
    )]
    AlreadyServed {
        /// The folder.
        folder: String,
    },
    /// The folder cannot be used.
    #[error("serve the sandbox in {folder}: its folder cannot be used")]
    Folder {
        /// The folder.
        folder: String,
        /// What failed.
        #[source]
        source: FolderError,
    },
    /// An address cannot be listened on.
    #[error("serve the sandbox: cannot listen on {address}; another program may use it")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No server that was started came up.
    #[error("start a sandbox server for {folder}: it did not come up; its log is {log}")]
    DidNotStart {
        /// The folder.
        folder: String,
        /// Where the server writes what it has to say.
        log: String,
    },
    /// The executable could not be started.
    #[error("start a sandbox server: cannot run {executable}")]
    Spawn {
        /// The executable.
        executable: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Serves the sandbox in `folder` until it is stopped, idle for too long, or the process is told to end.
///
/// # Errors
/// When another process serves the folder, its files cannot be used, or its addresses cannot be listened on.
pub async fn serve(folder: &Path, options: ServeOptions) -> Result<(), ServeError> {
    let in_folder = |source| ServeError::Folder { folder: folder.display().to_string(), source };
    let opened = Folder::open(folder).map_err(in_folder)?;
    let Some(_held) = opened.hold().map_err(in_folder)? else {
        return Err(ServeError::AlreadyServed { folder: folder.display().to_string() });
    };
    let listeners = Listeners::open(&opened).await?;
    let host = Host::start(&opened).map_err(in_folder)?;
    opened.write_info().map_err(in_folder)?;
    run(host, &listeners, &options).await;
    opened.remove_info();
    Ok(())
}

/// The addresses that a server listens on.
#[derive(Debug)]
struct Listeners {
    rest: Arc<Door>,
    clusters: Vec<Arc<Door>>,
    tls: Arc<rustls::ServerConfig>,
}

impl Listeners {
    async fn open(folder: &Folder) -> Result<Self, ServeError> {
        let in_folder = |source| ServeError::Folder { folder: folder.path().display().to_string(), source };
        let tls = folder.tls_config().map_err(in_folder)?;
        let rest = listen(folder.rest_address()).await?;
        let mut clusters = Vec::new();
        for address in folder.cluster_addresses() {
            clusters.push(listen(address).await?);
        }
        Ok(Self { rest, clusters, tls })
    }

    /// Accepts and answers calls, and lets happen what happens by itself, for as long as the tasks live.
    fn accept(&self, host: &Arc<Host>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        tasks.spawn(connection::accept_rest(Arc::clone(host), Arc::clone(&self.rest)));
        for door in &self.clusters {
            let (door, tls) = (Arc::clone(door), Arc::clone(&self.tls));
            tasks.spawn(connection::accept_cluster(Arc::clone(host), door, tls));
        }
        tasks.spawn(Arc::clone(host).drive());
        tasks
    }
}

async fn listen(address: SocketAddr) -> Result<Arc<Door>, ServeError> {
    let opened = Door::open(address).await;
    opened.map(Arc::new).map_err(|source| ServeError::Listen { address, source })
}

/// How long calls that are open at the end may take, of which the one that asked for it is one.
const GRACE: Duration = Duration::from_millis(100);

/// Serves until something ends it, then lets open calls finish for a moment and writes what is left.
async fn run(host: Arc<Host>, listeners: &Listeners, options: &ServeOptions) {
    let (stop, stopped) = watch::channel(false);
    let mut tasks = listeners.accept(&host);
    host.set_stop(stop);
    tokio::select! {
        () = host::until_stopped(stopped) => {}
        () = Arc::clone(&host).until_idle(options.idle) => {}
        () = until_signalled(options.background) => {}
    }
    tokio::time::sleep(GRACE).await;
    tasks.shutdown().await;
    host.finish();
}

#[cfg(unix)]
async fn until_signalled(background: bool) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        return std::future::pending().await;
    };
    loop {
        tokio::select! {
            _ = interrupt.recv() => return,
            _ = terminate.recv() => return,
            _ = hangup.recv() => if !background { return },
        }
    }
}

#[cfg(not(unix))]
async fn until_signalled(_background: bool) {
    let _ = tokio::signal::ctrl_c().await;
}
