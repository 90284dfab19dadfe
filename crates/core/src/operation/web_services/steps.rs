//! The steps that web services alone need.

use serde_json::Value;

use super::{TlsPair, discovery_file, without_certificate};
use crate::charts::{self, ChartSecrets, ChartStage, WebServiceFacts, ships_logs, web_service_release};
use crate::discovery::{DiscoveryEntry, ensure_entry, file_exists, look_entry};
use crate::error::{Error, Meaning, Result, render_chain};
use crate::generation::{WebNode, WebNodeFacts};
use crate::observer::Outcome;
use crate::operation::bring_up::{BringUp, archive, find_charts};
use crate::plan::beacon_url;
use crate::spec::WebServicesSpec;
use crate::state::NetworkRecord;
use crate::traits::{ChartInstaller, ChartRelease, ClusterServices, LogRetention, Workloads};
use crate::workload::TlsSecret;

/// The step that decides how long logs are kept.
pub(super) const RETENTION: &str = "log-retention ws";

/// The web services of a network that is being changed.
#[derive(Debug)]
pub(super) struct WebServices<'a> {
    /// The steps that every command shares.
    pub bring_up: &'a BringUp<'a>,
    /// The web services as they are to be.
    pub wanted: &'a WebServicesSpec,
    /// The network's entry in the discovery file.
    pub entry: DiscoveryEntry,
    /// The whole `filebeat.yml` that ships their logs; none leaves the shipping as it is.
    pub filebeat_config: Option<&'a str>,
}

