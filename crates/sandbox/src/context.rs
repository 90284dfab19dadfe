//! What every service is given with a request.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    credentials::Credentials,
    google::{ApiError, PROJECT},
    mint::Mint,
    moment::seconds_after,
    settings::Settings,
};

/// Where the services of a sandbox are reached and what its users authenticate with. It does not change while the
/// sandbox exists.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The base address of each REST service by its public host name, without a slash at the end.
    pub urls: ServiceUrls,
    /// Host and port of the Kubernetes APIs that clusters can get, in the order in which they are taken.
    pub cluster_endpoints: Vec<String>,
    /// The certificate authority of the Kubernetes APIs, PEM.
    pub authority_pem: String,
    /// The sandbox's secrets.
    pub credentials: Credentials,
    /// What identifiers depend on.
    pub seed: u64,
}

/// Base addresses by public host name (`storage.googleapis.com`, `helm.elastic.co`, ...).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceUrls(pub BTreeMap<String, String>);

impl ServiceUrls {
    /// The addresses of a server that takes the public host name as the first segment of the path.
    #[must_use]
    pub fn below(root: &str) -> Self {
        Self(
            crate::address::HOSTS.iter().map(|host| ((*host).to_owned(), format!("{root}/{host}"))).collect(),
        )
    }

    /// The base address of a service; of an unknown one, its public address.
    #[must_use]
    pub fn of(&self, host: &str) -> String {
        self.0.get(host).cloned().unwrap_or_else(|| format!("https://{host}"))
    }
}

/// The circumstances of one call.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) now: Timestamp,
    pub(crate) settings: &'a Settings,
    pub(crate) environment: &'a Environment,
    pub(crate) mint: &'a mut Mint,
}

impl Context<'_> {
    /// Refuses the call unless the caller has an IAM permission.
    pub(crate) fn require(&self, permission: &str) -> Result<(), ApiError> {
        if self.settings.denied_permissions.contains(permission) {
            return Err(ApiError::forbidden(format!(
                "Required \"{permission}\" permission(s) for \"projects/{PROJECT}\"."
            )));
        }
        Ok(())
    }

    /// Refuses the call when its API is not enabled in the project, or the project is not the sandbox's.
    pub(crate) fn require_service(&self, service: &str, project: &str) -> Result<(), ApiError> {
        if ![PROJECT, crate::google::PROJECT_NUMBER].contains(&project) {
            return Err(ApiError::unknown_project(project));
        }
        if !self.settings.disabled_services.contains(service) {
            return Ok(());
        }
        Err(ApiError::forbidden(format!(
            "{service} has not been used in project {project} before or it is disabled. Enable it by visiting \
             https://console.developers.google.com/apis/api/{service}/overview?project={project} then retry."
        ))
        .with_detail(serde_json::json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "SERVICE_DISABLED", "domain": "googleapis.com",
            "metadata": {"service": service, "consumer": format!("projects/{project}")},
        })))
    }

    /// The instant when something that takes this many seconds from now is done.
    pub(crate) fn after(&self, seconds: f64) -> Timestamp {
        seconds_after(self.now, seconds)
    }
}
