//! What is asked of objects so often that it is worked out once, when they are stored.

use serde_json::Value;

use super::object::{flag, items, text, text_or_empty};
use super::quantity::Quantity;
use super::resources::{EVENTS, NAMESPACES, NODES, PODS, SECRETS};

/// The fields, beside name and namespace, that a field selector may name.
pub(crate) fn selectable(resource: &str) -> &'static [(&'static str, &'static str)] {
    match resource {
        PODS => &[
            ("spec.nodeName", "/spec/nodeName"),
            ("spec.restartPolicy", "/spec/restartPolicy"),
            ("spec.schedulerName", "/spec/schedulerName"),
            ("spec.serviceAccountName", "/spec/serviceAccountName"),
            ("spec.hostNetwork", "/spec/hostNetwork"),
            ("status.phase", "/status/phase"),
            ("status.podIP", "/status/podIP"),
            ("status.nominatedNodeName", "/status/nominatedNodeName"),
        ],
        EVENTS => &[
            ("involvedObject.kind", "/involvedObject/kind"),
            ("involvedObject.namespace", "/involvedObject/namespace"),
            ("involvedObject.name", "/involvedObject/name"),
            ("involvedObject.uid", "/involvedObject/uid"),
            ("involvedObject.apiVersion", "/involvedObject/apiVersion"),
            ("involvedObject.resourceVersion", "/involvedObject/resourceVersion"),
            ("involvedObject.fieldPath", "/involvedObject/fieldPath"),
            ("reason", "/reason"),
            ("reportingComponent", "/reportingComponent"),
            ("source", "/source/component"),
            ("type", "/type"),
        ],
        SECRETS => &[("type", "/type")],
        NAMESPACES => &[("status.phase", "/status/phase")],
        NODES => &[("spec.unschedulable", "/spec/unschedulable")],
        "jobs.batch" => &[("status.successful", "/status/succeeded")],
        "replicationcontrollers" => &[("status.replicas", "/status/replicas")],
        "services" => &[("spec.clusterIP", "/spec/clusterIP"), ("spec.type", "/spec/type")],
        _ => &[],
    }
}

/// The values of the fields that field selectors may name.
pub(crate) fn selectable_fields(resource: &str, object: &Value) -> Vec<(&'static str, String)> {
    selectable(resource).iter().map(|(name, pointer)| (*name, plain(object.pointer(pointer)))).collect()
}

fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// What the scheduler, the controllers and the kubelets ask of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct PodBrief {
    /// The worker it is bound to; empty before.
    pub(crate) node: String,
    /// Its phase.
    pub(crate) phase: String,
    /// Its address; empty before it runs.
    pub(crate) ip: String,
    /// True when its `Ready` condition is.
    pub(crate) ready: bool,
    /// Requested thousandths of a core.
    pub(crate) cpu_milli: i64,
    /// Requested bytes of memory.
    pub(crate) memory: i64,
    /// The host ports that its containers take, with their protocols.
    pub(crate) host_ports: Vec<(String, i64)>,
    /// The names of the claims that it mounts.
    pub(crate) claims: Vec<String>,
    /// The ConfigMaps and Secrets that it cannot start without.
    pub(crate) needs: Vec<Need>,
}

/// A ConfigMap or Secret that a pod cannot start without.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Need {
    /// True for a Secret.
    pub(crate) secret: bool,
    pub(crate) name: String,
    /// True when it is mounted, false when the environment is read from it.
    pub(crate) mounted: bool,
}

/// What the scheduler asks of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NodeBrief {
    /// Thousandths of a core that pods may request.
    pub(crate) cpu_milli: i64,
    /// Bytes that pods may request.
    pub(crate) memory: i64,
    /// How many pods it takes.
    pub(crate) pods: i64,
    /// How many disks it takes.
    pub(crate) disks: i64,
    /// True when it takes no new pods.
    pub(crate) unschedulable: bool,
    /// Its taints: key, value, effect.
    pub(crate) taints: Vec<(String, String, String)>,
}

/// The annotation that says how many disks a worker takes.
pub(crate) const DISKS: &str = "attachable-volumes-disks";

impl NodeBrief {
    /// Works it out.
    pub(crate) fn of(node: &Value) -> Self {
        let allocatable = |name: &str| amount(node, &format!("/status/allocatable/{name}"));
        Self {
            cpu_milli: allocatable("cpu").map_or(0, Quantity::milli),
            memory: allocatable("memory").map_or(0, Quantity::units),
            pods: allocatable("pods").map_or(110, Quantity::units),
            disks: allocatable(DISKS).map_or(127, Quantity::units),
            unschedulable: flag(node, "/spec/unschedulable"),
            taints: items(node, "/spec/taints")
                .iter()
                .map(|taint| {
                    let part = |pointer: &str| text_or_empty(taint, pointer).to_owned();
                    (part("/key"), part("/value"), part("/effect"))
                })
                .collect(),
        }
    }
}