impl WebServices<'_> {
    /// How the nodes are run, made from the config that the network publishes.
    pub(super) async fn node(&self) -> Result<WebNode> {
        let bring_up = &self.bring_up;
        let store = &*bring_up.run.services().config_store;
        let key = format!("{}config.json", archive(bring_up.spec.network.as_str()));
        let invalid =
            |reason: &str| Error::new(Meaning::Invalid, "read published config", store.url(&key), reason);
        let object = store.get(&key).await?.ok_or_else(|| {
            invalid("it is not there").with_hint("run create-network again, which publishes it")
        })?;
        let published: Value = serde_json::from_slice(&object.bytes)
            .map_err(|error| invalid("it is no JSON").with_source(error))?;
        bring_up
            .materials
            .profile
            .web_node(&WebNodeFacts { published, beacon_url: beacon_url(bring_up.spec) })
    }

    /// Writes into the record that there are web services, before the first of them is made, so that they are found and removed whatever happens.
    pub(super) async fn remember(
        &self,
        installer: &dyn ChartInstaller,
        releases: &[ChartRelease],
        record: &mut NetworkRecord,
    ) -> Result<Outcome> {
        let before = record.clone();
        record.spec = self.bring_up.spec.clone();
        let file = discovery_file(self.wanted);
        if !file_exists(&*self.bring_up.run.services().discovery_store, file).await? {
            record.discovery_files.insert(file.to_owned());
        }
        record.charts = self.bring_up.chart_records();
        if !record.spec.charts.is_empty() {
            record.settings.insert("charts".to_owned(), serde_json::json!(record.spec.charts));
        }
        let changed = *record != before;
        if changed {
            self.preflight().await?;
            let ingress = self.bring_up.releases(&ChartSecrets::default(), ChartStage::Ingress)?;
            find_charts(installer, &[releases, &ingress].concat()).await?;
        }
        self.bring_up.ensure_record("record", record, changed).await
    }

    /// Asks whether names and the discovery file could be changed, before the first thing is made.
    async fn preflight(&self) -> Result<()> {
        let services = self.bring_up.run.services();
        let mut stops = Vec::new();
        stops.extend(services.discovery_store.check_access().await.err());
        if let Some(dns) = &services.dns {
            stops.extend(dns.check_access().await.err());
        }
        if stops.is_empty() {
            return Ok(());
        }
        let reasons: Vec<String> = stops.iter().map(|error| render_chain(error)).collect();
        let network = self.bring_up.spec.network.as_str();
        Err(Error::new(Meaning::Denied, "deploy web services of", network, reasons.join("\n  "))
            .with_hint("nothing was made; mend this and run the command again"))
    }

    /// The Secret with the certificate; without a new one, that there is one.
    pub(super) async fn ensure_certificate(
        &self,
        workloads: &dyn Workloads,
        certificate: Option<&TlsPair>,
    ) -> Result<()> {
        let namespace = self.bring_up.plan.namespaces.web_services.clone();
        let Some(pair) = certificate else {
            return match workloads.read_secret(&namespace, charts::TLS_SECRET).await? {
                Some(_) => Ok(()),
                None => Err(without_certificate(&self.bring_up.spec.network)),
            };
        };
        let secret = TlsSecret {
            namespace,
            name: charts::TLS_SECRET.to_owned(),
            certificate: pair.certificate.clone(),
            key: pair.key.clone(),
        };
        let look = || workloads.look_tls_secret(&secret);
        let run = self.bring_up.run;
        run.step("certificate", "certificate of the public API", look, |_| {
            workloads.ensure_tls_secret(&secret)
        })
        .await?;
        Ok(())
    }

    /// The releases of the web services, as they are to be.
    pub(super) fn releases(&self, node: &WebNode, record: &NetworkRecord) -> Result<Vec<ChartRelease>> {
        let bring_up = &self.bring_up;
        let facts = WebServiceFacts {
            node,
            filebeat_config: self.filebeat_config.unwrap_or_default(),
            chain_has_begun: self.chain_has_begun(record),
        };
        let ours = bring_up.plan.charts.iter().filter(|chart| chart.stage == ChartStage::WebServices);
        let wanted = ours.filter(|chart| self.filebeat_config.is_some() || !ships_logs(chart));
        let templates = &bring_up.materials.chart_templates;
        wanted
            .map(|chart| web_service_release(chart, bring_up.spec, self.wanted, &facts, templates))
            .collect()
    }

    fn chain_has_begun(&self, record: &NetworkRecord) -> bool {
        let now = self.bring_up.run.services().clock.now();
        record.genesis.as_ref().is_some_and(|genesis| genesis.genesis.time <= now)
    }

    /// The charts of the web services, side by side.
    pub(super) async fn ensure_releases(
        &self,
        installer: &dyn ChartInstaller,
        releases: &[ChartRelease],
        record: &NetworkRecord,
    ) -> Result<()> {
        let together = self.bring_up.ensure_releases(installer, releases).await?;
        if !self.chain_has_begun(record) && together != Outcome::Unchanged {
            self.bring_up.run.tell(
                "the chain has not begun yet: public API nodes and explorer become ready once their nodes are in step with it",
            );
        }
        Ok(())
    }

    /// How long logs of web services are kept, under a name of their own.
    pub(super) async fn ensure_retention(&self, cluster: &ClusterServices) -> Result<()> {
        let Some(logs) = &self.bring_up.spec.logs else { return Ok(()) };
        let run = self.bring_up.run;
        let password = self.bring_up.elastic_password(&*cluster.workloads).await?;
        let (access, _tunnels) = self.bring_up.log_store_access(cluster, &password).await?;
        let store = run.services().connector.log_store(&access).await?;
        store.wait_ready(&run.wait(RETENTION)).await?;
        let retention = LogRetention {
            name: "ws".to_owned(),
            index_pattern: "ws-*".to_owned(),
            days: self.wanted.logs_expiry_days,
            replicas: u32::from(logs.replicas > 1),
        };
        let detail = format!("logs are deleted after {} days", retention.days);
        let look = || store.look_retention(&retention);
        run.step(RETENTION, &detail, look, |_| store.ensure_retention(&retention)).await?;
        Ok(())
    }

    /// The network's entry in the discovery file, at its front when it is new.
    pub(super) async fn ensure_discovery_entry(&self) -> Result<()> {
        let run = self.bring_up.run;
        let store = &*run.services().discovery_store;
        let (network, file) = (&self.bring_up.spec.network, discovery_file(self.wanted));
        let look = || look_entry(store, file, network, &self.entry);
        let detail = format!("entry in {}", store.url(file));
        run.step("discovery", &detail, look, |_| ensure_entry(store, file, network, &self.entry)).await?;
        Ok(())
    }
}
