//! The log stack: charts first, then retention, dashboards and names, all through tunnels.

use std::time::Duration;

use super::BringUp;
use crate::charts::{self, ChartSecrets, ChartStage, KIBANA_PORT};
use crate::error::{Error, Meaning, Result};
use crate::secret::{SecretBytes, SecretString};
use crate::traits::{ClusterServices, DnsProvider, DnsRecord, LogRetention, LogStoreAccess, Look, Tunnel};
use crate::wait::Progress;

const ELASTICSEARCH_PORT: u16 = 9200;

/// The Secret with the certificates that the Elasticsearch chart makes, and its entry with the authority.
const CERTIFICATES: (&str, &str) = ("elasticsearch-master-certs", "ca.crt");

/// How often a load balancer's address is asked for.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

impl BringUp<'_> {
    /// Brings the log stack and the names of dashboards up, as far as the spec has them.
    pub(in crate::operation) async fn bring_up_logs(
        &self,
        cluster: &ClusterServices,
        secrets: &ChartSecrets,
    ) -> Result<()> {
        self.ensure_charts(
            cluster,
            secrets,
            &[ChartStage::Ingress, ChartStage::LogStore, ChartStage::LogClients],
        )
        .await?;
        if self.spec.logs.is_some() {
            self.ensure_log_store(cluster, secrets).await?;
        }
        self.ensure_dns(cluster).await
    }

    async fn ensure_log_store(&self, cluster: &ClusterServices, secrets: &ChartSecrets) -> Result<()> {
        let Some(spec) = &self.spec.logs else { return Ok(()) };
        let (access, _tunnels) = self.log_store_access(cluster, &secrets.elastic_password).await?;
        let store = self.services().connector.log_store(&access).await?;
        store.wait_ready(&self.run.wait("log-retention")).await?;
        let retention = LogRetention {
            name: "sm".to_owned(),
            index_pattern: "sm-*".to_owned(),
            days: spec.expiry_days,
            replicas: u32::from(spec.replicas > 1),
        };
        let look = || store.look_retention(&retention);
        let detail = format!("logs are deleted after {} days", spec.expiry_days);
        self.run.step("log-retention", &detail, look, |_| store.ensure_retention(&retention)).await?;
        let objects = spec.saved_objects.as_deref().unwrap_or(&self.materials.kibana_objects);
        let look = || store.look_dashboards(objects);
        self.run.step("dashboards", "Kibana objects", look, |_| store.ensure_dashboards(objects)).await?;
        Ok(())
    }

    /// Tunnels to Elasticsearch and Kibana, open for as long as the second value lives.
    pub(in crate::operation) async fn log_store_access(
        &self,
        cluster: &ClusterServices,
        elastic_password: &SecretString,
    ) -> Result<(LogStoreAccess, [Tunnel; 2])> {
        let namespaces = &self.plan.namespaces;
        let workloads = &cluster.workloads;
        let (secret, entry) = CERTIFICATES;
        let certificates = workloads.read_secret(&namespaces.network, secret).await?;
        let authority = certificates
            .as_ref()
            .and_then(|certificates| certificates.data.get(entry))
            .and_then(SecretBytes::expose_text)
            .ok_or_else(|| {
                Error::new(Meaning::NotFound, "read Secret", secret, format!("it has no entry {entry}"))
            })?
            .to_owned();
        let elasticsearch =
            workloads.tunnel(&charts::elasticsearch_service(namespaces), ELASTICSEARCH_PORT).await?;
        let kibana = workloads.tunnel(&charts::kibana_service(namespaces), KIBANA_PORT).await?;
        let access = LogStoreAccess {
            elasticsearch: elasticsearch.local,
            kibana: kibana.local,
            user: "elastic".to_owned(),
            password: elastic_password.clone(),
            certificate_authority: authority,
        };
        Ok((access, [elasticsearch, kibana]))
    }

    /// Points the public names to the ingress controller's load balancer.
    pub(in crate::operation) async fn ensure_dns(&self, cluster: &ClusterServices) -> Result<()> {
        let Some(dns) = self.services().dns.as_deref() else { return Ok(()) };
        if self.plan.dns.is_empty() {
            return Ok(());
        }
        let address = self.ingress_address(cluster).await?;
        let records = self.plan.dns.iter().map(|planned| DnsRecord {
            name: planned.name.clone(),
            address: address.clone(),
            proxied: planned.proxied,
            network: self.spec.network.clone(),
        });
        let ensured = records.map(|record| self.ensure_record_of_dns(dns, record));
        for outcome in futures::future::join_all(ensured).await {
            outcome?;
        }
        Ok(())
    }

    async fn ensure_record_of_dns(&self, dns: &dyn DnsProvider, record: DnsRecord) -> Result<()> {
        let look = async || -> Result<Look> { dns.look(&record).await };
        let detail = format!("pointing to {}", record.address);
        self.run.step(&dns_step(&record.name), &detail, look, |_| dns.ensure(&record)).await?;
        Ok(())
    }

    async fn ingress_address(&self, cluster: &ClusterServices) -> Result<String> {
        let service = charts::ingress_service(&self.plan.namespaces);
        let wait = self.run.wait("load balancer");
        let look = async || {
            Ok(match cluster.workloads.service_address(&service).await? {
                Some(address) => Progress::Ready(address.ip),
                None => Progress::Pending("the cloud has not given it an address yet".to_owned()),
            })
        };
        self.services()
            .interrupt
            .or("load balancer", wait.until("the ingress controller's load balancer", LOOK_AGAIN, look))
            .await
    }
}

/// The step that makes a DNS record.
pub(in crate::operation) fn dns_step(name: &str) -> String {
    format!("dns {name}")
}