impl PodBrief {
    /// Works it out.
    pub(crate) fn of(pod: &Value) -> Self {
        let status = |pointer: &str| text_or_empty(pod, pointer).to_owned();
        let (cpu_milli, memory) = requests(pod);
        Self {
            node: status("/spec/nodeName"),
            phase: status("/status/phase"),
            ip: status("/status/podIP"),
            ready: super::object::condition(pod, "Ready")
                .is_some_and(|condition| text(condition, "/status") == Some("True")),
            cpu_milli,
            memory,
            host_ports: host_ports(pod),
            claims: items(pod, "/spec/volumes")
                .iter()
                .filter_map(|volume| text(volume, "/persistentVolumeClaim/claimName"))
                .map(str::to_owned)
                .collect(),
            needs: needs(pod),
        }
    }

    /// True once it ended, well or not.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }
}

fn amount(container: &Value, pointer: &str) -> Option<Quantity> {
    text(container, pointer).and_then(Quantity::parse)
}

/// What a pod requests: the sum of its containers, or its largest init container when that is more.
fn requests(pod: &Value) -> (i64, i64) {
    let of = |container: &Value| {
        let cpu = amount(container, "/resources/requests/cpu").map_or(0, Quantity::milli);
        let memory = amount(container, "/resources/requests/memory").map_or(0, Quantity::units);
        (cpu, memory)
    };
    let together = items(pod, "/spec/containers")
        .iter()
        .map(of)
        .fold((0_i64, 0_i64), |sum, one| (sum.0.saturating_add(one.0), sum.1.saturating_add(one.1)));
    items(pod, "/spec/initContainers")
        .iter()
        .map(of)
        .fold(together, |most, one| (most.0.max(one.0), most.1.max(one.1)))
}

fn host_ports(pod: &Value) -> Vec<(String, i64)> {
    items(pod, "/spec/containers")
        .iter()
        .flat_map(|container| items(container, "/ports"))
        .filter_map(|port| {
            let number = super::object::whole(port, "/hostPort").filter(|number| *number > 0)?;
            Some((text(port, "/protocol").unwrap_or("TCP").to_owned(), number))
        })
        .collect()
}

fn needs(pod: &Value) -> Vec<Need> {
    let mut needs = Vec::new();
    for volume in items(pod, "/spec/volumes") {
        add_need(&mut needs, volume, "/configMap", "name", true);
        add_need(&mut needs, volume, "/secret", "secretName", true);
        for source in items(volume, "/projected/sources") {
            add_need(&mut needs, source, "/configMap", "name", true);
            add_need(&mut needs, source, "/secret", "name", true);
        }
    }
    let containers = items(pod, "/spec/initContainers").iter().chain(items(pod, "/spec/containers"));
    for container in containers {
        for source in items(container, "/envFrom") {
            add_need(&mut needs, source, "/configMapRef", "name", false);
            add_need(&mut needs, source, "/secretRef", "name", false);
        }
        for variable in items(container, "/env") {
            add_need(&mut needs, variable, "/valueFrom/configMapKeyRef", "name", false);
            add_need(&mut needs, variable, "/valueFrom/secretKeyRef", "name", false);
        }
    }
    needs.sort();
    needs.dedup();
    needs
}

fn add_need(needs: &mut Vec<Need>, holder: &Value, source: &str, name: &str, mounted: bool) {
    if let Some(found) = text(holder, &format!("{source}/{name}"))
        && !flag(holder, &format!("{source}/optional"))
    {
        needs.push(Need { secret: source.contains("ecret"), name: found.to_owned(), mounted });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pods_requests_are_those_of_its_containers_together() {
        let pod = json!({"spec": {
            "initContainers": [{"resources": {"requests": {"cpu": "2", "memory": "1Mi"}}}],
            "containers": [
                {"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}, "ports": [{"hostPort": 5001}]},
                {"resources": {"requests": {"cpu": "1"}}},
            ],
        }});
        let brief = PodBrief::of(&pod);
        assert_eq!((brief.cpu_milli, brief.memory), (2000, 1024 * 1024 * 1024));
        assert_eq!(brief.host_ports, [("TCP".to_owned(), 5001)]);
    }
}
