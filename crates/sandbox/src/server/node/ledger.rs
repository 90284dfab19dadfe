//! What a simulated node tells of rewards and accounts, in both generations.

use std::{collections::BTreeMap, pin::Pin, sync::Arc};

use futures::{Stream, stream};
use tonic::{Request, Response, Status};

use super::{
    Answer, Grpc,
    generated::{v1, v2alpha1},
    layer,
};
use crate::workloads::{
    chain::Generation,
    economy::{Economy, Paid},
};

/// The most entries of a page of v2alpha1.
const PAGE: u64 = 100;
/// Account data of v1: rewards, accounts.
const REWARDS: u32 = 2;
const ACCOUNTS: u32 = 4;

impl Grpc {
    fn economy(&self) -> Economy {
        self.host.look(|world| world.economy(&self.cluster, &self.namespace, &self.node))
    }

    fn applied(&self) -> u32 {
        self.progress().verified_layer
    }

    fn balances(&self) -> BTreeMap<String, u64> {
        self.economy().balances(self.applied())
    }

    /// An address as v1's messages have it: raw in v0, text in v1.
    fn account_id(&self, address: &str) -> v1::AccountId {
        let raw = address.strip_prefix("0x").and_then(|digits| hex::decode(digits).ok());
        let is_v0 = self.node.generation == Generation::V0;
        let address = raw.filter(|_| is_v0).unwrap_or_else(|| address.as_bytes().to_vec());
        v1::AccountId { address }
    }

    fn account(&self, address: &str, balance: u64) -> v1::Account {
        let state = Some(v1::AccountState { counter: 0, balance: Some(v1::Amount { value: balance }) });
        v1::Account {
            account_id: Some(self.account_id(address)),
            state_current: state,
            state_projected: state,
        }
    }

    fn reward_item(&self, paid: &Paid) -> v1::AccountData {
        let reward = v1::Reward {
            layer: layer(paid.layer),
            total: Some(v1::Amount { value: paid.total }),
            layer_reward: Some(v1::Amount { value: paid.subsidy }),
            layer_computed: None,
            coinbase: Some(self.account_id(&paid.coinbase)),
            smesher: Some(v1::SmesherId { id: paid.smesher.clone() }),
        };
        v1::AccountData { datum: Some(v1::account_data::Datum::Reward(reward)) }
    }

    fn account_data(&self, wanted: &[u8], flags: u32) -> Vec<v1::AccountData> {
        let (economy, applied) = (self.economy(), self.applied());
        let is_wanted = |address: &str| self.account_id(address).address == wanted;
        let mut items = Vec::new();
        if flags & REWARDS != 0 {
            let paid = economy.span(0, applied).filter(|paid| is_wanted(&paid.coinbase));
            items.extend(paid.map(|paid| self.reward_item(&paid)));
        }
        if flags & ACCOUNTS != 0 {
            let known = economy.balances(applied).into_iter().find(|(address, _)| is_wanted(address));
            items.extend(known.map(|(address, balance)| {
                let account = self.account(&address, balance);
                v1::AccountData { datum: Some(v1::account_data::Datum::AccountWrapper(account)) }
            }));
        }
        items
    }

    /// The last layer that a request means, of those that were applied; 0 is no bound.
    fn last_layer(&self, end: u32) -> u32 {
        let applied = self.applied();
        if end == 0 { applied } else { end.min(applied) }
    }
}

#[tonic::async_trait]
impl v1::global_state_service_server::GlobalStateService for Grpc {
    async fn account(&self, request: Request<v1::AccountRequest>) -> Answer<v1::AccountResponse> {
        let wanted = request
            .into_inner()
            .account_id
            .ok_or_else(|| Status::invalid_argument("`AccountId` must be provided"))?;
        let address = match self.node.generation {
            Generation::V0 => format!("0x{}", hex::encode(&wanted.address)),
            Generation::V1 => String::from_utf8_lossy(&wanted.address).into_owned(),
        };
        let balance = self.balances().get(&address).copied().unwrap_or_default();
        Ok(Response::new(v1::AccountResponse {
            account_wrapper: Some(Self::account(self, &address, balance)),
        }))
    }

    async fn account_data_query(
        &self,
        request: Request<v1::AccountDataQueryRequest>,
    ) -> Answer<v1::AccountDataQueryResponse> {
        let request = request.into_inner();
        let filter = request.filter.ok_or_else(|| Status::invalid_argument("`Filter` must be provided"))?;
        let wanted = filter
            .account_id
            .ok_or_else(|| Status::invalid_argument("`Filter.AccountId` must be provided"))?;
        if filter.account_data_flags == 0 {
            return Err(Status::invalid_argument(
                "`Filter.AccountMeshDataFlags` must set at least one bitfield",
            ));
        }
        let items = self.account_data(&wanted.address, filter.account_data_flags);
        let total_results = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let most = if request.max_results == 0 { u32::MAX } else { request.max_results };
        let (skipped, most) = (usize::try_from(request.offset), usize::try_from(most));
        let account_item =
            items.into_iter().skip(skipped.unwrap_or(usize::MAX)).take(most.unwrap_or(usize::MAX)).collect();
        Ok(Response::new(v1::AccountDataQueryResponse { total_results, account_item }))
    }
}

