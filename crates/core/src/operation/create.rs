//! `create-network`: makes a whole network, goes on with one that was begun, or finds that nothing is to be done.

mod fleet;
mod genesis;
mod keys;
mod logs;
mod publish;
mod report;

pub use genesis::planned_genesis;
pub(crate) use publish::archive;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::run::Run;
use super::{OperationFailure, Services};
use crate::charts::{self, ChartSecrets, ChartStage, Namespaces};
use crate::error::{Error, Meaning, Result, render_chain};
use crate::generation::Profile;
use crate::observer::Outcome;
use crate::plan::{Plan, firewall_openings, public_ports};
use crate::report::NetworkReport;
use crate::secret::SecretString;
use crate::spec::{Generation, NetworkSpec};
use crate::state::{NetworkRecord, NetworkStatus, RECORD_KIND, RecordStore, SCHEMA};
use crate::templates::Templates;
use crate::traits::{ClusterServices, FirewallRequest, Look, NetworkBinding, PreflightRequest, Workloads};
use crate::workload::Foundation;

/// What `create-network` is to do.
#[derive(Debug)]
pub struct CreateRequest {
    /// The network.
    pub spec: NetworkSpec,
    /// The settings it was asked for with, by key, for the record; no secrets.
    pub settings: BTreeMap<String, Value>,
    /// How nodes and PoETs of its generation are launched.
    pub profile: Profile,
    /// The templates of chart values.
    pub chart_templates: Templates,
    /// The whole `filebeat.yml`.
    pub filebeat_config: String,
    /// The built-in Kibana objects, newline-delimited JSON.
    pub kibana_objects: String,
    /// The Slack token that spacemesh-watch gets, when there are alerts.
    pub slack_token: Option<SecretString>,
    /// How to go about it.
    pub options: CreateOptions,
}

/// How `create-network` goes about it.
#[derive(Debug, Clone, Copy, Default)]
pub struct CreateOptions {
    /// Breaks the lock of another operation.
    pub force_unlock: bool,
    /// Starts the chain of a network that was begun anew.
    pub new_genesis: bool,
}

/// Makes the network of `request` and waits until it is up.
///
/// A network that exists with the same spec is continued or left alone: when nothing differs, nothing is written. One with another spec is
/// refused with what differs.
///
/// # Errors
///
/// [`OperationFailure`] with what was done, what is left behind, and what was seen of pods that did not come up.
pub async fn create_network(
    services: &Services,
    mut request: CreateRequest,
) -> Result<NetworkReport, OperationFailure> {
    let record = RecordStore::new(Arc::clone(&services.state_store), &request.spec.network);
    let known = record.read().await?;
    request.spec.web_services = known.as_ref().and_then(|known| known.spec.web_services.clone());
    let plan =
        Plan::new(&request.spec, &services.cluster.capabilities()).map_err(|problems| refused(&problems))?;
    check_known(&request, known.as_ref())?;
    let rollout = &request.spec.rollout;
    let run = Run::new(
        services,
        &request.spec.network,
        "create-network",
        intents(&request.spec, &plan, request.options.new_genesis),
        rollout.timeout,
        rollout.step_timeout,
        request.options.force_unlock,
    );
    let creation = Creation { run: &run, request: &request, plan: &plan, record };
    match run.keeping_lock(Box::pin(creation.flow(known))).await {
        Ok(mut report) => {
            report.steps = run.finish(&report.summary()).await;
            Ok(report)
        }
        Err(error) => {
            let evidence = creation.evidence().await;
            Err(run.fail(error, evidence).await)
        }
    }
}

fn refused(problems: &[crate::plan::Problem]) -> OperationFailure {
    let text: Vec<String> = problems
        .iter()
        .map(|problem| format!("{} {}: {}", problem.key, problem.value, problem.message))
        .collect();
    Error::new(Meaning::Invalid, "plan network", "", text.join("; ")).into()
}

/// Refuses what `create-network` cannot do to a network that is known already.
fn check_known(request: &CreateRequest, known: Option<&NetworkRecord>) -> Result<()> {
    let Some(known) = known else { return Ok(()) };
    known.check_alive("create network")?;
    let mut recorded = known.spec.clone();
    if request.options.new_genesis {
        recorded.genesis = request.spec.genesis.clone();
    }
    let differences = differences(&recorded, &request.spec);
    if differences.is_empty() {
        return Ok(());
    }
    let reason = format!("it exists with other settings: {}", differences.join("; "));
    Err(Error::new(Meaning::Invalid, "create network", request.spec.network.as_str(), reason).with_hint(
        "add-miner and delete-miner change its size, upgrade-network its release and config, deploy-ws its web services; for anything else delete it and create it anew",
    ))
}

