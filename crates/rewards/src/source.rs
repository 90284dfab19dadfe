//! Reads from a node what its chain paid.
//!
//! Rewards come as a stream where the node has one, else in pages. A stream that breaks off is not taken up again: the failure names the node and the layer, and
//! the report is read anew.

mod account_by_account;
mod reward_service;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use spacecraft_core::spec::Generation;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Call, Failure, Idempotency, Retrier};
use spacecraft_spacemesh::grpc::v1::mesh_service_client::MeshServiceClient;
use spacecraft_spacemesh::grpc::v1::node_service_client::NodeServiceClient;
use spacecraft_spacemesh::grpc::v1::{
    CurrentLayerRequest, EpochNumLayersRequest, GenesisIdRequest, GenesisTimeRequest, LayerDurationRequest,
    NetIdRequest, SimpleInt, StatusRequest,
};
use spacecraft_spacemesh::grpc::v2alpha1::network_service_client::NetworkServiceClient;
use spacecraft_spacemesh::grpc::v2alpha1::node_service_client::NodeServiceClient as NodeServiceClientV2;
use spacecraft_spacemesh::grpc::v2alpha1::{NetworkInfoRequest, NetworkInfoResponse, NodeStatusRequest};
use spacecraft_spacemesh::grpc::{NodeAddress, answer, connect};
use tonic::transport::Channel;

use crate::chain::{Chain, LayerSpan, RewardsApi};
use crate::ledger::Reward;
use crate::report::Accounts;

/// Until a node has answered a question, or sent the next piece of a stream.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one question may take with all its attempts.
const LONGEST_CALL: Duration = Duration::from_secs(60);
/// How long connecting may take with all its attempts.
const LONGEST_CONNECT: Duration = Duration::from_secs(10);
/// The largest message that is taken, in bytes: lists of accounts come whole.
const LARGEST_MESSAGE: usize = 256 << 20;
/// What a node answers whose status is that it has caught up.
const SYNCED: u32 = 3;

/// Where a node answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeListeners {
    /// What the node is called in messages and reports.
    pub name: String,
    /// Its public listener.
    pub public: NodeAddress,
    /// v1: its private listener, which has the stream of rewards.
    pub private: Option<NodeAddress>,
}

/// A node that is connected.
#[derive(Debug, Clone)]
pub struct RewardSource {
    name: String,
    retrier: Retrier,
    public: Channel,
    private: Option<Channel>,
}

/// What a node did not tell although it was asked, each in a sentence; nothing when it told all.
pub type Unknown = Vec<String>;

/// Takes rewards, one after the other.
pub type Taker<'a> = dyn FnMut(Reward) -> Result<()> + Send + 'a;

impl RewardSource {
    /// Connects to a node. A private listener that does not answer is done without.
    ///
    /// # Errors
    ///
    /// [`Meaning::Unavailable`], naming the node, when its public listener does not answer.
    pub async fn connect(retrier: &Retrier, node: &NodeListeners) -> Result<Self> {
        let mut call = Call::new("connect to node", node.name.as_str(), Idempotency::Safe);
        call.deadline = Some(LONGEST_CONNECT);
        let public = retrier.run(&call, || connect(&node.public)).await?;
        let private = match &node.private {
            Some(address) => connect(address).await.ok(),
            None => None,
        };
        Ok(Self { name: node.name.clone(), retrier: retrier.clone(), public, private })
    }

    /// What the node is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the node says of its chain.
    ///
    /// # Errors
    ///
    /// [`Meaning::Unsupported`] when it serves neither generation's services, [`Meaning::Invalid`] when it says what cannot be.
    pub async fn chain(&self) -> Result<Chain> {
        match self.network_info().await {
            Ok(info) => self.chain_of_v2(info).await,
            Err(error) if error.meaning() == Meaning::Unsupported => self.chain_of_v1().await,
            Err(error) => Err(error),
        }
    }

