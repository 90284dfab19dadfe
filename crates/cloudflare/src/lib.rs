//! DNS records on Cloudflare, by its API v4.
//!
//! A record is ours when its comment is `spacecraft:<network>`: comments exist on every plan, tags do not. Cloudflare lets several
//! records share a name, does not replace on creation and has no idempotency key, so a creation whose reply was lost is followed by a
//! look, never by another blind creation.

// What comes from outside is never counted on to be long or small enough.
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

mod dialect;
mod plan;
mod wire;
mod zone;

use std::net::Ipv4Addr;

use async_trait::async_trait;
use secrecy::SecretString;
use spacecraft_core::names::NetworkName;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{DnsProvider, DnsRecord, Look};
use spacecraft_core::{Effect, Error, Meaning, Result};
use spacecraft_http::{Client, Url};

use crate::plan::Plan;
use crate::wire::{Record, RecordRequest, mark_of, network_of};
use crate::zone::Zone;

/// Where Cloudflare's API is.
pub const PUBLIC_API: &str = "https://api.cloudflare.com/client/v4";

/// How often a record is created anew when its creation failed and a look did not find it.
const MOST_CREATIONS: u32 = 3;

/// Which zone, by whose leave.
#[derive(Debug, Clone)]
pub struct CloudflareOptions {
    /// The API's base address: [`PUBLIC_API`], or a simulation's.
    pub api: Url,
    /// The domain, which is the zone's name.
    pub domain: String,
    /// An API token that may read the zone and edit its records.
    pub token: SecretString,
}

/// The records of one zone.
#[derive(Debug)]
pub struct Cloudflare {
    domain: String,
    zone: Zone,
}

impl Cloudflare {
    /// The zone that `options` name. Nothing is called yet.
    #[must_use]
    pub fn new(client: Client, options: CloudflareOptions) -> Self {
        let domain = options.domain.trim_end_matches('.').to_ascii_lowercase();
        let zone = Zone::new(client, options.api, domain.clone(), options.token);
        Self { domain, zone }
    }

    /// What has to be done so that the record exists; refused when its name belongs to somebody else.
    async fn plan(&self, operation: &str, record: &DnsRecord) -> Result<Plan> {
        self.check(operation, record)?;
        let existing = self.zone.records_named(&record.name).await?;
        plan::plan(&existing, record)
    }

    fn check(&self, operation: &str, record: &DnsRecord) -> Result<()> {
        let refuse = |reason: String| Err(Error::new(Meaning::Invalid, operation, &record.name, reason));
        let name = record.name.to_ascii_lowercase();
        let inside =
            name.strip_suffix(&self.domain).is_some_and(|host| host.is_empty() || host.ends_with('.'));
        if !inside {
            return refuse(format!("the name is not in the domain {}", self.domain));
        }
        if record.address.parse::<Ipv4Addr>().is_err() {
            return refuse(format!("`{}` is no IPv4 address", record.address));
        }
        Ok(())
    }

    /// Creates a record that a look did not find. After a failure that leaves it open whether the record exists, it looks again.
    async fn create(&self, record: &DnsRecord) -> Result<Outcome> {
        let request = RecordRequest::of(record);
        let mut creations = 1;
        loop {
            let Err(error) = self.zone.create(&record.name, &request).await else {
                return Ok(Outcome::Created);
            };
            let unclear = error.effect() == Effect::Possible || error.meaning() == Meaning::AlreadyExists;
            if !unclear {
                return Err(error);
            }
            match self.plan("ensure DNS record", record).await? {
                Plan::Keep => return Ok(Outcome::Created),
                Plan::Create if error.effect() == Effect::Possible && creations < MOST_CREATIONS => {
                    creations += 1
                }
                Plan::Change { keep, surplus, .. } => {
                    self.change(record, &keep, &surplus).await?;
                    return Ok(Outcome::Created);
                }
                Plan::Create => return Err(error),
            }
        }
    }

    /// Gives the record `keep` what is wanted and deletes the others.
    async fn change(&self, record: &DnsRecord, keep: &str, surplus: &[String]) -> Result<()> {
        self.zone.change(&record.name, keep, &RecordRequest::of(record)).await?;
        for id in surplus {
            self.zone.delete(&record.name, id).await?;
        }
        Ok(())
    }
}

/// A record of ours as the rest of Spacecraft knows it.
fn described(record: Record) -> Option<DnsRecord> {
    let network = network_of(&record)?;
    (record.kind == "A").then_some(DnsRecord {
        name: record.name,
        address: record.content,
        proxied: record.proxied,
        network,
    })
}

#[async_trait]
impl DnsProvider for Cloudflare {
    fn domain(&self) -> &str {
        &self.domain
    }

    async fn check_access(&self) -> Result<()> {
        self.zone.check_access().await
    }

    async fn look(&self, record: &DnsRecord) -> Result<Look> {
        Ok(match self.plan("look up DNS record", record).await? {
            Plan::Keep => Look::Same,
            Plan::Create => Look::Absent,
            Plan::Change { differences, .. } => Look::Differs(differences),
        })
    }

    async fn ensure(&self, record: &DnsRecord) -> Result<Outcome> {
        match self.plan("ensure DNS record", record).await? {
            Plan::Keep => Ok(Outcome::Unchanged),
            Plan::Create => self.create(record).await,
            Plan::Change { keep, surplus, .. } => {
                self.change(record, &keep, &surplus).await?;
                Ok(Outcome::Updated)
            }
        }
    }

    async fn remove(&self, name: &str, network: &NetworkName) -> Result<Outcome> {
        let mark = mark_of(network);
        let existing = self.zone.records_named(name).await?;
        let mut outcome = Outcome::Absent;
        for record in existing.iter().filter(|record| record.kind == "A" && record.comment() == mark) {
            let deleted = self.zone.delete(name, &record.id).await?;
            if deleted == Outcome::Removed {
                outcome = deleted;
            }
        }
        Ok(outcome)
    }

    async fn list(&self, network: Option<&NetworkName>) -> Result<Vec<DnsRecord>> {
        let ours = self.zone.marked_records().await?.into_iter().filter_map(described);
        Ok(ours.filter(|record| network.is_none_or(|network| record.network == *network)).collect())
    }

    async fn unmarked_names(&self) -> Result<Vec<String>> {
        let records = self.zone.unmarked_addresses().await?;
        Ok(records.into_iter().map(|record| record.name).collect())
    }
}
