use async_trait::async_trait;
use spacecraft_core::names::NetworkName;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{DnsProvider, DnsRecord, Look};
use spacecraft_core::{Error, Meaning, Result};

use crate::difference;
use crate::ledger::Ledger;
use crate::shared::Shared;

/// A DNS zone in memory.
#[derive(Debug, Clone)]
pub struct InMemoryDns {
    domain: String,
    ledger: Ledger,
    state: Shared<Zone>,
}

#[derive(Debug, Default)]
struct Zone {
    ours: Vec<DnsRecord>,
    foreign: Vec<(String, String)>,
    denied: Option<String>,
}

impl InMemoryDns {
    /// An empty zone of that domain.
    #[must_use]
    pub fn new(domain: impl Into<String>) -> Self {
        Self::with_ledger(domain, Ledger::default())
    }

    /// An empty zone that counts its calls in `ledger`.
    #[must_use]
    pub fn with_ledger(domain: impl Into<String>, ledger: Ledger) -> Self {
        Self { domain: domain.into(), ledger, state: Shared::default() }
    }

    /// The calls so far, and faults to come.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Puts a record of somebody else into the zone.
    pub fn add_foreign(&self, name: impl Into<String>, address: impl Into<String>) {
        self.state.lock().foreign.push((name.into(), address.into()));
    }

    /// The records of somebody else, as name and address.
    #[must_use]
    pub fn foreign(&self) -> Vec<(String, String)> {
        self.state.lock().foreign.clone()
    }

    /// Makes [`DnsProvider::check_access`] fail with this reason.
    pub fn deny_access(&self, reason: impl Into<String>) {
        self.state.lock().denied = Some(reason.into());
    }
}

impl Zone {
    /// The network's own record under a name; refused when the name belongs to somebody else.
    fn own(&self, operation: &str, name: &str, network: &NetworkName) -> Result<Option<&DnsRecord>> {
        let foreign = self.foreign.iter().any(|(taken, _)| taken == name);
        let under_name = self.ours.iter().find(|record| record.name == name);
        match under_name {
            _ if foreign => Err(taken(operation, name, "somebody else")),
            Some(record) if record.network != *network => {
                Err(taken(operation, name, record.network.as_str()))
            }
            found => Ok(found),
        }
    }
}

fn taken(operation: &str, name: &str, owner: &str) -> Error {
    Error::new(Meaning::AlreadyExists, operation, name, format!("the name has a record of {owner}"))
}

#[async_trait]
impl DnsProvider for InMemoryDns {
    fn domain(&self) -> &str {
        &self.domain
    }

    async fn check_access(&self) -> Result<()> {
        let call = self.ledger.begin("dns.check_access", &self.domain).await?;
        let denied = self.state.lock().denied.clone();
        match denied {
            Some(reason) => Err(Error::new(Meaning::Denied, "use zone", &self.domain, reason)),
            None => call.read(()),
        }
    }

    async fn look(&self, record: &DnsRecord) -> Result<Look> {
        let call = self.ledger.begin("dns.look", &record.name).await?;
        let zone = self.state.lock();
        call.read(difference::look(zone.own("look up record", &record.name, &record.network)?, record))
    }

    async fn ensure(&self, record: &DnsRecord) -> Result<Outcome> {
        let call = self.ledger.begin("dns.ensure", &record.name).await?;
        let outcome = {
            let mut zone = self.state.lock();
            let found = zone.own("ensure record", &record.name, &record.network)?;
            let outcome = match found {
                None => Outcome::Created,
                Some(same) if same == record => Outcome::Unchanged,
                Some(_) => Outcome::Updated,
            };
            zone.ours.retain(|other| other.name != record.name);
            zone.ours.push(record.clone());
            outcome
        };
        call.changed(outcome)
    }

    async fn remove(&self, name: &str, network: &NetworkName) -> Result<Outcome> {
        let call = self.ledger.begin("dns.remove", name).await?;
        let outcome = {
            let mut zone = self.state.lock();
            let before = zone.ours.len();
            zone.ours.retain(|record| record.name != name || record.network != *network);
            if zone.ours.len() < before { Outcome::Removed } else { Outcome::Absent }
        };
        call.changed(outcome)
    }

    async fn list(&self, network: Option<&NetworkName>) -> Result<Vec<DnsRecord>> {
        let call = self.ledger.begin("dns.list", network.map_or("", NetworkName::as_str)).await?;
        let zone = self.state.lock();
        let wanted = |record: &&DnsRecord| network.is_none_or(|network| record.network == *network);
        call.read(zone.ours.iter().filter(wanted).cloned().collect())
    }

    async fn unmarked_names(&self) -> Result<Vec<String>> {
        let call = self.ledger.begin("dns.unmarked_names", &self.domain).await?;
        let foreign = &self.state.lock().foreign;
        call.read(foreign.iter().map(|(name, _)| name.clone()).collect())
    }
}
