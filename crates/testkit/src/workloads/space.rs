use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use spacecraft_core::names::NetworkName;
use spacecraft_core::observer::Outcome;
use spacecraft_core::quantity::{Bytes, MilliCpu};
use spacecraft_core::secret::{ExposeSecret, SecretBytes};
use spacecraft_core::traits::{Disk, LoadBalancer, Look, ServiceName};
use spacecraft_core::workload::{
    Foundation, NetworkSecret, ObservedWorkload, ServiceExposure, TlsSecret, Worker, Workload,
};
use spacecraft_core::{Error, Meaning, Result};

/// What is in one cluster.
#[derive(Debug, Default)]
pub(super) struct Space {
    /// Host ports of pods that are not the network's, by worker.
    pub(super) taken_host_ports: BTreeMap<String, BTreeSet<u16>>,
    pub(super) incarnation: u64,
    pub(super) foundation: Option<Foundation>,
    pub(super) secrets: BTreeMap<String, NetworkSecret>,
    pub(super) other_secrets: BTreeMap<(String, String), NetworkSecret>,
    pub(super) workers: Option<Vec<Worker>>,
    pub(super) workloads: BTreeMap<String, Workload>,
    pub(super) node_ports: BTreeMap<(String, String), u16>,
    pub(super) load_balancers: HashMap<ServiceName, String>,
    pub(super) logs: BTreeMap<String, Vec<String>>,
    pub(super) hindrances: BTreeMap<String, Hindrance>,
    /// Reasons by workload and image.
    pub(super) broken_releases: BTreeMap<(String, String), String>,
}

/// Why a pod is not ready.
#[derive(Debug, Clone)]
pub(super) struct Hindrance {
    pub(super) reason: String,
    pub(super) terminal: bool,
}

/// What a release of infrastructure took away.
pub(super) struct Released {
    pub(super) claims: Vec<String>,
    pub(super) anything: bool,
}

const FIRST_NODE_PORT: u16 = 30_000;

impl Space {
    /// Forgets everything but what tests decided about pods, theirs and others'.
    pub(super) fn begin_anew(&mut self, incarnation: u64) {
        let hindrances = std::mem::take(&mut self.hindrances);
        let taken_host_ports = std::mem::take(&mut self.taken_host_ports);
        *self = Self { incarnation, hindrances, taken_host_ports, ..Self::default() };
    }

    pub(super) fn is_empty(&self) -> bool {
        self.foundation.is_none() && self.secrets.is_empty() && self.workloads.is_empty()
    }

    pub(super) fn look_tls(&self, wanted: &TlsSecret) -> Look {
        let place = (wanted.namespace.clone(), wanted.name.clone());
        match self.other_secrets.get(&place) {
            None => Look::Absent,
            Some(stored) if stored.data == tls_data(wanted) => Look::Same,
            Some(_) => Look::Differs(vec![wanted.name.clone()]),
        }
    }

    pub(super) fn ensure_tls(&mut self, wanted: &TlsSecret, own_namespace: &str) -> Result<Outcome> {
        let known = self.foundation.as_ref().is_some_and(|foundation| {
            wanted.namespace == own_namespace || foundation.namespaces.contains(&wanted.namespace)
        });
        if !known {
            let reason = "there is no such namespace";
            return Err(Error::new(Meaning::NotFound, "ensure Secret", &wanted.namespace, reason));
        }
        let outcome = match self.look_tls(wanted) {
            Look::Same => return Ok(Outcome::Unchanged),
            Look::Absent => Outcome::Created,
            Look::Differs(_) => Outcome::Updated,
        };
        let secret = NetworkSecret { name: wanted.name.clone(), part: None, data: tls_data(wanted) };
        self.other_secrets.insert((wanted.namespace.clone(), wanted.name.clone()), secret);
        Ok(outcome)
    }

    pub(super) fn remove_namespace(&mut self, name: &str) -> bool {
        self.other_secrets.retain(|(namespace, _), _| namespace != name);
        let Some(foundation) = &mut self.foundation else { return false };
        let before = foundation.namespaces.len();
        foundation.namespaces.retain(|namespace| namespace != name);
        foundation.namespaces.len() < before
    }

