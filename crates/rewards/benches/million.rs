//! One million rewards, added up by themselves and read from a node's stream on this machine: time, and the most memory that the process ever held.
//!
//!     cargo bench -p spacecraft-rewards

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench that cannot go on should say where"
)]

use std::fs;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use spacecraft_core::spec::Generation;
use spacecraft_core::time::{SystemClock, SystemRandom};
use spacecraft_http::{Retrier, RetryPolicy};
use spacecraft_rewards::source::{NodeListeners, RewardSource};
use spacecraft_rewards::{
    Accounts, Chain, LayerSpan, Ledger, ManagedKeys, Reading, Reward, RewardsApi, RewardsReport, SmesherId,
};
use spacecraft_spacemesh::grpc::v2alpha1;
use spacecraft_spacemesh::grpc::v2alpha1::reward_stream_service_server::{
    RewardStreamService, RewardStreamServiceServer,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::{Stream, iter};
use tonic::transport::Server;
use tonic::{Request, Response, Status};

const LAYERS: u32 = 20_000;
const REWARDS_PER_LAYER: u32 = 50;
const SMESHERS: u32 = 1_000;
const FIRST: u32 = 8_063;

fn chain() -> Chain {
    Chain {
        generation: Generation::V1,
        api: RewardsApi::RewardService,
        network_id: "00".repeat(20),
        genesis_time: jiff::Timestamp::UNIX_EPOCH,
        layer_seconds: 300,
        layers_per_epoch: 4_032,
        current_layer: FIRST + LAYERS,
        applied_layer: FIRST + LAYERS - 1,
        synced: true,
    }
}

fn span() -> LayerSpan {
    LayerSpan { first: FIRST, last: FIRST + LAYERS - 1 }
}

fn managed() -> ManagedKeys {
    let mut keys = ManagedKeys::default();
    for number in 0..100 {
        keys.insert(&format!("miner-{number}"), &coinbase(number), None);
    }
    keys
}

fn coinbase(smesher: u32) -> String {
    format!("sm1qqqqqq{smesher:039}")
}

fn smesher(number: u32) -> [u8; 32] {
    let mut id = [0; 32];
    id[..4].copy_from_slice(&number.to_be_bytes());
    id
}

/// Which smesher the `number`-th reward is for, and its layer.
fn reward(number: u32) -> (u32, u32) {
    (FIRST + number / REWARDS_PER_LAYER, number.wrapping_mul(2_654_435_761) % SMESHERS)
}

fn finish(ledger: Ledger) -> RewardsReport {
    let reading = Reading::new(&ledger, None, "bench", jiff::Timestamp::UNIX_EPOCH);
    RewardsReport::new(ledger, reading, &Accounts::new())
}

fn tell(what: &str, started: Instant, report: &RewardsReport) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown").trim().to_owned();
    let seconds = started.elapsed().as_secs_f64();
    println!("{what}: {} rewards in {seconds:.2} s, at most {most}", report.summary.totals.count);
}

fn add_up() {
    let started = Instant::now();
    let mut ledger = Ledger::new(chain(), span(), managed(), true);
    for number in 0..LAYERS * REWARDS_PER_LAYER {
        let (layer, of) = reward(number);
        let reward = Reward {
            layer,
            coinbase: coinbase(of),
            smesher: Some(SmesherId(smesher(of))),
            subsidy: 9_500_000_000,
            total: 9_500_001_000,
        };
        ledger.add(reward).unwrap();
    }
    tell("added up", started, &finish(ledger));
}

#[derive(Debug)]
struct Node;

#[tonic::async_trait]
impl RewardStreamService for Node {
    type StreamStream = Pin<Box<dyn Stream<Item = Result<v2alpha1::Reward, Status>> + Send>>;

    async fn stream(
        &self,
        _: Request<v2alpha1::RewardStreamRequest>,
    ) -> Result<Response<Self::StreamStream>, Status> {
        let rewards = (0..LAYERS * REWARDS_PER_LAYER).map(|number| {
            let (layer, of) = reward(number);
            Ok(v2alpha1::Reward {
                layer,
                total: 9_500_001_000,
                layer_reward: 9_500_000_000,
                coinbase: coinbase(of),
                smesher: smesher(of).to_vec(),
            })
        });
        Ok(Response::new(Box::pin(iter(rewards))))
    }
}

async fn read_stream() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().add_service(RewardStreamServiceServer::new(Node));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let retrier = Retrier::new(Arc::new(SystemClock), Arc::new(SystemRandom), RetryPolicy::default());
    let listeners = NodeListeners { name: "bench".to_owned(), public: address.into(), private: None };
    let source = RewardSource::connect(&retrier, &listeners).await.unwrap();
    let started = Instant::now();
    let mut ledger = Ledger::new(chain(), span(), managed(), true);
    source.read(&chain(), span(), &[], &mut |reward| ledger.add(reward)).await.unwrap();
    tell("streamed by gRPC, the node included", started, &finish(ledger));
}

fn main() {
    add_up();
    tokio::runtime::Runtime::new().unwrap().block_on(read_stream());
}
