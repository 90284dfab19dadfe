//! Controllers, scheduler and kubelets.

use http::Method;
use serde_json::{Value, json};

use super::world::{CLAIMS, DEPLOYMENTS, PODS, SERVICES, World, claim, template, workload};
use crate::kubernetes::{CloudEffect, ImageBehaviour};

fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let conditions =
        object["status"]["conditions"].as_array().unwrap_or_else(|| panic!("{object} has no conditions"));
    conditions.iter().find(|one| one["type"] == kind).unwrap_or_else(|| panic!("no {kind} in {object}"))
}

#[test]
fn a_deployment_is_ready_when_its_pods_have_started() {
    let mut world = World::new(1);
    world.post(DEPLOYMENTS, &workload("a", 2));
    world.pass(19);
    let early = world.get(&format!("{DEPLOYMENTS}/a"));
    assert_eq!(early["status"]["unavailableReplicas"], 2);
    assert_eq!(early["status"].get("readyReplicas"), None);
    world.pass(1);
    let ready = world.get(&format!("{DEPLOYMENTS}/a"));
    assert_eq!(ready["status"]["readyReplicas"], 2);
    assert_eq!(condition(&ready, "Available")["status"], "True");
    assert_eq!(condition(&ready, "Progressing")["reason"], "NewReplicaSetAvailable");
    assert_eq!(ready["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "1");
}

#[test]
fn a_rolling_update_keeps_enough_pods_available() {
    let mut world = World::new(2);
    world.post(DEPLOYMENTS, &workload("a", 4));
    world.pass(20);
    world.merge(&format!("{DEPLOYMENTS}/a"), &json!({"spec": {"template": template("a", "image:2")}}));
    for _ in 0..120 {
        world.pass(1);
        let deployment = world.get(&format!("{DEPLOYMENTS}/a"));
        assert!(deployment["status"]["availableReplicas"].as_i64() >= Some(3), "{}", deployment["status"]);
    }
    let pods = world.get(PODS);
    let images: Vec<&Value> =
        pods["items"].as_array().unwrap().iter().map(|pod| &pod["spec"]["containers"][0]["image"]).collect();
    assert_eq!(images, ["image:2"; 4]);
    assert_eq!(world.names("/apis/apps/v1/replicasets").len(), 2);
}

#[test]
fn what_is_recreated_stops_before_it_starts_anew() {
    let mut world = World::new(1);
    let mut body = workload("a", 1);
    body["spec"]["strategy"] = json!({"type": "Recreate"});
    world.post(DEPLOYMENTS, &body);
    world.pass(20);
    world.merge(&format!("{DEPLOYMENTS}/a"), &json!({"spec": {"template": template("a", "image:2")}}));
    world.pass(1);
    let old = world.first(PODS);
    assert_eq!(old["spec"]["containers"][0]["image"], "image:1");
    assert!(old["metadata"]["deletionTimestamp"].is_string());
    world.pass(2);
    let new = world.first(PODS);
    assert_eq!(
        (new["spec"]["containers"][0]["image"].as_str(), world.names(PODS).len()),
        (Some("image:2"), 1)
    );
}

#[test]
fn a_rollout_that_stands_still_exceeds_its_deadline() {
    let mut world = World::with_images(1, &[("bad", ImageBehaviour::CannotPull)]);
    let mut body = workload("a", 1);
    body["spec"]["template"] = template("a", "bad:1");
    body["spec"]["progressDeadlineSeconds"] = 60.into();
    world.post(DEPLOYMENTS, &body);
    world.pass(15);
    let pod = world.first(PODS);
    assert_eq!(pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"], "ImagePullBackOff");
    world.pass(60);
    let deployment = world.get(&format!("{DEPLOYMENTS}/a"));
    let progressing = condition(&deployment, "Progressing");
    assert_eq!(
        (progressing["status"].as_str(), progressing["reason"].as_str()),
        (Some("False"), Some("ProgressDeadlineExceeded"))
    );
}

#[test]
fn a_container_that_crashes_backs_off_and_restarts() {
    let mut world = World::with_images(1, &[("crash", ImageBehaviour::Crashes)]);
    let mut body = workload("a", 1);
    body["spec"]["template"] = template("a", "crash:1");
    world.post(DEPLOYMENTS, &body);
    world.pass(25);
    let status = world.first(PODS)["status"]["containerStatuses"][0].clone();
    assert_eq!(status["state"]["waiting"]["reason"], "CrashLoopBackOff");
    assert_eq!(status["lastState"]["terminated"]["exitCode"], 1);
    world.pass(120);
    assert!(world.first(PODS)["status"]["containerStatuses"][0]["restartCount"].as_i64() >= Some(2));
}

#[test]
fn a_pod_follows_how_its_image_is_told_to_behave() {
    let mut world = World::with_images(1, &[("image", ImageBehaviour::NeverReady)]);
    world.post(DEPLOYMENTS, &workload("a", 1));
    world.pass(60);
    let pod = world.first(PODS);
    assert_eq!(
        (pod["status"]["phase"].as_str(), condition(&pod, "Ready")["status"].as_str()),
        (Some("Running"), Some("False"))
    );
    world.cluster.configure(world.cluster.shape().times, std::collections::BTreeMap::new());
    world.pass(0);
    assert_eq!(condition(&world.first(PODS), "Ready")["status"], "True");
}

#[test]
fn pods_with_one_host_port_go_to_different_workers() {
    let mut world = World::new(2);
    let mut body = workload("a", 3);
    body["spec"]["template"]["spec"]["containers"][0]["ports"] =
        json!([{"containerPort": 5001, "hostPort": 5001}]);
    world.post(DEPLOYMENTS, &body);
    world.pass(1);
    let pods = world.get(PODS)["items"].as_array().unwrap().clone();
    let mut nodes: Vec<&str> = pods.iter().filter_map(|pod| pod["spec"]["nodeName"].as_str()).collect();
    nodes.sort_unstable();
    assert_eq!(nodes, ["worker-1", "worker-2"]);
    let waiting = pods.iter().find(|pod| pod["spec"].get("nodeName").is_none()).unwrap();
    assert_eq!(condition(waiting, "PodScheduled")["reason"], "Unschedulable");
    assert_eq!(
        condition(waiting, "PodScheduled")["message"],
        "0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports. preemption: 0/2 nodes \
         are available: 2 No preemption victims found for incoming pod."
    );
    world.cluster.set_workers((1..=3).map(super::world::worker).collect(), world.now);
    world.pass(1);
    let pods = world.get(PODS)["items"].as_array().unwrap().clone();
    assert!(pods.iter().all(|pod| pod["spec"]["nodeName"].is_string()), "the new worker takes the third");
}

#[test]
fn a_pod_that_asks_for_too_much_waits() {
    let mut world = World::new(1);
    let mut body = workload("a", 1);
    body["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "5"}});
    body["spec"]["template"]["spec"]["nodeSelector"] = json!({"kubernetes.io/hostname": "worker-1"});
    world.post(DEPLOYMENTS, &body);
    world.pass(1);
    let message = condition(&world.first(PODS), "PodScheduled")["message"].clone();
    assert!(
        message.as_str().unwrap().starts_with("0/1 nodes are available: 1 Insufficient cpu."),
        "{message}"
    );
}

#[test]
fn a_claim_binds_when_a_pod_uses_it_and_gives_its_disk_back() {
    let mut world = World::new(1);
    world.post(CLAIMS, &claim("data"));
    world.pass(30);
    assert_eq!(world.get(&format!("{CLAIMS}/data"))["status"]["phase"], "Pending");
    assert_eq!(world.get(&format!("{CLAIMS}/data"))["spec"]["storageClassName"], "standard-rwo");
    let mut body = workload("a", 1);
    body["spec"]["template"]["spec"]["volumes"] =
        json!([{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]);
    world.post(DEPLOYMENTS, &body);
    world.pass(2);
    let bound = world.get(&format!("{CLAIMS}/data"));
    assert_eq!(bound["status"]["phase"], "Bound");
    let effects = world.cluster.take_effects();
    let [CloudEffect::DiskWanted { volume, size_bytes, disk_type, .. }] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!(
        (bound["spec"]["volumeName"].as_str(), *size_bytes, disk_type.as_str()),
        (Some(volume.as_str()), 1 << 30, "pd-balanced")
    );
    world.delete(&format!("{CLAIMS}/data"));
    world.pass(1);
    assert!(
        world.get(&format!("{CLAIMS}/data"))["metadata"]["deletionTimestamp"].is_string(),
        "a pod still uses it"
    );
    world.delete(&format!("{DEPLOYMENTS}/a"));
    world.pass(5);
    assert!(world.names(CLAIMS).is_empty() && world.names("/api/v1/persistentvolumes").is_empty());
    assert_eq!(world.cluster.take_effects(), [CloudEffect::DiskReleased { volume: volume.clone() }]);
}

#[test]
fn a_pod_starts_once_what_it_needs_is_there() {
    let mut world = World::new(1);
    let mut body = workload("a", 1);
    body["spec"]["template"]["spec"]["volumes"] = json!([{"name": "c", "configMap": {"name": "late"}}]);
    world.post(DEPLOYMENTS, &body);
    world.pass(60);
    assert_eq!(world.first(PODS)["status"]["phase"], "Pending");
    world.post("/api/v1/namespaces/default/configmaps", &json!({"metadata": {"name": "late"}}));
    world.pass(0);
    assert_eq!(world.first(PODS)["status"]["phase"], "Running");
}

#[test]
fn jobs_complete_and_fail_by_their_images() {
    let mut world = World::with_images(1, &[("broken", ImageBehaviour::Fails)]);
    for (name, image) in [("good", "image:1"), ("bad", "broken:1")] {
        let mut spec = json!({"backoffLimit": 1, "template": template(name, image)});
        spec["template"]["spec"]["restartPolicy"] = "Never".into();
        world.post(
            "/apis/batch/v1/namespaces/default/jobs",
            &json!({"metadata": {"name": name}, "spec": spec}),
        );
    }
    world.pass(120);
    let good = world.get("/apis/batch/v1/namespaces/default/jobs/good");
    assert_eq!(
        (good["status"]["succeeded"].as_i64(), condition(&good, "Complete")["status"].as_str()),
        (Some(1), Some("True"))
    );
    let bad = world.get("/apis/batch/v1/namespaces/default/jobs/bad");
    assert_eq!(condition(&bad, "Failed")["reason"], "BackoffLimitExceeded");
    assert_eq!(bad["status"]["failed"], 2);
}

#[test]
fn a_stateful_set_starts_in_order_with_claims_of_its_own() {
    let mut world = World::new(1);
    let mut body = workload("db", 2);
    body["spec"]["serviceName"] = "db".into();
    body["spec"]["volumeClaimTemplates"] = json!([claim("data")]);
    world.post("/apis/apps/v1/namespaces/default/statefulsets", &body);
    world.pass(10);
    assert_eq!(world.names(PODS), ["db-0"]);
    world.pass(60);
    assert_eq!(world.names(PODS), ["db-0", "db-1"]);
    assert_eq!(world.names(CLAIMS), ["data-db-0", "data-db-1"]);
    let set = world.get("/apis/apps/v1/namespaces/default/statefulsets/db");
    assert_eq!(
        (set["status"]["readyReplicas"].as_i64(), set["status"]["updatedReplicas"].as_i64()),
        (Some(2), Some(2))
    );
    world.merge(
        "/apis/apps/v1/namespaces/default/statefulsets/db",
        &json!({"spec": {"template": template("db", "image:2")}}),
    );
    world.pass(120);
    let pods = world.get(PODS);
    assert!(
        pods["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|pod| pod["spec"]["containers"][0]["image"] == "image:2")
    );
}

#[test]
fn a_daemon_set_runs_on_every_worker() {
    let mut world = World::new(3);
    let mut body = workload("agent", 1);
    body["spec"].as_object_mut().unwrap().remove("replicas");
    world.post("/apis/apps/v1/namespaces/default/daemonsets", &body);
    world.pass(25);
    let set = world.get("/apis/apps/v1/namespaces/default/daemonsets/agent");
    assert_eq!(
        (set["status"]["desiredNumberScheduled"].as_i64(), set["status"]["numberReady"].as_i64()),
        (Some(3), Some(3))
    );
    world.cluster.set_workers((1..=2).map(super::world::worker).collect(), world.now);
    world.pass(25);
    assert_eq!(world.names(PODS).len(), 2);
}

#[test]
fn deleting_an_owner_takes_what_it_owns_as_asked() {
    for (policy, left) in [("Background", 0), ("Foreground", 0), ("Orphan", 1)] {
        let mut world = World::new(1);
        world.post(DEPLOYMENTS, &workload("a", 1));
        world.pass(20);
        world.delete(&format!("{DEPLOYMENTS}/a?propagationPolicy={policy}"));
        world.pass(10);
        assert!(world.names(DEPLOYMENTS).is_empty(), "{policy}");
        assert_eq!(world.names(PODS).len(), left, "{policy}");
        assert_eq!(world.names("/apis/apps/v1/replicasets").len(), left, "{policy}");
    }
}

#[test]
fn a_namespace_goes_away_with_all_that_is_in_it() {
    let mut world = World::new(1);
    world.post("/api/v1/namespaces", &json!({"metadata": {"name": "net"}}));
    world.pass(0);
    assert_eq!(world.names("/api/v1/namespaces/net/serviceaccounts"), ["default"]);
    world.post("/apis/apps/v1/namespaces/net/deployments", &workload("a", 1));
    world.post("/api/v1/namespaces/net/persistentvolumeclaims", &claim("data"));
    world.pass(20);
    assert!(!world.cluster.inventory().is_empty());
    world.delete("/api/v1/namespaces/net");
    world.pass(1);
    let going = world.get("/api/v1/namespaces/net");
    assert_eq!(condition(&going, "NamespaceContentRemaining")["status"], "True");
    world.pass(10);
    assert_eq!(world.cluster.inventory(), std::collections::BTreeMap::new());
    assert_eq!(world.get("/api/v1/namespaces/net")["reason"], "NotFound");
}

#[test]
fn a_load_balancer_is_wanted_addressed_and_released() {
    let mut world = World::new(1);
    let made = world.post(
        SERVICES,
        &json!({"metadata": {"name": "web"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}),
    );
    world.pass(0);
    let uid = made["metadata"]["uid"].as_str().unwrap();
    let effects = world.cluster.take_effects();
    let [CloudEffect::LoadBalancerWanted { service_uid, ports, .. }] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!((service_uid.as_str(), ports[0].port), (uid, 80));
    world.cluster.set_load_balancer_address(uid, "203.0.113.7");
    assert_eq!(
        world.get(&format!("{SERVICES}/web"))["status"]["loadBalancer"]["ingress"][0]["ip"],
        "203.0.113.7"
    );
    world.pass(1);
    assert!(world.cluster.take_effects().is_empty(), "it is wanted once");
    world.delete(&format!("{SERVICES}/web"));
    world.pass(1);
    assert_eq!(world.names(SERVICES), ["kubernetes"]);
    let effects = world.cluster.take_effects();
    assert!(matches!(effects.as_slice(), [CloudEffect::LoadBalancerReleased { .. }]), "{effects:?}");
}

#[test]
fn an_ingress_has_the_address_of_its_controller() {
    let mut world = World::new(1);
    let labels = json!({"app.kubernetes.io/instance": "nginx", "app.kubernetes.io/component": "controller"});
    world.post("/apis/networking.k8s.io/v1/ingressclasses", &json!({"metadata": {"name": "nginx", "labels": labels}, "spec": {"controller": "k8s.io/ingress-nginx"}}));
    let service = json!({"metadata": {"name": "controller", "labels": labels}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}});
    let uid = world.post(SERVICES, &service)["metadata"]["uid"].as_str().unwrap().to_owned();
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    world.post("/apis/networking.k8s.io/v1/namespaces/default/ingresses", &json!({"metadata": {"name": "web"}, "spec": {
        "ingressClassName": "nginx", "rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]}}));
    world.cluster.set_load_balancer_address(&uid, "203.0.113.7");
    world.pass(0);
    let ingress = world.first("/apis/networking.k8s.io/v1/ingresses");
    assert_eq!(ingress["status"]["loadBalancer"]["ingress"][0]["ip"], "203.0.113.7");
}

#[test]
fn a_namespace_that_enforces_baseline_takes_no_host_ports() {
    let mut world = World::new(1);
    world.merge(
        "/api/v1/namespaces/default",
        &json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}}),
    );
    let mut body = workload("a", 1);
    body["spec"]["template"]["spec"]["containers"][0]["ports"] =
        json!([{"containerPort": 1, "hostPort": 5001}]);
    world.post(DEPLOYMENTS, &body);
    world.pass(1);
    assert!(world.names(PODS).is_empty());
    let deployment = world.get(&format!("{DEPLOYMENTS}/a"));
    let message = condition(&deployment, "ReplicaFailure")["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains(
            "violates PodSecurity \"baseline:latest\": hostPort (container \"main\" uses hostPort 5001)"
        ),
        "{message}"
    );
}

#[test]
fn a_budget_keeps_a_pod_from_being_evicted() {
    let mut world = World::new(1);
    world.post(DEPLOYMENTS, &workload("a", 1));
    world.post(
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
        &json!({"metadata": {"name": "b"}, "spec": {
        "maxUnavailable": 0, "selector": {"matchLabels": {"app": "a"}}}}),
    );
    world.pass(20);
    let pod = world.names(PODS).remove(0);
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}});
    let (status, answer) =
        world.ask(Method::POST, &format!("{PODS}/{pod}/eviction"), "application/json", &eviction);
    assert_eq!((status, answer["reason"].as_str()), (429, Some("TooManyRequests")));
    world.merge(
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets/b",
        &json!({"spec": {"maxUnavailable": 1}}),
    );
    world.pass(0);
    let (status, _) =
        world.ask(Method::POST, &format!("{PODS}/{pod}/eviction"), "application/json", &eviction);
    assert_eq!(status, 201);
}

#[test]
fn endpoints_follow_the_ready_pods_of_a_service() {
    let mut world = World::new(1);
    world.post(SERVICES, &json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "a"}, "ports": [{"port": 80, "targetPort": "http"}]}}));
    let mut body = workload("a", 1);
    body["spec"]["template"]["spec"]["containers"][0]["ports"] =
        json!([{"containerPort": 8080, "name": "http"}]);
    world.post(DEPLOYMENTS, &body);
    world.pass(20);
    let slice = world.first("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices");
    let pod = world.first(PODS);
    assert_eq!(slice["ports"][0]["port"], 8080);
    assert_eq!(slice["endpoints"][0]["addresses"][0], pod["status"]["podIP"]);
    assert_eq!(slice["endpoints"][0]["conditions"]["ready"], true);
    let backend = world.cluster.service_backend("default", "web", 80).unwrap();
    assert_eq!((backend.image.as_str(), backend.port), ("image:1", 8080));
    world.delete(&format!("{DEPLOYMENTS}/a"));
    world.pass(5);
    let slice = world.first("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices");
    assert_eq!(slice["endpoints"], json!([]));
    assert_eq!(world.cluster.service_backend("default", "web", 80), None);
}