/// Where two specs differ, each as `path: recorded -> asked for`. How an operation goes about its work (timeouts, windows) is no property of a network.
#[must_use]
pub fn differences(recorded: &NetworkSpec, asked: &NetworkSpec) -> Vec<String> {
    let of = |spec: &NetworkSpec| {
        let mut value = serde_json::to_value(spec).unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            fields.remove("rollout");
        }
        value
    };
    let mut found = Vec::new();
    compare("", &of(recorded), &of(asked), &mut found);
    found
}

fn compare(path: &str, recorded: &Value, asked: &Value, found: &mut Vec<String>) {
    match (recorded, asked) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(
                    &inner,
                    a.get(key).unwrap_or(&Value::Null),
                    b.get(key).unwrap_or(&Value::Null),
                    found,
                );
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(format!("{path}: {a} -> {b}")),
    }
}

/// Every step that may write, with what it makes.
fn intents(spec: &NetworkSpec, plan: &Plan, new_genesis: bool) -> Vec<(String, Vec<String>)> {
    let namespace = &plan.namespaces.network;
    let intent = |step: &str, resources: Vec<String>| (step.to_owned(), resources);
    let mut intents = vec![
        intent("record", vec![format!("record of {}", plan.network)]),
        intent("cluster", vec![format!("cluster {}", plan.network)]),
        intent(
            "foundation",
            vec![format!("namespaces, network policies and disruption budgets of {}", plan.network)],
        ),
        intent("workers", vec![format!("{} worker slots", plan.cluster.slots)]),
        intent("keys", vec![format!("key Secrets in namespace {namespace}")]),
        intent("poets", vec![format!("PoETs poet-1 to poet-{} in namespace {namespace}", plan.poets.len())]),
        intent(
            "nodes",
            vec![format!("nodes miner-1 to miner-{} in namespace {namespace}", plan.nodes.len())],
        ),
        intent("support", vec![format!("beacon server, watch and profiler in namespace {namespace}")]),
        intent("firewall", vec![format!("firewall rules of {}", plan.network)]),
        intent("config", vec![format!("published config of {}", plan.network)]),
    ];
    intents.extend(plan.charts.iter().map(|chart| {
        intent(
            &chart_step(&chart.name),
            vec![format!("chart release {} in namespace {}", chart.name, chart.namespace)],
        )
    }));
    if new_genesis {
        let removed = format!(
            "removal of all nodes and PoETs of the old chain in namespace {namespace}, with claims and keys"
        );
        intents.push(intent("new genesis", vec![removed]));
    }
    if spec.logs.is_some() {
        intents.push(intent("log-retention", vec!["lifecycle policy and index template sm".to_owned()]));
        intents.push(intent("dashboards", vec!["Kibana saved objects".to_owned()]));
    }
    intents.extend(
        plan.dns.iter().map(|name| intent(&dns_step(&name.name), vec![format!("DNS record {}", name.name)])),
    );
    if spec.generation == Generation::V0 {
        intents.push(intent("poet-activation", vec!["first rounds of the PoETs".to_owned()]));
    }
    intents
}

fn chart_step(name: &str) -> String {
    format!("chart {name}")
}

fn dns_step(name: &str) -> String {
    format!("dns {name}")
}

/// One creation under way.
#[derive(Debug)]
struct Creation<'a> {
    run: &'a Run,
    request: &'a CreateRequest,
    plan: &'a Plan,
    record: RecordStore,
}

