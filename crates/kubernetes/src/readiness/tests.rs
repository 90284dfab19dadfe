use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const START: &str = "2026-01-01T00:00:00Z";

fn at(seconds: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn deployment(digest: &str) -> Deployment {
    serde_json::from_value(json!({
        "metadata": { "name": "miner-1", "generation": 2 },
        "spec": { "replicas": 1, "template": { "metadata": { "annotations": { "spacecraft.io/template-digest": digest } } } },
        "status": { "observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1 },
    }))
    .unwrap()
}

fn pod(name: &str, digest: &str, status: Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": {
            "name": name, "labels": { "name": "miner-1" }, "creationTimestamp": START,
            "annotations": { "spacecraft.io/template-digest": digest },
        },
        "spec": { "nodeName": "worker-1" },
        "status": status,
    }))
    .unwrap()
}

fn ready() -> Value {
    json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] })
}

fn waiting(reason: &str, restarts: u32) -> Value {
    json!({ "phase": "Pending", "containerStatuses": [{
        "name": "miner", "restartCount": restarts,
        "state": { "waiting": { "reason": reason, "message": "details" } },
    }] })
}

fn unschedulable() -> Value {
    json!({ "phase": "Pending", "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/3 nodes are available: 3 Insufficient cpu.",
    }] })
}

/// The verdict after the same state was seen at `seconds` one after the other.
fn judged(pods: &[Pod], seconds: &[i64], pool_is_full: bool) -> Verdict {
    let mut troubles = Troubles::default();
    let mut verdict = Verdict::Pending(String::new());
    for second in seconds {
        let circumstances = Circumstances { now: at(*second), pool_is_full };
        verdict = judge(Some(&deployment("new")), pods.iter(), &mut troubles, circumstances);
    }
    verdict
}

fn hopeless(verdict: Verdict) -> Hopeless {
    match verdict {
        Verdict::Hopeless(hopeless) => hopeless,
        other => panic!("{other:?}"),
    }
}

