//! The gRPC services of a simulated go-spacemesh node.

mod ledger;

use std::{convert::Infallible, sync::Arc};

use axum::body::Body;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::io::DuplexStream;
use tonic::{Request, Response, Status, service::Routes};
use tower::ServiceExt;

use self::generated::{v1, v2alpha1};
use super::{connection, connection::begin, faulty, host::Host};
use crate::{
    address::ServiceAddress,
    wire,
    workloads::chain::{Generation, Listener, Node, Progress},
};

/// Code that the build generates from the proto files.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::str_to_string, reason = "generated")]
mod generated {
    pub mod v1 {
        tonic::include_proto!("spacemesh.v1");
    }
    pub mod v2alpha1 {
        tonic::include_proto!("spacemesh.v2alpha1");
    }
}

/// A node and how it sees its network.
#[derive(Debug, Clone)]
struct Grpc {
    host: Arc<Host>,
    cluster: String,
    namespace: String,
    node: Arc<Node>,
}

type Answer<T> = Result<Response<T>, Status>;

/// Serves the listener of a node over a pipe until its client ends.
pub(super) async fn serve(
    host: Arc<Host>,
    address: ServiceAddress,
    place: (String, String),
    node: Node,
    listener: Listener,
    io: DuplexStream,
) {
    let _open = host.open_connection();
    let (cluster, namespace) = place;
    let router = routes(Grpc { host: Arc::clone(&host), cluster, namespace, node: Arc::new(node) }, listener);
    let service = tower::service_fn(move |request: hyper::Request<Incoming>| {
        let (host, address, router) = (Arc::clone(&host), address.clone(), router.clone());
        async move { Ok::<_, Infallible>(counted(&host, &address, router, request).await) }
    });
    let served = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(io), TowerToHyperService::new(service))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a node's connection ended early");
    }
}

/// Answers a call, counted and failing as the fault rules say.
async fn counted(
    host: &Host,
    address: &ServiceAddress,
    router: axum::Router,
    request: hyper::Request<Incoming>,
) -> http::Response<Body> {
    let seen = wire::Request {
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        query: String::new(),
        headers: request.headers().clone(),
        body: bytes::Bytes::new(),
    };
    let (number, fault) = begin(host, address, &seen).await;
    if let Some(fault) = fault {
        let response = faulty::instead(&fault, address, &seen).await;
        return response
            .map_or_else(|_| Status::unavailable("connection reset").into_http(), connection::whole);
    }
    let response = match router.oneshot(request.map(Body::new)).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    host.end_call(number, address, &seen, response.status(), 0);
    response
}

/// Which services a listener carries.
fn routes(grpc: Grpc, listener: Listener) -> axum::Router {
    let is_v0 = grpc.node.generation == Generation::V0;
    let mut routes = Routes::default();
    if listener == Listener::Public {
        routes = routes
            .add_service(v1::node_service_server::NodeServiceServer::new(grpc.clone()))
            .add_service(v1::mesh_service_server::MeshServiceServer::new(grpc.clone()));
        if grpc.node.serves("globalstate") {
            let state = v1::global_state_service_server::GlobalStateServiceServer::new(grpc.clone());
            routes = routes.add_service(state);
        }
        if !is_v0 {
            routes = routes
                .add_service(v2alpha1::node_service_server::NodeServiceServer::new(grpc.clone()))
                .add_service(v2alpha1::network_service_server::NetworkServiceServer::new(grpc.clone()))
                .add_service(v2alpha1::reward_service_server::RewardServiceServer::new(grpc.clone()))
                .add_service(v2alpha1::account_service_server::AccountServiceServer::new(grpc.clone()));
        }
    }
    if listener == Listener::Private {
        let stream = v2alpha1::reward_stream_service_server::RewardStreamServiceServer::new(grpc.clone());
        routes = routes.add_service(stream);
    }
    if listener == Listener::Private || is_v0 {
        if grpc.node.serves("debug") {
            routes = routes.add_service(v1::debug_service_server::DebugServiceServer::new(grpc.clone()));
        }
        if grpc.node.serves("smesher") {
            routes = routes.add_service(v1::smesher_service_server::SmesherServiceServer::new(grpc));
        }
    }
    routes.into_axum_router()
}

