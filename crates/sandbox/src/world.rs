//! The whole simulated cloud as one value: requests go in, answers and log entries come out. It can be copied, so that a
//! test can go two ways from one state.

mod bridge;
pub mod entry;
mod hosted;
mod reach;
mod shared;

use std::{collections::BTreeMap, sync::Arc};

use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use self::hosted::internal_request;
pub use self::{entry::Entry, shared::SharedWorld};
use self::{
    entry::{Action, StoredRequest},
    hosted::HostedCluster,
};
use crate::{
    address::{ServiceAddress, WorkloadKind},
    calls::{Call, CallCounts, CallLog},
    charts,
    cloudflare::Cloudflare,
    context::{Context, Environment},
    faults::{CallShape, Fault, FaultPlan, FaultRule},
    github::GitHub,
    google::{
        ApiError, CLOUD_PLATFORM, authenticate, bearer,
        compute::Compute,
        gke::Gke,
        oauth, projects,
        storage::{Caller, Storage},
    },
    inventory::Inventory,
    mint::Mint,
    moment::Moment,
    settings::{InvalidSettings, Settings, SettingsChange},
    slack::Slack,
    wire::{Answer, Request, Response},
    workloads::Workloads,
};

/// Scopes that let a token into GKE and Compute Engine.
const CLOUD_SCOPES: [&str; 1] = [CLOUD_PLATFORM];
/// Scopes that let a token into Cloud Storage.
const STORAGE_SCOPES: [&str; 4] = [
    CLOUD_PLATFORM,
    "https://www.googleapis.com/auth/devstorage.full_control",
    "https://www.googleapis.com/auth/devstorage.read_write",
    "https://www.googleapis.com/auth/devstorage.read_only",
];

/// The simulated cloud.
#[derive(Debug, Clone)]
pub struct World {
    environment: Arc<Environment>,
    state: State,
    clusters: BTreeMap<String, HostedCluster>,
    call_log: CallLog,
    /// What changed since the entries were last taken; only kept while recording.
    entries: Vec<Entry>,
    recording: bool,
    replaying: bool,
}

/// All state but that of the Kubernetes clusters, as a snapshot stores it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    mint: Mint,
    settings: Settings,
    faults: FaultPlan,
    calls: CallCounts,
    call_number: u64,
    gke: Gke,
    compute: Compute,
    storage: Storage,
    cloudflare: Cloudflare,
    slack: Slack,
    github: GitHub,
    workloads: Workloads,
}

impl State {
    fn new(seed: u64, now: Timestamp) -> Self {
        Self {
            mint: Mint::new(seed),
            settings: Settings::default(),
            faults: FaultPlan::default(),
            calls: CallCounts::new(),
            call_number: 0,
            gke: Gke::default(),
            compute: Compute::default(),
            storage: Storage::new(now),
            cloudflare: Cloudflare::default(),
            slack: Slack::default(),
            github: GitHub::default(),
            workloads: Workloads::default(),
        }
    }
}

impl World {
    /// A fresh sandbox.
    #[must_use]
    pub fn new(environment: Environment, now: Timestamp) -> Self {
        let state = State::new(environment.seed, now);
        Self::with_state(environment, state)
    }

    fn with_state(environment: Environment, state: State) -> Self {
        Self {
            environment: Arc::new(environment),
            state,
            clusters: BTreeMap::new(),
            call_log: CallLog::default(),
            entries: Vec::new(),
            recording: false,
            replaying: false,
        }
    }

