//! An address that is listened on, and that can be shut for a moment, so that connections to it are refused.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Mutex, Notify},
    time::sleep,
};

/// How long connections are refused.
const SHUT_FOR: Duration = Duration::from_secs(2);

/// A listener at an address; none while connections to it are refused.
#[derive(Debug)]
pub(super) struct Door {
    address: SocketAddr,
    listener: Mutex<Option<TcpListener>>,
    shut: Arc<Notify>,
}

impl Door {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self { address, listener: Mutex::new(Some(listener)), shut: Arc::default() })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shuts the door once for each notification.
    pub(super) fn shut(&self) -> Arc<Notify> {
        Arc::clone(&self.shut)
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> io::Result<TcpStream> {
        let mut listener = self.listener.lock().await;
        loop {
            let open = match listener.take() {
                Some(open) => open,
                None => TcpListener::bind(self.address).await?,
            };
            let open = listener.insert(open);
            tokio::select! {
                accepted = open.accept() => return accepted.map(|(stream, _)| stream),
                () = self.shut.notified() => {
                    *listener = None;
                    sleep(SHUT_FOR).await;
                }
            }
        }
    }
}
