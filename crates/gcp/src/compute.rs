//! Compute Engine: operations and lists of it; [`disk`] and [`firewall`] build on them.

pub(crate) mod disk;
pub(crate) mod firewall;
pub(crate) mod load_balancer;
pub(crate) mod region;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use spacecraft_core::wait::{Progress, Wait};
use spacecraft_core::{Effect, Error, Meaning, Result};
use spacecraft_http::{Idempotency, Request};

use crate::api::{Api, fetch, find};

/// The server answers `wait` after two minutes at the latest.
const WAIT_TIMEOUT: Duration = Duration::from_secs(150);
/// The pause between two waits, for a server that is too busy to wait.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The largest page that Compute serves.
const PAGE_SIZE: &str = "500";
/// The most pages of one list that are read, against a server that never ends it.
const MOST_PAGES: usize = 2_000;

/// Where a resource lives, as URL segments below the project: `["global"]`, `["zones", Z]` or `["regions", R]`.
pub(crate) type Scope<'a> = &'a [&'a str];

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Operation {
    name: String,
    status: String,
    error: Option<OperationError>,
    http_error_message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OperationError {
    errors: Vec<OperationFault>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OperationFault {
    code: String,
    message: String,
}

impl Operation {
    /// Why an operation that is done failed, as meaning and text.
    fn failure(&self) -> Option<(Meaning, String)> {
        let faults = self.error.as_ref()?;
        let texts: Vec<String> =
            faults.errors.iter().map(|fault| format!("{}: {}", fault.code, fault.message)).collect();
        let code = faults.errors.first().map(|fault| fault.code.as_str()).unwrap_or_default();
        let text = if texts.is_empty() { self.http_error_message.clone() } else { texts.join("; ") };
        Some((meaning_of_fault(code), text))
    }
}

fn meaning_of_fault(code: &str) -> Meaning {
    match code {
        "RESOURCE_NOT_FOUND" => Meaning::NotFound,
        "RESOURCE_ALREADY_EXISTS" => Meaning::AlreadyExists,
        "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE" => Meaning::PreconditionFailed,
        "QUOTA_EXCEEDED" => Meaning::Quota,
        "PERMISSIONS_ERROR" => Meaning::Denied,
        _ => Meaning::Other,
    }
}

/// Sends a change and waits until its operation is done. The request carries an identifier, so that repeating it after a lost
/// reply does not do it twice.
pub(crate) async fn change(
    api: &Api,
    scope: Scope<'_>,
    doing: &str,
    name: &str,
    request: Request,
    wait: &Wait,
) -> Result<()> {
    let request = request.about(doing, name).query("requestId", api.request_id());
    let response = request.send().await?;
    let operation: Operation = response.json("a Compute operation")?;
    if operation.name.is_empty() {
        return Err(response.misread("the reply names no operation"));
    }
    let segments = [scope, &["operations", operation.name.as_str(), "wait"]].concat();
    let url = api.compute(&segments);
    let look = || async {
        let request = api.post(&url, &json!({}), Idempotency::Safe).timeout(WAIT_TIMEOUT).about(doing, name);
        let operation: Option<Operation> = find(request, "a Compute operation").await?;
        let operation = operation.ok_or_else(|| forgotten(doing, name))?;
        Ok(if operation.status == "DONE" {
            Progress::Ready(operation.failure())
        } else {
            Progress::Pending(format!("operation {} is {}", operation.name, operation.status))
        })
    };
    match wait.until(&format!("{doing} {name}"), POLL_INTERVAL, look).await? {
        Some((meaning, text)) => Err(Error::new(meaning, doing, name, text).with_effect(Effect::Possible)),
        None => Ok(()),
    }
}

/// The error of an operation that Compute does not know any more: what came of it is unknown.
fn forgotten(doing: &str, name: &str) -> Error {
    Error::new(Meaning::Other, doing, name, "its operation is not known any more")
        .with_effect(Effect::Possible)
        .with_hint("run the command again")
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: DeserializeOwned")]
struct Page<T> {
    #[serde(default = "Vec::new")]
    items: Vec<T>,
    #[serde(default)]
    next_page_token: String,
}

/// All items of a list, from all of its pages.
pub(crate) async fn list<T: DeserializeOwned>(api: &Api, segments: &[&str], doing: &str) -> Result<Vec<T>> {
    let url = api.compute(segments);
    let request = || api.get(&url).about(doing, api.project.as_str()).query("maxResults", PAGE_SIZE);
    let pages: Vec<Page<T>> = pages(request, doing, |page: &Page<T>| &page.next_page_token).await?;
    Ok(pages.into_iter().flat_map(|page| page.items).collect())
}

/// A part of an aggregated list: what one zone or region has.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ScopedItems {
    #[serde(flatten)]
    pub(crate) lists: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AggregatedPage {
    items: BTreeMap<String, ScopedItems>,
    next_page_token: String,
    unreachables: Vec<String>,
    warning: Option<Warning>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Warning {
    code: String,
    message: String,
}

/// All items of one kind in all zones and regions, by scope (`zones/us-central1-a`).
///
/// # Errors
///
/// [`Meaning::Unavailable`] when a zone or region did not answer: what is missing from a partial list may well exist.
pub(crate) async fn list_everywhere<T: DeserializeOwned>(
    api: &Api,
    kind: &str,
    filter: &str,
    doing: &str,
) -> Result<Vec<(String, T)>> {
    let url = api.compute(&["aggregated", kind]);
    let request = || {
        let request = api.get(&url).about(doing, api.project.as_str());
        let request = request.query("maxResults", PAGE_SIZE);
        if filter.is_empty() { request } else { request.query("filter", filter) }
    };
    let pages: Vec<AggregatedPage> =
        pages(request, doing, |page: &AggregatedPage| &page.next_page_token).await?;
    let mut found = Vec::new();
    for page in pages {
        refuse_partial(&page, doing, &api.project)?;
        for (scope, items) in page.items {
            for item in scoped::<T>(items, kind, &scope, doing, &api.project)? {
                found.push((scope.clone(), item));
            }
        }
    }
    Ok(found)
}

fn scoped<T: DeserializeOwned>(
    mut items: ScopedItems,
    kind: &str,
    scope: &str,
    doing: &str,
    project: &str,
) -> Result<Vec<T>> {
    let warning = items.lists.remove("warning").and_then(|value| serde_json::from_value(value).ok());
    refuse_warning(warning.as_ref(), scope, doing, project)?;
    let Some(list) = items.lists.remove(kind) else { return Ok(Vec::new()) };
    serde_json::from_value(list).map_err(|error| {
        let reason = format!("the {kind} of {scope} cannot be read");
        Error::new(Meaning::Invalid, doing, project, reason).with_source(error)
    })
}

fn refuse_partial(page: &AggregatedPage, doing: &str, project: &str) -> Result<()> {
    if !page.unreachables.is_empty() {
        return Err(partial(doing, project, &page.unreachables.join(", ")));
    }
    refuse_warning(page.warning.as_ref(), "the project", doing, project)
}

/// The one warning that is normal says that a scope has nothing on this page.
fn refuse_warning(warning: Option<&Warning>, scope: &str, doing: &str, project: &str) -> Result<()> {
    match warning {
        Some(warning) if matches!(warning.code.as_str(), "UNREACHABLE" | "PARTIAL_SUCCESS") => {
            Err(partial(doing, project, &format!("{scope} ({} {})", warning.code, warning.message)))
        }
        _ => Ok(()),
    }
}

fn partial(doing: &str, project: &str, scopes: &str) -> Error {
    let reason = format!("the list is not complete: no answer from {scopes}");
    Error::new(Meaning::Unavailable, doing, project, reason)
        .with_hint("run the command again when the zone or region answers")
}

/// All pages of a list.
async fn pages<P: DeserializeOwned>(
    request: impl Fn() -> Request,
    doing: &str,
    next: impl Fn(&P) -> &String,
) -> Result<Vec<P>> {
    let mut pages = Vec::new();
    let mut token = String::new();
    while pages.len() < MOST_PAGES {
        let request = if token.is_empty() { request() } else { request().query("pageToken", &token) };
        let page: P = fetch(request, "a page of a Compute list").await?;
        let following = next(&page).clone();
        pages.push(page);
        if following.is_empty() {
            return Ok(pages);
        }
        token = following;
    }
    let reason = format!("the list does not end after {MOST_PAGES} pages");
    Err(Error::new(Meaning::Invalid, doing, "", reason))
}

/// The last part of a URL or path: the name of what it leads to.
pub(crate) fn last_segment(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}