impl Creation<'_> {
    fn spec(&self) -> &NetworkSpec {
        &self.request.spec
    }

    fn services(&self) -> &Services {
        self.run.services()
    }

    async fn flow(&self, known: Option<NetworkRecord>) -> Result<NetworkReport> {
        let mut record = known.unwrap_or_else(|| self.new_record());
        self.ensure_cluster(&record).await?;
        let cluster = self.connect().await?;
        self.ensure_foundation(&*cluster.workloads, poets_open(self.spec(), &record)).await?;
        self.start_anew(&*cluster.workloads, &mut record).await?;
        let keys = self.ensure_keys(&*cluster.workloads).await?;
        let secrets = ChartSecrets {
            elastic_password: keys.elastic_password.clone(),
            grafana_password: keys.grafana_password.clone(),
            filebeat_config: self.request.filebeat_config.clone(),
        };
        self.ensure_charts(&cluster, &secrets, &[ChartStage::Metrics]).await?;
        let nodes = self.bring_up(&cluster, &keys, &mut record);
        let logs = self.bring_up_logs(&cluster, &secrets);
        let extras = self.ensure_charts(&cluster, &secrets, &[ChartStage::Extras]);
        let (nodes, logs, extras) = futures::join!(nodes, logs, extras);
        let fleet = first_failure(nodes, logs, extras)?;
        self.finish(&cluster, fleet, record).await
    }

    /// With `--new-genesis`: removes nodes and PoETs of a chain that was begun, with claims and keys, so that it starts anew.
    async fn start_anew(&self, workloads: &dyn Workloads, record: &mut NetworkRecord) -> Result<()> {
        if !self.request.options.new_genesis || record.genesis.is_none() {
            return Ok(());
        }
        if record.config_url.is_some() {
            let reason = "its config was published, so that others may have joined it";
            return Err(Error::new(
                Meaning::Invalid,
                "start chain anew",
                self.spec().network.as_str(),
                reason,
            )
            .with_hint("delete the network and create it again"));
        }
        let wait = self.run.wait("new genesis");
        let nodes = self.plan.nodes.iter().map(|node| &node.name);
        let names: Vec<&String> = nodes.chain(self.plan.poets.iter().map(|poet| &poet.name)).collect();
        let look = async || Ok(Look::Differs(Vec::new()));
        let remove = async |_| {
            for name in names {
                workloads.remove_workload(name, &wait).await?;
            }
            Ok(Outcome::Removed)
        };
        self.run.step("new genesis", "removing nodes and PoETs of the old chain", look, remove).await?;
        record.genesis = None;
        record.nodes.clear();
        record.poets.clear();
        record.spec = self.spec().clone();
        Ok(())
    }

    fn new_record(&self) -> NetworkRecord {
        let services = self.services();
        let now = services.clock.now();
        NetworkRecord {
            schema: SCHEMA.to_owned(),
            kind: RECORD_KIND.to_owned(),
            network: self.spec().network.clone(),
            status: NetworkStatus::Creating,
            spec: self.spec().clone(),
            settings: self.request.settings.clone(),
            genesis: None,
            nodes: Vec::new(),
            poets: Vec::new(),
            charts: Vec::new(),
            slots: self.plan.cluster.slots,
            config_url: None,
            written_by_version: services.version.clone(),
            created_at: now,
            created_by: services.holder.operator.clone(),
            updated_at: now,
            updated_by: services.holder.operator.clone(),
            fence: 0,
        }
    }

    /// Writes the record under the lock, unless it says already what it should.
    async fn ensure_record(&self, step: &str, record: &mut NetworkRecord, changed: bool) -> Result<Outcome> {
        let existed = record.fence != 0;
        let look = async || {
            Ok(match (changed, existed) {
                (false, _) => Look::Same,
                (true, true) => Look::Differs(vec!["record".to_owned()]),
                (true, false) => Look::Absent,
            })
        };
        self.run
            .step(step, "remembering the network", look, async |found| {
                self.write_record(record).await?;
                Ok(if found == Look::Absent { Outcome::Created } else { Outcome::Updated })
            })
            .await
    }

    async fn write_record(&self, record: &mut NetworkRecord) -> Result<()> {
        let services = self.services();
        record.fence = self.run.fence().unwrap_or_default();
        record.updated_at = services.clock.now();
        record.updated_by.clone_from(&services.holder.operator);
        record.written_by_version.clone_from(&services.version);
        self.record.write(record).await
    }

    async fn ensure_cluster(&self, record: &NetworkRecord) -> Result<Outcome> {
        let provider = &self.services().cluster;
        let request = self.plan.cluster_request(self.spec());
        let wait = self.run.wait("cluster");
        let detail = format!("{} workers of type {}", request.workers, request.machine.machine_type);
        self.run
            .step(
                "cluster",
                &detail,
                || provider.look_cluster(&request),
                async |found| {
                    self.preflight(found == Look::Absent).await?;
                    if record.fence == 0 && found == Look::Absent {
                        self.remember_beginning(record).await?;
                    }
                    provider.ensure_cluster(&request, &wait).await
                },
            )
            .await
    }

    /// Writes the first record of a network whose cluster is about to be made, so that it can be found and removed whatever happens.
    async fn remember_beginning(&self, record: &NetworkRecord) -> Result<()> {
        let beginning = NetworkRecord { fence: self.run.fence().unwrap_or_default(), ..record.clone() };
        self.record.write(&beginning).await
    }

    /// Asks every service whether it would let us, before the first thing is made.
    async fn preflight(&self, creates_cluster: bool) -> Result<()> {
        let services = self.services();
        let request = PreflightRequest {
            cluster: self.plan.cluster_request(self.spec()),
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
        if services.state_store.is_public().await.unwrap_or(false) {
            stops.push(format!(
                "{} can be read by everybody: records and journals belong into a private bucket (--state-bucket)",
                services.state_store.location()
            ));
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
        Err(Error::new(Meaning::Denied, "prepare network", self.spec().network.as_str(), stops.join("\n  "))
            .with_hint("nothing was made; mend this and run the command again"))
    }

    async fn connect(&self) -> Result<ClusterServices> {
        let services = self.services();
        let access = services.cluster.access(&self.spec().network).await?;
        let capabilities = services.cluster.capabilities();
        let mut binding = binding_of(self.spec(), capabilities.creates_clusters);
        binding.most_workers = capabilities.creates_clusters.then_some(self.plan.cluster.most_workers);
        services.connector.connect(&access, &binding).await
    }

    async fn ensure_foundation(&self, workloads: &dyn Workloads, poets_open: bool) -> Result<Outcome> {
        let foundation = foundation_of(
            self.spec(),
            self.plan,
            poets_open,
            self.services().cluster.capabilities().creates_clusters,
        );
        self.run
            .step(
                "foundation",
                "namespaces and policies",
                || workloads.look_foundation(&foundation),
                async |_| {
                    if !self.services().cluster.capabilities().creates_clusters {
                        self.preflight(false).await?;
                    }
                    workloads.ensure_foundation(&foundation).await
                },
            )
            .await
    }

    /// Installs the charts of some stages, one stage after the other and the charts of a stage side by side.
    async fn ensure_charts(
        &self,
        cluster: &ClusterServices,
        secrets: &ChartSecrets,
        stages: &[ChartStage],
    ) -> Result<()> {
        for stage in stages {
            let of_stage = self.plan.charts.iter().filter(|chart| chart.stage == *stage);
            let installs = of_stage.map(async |chart| {
                let release = charts::release(chart, self.spec(), secrets, &self.request.chart_templates)?;
                let step = chart_step(&chart.name);
                let wait = self.run.wait(&step);
                let detail = format!("{} {}", chart.chart, chart.version);
                let installer = &cluster.charts;
                self.run
                    .step(&step, &detail, || installer.look(&release), |_| installer.ensure(&release, &wait))
                    .await
            });
            for outcome in futures::future::join_all(installs).await {
                outcome?;
            }
        }
        Ok(())
    }

    /// Opens the firewall; without the PoETs while those of a v0 network are not activated.
    async fn ensure_firewall(&self, poets_open: bool) -> Result<()> {
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
    async fn open_poets(&self, workloads: &dyn Workloads) -> Result<()> {
        let provider = &self.services().cluster;
        let capabilities = provider.capabilities();
        workloads
            .ensure_foundation(&foundation_of(self.spec(), self.plan, true, capabilities.creates_clusters))
            .await?;
        if capabilities.manages_infrastructure {
            provider.ensure_firewall(&self.firewall_request(true), &self.run.wait("firewall")).await?;
        }
        Ok(())
    }

    fn firewall_request(&self, poets_open: bool) -> FirewallRequest {
        FirewallRequest {
            network: self.spec().network.clone(),
            vpc: self.spec().cluster.vpc.clone(),
            openings: firewall_openings(self.spec(), self.plan, poets_open),
        }
    }

    /// What can be seen of pods that are not ready, collected before anything is removed.
    async fn evidence(&self) -> Option<crate::traits::Evidence> {
        if !self.run.has_begun() || self.services().interrupt.is_stopped() {
            return None;
        }
        let cluster = self.connect().await.ok()?;
        cluster.workloads.evidence().await.ok()
    }
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

/// Namespaces, policies and budgets of a network. `poets_open` is false in v0 until the PoETs were activated.
#[must_use]
pub fn foundation_of(spec: &NetworkSpec, plan: &Plan, poets_open: bool, own_cluster: bool) -> Foundation {
    let owned = plan.namespaces.owned(spec);
    Foundation {
        namespaces: owned.into_iter().filter(|name| *name != plan.namespaces.network).collect(),
        public_ports: public_ports(spec, poets_open),
        shared_cluster: !own_cluster,
        disruption_budgets: plan.disruption_budgets(),
    }
}

/// PoETs of v1 networks may be reached at any time, those of v0 only once they were activated.
fn poets_open(spec: &NetworkSpec, record: &NetworkRecord) -> bool {
    spec.generation == Generation::V1
        || record.genesis.as_ref().is_some_and(|genesis| genesis.poets_activated)
}

/// The result of the fleet's track, or the failure that made the others stop.
fn first_failure<T>(nodes: Result<T>, logs: Result<()>, extras: Result<()>) -> Result<T> {
    let stopped = |error: &Error| error.meaning() == Meaning::Interrupted;
    match nodes {
        Ok(fleet) => logs.and(extras).map(|()| fleet),
        Err(error) if !stopped(&error) => Err(error),
        Err(error) => {
            let other = [logs.err(), extras.err()].into_iter().flatten().find(|error| !stopped(error));
            Err(other.unwrap_or(error))
        }
    }
}
