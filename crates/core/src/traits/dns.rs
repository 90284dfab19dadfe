use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Look;
use crate::error::Result;
use crate::names::NetworkName;
use crate::observer::Outcome;

/// Address records that carry our ownership mark.
///
/// # Contract
///
/// * `ensure` leaves exactly one A record of ours under the name, with the address asked for. A record of somebody else under that name is refused
///   with [`Meaning::AlreadyExists`](crate::Meaning::AlreadyExists) and stays as it is.
/// * `remove` removes records of that network only; a foreign record under the name is left alone and the answer is [`Outcome::Absent`].
/// * `list` has only records with our mark: of one network, or of all. `unmarked_names` has the names of all others, and nothing is ever done to those.
#[async_trait]
pub trait DnsProvider: Debug + Send + Sync {
    /// The domain the records are in.
    fn domain(&self) -> &str;

    /// Checks, without writing, that the zone is there and the token may edit it.
    async fn check_access(&self) -> Result<()>;

    /// Compares a record with what is wanted.
    async fn look(&self, record: &DnsRecord) -> Result<Look>;

    /// Makes the record so.
    async fn ensure(&self, record: &DnsRecord) -> Result<Outcome>;

    /// Removes a record of ours.
    async fn remove(&self, name: &str, network: &NetworkName) -> Result<Outcome>;

    /// Our records.
    async fn list(&self, network: Option<&NetworkName>) -> Result<Vec<DnsRecord>>;

    /// The names of address records without our mark: somebody else's.
    async fn unmarked_names(&self) -> Result<Vec<String>>;
}

/// An A record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsRecord {
    /// The whole name, such as `kibana-net1.spacemesh.io`.
    pub name: String,
    /// The IPv4 address.
    pub address: String,
    /// Whether traffic goes through the DNS provider's proxy.
    pub proxied: bool,
    /// The network it belongs to.
    pub network: NetworkName,
}
