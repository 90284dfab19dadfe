//! The shapes of Cloudflare's API v4.

use serde::{Deserialize, Serialize};
use spacecraft_core::names::NetworkName;
use spacecraft_core::traits::DnsRecord;

/// What the comment of our records begins with.
pub(crate) const MARK: &str = "spacecraft:";

/// `{"success", "errors", "messages", "result", "result_info"}`, in which every answer is wrapped.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope<T> {
    pub(crate) result: T,
    #[serde(default)]
    pub(crate) result_info: Option<Page>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Page {
    #[serde(default)]
    pub(crate) total_pages: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ZoneAnswer {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) permissions: Vec<String>,
}

/// A DNS record.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) content: String,
    #[serde(default)]
    pub(crate) proxied: bool,
    #[serde(default)]
    comment: Option<String>,
}

impl Record {
    pub(crate) fn comment(&self) -> &str {
        self.comment.as_deref().unwrap_or_default()
    }
}

/// A DNS record that is to be created, or what it is to be changed to.
#[derive(Debug, Serialize)]
pub(crate) struct RecordRequest {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    content: String,
    proxied: bool,
    /// Seconds; 1 leaves it to Cloudflare.
    ttl: u32,
    comment: String,
}

impl RecordRequest {
    pub(crate) fn of(record: &DnsRecord) -> Self {
        Self {
            kind: "A",
            name: record.name.clone(),
            content: record.address.clone(),
            proxied: record.proxied,
            ttl: 1,
            comment: mark_of(&record.network),
        }
    }
}

/// The comment of a network's records.
pub(crate) fn mark_of(network: &NetworkName) -> String {
    format!("{MARK}{network}")
}

/// The network whose mark a record carries.
pub(crate) fn network_of(record: &Record) -> Option<NetworkName> {
    NetworkName::new(record.comment().strip_prefix(MARK)?).ok()
}
