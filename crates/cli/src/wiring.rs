//! Which implementation stands behind each trait, by `--provider`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use spacecraft_builds::Builds;
use spacecraft_cloudflare::{Cloudflare, CloudflareOptions};
use spacecraft_core::operation::Services;
use spacecraft_core::secret::SecretString;
use spacecraft_core::settings::{Command, Settings};
use spacecraft_core::time::{AheadClock, Clock};
use spacecraft_core::traits::{
    BearerTokens, ClusterProvider, DnsProvider, FileStore, Notifier, ObjectStore, ReleasePublisher,
};
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_folder::{FolderFiles, FolderStore, Visibility};
use spacecraft_gcp::{Bucket, BucketOptions, Endpoints, Gke, GkeOptions, Tokens};
use spacecraft_github::{GitHub, GitHubOptions, RepositoryName};
use spacecraft_http::{Client, ClientOptions, Proxy, Url, with_segments};
use spacecraft_kubernetes::KubeconfigCluster;
use spacecraft_sandbox::server::{SandboxInfo, ensure_running, simulated_lead};
use spacecraft_slack::{Slack, SlackOptions};
use spacecraft_spacemesh::Spacemesh;

use crate::access;
use crate::connector::Connector;
use crate::environment::Environment;
use crate::folders;
use crate::output::Output;
use crate::session::{Known, Session};

/// The simulated cloud's place for clusters.
const SANDBOX_LOCATION: (&str, &str) = ("us-central1", "us-central1-a");

/// The folder of the simulated cloud.
pub(crate) fn sandbox_folder(settings: &Settings, environment: &Environment) -> PathBuf {
    settings.text("sandbox-dir").map_or_else(|| folders::sandbox(environment), PathBuf::from)
}

/// Starts the simulated cloud when the settings want it; nothing otherwise.
pub(crate) async fn start_sandbox(
    settings: &Settings,
    environment: &Environment,
) -> Result<Option<SandboxInfo>> {
    if settings.text("provider") != Some("sandbox") {
        return Ok(None);
    }
    let folder = sandbox_folder(settings, environment);
    let failed = |reason: &str| {
        Error::new(Meaning::Unavailable, "start sandbox", folder.display().to_string(), reason)
    };
    let executable = std::env::current_exe()
        .map_err(|error| failed("this program's own file cannot be found").with_source(error))?;
    let running = ensure_running(&folder, &executable)
        .await
        .map_err(|error| failed("it did not start").with_source(error))?;
    Ok(Some(running.info))
}

/// What the simulated cloud will bring along, before it is started: enough to check all other settings.
pub(crate) fn known_before_sandbox(session: &Session<'_>, command: Command) -> Known {
    if !session.means_sandbox(command) {
        return Known::default();
    }
    Known {
        credentials: credentials("to-be-made", "to-be-made", "C00000000", "to-be-made"),
        ..Known::default()
    }
}

fn credentials(
    cloudflare_token: &str,
    slack_token: &str,
    slack_channel: &str,
    github_token: &str,
) -> BTreeMap<String, String> {
    let settings = [
        ("cloudflare-api-token", cloudflare_token),
        ("slack-token", slack_token),
        ("slack-channel-id", slack_channel),
        ("github-token", github_token),
    ];
    settings.into_iter().map(|(setting, value)| (setting.to_owned(), value.to_owned())).collect()
}

/// Settings that the simulated cloud brings along.
pub(crate) fn known_of_sandbox(info: Option<&SandboxInfo>) -> Known {
    let Some(info) = info else { return Known::default() };
    let (location, zone) = SANDBOX_LOCATION;
    let values = [
        ("gcp-project", json!(info.project)),
        ("gcp-location", json!(location)),
        ("gcp-zone", json!(zone)),
        ("state-bucket", json!(info.state_bucket)),
    ];
    Known {
        of_sandbox: values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        credentials: credentials(
            &info.cloudflare_token,
            &info.slack_token,
            &info.slack_channel,
            &info.github_token,
        ),
        ..Known::default()
    }
}

/// The clock of a command in the simulated cloud: what it makes lives in the time that is simulated when it starts.
fn clock_of_sandbox(folder: &Path, environment: &Environment) -> Arc<dyn Clock> {
    let base = environment.clock();
    let ahead = simulated_lead(folder, base.now());
    Arc::new(AheadClock { base, ahead })
}

/// Everything that is wired the same way for all commands.
#[derive(Debug)]
pub(crate) struct Wiring<'a> {
    settings: &'a Settings,
    environment: &'a Environment,
    sandbox: Option<SandboxInfo>,
    /// What operations live by. Connections live by the machine's clock, as the certificates do that they check.
    clock: Arc<dyn Clock>,
    client: Client,
    options: ClientOptions,
}