impl Grpc {
    /// All accounts, as `DebugService` lists them.
    pub(super) fn all_accounts(&self) -> v1::AccountsResponse {
        let balances = self.balances();
        let account_wrapper =
            balances.iter().map(|(address, balance)| self.account(address, *balance)).collect();
        v1::AccountsResponse { account_wrapper }
    }
}

fn check_limit(limit: u64) -> Result<usize, Status> {
    if !(1..=PAGE).contains(&limit) {
        return Err(Status::invalid_argument("limit is capped at 100 and must be set to a positive number"));
    }
    Ok(usize::try_from(limit).unwrap_or(100))
}

fn reward(paid: Paid) -> v2alpha1::Reward {
    let Paid { layer, total, subsidy, coinbase, smesher } = paid;
    v2alpha1::Reward { layer, total, layer_reward: subsidy, coinbase, smesher }
}

#[tonic::async_trait]
impl v2alpha1::reward_service_server::RewardService for Grpc {
    async fn list(&self, request: Request<v2alpha1::RewardRequest>) -> Answer<v2alpha1::RewardList> {
        use v2alpha1::reward_request::FilterBy;
        let request = request.into_inner();
        let limit = check_limit(request.limit)?;
        let skipped = usize::try_from(request.offset).unwrap_or(usize::MAX);
        let economy = self.economy();
        let chosen = |paid: &Paid| match &request.filter_by {
            None => true,
            Some(FilterBy::Coinbase(coinbase)) => paid.coinbase == *coinbase,
            Some(FilterBy::Smesher(smesher)) => paid.smesher == *smesher,
        };
        let last = self.last_layer(request.end_layer);
        let all = economy.span(request.start_layer, last).filter(chosen).map(reward);
        let rewards = if request.sort_order() == v2alpha1::SortOrder::Desc {
            let mut all: Vec<v2alpha1::Reward> = all.collect();
            all.reverse();
            all.into_iter().skip(skipped).take(limit).collect()
        } else {
            all.skip(skipped).take(limit).collect()
        };
        Ok(Response::new(v2alpha1::RewardList { rewards }))
    }
}

#[tonic::async_trait]
impl v2alpha1::reward_stream_service_server::RewardStreamService for Grpc {
    type StreamStream = Pin<Box<dyn Stream<Item = Result<v2alpha1::Reward, Status>> + Send>>;

    /// Tells what there is and ends, whether or not live rewards were asked for.
    async fn stream(&self, request: Request<v2alpha1::RewardStreamRequest>) -> Answer<Self::StreamStream> {
        use v2alpha1::reward_stream_request::FilterBy;
        let request = request.into_inner();
        let (economy, last) = (Arc::new(self.economy()), self.last_layer(request.end_layer));
        let filter = request.filter_by;
        let chosen = move |paid: &Paid| match &filter {
            None => true,
            Some(FilterBy::Coinbase(coinbase)) => paid.coinbase == *coinbase,
            Some(FilterBy::Smesher(smesher)) => paid.smesher == *smesher,
        };
        let rewards = (request.start_layer..=last).flat_map(move |layer| economy.layer(layer));
        let rewards = rewards.filter(chosen).map(|paid| Ok(reward(paid)));
        Ok(Response::new(Box::pin(stream::iter(rewards))))
    }
}

#[tonic::async_trait]
impl v2alpha1::account_service_server::AccountService for Grpc {
    async fn list(&self, request: Request<v2alpha1::AccountRequest>) -> Answer<v2alpha1::AccountList> {
        let request = request.into_inner();
        let limit = check_limit(request.limit)?;
        let skipped = usize::try_from(request.offset).unwrap_or(usize::MAX);
        let applied = self.applied();
        let account = |(address, balance): (String, u64)| {
            let state = Some(v2alpha1::AccountState { counter: 0, balance, layer: applied });
            v2alpha1::Account { address, current: state, projected: state, template: String::new() }
        };
        let wanted = |address: &String| request.addresses.is_empty() || request.addresses.contains(address);
        let known = self.balances().into_iter().filter(|(address, _)| wanted(address));
        let accounts = known.skip(skipped).take(limit).map(account).collect();
        Ok(Response::new(v2alpha1::AccountList { accounts }))
    }
}
