//! DNS records: validation, conflicts, filters and batches.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Cloudflare, Refusal, Reply, no_route, paged, permit, success, zone_name};
use crate::{context::Context, wire::Request};

const TYPES: [&str; 6] = ["A", "AAAA", "CNAME", "TXT", "MX", "SRV"];
const MAX_COMMENT: usize = 100;
const MAX_BATCH: usize = 200;
const MAX_RECORDS: usize = 1_000;

/// A DNS record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    id: String,
    zone: String,
    #[serde(rename = "type")]
    kind: String,
    /// The full name, in lower case.
    pub(crate) name: String,
    content: String,
    proxied: bool,
    ttl: u32,
    comment: Option<String>,
    created_on: Timestamp,
    modified_on: Timestamp,
}

/// The fields of a request; what is not given keeps its former or default value.
#[derive(Debug, Default, Deserialize)]
struct Fields {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    content: Option<String>,
    proxied: Option<bool>,
    ttl: Option<u32>,
    /// Null removes the comment.
    #[serde(default, deserialize_with = "present")]
    comment: Option<Value>,
    tags: Option<Vec<String>>,
}

/// Tells a field that is null from one that is absent.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Record {
    /// The record's type and content, as in `A 127.0.0.1`.
    pub(crate) fn summary(&self) -> String {
        format!("{} {} {}", self.name, self.kind, self.content)
    }

    fn to_json(&self) -> Value {
        json!({
            "id": self.id, "type": self.kind, "name": self.name, "content": self.content, "proxied": self.proxied,
            "proxiable": matches!(self.kind.as_str(), "A" | "AAAA" | "CNAME"), "ttl": self.ttl,
            "comment": self.comment, "tags": [], "settings": {}, "meta": {}, "created_on": self.created_on,
            "modified_on": self.modified_on,
        })
    }

    fn text(&self, field: &str) -> &str {
        match field {
            "name" => &self.name,
            "content" => &self.content,
            _ => self.comment.as_deref().unwrap_or_default(),
        }
    }
}

fn record_missing() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, 81_044, "Record does not exist.")
}

fn read_body<T: for<'de> Deserialize<'de>>(value: &Value) -> Result<T, Refusal> {
    T::deserialize(value).map_err(|error| Refusal::bad(9207, format!("Request body is invalid: {error}")))
}

fn json_body(request: &Request) -> Result<Value, Refusal> {
    serde_json::from_slice(&request.body)
        .map_err(|_| Refusal::bad(9207, "Request body is invalid: it is no JSON"))
}

impl Cloudflare {
    pub(super) fn handle_records(
        &mut self,
        request: &Request,
        zone: &str,
        rest: &[&str],
        context: &mut Context<'_>,
    ) -> Reply {
        permit(if request.is_write() { "dns:edit" } else { "dns:read" }, context)?;
        match (&request.method, rest) {
            (&Method::GET, []) => self.list_records(request, zone),
            (&Method::POST, []) => success(&self.post(zone, &json_body(request)?, context)?),
            (&Method::POST, ["batch"]) => self.batch(zone, &json_body(request)?, context),
            (&Method::GET, [id]) => success(&self.record(zone, id)?.to_json()),
            (&Method::PUT, [id]) => success(&self.put(zone, id, &json_body(request)?, context)?),
            (&Method::PATCH, [id]) => success(&self.patch(zone, id, &json_body(request)?, context)?),
            (&Method::DELETE, [id]) => success(&self.delete(zone, id)?),
            _ => Err(no_route(request)),
        }
    }

    fn record(&self, zone: &str, id: &str) -> Result<&Record, Refusal> {
        self.records.iter().find(|record| record.zone == zone && record.id == id).ok_or_else(record_missing)
    }

    fn list_records(&self, request: &Request, zone: &str) -> Reply {
        let filters: Vec<(String, String)> = request
            .query_pairs()
            .into_iter()
            .filter(|(key, _)| {
                let paging = ["page", "per_page", "match", "order", "direction", "tag_match"];
                !paging.contains(&key.as_str())
            })
            .collect();
        let any = request.query_value("match").as_deref() == Some("any");
        let mut found: Vec<&Record> = self.records.iter().filter(|record| record.zone == zone).collect();
        if !filters.is_empty() {
            found.retain(|record| {
                let mut checks = filters.iter().map(|(key, value)| passes(record, key, value));
                if any { checks.any(|passed| passed) } else { checks.all(|passed| passed) }
            });
        }
        match request.query_value("order").as_deref() {
            Some("type") => found.sort_by(|a, b| a.kind.cmp(&b.kind)),
            Some("content") => found.sort_by(|a, b| a.content.cmp(&b.content)),
            Some("ttl") => found.sort_by_key(|record| record.ttl),
            _ => found.sort_by(|a, b| a.name.cmp(&b.name)),
        }
        if request.query_value("direction").as_deref() == Some("desc") {
            found.reverse();
        }
        paged(request, found.into_iter().map(Record::to_json).collect(), 100, 5_000_000)
    }

