//! gRPC to nodes.

use std::net::SocketAddr;
use std::time::Duration;

use spacecraft_core::traits::NodeStatus;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Call, Failure, Idempotency, Refusal, Repeat, Retrier};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use self::api::node_service_client::NodeServiceClient;
use self::api::{LayerNumber, StatusRequest};

// What the compiler of the interface writes is neither documented nor all used.
#[allow(missing_docs, dead_code, unreachable_pub, clippy::all, clippy::pedantic)]
pub(crate) mod api {
    tonic::include_proto!("spacemesh.v1");
}

/// Until there is a connection to a node, and until it has answered.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one look at a node may take with all its attempts.
const LONGEST_CALL: Duration = Duration::from_secs(30);

pub(crate) async fn status(retrier: &Retrier, grpc: SocketAddr) -> Result<NodeStatus> {
    let mut call = Call::new("read status of node", grpc.to_string(), Idempotency::Safe);
    call.deadline = Some(LONGEST_CALL);
    retrier.run(&call, || ask(&call, grpc, ANSWER_TIMEOUT)).await
}

pub(crate) async fn ask(call: &Call, grpc: SocketAddr, patience: Duration) -> Result<NodeStatus, Failure> {
    let mut client = NodeServiceClient::new(connect(grpc).await?);
    let answer = tokio::time::timeout(patience, client.status(StatusRequest {})).await;
    let answer = answer.map_err(|_| Failure::ReplyLost {
        reason: format!("no answer within {} s", patience.as_secs_f64()),
        timed_out: true,
        source: None,
    })?;
    let status = answer.map_err(failure)?.into_inner().status.ok_or_else(|| {
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

/// A layer's number; nodes leave layer 0 out.
fn number(layer: Option<LayerNumber>) -> u32 {
    layer.map_or(0, |layer| layer.number)
}

async fn connect(grpc: SocketAddr) -> Result<Channel, Failure> {
    let endpoint = Endpoint::from_shared(format!("http://{grpc}"));
    let endpoint = endpoint.map_err(|error| Failure::NotSent {
        reason: "the address makes no URL".to_owned(),
        source: Some(Box::new(error)),
    })?;
    endpoint.connect_timeout(CONNECT_TIMEOUT).connect().await.map_err(|error| Failure::NotSent {
        reason: format!("no connection to {grpc}"),
        source: Some(Box::new(error)),
    })
}

/// A status that is no success. The codes say by themselves whether the same question may be answered later.
fn failure(status: Status) -> Failure {
    let code = status.code();
    let message = if status.message().is_empty() { code.description() } else { status.message() };
    let mut refusal = Refusal::new(meaning_of(code), message, format!("gRPC {code:?}"));
    if matches!(code, Code::Unavailable | Code::Internal | Code::Unknown | Code::Aborted | Code::Cancelled) {
        refusal.repeat = Repeat::MayHaveActed;
    }
    Failure::Refused(refusal)
}

fn meaning_of(code: Code) -> Meaning {
    match code {
        Code::NotFound => Meaning::NotFound,
        Code::AlreadyExists => Meaning::AlreadyExists,
        Code::FailedPrecondition => Meaning::PreconditionFailed,
        Code::PermissionDenied | Code::Unauthenticated => Meaning::Denied,
        Code::ResourceExhausted => Meaning::Quota,
        Code::InvalidArgument | Code::OutOfRange | Code::DataLoss => Meaning::Invalid,
        // The transport calls a connection that broke off cancelled.
        Code::Unavailable | Code::Internal | Code::Unknown | Code::Aborted | Code::Cancelled => {
            Meaning::Unavailable
        }
        Code::DeadlineExceeded => Meaning::TimedOut,
        Code::Unimplemented => Meaning::Unsupported,
        Code::Ok => Meaning::Other,
    }
}
