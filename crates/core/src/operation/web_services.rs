//! `deploy-ws`: public API nodes, explorer and dashboard of a network that is up, with their names and their entry in the discovery file.

mod steps;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bring_up::{BringUp, NetworkMaterials, chart_step, dns_step, poets_open};
use super::change::{Limits, plan_of, ready_record};
use super::run::{Basis, Run, anew_when_outdated};
use super::{OperationFailure, Services};
use crate::charts::{self, ChartSecrets, ChartStage};
use crate::discovery::{DiscoveryEntry, PRIVATE_FILE, PUBLIC_FILE};
use crate::error::{Error, Meaning, Result};
use crate::names::NetworkName;
use crate::plan::{Plan, PlannedName};
use crate::report::WebServicesReport;
use crate::secret::SecretString;
use crate::spec::{ChartOverride, NetworkSpec, WebServicesSpec};
use crate::state::{GenesisRecord, NetworkRecord, RecordStore};
use crate::traits::ClusterServices;

use self::steps::WebServices;

/// A certificate with its private key. Whoever makes one has checked that they belong together, that it is not expired, and that it covers
/// [`charts::certified_names`].
#[derive(Debug, Clone)]
pub struct TlsPair {
    /// The certificate and those between it and an authority, in PEM.
    pub certificate: String,
    /// The private key, in PEM.
    pub key: SecretString,
}

/// What `deploy-ws` is to do.
#[derive(Debug)]
pub struct WebServicesRequest {
    /// The network.
    pub network: NetworkName,
    /// The web services as they are to be.
    pub services: WebServicesSpec,
    /// Changes to their charts, beside those that the record has, by the chart's name.
    pub charts: BTreeMap<String, ChartOverride>,
    /// The certificate of the public API; none keeps the one that is in the cluster.
    pub certificate: Option<TlsPair>,
    /// Templates, files and tokens.
    pub materials: NetworkMaterials,
    /// The whole `filebeat.yml` that ships logs of web services.
    pub filebeat_config: String,
    /// How long it may take.
    pub limits: Limits,
}

/// Deploys the web services of a network, or sees that they are there as they should be.
///
/// # Errors
///
/// [`OperationFailure`]; before anything is changed [`Meaning::NotFound`] without such a network and [`Meaning::Invalid`] for one that cannot have them.
pub async fn deploy_web_services(
    services: &Services,
    request: WebServicesRequest,
) -> Result<WebServicesReport, OperationFailure> {
    anew_when_outdated(async || deploy_once(services, &request).await).await
}

async fn deploy_once(
    services: &Services,
    request: &WebServicesRequest,
) -> Result<WebServicesReport, OperationFailure> {
    let records = RecordStore::new(Arc::clone(&services.state_store), &request.network);
    let record = ready_record(services, &records, &request.network, "deploy web services of").await?;
    let (genesis, config_url) = entry_facts(&record)?;
    if request.certificate.is_none() && record.spec.web_services.is_none() {
        return Err(without_certificate(&request.network).into());
    }
    let spec = wanted(&record.spec, request);
    let plan = plan_of(services, &spec)?;
    let entry = DiscoveryEntry::new(&spec, &request.services, genesis, config_url);
    let intents = intents(&spec, &plan, &request.services);
    let basis = Basis::of(&records).await;
    let run = Run::new(services, &request.network, "deploy-ws", intents, request.limits, basis);
    let bring_up = BringUp { run: &run, spec: &spec, plan: &plan, materials: &request.materials, records };
    let web_services = WebServices {
        bring_up: &bring_up,
        wanted: &request.services,
        entry,
        filebeat_config: Some(&request.filebeat_config),
    };
    let flow = Box::pin(flow(&web_services, request.certificate.as_ref(), record.clone()));
    match run.keeping_lock(flow).await {
        Ok(mut report) => {
            report.steps = run.finish(&report.summary()).await;
            Ok(report)
        }
        Err(error) => {
            let evidence = bring_up.evidence().await;
            Err(run.fail(error, evidence).await)
        }
    }
}

/// Lets the web services follow a network whose release or config has changed: their nodes, and the entry in the discovery file. Does nothing for a network
/// without web services.
pub(super) async fn follow(
    bring_up: &BringUp<'_>,
    cluster: &ClusterServices,
    record: &NetworkRecord,
) -> Result<()> {
    let Some(wanted) = &bring_up.spec.web_services else { return Ok(()) };
    let (genesis, config_url) = entry_facts(record)?;
    let entry = DiscoveryEntry::new(bring_up.spec, wanted, genesis, config_url);
    let web_services = WebServices { bring_up, wanted, entry, filebeat_config: None };
    let node = web_services.node().await?;
    let releases = web_services.releases(&node, record)?;
    web_services.ensure_releases(&*cluster.charts, &releases, record).await?;
    web_services.ensure_discovery_entry().await
}

