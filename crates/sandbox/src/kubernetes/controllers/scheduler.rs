//! The scheduler: a worker for every pod that finds one with room.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::kubernetes::Cluster;
use crate::kubernetes::brief::{NodeBrief, PodBrief};
use crate::kubernetes::object::{self, items, set, text, text_or_empty, texts};
use crate::kubernetes::resources::{CLAIMS, NODES, PODS, STORAGE_CLASSES, VOLUMES};
use crate::kubernetes::selector::Selector;
use crate::kubernetes::store::{Key, Stored};

/// What is taken on the workers.
#[derive(Debug, Default)]
struct Usage {
    by_node: BTreeMap<String, Taken>,
}

#[derive(Debug, Default, Clone)]
struct Taken {
    cpu_milli: i64,
    memory: i64,
    pods: i64,
    host_ports: BTreeSet<(String, i64)>,
    /// The claims that are mounted, each by the hash of its namespace and name.
    claims: BTreeSet<u64>,
}

fn claim_mark(namespace: &str, claim: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (namespace, claim).hash(&mut hasher);
    hasher.finish()
}

impl Usage {
    fn add(&mut self, namespace: &str, pod: &PodBrief, node: &str) {
        if !self.by_node.contains_key(node) {
            self.by_node.insert(node.to_owned(), Taken::default());
        }
        let Some(taken) = self.by_node.get_mut(node) else { return };
        taken.cpu_milli = taken.cpu_milli.saturating_add(pod.cpu_milli);
        taken.memory = taken.memory.saturating_add(pod.memory);
        taken.pods += 1;
        taken.host_ports.extend(pod.host_ports.iter().cloned());
        taken.claims.extend(pod.claims.iter().map(|claim| claim_mark(namespace, claim)));
    }
}

/// Why a worker does not take a pod, in the scheduler's words.
type Obstacle = String;

impl Cluster {
    /// Finds a worker for one pod.
    pub(super) fn schedule(&mut self, namespace: &str, name: &str) {
        let mut usage = self.usage();
        self.schedule_one(&Key::new(PODS, namespace, name), &mut usage);
    }

    /// Finds workers for all pods that have none.
    pub(super) fn schedule_all(&mut self) {
        let mut usage = self.usage();
        for (namespace, name) in self.unscheduled.clone() {
            self.schedule_one(&Key::new(PODS, &namespace, &name), &mut usage);
        }
    }

    fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for stored in self.store.list(PODS, None) {
            if let Some(pod) = stored.pod.as_ref().filter(|pod| !pod.node.is_empty() && !pod.has_ended()) {
                usage.add(&stored.namespace, pod, &pod.node);
            }
        }
        usage
    }

    fn schedule_one(&mut self, key: &Key, usage: &mut Usage) {
        let Some(stored) = self.store.get(key).cloned() else { return };
        let Some(brief) = stored.pod.clone() else { return };
        if !brief.node.is_empty() || stored.terminating || brief.has_ended() {
            return;
        }
        let pod = stored.object();
        if text(&pod, "/spec/schedulerName") != Some("default-scheduler")
            || !items(&pod, "/spec/schedulingGates").is_empty()
        {
            return;
        }
        if let Some(obstacle) = self.volume_obstacle(key, &brief) {
            let count = self.store.count(NODES);
            return self.say_unschedulable(key, &pod, &format!("0/{count} nodes are available: {obstacle}."));
        }
        match self.choose(&pod, &brief, usage) {
            Ok(node) => {
                usage.add(&key.namespace, &brief, &node);
                self.bind_pod(key, &node);
            }
            Err(message) => self.say_unschedulable(key, &pod, &message),
        }
    }

    /// The worker with the most room left of those that take the pod, or why none does.
    fn choose(&self, pod: &Value, brief: &PodBrief, usage: &Usage) -> Result<String, String> {
        let mut obstacles: BTreeMap<Obstacle, usize> = BTreeMap::new();
        let mut best: Option<(i64, &str)> = None;
        let nodes: Vec<&Arc<Stored>> = self.store.list(NODES, None).collect();
        let nothing = Taken::default();
        for node in &nodes {
            let taken = usage.by_node.get(&node.name).unwrap_or(&nothing);
            match self.obstacle(pod, brief, node, taken) {
                Some(obstacle) => *obstacles.entry(obstacle).or_default() += 1,
                None => {
                    let score = room_left(brief, node, taken);
                    if best.is_none_or(|(most, _)| score > most) {
                        best = Some((score, &node.name));
                    }
                }
            }
        }
        best.map(|(_, name)| name.to_owned()).ok_or_else(|| unavailable(nodes.len(), &obstacles))
    }

    fn obstacle(&self, pod: &Value, brief: &PodBrief, node: &Arc<Stored>, taken: &Taken) -> Option<Obstacle> {
        let Some(limits) = &node.node else { return Some("node(s) were not ready".to_owned()) };
        filter_obstacle(pod, node, limits)
            .or_else(|| room_obstacle(brief, object::namespace(pod), limits, taken))
            .or_else(|| self.affinity_obstacle(pod, node))
            .or_else(|| self.volume_place_obstacle(pod, brief, node))
    }

    /// Volumes that are bound to a worker elsewhere keep their pods there.
    fn volume_place_obstacle(&self, pod: &Value, brief: &PodBrief, node: &Stored) -> Option<Obstacle> {
        for claim in &brief.claims {
            let claim = self.store.object(&Key::new(CLAIMS, object::namespace(pod), claim))?;
            let volume = self.store.object(&Key::new(VOLUMES, "", text_or_empty(&claim, "/spec/volumeName")));
            let Some(volume) = volume else { continue };
            let terms = items(&volume, "/spec/nodeAffinity/required/nodeSelectorTerms");
            if !terms.is_empty() && !terms.iter().any(|term| term_matches(term, node)) {
                return Some("node(s) had volume node affinity conflict".to_owned());
            }
        }
        None
    }

    /// What keeps a pod from every worker: claims that are missing or not bound yet.
    fn volume_obstacle(&self, key: &Key, brief: &PodBrief) -> Option<Obstacle> {
        for name in &brief.claims {
            let Some(claim) = self.store.object(&Key::new(CLAIMS, &key.namespace, name)) else {
                return Some(format!("persistentvolumeclaim {name:?} not found"));
            };
            if object::is_terminating(&claim) {
                return Some(format!("persistentvolumeclaim {name:?} is being deleted"));
            }
            let bound = text(&claim, "/status/phase") == Some("Bound");
            if !bound && !self.waits_for_consumer(&claim) {
                return Some("pod has unbound immediate PersistentVolumeClaims".to_owned());
            }
        }
        None
    }

    /// True when a claim's class binds only once a pod is scheduled.
    pub(super) fn waits_for_consumer(&self, claim: &Value) -> bool {
        let class = text_or_empty(claim, "/spec/storageClassName");
        self.store
            .object(&Key::new(STORAGE_CLASSES, "", class))
            .is_some_and(|class| text(&class, "/volumeBindingMode") == Some("WaitForFirstConsumer"))
    }

    fn affinity_obstacle(&self, pod: &Value, node: &Stored) -> Option<Obstacle> {
        const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
        for (kind, wanted, obstacle) in [
            ("podAffinity", true, "node(s) didn't match pod affinity rules"),
            ("podAntiAffinity", false, "node(s) didn't match pod anti-affinity rules"),
        ] {
            for term in items(pod, &format!("/spec/affinity/{kind}/{REQUIRED}")) {
                if self.has_neighbour(pod, term, node) != wanted {
                    return Some(obstacle.to_owned());
                }
            }
        }
        None
    }

    /// True when a pod that a term selects runs in the same place.
    fn has_neighbour(&self, pod: &Value, term: &Value, node: &Stored) -> bool {
        let key = text_or_empty(term, "/topologyKey");
        let Some(place) = node.labels.get(key) else { return false };
        let selector = term.get("labelSelector").map(Selector::of_object).unwrap_or_default();
        let named: Vec<&str> = items(term, "/namespaces").iter().filter_map(Value::as_str).collect();
        let namespaces = if named.is_empty() { vec![object::namespace(pod)] } else { named };
        let here = |stored: &&Arc<Stored>| {
            let on = stored.pod.as_ref().map_or("", |brief| brief.node.as_str());
            let other = self.store.get(&Key::new(NODES, "", on));
            other.is_some_and(|other| other.labels.get(key) == Some(place))
        };
        namespaces.into_iter().any(|namespace| {
            self.store
                .list(PODS, Some(namespace))
                .filter(|stored| stored.uid != object::uid(pod) && selector.matches(&stored.labels))
                .any(|stored| here(&stored))
        })
    }

    /// Binds a pod to a worker.
    pub(in crate::kubernetes) fn bind_pod(&mut self, key: &Key, node: &str) {
        let now = self.now;
        self.edit(key, |pod| {
            set(pod, "/spec/nodeName", node);
            object::set_condition(
                pod,
                json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null}),
                now,
            );
        });
        if let Some(pod) = self.store.object(key) {
            let message = format!("Successfully assigned {} to {node}", key.path());
            self.tell(&pod, "Normal", "Scheduled", &message, "default-scheduler");
        }
        let claims = self
            .store
            .get(key)
            .and_then(|stored| stored.pod.clone())
            .map(|pod| pod.claims)
            .unwrap_or_default();
        for claim in claims {
            let place = Key::new(CLAIMS, &key.namespace, &claim);
            let unbound = self
                .store
                .object(&place)
                .is_some_and(|claim| text_or_empty(&claim, "/spec/volumeName").is_empty());
            if unbound {
                self.edit(&place, |claim| {
                    object::annotate(claim, "volume.kubernetes.io/selected-node", node)
                });
            }
        }
    }

    fn say_unschedulable(&mut self, key: &Key, pod: &Value, message: &str) {
        let said = object::condition(pod, "PodScheduled").and_then(|condition| text(condition, "/message"));
        if said == Some(message) {
            return;
        }
        let now = self.now;
        self.edit(key, |pod| {
            let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": message, "lastProbeTime": null});
            object::set_condition(pod, condition, now);
        });
        self.tell(pod, "Warning", "FailedScheduling", message, "default-scheduler");
    }
}

