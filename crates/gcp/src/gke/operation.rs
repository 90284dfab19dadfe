//! Long-running operations of GKE: polled, for version 1 of the API has no call that waits.

use std::time::Duration;

use serde::Deserialize;
use spacecraft_core::names::NetworkName;
use spacecraft_core::wait::{Progress, Wait};
use spacecraft_core::{Effect, Error, Meaning, Result};
use spacecraft_http::{Request, Response};

use super::Gke;
use crate::api::{fetch, find};
use crate::dialect::{is_over_quota, is_stockout};
use crate::number;

/// How often an operation or a cluster is looked at.
pub(super) const POLL_INTERVAL: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) operation_type: String,
    pub(crate) status: String,
    status_message: String,
    target_link: String,
    error: Option<Status>,
    cluster_conditions: Vec<Condition>,
    nodepool_conditions: Vec<Condition>,
    progress: OperationProgress,
}

/// google.rpc.Status.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Status {
    message: String,
}

/// A condition of a cluster, a pool or an operation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Condition {
    code: String,
    canonical_code: String,
    message: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct OperationProgress {
    metrics: Vec<Metric>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metric {
    name: String,
    #[serde(deserialize_with = "number::lenient")]
    int_value: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OperationList {
    operations: Vec<Operation>,
}

impl Condition {
    /// Code and message in one line.
    pub(crate) fn text(&self) -> String {
        let code = if self.code.is_empty() { &self.canonical_code } else { &self.code };
        match (code.is_empty(), self.message.is_empty()) {
            (false, false) => format!("{code}: {}", self.message),
            (false, true) => code.clone(),
            (true, _) => self.message.clone(),
        }
    }
}

impl Operation {
    /// The operation that a reply is about.
    pub(super) fn read(response: &Response) -> Result<Self> {
        let operation: Self = response.json("a GKE operation")?;
        if operation.name.is_empty() {
            return Err(response.misread("the reply names no operation"));
        }
        Ok(operation)
    }

    fn is_done(&self) -> bool {
        self.status == "DONE"
    }

    fn is_about(&self, network: &NetworkName) -> bool {
        let mut parts = self.target_link.split('/').skip_while(|part| *part != "clusters");
        parts.nth(1) == Some(network.as_str())
    }

    /// Why an operation that is done failed: done means success, failure and cancellation alike.
    fn failure(&self) -> Option<String> {
        let conditions = self.cluster_conditions.iter().chain(&self.nodepool_conditions);
        let mut texts: Vec<String> = self.error.iter().map(|error| error.message.clone()).collect();
        texts.extend(conditions.map(Condition::text));
        if texts.is_empty() && !self.status_message.is_empty() {
            texts.push(self.status_message.clone());
        }
        texts.retain(|text| !text.is_empty());
        texts.dedup();
        (self.error.is_some() || !texts.is_empty()).then(|| texts.join("; "))
    }

    /// What an operation that is not done is at.
    fn stage(&self) -> String {
        let metrics: Vec<String> = self
            .progress
            .metrics
            .iter()
            .map(|metric| format!("{} {}", metric.name, metric.int_value))
            .collect();
        let stage = format!("operation {} ({}) is {}", self.name, self.operation_type, self.status);
        if metrics.is_empty() { stage } else { format!("{stage}: {}", metrics.join(", ")) }
    }
}

/// True for the refusal of a change because another operation runs on the cluster, in the two wordings that are known.
fn is_busy(error: &Error) -> bool {
    let words = ["incompatible operation", "CLUSTER_ALREADY_HAS_OPERATION", "try again once it is done"];
    error.meaning() == Meaning::Invalid && words.iter().any(|words| error.reason().contains(words))
}

/// The error of something that GKE failed to do, with what to do about the two causes that come up.
pub(crate) fn failure(operation: &str, name: &str, message: &str) -> Error {
    let (meaning, hint) = if is_stockout(message) {
        let hint =
            "the zone has no machines of this type left: choose another zone or machine type, or try later";
        (Meaning::Unavailable, Some(hint))
    } else if is_over_quota(message) {
        let hint =
            "ask for a higher quota in the Google Cloud console, choose another region, or a smaller network";
        (Meaning::Quota, Some(hint))
    } else {
        (Meaning::Other, None)
    };
    let reason = if message.is_empty() { "GKE gives no reason" } else { message };
    let error = Error::new(meaning, operation, name, reason).with_effect(Effect::Possible);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

impl Gke {
    /// Waits until an operation on the network's cluster is done. GKE forgets operations after a while; what came of a forgotten one
    /// is seen on the cluster itself.
    pub(super) async fn finish(
        &self,
        doing: &str,
        network: &NetworkName,
        operation: &Operation,
        wait: &Wait,
    ) -> Result<()> {
        let url = self.api.container(&["locations", &self.location, "operations", &operation.name]);
        let what = format!("cluster {network}");
        let look = || async {
            let request = self.api.get(&url).about(doing, network.as_str());
            let operation: Option<Operation> = find(request, "a GKE operation").await?;
            Ok(match operation {
                Some(operation) if !operation.is_done() => Progress::Pending(operation.stage()),
                done => Progress::Ready(done.and_then(|operation| operation.failure())),
            })
        };
        match wait.until(&what, POLL_INTERVAL, look).await? {
            Some(message) => Err(failure(doing, network.as_str(), &message)),
            None => Ok(()),
        }
    }

    /// Sends a request for a change of the network's cluster until GKE takes it on: while another operation runs on the cluster
    /// it refuses, which passes.
    pub(super) async fn request_change(
        &self,
        network: &NetworkName,
        wait: &Wait,
        request: impl Fn() -> Request + Sync,
    ) -> Result<Operation> {
        let what = format!("cluster {network}");
        let attempt = || async {
            match request().send().await {
                Ok(response) => Operation::read(&response).map(Progress::Ready),
                Err(error) if is_busy(&error) => Ok(Progress::Pending(error.reason().to_owned())),
                Err(error) => Err(error),
            }
        };
        wait.until(&what, POLL_INTERVAL, attempt).await
    }

    /// The operations on the network's cluster that are not done.
    pub(super) async fn running_operations(&self, network: &NetworkName) -> Result<Vec<Operation>> {
        let url = self.api.container(&["locations", &self.location, "operations"]);
        let request = self.api.get(&url).about("list operations on cluster", network.as_str());
        let list: OperationList = fetch(request, "a list of GKE operations").await?;
        let running = |operation: &Operation| !operation.is_done() && operation.is_about(network);
        Ok(list.operations.into_iter().filter(running).collect())
    }
}

#[cfg(test)]
mod unit_tests {
    use serde_json::json;

    use super::*;

    fn operation(body: &serde_json::Value) -> Operation {
        serde_json::from_value(body.clone()).unwrap()
    }

    #[test]
    fn an_operation_that_is_done_may_have_failed() {
        assert_eq!(operation(&json!({"status": "DONE"})).failure(), None);
        let failed = json!({"status": "DONE", "error": {"code": 8, "message": "no machines"},
                            "nodepoolConditions": [{"code": "GCE_STOCKOUT", "message": "try elsewhere"}]});
        assert_eq!(operation(&failed).failure().unwrap(), "no machines; GCE_STOCKOUT: try elsewhere");
        assert_eq!(operation(&json!({"status": "DONE", "error": {}})).failure().unwrap(), "");
        assert_eq!(operation(&json!({"statusMessage": "cancelled"})).failure().unwrap(), "cancelled");
    }

    #[test]
    fn stockouts_and_quotas_come_with_advice() {
        let error = failure("create cluster", "net1", "GCE_STOCKOUT: us-central1-a");
        assert_eq!(error.meaning(), Meaning::Unavailable);
        assert!(error.hint().unwrap().contains("another zone"));
        let error = failure("create cluster", "net1", "GCE_QUOTA_EXCEEDED: CPUS");
        assert_eq!(error.meaning(), Meaning::Quota);
        assert!(error.hint().unwrap().contains("higher quota"));
    }

    #[test]
    fn an_operation_is_about_the_cluster_in_its_link() {
        let net1 = NetworkName::new("net1").unwrap();
        let base = "https://container.googleapis.com/v1/projects/1/locations/z";
        for (target, expected) in [
            (format!("{base}/clusters/net1"), true),
            (format!("{base}/clusters/net1/nodePools/default"), true),
            (format!("{base}/clusters/net10"), false),
            (format!("{base}/clusters"), false),
            (String::new(), false),
        ] {
            assert_eq!(operation(&json!({"targetLink": target})).is_about(&net1), expected, "{target}");
        }
    }

    #[test]
    fn the_stage_tells_type_status_and_metrics() {
        let operation =
            operation(&json!({"name": "operation-1", "operationType": "CREATE_CLUSTER", "status": "RUNNING",
            "progress": {"metrics": [{"name": "CLUSTER_CONFIGURING", "intValue": "7"}]}}));
        assert_eq!(
            operation.stage(),
            "operation operation-1 (CREATE_CLUSTER) is RUNNING: CLUSTER_CONFIGURING 7"
        );
    }
}
