//! Releases on GitHub, by its REST API.
//!
//! Drafts have no tag yet, so they are found in the list of releases, which shows them to those who may push. Two drafts may share a tag; only ours, the newest, is
//! looked at. A draft that may have been made although the reply was lost is looked for before another one is made.

// What comes from outside is never counted on to be long or small enough.
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

mod dialect;
mod wire;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::json;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{Look, ReleaseAsset, ReleaseDraft, ReleasePublisher};
use spacecraft_core::{Effect, Error, Meaning, Result};
use spacecraft_http::{
    Client, Credential, HeaderName, HeaderValue, Idempotency, Request, Url, with_segments,
};

use crate::dialect::GitHubDialect;
use crate::wire::{Asset, Release, Repository};

/// Where GitHub's REST API is.
pub const PUBLIC_API: &str = "https://api.github.com";
/// Where assets are uploaded to.
pub const PUBLIC_UPLOADS: &str = "https://uploads.github.com";

/// The version of the API that is spoken.
const API_VERSION: HeaderValue = HeaderValue::from_static("2022-11-28");
const ACCEPT: HeaderValue = HeaderValue::from_static("application/vnd.github+json");
/// Releases on a page, and the most pages that are read.
const PAGE: usize = 100;
const MOST_PAGES: usize = 100;

/// Which repository, by whose leave.
#[derive(Debug, Clone)]
pub struct GitHubOptions {
    /// The API's base address: [`PUBLIC_API`], or a simulation's.
    pub api: Url,
    /// The base address of uploads: [`PUBLIC_UPLOADS`], or a simulation's. Addresses in replies are not followed, so that no reply can lead the token astray.
    pub uploads: Url,
    /// `OWNER/NAME`.
    pub repository: RepositoryName,
    /// A token with the right to write contents (a classic one: scope `repo`, or `public_repo`).
    pub token: SecretString,
}

/// A repository's name, `OWNER/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryName {
    owner: String,
    name: String,
}

impl RepositoryName {
    /// Reads `OWNER/NAME`.
    ///
    /// # Errors
    ///
    /// A sentence that says what a name looks like.
    pub fn new(text: &str) -> Result<Self, String> {
        let plain = |part: &str| {
            let lawful = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            !part.is_empty() && part.chars().all(lawful) && !matches!(part, "." | "..")
        };
        match text.split_once('/') {
            Some((owner, name)) if plain(owner) && plain(name) => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
            }
            _ => Err("a repository is OWNER/NAME, such as spacemeshos/sm-net".to_owned()),
        }
    }
}

/// Makes releases in one repository.
#[derive(Debug, Clone)]
pub struct GitHub {
    client: Client,
    options: GitHubOptions,
}

impl GitHub {
    /// Makes releases by `client` as `options` say. Nothing is called yet.
    #[must_use]
    pub fn new(client: Client, options: GitHubOptions) -> Self {
        Self { client, options }
    }

    /// A URL below the repository.
    fn below(&self, base: &Url, segments: &[&str]) -> Url {
        let RepositoryName { owner, name } = &self.options.repository;
        let repository = ["repos", owner.as_str(), name.as_str()];
        with_segments(base, repository.into_iter().chain(segments.iter().copied()))
    }

    fn api(&self, segments: &[&str]) -> Url {
        self.below(&self.options.api, segments)
    }

    fn prepare(&self, request: Request, operation: &str, what: &str) -> Request {
        let resource =
            if what.is_empty() { self.location() } else { format!("{what} of {}", self.location()) };
        request
            .about(operation, resource)
            .credential(Credential::Token(self.options.token.clone()))
            .dialect(Arc::new(GitHubDialect))
            .header(HeaderName::from_static("accept"), ACCEPT)
            .header(HeaderName::from_static("x-github-api-version"), API_VERSION)
    }

    /// The release of a tag: the published one, else the newest draft.
    async fn find(&self, tag: &str) -> Result<Option<Release>> {
        let mut draft = None;
        for page in 1..=MOST_PAGES {
            let request = self
                .client
                .get(self.api(&["releases"]))
                .query("per_page", PAGE.to_string())
                .query("page", page.to_string());
            let response = self.prepare(request, "list releases of", "").send().await?;
            let releases: Vec<Release> = response.json("a list of releases")?;
            let is_last = releases.len() < PAGE;
            for release in releases.into_iter().filter(|release| release.tag_name == tag) {
                if !release.draft {
                    return Ok(Some(release));
                }
                draft.get_or_insert(release);
            }
            if is_last {
                return Ok(draft);
            }
        }
        let reason = format!("the list does not end after {MOST_PAGES} pages");
        Err(Error::new(Meaning::Invalid, "list releases of", self.location(), reason))
    }

    /// The release as it is, unless it differs from what is wanted and was published, or is the draft of another network.
    async fn changeable(&self, wanted: &ReleaseDraft) -> Result<Option<Release>> {
        let found = self.find(&wanted.tag).await?;
        match &found {
            Some(release) if !release.draft && !release.differences(wanted).is_empty() => {
                let reason = "it was published, and differs from what would be released";
                Err(Error::new(Meaning::AlreadyExists, "draft release", self.described(&wanted.tag), reason)
                    .with_hint("what was published is not changed: release another version, or delete that release by hand"))
            }
            Some(release)
                if !release.name.as_deref().unwrap_or_default().eq_ignore_ascii_case(&wanted.name) =>
            {
                let reason = format!(
                    "there is a draft of that tag with another name, {:?}, not {:?}",
                    release.name.as_deref().unwrap_or_default(),
                    wanted.name
                );
                Err(Error::new(Meaning::AlreadyExists, "draft release", self.described(&wanted.tag), reason)
                    .with_hint("drafts go by version: it may be that of another network. Publish, rename or delete it by hand, or release another version"))
            }
            _ => Ok(found),
        }
    }