    pub(super) fn assign_slot(&mut self, worker: &str, slot: u32) -> Result<Outcome> {
        let workers = self.workers.as_deref_mut().unwrap_or_default();
        let chosen = workers.iter().find(|candidate| candidate.name == worker);
        let chosen = chosen.ok_or_else(|| {
            Error::new(Meaning::NotFound, "assign slot to worker", worker, "there is no such worker")
        })?;
        if chosen.slot == Some(slot) {
            return Ok(Outcome::Unchanged);
        }
        for candidate in workers {
            if candidate.name == worker {
                candidate.slot = Some(slot);
            } else if candidate.slot == Some(slot) {
                candidate.slot = None;
            }
        }
        Ok(Outcome::Updated)
    }

    pub(super) fn ensure(&mut self, workload: &Workload) -> Result<Outcome> {
        let outcome = match self.workloads.get(&workload.name) {
            None => Outcome::Created,
            Some(same) if same == workload => return Ok(Outcome::Unchanged),
            Some(_) => Outcome::Updated,
        };
        let wanted = node_ports(workload);
        for (name, port) in wanted.iter().filter_map(|(name, port)| Some((name, (*port)?))) {
            let taken =
                self.node_ports.iter().find(|((_, owner), taken)| **taken == port && *owner != workload.name);
            if let Some(((_, owner), _)) = taken {
                let reason = format!("node port {port} of {name} is taken by {owner}");
                return Err(Error::new(Meaning::Invalid, "apply Service", &workload.name, reason));
            }
        }
        for (name, port) in wanted {
            let place = (name, workload.name.clone());
            let port =
                port.or_else(|| self.node_ports.get(&place).copied()).or_else(|| self.free_node_port());
            self.node_ports.extend(port.map(|port| (place, port)));
        }
        self.workloads.insert(workload.name.clone(), workload.clone());
        Ok(outcome)
    }

    fn free_node_port(&self) -> Option<u16> {
        (FIRST_NODE_PORT..=32_767).find(|port| self.node_ports.values().all(|taken| taken != port))
    }

    pub(super) fn remove_workload(&mut self, name: &str) -> Outcome {
        self.node_ports.retain(|(_, owner), _| owner != name);
        self.logs.remove(name);
        let secrets = self.secrets.len();
        self.secrets.retain(|_, secret| secret.part.is_none_or(|part| part.workload_name() != name));
        let had_secrets = self.secrets.len() < secrets;
        let had_workload = self.workloads.remove(name).is_some();
        if had_secrets || had_workload { Outcome::Removed } else { Outcome::Absent }
    }

    /// Takes load balancers and claims away, and the workloads that hold the claims.
    pub(super) fn release_infrastructure(&mut self) -> Released {
        let holders = self.workloads.values().filter(|workload| workload.data.is_some());
        let claims: Vec<String> = holders.map(|workload| workload.name.clone()).collect();
        let anything = !claims.is_empty() || !self.load_balancers.is_empty();
        self.workloads.retain(|_, workload| workload.data.is_none());
        self.load_balancers.clear();
        Released { claims, anything }
    }

    /// Why a workload's pod is not ready; none when it is.
    pub(super) fn why_not_ready(&self, name: &str) -> Result<Option<Hindrance>> {
        let workload = self.workloads.get(name).ok_or_else(|| no_workload("wait for", name))?;
        if workload.stopped {
            return Ok(None);
        }
        if let Some(hindrance) = self.hindrances.get(name) {
            return Ok(Some(hindrance.clone()));
        }
        if let Some(reason) = self.broken_releases.get(&(name.to_owned(), workload.image.to_string())) {
            return Ok(Some(Hindrance { reason: reason.clone(), terminal: true }));
        }
        let unpinned = workload.slot.is_none() || self.worker_of(workload).is_some();
        Ok((!unpinned).then(|| Hindrance {
            reason: format!("no worker carries slot {}", workload.slot.unwrap_or_default()),
            terminal: false,
        }))
    }

