//! What happens by itself: one module per controller, each looking at the present state and doing the next thing.

mod budgets;
mod daemon_sets;
mod deployments;
mod jobs;
mod kubelet;
mod namespaces;
mod pods;
mod replica_sets;
mod scheduler;
mod services;
mod stateful_sets;
mod storage;
mod workers;

use serde_json::json;

use super::Cluster;
use super::object::{self, items, set};
use super::queue::Task;
use super::resources::{
    CLAIMS, DAEMON_SETS, DEFINITIONS, DEPLOYMENTS, DISRUPTION_BUDGETS, INGRESSES, JOBS, NAMESPACES,
    REPLICA_SETS, SERVICES, STATEFUL_SETS, VOLUMES,
};
use super::store::Key;

impl Cluster {
    /// Performs a task whose time has come.
    pub(super) fn perform(&mut self, task: Task) {
        match task {
            Task::Reconcile { resource, namespace, name } => {
                self.reconcile_object(&Key { resource, namespace, name });
            }
            Task::Endpoints { namespace, name } => {
                self.reconcile_endpoints(&Key::new(SERVICES, &namespace, &name))
            }
            Task::Schedule { namespace, name } => self.schedule(&namespace, &name),
            Task::ScheduleAll => self.schedule_all(),
            Task::Kubelet { namespace, name } => self.run_pod(&namespace, &name),
            Task::Collect { uid } => self.collect(&uid),
            Task::ExpireEvents => self.expire_events(),
        }
    }

    fn reconcile_object(&mut self, key: &Key) {
        match key.resource.as_str() {
            DEPLOYMENTS => self.reconcile_deployment(key),
            REPLICA_SETS => self.reconcile_replica_set(key),
            STATEFUL_SETS => self.reconcile_stateful_set(key),
            DAEMON_SETS => self.reconcile_daemon_set(key),
            JOBS => self.reconcile_job(key),
            NAMESPACES => self.reconcile_namespace(key),
            SERVICES => self.reconcile_service(key),
            INGRESSES => self.reconcile_ingress(key),
            CLAIMS => self.reconcile_claim(key),
            VOLUMES => self.reconcile_volume(key),
            DISRUPTION_BUDGETS => self.reconcile_budget(key),
            DEFINITIONS => self.reconcile_definition(key),
            _ => {}
        }
    }

    /// Says of a custom resource definition that its names are accepted and its resources served.
    fn reconcile_definition(&mut self, key: &Key) {
        let now = self.now;
        let Some(definition) = self.store.object(key) else { return };
        if object::is_terminating(&definition) {
            return;
        }
        self.edit(key, |definition| {
            let names = definition.pointer("/spec/names").cloned().unwrap_or_default();
            set(definition, "/status/acceptedNames", names);
            let stored: Vec<serde_json::Value> = items(definition, "/spec/versions")
                .iter()
                .filter(|version| object::flag(version, "/storage"))
                .filter_map(|version| version.get("name").cloned())
                .collect();
            set(definition, "/status/storedVersions", stored);
            for (kind, reason, message) in [
                ("NamesAccepted", "NoConflicts", "no conflicts found"),
                ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            ] {
                let condition = json!({"type": kind, "status": "True", "reason": reason, "message": message});
                object::set_condition(definition, condition, now);
            }
        });
    }
}
