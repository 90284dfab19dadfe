//! The calls to Kibana.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use spacecraft_core::wait::Progress;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{HeaderName, HeaderValue, Idempotency, Part};

use crate::saved_objects::{SavedObjects, identity};
use crate::{Service, look_policy};

/// The calls to Kibana.
#[derive(Debug, Clone)]
pub(crate) struct Kibana(pub(crate) Service);

const ONE_LOOK: Duration = Duration::from_secs(10);
const OBJECTS_PER_PAGE: usize = 500;

/// No log store has more objects of one kind than this many pages hold; a server that announces more is not believed.
const MOST_PAGES: usize = 100;

/// Importing checks every reference and may take its time.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(120);

#[derive(Debug, Deserialize)]
struct Status {
    status: Overall,
}

#[derive(Debug, Deserialize)]
struct Overall {
    overall: Level,
}

#[derive(Debug, Deserialize)]
struct Level {
    #[serde(default)]
    level: String,
    #[serde(default)]
    summary: String,
}

#[derive(Debug, Deserialize)]
struct Found {
    saved_objects: Vec<Value>,
    total: usize,
}

#[derive(Debug, Deserialize)]
struct Imported {
    success: bool,
    #[serde(default)]
    errors: Vec<ImportError>,
}

#[derive(Debug, Deserialize)]
struct ImportError {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    error: ImportErrorDetail,
}

#[derive(Debug, Deserialize)]
struct ImportErrorDetail {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    references: Vec<Value>,
    #[serde(default)]
    message: String,
}

impl Kibana {
    /// Looks once whether Kibana answers.
    pub(crate) async fn look_for_readiness(&self) -> Result<Progress<()>> {
        let url = self.0.url(["api", "status"]);
        let request = self.0.prepare(self.0.client.get(url), "look at status of", "Kibana");
        let response = request.timeout(ONE_LOOK).retry(look_policy()).send().await?;
        let Level { level, summary } = response.json::<Status>("Kibana's status")?.status.overall;
        Ok(match level.as_str() {
            "available" => Progress::Ready(()),
            level => Progress::Pending(format!("Kibana is {level}: {summary}")),
        })
    }

    /// Those objects that exist of the kinds that are wanted.
    pub(crate) async fn existing(&self, wanted: &SavedObjects) -> Result<SavedObjects> {
        let kinds: BTreeSet<&str> = wanted.keys().map(|(kind, _)| kind.as_str()).collect();
        let mut existing = SavedObjects::new();
        for kind in kinds {
            let found = self.all_of(kind).await?.into_iter();
            existing.extend(found.filter_map(|object| Some((identity(&object)?, object))));
        }
        Ok(existing)
    }

    async fn all_of(&self, kind: &str) -> Result<Vec<Value>> {
        let mut objects = Vec::new();
        for page in 1..=MOST_PAGES {
            let url = self.0.url(["api", "saved_objects", "_find"]);
            let request = self.0.prepare(self.0.client.get(url), "find saved objects of type", kind);
            let request = request
                .query("type", kind)
                .query("page", page.to_string())
                .query("per_page", OBJECTS_PER_PAGE.to_string());
            let found: Found = request.send().await?.json("a list of saved objects")?;
            let is_last = found.saved_objects.is_empty() || page * OBJECTS_PER_PAGE >= found.total;
            objects.extend(found.saved_objects);
            if is_last {
                return Ok(objects);
            }
        }
        let reason = format!("the list goes on after {MOST_PAGES} pages");
        Err(Error::new(Meaning::Invalid, "find saved objects of type", kind, reason))
    }

    /// Imports objects over those with the same names.
    pub(crate) async fn import(&self, saved_objects: &str) -> Result<()> {
        let file = Part {
            name: "file".to_owned(),
            file_name: Some("objects.ndjson".to_owned()),
            content_type: "application/ndjson".to_owned(),
            bytes: saved_objects.as_bytes().to_vec(),
        };
        let request = self.0.client.post(self.0.url(["api", "saved_objects", "_import"]));
        let request = self
            .0
            .prepare(request, "import saved objects into", "Kibana")
            .idempotency(Idempotency::Idempotent)
            .query("overwrite", "true")
            .header(HeaderName::from_static("kbn-xsrf"), HeaderValue::from_static("true"))
            .multipart(&[file])
            .timeout(IMPORT_TIMEOUT);
        let imported: Imported = request.send().await?.json("the result of an import")?;
        if imported.success && imported.errors.is_empty() {
            return Ok(());
        }
        Err(partly_failed(&imported))
    }
}

/// The error of an import that Kibana answered with success although it left objects out.
fn partly_failed(imported: &Imported) -> Error {
    let failures: Vec<String> = imported.errors.iter().map(ImportError::text).collect();
    let reason = match failures.as_slice() {
        [] => "Kibana says that it did not succeed and names no object".to_owned(),
        failures => failures.join("; "),
    };
    Error::new(Meaning::Invalid, "import saved objects into", "Kibana", reason)
        .with_hint("correct these objects; the others were imported")
}

impl ImportError {
    fn text(&self) -> String {
        let Self { kind, id, error } = self;
        let missing = error.references.iter().filter_map(identity);
        let missing: Vec<String> = missing.map(|(kind, id)| format!("{kind} {id}")).collect();
        let detail = if missing.is_empty() { error.message.clone() } else { missing.join(", ") };
        let separator = if detail.is_empty() { "" } else { " " };
        format!("{kind} {id}: {}{separator}{detail}", error.kind)
    }
}
