//! The end of a creation: the record says ready, and the report says what there is.

use std::collections::BTreeSet;

use super::BringUp;
use super::fleet::Fleet;
use super::publish::{address_of, poet_url};
use crate::charts;
use crate::error::Result;
use crate::plan::PlannedNode;
use crate::report::{NetworkReport, NodeReport, PoetReport};
use crate::state::{ChartRecord, NetworkRecord, NetworkStatus};
use crate::traits::{ClusterServices, RememberedBalancer, ServiceAddress};
use crate::workload::ObservedWorkload;

impl BringUp<'_> {
    /// Publishes, writes the last record, and reports.
    pub(in crate::operation) async fn finish(
        &self,
        cluster: &ClusterServices,
        fleet: Fleet,
        mut record: NetworkRecord,
    ) -> Result<NetworkReport> {
        let observed = cluster.workloads.list().await?;
        let config_url = self.publish(&fleet, &observed).await?;
        let before = record.clone();
        record.genesis = Some(fleet.genesis.clone());
        record.status = NetworkStatus::Ready;
        record.joining.clear();
        record.config_url = Some(config_url.clone());
        record.charts = self.chart_records();
        record.load_balancers = self.load_balancers(cluster).await?;
        for poet in &mut record.poets {
            poet.url = poet_url(&fleet, &observed, &poet.name);
        }
        if record != before && self.run.only_looks() {
            self.ensure_record("record", &mut record, true).await?;
        } else if record != before {
            self.run.begin_writing().await?;
            self.write_record(&mut record).await?;
        }
        self.run.settle().await?;
        Ok(self.report(&fleet, &observed, config_url))
    }

    /// The charts as the record has them.
    pub(in crate::operation) fn chart_records(&self) -> Vec<ChartRecord> {
        let record = |chart: &charts::PlannedChart| ChartRecord {
            name: chart.name.clone(),
            namespace: chart.namespace.clone(),
            chart: chart.chart.clone(),
            version: chart.version.clone(),
            shared: chart.shared,
        };
        self.plan.charts.iter().map(record).collect()
    }

    /// Writes the load balancers into the record that the cloud gave to Services since it was written.
    pub(in crate::operation) async fn remember_balancers(
        &self,
        cluster: &ClusterServices,
        record: &mut NetworkRecord,
    ) -> Result<()> {
        let found = self.load_balancers(cluster).await?;
        if record.load_balancers == found {
            return Ok(());
        }
        record.load_balancers = found;
        self.run.begin_writing().await?;
        self.write_record(record).await
    }

    /// The load balancers that the cloud gave to Services; only one of them is ever made.
    async fn load_balancers(&self, cluster: &ClusterServices) -> Result<Vec<RememberedBalancer>> {
        let service = charts::ingress_service(&self.plan.namespaces);
        let has_one = self.plan.charts.iter().any(|chart| chart.name == "ingress-nginx");
        if !has_one || !self.services().cluster.capabilities().manages_infrastructure {
            return Ok(Vec::new());
        }
        let address = cluster.workloads.service_address(&service).await?;
        let remembered = |address: ServiceAddress| RememberedBalancer {
            service,
            uid: address.uid,
            address: Some(address.ip),
        };
        Ok(address.map(remembered).into_iter().collect())
    }

    fn report(&self, fleet: &Fleet, observed: &[ObservedWorkload], config_url: String) -> NetworkReport {
        let mut urls = crate::report::urls(self.spec);
        urls.insert("config".to_owned(), config_url.clone());
        let nodes = self.node_reports(fleet, observed, &self.spec.fleet.numbers());
        let poets = self
            .plan
            .poets
            .iter()
            .map(|poet| PoetReport { name: poet.name.clone(), url: poet_url(fleet, observed, &poet.name) });
        NetworkReport::new(
            self.spec,
            &fleet.genesis,
            nodes,
            poets.collect(),
            urls,
            self.plan.exposure.clone(),
            config_url,
        )
    }

    /// Some nodes as they are seen.
    pub(in crate::operation) fn node_reports(
        &self,
        fleet: &Fleet,
        observed: &[ObservedWorkload],
        numbers: &BTreeSet<u32>,
    ) -> Vec<NodeReport> {
        let nodes = self.plan.nodes.iter().filter(|node| numbers.contains(&node.number));
        nodes.map(|node| node_report(fleet, observed, node)).collect()
    }
}

fn node_report(fleet: &Fleet, observed: &[ObservedWorkload], node: &PlannedNode) -> NodeReport {
    let seen = observed.iter().find(|workload| workload.name == node.name);
    let identity = fleet.bindings.nodes.get(&node.number);
    let address = seen.and_then(|seen| address_of(fleet, seen));
    let at = |port: &str| {
        let port = seen?.node_ports.get(port)?;
        Some(format!("{}:{port}", address.as_ref()?))
    };
    let p2p = fleet.bindings.p2p_address(node).or_else(|| {
        Some(crate::identity::peer_multiaddress(address.as_ref()?, node.p2p_port, &identity?.peer_id))
    });
    NodeReport {
        name: node.name.clone(),
        role: node.role,
        peer_id: identity.map(|identity| identity.peer_id.clone()).unwrap_or_default(),
        coinbase: identity.map(|identity| identity.coinbase.clone()).unwrap_or_default(),
        p2p,
        grpc: at("grpcport"),
        json: at("jsonport"),
        poet: node.poet.clone(),
        worker: seen.and_then(|seen| seen.worker.clone()),
    }
}
