//! Defaults, validation and what may not change.

use serde_json::{Value, json};

use crate::subject::{Reply, Subject, config_map, deployment, service};

/// The fields that an invalid object is refused for.
#[track_caller]
fn invalid_fields(reply: &Reply) -> Vec<String> {
    reply.refused(422, "Invalid");
    let body = reply.json();
    let causes = body["details"]["causes"].as_array().cloned().unwrap_or_default();
    causes.iter().map(|cause| cause["field"].as_str().unwrap_or_default().to_owned()).collect()
}

pub(crate) async fn defaults_of_a_deployment_are_filled_in(subject: &Subject) {
    let mut body = deployment("a");
    let container = &mut body["spec"]["template"]["spec"]["containers"][0];
    container["ports"] = json!([{"containerPort": 80}]);
    container["readinessProbe"] = json!({"tcpSocket": {"port": 80}});
    let made = subject.post(&subject.grouped("apps/v1", "deployments"), &body).await.expect(201);
    let spec = &made["spec"];
    assert_eq!(spec["progressDeadlineSeconds"], 600);
    assert_eq!(spec["revisionHistoryLimit"], 10);
    assert_eq!(
        spec["strategy"],
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}})
    );
    let pod = &spec["template"]["spec"];
    assert_eq!(pod["restartPolicy"], "Always");
    assert_eq!(pod["terminationGracePeriodSeconds"], 30);
    let container = &pod["containers"][0];
    assert_eq!(container["imagePullPolicy"], "IfNotPresent");
    assert_eq!(container["ports"][0]["protocol"], "TCP");
    assert_eq!(
        container["readinessProbe"],
        json!({"tcpSocket": {"port": 80}, "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1,
            "failureThreshold": 3})
    );
}

pub(crate) async fn names_and_labels_keep_their_form(subject: &Subject) {
    let reply = subject.post(&subject.core("configmaps"), &config_map("Upper")).await;
    assert_eq!(invalid_fields(&reply), ["metadata.name"]);
    let mut labelled = config_map("a");
    labelled["metadata"]["labels"] = json!({"bad key": "x", "good": "not good"});
    let reply = subject.post(&subject.core("configmaps"), &labelled).await;
    assert_eq!(invalid_fields(&reply), ["metadata.labels", "metadata.labels"]);
    let reply = subject.post(&subject.core("services"), &service("with.dot")).await;
    assert_eq!(invalid_fields(&reply), ["metadata.name"]);
}

