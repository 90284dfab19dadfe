//! Charts, names and what is published: all that a network has beside its own pods.

use serde::Serialize;

use super::StatusReport;
use crate::charts::{WEB_SERVICE_CHARTS, ingress_service};
use crate::discovery::files_with_entry;
use crate::error::{Result, render_chain};
use crate::operation::{Services, archive};
use crate::plan::Plan;
use crate::state::{NetworkRecord, NetworkStatus};
use crate::traits::{ChartInstaller, InstalledRelease, Workloads};

/// A chart release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChartHealth {
    /// The release.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The version that the record has.
    pub version: String,
    /// The version that is installed; none when none is.
    pub installed: Option<String>,
    /// The status of the newest revision, as Helm spells it.
    pub status: Option<String>,
}

impl ChartHealth {
    pub(super) fn finding(&self) -> Option<String> {
        let Self { name, version, .. } = self;
        match (&self.installed, self.status.as_deref()) {
            (None, _) => Some(format!("chart {name} is not installed")),
            (Some(installed), _) if installed != version => {
                Some(format!("chart {name} is {installed}, recorded was {version}"))
            }
            (Some(_), Some("deployed")) => None,
            (Some(_), status) => Some(format!("chart {name} is {}", status.unwrap_or("in no state"))),
        }
    }
}

/// A DNS name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NameHealth {
    /// The whole name.
    pub name: String,
    /// Where it points to; none when there is no such record of ours.
    pub address: Option<String>,
    /// Where it should point to: the ingress controller's load balancer, when that has an address.
    pub wanted: Option<String>,
}

impl NameHealth {
    pub(super) fn finding(&self) -> Option<String> {
        let Self { name, address, wanted } = self;
        match (address, wanted) {
            (None, _) => Some(format!("DNS name {name} is missing")),
            (Some(address), Some(wanted)) if address != wanted => {
                Some(format!("DNS name {name} points to {address}, and the load balancer is at {wanted}"))
            }
            (Some(_), _) => None,
        }
    }
}

/// What is published of a network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Listing {
    /// Where its config can be read; none when it is not published.
    pub config_url: Option<String>,
    /// How far its web services are.
    pub web_services: WebServicesState,
    /// The discovery files that have an entry of it.
    pub discovery: Vec<String>,
}

/// How far the web services of a network are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WebServicesState {
    /// It has none.
    #[default]
    None,
    /// `deploy-ws` has begun, and something of them is not there.
    Unfinished,
    /// All charts are deployed, and the discovery file has an entry.
    Deployed,
}

/// The releases that the record has, as they are installed.
pub(super) async fn charts(record: &NetworkRecord, charts: &dyn ChartInstaller) -> Result<Vec<ChartHealth>> {
    if record.charts.is_empty() {
        return Ok(Vec::new());
    }
    let installed = charts.list(None).await?;
    let health = |recorded: &crate::state::ChartRecord| {
        let is_it =
            |one: &&InstalledRelease| one.name == recorded.name && one.namespace == recorded.namespace;
        let found = installed.iter().find(is_it);
        ChartHealth {
            name: recorded.name.clone(),
            namespace: recorded.namespace.clone(),
            version: recorded.version.clone(),
            installed: found.map(|found| found.version.clone()),
            status: found.map(|found| found.status.clone()),
        }
    };
    Ok(record.charts.iter().map(health).collect())
}

/// The names that the plan has, as they are.
pub(super) async fn names(
    services: &Services,
    record: &NetworkRecord,
    workloads: &dyn Workloads,
) -> Result<Vec<NameHealth>> {
    let Some(dns) = &services.dns else { return Ok(Vec::new()) };
    let Ok(plan) = Plan::new(&record.spec, &services.cluster.capabilities()) else { return Ok(Vec::new()) };
    if plan.dns.is_empty() || record.status != NetworkStatus::Ready {
        return Ok(Vec::new());
    }
    let present = dns.list(Some(&record.network)).await?;
    let balancer = workloads.service_address(&ingress_service(&plan.namespaces)).await?;
    let health = |planned: &crate::plan::PlannedName| NameHealth {
        name: planned.name.clone(),
        address: present.iter().find(|one| one.name == planned.name).map(|one| one.address.clone()),
        wanted: balancer.as_ref().map(|balancer| balancer.ip.clone()),
    };
    Ok(plan.dns.iter().map(health).collect())
}

/// Looks at what is published, and adds what is off about it.
pub(super) async fn look(services: &Services, record: &NetworkRecord, report: &mut StatusReport) {
    let has_web_services = record.spec.web_services.is_some();
    look_at_config(services, record, report).await;
    match files_with_entry(&*services.discovery_store, &record.network).await {
        Ok(files) => {
            report.listing.discovery = files.into_iter().map(str::to_owned).collect();
            report.findings.extend(finding_of_entries(has_web_services, &report.listing.discovery));
        }
        Err(error) if !has_web_services => {
            tracing::debug!(error = %render_chain(&error), "the discovery file cannot be read");
        }
        Err(error) => report.findings.push(render_chain(&error)),
    }
    report.listing.web_services = web_services(record, report);
    if report.listing.web_services == WebServicesState::Unfinished {
        report.findings.push("its web services are not deployed whole; deploy-ws goes on".to_owned());
    }
}

fn finding_of_entries(has_web_services: bool, files: &[String]) -> Option<String> {
    match (has_web_services, files) {
        (true, []) => Some("it has web services, but no entry in the discovery file".to_owned()),
        (false, [_, ..]) => {
            Some("the discovery file has an entry of it, but it has no web services".to_owned())
        }
        (true, _) | (false, []) => None,
    }
}

fn web_services(record: &NetworkRecord, report: &StatusReport) -> WebServicesState {
    if record.spec.web_services.is_none() {
        return WebServicesState::None;
    }
    let mut charts = report.charts.iter().filter(|chart| WEB_SERVICE_CHARTS.contains(&chart.name.as_str()));
    if charts.all(|chart| chart.finding().is_none()) && !report.listing.discovery.is_empty() {
        WebServicesState::Deployed
    } else {
        WebServicesState::Unfinished
    }
}

async fn look_at_config(services: &Services, record: &NetworkRecord, report: &mut StatusReport) {
    let key = format!("{}config.json", archive(record.network.as_str()));
    match services.config_store.get(&key).await {
        Ok(Some(_)) => report.listing.config_url = Some(services.config_store.url(&key)),
        Ok(None) if record.status == NetworkStatus::Ready => {
            report.findings.push("its config is not published; create-network publishes it again".to_owned());
        }
        Ok(None) => {}
        Err(error) => report.findings.push(render_chain(&error)),
    }
}
