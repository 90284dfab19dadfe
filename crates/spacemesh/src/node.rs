//! What nodes say of themselves.

use std::net::SocketAddr;
use std::time::Duration;

use spacecraft_core::traits::{LONGEST_VERSION, NodeStatus};
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Call, Failure, Idempotency, Retrier};

use crate::grpc::v1::node_service_client::NodeServiceClient;
use crate::grpc::v1::{LayerNumber, StatusRequest, VersionRequest};
use crate::grpc::{answer, connect};

/// Until a node has answered.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one look at a node may take with all its attempts.
const LONGEST_CALL: Duration = Duration::from_secs(30);

pub(crate) async fn status(retrier: &Retrier, grpc: SocketAddr) -> Result<NodeStatus> {
    let mut call = Call::new("read status of node", grpc.to_string(), Idempotency::Safe);
    call.deadline = Some(LONGEST_CALL);
    retrier.run(&call, || ask(&call, grpc, ANSWER_TIMEOUT)).await
}

pub(crate) async fn ask(call: &Call, grpc: SocketAddr, patience: Duration) -> Result<NodeStatus, Failure> {
    let mut client = NodeServiceClient::new(connect(&grpc.into()).await?);
    let status = answer(patience, client.status(StatusRequest {})).await?.status.ok_or_else(|| {
        let reason = "the answer holds no status";
        Failure::Final(Error::new(Meaning::Invalid, call.operation.as_str(), call.resource.as_str(), reason))
    })?;
    Ok(NodeStatus {
        connected_peers: status.connected_peers,
        synced: status.is_synced,
        synced_layer: number(status.synced_layer),
        top_layer: number(status.top_layer),
        verified_layer: number(status.verified_layer),
    })
}

pub(crate) async fn version(retrier: &Retrier, grpc: SocketAddr) -> Result<String> {
    let mut call = Call::new("read version of node", grpc.to_string(), Idempotency::Safe);
    call.deadline = Some(LONGEST_CALL);
    let ask = async || {
        let mut client = NodeServiceClient::new(connect(&grpc.into()).await?);
        let version = answer(ANSWER_TIMEOUT, client.version(VersionRequest {})).await?.version_string;
        Ok(version.unwrap_or_default().value.chars().take(LONGEST_VERSION).collect())
    };
    retrier.run(&call, ask).await
}

/// A layer's number; nodes leave layer 0 out.
fn number(layer: Option<LayerNumber>) -> u32 {
    layer.map_or(0, |layer| layer.number)
}