/// How much of a worker stays free, in thousandths of both resources together.
fn room_left(pod: &PodBrief, node: &Stored, taken: &Taken) -> i64 {
    let Some(limits) = &node.node else { return i64::MIN };
    let share = |free: i64, all: i64| if all > 0 { i128::from(free) * 100_000 / i128::from(all) } else { 0 };
    let cpu = share(limits.cpu_milli - taken.cpu_milli - pod.cpu_milli, limits.cpu_milli);
    let memory = share(limits.memory - taken.memory - pod.memory, limits.memory);
    let pods = share(limits.pods - taken.pods, limits.pods);
    i64::try_from(cpu + memory + pods).unwrap_or(i64::MIN)
}

fn unavailable(nodes: usize, obstacles: &BTreeMap<Obstacle, usize>) -> String {
    if nodes == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    let mut list: Vec<String> = obstacles.iter().map(|(why, count)| format!("{count} {why}")).collect();
    list.sort();
    format!(
        "0/{nodes} nodes are available: {}. preemption: 0/{nodes} nodes are available: {nodes} No preemption victims \
         found for incoming pod.",
        list.join(", ")
    )
}

/// True when a worker suits a pod apart from room: its selectors and the worker's taints.
pub(super) fn suits(pod: &Value, node: &Stored) -> bool {
    node.node.as_ref().is_some_and(|limits| filter_obstacle(pod, node, limits).is_none())
}

fn filter_obstacle(pod: &Value, node: &Stored, limits: &NodeBrief) -> Option<Obstacle> {
    let tolerations = items(pod, "/spec/tolerations");
    let cordon = ("node.kubernetes.io/unschedulable".to_owned(), String::new(), "NoSchedule".to_owned());
    if limits.unschedulable && !tolerated(tolerations, &cordon) {
        return Some("node(s) were unschedulable".to_owned());
    }
    let selector = texts(pod, "/spec/nodeSelector");
    let required = pod.pointer("/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution");
    let terms = required.map_or(&[][..], |required| items(required, "/nodeSelectorTerms"));
    let matches = selector.iter().all(|(key, value)| node.labels.get(key) == Some(value))
        && (required.is_none() || terms.iter().any(|term| term_matches(term, node)));
    if !matches {
        return Some("node(s) didn't match Pod's node affinity/selector".to_owned());
    }
    let untolerated = limits.taints.iter().find(|taint| {
        matches!(taint.2.as_str(), "NoSchedule" | "NoExecute") && !tolerated(tolerations, taint)
    });
    untolerated.map(|(key, value, _)| format!("node(s) had untolerated taint {{{key}: {value}}}"))
}

fn tolerated(tolerations: &[Value], (key, value, effect): &(String, String, String)) -> bool {
    tolerations.iter().any(|toleration| {
        let named = text_or_empty(toleration, "/key");
        let for_effect = text_or_empty(toleration, "/effect");
        let by_value =
            text(toleration, "/operator") == Some("Exists") || text_or_empty(toleration, "/value") == value;
        (named.is_empty() || named == key) && (for_effect.is_empty() || for_effect == effect) && by_value
    })
}

fn term_matches(term: &Value, node: &Stored) -> bool {
    let labels = Selector::of_expressions(items(term, "/matchExpressions"));
    let fields = Selector::of_expressions(items(term, "/matchFields"));
    labels.matches(&node.labels)
        && fields.matches_by(|field| (field == "metadata.name").then_some(node.name.as_str()))
}

fn room_obstacle(pod: &PodBrief, namespace: &str, limits: &NodeBrief, taken: &Taken) -> Option<Obstacle> {
    let disks: BTreeSet<u64> = pod.claims.iter().map(|claim| claim_mark(namespace, claim)).collect();
    let disks = taken.claims.union(&disks).count();
    let obstacle = if taken.pods >= limits.pods {
        "Too many pods"
    } else if taken.cpu_milli.saturating_add(pod.cpu_milli) > limits.cpu_milli && pod.cpu_milli > 0 {
        "Insufficient cpu"
    } else if taken.memory.saturating_add(pod.memory) > limits.memory && pod.memory > 0 {
        "Insufficient memory"
    } else if pod.host_ports.iter().any(|port| taken.host_ports.contains(port)) {
        "node(s) didn't have free ports for the requested pod ports"
    } else if i64::try_from(disks).unwrap_or(i64::MAX) > limits.disks && !pod.claims.is_empty() {
        "node(s) exceed max volume count"
    } else {
        return None;
    };
    Some(obstacle.to_owned())
}
