//! Reading from nodes that answer as each generation does.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use spacecraft_core::Meaning;
use spacecraft_core::spec::Generation;
use spacecraft_core::time::SystemRandom;
use spacecraft_http::{Retrier, RetryPolicy};
use spacecraft_spacemesh::grpc::{v1, v2alpha1};
use spacecraft_testkit::TestClock;
use tokio::net::TcpListener;
use tokio_stream::Stream;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use super::*;
use crate::{Ledger, ManagedKeys, Smidge};

type Answer<T> = Result<Response<T>, Status>;

/// A chain of 4 layers an epoch whose layers 7 to 20 each pay `accounts` accounts.
#[derive(Debug, Clone)]
struct Node {
    accounts: u32,
    lists_accounts: bool,
    breaks_off: bool,
}

impl Node {
    fn paying(accounts: u32) -> Self {
        Self { accounts, lists_accounts: true, breaks_off: false }
    }

    fn rewards(&self, first: u32, last: u32) -> Vec<v2alpha1::Reward> {
        let accounts = self.accounts;
        let of = |layer: u32| {
            (0..accounts).map(move |account| v2alpha1::Reward {
                layer,
                total: 110,
                layer_reward: 100,
                coinbase: format!("sm1{account}"),
                smesher: vec![u8::try_from(account % 250).unwrap(); 32],
            })
        };
        (7..=20).filter(|layer| (first..=last).contains(layer)).flat_map(of).collect()
    }
}

fn raw(account: u32) -> Vec<u8> {
    vec![u8::try_from(account).unwrap(); 20]
}

#[tonic::async_trait]
impl v2alpha1::network_service_server::NetworkService for Node {
    async fn info(&self, _: Request<v2alpha1::NetworkInfoRequest>) -> Answer<v2alpha1::NetworkInfoResponse> {
        Ok(Response::new(v2alpha1::NetworkInfoResponse {
            genesis_time: Some(v2alpha1::Instant { seconds: 1_700_000_000 }),
            layer_duration: Some(v2alpha1::Span { seconds: 30 }),
            genesis_id: vec![0xab; 20],
            hrp: "sm".to_owned(),
            effective_genesis_layer: 7,
            layers_per_epoch: 4,
        }))
    }
}

#[tonic::async_trait]
impl v2alpha1::node_service_server::NodeService for Node {
    async fn status(&self, _: Request<v2alpha1::NodeStatusRequest>) -> Answer<v2alpha1::NodeStatusResponse> {
        Ok(Response::new(v2alpha1::NodeStatusResponse {
            status: SYNCED,
            applied_layer: 20,
            current_layer: 21,
            ..Default::default()
        }))
    }
}

#[tonic::async_trait]
impl v2alpha1::reward_service_server::RewardService for Node {
    async fn list(&self, request: Request<v2alpha1::RewardRequest>) -> Answer<v2alpha1::RewardList> {
        let request = request.into_inner();
        if !(1..=100).contains(&request.limit) {
            return Err(Status::invalid_argument("limit must be between 1 and 100"));
        }
        let all = self.rewards(request.start_layer, request.end_layer).into_iter();
        let skipped = usize::try_from(request.offset).unwrap();
        Ok(Response::new(v2alpha1::RewardList { rewards: all.skip(skipped).take(100).collect() }))
    }
}

#[tonic::async_trait]
impl v2alpha1::reward_stream_service_server::RewardStreamService for Node {
    type StreamStream = Pin<Box<dyn Stream<Item = Result<v2alpha1::Reward, Status>> + Send>>;

    async fn stream(&self, request: Request<v2alpha1::RewardStreamRequest>) -> Answer<Self::StreamStream> {
        let request = request.into_inner();
        let mut items: Vec<Result<v2alpha1::Reward, Status>> =
            self.rewards(request.start_layer, request.end_layer).into_iter().map(Ok).collect();
        if self.breaks_off {
            items.truncate(5);
            items.push(Err(Status::unavailable("the node is shutting down")));
        }
        Ok(Response::new(Box::pin(tokio_stream::iter(items))))
    }
}

