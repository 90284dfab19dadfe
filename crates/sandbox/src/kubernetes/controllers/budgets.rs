//! Disruption budgets: how many pods may go at once.

use serde_json::{Value, json};

use super::deployments::share_of;
use crate::kubernetes::Cluster;
use crate::kubernetes::object::{self, set, whole};
use crate::kubernetes::resources::PODS;
use crate::kubernetes::selector::Selector;
use crate::kubernetes::store::Key;

impl Cluster {
    pub(super) fn reconcile_budget(&mut self, key: &Key) {
        let Some(budget) = self.store.object(key) else { return };
        let Some(selector) = budget.pointer("/spec/selector").map(Selector::of_object) else { return };
        let (mut expected, mut healthy) = (0_i64, 0_i64);
        for pod in self.store.list(PODS, Some(&key.namespace)) {
            let Some(brief) = &pod.pod else { continue };
            if selector.matches(&pod.labels) && !brief.has_ended() {
                expected += 1;
                healthy += i64::from(brief.ready && !pod.terminating);
            }
        }
        let desired = desired_healthy(&budget, expected);
        let allowed = (healthy - desired).max(0);
        let now = self.now;
        self.edit(key, |stored| {
            set(stored, "/status/expectedPods", expected);
            set(stored, "/status/currentHealthy", healthy);
            set(stored, "/status/desiredHealthy", desired);
            set(stored, "/status/disruptionsAllowed", allowed);
            let generation = whole(&budget, "/metadata/generation").unwrap_or(1);
            set(stored, "/status/observedGeneration", generation);
            let (status, reason) = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
            let condition = json!({"type": "DisruptionAllowed", "status": status, "reason": reason, "message": "",
                "observedGeneration": generation});
            object::set_condition(stored, condition, now);
        });
    }
}

fn desired_healthy(budget: &Value, expected: i64) -> i64 {
    if let Some(bound) = budget.pointer("/spec/maxUnavailable") {
        return (expected - share_of(bound, expected, true)).max(0);
    }
    budget.pointer("/spec/minAvailable").map_or(expected.min(1), |bound| share_of(bound, expected, true))
}
