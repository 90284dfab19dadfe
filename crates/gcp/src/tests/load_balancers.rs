use serde_json::{Value, json};
use spacecraft_core::Meaning;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{ClusterProvider as _, LoadBalancer, RememberedBalancer, ServiceName};

use super::fixture::{COMPUTE, Cloud, legacy_refusal, network};

const NAME: &str = "a0d3c1f9a7b524a7e9f653a4c5e6f7a8";
const UID: &str = "0d3c1f9a-7b52-4a7e-9f65-3a4c5e6f7a8b";

fn service() -> ServiceName {
    ServiceName::new("ingress-nginx", "ingress-nginx-controller")
}

fn rule(address: &str) -> Value {
    let description = json!({"kubernetes.io/service-name": "ingress-nginx/ingress-nginx-controller"});
    json!({"name": NAME, "IPAddress": address, "description": description.to_string(),
           "creationTimestamp": "2026-11-22T06:00:00.000-08:00",
           "target": format!("https://www.googleapis.com/compute/v1/projects/p/regions/us-central1/targetPools/{NAME}")})
}

fn balancer() -> LoadBalancer {
    LoadBalancer {
        name: NAME.to_owned(),
        network: network(),
        region: Some("us-central1".to_owned()),
        address: Some("203.0.113.7".to_owned()),
        service: Some(service()),
        created: None,
    }
}

fn regional(kind: &str, name: &str) -> String {
    format!("{COMPUTE}/regions/us-central1/{kind}/{name}")
}

fn global(kind: &str, name: &str) -> String {
    format!("{COMPUTE}/global/{kind}/{name}")
}

fn missing() -> Value {
    legacy_refusal(404, "notFound", "it was not found")
}

async fn deletes(cloud: &Cloud, at: &str) {
    cloud.answer("DELETE", at, 200, json!({"name": "operation-9", "status": "RUNNING"})).await;
}

async fn operations_end(cloud: &Cloud) {
    let done = json!({"name": "operation-9", "status": "DONE"});
    for scope in ["regions/us-central1", "global"] {
        cloud
            .answer("POST", &format!("{COMPUTE}/{scope}/operations/operation-9/wait"), 200, done.clone())
            .await;
    }
}

#[tokio::test]
async fn a_load_balancer_that_was_seen_is_found_and_others_are_not() {
    let cloud = Cloud::start().await;
    let other = json!({"name": "a1", "IPAddress": "203.0.113.7", "description": "by hand"});
    let rules = json!({"items": {"regions/us-central1": {"forwardingRules": [rule("203.0.113.7"), other]}}});
    cloud.answer("GET", &format!("{COMPUTE}/aggregated/forwardingRules"), 200, rules).await;
    cloud.answer("GET", &format!("{COMPUTE}/aggregated/targetPools"), 200, json!({})).await;
    cloud.answer("GET", &format!("{COMPUTE}/global/firewalls"), 200, json!({})).await;
    let seen = RememberedBalancer {
        service: service(),
        uid: Some(UID.to_owned()),
        address: Some("203.0.113.7".to_owned()),
    };
    let found = cloud.gke.load_balancers(Some(&network()), &[seen]).await.unwrap();
    let names: Vec<&str> = found.iter().map(|balancer| balancer.name.as_str()).collect();
    assert_eq!(names, [NAME]);
    assert_eq!(cloud.gke.load_balancers(Some(&network()), &[]).await.unwrap(), []);
    assert_eq!(cloud.gke.load_balancers(None, &[]).await.unwrap(), []);
}

