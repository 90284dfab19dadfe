//! What is decided about an object between decoding and validation: whether its namespace takes it, the defaults that
//! depend on other objects, and the security level of pods.

use serde_json::{Value, json};

use super::Cluster;
use super::object::{self, items, list_mut, set, set_default, text, text_or_empty, whole};
use super::resources::{INGRESS_CLASSES, NAMESPACES, PRIORITY_CLASSES, SERVICE_ACCOUNTS, STORAGE_CLASSES};
use super::route::Target;
use super::security;
use super::status::{Failure, Outcome};
use super::store::Key;

const DEFAULT_STORAGE_CLASS: &str = "storageclass.kubernetes.io/is-default-class";
const DEFAULT_INGRESS_CLASS: &str = "ingressclass.kubernetes.io/is-default-class";

impl Cluster {
    /// Refuses what is created in a namespace that is not there or is going away.
    pub(super) fn admit_namespace(&self, target: &Target, name: &str) -> Outcome<()> {
        if target.namespace.is_empty() {
            return Ok(());
        }
        let key = Key::new(NAMESPACES, "", &target.namespace);
        match self.store.get(&key) {
            None => {
                let about = super::status::About { group: "", plural: NAMESPACES, name: &target.namespace };
                Err(Failure::not_found(about))
            }
            Some(stored) if stored.terminating => {
                Err(Failure::namespace_terminating(target.resource.about(name), &target.namespace))
            }
            Some(_) => Ok(()),
        }
    }

