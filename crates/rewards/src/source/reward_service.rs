//! Rewards and balances of `spacemesh.v2alpha1`.

use spacecraft_core::{Meaning, Result};
use spacecraft_http::Failure;
use spacecraft_spacemesh::grpc::v2alpha1::account_service_client::AccountServiceClient;
use spacecraft_spacemesh::grpc::v2alpha1::reward_service_client::RewardServiceClient;
use spacecraft_spacemesh::grpc::v2alpha1::reward_stream_service_client::RewardStreamServiceClient;
use spacecraft_spacemesh::grpc::v2alpha1::{
    AccountList, AccountRequest, Reward as Wire, RewardList, RewardRequest, RewardStreamRequest,
};
use spacecraft_spacemesh::grpc::{answer, failure};
use tonic::Streaming;

use super::{ANSWER_TIMEOUT, LARGEST_MESSAGE, RewardSource, Taker};
use crate::chain::LayerSpan;
use crate::ledger::{Reward, SmesherId};
use crate::report::Accounts;

const OPERATION: &str = "read rewards from";
/// What one page holds at most; nodes refuse more.
const PAGE: usize = 100;
/// The same as the number that is sent.
const PAGE_LIMIT: u64 = 100;

/// Reads by the stream of the private listener, or of the public one if that has it; by pages otherwise.
pub(super) async fn read(source: &RewardSource, span: LayerSpan, take: &mut Taker<'_>) -> Result<()> {
    match open(source, span).await {
        Ok(stream) => drain(source, stream, take).await,
        Err(Failure::Refused(refusal)) if refusal.meaning == Meaning::Unsupported => {
            read_pages(source, span, take).await
        }
        // A tunnel is open before anybody knows whether something listens at its end.
        Err(failure) if source.private.is_some() => {
            tracing::debug!(reason = failure.summary(), "the stream of rewards is done without");
            read_pages(source, span, take).await
        }
        Err(failure) => Err(source.broken_off(failure, OPERATION, None)),
    }
}

async fn open(source: &RewardSource, span: LayerSpan) -> Result<Streaming<Wire>, Failure> {
    let channel = source.private.clone().unwrap_or_else(|| source.public.clone());
    let mut client = RewardStreamServiceClient::new(channel).max_decoding_message_size(LARGEST_MESSAGE);
    let request = RewardStreamRequest { start_layer: span.first, end_layer: span.last, watch: false };
    answer(ANSWER_TIMEOUT, client.stream(request)).await
}

async fn drain(source: &RewardSource, mut stream: Streaming<Wire>, take: &mut Taker<'_>) -> Result<()> {
    let mut layer = None;
    loop {
        let next = tokio::time::timeout(ANSWER_TIMEOUT, stream.message()).await;
        let next = match next {
            Ok(next) => next.map_err(failure),
            Err(_) => Err(Failure::ReplyLost {
                reason: format!("no reward within {} s", ANSWER_TIMEOUT.as_secs()),
                timed_out: true,
                source: None,
            }),
        };
        match next.map_err(|failure| source.broken_off(failure, OPERATION, layer))? {
            Some(reward) => {
                layer = Some(reward.layer);
                take(read_reward(source, reward)?)?;
            }
            None => return Ok(()),
        }
    }
}

/// Where the next page begins: at a layer, after some of its rewards. That way no page makes the node skip more than a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    layer: u32,
    offset: u64,
}

impl Cursor {
    /// The cursor behind a full page of these layers.
    fn after(self, layers: impl DoubleEndedIterator<Item = u32> + Clone) -> Self {
        let last = layers.clone().next_back().unwrap_or(self.layer);
        let of_last = layers.filter(|layer| *layer == last).count();
        let of_last = u64::try_from(of_last).unwrap_or(u64::MAX);
        let before = if last == self.layer { self.offset } else { 0 };
        Self { layer: last, offset: before.saturating_add(of_last) }
    }
}

async fn read_pages(source: &RewardSource, span: LayerSpan, take: &mut Taker<'_>) -> Result<()> {
    let mut cursor = Cursor { layer: span.first, offset: 0 };
    loop {
        let page = page(source, cursor, span.last).await?.rewards;
        let mut layer = cursor.layer;
        for reward in &page {
            if reward.layer < layer {
                let reason = format!("a page goes back from layer {layer} to {}", reward.layer);
                return Err(source.misread(OPERATION, reason));
            }
            layer = reward.layer;
        }
        let next = cursor.after(page.iter().map(|reward| reward.layer));
        let is_last = page.len() < PAGE;
        for reward in page {
            take(read_reward(source, reward)?)?;
        }
        if is_last {
            return Ok(());
        }
        cursor = next;
    }
}

async fn page(source: &RewardSource, cursor: Cursor, last: u32) -> Result<RewardList> {
    let client = RewardServiceClient::new(source.public.clone());
    let request = RewardRequest {
        start_layer: cursor.layer,
        end_layer: last,
        offset: cursor.offset,
        limit: PAGE_LIMIT,
        sort_order: 0,
    };
    source
        .ask(OPERATION, || {
            let mut client = client.clone();
            async move { client.list(request).await }
        })
        .await
}

fn read_reward(source: &RewardSource, wire: Wire) -> Result<Reward> {
    let plain = !wire.coinbase.is_empty() && wire.coinbase.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plain {
        let reason = format!("a reward of layer {} goes to something that is no address", wire.layer);
        return Err(source.misread(OPERATION, reason));
    }
    Ok(Reward {
        layer: wire.layer,
        coinbase: wire.coinbase,
        smesher: <[u8; 32]>::try_from(wire.smesher.as_slice()).ok().map(SmesherId),
        subsidy: wire.layer_reward,
        total: wire.total,
    })
}

/// What accounts hold, as many of them at a time as a page has.
pub(super) async fn balances(source: &RewardSource, addresses: &[String]) -> Result<Accounts> {
    let mut accounts = Accounts::new();
    for some in addresses.chunks(PAGE) {
        for account in account_page(source, some).await?.accounts {
            let balance = account.current.map_or(0, |state| state.balance);
            accounts.insert(account.address, balance.into());
        }
    }
    Ok(accounts)
}

async fn account_page(source: &RewardSource, addresses: &[String]) -> Result<AccountList> {
    let client = AccountServiceClient::new(source.public.clone());
    let request = AccountRequest { addresses: addresses.to_vec(), offset: 0, limit: PAGE_LIMIT };
    source
        .ask("read balances from", || {
            let (mut client, request) = (client.clone(), request.clone());
            async move { client.list(request).await }
        })
        .await
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pages_tell_every_reward_once(counts in prop::collection::vec(0_usize..250, 1..12)) {
            let rewards: Vec<u32> = (0_u32..).zip(&counts).flat_map(|(layer, count)| std::iter::repeat_n(layer, *count)).collect();
            let mut told: Vec<u32> = Vec::new();
            let mut cursor = Cursor { layer: 0, offset: 0 };
            loop {
                let from: Vec<u32> = rewards.iter().copied().filter(|layer| *layer >= cursor.layer).collect();
                let skipped = usize::try_from(cursor.offset).unwrap();
                let page: Vec<u32> = from.into_iter().skip(skipped).take(PAGE).collect();
                told.extend(page.iter().copied());
                if page.len() < PAGE {
                    break;
                }
                cursor = cursor.after(page.iter().copied());
            }
            prop_assert_eq!(told, rewards);
        }
    }
}