/// The one HTTP client, and what it was built from.
pub(crate) fn client(environment: &Environment) -> Result<(Client, ClientOptions)> {
    let proxy = environment
        .proxy()
        .map(|(url, except)| Proxy { url: SecretString::from(url), except: except.to_owned() });
    let options = ClientOptions {
        proxy,
        clock: environment.clock(),
        random: environment.random(),
        ..ClientOptions::default()
    };
    Ok((Client::new(options.clone())?, options))
}

impl<'a> Wiring<'a> {
    /// Wiring for these settings; asks nothing yet.
    pub(crate) fn new(
        settings: &'a Settings,
        environment: &'a Environment,
        sandbox: Option<SandboxInfo>,
    ) -> Result<Self> {
        let clock = match &sandbox {
            Some(_) => clock_of_sandbox(&sandbox_folder(settings, environment), environment),
            None => environment.clock(),
        };
        let (client, options) = client(environment)?;
        Ok(Self { clock, settings, environment, sandbox, client, options })
    }

    fn text(&self, name: &str) -> String {
        self.settings.text(name).unwrap_or_default().to_owned()
    }

    fn on_kubernetes(&self) -> bool {
        self.settings.text("provider") == Some("kubernetes")
    }

    /// The cluster provider.
    pub(crate) async fn cluster(&self) -> Result<Arc<dyn ClusterProvider>> {
        if self.on_kubernetes() {
            return Ok(Arc::new(self.kubeconfig_cluster()?));
        }
        Ok(Arc::new(Gke::new(GkeOptions {
            client: self.client.clone(),
            tokens: self.tokens().await?,
            project: self.text("gcp-project"),
            location: self.text("gcp-location"),
            zone: self.text("gcp-zone"),
            state_bucket: self
                .settings
                .text("object-dir")
                .is_none()
                .then(|| self.bucket_name("state-bucket")),
            endpoints: self.google()?,
        })))
    }

    fn kubeconfig_cluster(&self) -> Result<KubeconfigCluster> {
        let text = access::kubeconfig(self.settings, self.environment)?;
        let context = self.settings.text("context").map(str::to_owned);
        let namespace = self.settings.text("namespace").map(str::to_owned);
        Ok(KubeconfigCluster::new(text, context, self.client.retrier().clone()).with_namespace(namespace))
    }

    /// Tokens for Google's services.
    async fn tokens(&self) -> Result<Arc<dyn BearerTokens>> {
        let key = match &self.sandbox {
            Some(info) => Some(info.service_account_file.clone()),
            None => self.settings.text("gcp-credentials-file").map(PathBuf::from),
        };
        Ok(match key {
            Some(path) => Arc::new(Tokens::from_service_account_file(&path)?),
            None => Arc::new(Tokens::of_environment().await?),
        })
    }

    fn google(&self) -> Result<Endpoints> {
        let Some(info) = &self.sandbox else { return Endpoints::google() };
        let at = |service: &str| simulated(info, &format!("{service}.googleapis.com"));
        Ok(Endpoints {
            container: at("container")?,
            compute: at("compute")?,
            resource_manager: at("cloudresourcemanager")?,
            service_usage: at("serviceusage")?,
            storage: at("storage")?,
        })
    }

    /// The store of published configs.
    pub(crate) async fn config_store(&self) -> Result<Arc<dyn ObjectStore>> {
        self.store("bucket", "public", Visibility::Public).await
    }

    /// The store of records, journals and locks.
    pub(crate) async fn state_store(&self) -> Result<Arc<dyn ObjectStore>> {
        self.store("state-bucket", "state", Visibility::Private).await
    }

    /// The store of the discovery file.
    pub(crate) async fn discovery_store(&self) -> Result<Arc<dyn ObjectStore>> {
        self.store("discovery-bucket", "discovery", Visibility::Public).await
    }

    async fn store(
        &self,
        bucket: &str,
        folder: &str,
        visibility: Visibility,
    ) -> Result<Arc<dyn ObjectStore>> {
        if let Some(root) = self.settings.text("object-dir") {
            return Ok(Arc::new(FolderStore::new(Path::new(root).join(folder), visibility)?));
        }
        Ok(Arc::new(self.bucket(self.bucket_name(bucket)).await?))
    }

    /// The name of the bucket that a setting names. The one of state has a name of the project's when none is given.
    fn bucket_name(&self, setting: &str) -> String {
        match self.settings.text(setting) {
            Some(name) => name.to_owned(),
            None => format!("spacecraft-state-{}", self.text("gcp-project")),
        }
    }

