//! The values that the API server fills in where an object leaves them out.

use serde_json::{Value, json};

use super::object::{self, flag, items, map_of, set, set_default, text, text_or_empty};

/// Fills in the defaults of a built-in kind, apart from what has to be allocated.
pub(crate) fn fill(kind: &str, object: &mut Value) {
    match kind {
        "Pod" => pod(object),
        "PodTemplate" => template(object, "/template"),
        "Deployment" => deployment(object),
        "ReplicaSet" | "ReplicationController" => replicas(object),
        "StatefulSet" => stateful_set(object),
        "DaemonSet" => daemon_set(object),
        "Job" => job(object),
        "CronJob" => cron_job(object),
        "Service" => service(object),
        "Secret" => secret(object),
        "PersistentVolumeClaim" => claim(object),
        "PersistentVolume" => volume(object),
        "Namespace" => namespace(object),
        "StorageClass" => storage_class(object),
        "NetworkPolicy" => network_policy(object),
        "RoleBinding" | "ClusterRoleBinding" => binding(object),
        "HorizontalPodAutoscaler" => set_default(object, "/spec/minReplicas", 1),
        "CustomResourceDefinition" => definition(object),
        "EndpointSlice" => endpoint_slice(object),
        "PriorityClass" => set_default(object, "/preemptionPolicy", "PreemptLowerPriority"),
        "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => webhooks(kind, object),
        _ => {}
    }
}

fn each(object: &mut Value, pointer: &str, fill: impl FnMut(&mut Value)) {
    if let Some(items) = object.pointer_mut(pointer).and_then(Value::as_array_mut) {
        items.iter_mut().for_each(fill);
    }
}

fn pod(pod: &mut Value) {
    pod_spec(pod, "/spec");
    set_default(pod, "/spec/enableServiceLinks", true);
    for list in ["/spec/containers", "/spec/initContainers"] {
        each(pod, list, requests_from_limits);
    }
    set_default(pod, "/status", json!({"phase": "Pending"}));
    set_default(pod, "/status/phase", "Pending");
}

/// What a container may use at most is also what it asks for, where it does not say what it asks for.
fn requests_from_limits(container: &mut Value) {
    let limits: Vec<(String, Value)> = object::entries(container, "/resources/limits")
        .map(|(name, amount)| (name.clone(), amount.clone()))
        .collect();
    for (name, amount) in limits {
        set_default(container, "/resources/requests", json!({}));
        if let Some(requests) = container.pointer_mut("/resources/requests") {
            map_of(requests).entry(name).or_insert(amount);
        }
    }
}

fn template(object: &mut Value, pointer: &str) {
    pod_spec(object, &format!("{pointer}/spec"));
}

fn pod_spec(object: &mut Value, at: &str) {
    let Some(spec) = object.pointer_mut(at).filter(|spec| spec.is_object()) else { return };
    set_default(spec, "/restartPolicy", "Always");
    set_default(spec, "/dnsPolicy", "ClusterFirst");
    set_default(spec, "/schedulerName", "default-scheduler");
    set_default(spec, "/terminationGracePeriodSeconds", 30);
    set_default(spec, "/securityContext", json!({}));
    if let Some(account) = text(spec, "/serviceAccountName").map(str::to_owned) {
        set_default(spec, "/serviceAccount", account);
    } else if let Some(account) = text(spec, "/serviceAccount").map(str::to_owned) {
        set(spec, "/serviceAccountName", account);
    }
    let host_network = flag(spec, "/hostNetwork");
    each(spec, "/containers", |one| container(one, host_network));
    each(spec, "/initContainers", |one| container(one, host_network));
    each(spec, "/volumes", pod_volume);
}

