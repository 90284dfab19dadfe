use serde_json::{Value, json};
use spacecraft_core::Meaning;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{ClusterProvider as _, FirewallOpening, FirewallRequest, Look};

use super::fixture::{Cloud, legacy_refusal, network};

const RULES: &str = "/compute/v1/projects/p/global/firewalls";
const PUBLIC: &str = "/compute/v1/projects/p/global/firewalls/spacecraft-net1-public";
const API: &str = "/compute/v1/projects/p/global/firewalls/spacecraft-net1-api";
const WAIT: &str = "/compute/v1/projects/p/global/operations/operation-9/wait";

fn request(ports: &str) -> FirewallRequest {
    let opening = FirewallOpening {
        name: "public".to_owned(),
        ports: vec![("tcp".to_owned(), ports.to_owned())],
        sources: vec!["0.0.0.0/0".to_owned()],
    };
    FirewallRequest { network: network(), vpc: None, openings: vec![opening] }
}

fn rule(name: &str, ports: &str, network: &str) -> Value {
    json!({"name": name, "description": format!("managed-by=spacecraft spacecraft-network={network}"),
           "network": "https://www.googleapis.com/compute/v1/projects/p/global/networks/default",
           "direction": "INGRESS", "priority": 1000, "sourceRanges": ["0.0.0.0/0"],
           "targetTags": ["spacecraft-net1"], "allowed": [{"IPProtocol": "tcp", "ports": [ports]}],
           "creationTimestamp": "2026-11-22T06:00:00.000-08:00"})
}

fn public(ports: &str) -> Value {
    rule("spacecraft-net1-public", ports, "net1")
}

async fn cloud_with(rules: Value) -> Cloud {
    let cloud = Cloud::start().await;
    cloud.answer("GET", RULES, 200, json!({ "items": rules })).await;
    cloud.answer("POST", WAIT, 200, json!({"name": "operation-9", "status": "DONE"})).await;
    cloud
}

fn accepted() -> Value {
    json!({"name": "operation-9", "status": "PENDING"})
}

async fn written(cloud: &Cloud) -> Vec<String> {
    cloud.writes().await.into_iter().map(|(verb, path, _)| format!("{verb} {path}")).collect()
}

#[tokio::test]
async fn a_missing_rule_is_made() {
    let cloud = cloud_with(json!([])).await;
    cloud.answer("POST", RULES, 200, accepted()).await;
    assert_eq!(cloud.gke.look_firewall(&request("5001-5010")).await.unwrap(), Look::Absent);
    let outcome = cloud.gke.ensure_firewall(&request("5001-5010"), &cloud.wait()).await.unwrap();
    assert_eq!((outcome, written(&cloud).await), (Outcome::Created, vec![format!("POST {RULES}")]));
}

#[tokio::test]
async fn a_rule_as_wanted_is_left_alone() {
    let cloud = cloud_with(json!([public("5001-5010")])).await;
    assert_eq!(cloud.gke.look_firewall(&request("5001-5010")).await.unwrap(), Look::Same);
    let outcome = cloud.gke.ensure_firewall(&request("5001-5010"), &cloud.wait()).await.unwrap();
    assert_eq!((outcome, written(&cloud).await), (Outcome::Unchanged, vec![]));
}

#[tokio::test]
async fn a_rule_that_differs_is_changed_and_one_too_many_deleted() {
    let cloud = cloud_with(json!([public("5001-5010"), rule("spacecraft-net1-api", "30086", "net1")])).await;
    cloud.answer("PATCH", PUBLIC, 200, accepted()).await;
    cloud.answer("DELETE", API, 200, accepted()).await;
    let look = cloud.gke.look_firewall(&request("5001-5020")).await.unwrap();
    assert!(matches!(look, Look::Differs(lines) if lines.len() == 2));
    let outcome = cloud.gke.ensure_firewall(&request("5001-5020"), &cloud.wait()).await.unwrap();
    assert_eq!(outcome, Outcome::Updated);
    assert_eq!(written(&cloud).await, [format!("PATCH {PUBLIC}"), format!("DELETE {API}")]);
}

