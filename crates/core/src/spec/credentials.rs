use crate::secret::SecretString;
use crate::settings::Settings;

/// The secrets of a run. They travel beside the spec and are never stored with it.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// The token that DNS records are made with.
    pub cloudflare_api_token: Option<SecretString>,
    /// The token that messages are posted with.
    pub slack_token: Option<SecretString>,
    /// The token that releases are made with.
    pub github_token: Option<SecretString>,
    /// The private key of the web services' certificate, in PEM.
    pub tls_key: Option<SecretString>,
    /// The path of Google credentials; none takes those of gcloud or of the machine.
    pub gcp_credentials_file: Option<String>,
}

impl Credentials {
    /// The secrets that the settings hold.
    #[must_use]
    pub fn from_settings(settings: &Settings) -> Self {
        let secret = |name: &str| settings.secret(name).cloned();
        Self {
            cloudflare_api_token: secret("cloudflare-api-token"),
            slack_token: secret("slack-token"),
            github_token: secret("github-token"),
            tls_key: secret("tls-key"),
            gcp_credentials_file: settings.text("gcp-credentials-file").map(str::to_owned),
        }
    }
}