    /// Completes and admits a new object.
    pub(super) fn admit_new(&mut self, target: &Target, object: &mut Value) -> Outcome<()> {
        match target.resource.kind.as_str() {
            "Pod" if target.resource.group.is_empty() => {
                self.complete_pod(target, object)?;
                self.admit_security(target, object)
            }
            "PersistentVolumeClaim" => {
                self.complete_claim(object);
                Ok(())
            }
            "Ingress" => {
                self.complete_ingress(object);
                Ok(())
            }
            "Job" => {
                complete_job(object);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn complete_pod(&self, target: &Target, pod: &mut Value) -> Outcome<()> {
        set_default(pod, "/spec/serviceAccountName", "default");
        let account = text_or_empty(pod, "/spec/serviceAccountName").to_owned();
        set_default(pod, "/spec/serviceAccount", account.as_str());
        let name = object::name(pod).to_owned();
        let about = target.resource.about(&name);
        let namespace = target.namespace.clone();
        if self.store.get(&Key::new(SERVICE_ACCOUNTS, &namespace, &account)).is_none() {
            let why = format!(
                "error looking up service account {namespace}/{account}: serviceaccount \"{account}\" not found"
            );
            return Err(Failure::forbidden(about, &why));
        }
        let class = text_or_empty(pod, "/spec/priorityClassName").to_owned();
        let priority = match class.as_str() {
            "" => 0,
            class => {
                let found = self.store.object(&Key::new(PRIORITY_CLASSES, "", class));
                let Some(found) = found else {
                    let why = format!("no PriorityClass with name {class} was found");
                    return Err(Failure::forbidden(about, &why));
                };
                whole(&found, "/value").unwrap_or(0)
            }
        };
        set_default(pod, "/spec/priority", priority);
        set_default(pod, "/spec/preemptionPolicy", "PreemptLowerPriority");
        add_tolerations(pod);
        self.mount_token(pod, &account);
        set(pod, "/status/qosClass", quality(pod));
        Ok(())
    }

    /// Mounts the token of the service account into every container, unless the pod or the account says not to.
    fn mount_token(&self, pod: &mut Value, account: &str) {
        const PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
        let key = Key::new(SERVICE_ACCOUNTS, object::namespace(pod), account);
        let by_account = self
            .store
            .object(&key)
            .and_then(|account| account.get("automountServiceAccountToken").and_then(Value::as_bool));
        let by_pod = pod.pointer("/spec/automountServiceAccountToken").and_then(Value::as_bool);
        if !by_pod.or(by_account).unwrap_or(true) {
            return;
        }
        let name = format!(
            "kube-api-access-{}",
            object::uid(pod).chars().filter(char::is_ascii_alphanumeric).take(5).collect::<String>()
        );
        let mut mounted = false;
        for list in ["/spec/containers", "/spec/initContainers"] {
            for container in pod.pointer_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                if items(container, "/volumeMounts")
                    .iter()
                    .all(|mount| text(mount, "/mountPath") != Some(PATH))
                    && let Some(mounts) = list_mut(container, "/volumeMounts")
                {
                    mounts.push(json!({"name": name, "readOnly": true, "mountPath": PATH}));
                    mounted = true;
                }
            }
        }
        if mounted && let Some(volumes) = list_mut(pod, "/spec/volumes") {
            volumes.push(json!({"name": name, "projected": {"defaultMode": 420, "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [{"path": "namespace",
                    "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
            ]}}));
        }
    }

    fn admit_security(&self, target: &Target, pod: &Value) -> Outcome<()> {
        let level = self.security_level(&target.namespace, "enforce");
        let violations = security::violations(pod, "/spec", &level);
        if violations.is_empty() {
            return Ok(());
        }
        let why = format!("violates PodSecurity \"{level}:latest\": {}", violations.join(", "));
        Err(Failure::forbidden(target.resource.about(object::name(pod)), &why))
    }

    /// The level that a namespace's labels set for a mode; privileged without one.
    fn security_level(&self, namespace: &str, mode: &str) -> String {
        let key = Key::new(NAMESPACES, "", namespace);
        let label = format!("pod-security.kubernetes.io/{mode}");
        let level = self.store.get(&key).and_then(|stored| stored.labels.get(&label).cloned());
        level.unwrap_or_else(|| "privileged".to_owned())
    }

    /// The warnings that go with a write: pods that the warning level of their namespace does not allow.
    pub(super) fn admission_warnings(&self, target: &Target, object: &Value) -> Vec<String> {
        let pointer = match target.resource.kind.as_str() {
            "Pod" => "/spec",
            "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" => "/spec/template/spec",
            "CronJob" => "/spec/jobTemplate/spec/template/spec",
            _ => return Vec::new(),
        };
        let level = self.security_level(&target.namespace, "warn");
        let violations = security::violations(object, pointer, &level);
        if violations.is_empty() {
            return Vec::new();
        }
        vec![format!("would violate PodSecurity \"{level}:latest\": {}", violations.join(", "))]
    }

    fn default_class(&self, resource: &str, annotation: &str) -> Option<String> {
        let is_default = |class: &Value| object::annotation(class, annotation) == Some("true");
        let classes: Vec<Value> = self.store.list(resource, None).map(|stored| stored.object()).collect();
        classes.iter().find(|class| is_default(class)).map(|class| object::name(class).to_owned())
    }

    fn complete_claim(&self, claim: &mut Value) {
        if let Some(finalizers) = list_mut(claim, "/metadata/finalizers")
            && !finalizers.iter().any(|one| one == "kubernetes.io/pvc-protection")
        {
            finalizers.push("kubernetes.io/pvc-protection".into());
        }
        if claim.pointer("/spec/storageClassName").is_none()
            && let Some(class) = self.default_class(STORAGE_CLASSES, DEFAULT_STORAGE_CLASS)
        {
            set(claim, "/spec/storageClassName", class);
        }
    }

    fn complete_ingress(&self, ingress: &mut Value) {
        let annotated = object::annotation(ingress, "kubernetes.io/ingress.class").is_some();
        if !annotated
            && ingress.pointer("/spec/ingressClassName").is_none()
            && let Some(class) = self.default_class(INGRESS_CLASSES, DEFAULT_INGRESS_CLASS)
        {
            set(ingress, "/spec/ingressClassName", class);
        }
    }
}

/// Completes an object that replaces another.
pub(super) fn complete_update(target: &Target, old: &Value, object: &mut Value) {
    match target.resource.kind.as_str() {
        "Service" if target.resource.group.is_empty() => keep_allocations(old, object),
        "PersistentVolumeClaim" => {
            for pointer in ["/spec/volumeName", "/spec/storageClassName", "/spec/volumeMode"] {
                if let Some(value) = old.pointer(pointer) {
                    set_default(object, pointer, value.clone());
                }
            }
        }
        "Job" => keep_job_labels(old, object),
        "Pod" if target.resource.group.is_empty() => keep_pod_parts(old, object),
        _ => {}
    }
}

/// Pods stay for five minutes on workers that are not ready or cannot be reached.
fn add_tolerations(pod: &mut Value) {
    let Some(tolerations) = list_mut(pod, "/spec/tolerations") else { return };
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let covers = |toleration: &Value| {
            let named = text_or_empty(toleration, "/key");
            (named == key || named.is_empty())
                && matches!(text_or_empty(toleration, "/effect"), "" | "NoExecute")
        };
        if !tolerations.iter().any(covers) {
            let toleration =
                json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
            tolerations.push(toleration);
        }
    }
}