impl Grpc {
    fn progress(&self) -> Progress {
        let peers =
            self.host.change(|world, moment| world.count_nodes(&self.cluster, &self.namespace, moment.now));
        self.node.progress(self.host.moment().now, peers)
    }

    fn current_layer(&self) -> u32 {
        self.node.current_layer(self.host.moment().now)
    }
}

fn layer(number: u32) -> Option<v1::LayerNumber> {
    Some(v1::LayerNumber { number })
}

fn integer(value: u64) -> Option<v1::SimpleInt> {
    Some(v1::SimpleInt { value })
}

fn text(value: String) -> Option<v1::SimpleString> {
    Some(v1::SimpleString { value })
}

#[tonic::async_trait]
impl v1::node_service_server::NodeService for Grpc {
    async fn echo(&self, request: Request<v1::EchoRequest>) -> Answer<v1::EchoResponse> {
        match request.into_inner().msg {
            Some(message) => Ok(Response::new(v1::EchoResponse { msg: Some(message) })),
            None => Err(Status::invalid_argument("Must include `Msg`")),
        }
    }

    async fn version(&self, _: Request<()>) -> Answer<v1::VersionResponse> {
        Ok(Response::new(v1::VersionResponse { version_string: text(self.node.version.clone()) }))
    }

    async fn build(&self, _: Request<()>) -> Answer<v1::BuildResponse> {
        Ok(Response::new(v1::BuildResponse { build_string: text(self.node.version.clone()) }))
    }

    async fn status(&self, _: Request<v1::StatusRequest>) -> Answer<v1::StatusResponse> {
        let progress = self.progress();
        let status = v1::NodeStatus {
            connected_peers: progress.connected_peers,
            is_synced: progress.is_synced,
            synced_layer: layer(progress.synced_layer),
            top_layer: layer(progress.top_layer),
            verified_layer: layer(progress.verified_layer),
        };
        Ok(Response::new(v1::StatusResponse { status: Some(status) }))
    }

    async fn node_info(&self, _: Request<()>) -> Answer<v1::NodeInfoResponse> {
        if self.node.generation == Generation::V0 {
            return Err(Status::unimplemented("unknown method NodeInfo"));
        }
        Ok(Response::new(v1::NodeInfoResponse {
            hrp: self.node.hrp.clone(),
            first_genesis: 0,
            effective_genesis: self.node.effective_genesis(),
            epoch_size: self.node.layers_per_epoch,
        }))
    }
}

#[tonic::async_trait]
impl v1::mesh_service_server::MeshService for Grpc {
    async fn genesis_time(&self, _: Request<v1::GenesisTimeRequest>) -> Answer<v1::GenesisTimeResponse> {
        let seconds = u64::try_from(self.node.genesis_time.as_second()).unwrap_or_default();
        Ok(Response::new(v1::GenesisTimeResponse { unixtime: integer(seconds) }))
    }

    async fn current_layer(&self, _: Request<v1::CurrentLayerRequest>) -> Answer<v1::CurrentLayerResponse> {
        Ok(Response::new(v1::CurrentLayerResponse { layernum: layer(Self::current_layer(self)) }))
    }

    async fn current_epoch(&self, _: Request<v1::CurrentEpochRequest>) -> Answer<v1::CurrentEpochResponse> {
        let epoch = Self::current_layer(self) / self.node.layers_per_epoch;
        Ok(Response::new(v1::CurrentEpochResponse { epochnum: integer(u64::from(epoch)) }))
    }

    async fn epoch_num_layers(
        &self,
        _: Request<v1::EpochNumLayersRequest>,
    ) -> Answer<v1::EpochNumLayersResponse> {
        let layers = u64::from(self.node.layers_per_epoch);
        Ok(Response::new(v1::EpochNumLayersResponse { numlayers: integer(layers) }))
    }

    async fn layer_duration(
        &self,
        _: Request<v1::LayerDurationRequest>,
    ) -> Answer<v1::LayerDurationResponse> {
        Ok(Response::new(v1::LayerDurationResponse { duration: integer(self.node.layer_seconds) }))
    }

