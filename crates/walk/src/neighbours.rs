//! What others have in the same cloud: it must be there unchanged whatever is done to our networks.

use anyhow::{Context, Result};
use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use spacecraft_sandbox::World;
use spacecraft_sandbox::address::ServiceAddress;

use crate::strangers::ask;

/// A discovery file with entries, fields and a layout of others.
const DISCOVERY_FILE: &str = r#"[
  {"netName": "theirs", "zzz": 1.50, "aaa": {"unknown": [1e3]}, "netID": 7}
]
"#;

/// DNS records of others: some with names like ours.
const RECORDS: [(&str, &str, &str); 4] = [
    ("A", "kibana-net10.spacemesh.io", "203.0.113.7"),
    ("A", "net1.spacemesh.io", "203.0.113.8"),
    ("TXT", "kibana.spacemesh.io", "\"v=spf1 -all\""),
    ("CNAME", "www.spacemesh.io", "spacemesh.io"),
];

/// Lets others move in.
///
/// # Errors
///
/// When the cloud refuses them.
pub fn move_in(world: &mut World, now: Timestamp) -> Result<()> {
    let zones = ask(world, now, &ServiceAddress::Cloudflare, Method::GET, "/client/v4/zones", Bytes::new())?;
    let zone =
        zones.pointer("/result/0/id").and_then(Value::as_str).context("there is no DNS zone")?.to_owned();
    for (kind, name, content) in RECORDS {
        let record = json!({"type": kind, "name": name, "content": content, "ttl": 300, "proxied": false});
        let path = format!("/client/v4/zones/{zone}/dns_records");
        ask(world, now, &ServiceAddress::Cloudflare, Method::POST, &path, record.to_string().into())?;
    }
    let path = "/upload/storage/v1/b/sm-discovery-service/o?uploadType=media&name=networks.json";
    ask(
        world,
        now,
        &ServiceAddress::Storage,
        Method::POST,
        path,
        Bytes::from_static(DISCOVERY_FILE.as_bytes()),
    )?;
    let rule = json!({"name": "net1-theirs", "sourceRanges": ["198.51.100.0/24"],
                      "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}]});
    let path = "/compute/v1/projects/spacecraft-sandbox/global/firewalls";
    ask(world, now, &ServiceAddress::Compute, Method::POST, path, rule.to_string().into())?;
    Ok(())
}
