//! Which simulated service a call is for.

use serde::{Deserialize, Serialize};

/// The public host names that the sandbox answers for.
pub const HOSTS: [&str; 16] = [
    "oauth2.googleapis.com",
    "container.googleapis.com",
    "compute.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "serviceusage.googleapis.com",
    "storage.googleapis.com",
    "api.cloudflare.com",
    "slack.com",
    "hooks.slack.com",
    "api.github.com",
    "uploads.github.com",
    "helm.elastic.co",
    "kubernetes.github.io",
    "prometheus-community.github.io",
    "charts.chaos-mesh.org",
    "spacemeshos.github.io",
];

/// A service, and which instance of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceAddress {
    /// Google's token service.
    OAuth,
    /// Google Kubernetes Engine.
    Container,
    /// Compute Engine.
    Compute,
    /// Google's Cloud Resource Manager.
    ResourceManager,
    /// Google's Service Usage.
    ServiceUsage,
    /// Cloud Storage.
    Storage,
    /// Cloudflare's API.
    Cloudflare,
    /// Slack's Web API.
    Slack,
    /// Slack's incoming webhooks.
    SlackHooks,
    /// GitHub's REST API.
    GitHub,
    /// GitHub's asset uploads.
    GitHubUploads,
    /// A chart repository, by its public host name.
    Charts(String),
    /// The Kubernetes API of a cluster, by the cluster's identifier.
    Kubernetes(String),
    /// A process in a pod of a cluster.
    Workload(Workload),
}

/// A process in a cluster that keeps state of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Workload {
    /// What it is.
    pub kind: WorkloadKind,
    /// The identifier of its cluster.
    pub cluster: String,
    /// The namespace of its pods.
    pub namespace: String,
    /// What its state is kept under: the cluster of nodes it forms, or the volume it writes to.
    pub name: String,
}

/// The kinds of processes that keep state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkloadKind {
    /// Elasticsearch.
    Elasticsearch,
    /// Kibana.
    Kibana,
    /// A proof-of-elapsed-time server.
    Poet,
    /// A go-spacemesh node, whose state follows from its settings and the time.
    Node,
    /// A program without state.
    Other,
}

impl ServiceAddress {
    /// The service that a public host name stands for.
    #[must_use]
    pub fn of_host(host: &str) -> Option<Self> {
        Some(match host {
            "oauth2.googleapis.com" => Self::OAuth,
            "container.googleapis.com" => Self::Container,
            "compute.googleapis.com" => Self::Compute,
            "cloudresourcemanager.googleapis.com" => Self::ResourceManager,
            "serviceusage.googleapis.com" => Self::ServiceUsage,
            "storage.googleapis.com" => Self::Storage,
            "api.cloudflare.com" => Self::Cloudflare,
            "slack.com" => Self::Slack,
            "hooks.slack.com" => Self::SlackHooks,
            "api.github.com" => Self::GitHub,
            "uploads.github.com" => Self::GitHubUploads,
            _ if HOSTS.contains(&host) => Self::Charts(host.to_owned()),
            _ => return None,
        })
    }

    /// The service's name in call counts and fault rules.
    #[must_use]
    pub fn service(&self) -> &'static str {
        match self {
            Self::OAuth => "oauth",
            Self::Container => "gke",
            Self::Compute => "compute",
            Self::ResourceManager => "resource-manager",
            Self::ServiceUsage => "service-usage",
            Self::Storage => "storage",
            Self::Cloudflare => "cloudflare",
            Self::Slack | Self::SlackHooks => "slack",
            Self::GitHub | Self::GitHubUploads => "github",
            Self::Charts(_) => "charts",
            Self::Kubernetes(_) => "kubernetes",
            Self::Workload(workload) => workload.kind.service(),
        }
    }
}

impl WorkloadKind {
    fn service(self) -> &'static str {
        match self {
            Self::Elasticsearch => "elasticsearch",
            Self::Kibana => "kibana",
            Self::Poet => "poet",
            Self::Node => "node",
            Self::Other => "workload",
        }
    }
}