#[tonic::async_trait]
impl v2alpha1::account_service_server::AccountService for Node {
    async fn list(&self, request: Request<v2alpha1::AccountRequest>) -> Answer<v2alpha1::AccountList> {
        let request = request.into_inner();
        if request.addresses.len() > 100 {
            return Err(Status::invalid_argument("too many addresses"));
        }
        let known = request.addresses.into_iter().filter(|address| address != "sm1unknown");
        let account = |address| v2alpha1::Account {
            address,
            current: Some(v2alpha1::AccountState { counter: 0, balance: 42 }),
        };
        Ok(Response::new(v2alpha1::AccountList { accounts: known.map(account).collect() }))
    }
}

#[tonic::async_trait]
impl v1::mesh_service_server::MeshService for Node {
    async fn genesis_time(&self, _: Request<v1::GenesisTimeRequest>) -> Answer<v1::GenesisTimeResponse> {
        Ok(Response::new(v1::GenesisTimeResponse { unixtime: Some(SimpleInt { value: 1_650_000_000 }) }))
    }

    async fn current_layer(&self, _: Request<v1::CurrentLayerRequest>) -> Answer<v1::CurrentLayerResponse> {
        Ok(Response::new(v1::CurrentLayerResponse { layernum: Some(v1::LayerNumber { number: 21 }) }))
    }

    async fn epoch_num_layers(
        &self,
        _: Request<v1::EpochNumLayersRequest>,
    ) -> Answer<v1::EpochNumLayersResponse> {
        Ok(Response::new(v1::EpochNumLayersResponse { numlayers: Some(SimpleInt { value: 4 }) }))
    }

    async fn layer_duration(
        &self,
        _: Request<v1::LayerDurationRequest>,
    ) -> Answer<v1::LayerDurationResponse> {
        Ok(Response::new(v1::LayerDurationResponse { duration: Some(SimpleInt { value: 60 }) }))
    }

    async fn net_id(&self, _: Request<v1::NetIdRequest>) -> Answer<v1::NetIdResponse> {
        Ok(Response::new(v1::NetIdResponse { netid: Some(SimpleInt { value: 227 }) }))
    }

    async fn genesis_id(&self, _: Request<v1::GenesisIdRequest>) -> Answer<v1::GenesisIdResponse> {
        Err(Status::unimplemented("unknown method GenesisID"))
    }
}

#[tonic::async_trait]
impl v1::node_service_server::NodeService for Node {
    async fn status(&self, _: Request<v1::StatusRequest>) -> Answer<v1::StatusResponse> {
        let status = v1::NodeStatus {
            is_synced: true,
            verified_layer: Some(v1::LayerNumber { number: 20 }),
            ..Default::default()
        };
        Ok(Response::new(v1::StatusResponse { status: Some(status) }))
    }

    async fn version(&self, _: Request<v1::VersionRequest>) -> Answer<v1::VersionResponse> {
        Err(Status::unimplemented("unknown method Version"))
    }
}

#[tonic::async_trait]
impl v1::global_state_service_server::GlobalStateService for Node {
    async fn account(&self, request: Request<v1::AccountRequest>) -> Answer<v1::AccountResponse> {
        let account_id = request.into_inner().account_id;
        let state_current = Some(v1::AccountState { counter: 0, balance: Some(v1::Amount { value: 7 }) });
        Ok(Response::new(v1::AccountResponse {
            account_wrapper: Some(v1::Account { account_id, state_current }),
        }))
    }

    async fn account_data_query(
        &self,
        request: Request<v1::AccountDataQueryRequest>,
    ) -> Answer<v1::AccountDataQueryResponse> {
        let request = request.into_inner();
        let filter = request.filter.unwrap();
        assert_eq!(filter.account_data_flags, 2);
        let coinbase = filter.account_id.unwrap();
        let paid = (0..self.accounts).any(|account| raw(account) == coinbase.address);
        let item = |layer| v1::AccountData {
            reward: Some(v1::Reward {
                layer: Some(v1::LayerNumber { number: layer }),
                total: Some(v1::Amount { value: 110 }),
                layer_reward: Some(v1::Amount { value: 100 }),
                coinbase: Some(coinbase.clone()),
                smesher: None,
            }),
        };
        let items: Vec<v1::AccountData> = if paid { (7..=20).map(item).collect() } else { Vec::new() };
        // A node that sends less than was asked for is asked on.
        let total_results = u32::try_from(items.len()).unwrap();
        let skipped = usize::try_from(request.offset).unwrap();
        let account_item = items.into_iter().skip(skipped).take(5).collect();
        Ok(Response::new(v1::AccountDataQueryResponse { total_results, account_item }))
    }
}

