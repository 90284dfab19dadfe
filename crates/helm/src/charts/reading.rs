//! What commands read: values, and charts to look at.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use spacecraft_core::{Error, Meaning, Result};

use super::{Charts, invalid};
use crate::chart::{Chart, load_archive};
use crate::source::{ChartReference, http_url};
use crate::values::{ValueOptions, Values};

impl Charts {
    /// The values that files and flags give together; files are read from this machine, from its standard input (`-`), and from
    /// `https://` and `http://` URLs.
    ///
    /// # Errors
    /// [`Meaning::Invalid`] in Helm's words, and what a download fails with.
    pub async fn read_values(&self, options: &ValueOptions) -> Result<Values> {
        let mut downloads = BTreeMap::new();
        for path in options.values_files.iter().filter(|path| is_url(path)) {
            let url = http_url(path)?;
            downloads.insert(path.as_str(), self.sources.fetch(&url, None).await?);
        }
        let read = |path: &str| match downloads.get(path) {
            Some(content) => Ok(content.to_vec()),
            None if path.trim() == "-" => read_input(),
            None => std::fs::read(Path::new(path)),
        };
        options
            .values(&read)
            .map_err(|error| Error::new(Meaning::Invalid, "read values", "", error.to_string()))
    }

    /// Loads a chart to look at, whether it can be installed or not.
    ///
    /// # Errors
    /// If it cannot be found or read.
    pub async fn look_at(&self, reference: &ChartReference) -> Result<Chart> {
        self.sources.load(reference).await
    }

    /// A packed chart from its repository or registry, as it is there, and the name of its file.
    ///
    /// # Errors
    /// If it cannot be found or downloaded, or holds no chart.
    pub async fn pull(&self, reference: &ChartReference) -> Result<(String, Bytes)> {
        let archive = self.sources.archive(reference).await?;
        let chart =
            load_archive(&archive).map_err(|error| invalid("pull chart", &reference.chart, &error))?;
        Ok((format!("{}.tgz", chart.name_and_version()), archive))
    }
}

fn is_url(path: &str) -> bool {
    path.starts_with("https://") || path.starts_with("http://")
}

fn read_input() -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    std::io::stdin().read_to_end(&mut content)?;
    Ok(content)
}
