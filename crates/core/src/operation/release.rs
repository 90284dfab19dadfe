//! `release-network`: publishes builds of go-spacemesh with a network's config in them, and a draft of the release that leads to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bring_up::archive;
use super::change::Limits;
use super::run::{Basis, Run, StepReport};
use super::{OperationFailure, Services};
use crate::error::{Error, Meaning, Result};
use crate::names::NetworkName;
use crate::state::{NetworkRecord, SCHEMA};
use crate::templates::Templates;
use crate::traits::{
    Look, NetworkBuild, Platform, ReleaseAsset, ReleaseBuilds, ReleaseDraft, ReleasePublisher,
};

/// The template of the notes.
pub const NOTES_TEMPLATE: &str = "release/notes.md";
const EMBEDDED_NOTES: &str = include_str!("../../templates/release/notes.md");

/// What `release-network` is to do.
#[derive(Debug, Clone)]
pub struct ReleaseRequest {
    /// The network, as its record has it.
    pub record: NetworkRecord,
    /// The version of go-spacemesh.
    pub version: ReleaseVersion,
    /// Where builds come from and go to.
    pub builds: Arc<dyn ReleaseBuilds>,
    /// Where the release is made.
    pub publisher: Arc<dyn ReleasePublisher>,
    /// The notes' template.
    pub notes: Templates,
    /// How long it may take, and whether it breaks a lock.
    pub limits: Limits,
}

/// The templates of releases, with those of the operator in the place of their namesakes.
///
/// # Errors
///
/// [`Meaning::Invalid`] for a template that cannot be parsed.
pub fn release_templates(overrides: &BTreeMap<String, String>) -> Result<Templates> {
    Templates::new(&[(NOTES_TEMPLATE, EMBEDDED_NOTES)], overrides)
}

/// The version of a release: the tag, and the folder of its builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ReleaseVersion(String);

impl ReleaseVersion {
    /// Takes what can be a tag and a folder at once.
    ///
    /// # Errors
    ///
    /// A sentence that says what a version looks like.
    pub fn new(text: &str) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
        let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let lawful = starts
            && text.len() <= 100
            && text.chars().all(plain)
            && !text.contains("..")
            && !text.ends_with('.');
        if lawful {
            Ok(Self(text.to_owned()))
        } else {
            Err("a version looks like v1.7.6: letters, digits, ., -, _ and +".to_owned())
        }
    }

    /// The version as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A release that is ready to be looked over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseReport {
    /// [`SCHEMA`].
    pub schema: String,
    /// `ReleaseReport`.
    pub kind: String,
    /// The network.
    pub network: NetworkName,
    /// The version of go-spacemesh.
    pub version: String,
    /// The published builds.
    pub builds: Vec<ReleasedBuild>,
    /// The repository.
    pub repository: String,
    /// The page of the draft.
    pub page: Option<String>,
    /// What was done.
    pub steps: Vec<StepReport>,
}

/// A build that everybody can download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleasedBuild {
    /// The operating system.
    pub platform: Platform,
    /// Where it is.
    pub url: String,
}

/// Releases a network: one archive for each operating system, then the draft. Everything that can be told to be wrong is told before the first write.
///
/// # Errors
///
/// [`OperationFailure`]; [`Meaning::NotFound`] when the network's config was not published or a build does not exist.
pub async fn release_network(
    services: &Services,
    request: ReleaseRequest,
) -> Result<ReleaseReport, OperationFailure> {
    let config = published_config(services, &request.record).await?;
    let builds = network_builds(&request.version, &config);
    let draft = draft(&request, &builds, config)?;
    preflight(&request, &builds, &draft).await?;
    let network = &request.record.network;
    let run = Run::new(
        services,
        network,
        "release-network",
        intents(&request, &builds),
        request.limits,
        // It takes the network's name and what was published; the record stays as it is.
        Basis::nothing(),
    );
    match run.keeping_lock(flow(&run, &request, &builds, &draft)).await {
        Ok(page) => {
            let steps = run.finish(&page.clone().unwrap_or_default()).await;
            Ok(report(&request, &builds, page, steps))
        }
        Err(error) => Err(run.fail(error, None).await),
    }
}

/// The network's config, as everybody reads it.
async fn published_config(services: &Services, record: &NetworkRecord) -> Result<Vec<u8>> {
    let key = format!("{}config.json", archive(record.network.as_str()));
    let object = services.config_store.get(&key).await?;
    object.map(|object| object.bytes).ok_or_else(|| {
        let place = services.config_store.url(&key);
        Error::new(Meaning::NotFound, "read published config", place, "it is not there")
            .with_hint("create-network publishes it once the network is up: run it again")
    })
}