#[test]
fn a_backend_knows_what_its_container_was_given() {
    let mut world = World::new(1);
    world.post(
        "/api/v1/namespaces/default/configmaps",
        &json!({"metadata": {"name": "c"}, "data": {"a.json": "{}"}}),
    );
    world.post(
        "/api/v1/namespaces/default/secrets",
        &json!({"metadata": {"name": "s"}, "stringData": {"word": "open"}}),
    );
    let container = json!({
        "name": "main", "image": "image:1", "args": ["--word=$(WORD)", "--name=$(NAME)"],
        "env": [
            {"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "word"}}},
            {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "volumeMounts": [{"name": "c", "mountPath": "/etc/config"}],
    });
    world.post(
        PODS,
        &json!({"metadata": {"name": "p"}, "spec": {
        "containers": [container], "volumes": [{"name": "c", "configMap": {"name": "c"}}]}}),
    );
    assert_eq!(world.cluster.pod_backend("default", "p", 80), None, "it does not run yet");
    world.pass(20);
    let backend = world.cluster.pod_backend("default", "p", 80).unwrap();
    assert_eq!(backend.arguments, ["--word=open", "--name=p"]);
    assert_eq!(backend.files["/etc/config/a.json"], b"{}");
}

#[test]
fn logs_are_told_once_a_container_has_started() {
    let mut world = World::new(1);
    world.post(
        PODS,
        &json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "main", "image": "image:1"}]}}),
    );
    world.pass(1);
    let (status, answer) = world.ask(Method::GET, &format!("{PODS}/p/log"), "application/json", &Value::Null);
    assert_eq!(
        (status, answer["message"].as_str()),
        (400, Some("container \"main\" in pod \"p\" is waiting to start: ContainerCreating"))
    );
    world.pass(20);
    world.cluster.set_pod_log("default", "p", "main", ["one", "two", "three"].map(str::to_owned).to_vec());
    assert_eq!(world.get(&format!("{PODS}/p/log?tailLines=2")), json!("two\nthree\n"));
    let (status, _) =
        world.ask(Method::GET, &format!("{PODS}/p/log?container=other"), "application/json", &Value::Null);
    assert_eq!(status, 400);
}