#[tonic::async_trait]
impl v1::debug_service_server::DebugService for Node {
    async fn accounts(&self, _: Request<v1::AccountsRequest>) -> Answer<v1::AccountsResponse> {
        if !self.lists_accounts {
            return Err(Status::unimplemented("unknown service spacemesh.v1.DebugService"));
        }
        let account = |number| v1::Account {
            account_id: Some(v1::AccountId { address: raw(number) }),
            state_current: Some(v1::AccountState { counter: 0, balance: Some(v1::Amount { value: 9 }) }),
        };
        Ok(Response::new(v1::AccountsResponse { account_wrapper: (0..self.accounts).map(account).collect() }))
    }
}

fn router(node: &Node, generation: Generation, with_stream: bool) -> tonic::service::Routes {
    let mut routes = tonic::service::Routes::default();
    match generation {
        Generation::V0 => {
            routes = routes
                .add_service(v1::mesh_service_server::MeshServiceServer::new(node.clone()))
                .add_service(v1::node_service_server::NodeServiceServer::new(node.clone()))
                .add_service(v1::global_state_service_server::GlobalStateServiceServer::new(node.clone()))
                .add_service(v1::debug_service_server::DebugServiceServer::new(node.clone()));
        }
        Generation::V1 => {
            routes = routes
                .add_service(v2alpha1::network_service_server::NetworkServiceServer::new(node.clone()))
                .add_service(v2alpha1::node_service_server::NodeServiceServer::new(node.clone()))
                .add_service(v2alpha1::reward_service_server::RewardServiceServer::new(node.clone()))
                .add_service(v2alpha1::account_service_server::AccountServiceServer::new(node.clone()));
        }
    }
    if with_stream {
        let stream = v2alpha1::reward_stream_service_server::RewardStreamServiceServer::new(node.clone());
        routes = routes.add_service(stream);
    }
    routes
}

async fn served(routes: tonic::service::Routes) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().add_routes(routes);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    address
}

fn retrier() -> Retrier {
    Retrier::new(Arc::new(TestClock::default()), Arc::new(SystemRandom), RetryPolicy::default())
}

fn listeners(address: SocketAddr) -> NodeListeners {
    NodeListeners { name: "node".to_owned(), public: address.into(), private: None }
}

async fn connected(node: &Node, generation: Generation, with_stream: bool) -> RewardSource {
    let address = served(router(node, generation, with_stream)).await;
    RewardSource::connect(&retrier(), &listeners(address)).await.unwrap()
}

/// Everything that a node tells of layers 7 to 20.
async fn all(source: &RewardSource, known: &[String]) -> Result<(Ledger, Unknown)> {
    let chain = source.chain().await?;
    let span = chain.span(None, None, source.name())?;
    let mut ledger = Ledger::new(chain.clone(), span, ManagedKeys::default(), false);
    let unknown = source.read(&chain, span, known, &mut |reward| ledger.add(reward)).await?;
    Ok((ledger, unknown))
}

#[tokio::test]
async fn a_v1_nodes_stream_and_pages_tell_the_same() {
    let node = Node::paying(130);
    let mut sums = Vec::new();
    for with_stream in [true, false] {
        let source = connected(&node, Generation::V1, with_stream).await;
        let chain = source.chain().await.unwrap();
        assert_eq!((chain.generation, chain.api), (Generation::V1, RewardsApi::RewardService));
        assert_eq!((chain.network_id.as_str(), chain.synced), ("ab".repeat(20).as_str(), true));
        let (ledger, unknown) = all(&source, &[]).await.unwrap();
        assert_eq!(unknown, Unknown::new());
        sums.push((ledger.totals, ledger.coinbases()));
    }
    assert_eq!(sums[0], sums[1]);
    assert_eq!((sums[0].0.count, sums[0].0.fees), (14 * 130, Smidge(14 * 130 * 10)));
}

#[tokio::test]
async fn a_v1_nodes_private_listener_has_the_stream() {
    let node = Node::paying(3);
    let public = served(router(&node, Generation::V1, false)).await;
    let private = served(router(&node, Generation::V1, true)).await;
    let listeners = NodeListeners { private: Some(private.into()), ..listeners(public) };
    let source = RewardSource::connect(&retrier(), &listeners).await.unwrap();
    assert_eq!(all(&source, &[]).await.unwrap().0.totals.count, 42);
}

