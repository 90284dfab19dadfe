//! Where charts come from: a folder, an archive, a chart repository or an OCI registry.

mod access;
mod cache;
mod missing;
mod oci;
mod repository;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Client, Credential, shown_url};
use url::Url;

pub use access::{Login, SourceAccess};

use crate::chart::{Chart, load, load_archive};
use cache::Cache;

/// No packed chart is larger: 50 MiB.
const MAX_ARCHIVE_BYTES: usize = 50 * 1024 * 1024;

/// The chart that is meant, as Helm's commands take it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChartReference {
    /// A path, a URL of an archive, `oci://...`, or with `repository` a name in it.
    pub chart: String,
    /// `--repo`: the URL of a chart repository, or `oci://...` with the chart's name left off.
    pub repository: String,
    /// `--version`: a version or a constraint; empty for the newest that is no prerelease.
    pub version: String,
    /// `--dependency-update`: charts that this one declares and that are not packed with it are fetched. They are added in memory; no file
    /// of the chart is changed.
    pub update_dependencies: bool,
}

/// Finds and loads charts.
#[derive(Debug, Clone)]
pub struct ChartSources {
    http: Option<Client>,
    cache: Cache,
    access: SourceAccess,
}

/// The kinds of places a chart can come from.
enum Place<'a> {
    Path(&'a Path),
    Archive(Url),
    Repository(Url),
    Oci(String),
}

impl ChartSources {
    /// Sources that download through `http` and keep downloads, named by their digest, in the folder `cache`. Without an
    /// HTTP client only paths are loaded; without a folder everything is downloaded each time.
    #[must_use]
    pub fn new(http: Option<Client>, cache: Option<PathBuf>) -> Self {
        Self { http, cache: Cache::new(cache), access: SourceAccess::default() }
    }

    /// The same sources, asked as `access` says.
    #[must_use]
    pub fn with_access(self, access: SourceAccess) -> Self {
        Self { access, ..self }
    }

    /// Loads a chart, and with `update_dependencies` also those that it declares and that are not packed with it.
    ///
    /// # Errors
    /// [`Meaning::NotFound`] if there is no such chart or version, [`Meaning::Invalid`] if its digest is not the promised
    /// one or something is wrong with the chart, and what the download fails with.
    pub async fn load(&self, reference: &ChartReference) -> Result<Chart> {
        let mut chart = match place(reference)? {
            Place::Path(path) => load(path).map_err(|error| invalid(&reference.chart, &error))?,
            place => {
                let archive = self.download(place, reference).await?;
                load_archive(&archive).map_err(|error| invalid(&reference.chart, &error).of_reply())?
            }
        };
        if reference.update_dependencies {
            self.add_missing(&mut chart, reference).await?;
        }
        Ok(chart)
    }

    /// The packed chart as it is in its repository or registry.
    ///
    /// # Errors
    /// As [`ChartSources::load`], and [`Meaning::Invalid`] if the chart is a path.
    pub async fn archive(&self, reference: &ChartReference) -> Result<Bytes> {
        self.download(place(reference)?, reference).await
    }

    async fn download(&self, place: Place<'_>, reference: &ChartReference) -> Result<Bytes> {
        match place {
            Place::Path(path) => {
                let reason = "it is on this machine already";
                Err(Error::new(Meaning::Invalid, "download chart", path.display().to_string(), reason))
            }
            Place::Archive(url) => self.fetch(&url, self.access.for_url(&url)).await,
            Place::Repository(url) => repository::pull(self, &url, reference).await,
            Place::Oci(name) => oci::pull(self, &name, &reference.version).await,
        }
    }

    /// What a URL holds, no larger than a packed chart may be.
    pub(crate) async fn fetch(&self, url: &Url, credential: Option<Credential>) -> Result<Bytes> {
        let mut request =
            self.http()?.get(url).about("download", shown_url(url)).largest_reply(MAX_ARCHIVE_BYTES);
        if let Some(credential) = credential {
            request = request.credential(credential);
        }
        Ok(request.send().await?.body().clone())
    }

    fn http(&self) -> Result<&Client> {
        self.http.as_ref().ok_or_else(|| Error::unsupported("download a chart", "offline chart"))
    }
}

fn place(reference: &ChartReference) -> Result<Place<'_>> {
    let ChartReference { chart, repository, .. } = reference;
    if !repository.is_empty() {
        if repository.starts_with("oci://") {
            return Ok(Place::Oci(format!("{}/{chart}", repository.trim_end_matches('/'))));
        }
        return http_url(repository).map(Place::Repository);
    }
    if chart.starts_with("oci://") {
        return Ok(Place::Oci(chart.clone()));
    }
    if chart.starts_with("https://") || chart.starts_with("http://") {
        return http_url(chart).map(Place::Archive);
    }
    let path = Path::new(chart);
    if path.exists() {
        return Ok(Place::Path(path));
    }
    Err(Error::new(Meaning::NotFound, "load chart", chart, "there is no such path")
        .with_hint("a chart of a repository needs the repository's URL too (--repo), or an oci:// URL"))
}

pub(crate) fn http_url(text: &str) -> Result<Url> {
    let url = Url::parse(text).map_err(|error| {
        Error::new(Meaning::Invalid, "find charts at", text, "this is no URL").with_source(error)
    })?;
    if matches!(url.scheme(), "http" | "https") {
        return Ok(url);
    }
    Err(Error::new(
        Meaning::Invalid,
        "find charts at",
        shown_url(&url),
        "charts are found at https://, http:// and oci:// URLs",
    ))
}

fn invalid(chart: &str, error: &crate::chart::ChartError) -> Error {
    Error::new(Meaning::Invalid, "load chart", chart, error.to_string())
}