    async fn net_id(&self, _: Request<v1::NetIdRequest>) -> Answer<v1::NetIdResponse> {
        match self.node.generation {
            Generation::V0 => Ok(Response::new(v1::NetIdResponse { netid: integer(self.node.network_id) })),
            Generation::V1 => Err(Status::unimplemented("unknown method NetID")),
        }
    }

    async fn genesis_id(&self, _: Request<v1::GenesisIdRequest>) -> Answer<v1::GenesisIdResponse> {
        match self.node.generation {
            Generation::V0 => Err(Status::unimplemented("unknown method GenesisID")),
            Generation::V1 => {
                Ok(Response::new(v1::GenesisIdResponse { genesis_id: self.node.genesis_id.clone() }))
            }
        }
    }
}

#[tonic::async_trait]
impl v1::debug_service_server::DebugService for Grpc {
    async fn network_info(&self, _: Request<()>) -> Answer<v1::NetworkInfoResponse> {
        Ok(Response::new(v1::NetworkInfoResponse {
            id: self.node.peer_id.clone(),
            listen_addresses: vec![self.node.listen.clone()],
            known_addresses: self.node.known_peers.clone(),
        }))
    }

    async fn accounts(&self, _: Request<v1::AccountsRequest>) -> Answer<v1::AccountsResponse> {
        Ok(Response::new(self.all_accounts()))
    }
}

#[tonic::async_trait]
impl v1::smesher_service_server::SmesherService for Grpc {
    async fn is_smeshing(&self, _: Request<()>) -> Answer<v1::IsSmeshingResponse> {
        Ok(Response::new(v1::IsSmeshingResponse { is_smeshing: self.node.is_smeshing }))
    }

    async fn coinbase(&self, _: Request<()>) -> Answer<v1::CoinbaseResponse> {
        let address = match self.node.generation {
            Generation::V0 => {
                let raw = hex::decode(self.node.coinbase.trim_start_matches("0x")).unwrap_or_default();
                raw.get(raw.len().saturating_sub(20)..).unwrap_or_default().to_vec()
            }
            Generation::V1 => self.node.coinbase.clone().into_bytes(),
        };
        Ok(Response::new(v1::CoinbaseResponse { account_id: Some(v1::AccountId { address }) }))
    }

    async fn smesher_i_ds(&self, _: Request<()>) -> Answer<v1::SmesherIDsResponse> {
        Ok(Response::new(v1::SmesherIDsResponse { public_keys: vec![self.node.smesher_id.clone()] }))
    }
}

#[tonic::async_trait]
impl v2alpha1::node_service_server::NodeService for Grpc {
    async fn status(&self, _: Request<v2alpha1::NodeStatusRequest>) -> Answer<v2alpha1::NodeStatusResponse> {
        use v2alpha1::node_status_response::SyncStatus;
        let progress = self.progress();
        let status = if progress.is_synced { SyncStatus::Synced } else { SyncStatus::Syncing };
        Ok(Response::new(v2alpha1::NodeStatusResponse {
            connected_peers: progress.connected_peers,
            status: status.into(),
            latest_layer: progress.synced_layer,
            applied_layer: progress.verified_layer,
            processed_layer: progress.verified_layer,
            current_layer: progress.top_layer,
        }))
    }
}

#[tonic::async_trait]
impl v2alpha1::network_service_server::NetworkService for Grpc {
    async fn info(&self, _: Request<v2alpha1::NetworkInfoRequest>) -> Answer<v2alpha1::NetworkInfoResponse> {
        let node = &self.node;
        Ok(Response::new(v2alpha1::NetworkInfoResponse {
            genesis_time: Some(prost_types::Timestamp { seconds: node.genesis_time.as_second(), nanos: 0 }),
            layer_duration: Some(prost_types::Duration {
                seconds: i64::try_from(node.layer_seconds).unwrap_or(i64::MAX),
                nanos: 0,
            }),
            genesis_id: node.genesis_id.clone(),
            hrp: node.hrp.clone(),
            effective_genesis_layer: node.effective_genesis(),
            layers_per_epoch: node.layers_per_epoch,
            labels_per_unit: node.labels_per_unit,
        }))
    }
}
