//! The calls, bound to one zone.

use std::sync::Arc;

use secrecy::SecretString;
use serde::de::{DeserializeOwned, IgnoredAny};
use spacecraft_core::observer::Outcome;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Client, Credential, Idempotency, Request, Url, with_segments};
use tokio::sync::OnceCell;

use crate::dialect::CloudflareDialect;
use crate::wire::{Envelope, MARK, Record, RecordRequest, ZoneAnswer};

const RECORDS_PER_PAGE: u32 = 100;

/// No zone has more records than this many pages hold; a server that announces more is not believed.
const MOST_PAGES: u32 = 1000;

#[derive(Debug)]
pub(crate) struct Zone {
    client: Client,
    api: Url,
    domain: String,
    token: SecretString,
    identifier: OnceCell<String>,
}

impl Zone {
    pub(crate) fn new(client: Client, api: Url, domain: String, token: SecretString) -> Self {
        Self { client, api, domain, token, identifier: OnceCell::new() }
    }

    /// Checks that the zone is there and that its records can be read and, as far as Cloudflare says so, edited.
    pub(crate) async fn check_access(&self) -> Result<()> {
        let zone = self.find().await?;
        let may = |what: &str| zone.permissions.iter().any(|permission| permission == what);
        if may("#dns_records:read") && !may("#dns_records:edit") {
            let reason = "the API token may read the zone's records and not edit them";
            return Err(Error::new(Meaning::Denied, "use DNS zone", &self.domain, reason)
                .with_hint("give the token the permission DNS:Edit for this zone"));
        }
        let records = self.records_url(None).await?;
        let request = self.prepare(self.client.get(records), "list DNS records", &self.domain);
        request.query("page", "1").query("per_page", "5").send().await.map(drop)
    }

    /// All records under exactly this name, of every kind.
    pub(crate) async fn records_named(&self, name: &str) -> Result<Vec<Record>> {
        let records = self.all_records(name, &[("name", name)]).await?;
        Ok(records.into_iter().filter(|record| record.name.eq_ignore_ascii_case(name)).collect())
    }

    /// All records that carry a mark of ours, of whichever network.
    pub(crate) async fn marked_records(&self) -> Result<Vec<Record>> {
        let records = self.all_records(&self.domain, &[("comment.startswith", MARK)]).await?;
        Ok(records.into_iter().filter(|record| record.comment().starts_with(MARK)).collect())
    }

    /// All address records that carry no mark of ours.
    pub(crate) async fn unmarked_addresses(&self) -> Result<Vec<Record>> {
        let records = self.all_records(&self.domain, &[("type", "A")]).await?;
        let is_foreign = |record: &Record| record.kind == "A" && !record.comment().starts_with(MARK);
        Ok(records.into_iter().filter(is_foreign).collect())
    }

    pub(crate) async fn create(&self, name: &str, record: &RecordRequest) -> Result<()> {
        let url = self.records_url(None).await?;
        let request = self.prepare(self.client.post(url), "create DNS record", name);
        read::<Envelope<Record>>(request.json(record), "a DNS record").await.map(drop)
    }

    pub(crate) async fn change(&self, name: &str, id: &str, record: &RecordRequest) -> Result<()> {
        let url = self.records_url(Some(id)).await?;
        let request = self.prepare(self.client.patch(url), "change DNS record", name);
        let request = request.idempotency(Idempotency::Idempotent).json(record);
        read::<Envelope<Record>>(request, "a DNS record").await.map(drop)
    }

    pub(crate) async fn delete(&self, name: &str, id: &str) -> Result<Outcome> {
        let url = self.records_url(Some(id)).await?;
        let request = self.prepare(self.client.delete(url), "delete DNS record", name);
        match read::<Envelope<IgnoredAny>>(request, "the identifier of a DNS record").await {
            Ok(_) => Ok(Outcome::Removed),
            Err(error) if error.is_not_found() => Ok(Outcome::Absent),
            Err(error) => Err(error),
        }
    }

    async fn all_records(&self, about: &str, filter: &[(&str, &str)]) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        for page in 1..=MOST_PAGES {
            let answer = self.records_page(about, filter, page).await?;
            let full = answer.result.len() >= RECORDS_PER_PAGE as usize;
            records.extend(answer.result);
            let last = answer.result_info.map_or(!full, |info| page >= info.total_pages);
            if last {
                return Ok(records);
            }
        }
        let reason = format!("the list goes on after {MOST_PAGES} pages");
        Err(Error::new(Meaning::Invalid, "list DNS records", about, reason))
    }

    async fn records_page(
        &self,
        about: &str,
        filter: &[(&str, &str)],
        page: u32,
    ) -> Result<Envelope<Vec<Record>>> {
        let url = self.records_url(None).await?;
        let mut request = self.prepare(self.client.get(url), "list DNS records", about);
        for (name, value) in filter {
            request = request.query(name, value);
        }
        request = request.query("page", page.to_string()).query("per_page", RECORDS_PER_PAGE.to_string());
        read(request, "a list of DNS records").await
    }

    async fn records_url(&self, id: Option<&str>) -> Result<Url> {
        let zone = self.identifier.get_or_try_init(|| async { Ok(self.find().await?.id) }).await?;
        Ok(with_segments(&self.api, ["zones", zone, "dns_records"].into_iter().chain(id)))
    }

    async fn find(&self) -> Result<ZoneAnswer> {
        let url = with_segments(&self.api, ["zones"]);
        let request = self.prepare(self.client.get(url), "look up DNS zone", &self.domain);
        let request = request.query("name", &self.domain).query("status", "active").query("per_page", "50");
        let zones: Envelope<Vec<ZoneAnswer>> = read(request, "a list of zones").await?;
        let zone = zones.result.into_iter().find(|zone| zone.name.eq_ignore_ascii_case(&self.domain));
        zone.ok_or_else(|| {
            let reason = "the API token sees no active zone of that name";
            Error::new(Meaning::NotFound, "look up DNS zone", &self.domain, reason)
                .with_hint("check --domain, and that the token has the permission Zone:Read for it")
        })
    }

    fn prepare(&self, request: Request, operation: &str, resource: &str) -> Request {
        request
            .about(operation, resource)
            .credential(Credential::Token(self.token.clone()))
            .dialect(Arc::new(CloudflareDialect))
    }
}

async fn read<T: DeserializeOwned>(request: Request, expected: &str) -> Result<T> {
    request.send().await?.json(expected)
}