    fn worker_of(&self, workload: &Workload) -> Option<&Worker> {
        let mut workers = self.workers.as_deref().unwrap_or_default().iter();
        match workload.slot {
            Some(slot) => workers.find(|worker| worker.slot == Some(slot)),
            None => workers.next(),
        }
    }

    pub(super) fn observe(&self) -> Vec<ObservedWorkload> {
        self.workloads.values().map(|workload| self.observe_one(workload)).collect()
    }

    fn observe_one(&self, workload: &Workload) -> ObservedWorkload {
        let stopped =
            workload.stopped.then(|| Hindrance { reason: "it is stopped".to_owned(), terminal: false });
        let hindrance = stopped.or_else(|| self.why_not_ready(&workload.name).ok().flatten());
        let ports = self.node_ports.iter().filter(|((_, owner), _)| *owner == workload.name);
        ObservedWorkload {
            name: workload.name.clone(),
            part: workload.part,
            image: workload.image.to_string(),
            ready: hindrance.is_none(),
            reason: hindrance.map(|hindrance| hindrance.reason).unwrap_or_default(),
            stopped: workload.stopped,
            worker: self.worker_of(workload).filter(|_| !workload.stopped).map(|worker| worker.name.clone()),
            node_ports: ports.map(|((name, _), port)| (name.clone(), *port)).collect(),
            files: workload.files.iter().map(|file| (file.name.clone(), file.content.clone())).collect(),
            restarts: 0,
        }
    }
}

fn tls_data(secret: &TlsSecret) -> BTreeMap<String, SecretBytes> {
    BTreeMap::from([
        (TlsSecret::CERTIFICATE.to_owned(), SecretBytes::new(secret.certificate.as_str())),
        (TlsSecret::KEY.to_owned(), SecretBytes::new(secret.key.expose_secret())),
    ])
}

/// Names of the ports that workers answer for, with the node ports asked for.
fn node_ports(workload: &Workload) -> Vec<(String, Option<u16>)> {
    let exposed = workload.services.iter().filter(|service| service.exposure == ServiceExposure::NodePort);
    exposed.flat_map(|service| &service.ports).map(|port| (port.name.clone(), port.node_port)).collect()
}

pub(super) fn no_workload(operation: &str, name: &str) -> Error {
    Error::new(Meaning::NotFound, operation, name, "there is no such workload")
}

/// A ready worker with both addresses and 16 cores.
pub(super) fn default_worker(number: u32) -> Worker {
    Worker {
        name: format!("worker-{number}"),
        external_ip: Some(format!("203.0.113.{number}")),
        internal_ip: Some(format!("10.0.0.{number}")),
        schedulable: true,
        unready_since: None,
        slot: None,
        allocatable_cpu: MilliCpu::cores(16),
        allocatable_memory: Bytes::gibi(64),
        allocatable_pods: 110,
    }
}

/// The name of the load balancer of a Service.
pub(super) fn balancer_name(service: &ServiceName) -> String {
    format!("balancer-{}-{}", service.namespace, service.name)
}

/// The load balancer that the cloud gives a Service.
pub(super) fn load_balancer(network: &NetworkName, service: &ServiceName, ip: &str) -> LoadBalancer {
    LoadBalancer {
        name: balancer_name(service),
        network: network.clone(),
        region: Some("memory".to_owned()),
        address: Some(ip.to_owned()),
        service: Some(service.clone()),
        created: None,
    }
}

pub(super) fn disk_name(namespace: &str, workload: &str) -> String {
    format!("pvc-{namespace}-{workload}")
}

/// The disk behind a workload's claim.
pub(super) fn disk(network: &NetworkName, namespace: &str, workload: &str, size: Bytes) -> Disk {
    Disk {
        name: disk_name(namespace, workload),
        network: network.clone(),
        location: "memory".to_owned(),
        regional: false,
        size,
        users: vec!["a worker".to_owned()],
        claim: Some(format!("{namespace}/{workload}")),
        created: Some(Timestamp::UNIX_EPOCH),
    }
}