    fn post(&mut self, zone: &str, body: &Value, context: &mut Context<'_>) -> Result<Value, Refusal> {
        if self.records.iter().filter(|record| record.zone == zone).count() >= MAX_RECORDS {
            return Err(Refusal::bad(81_045, "Record quota exceeded."));
        }
        let fields: Fields = read_body(body)?;
        let required = |field: Option<String>, name: &str| {
            field.ok_or_else(|| Refusal::bad(9000, format!("DNS Validation Error: {name} is required")))
        };
        let record = Record {
            id: context.mint.hex(32),
            zone: zone.to_owned(),
            kind: required(fields.kind, "type")?,
            name: required(fields.name, "name")?,
            content: required(fields.content, "content")?,
            proxied: fields.proxied.unwrap_or(false),
            ttl: fields.ttl.unwrap_or(1),
            comment: fields.comment.as_ref().and_then(Value::as_str).map(str::to_owned),
            created_on: context.now,
            modified_on: context.now,
        };
        refuse_tags(fields.tags)?;
        let record = self.accept(record)?;
        let shown = record.to_json();
        self.records.push(record);
        Ok(shown)
    }

    fn put(&mut self, zone: &str, id: &str, body: &Value, context: &Context<'_>) -> Result<Value, Refusal> {
        let fields: Fields = read_body(body)?;
        let mut record = self.record(zone, id)?.clone();
        record.proxied = false;
        record.ttl = 1;
        record.comment = None;
        if fields.kind.is_none() || fields.name.is_none() || fields.content.is_none() {
            return Err(Refusal::bad(9000, "DNS Validation Error: type, name and content are required"));
        }
        self.change(record, fields, context)
    }

    fn patch(&mut self, zone: &str, id: &str, body: &Value, context: &Context<'_>) -> Result<Value, Refusal> {
        let record = self.record(zone, id)?.clone();
        self.change(record, read_body(body)?, context)
    }

    fn change(
        &mut self,
        mut record: Record,
        fields: Fields,
        context: &Context<'_>,
    ) -> Result<Value, Refusal> {
        refuse_tags(fields.tags)?;
        record.kind = fields.kind.unwrap_or(record.kind);
        record.name = fields.name.unwrap_or(record.name);
        record.content = fields.content.unwrap_or(record.content);
        record.proxied = fields.proxied.unwrap_or(record.proxied);
        record.ttl = fields.ttl.unwrap_or(record.ttl);
        if let Some(comment) = fields.comment {
            record.comment = comment.as_str().map(str::to_owned);
        }
        record.modified_on = context.now;
        let record = self.accept(record)?;
        let shown = record.to_json();
        if let Some(known) = self.records.iter_mut().find(|known| known.id == record.id) {
            *known = record;
        }
        Ok(shown)
    }

    fn delete(&mut self, zone: &str, id: &str) -> Result<Value, Refusal> {
        self.record(zone, id)?;
        self.records.retain(|record| record.id != id);
        Ok(json!({ "id": id }))
    }

    /// Deletes, patches, puts and posts, in this order, all or none.
    fn batch(&mut self, zone: &str, body: &Value, context: &mut Context<'_>) -> Reply {
        let list = |name: &str| body[name].as_array().cloned().unwrap_or_default();
        let total: usize = ["deletes", "patches", "puts", "posts"].iter().map(|name| list(name).len()).sum();
        if total > MAX_BATCH {
            return Err(Refusal::bad(
                1004,
                format!("DNS Validation Error: a batch holds at most {MAX_BATCH} operations"),
            ));
        }
        let mut trial = self.clone();
        let id = |entry: &Value| entry["id"].as_str().unwrap_or_default().to_owned();
        let mut result = json!({"deletes": [], "patches": [], "puts": [], "posts": []});
        for name in ["deletes", "patches", "puts", "posts"] {
            let mut done = Vec::new();
            for entry in list(name) {
                done.push(match name {
                    "deletes" => trial.delete(zone, &id(&entry))?,
                    "patches" => trial.patch(zone, &id(&entry), &entry, context)?,
                    "puts" => trial.put(zone, &id(&entry), &entry, context)?,
                    _ => trial.post(zone, &entry, context)?,
                });
            }
            result[name] = json!(done);
        }
        *self = trial;
        success(&result)
    }

