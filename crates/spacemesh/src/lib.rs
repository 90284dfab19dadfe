//! The interfaces of what a Spacemesh network runs: the gRPC API of go-spacemesh nodes and the REST API of PoETs.
//!
//! Both are reached through tunnels or inside the cluster, so they are asked without TLS, as they are served.

pub mod grpc;
mod node;
mod poet;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use async_trait::async_trait;
use spacecraft_core::Result;
use spacecraft_core::traits::{NodeStatus, PoetInfo, PoetStart, SpacemeshApi};
use spacecraft_http::Client;

/// Asks nodes and PoETs by address.
#[derive(Debug, Clone)]
pub struct Spacemesh {
    client: Client,
}

impl Spacemesh {
    /// Asks by `client`, whose clock and retry policy count for gRPC calls as well.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

#[async_trait]
impl SpacemeshApi for Spacemesh {
    async fn node_status(&self, grpc: SocketAddr) -> Result<NodeStatus> {
        node::status(self.client.retrier(), grpc).await
    }

    async fn poet_info(&self, rest: SocketAddr) -> Result<PoetInfo> {
        poet::info(&self.client, rest).await
    }

    async fn start_poet(&self, rest: SocketAddr, start: &PoetStart) -> Result<bool> {
        poet::start(&self.client, rest, start).await
    }
}
