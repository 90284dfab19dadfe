//! The cluster and what it needs before workloads: namespaces, policies, an open firewall.

use super::BringUp;
use crate::charts::Namespaces;
use crate::error::{Error, Meaning, Result, render_chain};
use crate::names::NetworkName;
use crate::observer::Outcome;
use crate::operation::Services;
use crate::plan::{firewall_openings, foundation_of};
use crate::spec::{Generation, NetworkSpec};
use crate::spelling::counted;
use crate::state::NetworkRecord;
use crate::traits::{
    ChartInstaller, ClusterServices, Evidence, FirewallRequest, Look, NetworkBinding, PreflightRequest,
    Workloads,
};
use crate::workload::Foundation;

impl BringUp<'_> {
    /// Makes the cluster, or sees that it is there with at least the workers that the plan needs.
    pub(in crate::operation) async fn ensure_cluster(&self, record: &NetworkRecord) -> Result<Outcome> {
        let provider = &self.services().cluster;
        let request = self.plan.cluster_request(self.spec);
        let wait = self.run.wait("cluster");
        let workers = counted(request.workers, "worker", "workers");
        let detail = format!("{workers} of type {}", request.machine.machine_type);
        self.run
            .step(
                "cluster",
                &detail,
                || provider.look_cluster(&request),
                async |found| {
                    let creates = found == Look::Absent;
                    self.preflight("cluster", creates).await?;
                    if creates {
                        let found = self.find_charts_unless(|_| false).await;
                        found.inspect_err(|_| self.run.made_nothing("cluster"))?;
                    }
                    if record.fence == 0 && creates {
                        self.remember_beginning(record, true).await?;
                    }
                    provider.ensure_cluster(&request, &wait).await
                },
            )
            .await
    }

    /// Gives the cluster that there is the workers that the plan needs; it keeps those that it has.
    pub(in crate::operation) async fn grow_cluster(&self) -> Result<Outcome> {
        let provider = &self.services().cluster;
        let request = self.plan.cluster_request(self.spec);
        let wait = self.run.wait("cluster");
        let detail = format!("at least {}", counted(request.workers, "worker", "workers"));
        self.run
            .step(
                "cluster",
                &detail,
                || provider.look_cluster(&request),
                async |_| {
                    self.preflight("cluster", false).await?;
                    provider.ensure_cluster(&request, &wait).await
                },
            )
            .await
    }

    /// Asks every service whether it would let us, before `step` makes the first thing.
    async fn preflight(&self, step: &str, creates_cluster: bool) -> Result<()> {
        let asked = self.ask_services(creates_cluster).await;
        if asked.is_err() {
            self.run.made_nothing(step);
        }
        asked
    }

    async fn ask_services(&self, creates_cluster: bool) -> Result<()> {
        let services = self.services();
        let request = PreflightRequest {
            cluster: self.plan.cluster_request(self.spec),
            disk: self.plan.cluster.disk,
            disks: self.plan.cluster.disks,
            addresses: u32::from(!self.plan.dns.is_empty()),
            creates_cluster,
        };
        let mut stops = Vec::new();
        for finding in services.cluster.preflight(&request).await? {
            let text = format!("{}: {}", finding.subject, finding.message);
            if finding.blocking { stops.push(text) } else { self.run.warn(text) }
        }
        for store in [&services.config_store, &services.state_store] {
            stops.extend(store.check_access().await.err().map(|error| render_chain(&error)));
        }
        let state = services.state_store.location();
        match services.state_store.is_public().await {
            Ok(false) => {}
            Ok(true) => stops.push(is_public(&state)),
            Err(error) => self.run.warn(format!(
                "whether everybody can read {state}, where records and journals are, cannot be told: {}",
                render_chain(&error)
            )),
        }
        if let Some(dns) = &services.dns {
            stops.extend(dns.check_access().await.err().map(|error| render_chain(&error)));
        }
        if let Some(notifier) = &services.notifier
            && let Err(error) = notifier.check_access().await
        {
            self.run.warn(render_chain(&error));
        }
        if stops.is_empty() {
            return Ok(());
        }
        Err(Error::new(Meaning::Denied, "prepare network", self.spec.network.as_str(), stops.join("\n  "))
            .with_hint("nothing was made; mend this and run the command again"))
    }

    /// What is inside the network's cluster.
    pub(in crate::operation) async fn connect(&self) -> Result<ClusterServices> {
        let services = self.services();
        let access = services.cluster.access(&self.spec.network).await?;
        let capabilities = services.cluster.capabilities();
        let mut binding = binding_of(self.spec, capabilities.creates_clusters);
        binding.most_workers = capabilities.creates_clusters.then_some(self.plan.cluster.most_workers);
        services.connector.connect(&access, &binding).await
    }

    /// Namespaces, network policies and disruption budgets.
    pub(in crate::operation) async fn ensure_foundation(
        &self,
        workloads: &dyn Workloads,
        poets_open: bool,
    ) -> Result<Outcome> {
        self.foundation_step(workloads, poets_open, None).await
    }

    /// The same for a network that may be new: then its charts have to be there, and on a cluster that was there before, its record is written first, so that all
    /// that follows can be found and removed.
    pub(in crate::operation) async fn ensure_first_foundation(
        &self,
        cluster: &ClusterServices,
        poets_open: bool,
        record: &NetworkRecord,
    ) -> Result<Outcome> {
        let beginning = Beginning { charts: &*cluster.charts, record };
        self.foundation_step(&*cluster.workloads, poets_open, Some(beginning)).await
    }

    async fn foundation_step(
        &self,
        workloads: &dyn Workloads,
        poets_open: bool,
        beginning: Option<Beginning<'_>>,
    ) -> Result<Outcome> {
        let foundation = self.foundation(poets_open);
        self.run
            .step(
                "foundation",
                "namespaces and policies",
                || workloads.look_foundation(&foundation),
                async |found| {
                    let allowed = self.may_begin(workloads, &found, beginning).await;
                    allowed.inspect_err(|_| self.run.made_nothing("foundation"))?;
                    let creates_clusters = self.services().cluster.capabilities().creates_clusters;
                    let record = beginning.map(|beginning| beginning.record);
                    if let Some(record) = record.filter(|record| record.fence == 0 && !creates_clusters) {
                        self.remember_beginning(record, false).await?;
                    }
                    workloads.ensure_foundation(&foundation).await
                },
            )
            .await
    }

    /// Asks for all that can be known before the first thing is made in a cluster.
    async fn may_begin(
        &self,
        workloads: &dyn Workloads,
        found: &Look,
        beginning: Option<Beginning<'_>>,
    ) -> Result<()> {
        let is_new = *found == Look::Absent;
        if !self.services().cluster.capabilities().creates_clusters {
            self.preflight("foundation", false).await?;
            if is_new {
                self.check_host_ports(workloads).await?;
            }
        }
        match beginning {
            // The charts of a network whose cluster was made for it were found before that.
            Some(Beginning { charts, record }) if is_new && !record.made_cluster => {
                self.find_missing_charts(charts).await
            }
            _ => Ok(()),
        }
    }

    fn foundation(&self, poets_open: bool) -> Foundation {
        let services = self.services();
        foundation_of(self.spec, self.plan, poets_open, &services.state_store.location())
    }

    /// Opens the firewall; without the PoETs while those of a v0 network are not activated.
    pub(in crate::operation) async fn ensure_firewall(&self, poets_open: bool) -> Result<()> {
        let provider = &self.services().cluster;
        if !provider.capabilities().manages_infrastructure {
            return Ok(());
        }
        let request = self.firewall_request(poets_open);
        let wait = self.run.wait("firewall");
        let look = || provider.look_firewall(&request);
        self.run
            .step("firewall", "opening P2P and PoET ports", look, |_| {
                provider.ensure_firewall(&request, &wait)
            })
            .await?;
        Ok(())
    }

    /// Lets everybody reach the PoETs of a v0 network, now that nobody else can activate them any more.
    pub(in crate::operation) async fn open_poets(&self, workloads: &dyn Workloads) -> Result<()> {
        let provider = &self.services().cluster;
        let capabilities = provider.capabilities();
        workloads.ensure_foundation(&self.foundation(true)).await?;
        if capabilities.manages_infrastructure {
            provider.ensure_firewall(&self.firewall_request(true), &self.run.wait("firewall")).await?;
        }
        Ok(())
    }

    fn firewall_request(&self, poets_open: bool) -> FirewallRequest {
        FirewallRequest {
            network: self.spec.network.clone(),
            vpc: self.spec.cluster.vpc.clone(),
            openings: firewall_openings(self.spec, self.plan, poets_open),
        }
    }

    /// What can be seen of pods that are not ready, collected before anything is removed.
    pub(in crate::operation) async fn evidence(&self) -> Option<Evidence> {
        if !self.run.has_begun() || self.services().interrupt.is_stopped() {
            return None;
        }
        let cluster = self.connect().await.ok()?;
        cluster.workloads.evidence().await.ok()
    }
}

