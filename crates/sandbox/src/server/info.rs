//! What a client needs to know to use a running sandbox.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    context::ServiceUrls,
    credentials::Credentials,
    google::{PROJECT, storage::STATE_BUCKET},
};

/// The certificate authority's file in the folder of a sandbox.
pub(super) const AUTHORITY_FILE: &str = "authority.pem";

/// Where a running sandbox is and what to authenticate with. It is stored for its owner alone and keeps its secrets out
/// of `Debug` output.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxInfo {
    /// The server's process.
    pub process_id: u32,
    /// The base address of the server, as in `http://127.0.0.1:20123`.
    pub address: String,
    /// Base addresses by public host name: put them where the public addresses would stand.
    pub urls: ServiceUrls,
    /// The certificate authority of the Kubernetes APIs, a PEM file.
    pub authority_file: PathBuf,
    /// The project's identifier.
    pub project: String,
    /// The service account's key, a JSON file as Google's console hands it out.
    pub service_account_file: PathBuf,
    /// A bucket that the public cannot read.
    pub state_bucket: String,
    /// A Cloudflare API token.
    pub cloudflare_token: String,
    /// A Slack bot token.
    pub slack_token: String,
    /// A Slack channel that the bot can post to.
    pub slack_channel: String,
    /// A Slack incoming webhook.
    pub slack_webhook: String,
    /// A GitHub token with push access.
    pub github_token: String,
    /// What admin calls carry as their bearer token.
    pub admin_token: String,
}

impl SandboxInfo {
    /// What clients need to know of a sandbox that this process serves at `address`, whose files are in `folder`.
    #[must_use]
    pub fn of(folder: &Path, address: &str, credentials: &Credentials) -> Self {
        let urls = ServiceUrls::below(address);
        Self {
            process_id: std::process::id(),
            address: address.to_owned(),
            authority_file: folder.join(AUTHORITY_FILE),
            project: PROJECT.to_owned(),
            service_account_file: folder.join("service-account.json"),
            state_bucket: STATE_BUCKET.to_owned(),
            cloudflare_token: credentials.cloudflare_token.clone(),
            slack_token: credentials.slack_token.clone(),
            slack_channel: "C0SANDBOX".to_owned(),
            slack_webhook: format!("{}{}", urls.of("hooks.slack.com"), credentials.slack_webhook_path),
            github_token: credentials.github_token.clone(),
            admin_token: credentials.admin_token.clone(),
            urls,
        }
    }
}

impl fmt::Debug for SandboxInfo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SandboxInfo")
            .field("process_id", &self.process_id)
            .field("address", &self.address)
            .field("project", &self.project)
            .finish_non_exhaustive()
    }
}