fn container(container: &mut Value, host_network: bool) {
    set_default(container, "/terminationMessagePath", "/dev/termination-log");
    set_default(container, "/terminationMessagePolicy", "File");
    set_default(container, "/resources", json!({}));
    let policy = if pulls_always(text_or_empty(container, "/image")) { "Always" } else { "IfNotPresent" };
    set_default(container, "/imagePullPolicy", policy);
    each(container, "/ports", |port| {
        set_default(port, "/protocol", "TCP");
        if host_network && let Some(number) = port.get("containerPort").cloned() {
            set_default(port, "/hostPort", number);
        }
    });
    each(container, "/env", |variable| {
        if variable.pointer("/valueFrom/fieldRef").is_some() {
            set_default(variable, "/valueFrom/fieldRef/apiVersion", "v1");
        }
    });
    for name in ["/livenessProbe", "/readinessProbe", "/startupProbe"] {
        if let Some(found) = container.pointer_mut(name) {
            probe(found);
        }
    }
    for hook in ["/lifecycle/postStart/httpGet", "/lifecycle/preStop/httpGet"] {
        if let Some(get) = container.pointer_mut(hook) {
            http_get(get);
        }
    }
}

/// True for images that are pulled at every start: those without a tag, or with the tag `latest`.
fn pulls_always(image: &str) -> bool {
    if image.contains('@') {
        return false;
    }
    let last = image.rsplit('/').next().unwrap_or_default();
    last.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn http_get(get: &mut Value) {
    set_default(get, "/path", "/");
    set_default(get, "/scheme", "HTTP");
}

fn probe(probe: &mut Value) {
    set_default(probe, "/timeoutSeconds", 1);
    set_default(probe, "/periodSeconds", 10);
    set_default(probe, "/successThreshold", 1);
    set_default(probe, "/failureThreshold", 3);
    if let Some(get) = probe.pointer_mut("/httpGet") {
        http_get(get);
    }
    if let Some(call) = probe.pointer_mut("/grpc") {
        set_default(call, "/service", "");
    }
}

fn pod_volume(volume: &mut Value) {
    for source in ["/configMap", "/secret", "/projected", "/downwardAPI"] {
        if volume.pointer(source).is_some() {
            set_default(volume, &format!("{source}/defaultMode"), 420);
        }
    }
    if volume.pointer("/hostPath").is_some() {
        set_default(volume, "/hostPath/type", "");
    }
    for source in ["/downwardAPI/items", "/projected/sources"] {
        each(volume, source, |item| {
            if item.pointer("/fieldRef").is_some() {
                set_default(item, "/fieldRef/apiVersion", "v1");
            }
            if item.pointer("/serviceAccountToken").is_some() {
                set_default(item, "/serviceAccountToken/expirationSeconds", 3600);
            }
        });
    }
    if volume.as_object().is_some_and(|map| map.len() == 1 && map.contains_key("name")) {
        set(volume, "/emptyDir", json!({}));
    }
}

fn deployment(object: &mut Value) {
    set_default(object, "/spec/replicas", 1);
    set_default(object, "/spec/revisionHistoryLimit", 10);
    set_default(object, "/spec/progressDeadlineSeconds", 600);
    set_default(object, "/spec/strategy", json!({}));
    set_default(object, "/spec/strategy/type", "RollingUpdate");
    if text(object, "/spec/strategy/type") == Some("RollingUpdate") {
        set_default(object, "/spec/strategy/rollingUpdate", json!({}));
        set_default(object, "/spec/strategy/rollingUpdate/maxUnavailable", "25%");
        set_default(object, "/spec/strategy/rollingUpdate/maxSurge", "25%");
    }
    template(object, "/spec/template");
}

fn replicas(object: &mut Value) {
    set_default(object, "/spec/replicas", 1);
    template(object, "/spec/template");
}

fn stateful_set(object: &mut Value) {
    set_default(object, "/spec/replicas", 1);
    set_default(object, "/spec/podManagementPolicy", "OrderedReady");
    set_default(object, "/spec/revisionHistoryLimit", 10);
    set_default(object, "/spec/updateStrategy", json!({}));
    set_default(object, "/spec/updateStrategy/type", "RollingUpdate");
    if text(object, "/spec/updateStrategy/type") == Some("RollingUpdate") {
        set_default(object, "/spec/updateStrategy/rollingUpdate", json!({}));
        set_default(object, "/spec/updateStrategy/rollingUpdate/partition", 0);
    }
    set_default(object, "/spec/persistentVolumeClaimRetentionPolicy", json!({}));
    set_default(object, "/spec/persistentVolumeClaimRetentionPolicy/whenDeleted", "Retain");
    set_default(object, "/spec/persistentVolumeClaimRetentionPolicy/whenScaled", "Retain");
    each(object, "/spec/volumeClaimTemplates", |one| {
        set_default(one, "/apiVersion", "v1");
        set_default(one, "/kind", "PersistentVolumeClaim");
        claim(one);
    });
    template(object, "/spec/template");
}

fn daemon_set(object: &mut Value) {
    set_default(object, "/spec/revisionHistoryLimit", 10);
    set_default(object, "/spec/updateStrategy", json!({}));
    set_default(object, "/spec/updateStrategy/type", "RollingUpdate");
    if text(object, "/spec/updateStrategy/type") == Some("RollingUpdate") {
        set_default(object, "/spec/updateStrategy/rollingUpdate", json!({}));
        set_default(object, "/spec/updateStrategy/rollingUpdate/maxUnavailable", 1);
        set_default(object, "/spec/updateStrategy/rollingUpdate/maxSurge", 0);
    }
    template(object, "/spec/template");
}

fn job(object: &mut Value) {
    job_spec(object, "/spec");
}

fn job_spec(object: &mut Value, at: &str) {
    let Some(spec) = object.pointer_mut(at).filter(|spec| spec.is_object()) else { return };
    if spec.get("completions").is_none() && spec.get("parallelism").is_none() {
        set(spec, "/completions", 1);
    }
    set_default(spec, "/parallelism", 1);
    set_default(spec, "/backoffLimit", 6);
    set_default(spec, "/completionMode", "NonIndexed");
    set_default(spec, "/suspend", false);
    set_default(spec, "/manualSelector", false);
    set_default(spec, "/podReplacementPolicy", "TerminatingOrFailed");
    template(spec, "/template");
}

fn cron_job(object: &mut Value) {
    set_default(object, "/spec/concurrencyPolicy", "Allow");
    set_default(object, "/spec/suspend", false);
    set_default(object, "/spec/successfulJobsHistoryLimit", 3);
    set_default(object, "/spec/failedJobsHistoryLimit", 1);
    template(object, "/spec/jobTemplate/spec/template");
}

fn service(object: &mut Value) {
    set_default(object, "/spec/sessionAffinity", "None");
    set_default(object, "/spec/type", "ClusterIP");
    if text(object, "/spec/sessionAffinity") == Some("ClientIP") {
        set_default(object, "/spec/sessionAffinityConfig/clientIP/timeoutSeconds", 10800);
    }
    let kind = text_or_empty(object, "/spec/type").to_owned();
    each(object, "/spec/ports", |port| {
        set_default(port, "/protocol", "TCP");
        let own = port.get("port").cloned().unwrap_or_default();
        set_default(port, "/targetPort", own);
    });
    if kind == "ExternalName" {
        return;
    }
    set_default(object, "/spec/internalTrafficPolicy", "Cluster");
    set_default(object, "/spec/ipFamilies", json!(["IPv4"]));
    set_default(object, "/spec/ipFamilyPolicy", "SingleStack");
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        set_default(object, "/spec/externalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        set_default(object, "/spec/allocateLoadBalancerNodePorts", true);
    }
    set_default(object, "/status/loadBalancer", json!({}));
}

fn secret(object: &mut Value) {
    set_default(object, "/type", "Opaque");
    if let Some(Value::Object(texts)) = object::remove(object, "/stringData") {
        use base64::Engine;
        set_default(object, "/data", json!({}));
        for (key, value) in texts {
            let encoded =
                base64::engine::general_purpose::STANDARD.encode(value.as_str().unwrap_or_default());
            if let Some(data) = object.get_mut("data") {
                map_of(data).insert(key, encoded.into());
            }
        }
    }
}

fn claim(object: &mut Value) {
    set_default(object, "/spec/volumeMode", "Filesystem");
    set_default(object, "/status", json!({"phase": "Pending"}));
    set_default(object, "/status/phase", "Pending");
}

fn volume(object: &mut Value) {
    set_default(object, "/spec/volumeMode", "Filesystem");
    set_default(object, "/spec/persistentVolumeReclaimPolicy", "Retain");
    set_default(object, "/status/phase", "Pending");
}

fn namespace(object: &mut Value) {
    let name = object::name(object).to_owned();
    set_default(object, "/metadata/labels", json!({}));
    if !name.is_empty()
        && let Some(labels) = object.pointer_mut("/metadata/labels")
    {
        map_of(labels).insert("kubernetes.io/metadata.name".to_owned(), name.into());
    }
    set_default(object, "/spec/finalizers", json!(["kubernetes"]));
    set_default(object, "/status/phase", "Active");
}

fn storage_class(object: &mut Value) {
    set_default(object, "/reclaimPolicy", "Delete");
    set_default(object, "/volumeBindingMode", "Immediate");
}

fn network_policy(object: &mut Value) {
    if object.pointer("/spec/policyTypes").is_none() {
        let mut types = vec!["Ingress"];
        if !items(object, "/spec/egress").is_empty() {
            types.push("Egress");
        }
        set(object, "/spec/policyTypes", types);
    }
    for rule in ["/spec/ingress", "/spec/egress"] {
        each(object, rule, |rule| each(rule, "/ports", |port| set_default(port, "/protocol", "TCP")));
    }
}

fn binding(object: &mut Value) {
    const GROUP: &str = "rbac.authorization.k8s.io";
    set_default(object, "/roleRef/apiGroup", GROUP);
    each(object, "/subjects", |subject| {
        if matches!(text_or_empty(subject, "/kind"), "User" | "Group") {
            set_default(subject, "/apiGroup", GROUP);
        }
    });
}

fn definition(object: &mut Value) {
    let kind = text_or_empty(object, "/spec/names/kind").to_owned();
    set_default(object, "/spec/names/singular", kind.to_lowercase());
    set_default(object, "/spec/names/listKind", format!("{kind}List"));
    set_default(object, "/spec/conversion", json!({"strategy": "None"}));
}

fn endpoint_slice(object: &mut Value) {
    each(object, "/ports", |port| {
        set_default(port, "/protocol", "TCP");
        set_default(port, "/name", "");
    });
}

fn webhooks(kind: &str, object: &mut Value) {
    each(object, "/webhooks", |hook| {
        set_default(hook, "/failurePolicy", "Fail");
        set_default(hook, "/matchPolicy", "Equivalent");
        set_default(hook, "/namespaceSelector", json!({}));
        set_default(hook, "/objectSelector", json!({}));
        set_default(hook, "/timeoutSeconds", 10);
        if kind == "MutatingWebhookConfiguration" {
            set_default(hook, "/reinvocationPolicy", "Never");
        }
        each(hook, "/rules", |rule| set_default(rule, "/scope", "*"));
        if hook.pointer("/clientConfig/service").is_some() {
            set_default(hook, "/clientConfig/service/port", 443);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_without_a_fixed_tag_are_pulled_always() {
        assert!(pulls_always("nginx"));
        assert!(pulls_always("registry:5000/nginx:latest"));
        assert!(!pulls_always("registry:5000/nginx:1.27"));
        assert!(!pulls_always("nginx@sha256:abc"));
        assert!(pulls_always("registry:5000/nginx"));
    }

    #[test]
    fn filling_in_twice_is_filling_in_once() {
        for (kind, mut object) in [
            (
                "Deployment",
                json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}}),
            ),
            ("Service", json!({"spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}})),
            ("Secret", json!({"stringData": {"a": "b"}})),
            ("Pod", json!({"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": "1"}}}]}})),
        ] {
            fill(kind, &mut object);
            let once = object.clone();
            fill(kind, &mut object);
            assert_eq!(object, once, "{kind}");
        }
    }

    #[test]
    fn text_of_a_secret_becomes_data() {
        let mut secret = json!({"stringData": {"key": "value"}});
        fill("Secret", &mut secret);
        assert_eq!(secret, json!({"type": "Opaque", "data": {"key": "dmFsdWU="}}));
    }
}