pub(crate) async fn selectors_match_their_templates_and_stay(subject: &Subject) {
    let path = subject.grouped("apps/v1", "deployments");
    let mut wrong = deployment("a");
    wrong["spec"]["template"]["metadata"]["labels"]["app"] = "b".into();
    let reply = subject.post(&path, &wrong).await;
    assert_eq!(invalid_fields(&reply), ["spec.template.metadata.labels"]);
    subject.post(&path, &deployment("a")).await.expect(201);
    let labels = json!({"app": "b"});
    let patch =
        json!({"spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}});
    let reply = subject.patch(&format!("{path}/a"), "merge-patch+json", &patch).await;
    assert!(reply.refused(422, "Invalid").contains("field is immutable"));
    let mut recreated = deployment("b");
    recreated["spec"]["strategy"] = json!({"type": "Recreate", "rollingUpdate": {"maxSurge": 1}});
    assert_eq!(invalid_fields(&subject.post(&path, &recreated).await), ["spec.strategy.rollingUpdate"]);
}

pub(crate) async fn services_get_addresses_and_ports_of_their_range(subject: &Subject) {
    let path = subject.core("services");
    let made = subject.post(&path, &service("plain")).await.expect(201);
    assert_eq!(made["spec"]["type"], "ClusterIP");
    assert!(made["spec"]["clusterIP"].as_str().is_some_and(|address| !address.is_empty()), "{made}");
    assert_eq!(made["spec"]["ports"][0]["targetPort"], 80);
    let mut body = service("open");
    body["spec"]["type"] = "NodePort".into();
    let made = subject.post(&path, &body).await.expect(201);
    let port = made["spec"]["ports"][0]["nodePort"].as_i64().unwrap();
    assert!((30000..=32767).contains(&port), "{port}");
    body["metadata"]["name"] = "taken".into();
    body["spec"]["ports"][0]["nodePort"] = port.into();
    let message = subject.post(&path, &body).await.refused(422, "Invalid");
    assert!(message.contains("provided port is already allocated"), "{message}");
    body["spec"]["ports"][0]["nodePort"] = 80.into();
    let message = subject.post(&path, &body).await.refused(422, "Invalid");
    assert!(message.contains("The range of valid ports is 30000-32767"), "{message}");
    let mut unnamed = service("unnamed");
    unnamed["spec"]["ports"] = json!([{"port": 1}, {"port": 2}]);
    let reply = subject.post(&path, &unnamed).await;
    assert_eq!(invalid_fields(&reply), ["spec.ports[0].name", "spec.ports[1].name"]);
}

pub(crate) async fn cluster_addresses_stay(subject: &Subject) {
    let made = subject.post(&subject.core("services"), &service("a")).await.expect(201);
    let path = subject.core("services/a");
    let kept = subject.put(&path, &service("a")).await.expect(200);
    assert_eq!(kept["spec"]["clusterIP"], made["spec"]["clusterIP"]);
    let patch = json!({"spec": {"clusterIP": "None", "clusterIPs": ["None"]}});
    let reply = subject.patch(&path, "merge-patch+json", &patch).await;
    assert!(reply.refused(422, "Invalid").contains("spec.clusterIP"));
}

pub(crate) async fn secrets_take_text_and_keep_their_word(subject: &Subject) {
    let path = subject.core("secrets");
    let body = json!({"metadata": {"name": "a"}, "stringData": {"key": "value"}, "immutable": true});
    let made = subject.post(&path, &body).await.expect(201);
    assert_eq!((made["type"].as_str(), &made["data"]), (Some("Opaque"), &json!({"key": "dmFsdWU="})));
    assert_eq!(made.get("stringData"), None);
    let patch = json!({"data": {"key": "b3RoZXI="}});
    let reply = subject.patch(&format!("{path}/a"), "merge-patch+json", &patch).await;
    assert_eq!(invalid_fields(&reply), ["data"]);
    let broken = json!({"metadata": {"name": "b"}, "data": {"key": "not base64!"}});
    subject.post(&path, &broken).await.refused(400, "BadRequest");
    let lacking = json!({"metadata": {"name": "b"}, "type": "kubernetes.io/tls", "data": {"tls.crt": ""}});
    assert_eq!(invalid_fields(&subject.post(&path, &lacking).await), ["data[tls.key]"]);
}

pub(crate) async fn claims_need_a_size_and_stay(subject: &Subject) {
    let path = subject.core("persistentvolumeclaims");
    let body = json!({"metadata": {"name": "a"}, "spec": {
        "storageClassName": "no-such-class", "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1024Mi"}}}});
    let made = subject.post(&path, &body).await.expect(201);
    assert_eq!(made["spec"]["resources"]["requests"]["storage"], "1Gi");
    assert_eq!(made["status"]["phase"], "Pending");
    let patch = json!({"spec": {"storageClassName": "another"}});
    let reply = subject.patch(&format!("{path}/a"), "merge-patch+json", &patch).await;
    assert!(reply.refused(422, "Invalid").contains("spec is immutable after creation"));
    let empty = json!({"metadata": {"name": "b"}, "spec": {}});
    let fields = invalid_fields(&subject.post(&path, &empty).await);
    assert!(fields.contains(&"spec.accessModes".to_owned()), "{fields:?}");
    assert!(fields.iter().any(|field| field.starts_with("spec.resources")), "{fields:?}");
    let mut nonsense = body.clone();
    nonsense["metadata"]["name"] = "c".into();
    nonsense["spec"]["resources"]["requests"]["storage"] = "much".into();
    subject.post(&path, &nonsense).await.refused(400, "BadRequest");
}

