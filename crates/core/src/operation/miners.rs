//! `add-miner` and `delete-miner`: a network that is up gets more plain miners, or loses nodes.
//!
//! What is meant is in the record before the first node is touched: numbers that are *joining* or *leaving*. They are taken out of it when all is done, so that a run that
//! was stopped is recognised by them, and by a journal that was not closed.

mod add;
mod remove;

pub use add::{AddMinersRequest, NewMiners, add_miners};
pub use remove::{RemoveMinersRequest, remove_miners};

use std::collections::BTreeSet;

use super::{Limits, Services};
use crate::error::{Error, Meaning, Result};
use crate::fleet_change::Refusal;
use crate::names::NetworkName;
use crate::spec::{NetworkSpec, RolloutSpec, WaitFor};
use crate::state::{Journal, Lock};

/// The spec as a run with these limits works with it; what the record keeps are the limits that the network was made with.
fn within(limits: Limits, spec: &NetworkSpec, wait: WaitFor) -> NetworkSpec {
    let rollout = RolloutSpec {
        timeout: limits.timeout,
        step_timeout: limits.step_timeout,
        wait,
        ..spec.rollout.clone()
    };
    NetworkSpec { rollout, ..spec.clone() }
}

/// Numbers of the nodes that the intent of a step names, in the journal of an operation that did not get to its end: it has not written down that it ended, or it died before it
/// gave its lock back.
async fn named_by_unended_run(
    services: &Services,
    network: &NetworkName,
    operation: &str,
    step: &str,
) -> Result<BTreeSet<u32>> {
    let document = Journal::read(&*services.state_store, network).await?;
    let Some(document) = document.filter(|document| document.operation == operation) else {
        return Ok(BTreeSet::new());
    };
    if document.finished_at.is_some() && !left_its_lock(services, network, operation).await? {
        return Ok(BTreeSet::new());
    }
    let last = document.entries.iter().rev().find(|entry| entry.operation == operation && entry.step == step);
    let names = last.into_iter().flat_map(|entry| &entry.resources);
    Ok(names.filter_map(|name| name.strip_prefix("miner-")?.parse().ok()).collect())
}

/// Whether the network's lock is of an operation that is certainly dead.
async fn left_its_lock(services: &Services, network: &NetworkName, operation: &str) -> Result<bool> {
    let holder = Lock::holder(&*services.state_store, network).await?;
    Ok(holder
        .is_some_and(|holder| holder.operation == operation && services.probe.is_certainly_dead(&holder)))
}

fn refused(operation: &str, network: &NetworkName, refusal: Refusal) -> Error {
    let meaning = if refusal.is_not_found { Meaning::NotFound } else { Meaning::Invalid };
    Error::new(meaning, operation, network.as_str(), refusal.reason).with_hint(refusal.hint)
}
