//! The network's workloads as they are: one list for each kind.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use spacecraft_core::Result;
use spacecraft_core::workload::ObservedWorkload;

use super::KubernetesWorkloads;
use crate::observed::{ConfigMap, Deployment, Pod, Service};
use crate::readiness::{Circumstances, Troubles, Verdict, judge, newest};
use crate::resource::{CONFIG_MAP, DEPLOYMENT, POD, SERVICE};

/// All workloads, sorted by name with numbers in their order.
pub(super) async fn list(workloads: &KubernetesWorkloads) -> Result<Vec<ObservedWorkload>> {
    let connection = &workloads.connection;
    let queries = [DEPLOYMENT, POD, SERVICE, CONFIG_MAP].map(|kind| workloads.ours(kind).at_once());
    let [deployments, pods, services, config_maps] = &queries;
    let belongings = Mutex::new(Belongings::default());
    let noted = || belongings.lock().unwrap_or_else(PoisonError::into_inner);
    let (deployments, ..) = futures::try_join!(
        connection.list::<Deployment>(deployments),
        connection.list_each(pods, |pod| noted().add_pod(pod)),
        connection.list_each(services, |service| noted().add_service(service)),
        connection.list_each(config_maps, |config_map| noted().add_config_map(config_map)),
    )?;
    let mut belongings = belongings.into_inner().unwrap_or_else(PoisonError::into_inner);
    let circumstances = Circumstances { now: connection.retrier().clock().now(), pool_is_full: false };
    let mut observed: Vec<ObservedWorkload> = deployments
        .into_iter()
        .filter_map(|deployment| belongings.observed(&deployment, circumstances))
        .collect();
    observed.sort_by(|one, other| (one.part, &one.name).cmp(&(other.part, &other.name)));
    Ok(observed)
}

/// What belongs to each workload, by its name.
#[derive(Default)]
struct Belongings {
    pods: HashMap<String, Vec<Pod>>,
    node_ports: HashMap<String, BTreeMap<String, u16>>,
    files: HashMap<String, BTreeMap<String, String>>,
}

impl Belongings {
    fn add_pod(&mut self, pod: Pod) {
        if let Some(workload) = pod.workload() {
            self.pods.entry(workload.to_owned()).or_default().push(pod);
        }
    }

    fn add_service(&mut self, service: Service) {
        if let Some(workload) = service.metadata.labels.name {
            let ports = service.spec.ports.into_iter();
            let node_ports =
                ports.filter_map(|port| Some((port.name, port.node_port.filter(|port| *port > 0)?)));
            self.node_ports.entry(workload).or_default().extend(node_ports);
        }
    }

    fn add_config_map(&mut self, config_map: ConfigMap) {
        if let Some(workload) = config_map.metadata.labels.name {
            self.files.entry(workload).or_default().extend(config_map.data);
        }
    }

    fn observed(
        &mut self,
        deployment: &Deployment,
        circumstances: Circumstances,
    ) -> Option<ObservedWorkload> {
        let name = deployment.metadata.labels.name.clone()?;
        let part = deployment.metadata.labels.part()?;
        let pods = self.pods.remove(&name).unwrap_or_default();
        let verdict = judge(Some(deployment), pods.iter(), &mut Troubles::default(), circumstances);
        let pod = newest(deployment, pods.iter());
        let container = part.application();
        let containers = &deployment.spec.template.spec.containers;
        let main = containers.iter().find(|other| other.name == container).or(containers.first());
        Some(ObservedWorkload {
            part,
            image: main.map(|main| main.image.clone()).unwrap_or_default(),
            ready: verdict == Verdict::Ready && !deployment.is_stopped(),
            reason: match verdict {
                Verdict::Ready if deployment.is_stopped() => "it is stopped".to_owned(),
                Verdict::Ready => String::new(),
                Verdict::Pending(reason) => reason,
                Verdict::Hopeless(hopeless) => hopeless.reason,
            },
            stopped: deployment.is_stopped(),
            worker: pod.and_then(|pod| pod.spec.node_name.clone()),
            node_ports: self.node_ports.remove(&name).unwrap_or_default(),
            files: self.files.remove(&name).unwrap_or_default(),
            restarts: pod.map_or(0, Pod::restarts),
            name,
        })
    }
}