    /// The record as Cloudflare would store it.
    fn accept(&self, mut record: Record) -> Result<Record, Refusal> {
        let domain = zone_name(&record.zone).unwrap_or_default();
        record.name = full_name(&record.name, domain);
        check_fields(&record)?;
        if record.proxied {
            record.ttl = 1;
        }
        let others = self
            .records
            .iter()
            .filter(|other| other.zone == record.zone && other.id != record.id && other.name == record.name);
        for other in others {
            check_conflict(&record, other)?;
        }
        Ok(record)
    }
}

fn full_name(name: &str, domain: &str) -> String {
    let name = name.trim_end_matches('.').to_lowercase();
    if name == "@" {
        return domain.to_owned();
    }
    let inside = name == domain || name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    if inside { name } else { format!("{name}.{domain}") }
}

fn check_fields(record: &Record) -> Result<(), Refusal> {
    let invalid = |what: &str| Refusal::bad(1004, format!("DNS Validation Error: {what}"));
    if !TYPES.contains(&record.kind.as_str()) {
        return Err(invalid("the record type is invalid"));
    }
    let lawful = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*'))
    };
    if record.name.len() > 255 || !record.name.split('.').all(lawful) {
        return Err(Refusal::bad(9000, "DNS name is invalid."));
    }
    match record.kind.as_str() {
        "A" if record.content.parse::<Ipv4Addr>().is_err() => {
            return Err(Refusal::bad(9005, "Content for A record must be a valid IPv4 address."));
        }
        "AAAA" if record.content.parse::<Ipv6Addr>().is_err() => {
            return Err(Refusal::bad(9006, "Content for AAAA record must be a valid IPv6 address."));
        }
        _ if record.content.is_empty() => return Err(invalid("content is empty")),
        _ => {}
    }
    if record.ttl != 1 && !(60..=86_400).contains(&record.ttl) {
        return Err(Refusal::bad(9021, "TTL must be between 60 and 86400 seconds, or 1 for automatic."));
    }
    if record.proxied && !matches!(record.kind.as_str(), "A" | "AAAA" | "CNAME") {
        return Err(Refusal::bad(9004, "This record type cannot be proxied."));
    }
    let comment = record.comment.as_deref().unwrap_or_default();
    if comment.chars().count() > MAX_COMMENT || comment.contains('\n') {
        return Err(invalid("the comment is too long or has line breaks"));
    }
    Ok(())
}

fn refuse_tags(tags: Option<Vec<String>>) -> Result<(), Refusal> {
    match tags {
        Some(tags) if !tags.is_empty() => {
            Err(Refusal::bad(9300, "DNS record has 0 tags available on your plan, exceeding the quota."))
        }
        _ => Ok(()),
    }
}

fn check_conflict(record: &Record, other: &Record) -> Result<(), Refusal> {
    let is_address = |kind: &str| matches!(kind, "A" | "AAAA");
    if record.kind == other.kind && record.content == other.content {
        return Err(Refusal::bad(81_058, "An identical record already exists."));
    }
    if record.kind == "CNAME" && (is_address(&other.kind) || other.kind == "CNAME") {
        return Err(Refusal::bad(81_053, "An A, AAAA, or CNAME record with that host already exists."));
    }
    if is_address(&record.kind) && other.kind == "CNAME" {
        return Err(Refusal::bad(81_054, "A CNAME record with that host already exists."));
    }
    Ok(())
}

/// True when a record passes one filter of a list request; unknown filters pass everything.
fn passes(record: &Record, key: &str, value: &str) -> bool {
    let (field, operator) = key.split_once('.').unwrap_or((key, "exact"));
    let value = value.to_lowercase();
    match field {
        "type" => record.kind.to_lowercase() == value,
        "proxied" => record.proxied.to_string() == value,
        "search" => ["name", "content", "comment"]
            .iter()
            .any(|field| record.text(field).to_lowercase().contains(&value)),
        "tag" => false,
        "name" | "content" | "comment" => {
            let text = record.text(field).to_lowercase();
            match operator {
                "exact" => text == value,
                "contains" => text.contains(&value),
                "startswith" => text.starts_with(&value),
                "endswith" => text.ends_with(&value),
                "present" => !text.is_empty(),
                "absent" => text.is_empty(),
                _ => true,
            }
        }
        _ => true,
    }
}