fn network_builds(version: &ReleaseVersion, config: &[u8]) -> Vec<NetworkBuild> {
    let build = |platform| NetworkBuild { version: version.0.clone(), platform, config: config.to_vec() };
    Platform::ALL.into_iter().map(build).collect()
}

/// What the notes' template is given.
#[derive(Serialize)]
struct NotesFacts<'a> {
    network: &'a str,
    network_upper_case: String,
    version: &'a str,
    network_id: &'a str,
    genesis_time: String,
    config_url: Option<&'a str>,
    builds: Vec<ReleasedBuild>,
}

fn draft(request: &ReleaseRequest, builds: &[NetworkBuild], config: Vec<u8>) -> Result<ReleaseDraft> {
    let record = &request.record;
    let genesis = record.genesis.as_ref();
    let facts = NotesFacts {
        network: record.network.as_str(),
        network_upper_case: record.network.as_str().to_uppercase(),
        version: request.version.as_str(),
        network_id: genesis.map_or("", |genesis| genesis.id.as_str()),
        genesis_time: genesis.map(|genesis| genesis.genesis.time.to_string()).unwrap_or_default(),
        config_url: record.config_url.as_deref(),
        builds: released(request, builds),
    };
    Ok(ReleaseDraft {
        tag: request.version.0.clone(),
        name: facts.network_upper_case.clone(),
        notes: request.notes.render(NOTES_TEMPLATE, &facts)?,
        assets: vec![ReleaseAsset {
            name: "config.json".to_owned(),
            content_type: "application/json".to_owned(),
            bytes: config,
        }],
    })
}

fn released(request: &ReleaseRequest, builds: &[NetworkBuild]) -> Vec<ReleasedBuild> {
    builds
        .iter()
        .map(|build| ReleasedBuild { platform: build.platform, url: request.builds.url(build) })
        .collect()
}

/// Finds out before the first write whether all builds are there and the credentials suffice.
async fn preflight(request: &ReleaseRequest, builds: &[NetworkBuild], draft: &ReleaseDraft) -> Result<()> {
    request.publisher.check_access().await?;
    request.publisher.look_release(draft).await?;
    request.builds.check_access().await?;
    for build in builds {
        request.builds.look_build(build).await?;
    }
    Ok(())
}

fn step_name(build: &NetworkBuild) -> String {
    format!("build {}", build.platform)
}

fn intents(request: &ReleaseRequest, builds: &[NetworkBuild]) -> Vec<(String, Vec<String>)> {
    let build = |build: &NetworkBuild| (step_name(build), vec![request.builds.url(build)]);
    let release = format!("draft release {} in {}", request.version.0, request.publisher.location());
    builds.iter().map(build).chain([("release".to_owned(), vec![release])]).collect()
}

async fn flow(
    run: &Run,
    request: &ReleaseRequest,
    builds: &[NetworkBuild],
    draft: &ReleaseDraft,
) -> Result<Option<String>> {
    for build in builds {
        let detail = format!("publishing {}", request.builds.url(build));
        let look = || request.builds.look_build(build);
        run.step(&step_name(build), &detail, look, |_: Look| request.builds.ensure_build(build)).await?;
    }
    let detail = format!("drafting {} in {}", draft.tag, request.publisher.location());
    let look = || request.publisher.look_release(draft);
    run.step("release", &detail, look, |_: Look| request.publisher.ensure_release(draft)).await?;
    run.settle().await?;
    request.publisher.release_page(&draft.tag).await
}

fn report(
    request: &ReleaseRequest,
    builds: &[NetworkBuild],
    page: Option<String>,
    steps: Vec<StepReport>,
) -> ReleaseReport {
    ReleaseReport {
        schema: SCHEMA.to_owned(),
        kind: "ReleaseReport".to_owned(),
        network: request.record.network.clone(),
        version: request.version.0.clone(),
        builds: released(request, builds),
        repository: request.publisher.location(),
        page,
        steps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_tags_and_folders_at_once() {
        for version in ["v1.7.6", "v0.2.17-beta.0", "2026_01", "d298a63"] {
            assert_eq!(ReleaseVersion::new(version).unwrap().as_str(), version);
        }
        for wrong in ["", "../v1", "v1/2", "a b", "v1..2", ".v1", "v1.", "-v", "v1\n", "ä"] {
            assert!(ReleaseVersion::new(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn notes_name_network_version_and_builds() {
        let facts = serde_json::json!({
            "network": "net1", "network_upper_case": "NET1", "version": "v1.7.6", "network_id": "9eeb",
            "genesis_time": "2026-01-01T00:00:00Z", "config_url": "https://example.org/config.json",
            "builds": [{"platform": "macOS", "url": "https://example.org/v1.7.6/macOS.zip"}],
        });
        let notes = release_templates(&BTreeMap::new()).unwrap().render(NOTES_TEMPLATE, &facts).unwrap();
        insta::assert_snapshot!(notes);
    }
}
