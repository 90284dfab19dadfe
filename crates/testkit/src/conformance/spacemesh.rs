//! What every [`SpacemeshApi`] promises.

use std::net::SocketAddr;

use spacecraft_core::Meaning;
use spacecraft_core::traits::{PoetStart, SpacemeshApi};

/// Runs the suite; the argument is a future of a [`Subject`](super::Subject) that keeps [`Processes`].
#[macro_export]
macro_rules! spacemesh_api_conformance {
    ($subject:expr) => {
        $crate::conformance_tests! { $subject, spacemesh(keep):
            a_node_tells_its_status
            a_poet_is_started_once
            a_silent_address_is_unavailable
        }
    };
}

/// Where the suite finds what it talks to.
pub trait Processes: Send + Sync {
    /// The gRPC address of a node with at least one peer.
    fn node(&self) -> SocketAddr;
    /// The REST address of a v0 PoET that was not started.
    fn poet(&self) -> SocketAddr;
    /// An address of this machine where nothing listens.
    fn silent(&self) -> SocketAddr;
}

pub async fn a_node_tells_its_status(api: &dyn SpacemeshApi, processes: &dyn Processes) {
    let status = api.node_status(processes.node()).await.unwrap();
    assert!(status.connected_peers > 0);
    assert!(status.top_layer >= status.verified_layer);
    assert!(!api.node_version(processes.node()).await.unwrap().is_empty());
}

pub async fn a_poet_is_started_once(api: &dyn SpacemeshApi, processes: &dyn Processes) {
    let start = PoetStart { gateways: vec!["10.0.0.1:6000".to_owned(), "10.0.0.2:6000".to_owned()] };
    assert!(!api.poet_info(processes.poet()).await.unwrap().started);
    assert!(api.start_poet(processes.poet(), &start).await.unwrap());
    assert!(!api.start_poet(processes.poet(), &start).await.unwrap());
    assert!(api.poet_info(processes.poet()).await.unwrap().started);
}

pub async fn a_silent_address_is_unavailable(api: &dyn SpacemeshApi, processes: &dyn Processes) {
    let start = PoetStart { gateways: Vec::new() };
    let status = api.node_status(processes.silent()).await.map(|_| ());
    let version = api.node_version(processes.silent()).await.map(|_| ());
    let info = api.poet_info(processes.silent()).await.map(|_| ());
    let started = api.start_poet(processes.silent(), &start).await.map(|_| ());
    for result in [status, version, info, started] {
        assert_eq!(result.unwrap_err().meaning(), Meaning::Unavailable);
    }
}
