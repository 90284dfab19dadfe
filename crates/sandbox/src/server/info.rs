//! What a client needs to know to use a running sandbox.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::context::ServiceUrls;

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