fn pending(verdict: Verdict) -> String {
    match verdict {
        Verdict::Pending(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_container_in_trouble_is_the_reason_and_not_one_that_waits_its_turn() {
    let waits = json!({ "name": "copy-keys", "state": { "waiting": { "reason": "PodInitializing" } } });
    for trouble in ["ImagePullBackOff", "CrashLoopBackOff"] {
        let miner = json!({ "name": "miner", "state": { "waiting": { "reason": trouble } } });
        let pod = pod("a", "new", json!({ "initContainerStatuses": [waits], "containerStatuses": [miner] }));
        assert_eq!(reason(&pod), format!("container miner: {trouble}"));
    }
}

#[test]
fn what_holds_a_pod_up_is_the_container_that_fails_and_not_one_that_is_done() {
    let done =
        json!({ "name": "copy-keys", "state": { "terminated": { "exitCode": 0, "reason": "Completed" } } });
    let with = |miner: Value| {
        pod("a", "new", json!({ "initContainerStatuses": [done], "containerStatuses": [miner] }))
    };
    let crashed = json!({ "name": "miner", "restartCount": 1, "state": { "waiting": { "reason": "CrashLoopBackOff" } } });
    let running = json!({ "name": "miner", "state": { "running": {} } });
    for miner in [crashed, running] {
        assert_eq!(holding_up(&with(miner)).unwrap().name, "miner");
    }
    let fetching = json!({ "name": "copy-keys", "state": { "running": {} } });
    let begun = json!({ "name": "miner", "state": { "waiting": { "reason": "PodInitializing" } } });
    let pod = pod("a", "new", json!({ "initContainerStatuses": [fetching], "containerStatuses": [begun] }));
    assert_eq!(holding_up(&pod).unwrap().name, "copy-keys", "the other one waits for it");
}

#[test]
fn a_ready_pod_of_the_present_template_alone_makes_a_workload_ready() {
    assert_eq!(judged(&[pod("a", "new", ready())], &[0], false), Verdict::Ready);
}

#[test]
fn a_ready_pod_of_an_older_template_does_not() {
    assert_eq!(pending(judged(&[pod("a", "old", ready())], &[0], false)), "its pod does not exist yet");
}

#[test]
fn an_older_pod_that_is_left_keeps_a_workload_from_being_ready() {
    let pods = [pod("a", "old", ready()), pod("b", "new", ready())];
    assert_eq!(pending(judged(&pods, &[0], false)), "its older pod a is still there");
}

#[test]
fn a_stopped_workload_is_settled_once_no_pod_is_left() {
    let mut stopped = deployment("new");
    stopped.spec.replicas = Some(0);
    let circumstances = Circumstances { now: at(0), pool_is_full: false };
    let judged = |pods: &[Pod]| judge(Some(&stopped), pods.iter(), &mut Troubles::default(), circumstances);
    assert_eq!(pending(judged(&[pod("a", "old", ready())])), "its pod a is still stopping");
    assert_eq!(judged(&[]), Verdict::Ready);
}

#[test]
fn the_record_of_an_evicted_pod_keeps_nothing_up() {
    let evicted = pod("a", "new", json!({ "phase": "Failed", "reason": "Evicted" }));
    assert_eq!(judged(&[evicted, pod("b", "new", ready())], &[0], false), Verdict::Ready);
}

#[test]
fn a_deployment_that_the_controller_has_not_seen_is_not_ready() {
    let mut changed = deployment("new");
    changed.metadata.generation = 3;
    let circumstances = Circumstances { now: at(0), pool_is_full: false };
    let pods = [pod("a", "new", ready())];
    let verdict = judge(Some(&changed), pods.iter(), &mut Troubles::default(), circumstances);
    assert_eq!(pending(verdict), "its Deployment has just changed");
}

#[test]
fn an_invalid_image_name_or_config_is_hopeless_at_once() {
    for reason in ["InvalidImageName", "CreateContainerConfigError"] {
        let hopeless = hopeless(judged(&[pod("a", "new", waiting(reason, 0))], &[0], false));
        assert_eq!(hopeless.meaning, Meaning::Invalid);
        assert_eq!(hopeless.reason, format!("container miner: {reason}: details"));
    }
}

#[test]
fn an_image_that_cannot_be_pulled_is_hopeless_after_two_minutes() {
    let pods = [pod("a", "new", waiting("ImagePullBackOff", 0))];
    assert_eq!(pending(judged(&pods, &[0, 119], false)), "container miner: ImagePullBackOff: details");
    assert_eq!(hopeless(judged(&pods, &[0, 60, 120], false)).meaning, Meaning::Invalid);
}

#[test]
fn two_minutes_of_pulling_begin_anew_with_another_pod() {
    let mut troubles = Troubles::default();
    for (second, name) in [(0, "a"), (119, "b"), (200, "b")] {
        let pods = [pod(name, "new", waiting("ErrImagePull", 0))];
        let circumstances = Circumstances { now: at(second), pool_is_full: false };
        let verdict = judge(Some(&deployment("new")), pods.iter(), &mut troubles, circumstances);
        assert!(matches!(verdict, Verdict::Pending(_)), "at {second} s: {verdict:?}");
    }
}

#[test]
fn three_crashes_are_hopeless_and_two_are_not() {
    let twice = [pod("a", "new", waiting("CrashLoopBackOff", 1))];
    assert!(matches!(judged(&twice, &[0], false), Verdict::Pending(_)));
    let thrice = hopeless(judged(&[pod("a", "new", waiting("CrashLoopBackOff", 2))], &[0], false));
    assert_eq!(thrice.crashed, Some(("a".to_owned(), "miner".to_owned())));
}

#[test]
fn a_container_that_runs_again_after_many_crashes_is_waited_for() {
    let status = json!({ "phase": "Running", "containerStatuses": [{
        "name": "miner", "restartCount": 9, "state": { "running": {} },
    }] });
    assert_eq!(
        pending(judged(&[pod("a", "new", status)], &[0], false)),
        "it runs, but its port is not open yet"
    );
}

#[test]
fn an_init_container_that_crashes_is_named() {
    let status = json!({ "phase": "Pending", "initContainerStatuses": [{
        "name": "copy-keys", "restartCount": 4,
        "state": { "waiting": { "reason": "CrashLoopBackOff" } },
        "lastState": { "terminated": { "reason": "Error", "exitCode": 1 } },
    }] });
    assert_eq!(
        hopeless(judged(&[pod("a", "new", status)], &[0], false)).reason,
        "container copy-keys: CrashLoopBackOff; it ended with exit code 1 (Error) and was restarted 4 times"
    );
}

#[test]
fn a_pod_that_fits_nowhere_is_hopeless_only_when_no_worker_can_come() {
    let pods = [pod("a", "new", unschedulable())];
    let why = "Unschedulable: 0/3 nodes are available: 3 Insufficient cpu.";
    assert_eq!(pending(judged(&pods, &[0, 3600], false)), why);
    assert_eq!(pending(judged(&pods, &[0, 19], true)), why);
    assert_eq!(hopeless(judged(&pods, &[0, 20], true)).meaning, Meaning::Quota);
}

#[test]
fn a_pod_that_found_a_place_has_all_its_patience_again() {
    let mut troubles = Troubles::default();
    let states = [(0, unschedulable()), (10, waiting("ContainerCreating", 0)), (25, unschedulable())];
    for (second, status) in states {
        let circumstances = Circumstances { now: at(second), pool_is_full: true };
        let pods = [pod("a", "new", status)];
        let verdict = judge(Some(&deployment("new")), pods.iter(), &mut troubles, circumstances);
        assert!(matches!(verdict, Verdict::Pending(_)), "at {second} s: {verdict:?}");
    }
}

#[test]
fn what_the_controller_cannot_create_is_said() {
    let mut refused = deployment("new");
    refused.status.conditions = serde_json::from_value(json!([{
        "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota",
    }]))
    .unwrap();
    let circumstances = Circumstances { now: at(0), pool_is_full: false };
    let verdict = judge(Some(&refused), [].iter(), &mut Troubles::default(), circumstances);
    assert_eq!(pending(verdict), "FailedCreate: exceeded quota");
}

fn pods() -> impl Strategy<Value = Pod> {
    let status = prop_oneof![
        Just(ready()),
        Just(unschedulable()),
        ("[A-Z][a-zA-Z]{0,20}", 0_u32..9).prop_map(|(reason, restarts)| waiting(&reason, restarts)),
        Just(json!({ "phase": "Running" })),
    ];
    ("[ab]", "old|new", status).prop_map(|(name, digest, status)| pod(&name, &digest, status))
}

proptest! {
    #[test]
    fn a_workload_is_only_ready_with_a_ready_pod_of_the_present_template(pods in proptest::collection::vec(pods(), 0..4)) {
        let ready = judged(&pods, &[0], true) == Verdict::Ready;
        let has_pod = pods.iter().any(|pod| {
            pod.is_ready() && pod.metadata.annotations.template_digest.as_deref() == Some("new")
        });
        prop_assert!(!ready || has_pod);
    }

    #[test]
    fn every_pod_that_is_not_ready_has_a_reason(pod in pods()) {
        prop_assert!(!reason(&pod).is_empty());
    }
}
