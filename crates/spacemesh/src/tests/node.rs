use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use spacecraft_core::Meaning;
use spacecraft_core::time::SystemRandom;
use spacecraft_core::traits::{LONGEST_VERSION, NodeStatus};
use spacecraft_http::{Call, Failure, Idempotency, Retrier, RetryPolicy};
use spacecraft_testkit::TestClock;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use crate::grpc::v1::node_service_server::{NodeService, NodeServiceServer};
use crate::grpc::v1::{
    LayerNumber, NodeStatus as Wire, StatusRequest, StatusResponse, Text, VersionRequest, VersionResponse,
};
use crate::node::{ask, status, version};

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

    async fn version(&self, _: Request<VersionRequest>) -> Result<Response<VersionResponse>, Status> {
        std::future::pending().await
    }
}

#[tonic::async_trait]
impl NodeService for Node {
    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let answer = self.0.lock().unwrap().pop_front();
        answer.unwrap_or_else(|| Err(Status::unimplemented("the script has ended"))).map(Response::new)
    }

    /// A version that has no end.
    async fn version(&self, _: Request<VersionRequest>) -> Result<Response<VersionResponse>, Status> {
        let value = "v1.7.6".repeat(10_000);
        Ok(Response::new(VersionResponse { version_string: Some(Text { value }) }))
    }
}

pub(super) async fn serve(script: Vec<Result<StatusResponse, Status>>) -> SocketAddr {
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

pub(super) fn answer() -> StatusResponse {
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
async fn a_version_is_read_as_far_as_one_may_be_long() {
    let address = serve(Vec::new()).await;
    let version = version(&retrier(), address).await.unwrap();
    assert!(version.starts_with("v1.7.6"), "{version}");
    assert_eq!(version.len(), LONGEST_VERSION);
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