#[tokio::test]
async fn a_rule_that_our_own_lost_attempt_made_is_ours() {
    let cloud = cloud_with(json!([])).await;
    cloud.answer("POST", RULES, 409, legacy_refusal(409, "alreadyExists", "it already exists")).await;
    cloud.answer_once("GET", PUBLIC, 200, public("5001-5010")).await;
    cloud.answer("GET", PUBLIC, 200, rule("spacecraft-net1-public", "5001-5010", "net")).await;
    cloud.gke.ensure_firewall(&request("5001-5010"), &cloud.wait()).await.unwrap();
    let error = cloud.gke.ensure_firewall(&request("5001-5010"), &cloud.wait()).await.unwrap_err();
    assert!(error.reason().contains("not managed by Spacecraft"), "{error}");
}

#[tokio::test]
async fn a_name_that_somebody_else_uses_is_refused() {
    let mut theirs = public("5001-5010");
    theirs["description"] = json!("opened by hand");
    let cloud = cloud_with(json!([theirs])).await;
    let error = cloud.gke.ensure_firewall(&request("5001-5010"), &cloud.wait()).await.unwrap_err();
    assert_eq!((error.meaning(), written(&cloud).await), (Meaning::AlreadyExists, vec![]));
}

#[tokio::test]
async fn rules_are_listed_by_their_description() {
    let cloud = cloud_with(json!([
        public("5001-5010"),
        rule("spacecraft-net10-public", "5001", "net10"),
        {"name": "default-allow-ssh", "description": "Allow SSH"},
        {"name": "spacecraft-net1-look-alike"}
    ]))
    .await;
    let rules = cloud.gke.firewall_rules(Some(&network())).await.unwrap();
    let names: Vec<_> = rules.iter().map(|rule| (rule.name.as_str(), rule.ports.join(","))).collect();
    assert_eq!(names, [("spacecraft-net1-public", "tcp:5001-5010".to_owned())]);
    assert_eq!(cloud.gke.firewall_rules(None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_rule_is_deleted_only_while_it_is_ours() {
    let cloud = cloud_with(json!([public("5001-5010")])).await;
    let rules = cloud.gke.firewall_rules(None).await.unwrap();
    let ours = rules.first().unwrap();
    cloud.answer_once("GET", PUBLIC, 200, public("5001-5010")).await;
    cloud.answer("DELETE", PUBLIC, 200, accepted()).await;
    assert_eq!(cloud.gke.delete_firewall_rule(ours, &cloud.wait()).await.unwrap(), Outcome::Removed);
    cloud.answer_once("GET", PUBLIC, 404, legacy_refusal(404, "notFound", "was not found")).await;
    assert_eq!(cloud.gke.delete_firewall_rule(ours, &cloud.wait()).await.unwrap(), Outcome::Absent);
    cloud.answer("GET", PUBLIC, 200, rule("spacecraft-net1-public", "1", "net")).await;
    let error = cloud.gke.delete_firewall_rule(ours, &cloud.wait()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::AlreadyExists);
}

#[tokio::test]
async fn an_operation_that_fails_is_an_error() {
    let cloud = Cloud::start().await;
    cloud.answer("GET", RULES, 200, json!({})).await;
    cloud.answer("POST", RULES, 200, accepted()).await;
    let failed = json!({"name": "operation-9", "status": "DONE", "httpErrorStatusCode": 400,
                        "error": {"errors": [{"code": "INVALID_FIELD_VALUE", "message": "bad port"}]}});
    cloud.answer("POST", WAIT, 200, failed).await;
    let error = cloud.gke.ensure_firewall(&request("5001"), &cloud.wait()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "create firewall rule spacecraft-net1-public: INVALID_FIELD_VALUE: bad port"
    );
}

#[tokio::test]
async fn refusals_keep_their_meaning() {
    for (status, reason, expected) in [
        (403, "forbidden", Meaning::Denied),
        (403, "quotaExceeded", Meaning::Quota),
        (400, "invalid", Meaning::Invalid),
        (412, "conditionNotMet", Meaning::PreconditionFailed),
    ] {
        let cloud = cloud_with(json!([])).await;
        cloud.answer("POST", RULES, status, legacy_refusal(status, reason, "no")).await;
        let error = cloud.gke.ensure_firewall(&request("5001"), &cloud.wait()).await.unwrap_err();
        assert_eq!(error.meaning(), expected, "{reason}");
        assert_eq!(error.reason(), format!("no (HTTP {status} {reason})"));
    }
}