#[tokio::test]
async fn a_private_listener_that_leads_nowhere_is_done_without() {
    let node = Node::paying(3);
    let public = served(router(&node, Generation::V1, false)).await;
    let dead_end = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let private = dead_end.local_addr().unwrap();
    tokio::spawn(async move { while dead_end.accept().await.is_ok() {} });
    let listeners = NodeListeners { private: Some(private.into()), ..listeners(public) };
    let source = RewardSource::connect(&retrier(), &listeners).await.unwrap();
    assert_eq!(all(&source, &[]).await.unwrap().0.totals.count, 42);
}

#[tokio::test]
async fn a_v0_node_tells_account_by_account() {
    let source = connected(&Node::paying(3), Generation::V0, false).await;
    let chain = source.chain().await.unwrap();
    assert_eq!(
        (chain.generation, chain.network_id.as_str(), chain.layer_seconds),
        (Generation::V0, "227", 60)
    );
    let (ledger, unknown) = all(&source, &[]).await.unwrap();
    assert_eq!((ledger.totals.count, unknown), (42, Unknown::new()));
    assert_eq!(ledger.coinbases()[1], format!("0x{}", "01".repeat(20)));
    assert_eq!(ledger.without_smesher.count, 42);
    let balances = source.balances(&chain, &ledger.coinbases()).await.unwrap();
    assert_eq!(balances[&format!("0x{}", "02".repeat(20))], Smidge(9));
}

#[tokio::test]
async fn a_v0_node_that_lists_no_accounts_is_asked_for_those_that_are_known_and_that_is_said() {
    let node = Node { lists_accounts: false, ..Node::paying(3) };
    let source = connected(&node, Generation::V0, false).await;
    let known = [format!("0x{}", "01".repeat(20)), format!("0x{}", "77".repeat(20))];
    let (ledger, unknown) = all(&source, &known).await.unwrap();
    assert_eq!(ledger.totals.count, 14);
    assert!(unknown[0].contains("only the 2 of the network's own nodes"), "{unknown:?}");
    let balances = source.balances(&ledger.chain, &known).await.unwrap();
    assert_eq!(balances[&known[0]], Smidge(7));

    let error = all(&source, &[]).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Unsupported);
    assert!(error.hint().unwrap().contains("--network-name"));
}

#[tokio::test]
async fn balances_are_asked_for_a_hundred_at_a_time() {
    let source = connected(&Node::paying(1), Generation::V1, false).await;
    let chain = source.chain().await.unwrap();
    let mut addresses: Vec<String> = (0..250).map(|number| format!("sm1{number}")).collect();
    addresses.push("sm1unknown".to_owned());
    let balances = source.balances(&chain, &addresses).await.unwrap();
    assert_eq!((balances.len(), balances["sm1249"]), (250, Smidge(42)));
}

#[tokio::test]
async fn a_stream_that_breaks_off_names_the_node_and_the_layer() {
    let node = Node { breaks_off: true, ..Node::paying(3) };
    let source = connected(&node, Generation::V1, true).await;
    let error = all(&source, &[]).await.unwrap_err();
    assert_eq!(error.to_string(), "read rewards from node: the answer broke off at layer 8");
    assert_eq!(error.meaning(), Meaning::Unavailable);
}

#[tokio::test]
async fn a_listener_of_something_else_is_told_from_a_node() {
    let stream_only = served(router(&Node::paying(1), Generation::V1, true)).await;
    let private = tonic::service::Routes::default()
        .add_service(v2alpha1::reward_stream_service_server::RewardStreamServiceServer::new(Node::paying(1)));
    let private = served(private).await;
    let source = RewardSource::connect(&retrier(), &listeners(private)).await.unwrap();
    let error = source.chain().await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Unsupported);
    assert!(error.hint().unwrap().contains("public gRPC listener"));
    assert!(RewardSource::connect(&retrier(), &listeners(stream_only)).await.is_ok());
}

#[tokio::test]
async fn a_node_that_does_not_answer_is_named() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = RewardSource::connect(&retrier(), &listeners(silent)).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Unavailable);
    assert!(error.to_string().starts_with("connect to node node: no connection to 127.0.0.1:"), "{error}");
}