#[tokio::test]
async fn everything_that_belongs_to_a_load_balancer_goes_with_it() {
    let cloud = Cloud::start().await;
    let checks =
        json!(["https://www.googleapis.com/compute/v1/projects/p/global/httpHealthChecks/k8s-1234-node"]);
    cloud.answer("GET", &regional("forwardingRules", NAME), 200, rule("203.0.113.7")).await;
    cloud
        .answer("GET", &regional("targetPools", NAME), 200, json!({"name": NAME, "healthChecks": checks}))
        .await;
    operations_end(&cloud).await;
    let parts = [
        regional("forwardingRules", NAME),
        regional("targetPools", NAME),
        global("httpHealthChecks", "k8s-1234-node"),
        global("firewalls", "k8s-1234-node-http-hc"),
        global("firewalls", &format!("k8s-fw-{NAME}")),
    ];
    for part in &parts {
        deletes(&cloud, part).await;
    }
    cloud.answer("DELETE", &regional("addresses", NAME), 404, missing()).await;
    let outcome = cloud.gke.delete_load_balancer(&balancer(), &cloud.wait()).await.unwrap();
    assert_eq!(outcome, Outcome::Removed);
    for part in &parts {
        assert_eq!(cloud.count("DELETE", part).await, 1, "{part}");
    }
}

#[tokio::test]
async fn a_health_check_whose_target_pool_is_gone_already_goes_too_and_what_leads_to_it_goes_last() {
    let cloud = Cloud::start().await;
    let (check, rule) = ("k8s-1234-node", "k8s-1234-node-http-hc");
    let guarding = format!("k8s-fw-{NAME}");
    let tags = json!(["gke-net1-1a2b3c4d-node"]);
    let rules =
        json!({"items": [{"name": guarding, "targetTags": tags}, {"name": rule, "targetTags": tags}]});
    cloud.answer("GET", &regional("forwardingRules", NAME), 404, missing()).await;
    cloud.answer("GET", &regional("targetPools", NAME), 404, missing()).await;
    cloud.answer("GET", &format!("{COMPUTE}/global/firewalls"), 200, rules).await;
    operations_end(&cloud).await;
    for kind in ["forwardingRules", "addresses"] {
        cloud.answer("DELETE", &regional(kind, NAME), 404, missing()).await;
    }
    let left = [global("httpHealthChecks", check), global("firewalls", rule), global("firewalls", &guarding)];
    for part in &left {
        deletes(&cloud, part).await;
    }
    let outcome = cloud.gke.delete_load_balancer(&balancer(), &cloud.wait()).await.unwrap();
    assert_eq!(outcome, Outcome::Removed);
    for part in &left {
        assert_eq!(cloud.count("DELETE", part).await, 1, "{part}");
    }
    let deleted = cloud.writes().await;
    assert!(deleted.last().is_some_and(|(_, path, _)| path.ends_with(&guarding)), "{deleted:?}");
}

#[tokio::test]
async fn a_health_check_that_others_use_stays_with_its_firewall_rule() {
    let cloud = Cloud::start().await;
    let used = legacy_refusal(400, "resourceInUseByAnotherResource", "it is used by a target pool");
    cloud.answer("GET", &regional("forwardingRules", NAME), 404, missing()).await;
    let pool = json!({"name": NAME, "healthChecks": ["global/httpHealthChecks/k8s-1234-node"]});
    cloud.answer("GET", &regional("targetPools", NAME), 200, pool).await;
    operations_end(&cloud).await;
    cloud.answer("DELETE", &regional("forwardingRules", NAME), 404, missing()).await;
    deletes(&cloud, &regional("targetPools", NAME)).await;
    cloud.answer("DELETE", &global("httpHealthChecks", "k8s-1234-node"), 400, used).await;
    cloud.answer("DELETE", &regional("addresses", NAME), 404, missing()).await;
    cloud.answer("DELETE", &global("firewalls", &format!("k8s-fw-{NAME}")), 404, missing()).await;
    let outcome = cloud.gke.delete_load_balancer(&balancer(), &cloud.wait()).await.unwrap();
    assert_eq!(outcome, Outcome::Removed);
    assert_eq!(cloud.count("DELETE", &global("firewalls", "k8s-1234-node-http-hc")).await, 0);
}

#[tokio::test]
async fn a_forwarding_rule_that_became_somebody_elses_is_not_touched() {
    let cloud = Cloud::start().await;
    cloud.answer("GET", &regional("forwardingRules", NAME), 200, rule("203.0.113.99")).await;
    let error = cloud.gke.delete_load_balancer(&balancer(), &cloud.wait()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::AlreadyExists);
    assert_eq!(cloud.writes().await, []);
}