    /// Where the services are and what users authenticate with.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.state.settings
    }

    /// Starts to keep log entries for [`World::take_entries`].
    pub fn record(&mut self) {
        self.recording = true;
    }

    /// What changed since this was last asked, for a log that [`World::restore`] can read.
    pub fn take_entries(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }

    fn push_entry(&mut self, entry: Entry) {
        if self.recording && !self.replaying {
            self.entries.push(entry);
        }
    }

    /// Lets everything happen that is due by `now`, each at its own time: a jump over an hour ends where an hour of
    /// waiting would.
    pub fn advance(&mut self, now: Timestamp) {
        let mut last = None;
        while let Some(due) = self.next_due().filter(|due| *due < now && Some(*due) > last) {
            self.step(due);
            last = Some(due);
        }
        self.step(now);
    }

    /// Lets everything happen that is due at an instant.
    fn step(&mut self, now: Timestamp) {
        let environment = Arc::clone(&self.environment);
        self.state.gke.advance(now, &environment.cluster_endpoints);
        self.meet_clusters(now);
        for cluster in self.clusters.values_mut() {
            cluster.advance(now);
        }
        self.take_effects(now);
    }

    /// When something would happen by itself next.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let clusters = self.clusters.values().filter_map(HostedCluster::next_due);
        clusters.chain(self.state.gke.next_due()).chain(self.state.compute.next_due()).min()
    }

    /// Counts a call and tells which fault it meets, if any. The host carries the fault out; see [`Fault`] for which
    /// calls it must still hand to [`World::handle`].
    pub fn begin_call(&mut self, address: &ServiceAddress, request: &Request) -> (u64, Option<Fault>) {
        self.state.call_number += 1;
        let count = self.state.calls.entry(address.service().to_owned()).or_default();
        count.total += 1;
        if is_effect(address, request) {
            count.writes += 1;
        }
        let path = path_and_query(request);
        let number = self.state.call_number;
        let shape =
            CallShape { number, service: address.service(), method: request.method.as_str(), path: &path };
        if self.state.faults.is_empty() {
            return (number, None);
        }
        let fault = self.state.faults.meet(shape);
        if fault.is_some() {
            self.push_entry(Entry::Faults(self.state.faults.clone()));
        }
        (number, fault)
    }

    /// Remembers how a call ended.
    pub fn end_call(
        &mut self,
        number: u64,
        address: &ServiceAddress,
        request: &Request,
        status: StatusCode,
        response_bytes: u64,
    ) {
        self.call_log.add(Call {
            number,
            service: address.service().to_owned(),
            method: request.method.to_string(),
            path: path_and_query(request),
            status: status.as_u16(),
            request_bytes: u64::try_from(request.body.len()).unwrap_or(u64::MAX),
            response_bytes,
        });
    }

    /// The newest calls numbered above `after`, oldest first.
    #[must_use]
    pub fn calls_after(&self, after: u64) -> Vec<Call> {
        self.call_log.after(after)
    }

    /// When a call should be answered that the service itself holds back (Compute Engine's `operations.wait`).
    #[must_use]
    pub fn held_until(
        &self,
        address: &ServiceAddress,
        request: &Request,
        now: Timestamp,
    ) -> Option<Timestamp> {
        match address {
            ServiceAddress::Compute => self.state.compute.wait_ends(request, now),
            _ => None,
        }
    }

    /// Handles a call.
    pub fn handle(
        &mut self,
        address: &ServiceAddress,
        request: &Request,
        moment: impl Into<Moment>,
    ) -> Answer {
        let moment = moment.into();
        self.advance(moment.now);
        let mint_count = self.state.mint.count();
        let answer = match address {
            ServiceAddress::Kubernetes(cluster) => self.handle_kubernetes(cluster, request, moment),
            _ => Answer::Full(self.handle_service(address, request, moment)),
        };
        if let Answer::Full(response) = &answer {
            self.log_call(address, request, response, mint_count, moment.now);
        }
        self.take_effects(moment.now);
        answer
    }

    fn log_call(
        &mut self,
        address: &ServiceAddress,
        request: &Request,
        response: &Response,
        mint_count: u64,
        now: Timestamp,
    ) {
        let status = response.status.as_u16();
        let changed = status < 400 || status == 499;
        let replayed = !matches!(address, ServiceAddress::Kubernetes(_) | ServiceAddress::OAuth);
        if !request.is_write() || !changed {
            return;
        }
        if replayed {
            let request = StoredRequest::of(request);
            self.push_entry(Entry::Call { at: now, mint_count, address: address.clone(), request });
        }
        self.push_entry(Entry::Calls { number: self.state.call_number, counts: self.state.calls.clone() });
    }

    /// Handles a call of any service but Kubernetes; while replaying, its caller was authenticated before.
    fn handle_service(&mut self, address: &ServiceAddress, request: &Request, moment: Moment) -> Response {
        let environment = Arc::clone(&self.environment);
        let check = !self.replaying;
        let state = &mut self.state;
        let mut context = Context {
            now: moment.now,
            settings: &state.settings,
            environment: &environment,
            mint: &mut state.mint,
        };
        let authorize = |scopes: &[&str]| {
            if !check {
                return Ok(());
            }
            authenticate(&environment.credentials, request, scopes, moment.wall).map(|_| ())
        };
        let rpc = |reply: Result<Response, ApiError>| reply.unwrap_or_else(ApiError::into_rpc_response);
        let legacy = |reply: Result<Response, ApiError>| reply.unwrap_or_else(ApiError::into_legacy_response);
        match address {
            ServiceAddress::OAuth => {
                let token_uri = format!("{}/token", environment.urls.of("oauth2.googleapis.com"));
                oauth::handle(&environment.credentials, &token_uri, request, moment.wall)
            }
            ServiceAddress::Container => {
                rpc(authorize(&CLOUD_SCOPES).and_then(|()| state.gke.handle(request, &mut context)))
            }
            ServiceAddress::Compute => {
                let reply = authorize(&CLOUD_SCOPES);
                legacy(reply.and_then(|()| state.compute.handle(request, &state.gke, &mut context)))
            }
            ServiceAddress::ResourceManager => {
                rpc(authorize(&CLOUD_SCOPES)
                    .and_then(|()| projects::handle_resource_manager(request, &context)))
            }
            ServiceAddress::ServiceUsage => {
                rpc(authorize(&CLOUD_SCOPES).and_then(|()| projects::handle_service_usage(request, &context)))
            }
            ServiceAddress::Storage => {
                let caller = match (check, bearer(request)) {
                    (true, None) => Ok(Caller::Anyone),
                    _ => authorize(&STORAGE_SCOPES).map(|()| Caller::ServiceAccount),
                };
                legacy(caller.and_then(|caller| state.storage.handle(request, caller, &mut context)))
            }
            ServiceAddress::Cloudflare => state.cloudflare.handle(request, check, &mut context),
            ServiceAddress::Slack => state.slack.handle(request, check, &context),
            ServiceAddress::SlackHooks => state.slack.handle_webhook(request, check, &context),
            ServiceAddress::GitHub => state.github.handle(request, false, check, &context),
            ServiceAddress::GitHubUploads => state.github.handle(request, true, check, &context),
            ServiceAddress::Charts(host) => charts::handle(host, request),
            ServiceAddress::Workload(workload) => state.workloads.handle(workload, request, &mut context),
            ServiceAddress::Kubernetes(_) => Response::empty(StatusCode::NOT_FOUND),
        }
    }

    fn handle_kubernetes(&mut self, cluster: &str, request: &Request, moment: Moment) -> Answer {
        let open = ["/version", "/healthz", "/livez", "/readyz"].contains(&request.path.as_str());
        let credentials = &self.environment.credentials;
        if !open && authenticate(credentials, request, &CLOUD_SCOPES, moment.wall).is_err() {
            return kubernetes_status(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized").into();
        }
        match self.clusters.get_mut(cluster) {
            Some(hosted) => hosted.handle(request, moment.now),
            None => {
                kubernetes_status(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "the server is gone")
                    .into()
            }
        }
    }

    /// Changes the settings.
    ///
    /// # Errors
    /// When the change names unknown settings or values that do not fit.
    pub fn configure(&mut self, change: &SettingsChange, now: Timestamp) -> Result<(), InvalidSettings> {
        self.state.settings = self.state.settings.changed(change)?;
        for cluster in self.clusters.values_mut() {
            cluster.configure(&self.state.settings);
        }
        self.push_entry(Entry::Action {
            at: now,
            action: Action::Configure(Box::new(self.state.settings.clone())),
        });
        Ok(())
    }

    /// Adds a fault rule; without one, removes all.
    pub fn set_fault(&mut self, rule: Option<FaultRule>) {
        match rule {
            Some(rule) => self.state.faults.add(rule),
            None => self.state.faults.clear(),
        }
        self.push_entry(Entry::Faults(self.state.faults.clone()));
    }

    /// Forgets everything but the environment and the settings.
    pub fn reset(&mut self, now: Timestamp) {
        let settings = self.state.settings.clone();
        let count = self.state.mint.count();
        self.state = State::new(self.environment.seed, now);
        self.state.settings = settings;
        self.state.mint.resume_at(count);
        self.clusters.clear();
        self.call_log = CallLog::default();
        self.push_entry(Entry::Action { at: now, action: Action::Reset });
    }

    /// Everything that exists, but for what a fresh sandbox has by itself.
    #[must_use]
    pub fn inventory(&self) -> Inventory {
        let state = &self.state;
        let kubernetes =
            self.clusters.iter().map(|(id, hosted)| (self.cluster_label(id), hosted.inventory()));
        Inventory {
            clusters: state
                .gke
                .clusters()
                .map(|cluster| format!("{}/{}", cluster.location, cluster.name))
                .collect(),
            disks: state.compute.disks.values().map(|disk| format!("{}/{}", disk.zone, disk.name)).collect(),
            firewall_rules: state
                .compute
                .firewalls
                .keys()
                .chain(state.compute.idle_health_firewalls())
                .cloned()
                .collect(),
            load_balancers: state
                .compute
                .load_balancers
                .values()
                .map(|balancer| format!("{}/{} ({})", balancer.namespace, balancer.service, balancer.name))
                .chain(state.compute.idle_health_checks().map(|check| format!("health check {check}")))
                .collect(),
            addresses: state.compute.address_names(),
            buckets: state.storage.generations(),
            dns_records: state.cloudflare.records.iter().map(crate::cloudflare::Record::summary).collect(),
            slack_messages: state.slack.messages.iter().map(crate::slack::Message::to_json).collect(),
            releases: state.github.summary(),
            kubernetes: kubernetes.collect(),
            calls: state.calls.clone(),
        }
    }

    /// All that the services hold, as JSON: `services` by name, and in `clusters` the objects of each cluster by its name.
    #[must_use]
    pub fn contents(&self) -> Value {
        let clusters =
            self.clusters.iter().map(|(id, hosted)| (self.cluster_label(id), hosted.objects().into()));
        json!({
            "services": serde_json::to_value(&self.state).unwrap_or_default(),
            "clusters": clusters.collect::<serde_json::Map<String, Value>>(),
        })
    }

    /// A cluster's name; with its location where two have one name.
    fn cluster_label(&self, id: &str) -> String {
        let Some(cluster) = self.state.gke.cluster_by_id(id) else { return id.to_owned() };
        let alike = self.state.gke.clusters().filter(|other| other.name == cluster.name).count();
        if alike > 1 { format!("{}/{}", cluster.location, cluster.name) } else { cluster.name.clone() }
    }

    /// The host and port of each running Kubernetes API, and the identifier of its cluster.
    #[must_use]
    pub fn cluster_endpoints(&self) -> Vec<(String, String)> {
        let running = self.state.gke.clusters().filter(|cluster| cluster.has_control_plane());
        running.filter_map(|cluster| Some((cluster.endpoint.clone()?, cluster.id.clone()))).collect()
    }
}

