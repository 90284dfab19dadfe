//! Chart repositories: an `index.yaml` beside packed charts.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_gotemplate::yaml;
use spacecraft_http::{Response, shown_url};
use url::Url;

use super::cache::check_digest;
use super::{ChartReference, ChartSources};
use crate::version;

/// No index is larger: 64 MiB. The large public ones have about 10 MiB.
const MAX_INDEX_BYTES: usize = 64 * 1024 * 1024;

/// A packed chart in an index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Entry {
    version: String,
    urls: Vec<String>,
    digest: Option<String>,
}

/// The archive of the chart and version that `reference` names, from the repository at `url`.
pub(super) async fn pull(sources: &ChartSources, url: &Url, reference: &ChartReference) -> Result<Bytes> {
    let index = index(sources, url).await?;
    let entries = entries(index.body(), &reference.chart).map_err(|reason| {
        Error::new(Meaning::Invalid, "read chart repository", shown_url(url), reason).of_reply()
    })?;
    let entry = choose(&entries, &reference.version).ok_or_else(|| not_found(url, reference, &entries))?;
    let digest = entry.digest.clone().unwrap_or_default();
    if let Some(kept) = sources.cache.get(&digest).await {
        return Ok(kept);
    }
    let archive_url = entry.urls.first().ok_or_else(|| {
        let what = format!("{} {}", reference.chart, entry.version);
        Error::new(Meaning::Invalid, "download chart", what, "the repository's index has no URL for it")
            .of_reply()
    })?;
    let archive_url = within(url, archive_url)?;
    let archive = sources.fetch(&archive_url, sources.access.for_linked(&archive_url, url)).await?;
    if digest.is_empty() {
        tracing::warn!(
            chart = reference.chart,
            "the repository's index has no digest to check the chart against"
        );
    } else {
        check_digest(&format!("{} {}", reference.chart, entry.version), &archive, &digest)?;
    }
    sources.cache.keep(&archive).await;
    Ok(archive)
}

async fn index(sources: &ChartSources, url: &Url) -> Result<Response> {
    let mut request = sources
        .http()?
        .get(within(url, "index.yaml")?)
        .about("read chart repository", shown_url(url))
        .largest_reply(MAX_INDEX_BYTES);
    if let Some(credential) = sources.access.for_url(url) {
        request = request.credential(credential);
    }
    request.send().await
}

fn not_found(url: &Url, reference: &ChartReference, entries: &[Entry]) -> Error {
    let reason = match entries.first() {
        None => format!("there is no chart {:?} in this repository", reference.chart),
        Some(newest) => format!("no version meets {:?}; the newest is {}", reference.version, newest.version),
    };
    Error::new(Meaning::NotFound, "find chart", format!("{} in {}", reference.chart, shown_url(url)), reason)
}

/// A URL of the repository: relative ones are meant from its root, and keep the query that the root may have.
fn within(repository: &Url, reference: &str) -> Result<Url> {
    let mut base = repository.clone();
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    let invalid = |reason: &str| {
        Error::new(
            Meaning::Invalid,
            "download chart",
            reference,
            format!("{reason} in the index of {}", shown_url(repository)),
        )
    };
    let mut url = base.join(reference).map_err(|error| invalid("a broken URL").with_source(error))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("a URL that is not http or https"));
    }
    if url.origin() == base.origin() && url.query().is_none() {
        url.set_query(base.query());
    }
    Ok(url)
}

/// The entries of one chart, newest first; those that are broken are passed over, as Helm does.
fn entries(index: &[u8], chart: &str) -> Result<Vec<Entry>, String> {
    let text = std::str::from_utf8(index).map_err(|error| format!("index.yaml is no text: {error}"))?;
    let index = yaml::from_str(text).map_err(|error| format!("index.yaml cannot be read: {error}"))?;
    if index.get("entries").is_none() {
        return Err("index.yaml has no entries, so this is no chart repository".to_owned());
    }
    let listed = index.pointer("/entries").and_then(|entries| entries.get(chart)).and_then(Value::as_array);
    let mut entries: Vec<Entry> = listed
        .into_iter()
        .flatten()
        .filter_map(|entry| Entry::deserialize(entry).ok())
        .filter(|entry| version::is_valid(&entry.version))
        .collect();
    entries.sort_by(|one, other| version::compare(&other.version, &one.version));
    Ok(entries)
}

/// The entry of exactly this version, else the newest that meets it as a constraint.
fn choose<'a>(entries: &'a [Entry], wanted: &str) -> Option<&'a Entry> {
    let constraint = if wanted.is_empty() { "*" } else { wanted };
    let exact = entries.iter().find(|entry| entry.version == wanted);
    exact.or_else(|| entries.iter().find(|entry| version::satisfies(&entry.version, constraint)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "
apiVersion: v1
entries:
  demo:
  - {version: 1.0.0, urls: [charts/demo-1.0.0.tgz], digest: aa}
  - {version: 2.0.0-rc.1, urls: [x]}
  - {version: 1.10.0, urls: [https://elsewhere.example.org/d.tgz]}
  - {version: broken}
  - 7
";

    fn versions(chart: &str) -> Vec<String> {
        let entries = entries(INDEX.as_bytes(), chart).unwrap();
        entries.into_iter().map(|entry| entry.version).collect()
    }

    #[test]
    fn entries_come_newest_first_without_the_broken_ones() {
        assert_eq!(versions("demo"), ["2.0.0-rc.1", "1.10.0", "1.0.0"]);
        assert!(versions("other").is_empty());
        assert!(entries(b"<html>", "demo").is_err());
    }

    #[test]
    fn the_newest_release_is_chosen_unless_a_version_is_wanted() {
        let entries = entries(INDEX.as_bytes(), "demo").unwrap();
        let chosen = |wanted: &str| choose(&entries, wanted).map(|entry| entry.version.as_str());
        assert_eq!(chosen(""), Some("1.10.0"));
        assert_eq!(chosen("2.0.0-rc.1"), Some("2.0.0-rc.1"));
        assert_eq!(chosen("~1.0"), Some("1.0.0"));
        assert_eq!(chosen(">3"), None);
    }

    #[test]
    fn relative_urls_are_meant_from_the_repositorys_root() {
        let url = |repository: &str, reference: &str| {
            within(&Url::parse(repository).unwrap(), reference).map(|url| url.to_string())
        };
        assert_eq!(
            url("https://a.example.org/charts", "x/d.tgz").unwrap(),
            "https://a.example.org/charts/x/d.tgz"
        );
        assert_eq!(
            url("https://a.example.org/c/?k=v", "d.tgz").unwrap(),
            "https://a.example.org/c/d.tgz?k=v"
        );
        assert_eq!(
            url("https://a.example.org/c", "https://b.example.org/d").unwrap(),
            "https://b.example.org/d"
        );
        assert!(url("https://a.example.org", "file:///etc/passwd").is_err());
    }
}
