//! Time, forks, restoration and watches.

use bytes::Bytes;
use http::Method;
use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{CLAIMS, DEPLOYMENTS, World, claim, request, start, workload};
use crate::kubernetes::Cluster;
use crate::wire::Answer;

fn busy_world() -> World {
    let mut world = World::new(2);
    let mut body = workload("a", 3);
    body["spec"]["template"]["spec"]["volumes"] =
        json!([{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]);
    world.post(CLAIMS, &claim("data"));
    world.post(DEPLOYMENTS, &body);
    world.post(DEPLOYMENTS, &workload("b", 1));
    world
}

fn all(cluster: &Cluster) -> Vec<Value> {
    cluster.snapshot().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn time_passes_alike_in_one_step_or_in_many(mut steps in prop::collection::vec(0_i64..40_000, 1..6)) {
        steps.sort_unstable();
        let (mut walked, mut leapt) = (busy_world().cluster, busy_world().cluster);
        let at = |milliseconds: i64| start().checked_add(SignedDuration::from_millis(milliseconds)).unwrap();
        for step in &steps {
            walked.advance(at(*step));
        }
        leapt.advance(at(steps[steps.len() - 1]));
        prop_assert_eq!(all(&walked), all(&leapt));
    }

    #[test]
    fn a_restored_cluster_goes_on_as_the_first_would_have(milliseconds in 0_i64..40_000) {
        let mut world = busy_world();
        let mut log = world.cluster.take_changes();
        let at = start().checked_add(SignedDuration::from_millis(milliseconds)).unwrap();
        world.cluster.advance(at);
        log.extend(world.cluster.take_changes());
        let mut restored = Cluster::restore(world.cluster.shape().clone(), log);
        prop_assert_eq!(all(&restored), all(&world.cluster));
        let later = at.checked_add(SignedDuration::from_secs(60)).unwrap();
        restored.advance(later);
        world.cluster.advance(later);
        prop_assert_eq!(all(&restored), all(&world.cluster));
    }
}

#[test]
fn a_settled_cluster_waits_for_nothing_soon() {
    let mut world = busy_world();
    world.pass(60);
    let soon = world.now.checked_add(SignedDuration::from_secs(60)).unwrap();
    assert!(world.cluster.next_due().is_none_or(|due| due > soon), "{:?}", world.cluster.next_due());
    world.cluster.take_changes();
    world.pass(30);
    assert_eq!(world.cluster.take_changes(), Vec::<Value>::new());
}

#[test]
fn a_fork_lives_its_own_life() {
    let mut world = busy_world();
    let fork = world.cluster.clone();
    let before = all(&fork);
    world.pass(30);
    assert_eq!(all(&fork), before);
    assert_ne!(all(&world.cluster), before);
}

fn lines(update: &[Bytes]) -> Vec<Value> {
    update.iter().map(|line| serde_json::from_slice(line).unwrap()).collect()
}

#[test]
fn an_open_watch_is_told_what_happens_and_closes_in_time() {
    let mut world = World::new(1);
    let path = format!("{DEPLOYMENTS}?watch=1&allowWatchBookmarks=true&timeoutSeconds=90");
    let answer =
        world.cluster.handle(&request(Method::GET, &path, "application/json", &Value::Null), world.now);
    let Answer::Stream(stream) = answer else { panic!("{answer:?}") };
    assert!(stream.first.is_empty());
    world.post(DEPLOYMENTS, &workload("a", 1));
    let update = world.cluster.stream_next(stream.identifier, world.now);
    assert_eq!(lines(&update.lines)[0]["type"], "ADDED");
    world.pass(70);
    let update = world.cluster.stream_next(stream.identifier, world.now);
    let events = lines(&update.lines);
    assert_eq!(events[events.len() - 1]["type"], "BOOKMARK");
    assert!(!update.closed);
    world.pass(20);
    assert!(world.cluster.stream_next(stream.identifier, world.now).closed);
    assert!(world.cluster.stream_next(stream.identifier, world.now).closed, "a closed stream stays closed");
}

#[test]
fn a_restored_cluster_does_not_ask_for_a_load_balancer_again() {
    let mut world = World::new(1);
    world.post(
        "/api/v1/namespaces/default/services",
        &json!({"metadata": {"name": "web"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}),
    );
    world.pass(1);
    assert_eq!(world.cluster.take_effects().len(), 1);
    let log = world.cluster.take_changes();
    world.cluster = Cluster::restore(world.cluster.shape().clone(), log);
    world.merge("/api/v1/namespaces/default/services/web", &json!({"metadata": {"labels": {"a": "b"}}}));
    world.pass(1);
    assert_eq!(world.cluster.take_effects(), []);
}

#[test]
fn a_watch_from_before_a_restoration_has_to_list_again() {
    let mut world = busy_world();
    world.pass(30);
    let log = world.cluster.take_changes();
    world.cluster = Cluster::restore(world.cluster.shape().clone(), log);
    let (status, answer) = world.ask(
        Method::GET,
        &format!("{DEPLOYMENTS}?watch=1&resourceVersion=2"),
        "application/json",
        &Value::Null,
    );
    assert_eq!((status, answer["reason"].as_str()), (410, Some("Expired")));
}

#[test]
fn the_same_application_writes_nothing_twice() {
    let mut world = World::new(1);
    let mut body = workload("a", 1);
    body["apiVersion"] = "apps/v1".into();
    body["kind"] = "Deployment".into();
    let path = format!("{DEPLOYMENTS}/a?fieldManager=m");
    world.ask(Method::PATCH, &path, "application/apply-patch+yaml", &body);
    world.pass(60);
    world.cluster.take_changes();
    let (status, _) = world.ask(Method::PATCH, &path, "application/apply-patch+yaml", &body);
    assert_eq!((status, world.cluster.take_changes()), (200, Vec::new()));
}