    /// Reads the rewards of `span`, in no certain order, and hands each to `take`. Where the node tells rewards by account only, those of `known` accounts are
    /// read if it does not list its accounts.
    ///
    /// # Errors
    ///
    /// What the node fails with, naming the layer that was reached; what `take` fails with.
    pub async fn read(
        &self,
        chain: &Chain,
        span: LayerSpan,
        known: &[String],
        take: &mut Taker<'_>,
    ) -> Result<Unknown> {
        match chain.api {
            RewardsApi::RewardService => {
                reward_service::read(self, span, take).await.map(|()| Unknown::new())
            }
            RewardsApi::GlobalState => account_by_account::read(self, span, known, take).await,
        }
    }

    /// What accounts hold now. Accounts that the node does not know are left out.
    ///
    /// # Errors
    ///
    /// What the node fails with.
    pub async fn balances(&self, chain: &Chain, addresses: &[String]) -> Result<Accounts> {
        match chain.api {
            RewardsApi::RewardService => reward_service::balances(self, addresses).await,
            RewardsApi::GlobalState => account_by_account::balances(self, addresses).await,
        }
    }

    fn call(&self, operation: &str) -> Call {
        let mut call = Call::new(operation, self.name.as_str(), Idempotency::Safe);
        call.deadline = Some(LONGEST_CALL);
        call
    }

    /// Asks one question, again if need be.
    async fn ask<T, F>(&self, operation: &str, mut question: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    {
        self.retrier.run(&self.call(operation), || answer(ANSWER_TIMEOUT, question())).await
    }

    /// The error of what a node tells and cannot be.
    fn misread(&self, operation: &str, reason: impl Into<String>) -> Error {
        Error::new(Meaning::Invalid, operation, self.name.as_str(), reason)
    }

    /// The error of a stream or list of pages that failed after some of it was read.
    fn broken_off(&self, failure: Failure, operation: &str, layer: Option<u32>) -> Error {
        let error = failure.into_error(&self.call(operation), 1, spacecraft_core::Effect::None);
        match layer {
            None => error,
            Some(layer) => {
                let reason = format!("the answer broke off at layer {layer}");
                Error::new(error.meaning(), operation, self.name.as_str(), reason)
                    .with_source(error)
                    .with_hint("run the command again; --from-layer and --to-layer read a part")
            }
        }
    }

    async fn network_info(&self) -> Result<NetworkInfoResponse> {
        let client = NetworkServiceClient::new(self.public.clone());
        self.ask("read network of node", || {
            let mut client = client.clone();
            async move { client.info(NetworkInfoRequest {}).await }
        })
        .await
    }

    async fn chain_of_v2(&self, info: NetworkInfoResponse) -> Result<Chain> {
        let client = NodeServiceClientV2::new(self.public.clone());
        let status = self
            .ask("read status of node", || {
                let mut client = client.clone();
                async move { client.status(NodeStatusRequest {}).await }
            })
            .await?;
        let seconds = info.layer_duration.map_or(0, |duration| duration.seconds);
        self.checked(Chain {
            generation: Generation::V1,
            api: RewardsApi::RewardService,
            network_id: hex::encode(info.genesis_id),
            genesis_time: self.instant(info.genesis_time.map_or(0, |time| time.seconds))?,
            layer_seconds: u64::try_from(seconds).unwrap_or(0),
            layers_per_epoch: info.layers_per_epoch,
            current_layer: status.current_layer,
            applied_layer: status.applied_layer,
            synced: status.status == SYNCED,
        })
    }

    /// The chain of a node that serves `spacemesh.v1` alone: v0, or an early v1.
    async fn chain_of_v1(&self) -> Result<Chain> {
        let mesh = Mesh { source: self, client: MeshServiceClient::new(self.public.clone()) };
        let genesis = mesh.genesis_time().await.map_err(|error| self.unsuited(error))?;
        let (generation, network_id) = mesh.identity().await?;
        let status = self.status_of_v1().await?;
        let layer = |layer: Option<spacecraft_spacemesh::grpc::v1::LayerNumber>| {
            layer.map_or(0, |layer| layer.number)
        };
        self.checked(Chain {
            generation,
            api: RewardsApi::GlobalState,
            network_id,
            genesis_time: self.instant(i64::try_from(genesis).unwrap_or(i64::MAX))?,
            layer_seconds: mesh.layer_seconds().await?,
            layers_per_epoch: u32::try_from(mesh.layers_per_epoch().await?).unwrap_or(0),
            current_layer: mesh.current_layer().await?,
            applied_layer: layer(status.verified_layer),
            synced: status.is_synced,
        })
    }

    async fn status_of_v1(&self) -> Result<spacecraft_spacemesh::grpc::v1::NodeStatus> {
        let client = NodeServiceClient::new(self.public.clone());
        let operation = "read status of node";
        let answer = self
            .ask(operation, || {
                let mut client = client.clone();
                async move { client.status(StatusRequest {}).await }
            })
            .await?;
        answer.status.ok_or_else(|| self.misread(operation, "the answer holds no status"))
    }

    fn instant(&self, seconds: i64) -> Result<Timestamp> {
        Timestamp::from_second(seconds).map_err(|error| {
            self.misread("read genesis time of node", "it is out of bounds").with_source(error)
        })
    }

    fn checked(&self, chain: Chain) -> Result<Chain> {
        if chain.layers_per_epoch == 0 {
            return Err(self.misread("read network of node", "it says that an epoch has no layers"));
        }
        Ok(chain)
    }

    fn unsuited(&self, error: Error) -> Error {
        if error.meaning() != Meaning::Unsupported {
            return error;
        }
        let reason = "it serves neither spacemesh.v1.MeshService nor spacemesh.v2alpha1.NetworkService";
        Error::new(Meaning::Unsupported, "read network of node", self.name.as_str(), reason)
            .with_source(error)
            .with_hint("name the public gRPC listener of a go-spacemesh node, such as port 9092")
    }
}

/// The questions of `spacemesh.v1.MeshService`.
struct Mesh<'a> {
    source: &'a RewardSource,
    client: MeshServiceClient<Channel>,
}

