//! What commands have in common that add something to a network that is up.

use std::time::Duration;

use super::Services;
use super::bring_up::unplannable;
use crate::error::{Error, Meaning, Result};
use crate::names::NetworkName;
use crate::plan::Plan;
use crate::spec::NetworkSpec;
use crate::state::{NetworkRecord, NetworkStatus, RecordStore, unknown_network};
use crate::traits::Ownership;

/// How long an operation and each of its steps may take, and whether it breaks another's lock.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The limit of the whole operation.
    pub timeout: Duration,
    /// The limit of each step.
    pub step_timeout: Duration,
    /// Breaks the lock of another operation.
    pub force_unlock: bool,
}

/// The record of a network that is up, with its cluster there.
///
/// # Errors
///
/// [`Meaning::NotFound`] when there is no such network; [`Meaning::Invalid`] when it is not up, or is going; [`Meaning::Denied`] when its cluster is somebody else's.
pub(super) async fn ready_record(
    services: &Services,
    records: &RecordStore,
    network: &NetworkName,
    operation: &str,
) -> Result<NetworkRecord> {
    let Some(record) = records.read().await? else {
        return Err(unknown_network(&*services.state_store, operation, network).await);
    };
    record.check_alive(operation)?;
    let refuse = |meaning, reason: &str, hint: &str| {
        Err(Error::new(meaning, operation, network.as_str(), reason).with_hint(hint))
    };
    if record.status == NetworkStatus::Creating {
        return refuse(Meaning::Invalid, "it is not up yet", "go on with create-network first");
    }
    match services.cluster.get(network).await? {
        Some(cluster) if cluster.ownership == Ownership::Foreign => {
            refuse(Meaning::Denied, "its cluster was not made by Spacecraft", "nothing was changed")
        }
        Some(_) => Ok(record),
        None => refuse(
            Meaning::Invalid,
            "its cluster is gone",
            "delete-network removes what is left of it; create-network makes it anew",
        ),
    }
}

/// The plan of a changed spec.
///
/// # Errors
///
/// [`Meaning::Invalid`] with all reasons why there can be no such network.
pub(super) fn plan_of(services: &Services, spec: &NetworkSpec) -> Result<Plan> {
    Plan::new(spec, &services.cluster.capabilities()).map_err(|problems| unplannable(&problems))
}
