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

async fn ask(call: &Call, grpc: SocketAddr, patience: Duration) -> Result<NodeStatus, Failure> {
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use spacecraft_core::time::SystemRandom;
    use spacecraft_http::RetryPolicy;
    use spacecraft_testkit::TestClock;
    use tokio::net::TcpListener;
    use tokio_stream::wrappers::TcpListenerStream;
    use tonic::transport::Server;
    use tonic::{Request, Response};

    use super::api::node_service_server::{NodeService, NodeServiceServer};
    use super::api::{NodeStatus as Wire, StatusResponse};
    use super::*;

    /// A node that gives scripted answers.
    #[derive(Debug, Clone)]
    struct Node(Arc<Mutex<VecDeque<Result<StatusResponse, Status>>>>);

    /// A node that never answers.
    #[derive(Debug)]
    struct SilentNode;

    #[tonic::async_trait]
    impl NodeService for SilentNode {
        async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
            std::future::pending().await
        }
    }

    #[tonic::async_trait]
    impl NodeService for Node {
        async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
            let answer = self.0.lock().unwrap().pop_front();
            answer.unwrap_or_else(|| Err(Status::unimplemented("the script has ended"))).map(Response::new)
        }
    }

    async fn serve(script: Vec<Result<StatusResponse, Status>>) -> SocketAddr {
        serve_node(Node(Arc::new(Mutex::new(script.into())))).await
    }

    async fn serve_node(node: impl NodeService) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let node = NodeServiceServer::new(node);
        let incoming = TcpListenerStream::new(listener);
        tokio::spawn(Server::builder().add_service(node).serve_with_incoming(incoming));
        address
    }

    fn retrier() -> Retrier {
        Retrier::new(Arc::new(TestClock::default()), Arc::new(SystemRandom), RetryPolicy::default())
    }

    fn answer() -> StatusResponse {
        let layer = |number| Some(LayerNumber { number });
        let status = Wire {
            connected_peers: 6,
            is_synced: true,
            synced_layer: layer(8),
            top_layer: layer(9),
            verified_layer: None,
        };
        StatusResponse { status: Some(status) }
    }

    #[tokio::test]
    async fn what_a_node_says_of_itself_is_read() {
        let address = serve(vec![Ok(answer())]).await;
        let expected =
            NodeStatus { connected_peers: 6, synced: true, synced_layer: 8, top_layer: 9, verified_layer: 0 };
        assert_eq!(status(&retrier(), address).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn a_failure_that_passes_is_waited_for() {
        let address = serve(vec![Err(Status::unavailable("starting")), Ok(answer())]).await;
        assert_eq!(status(&retrier(), address).await.unwrap().connected_peers, 6);
    }

    #[tokio::test]
    async fn each_code_has_its_meaning() {
        for (answer, meaning) in [
            (Status::unimplemented("no such service"), Meaning::Unsupported),
            (Status::permission_denied("no"), Meaning::Denied),
            (Status::resource_exhausted("too much"), Meaning::Quota),
            (Status::deadline_exceeded("late"), Meaning::TimedOut),
            (Status::invalid_argument("what"), Meaning::Invalid),
            (Status::not_found("where"), Meaning::NotFound),
        ] {
            let message = answer.message().to_owned();
            let address = serve(vec![Err(answer)]).await;
            let error = status(&retrier(), address).await.unwrap_err();
            assert_eq!(error.meaning(), meaning);
            assert!(error.reason().contains(&message), "{error}");
            assert_eq!(error.resource(), address.to_string());
        }
    }

    #[tokio::test]
    async fn a_node_that_never_answers_is_given_up() {
        let address = serve_node(SilentNode).await;
        let call = Call::new("read status of node", "", Idempotency::Safe);
        let failure = ask(&call, address, Duration::from_millis(50)).await.unwrap_err();
        assert!(matches!(failure, Failure::ReplyLost { timed_out: true, .. }), "{failure:?}");
    }

    #[tokio::test]
    async fn an_answer_without_a_status_is_invalid() {
        let address = serve(vec![Ok(StatusResponse { status: None })]).await;
        assert_eq!(status(&retrier(), address).await.unwrap_err().meaning(), Meaning::Invalid);
    }

    #[tokio::test]
    async fn an_address_that_speaks_no_grpc_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                drop(stream);
            }
        });
        assert_eq!(status(&retrier(), address).await.unwrap_err().meaning(), Meaning::Unavailable);
    }
}