/// The quality-of-service class that follows from requests and limits.
fn quality(pod: &Value) -> &'static str {
    let containers: Vec<&Value> =
        items(pod, "/spec/containers").iter().chain(items(pod, "/spec/initContainers")).collect();
    let amount = |container: &Value, kind: &str, name: &str| {
        container.pointer(&format!("/resources/{kind}/{name}")).cloned()
    };
    let guaranteed = |container: &&Value| {
        ["cpu", "memory"].iter().all(|name| {
            let limit = amount(container, "limits", name);
            limit.is_some() && limit == amount(container, "requests", name)
        })
    };
    let unbounded = |container: &&Value| {
        object::entries(container, "/resources/requests").next().is_none()
            && object::entries(container, "/resources/limits").next().is_none()
    };
    if containers.iter().all(unbounded) {
        "BestEffort"
    } else if containers.iter().all(guaranteed) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

/// Gives a job the selector and labels by which it finds its pods.
fn complete_job(job: &mut Value) {
    if object::flag(job, "/spec/manualSelector") {
        return;
    }
    let (uid, name) = (object::uid(job).to_owned(), object::name(job).to_owned());
    for (label, value) in [
        ("batch.kubernetes.io~1controller-uid", uid.as_str()),
        ("batch.kubernetes.io~1job-name", name.as_str()),
        ("controller-uid", uid.as_str()),
        ("job-name", name.as_str()),
    ] {
        set(job, &format!("/spec/template/metadata/labels/{label}"), value);
    }
    set(job, "/spec/selector", json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}));
}

fn keep_job_labels(old: &Value, job: &mut Value) {
    if object::flag(job, "/spec/manualSelector") {
        return;
    }
    if let Some(selector) = old.pointer("/spec/selector") {
        set_default(job, "/spec/selector", selector.clone());
    }
    for (label, value) in object::texts(old, "/spec/template/metadata/labels") {
        let generated = label.starts_with("batch.kubernetes.io/")
            || matches!(label.as_str(), "controller-uid" | "job-name");
        if generated {
            set_default(job, &format!("/spec/template/metadata/labels/{}", label.replace('/', "~1")), value);
        }
    }
}

/// What admission and the scheduler wrote into a pod stays when a replacement leaves it out.
fn keep_pod_parts(old: &Value, pod: &mut Value) {
    for pointer in [
        "/spec/nodeName",
        "/spec/serviceAccountName",
        "/spec/serviceAccount",
        "/spec/priority",
        "/spec/preemptionPolicy",
        "/spec/tolerations",
        "/spec/enableServiceLinks",
    ] {
        if let Some(value) = old.pointer(pointer) {
            set_default(pod, pointer, value.clone());
        }
    }
}

/// What was allocated to a service stays when a replacement leaves it out.
fn keep_allocations(old: &Value, service: &mut Value) {
    let needs_ports =
        |service: &Value| matches!(text_or_empty(service, "/spec/type"), "NodePort" | "LoadBalancer");
    let kind = text_or_empty(service, "/spec/type").to_owned();
    if kind != "ExternalName" && text(old, "/spec/type") != Some("ExternalName") {
        if text(service, "/spec/clusterIP") == Some("") {
            object::remove(service, "/spec/clusterIP");
        }
        for pointer in ["/spec/clusterIP", "/spec/clusterIPs"] {
            if let Some(value) = old.pointer(pointer) {
                set_default(service, pointer, value.clone());
            }
        }
    }
    let old_ports = items(old, "/spec/ports").to_vec();
    let same = |port: &Value, other: &Value| {
        port.get("port") == other.get("port") && port.get("protocol") == other.get("protocol")
    };
    let (before, after) = (needs_ports(old), needs_ports(service));
    for port in service.pointer_mut("/spec/ports").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(number) =
            old_ports.iter().find(|other| same(port, other)).and_then(|other| other.get("nodePort"))
        else {
            continue;
        };
        if before && after {
            set_default(port, "/nodePort", number.clone());
        } else if !after && port.get("nodePort") == Some(number) {
            object::remove(port, "/nodePort");
        }
    }
    if kind == "ClusterIP" {
        for pointer in [
            "/spec/externalTrafficPolicy",
            "/spec/allocateLoadBalancerNodePorts",
            "/spec/healthCheckNodePort",
        ] {
            if old.pointer(pointer) == service.pointer(pointer) {
                object::remove(service, pointer);
            }
        }
    } else if let Some(port) = old.pointer("/spec/healthCheckNodePort") {
        set_default(service, "/spec/healthCheckNodePort", port.clone());
    }
}
