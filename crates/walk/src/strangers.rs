//! Calls that come from somebody else than the command.

use anyhow::{Result, bail};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use jiff::Timestamp;
use serde_json::Value;
use spacecraft_sandbox::World;
use spacecraft_sandbox::address::ServiceAddress;
use spacecraft_sandbox::wire::{Answer, Request};

/// Deletes the cluster and the record of a network. What else it had stays.
///
/// # Errors
///
/// When the cloud refuses it.
pub(crate) fn lose(world: &mut World, now: Timestamp, network: &str) -> Result<()> {
    let inventory = world.inventory();
    for cluster in &inventory.clusters {
        if let Some((location, _)) = cluster.split_once('/').filter(|(_, name)| *name == network) {
            let path = format!("/v1/projects/spacecraft-sandbox/locations/{location}/clusters/{network}");
            ask(world, now, &ServiceAddress::Container, Method::DELETE, &path, Bytes::new())?;
        }
    }
    for (bucket, objects) in &inventory.buckets {
        for name in objects.keys().filter(|name| name.starts_with(&format!("{network}/"))) {
            let path = format!("/storage/v1/b/{bucket}/o/{}", name.replace('/', "%2F"));
            ask(world, now, &ServiceAddress::Storage, Method::DELETE, &path, Bytes::new())?;
        }
    }
    Ok(())
}

/// Makes a call and reads its answer; null when it is empty.
///
/// # Errors
///
/// When the call fails.
pub(crate) fn ask(
    world: &mut World,
    now: Timestamp,
    address: &ServiceAddress,
    method: Method,
    target: &str,
    body: Bytes,
) -> Result<Value> {
    let credentials = &world.environment().credentials;
    let token = match address {
        ServiceAddress::Cloudflare => credentials.cloudflare_token.clone(),
        _ => credentials.access_token(&["https://www.googleapis.com/auth/cloud-platform"], Timestamp::now()),
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}"))?);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let request = Request { method, path: path.to_owned(), query: query.to_owned(), headers, body };
    match world.handle(address, &request, now) {
        Answer::Full(response) if response.status.is_success() && response.body.is_empty() => Ok(Value::Null),
        Answer::Full(response) if response.status.is_success() => Ok(serde_json::from_slice(&response.body)?),
        Answer::Full(response) => {
            bail!("{target}: {} {}", response.status, String::from_utf8_lossy(&response.body))
        }
        _ => bail!("{target}: no whole answer"),
    }
}