pub(crate) async fn containers_need_names_images_and_known_volumes(subject: &Subject) {
    let path = subject.grouped("apps/v1", "deployments");
    let with = |container: Value| {
        let mut body = deployment("a");
        body["spec"]["template"]["spec"]["containers"] = json!([container]);
        body
    };
    const AT: &str = "spec.template.spec.containers[0]";
    for (container, field) in [
        (json!({"image": "a"}), "name"),
        (json!({"name": "a"}), "image"),
        (
            json!({"name": "a", "image": "a", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}),
            "volumeMounts[0].name",
        ),
        (json!({"name": "a", "image": "a", "env": [{"name": ""}]}), "env[0].name"),
        (json!({"name": "a", "image": "a", "ports": [{"containerPort": 70000}]}), "ports[0].containerPort"),
        (json!({"name": "a", "image": "a", "livenessProbe": {}}), "livenessProbe"),
        (
            json!({"name": "a", "image": "a", "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}),
            "resources.requests",
        ),
    ] {
        let reply = subject.post(&path, &with(container)).await;
        assert_eq!(invalid_fields(&reply), [format!("{AT}.{field}")]);
    }
}

pub(crate) async fn jobs_and_budgets_and_ingresses_keep_their_rules(subject: &Subject) {
    let template = json!({"spec": {"containers": [{"name": "a", "image": "b"}]}});
    let job = json!({"metadata": {"name": "a"}, "spec": {"suspend": true, "template": template}});
    let path = subject.grouped("batch/v1", "jobs");
    let reply = subject.post(&path, &job).await;
    assert_eq!(invalid_fields(&reply), ["spec.template.spec.restartPolicy"]);
    let mut valid = job.clone();
    valid["spec"]["template"]["spec"]["restartPolicy"] = "Never".into();
    let made = subject.post(&path, &valid).await.expect(201);
    let uid = made["metadata"]["uid"].as_str().unwrap();
    assert_eq!(made["spec"]["selector"]["matchLabels"]["batch.kubernetes.io/controller-uid"], uid);
    let budget = json!({"metadata": {"name": "a"}, "spec": {"minAvailable": 1, "maxUnavailable": 1}});
    let reply = subject.post(&subject.grouped("policy/v1", "poddisruptionbudgets"), &budget).await;
    assert_eq!(invalid_fields(&reply), ["spec"]);
    let backend = json!({"service": {"name": "s", "port": {"number": 80}}});
    let ingress = json!({"metadata": {"name": "a"}, "spec": {"rules": [
        {"http": {"paths": [{"path": "/", "backend": backend}]}}]}});
    let reply = subject.post(&subject.grouped("networking.k8s.io/v1", "ingresses"), &ingress).await;
    assert_eq!(invalid_fields(&reply), ["spec.rules[0].http.paths[0].pathType"]);
}

pub(crate) async fn pod_security_warns_as_its_labels_say(subject: &Subject) {
    let labels = json!({"metadata": {"labels": {"pod-security.kubernetes.io/warn": "baseline"}}});
    let namespace = format!("/api/v1/namespaces/{}", subject.namespace);
    subject.patch(&namespace, "merge-patch+json", &labels).await.expect(200);
    let mut body = deployment("a");
    body["spec"]["template"]["spec"]["containers"][0]["ports"] =
        json!([{"containerPort": 80, "hostPort": 5001}]);
    let path = format!("{}?dryRun=All", subject.grouped("apps/v1", "deployments"));
    let warning = eventually_warned(subject, &path, &body).await;
    assert!(warning.contains("would violate PodSecurity"), "{warning}");
    assert!(warning.contains("uses hostPort 5001"), "{warning}");
}

/// The warning that posting a body brings: servers learn of a namespace's new labels a moment later.
async fn eventually_warned(subject: &Subject, path: &str, body: &Value) -> String {
    for _ in 0..100 {
        let reply = subject.post(path, body).await;
        reply.expect(201);
        if let Some(warning) = reply.headers.get("warning") {
            return warning.to_str().unwrap_or_default().to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    String::new()
}