    fn described(&self, tag: &str) -> String {
        format!("{tag} of {}", self.location())
    }

    /// Makes the draft. When the reply is lost, the draft that was made is found by its tag.
    async fn create(&self, wanted: &ReleaseDraft) -> Result<Release> {
        let body = json!({
            "tag_name": wanted.tag, "name": wanted.name, "body": wanted.notes, "draft": true, "prerelease": true,
            "generate_release_notes": false,
        });
        let request = self.client.post(self.api(&["releases"])).json(&body);
        let sent = self.prepare(request, "draft release", &wanted.tag).send().await;
        match sent {
            Ok(response) => response.json("a release"),
            Err(error) if error.effect() == Effect::Possible => self.find(&wanted.tag).await?.ok_or(error),
            Err(error) => Err(error),
        }
    }

    async fn edit(&self, release: &Release, wanted: &ReleaseDraft) -> Result<()> {
        let body = json!({"name": wanted.name, "body": wanted.notes, "draft": true, "prerelease": true});
        let request = self.client.patch(self.api(&["releases", &release.id.to_string()])).json(&body);
        let request = request.idempotency(Idempotency::Idempotent);
        let response = self.prepare(request, "change draft of release", &wanted.tag).send().await?;
        response.json::<Release>("a release").map(drop)
    }

    /// Replaces an asset unless it is there as it should be. What was left of a broken upload goes first.
    async fn put_asset(&self, release: &Release, asset: &ReleaseAsset) -> Result<()> {
        let known = release.assets.iter().find(|known| known.name == asset.name);
        if known.is_some_and(|known| known.is(asset)) {
            return Ok(());
        }
        if let Some(known) = known {
            self.remove_asset(known).await?;
        }
        match self.upload(release, asset).await {
            Err(error) if error.meaning() == Meaning::AlreadyExists || error.effect() == Effect::Possible => {
                self.settle_upload(release, asset, error).await
            }
            done => done,
        }
    }

    /// What became of an upload whose reply was lost: it is there, or what is left of it is replaced once.
    async fn settle_upload(&self, release: &Release, asset: &ReleaseAsset, error: Error) -> Result<()> {
        let known = self.assets(release).await?.into_iter().find(|known| known.name == asset.name);
        match known {
            Some(known) if known.is(asset) => Ok(()),
            Some(broken) => {
                self.remove_asset(&broken).await?;
                self.upload(release, asset).await
            }
            None => Err(error),
        }
    }

    async fn assets(&self, release: &Release) -> Result<Vec<Asset>> {
        let url = self.api(&["releases", &release.id.to_string(), "assets"]);
        let request = self.client.get(url).query("per_page", PAGE.to_string());
        let response = self.prepare(request, "list assets of release", &release.tag_name).send().await?;
        response.json("a list of assets")
    }

    async fn upload(&self, release: &Release, asset: &ReleaseAsset) -> Result<()> {
        let url = self.below(&self.options.uploads, &["releases", &release.id.to_string(), "assets"]);
        let request =
            self.client.post(url).query("name", &asset.name).bytes(&asset.content_type, asset.bytes.clone());
        let response = self.prepare(request, "upload asset", &asset.name).send().await?;
        response.json::<Asset>("an asset").map(drop)
    }

    async fn remove_asset(&self, asset: &Asset) -> Result<()> {
        let url = self.api(&["releases", "assets", &asset.id.to_string()]);
        match self.prepare(self.client.delete(url), "remove asset", &asset.name).send().await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl ReleasePublisher for GitHub {
    fn location(&self) -> String {
        let RepositoryName { owner, name } = &self.options.repository;
        format!("github.com/{owner}/{name}")
    }

    async fn check_access(&self) -> Result<()> {
        let operation = "check GitHub token for";
        let response =
            self.prepare(self.client.get(self.api(&[])), operation, "").send().await.map_err(|error| {
                let unseen = error.is_not_found();
                if unseen {
                    error.with_hint("there is no such repository, or the token may not see it")
                } else {
                    error
                }
            })?;
        let repository: Repository = response.json("a repository")?;
        if repository.permissions.push {
            return Ok(());
        }
        let reason = "the token lacks the right to push, which drafts of releases need";
        Err(Error::new(Meaning::Invalid, operation, self.location(), reason)
            .with_hint("give it contents=write (a classic token: the scope repo, or public_repo)"))
    }

    async fn look_release(&self, release: &ReleaseDraft) -> Result<Look> {
        Ok(match self.changeable(release).await? {
            None => Look::Absent,
            Some(found) => {
                let differences = found.differences(release);
                if differences.is_empty() { Look::Same } else { Look::Differs(differences) }
            }
        })
    }

    async fn ensure_release(&self, release: &ReleaseDraft) -> Result<Outcome> {
        let found = self.changeable(release).await?;
        let (known, outcome) = match found {
            None => (self.create(release).await?, Outcome::Created),
            Some(known) if known.differences(release).is_empty() => return Ok(Outcome::Unchanged),
            Some(known) => (known, Outcome::Updated),
        };
        if known.text_differs(release) {
            self.edit(&known, release).await?;
        }
        for asset in &release.assets {
            self.put_asset(&known, asset).await?;
        }
        Ok(outcome)
    }

    async fn release_page(&self, tag: &str) -> Result<Option<String>> {
        Ok(self.find(tag).await?.map(|release| release.html_url))
    }
}