/// True for a call that could change something: any but GET, HEAD, OPTIONS, token requests and access reviews.
pub(crate) fn is_effect(address: &ServiceAddress, request: &Request) -> bool {
    request.is_write() && !is_question(address, request)
}

/// Calls that use a writing method and change nothing: token requests, access reviews, waits and permission tests.
fn is_question(address: &ServiceAddress, request: &Request) -> bool {
    let path = request.path.as_str();
    match address {
        ServiceAddress::OAuth => true,
        ServiceAddress::Kubernetes(_) => {
            path.contains("subjectaccessreviews")
                || path.contains("selfsubject")
                || path.ends_with("/portforward")
        }
        ServiceAddress::Compute => path.ends_with("/wait"),
        ServiceAddress::ResourceManager => path.ends_with(":testIamPermissions"),
        ServiceAddress::Slack => path.ends_with("/auth.test"),
        ServiceAddress::Workload(workload) => workload.kind == WorkloadKind::Node,
        _ => false,
    }
}

pub(crate) fn path_and_query(request: &Request) -> String {
    if request.query.is_empty() {
        request.path.clone()
    } else {
        format!("{}?{}", request.path, request.query)
    }
}

/// A failure in the shape of the Kubernetes API.
fn kubernetes_status(code: StatusCode, reason: &str, message: &str) -> Response {
    let body: Value = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                             "message": message, "reason": reason, "code": code.as_u16()});
    Response::json(code, &body)
}
