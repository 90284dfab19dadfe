//! The interfaces of what a Spacemesh network runs: the gRPC API of go-spacemesh nodes and the REST API of PoETs.
//!
//! Both are reached through tunnels or inside the cluster, so they are asked without TLS, as they are served.

// What comes from outside is never counted on to be long or small enough.
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

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

    async fn node_version(&self, grpc: SocketAddr) -> Result<String> {
        node::version(self.client.retrier(), grpc).await
    }

    async fn poet_info(&self, rest: SocketAddr) -> Result<PoetInfo> {
        poet::info(&self.client, rest).await
    }

    async fn start_poet(&self, rest: SocketAddr, start: &PoetStart) -> Result<bool> {
        poet::start(&self.client, rest, start).await
    }
}