    async fn bucket(&self, name: String) -> Result<Bucket> {
        let options = BucketOptions {
            name,
            client: self.client.clone(),
            tokens: self.tokens().await?,
            endpoint: self.google()?.storage,
        };
        Bucket::new(options).await
    }

    /// Builds of go-spacemesh: from a public bucket, or an address that has them, into the bucket of releases.
    pub(crate) async fn builds(&self) -> Result<Builds> {
        let source = self.text("builds-bucket");
        let source = if source.contains("://") {
            parse(&source)?
        } else {
            with_segments(
                &self.api("storage.googleapis.com", spacecraft_builds::PUBLIC_STORAGE)?,
                [source.as_str()],
            )
        };
        let store: Arc<dyn FileStore> = match self.settings.text("object-dir") {
            Some(root) => Arc::new(FolderFiles::new(Path::new(root).join("releases"))?),
            None => Arc::new(self.bucket(self.text("release-bucket")).await?),
        };
        Builds::new(self.client.clone(), source, store)
    }

    /// The repository of releases, when there is a token for it.
    pub(crate) fn publisher(&self, repository: RepositoryName) -> Result<Option<Arc<dyn ReleasePublisher>>> {
        let Some(token) = self.settings.secret("github-token").cloned() else { return Ok(None) };
        let api = self.api("api.github.com", spacecraft_github::PUBLIC_API)?;
        let uploads = self.api("uploads.github.com", spacecraft_github::PUBLIC_UPLOADS)?;
        let options = GitHubOptions { api, uploads, repository, token };
        Ok(Some(Arc::new(GitHub::new(self.client.clone(), options))))
    }

    /// DNS, when there is a token for it.
    pub(crate) fn dns(&self) -> Result<Option<Arc<dyn DnsProvider>>> {
        let Some(token) = self.settings.secret("cloudflare-api-token").cloned() else { return Ok(None) };
        let api = self.api("api.cloudflare.com", spacecraft_cloudflare::PUBLIC_API)?;
        let options = CloudflareOptions { api, domain: self.text("domain"), token };
        Ok(Some(Arc::new(Cloudflare::new(self.client.clone(), options))))
    }

    fn notifier(&self) -> Result<Option<Arc<dyn Notifier>>> {
        let token = self.settings.secret("slack-token").cloned();
        let (Some(token), Some(channel)) = (token, self.settings.text("slack-channel-id")) else {
            return Ok(None);
        };
        let api = self.api("slack.com", spacecraft_slack::PUBLIC_API)?;
        let options = SlackOptions { api, channel: channel.to_owned(), token };
        Ok(Some(Arc::new(Slack::new(self.client.clone(), options))))
    }

    /// A service's public base address, or where the simulated cloud has it.
    fn api(&self, host: &str, public: &str) -> Result<Url> {
        let public = parse(public)?;
        let Some(info) = &self.sandbox else { return Ok(public) };
        let path = public.path().trim_matches('/');
        parse(&format!("{}/{path}", simulated(info, host)?.as_str().trim_end_matches('/')))
    }

    /// What makes the services inside a cluster.
    pub(crate) fn connector(&self) -> Connector {
        let mirrors = self.sandbox.as_ref().map(|info| info.urls.0.clone()).unwrap_or_default();
        let chart_cache = folders::charts(self.environment);
        let rsa_keys = self.environment.rsa_keys();
        Connector::new(self.client.clone(), self.options.clone(), chart_cache, rsa_keys, mirrors)
    }

    /// All services of an operation.
    pub(crate) async fn services(&self, operation: &str, output: &Output) -> Result<Services> {
        Ok(Services {
            cluster: self.cluster().await?,
            connector: Arc::new(self.connector()),
            spacemesh: Arc::new(Spacemesh::new(self.client.clone())),
            config_store: self.config_store().await?,
            state_store: self.state_store().await?,
            discovery_store: self.discovery_store().await?,
            dns: self.dns()?,
            notifier: self.notifier()?,
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.options.random),
            observer: output.observer(),
            interrupt: self.environment.interrupt(output),
            holder: self.environment.holder(operation),
            probe: self.environment.probe(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }
}

/// Where the simulated cloud has the service of a public host.
fn simulated(info: &SandboxInfo, host: &str) -> Result<Url> {
    let url = info.urls.0.get(host).ok_or_else(|| Error::unsupported(format!("reach {host}"), "sandbox"))?;
    parse(url)
}

fn parse(url: &str) -> Result<Url> {
    Url::parse(url)
        .map_err(|error| Error::new(Meaning::Invalid, "read address", url, "it is no URL").with_source(error))
}
