use serde_json::json;

use super::*;

fn pending(verdict: Verdict) -> String {
    match verdict {
        Verdict::Pending(why) => why,
        other => panic!("{other:?}"),
    }
}

fn deployment_with(replicas: i64, strategy: Value, status: Value) -> Value {
    let mut deployment = json!({
        "kind": "Deployment", "metadata": {"generation": 2},
        "spec": {"replicas": replicas, "strategy": strategy}, "status": status,
    });
    deployment["status"]["observedGeneration"] = json!(2);
    deployment
}

#[test]
fn a_deployment_is_ready_with_all_but_the_pods_that_may_be_unavailable() {
    let status = |updated: i64, ready: i64| json!({"replicas": updated, "updatedReplicas": updated, "readyReplicas": ready});
    let judge = |replicas, status| of_release_object(&deployment_with(replicas, json!({}), status), false);
    assert_eq!(judge(1, status(1, 1)), Verdict::Ready);
    assert_eq!(pending(judge(1, status(1, 0))), "0 of 1 updated pods are ready");
    assert_eq!(judge(4, status(4, 3)), Verdict::Ready, "25 % of four may be unavailable");
    assert_eq!(pending(judge(4, status(4, 2))), "2 of 4 updated pods are ready");
}

#[test]
fn ready_pods_of_the_old_revision_do_not_count() {
    let status = json!({"replicas": 3, "updatedReplicas": 1, "readyReplicas": 2});
    let recreate = json!({"type": "Recreate"});
    assert_eq!(
        pending(of_release_object(&deployment_with(2, recreate, status), false)),
        "0 of 2 updated pods are ready"
    );
}

#[test]
fn what_its_controller_has_not_seen_is_not_ready() {
    let mut deployment = deployment_with(0, json!({}), json!({}));
    assert_eq!(of_release_object(&deployment, false), Verdict::Ready);
    deployment["metadata"]["generation"] = json!(3);
    assert_eq!(pending(of_release_object(&deployment, false)), "its controller has not seen it yet");
}

#[test]
fn a_stateful_set_is_ready_when_all_pods_are_updated_and_ready() {
    let set = |updated: i64, ready: i64, revision: &str| {
        json!({
            "kind": "StatefulSet", "spec": {"replicas": 2},
            "status": {
                "updatedReplicas": updated, "readyReplicas": ready, "currentRevision": revision, "updateRevision": "b",
            },
        })
    };
    assert_eq!(of_release_object(&set(2, 2, "b"), false), Verdict::Ready);
    assert_eq!(pending(of_release_object(&set(1, 2, "b"), false)), "1 of 2 pods are updated");
    assert_eq!(pending(of_release_object(&set(2, 1, "b"), false)), "1 of 2 pods are ready");
    assert_eq!(pending(of_release_object(&set(2, 2, "a"), false)), "its update is not complete");
}

#[test]
fn a_daemon_set_may_have_one_pod_that_is_not_ready() {
    let set = |ready: i64| {
        json!({
            "kind": "DaemonSet",
            "status": {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberReady": ready},
        })
    };
    assert_eq!(of_release_object(&set(2), false), Verdict::Ready);
    assert_eq!(pending(of_release_object(&set(1), false)), "1 of 3 pods are ready");
}

#[test]
fn a_load_balancer_needs_an_address_and_a_claim_a_volume() {
    let service = json!({"kind": "Service", "spec": {"type": "LoadBalancer", "clusterIP": "10.0.0.1"}});
    assert_eq!(pending(of_release_object(&service, false)), "the load balancer has no address yet");
    let headless = json!({"kind": "Service", "spec": {"clusterIP": "None"}});
    assert_eq!(of_release_object(&headless, false), Verdict::Ready);
    assert_eq!(
        pending(of_release_object(&json!({"kind": "PersistentVolumeClaim"}), false)),
        "the claim is Pending"
    );
}

#[test]
fn jobs_of_a_release_count_only_when_asked_for() {
    let job = json!({"kind": "Job", "spec": {"backoffLimit": 0}, "status": {"failed": 1}});
    assert_eq!(of_release_object(&job, false), Verdict::Ready);
    assert_eq!(of_release_object(&job, true), Verdict::Failed("1 of its pods failed".to_owned()));
}

#[test]
fn a_hook_job_ends_by_its_conditions() {
    let job = |kind: &str, reason: &str| {
        json!({
            "kind": "Job", "metadata": {"name": "j"},
            "status": {"conditions": [{"type": kind, "status": "True", "reason": reason}]},
        })
    };
    assert_eq!(of_hook(&job("Complete", "")), Verdict::Ready);
    assert_eq!(
        of_hook(&job("Failed", "BackoffLimitExceeded")),
        Verdict::Failed("job j failed: BackoffLimitExceeded".to_owned())
    );
    assert!(matches!(of_hook(&json!({"kind": "Job"})), Verdict::Pending(_)));
    assert_eq!(of_gone_hook(&json!({"kind": "Job", "spec": {"ttlSecondsAfterFinished": 0}})), Verdict::Ready);
    assert!(matches!(of_gone_hook(&json!({"kind": "Job", "spec": {}})), Verdict::Failed(_)));
    assert_eq!(of_hook(&json!({"kind": "ConfigMap"})), Verdict::Ready);
}

#[test]
fn a_pod_says_why_it_does_not_run() {
    let pod = json!({
        "kind": "Pod", "status": {"phase": "Pending", "containerStatuses": [
            {"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff"}}},
        ]},
    });
    assert_eq!(pending(of_release_object(&pod, false)), "container c waits: ImagePullBackOff");
    assert_eq!(pending(of_hook(&pod)), "container c waits: ImagePullBackOff");
}

#[test]
fn every_kind_that_can_be_unready_is_waited_for() {
    for kind in ["Deployment", "DaemonSet", "StatefulSet", "Pod", "Service", "PersistentVolumeClaim"] {
        assert!(takes_time(kind, false), "{kind}");
    }
    assert!(takes_time("Job", true) && !takes_time("Job", false));
    assert!(!takes_time("ConfigMap", true));
}