/// Refuses to keep records and journals where everybody reads them. Where that cannot be told, the preflight warns.
///
/// # Errors
///
/// [`Meaning::Invalid`] for a public place.
pub(in crate::operation) async fn refuse_public_state(
    services: &Services,
    network: &NetworkName,
) -> Result<()> {
    match services.state_store.is_public().await {
        Ok(true) => {
            let reason = is_public(&services.state_store.location());
            Err(Error::new(Meaning::Invalid, "create network", network.as_str(), reason).with_hint(
                "nothing was written; take the right to read it from everybody, or name another one",
            ))
        }
        Ok(false) | Err(_) => Ok(()),
    }
}

fn is_public(state: &str) -> String {
    format!(
        "{state} can be read by everybody: records and journals belong into a private bucket (--state-bucket)"
    )
}

/// What a network begins with.
#[derive(Debug, Clone, Copy)]
struct Beginning<'a> {
    charts: &'a dyn ChartInstaller,
    record: &'a NetworkRecord,
}

/// Which network a connection is for, on a cluster of its own or a shared one.
#[must_use]
pub fn binding_of(spec: &NetworkSpec, own_cluster: bool) -> NetworkBinding {
    let namespaces = Namespaces::of(spec);
    NetworkBinding {
        network: spec.network.clone(),
        owned_namespaces: namespaces.owned(spec),
        namespaces,
        shared_cluster: !own_cluster,
        most_workers: None,
    }
}

/// PoETs of v1 networks may be reached at any time, those of v0 only once they were activated.
pub(in crate::operation) fn poets_open(spec: &NetworkSpec, record: &NetworkRecord) -> bool {
    spec.generation == Generation::V1
        || record.genesis.as_ref().is_some_and(|genesis| genesis.poets_activated)
}
