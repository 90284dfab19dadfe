use std::fmt::Debug;
use std::net::SocketAddr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// No version is longer; the rest of one that claims to be is cut off.
pub const LONGEST_VERSION: usize = 100;

/// The interfaces of go-spacemesh nodes and PoETs.
///
/// # Contract
///
/// Every call has a deadline of its own. `start_poet` of a PoET that has been started before is not an error: it answers `false`.
#[async_trait]
pub trait SpacemeshApi: Debug + Send + Sync {
    /// What a node says of itself (gRPC `NodeService.Status`, both generations).
    async fn node_status(&self, grpc: SocketAddr) -> Result<NodeStatus>;

    /// The version that a node was built as (gRPC `NodeService.Version`, both generations); at most [`LONGEST_VERSION`] characters of it.
    async fn node_version(&self, grpc: SocketAddr) -> Result<String>;

    /// What a PoET says of itself (`GET /v1/info`).
    async fn poet_info(&self, rest: SocketAddr) -> Result<PoetInfo>;

    /// Starts a v0 PoET (`POST /v1/start`); true when this call started it.
    async fn start_poet(&self, rest: SocketAddr, start: &PoetStart) -> Result<bool>;
}

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// How many peers it has.
    pub connected_peers: u64,
    /// Whether it has caught up with the network.
    pub synced: bool,
    /// The newest layer that it synced.
    pub synced_layer: u32,
    /// The present layer by its clock.
    pub top_layer: u32,
    /// The newest layer that it verified.
    pub verified_layer: u32,
}

/// What a PoET says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoetInfo {
    /// The public key of the service, base64; empty while a v0 PoET has not been started.
    pub public_key: String,
    /// Whether it has an open round.
    pub started: bool,
}

/// How a v0 PoET is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoetStart {
    /// gRPC addresses of the gateways, `host:port`, in the order of their node numbers.
    pub gateways: Vec<String>,
}
