//! GKE's long-running operations.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::PROJECT_NUMBER;

/// What an operation brings about when it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Effect {
    CreateCluster,
    DeleteCluster,
    UpdateCluster,
    CreatePool(String),
    DeletePool(String),
    ResizePool { pool: String, nodes_per_zone: u32 },
    UpdatePool(String),
}

/// Why an operation ended without its effect: a google.rpc code and text, and a GKE condition code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) code: i32,
    pub(crate) condition: String,
    pub(crate) message: String,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) location: String,
    pub(crate) cluster: String,
    pub(crate) effect: Effect,
    pub(crate) started: Timestamp,
    pub(crate) due: Timestamp,
    pub(crate) done: bool,
    pub(crate) failure: Option<Failure>,
}

impl Operation {
    fn kind(&self) -> &'static str {
        match self.effect {
            Effect::CreateCluster => "CREATE_CLUSTER",
            Effect::DeleteCluster => "DELETE_CLUSTER",
            Effect::UpdateCluster => "UPDATE_CLUSTER",
            Effect::CreatePool(_) => "CREATE_NODE_POOL",
            Effect::DeletePool(_) => "DELETE_NODE_POOL",
            Effect::ResizePool { .. } => "SET_NODE_POOL_SIZE",
            Effect::UpdatePool(_) => "SET_NODE_POOL_MANAGEMENT",
        }
    }

    fn target(&self) -> String {
        let cluster = format!("{}/clusters/{}", location_link(&self.location), self.cluster);
        match &self.effect {
            Effect::CreatePool(pool)
            | Effect::DeletePool(pool)
            | Effect::ResizePool { pool, .. }
            | Effect::UpdatePool(pool) => format!("{cluster}/nodePools/{pool}"),
            Effect::CreateCluster | Effect::DeleteCluster | Effect::UpdateCluster => cluster,
        }
    }

    /// The resource as GKE shows it.
    pub(crate) fn to_json(&self) -> Value {
        let mut body = json!({
            "name": self.name,
            "operationType": self.kind(),
            "status": if self.done { "DONE" } else { "RUNNING" },
            "location": self.location,
            "zone": self.location,
            "selfLink": format!("{}/operations/{}", location_link(&self.location), self.name),
            "targetLink": self.target(),
            "startTime": self.started,
        });
        if self.done {
            body["endTime"] = json!(self.due);
        }
        if let Some(failure) = self.failure.as_ref().filter(|_| self.done) {
            body["error"] = json!({"code": failure.code, "message": failure.message});
            body["statusMessage"] = json!(failure.message);
            body["clusterConditions"] = json!([{"code": failure.condition, "message": failure.message}]);
        }
        body
    }
}

/// The address of a location, with the project's number as GKE writes it.
fn location_link(location: &str) -> String {
    format!("https://container.googleapis.com/v1/projects/{PROJECT_NUMBER}/locations/{location}")
}
