//! What has changed of a network since it was made, found by the steps that would make it again.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CreateRequest, Creation};
use crate::error::{Result, render_chain};
use crate::observer::Silent;
use crate::operation::bring_up::{BringUp, unplannable};
use crate::operation::run::{Basis, Run, StepDifference};
use crate::operation::{Limits, Services};
use crate::plan::Plan;
use crate::state::{NetworkRecord, RecordStore};

/// How long a step may wait: long enough to see that pods are ready, but not for pods to become so.
const LOOK_LIMIT: Duration = Duration::from_secs(10);

/// What [`create_network`](super::create_network) would change of a network that it made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Drift {
    /// The steps that would do something.
    pub differences: Vec<StepDifference>,
    /// Why what comes later was not looked at.
    pub ended_early: Option<String>,
}

/// Looks by the steps of [`create_network`](super::create_network) what it would change, and changes nothing. It waits for nothing to happen: where a step
/// would wait for long, the look ends.
pub async fn look_at_network(services: &Services, request: CreateRequest, known: NetworkRecord) -> Drift {
    let mut differences = Vec::new();
    let looked = look(services, &request, known, &mut differences).await;
    Drift { differences, ended_early: looked.err().map(|error| render_chain(&error)) }
}

async fn look(
    services: &Services,
    request: &CreateRequest,
    known: NetworkRecord,
    differences: &mut Vec<StepDifference>,
) -> Result<()> {
    let spec = &request.spec;
    let plan =
        Plan::new(spec, &services.cluster.capabilities()).map_err(|problems| unplannable(&problems))?;
    let services = Services { observer: Arc::new(Silent), ..services.clone() };
    let limits = Limits { timeout: spec.rollout.timeout, step_timeout: LOOK_LIMIT, force_unlock: false };
    let run = Run::new(&services, &spec.network, "status", Vec::new(), limits, Basis::nothing());
    let run = run.only_looking();
    let records = RecordStore::new(Arc::clone(&services.state_store), &spec.network);
    let bring_up = BringUp { run: &run, spec, plan: &plan, materials: &request.materials, records };
    let flow = Box::pin(Creation { request, bring_up }.flow(Some(known))).await;
    *differences = run.differences();
    flow.map(drop)
}