/// Genesis and published config, which a network that is up has.
fn entry_facts(record: &NetworkRecord) -> Result<(&GenesisRecord, &str)> {
    record.genesis.as_ref().zip(record.config_url.as_deref()).ok_or_else(|| {
        let reason = "its record names no genesis or no published config";
        Error::new(Meaning::Invalid, "deploy web services of", record.network.as_str(), reason)
            .with_hint("run create-network again, which publishes it")
    })
}

fn without_certificate(network: &NetworkName) -> Error {
    let reason = "the public API is served over TLS and there is no certificate for it";
    Error::new(Meaning::Invalid, "deploy web services of", network.as_str(), reason).with_hint(
        "give --tls-crt and --tls-key with the paths of PEM files, or set SPACECRAFT_TLS_CRT and SPACECRAFT_TLS_KEY",
    )
}

/// The network with the web services that are asked for.
fn wanted(recorded: &NetworkSpec, request: &WebServicesRequest) -> NetworkSpec {
    let mut spec = NetworkSpec { web_services: Some(request.services.clone()), ..recorded.clone() };
    spec.charts.extend(request.charts.clone());
    spec
}

/// Every step that may write, with what it makes.
fn intents(spec: &NetworkSpec, plan: &Plan, services: &WebServicesSpec) -> Vec<(String, Vec<String>)> {
    let (network, namespace) = (&spec.network, &plan.namespaces.web_services);
    let intent = |step: &str, resource: String| (step.to_owned(), vec![resource]);
    let mut intents = vec![
        intent("record", format!("record of {network}")),
        intent("cluster", format!("workers of cluster {network}")),
        intent("foundation", format!("namespace {namespace}")),
        intent("certificate", format!("Secret {} in namespace {namespace}", charts::TLS_SECRET)),
    ];
    intents.extend(releases(plan, ChartStage::Ingress));
    if spec.logs.is_some() {
        intents.push(intent(steps::RETENTION, "lifecycle policy and index template ws".to_owned()));
    }
    let name = |name: &PlannedName| intent(&dns_step(&name.name), format!("DNS record {}", name.name));
    intents.extend(plan.dns.iter().map(name));
    intents.extend(intents_to_follow(plan, services));
    intents
}

/// What [`follow`] may write.
pub(super) fn intents_to_follow(plan: &Plan, services: &WebServicesSpec) -> Vec<(String, Vec<String>)> {
    let entry = format!("entry of {} in {}", plan.network, discovery_file(services));
    releases(plan, ChartStage::WebServices).chain([("discovery".to_owned(), vec![entry])]).collect()
}

fn releases(plan: &Plan, stage: ChartStage) -> impl Iterator<Item = (String, Vec<String>)> {
    plan.charts.iter().filter(move |chart| chart.stage == stage).map(|chart| {
        let release = format!("chart release {} in namespace {}", chart.name, chart.namespace);
        (chart_step(&chart.name), vec![release])
    })
}

fn discovery_file(services: &WebServicesSpec) -> &'static str {
    if services.private { PRIVATE_FILE } else { PUBLIC_FILE }
}

async fn flow(
    web_services: &WebServices<'_>,
    certificate: Option<&TlsPair>,
    mut record: NetworkRecord,
) -> Result<WebServicesReport> {
    let bring_up = web_services.bring_up;
    let node = web_services.node().await?;
    let cluster = bring_up.connect().await?;
    let releases = web_services.releases(&node, &record)?;
    web_services.remember(&*cluster.charts, &releases, &mut record).await?;
    bring_up.ensure_cluster(&record).await?;
    let workloads = &*cluster.workloads;
    bring_up.ensure_foundation(workloads, poets_open(bring_up.spec, &record)).await?;
    web_services.ensure_certificate(workloads, certificate).await?;
    bring_up.ensure_charts(&cluster, &ChartSecrets::default(), &[ChartStage::Ingress]).await?;
    web_services.ensure_releases(&*cluster.charts, &releases, &record).await?;
    web_services.ensure_retention(&cluster).await?;
    bring_up.ensure_dns(&cluster).await?;
    web_services.ensure_discovery_entry().await?;
    bring_up.remember_balancers(&cluster, &mut record).await?;
    bring_up.run.settle().await?;
    let ingress = charts::ingress_service(&bring_up.plan.namespaces);
    let address = workloads.service_address(&ingress).await?.map(|address| address.ip);
    Ok(report(web_services, address))
}

fn report(web_services: &WebServices<'_>, address: Option<String>) -> WebServicesReport {
    let run = web_services.bring_up.run;
    let services = run.services();
    if services.dns.is_none() {
        let names = charts::web_service_names(web_services.bring_up.spec);
        let names: Vec<&str> = names.iter().map(|name| name.name.as_str()).collect();
        run.tell(format!(
            "there is no token for DNS: point {} to {}",
            names.join(", "),
            address.as_deref().unwrap_or("the ingress controller's load balancer")
        ));
    }
    let file = discovery_file(web_services.wanted);
    WebServicesReport::new(&web_services.entry, services.discovery_store.url(file), address)
}
