//! Rewards and balances of `spacemesh.v1`, which tells rewards one account at a time and lists accounts for debugging only.

use spacecraft_core::{Error, Meaning, Result};
use spacecraft_spacemesh::grpc::v1::debug_service_client::DebugServiceClient;
use spacecraft_spacemesh::grpc::v1::global_state_service_client::GlobalStateServiceClient;
use spacecraft_spacemesh::grpc::v1::{
    Account, AccountDataFilter, AccountDataQueryRequest, AccountDataQueryResponse, AccountId, AccountRequest,
    AccountsRequest, Reward as Wire,
};

use super::{LARGEST_MESSAGE, RewardSource, Taker, Unknown};
use crate::chain::LayerSpan;
use crate::ledger::{Reward, SmesherId};
use crate::report::Accounts;

const OPERATION: &str = "read rewards from";
/// Of all that a node keeps about an account, its rewards.
const REWARDS: u32 = 2;
/// What one page holds at most.
const PAGE: u32 = 10_000;
/// Bytes of a v0 address.
const V0_ADDRESS_LENGTH: usize = 20;

/// Reads the rewards of all accounts that the node lists, or of the known ones.
pub(super) async fn read(
    source: &RewardSource,
    span: LayerSpan,
    known: &[String],
    take: &mut Taker<'_>,
) -> Result<Unknown> {
    let (accounts, unknown) = match all_accounts(source).await {
        Ok(accounts) => (accounts.into_keys().collect(), Unknown::new()),
        Err(error) if error.meaning() == Meaning::Unsupported => {
            (known.to_vec(), unlisted(source, known, error)?)
        }
        Err(error) => return Err(error),
    };
    for account in &accounts {
        read_account(source, account, span, take).await?;
    }
    Ok(unknown)
}

/// What is not known when a node lists no accounts.
fn unlisted(source: &RewardSource, known: &[String], error: Error) -> Result<Unknown> {
    if known.is_empty() {
        let reason = "it tells rewards one account at a time, and lists no accounts";
        return Err(Error::new(Meaning::Unsupported, OPERATION, source.name(), reason)
            .with_source(error)
            .with_hint("name the network with --network-name, whose accounts are known; or ask a node that serves DebugService"));
    }
    Ok(vec![format!(
        "the node tells rewards one account at a time and lists no accounts: only the {} of the network's own nodes are in this report",
        known.len()
    )])
}

async fn read_account(
    source: &RewardSource,
    address: &str,
    span: LayerSpan,
    take: &mut Taker<'_>,
) -> Result<()> {
    let mut offset = 0;
    loop {
        let answer = page(source, address, offset).await?;
        let told = u32::try_from(answer.account_item.len()).unwrap_or(u32::MAX);
        for wire in answer.account_item.into_iter().filter_map(|item| item.reward) {
            let reward = read_reward(source, wire)?;
            if span.contains(reward.layer) {
                take(reward)?;
            }
        }
        offset = offset.saturating_add(told);
        if told == 0 || offset >= answer.total_results {
            return Ok(());
        }
    }
}

async fn page(source: &RewardSource, address: &str, offset: u32) -> Result<AccountDataQueryResponse> {
    let client =
        GlobalStateServiceClient::new(source.public.clone()).max_decoding_message_size(LARGEST_MESSAGE);
    let filter = AccountDataFilter { account_id: Some(account_id(address)), account_data_flags: REWARDS };
    let request = AccountDataQueryRequest { filter: Some(filter), max_results: PAGE, offset };
    source
        .ask(OPERATION, || {
            let (mut client, request) = (client.clone(), request.clone());
            async move { client.account_data_query(request).await }
        })
        .await
}

fn read_reward(source: &RewardSource, wire: Wire) -> Result<Reward> {
    let layer = wire.layer.map_or(0, |layer| layer.number);
    let coinbase = wire.coinbase.and_then(|account| address(&account.address)).ok_or_else(|| {
        source.misread(OPERATION, format!("a reward of layer {layer} goes to something that is no address"))
    })?;
    Ok(Reward {
        layer,
        coinbase,
        smesher: wire
            .smesher
            .and_then(|smesher| <[u8; 32]>::try_from(smesher.id.as_slice()).ok())
            .map(SmesherId),
        subsidy: wire.layer_reward.map_or(0, |amount| amount.value),
        total: wire.total.map_or(0, |amount| amount.value),
    })
}

/// What accounts hold: from the list of all accounts, or one at a time.
pub(super) async fn balances(source: &RewardSource, addresses: &[String]) -> Result<Accounts> {
    match all_accounts(source).await {
        Ok(accounts) => Ok(accounts),
        Err(error) if error.meaning() == Meaning::Unsupported => {
            let mut accounts = Accounts::new();
            for address in addresses {
                accounts.extend(account(source, address).await?.and_then(read_account_state));
            }
            Ok(accounts)
        }
        Err(error) => Err(error),
    }
}

/// All accounts, where the node serves `DebugService`: v0 on its one listener, v1 on the private one.
async fn all_accounts(source: &RewardSource) -> Result<Accounts> {
    let channel = source.private.clone().unwrap_or_else(|| source.public.clone());
    let client = DebugServiceClient::new(channel).max_decoding_message_size(LARGEST_MESSAGE);
    let answer = source
        .ask("list accounts of", || {
            let mut client = client.clone();
            async move { client.accounts(AccountsRequest { layer: 0 }).await }
        })
        .await?;
    Ok(answer.account_wrapper.into_iter().filter_map(read_account_state).collect())
}

async fn account(source: &RewardSource, address: &str) -> Result<Option<Account>> {
    let client = GlobalStateServiceClient::new(source.public.clone());
    let request = AccountRequest { account_id: Some(account_id(address)) };
    let answer = source
        .ask("read balance from", || {
            let (mut client, request) = (client.clone(), request.clone());
            async move { client.account(request).await }
        })
        .await;
    match answer {
        Ok(answer) => Ok(answer.account_wrapper),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_account_state(account: Account) -> Option<(String, crate::Smidge)> {
    let address = address(&account.account_id?.address)?;
    let balance = account.state_current.and_then(|state| state.balance).map_or(0, |amount| amount.value);
    Some((address, balance.into()))
}

/// An address as people write it: v0 sends 20 raw bytes, v1 text.
fn address(bytes: &[u8]) -> Option<String> {
    if bytes.len() == V0_ADDRESS_LENGTH {
        return Some(format!("0x{}", hex::encode(bytes)));
    }
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())).then(|| text.to_owned())
}

fn account_id(address: &str) -> AccountId {
    let raw = address.strip_prefix("0x").and_then(|digits| hex::decode(digits).ok());
    AccountId { address: raw.unwrap_or_else(|| address.as_bytes().to_vec()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_both_generations_read_back() {
        for text in [
            "0x9f120e40e330affe6aa27d5bda49ac0960df7d6f",
            "stest1qqqqqqz9rf583slhn38g6q6a562ctltv9fv5w8qha56t0",
        ] {
            assert_eq!(address(&account_id(text).address).as_deref(), Some(text));
        }
        for wrong in [&b""[..], b"a b", b"\x1b[2J", &[0xff; 4]] {
            assert_eq!(address(wrong), None);
        }
    }
}