impl Mesh<'_> {
    async fn genesis_time(&self) -> Result<u64> {
        let ask = || {
            let mut client = self.client.clone();
            async move { client.genesis_time(GenesisTimeRequest {}).await }
        };
        Ok(whole(self.source.ask("read genesis time of node", ask).await?.unixtime))
    }

    async fn layers_per_epoch(&self) -> Result<u64> {
        let ask = || {
            let mut client = self.client.clone();
            async move { client.epoch_num_layers(EpochNumLayersRequest {}).await }
        };
        Ok(whole(self.source.ask("read length of epochs of node", ask).await?.numlayers))
    }

    async fn layer_seconds(&self) -> Result<u64> {
        let ask = || {
            let mut client = self.client.clone();
            async move { client.layer_duration(LayerDurationRequest {}).await }
        };
        Ok(whole(self.source.ask("read length of layers of node", ask).await?.duration))
    }

    async fn current_layer(&self) -> Result<u32> {
        let ask = || {
            let mut client = self.client.clone();
            async move { client.current_layer(CurrentLayerRequest {}).await }
        };
        let answer = self.source.ask("read layer of node", ask).await?;
        Ok(answer.layernum.map_or(0, |layer| layer.number))
    }

    /// Which network the node is of: v0 has a number, v1 a genesis id, and neither has the other's.
    async fn identity(&self) -> Result<(Generation, String)> {
        let genesis_id = || {
            let mut client = self.client.clone();
            async move { client.genesis_id(GenesisIdRequest {}).await }
        };
        match self.source.ask("read genesis id of node", genesis_id).await {
            Ok(answer) => return Ok((Generation::V1, hex::encode(answer.genesis_id))),
            Err(error) if error.meaning() == Meaning::Unsupported => {}
            Err(error) => return Err(error),
        }
        let number = || {
            let mut client = self.client.clone();
            async move { client.net_id(NetIdRequest {}).await }
        };
        let answer = self.source.ask("read network number of node", number).await?;
        Ok((Generation::V0, whole(answer.netid).to_string()))
    }
}

fn whole(number: Option<SimpleInt>) -> u64 {
    number.map_or(0, |number| number.value)
}
