//! What is there before any workload: namespaces, policies and budgets.

use super::{Plan, guarded_namespaces};
use crate::spec::NetworkSpec;
use crate::workload::Foundation;

/// Namespaces, policies and budgets of a network. `poets_open` is false in v0 until the PoETs were activated.
#[must_use]
pub fn foundation_of(spec: &NetworkSpec, plan: &Plan, poets_open: bool, recorded_in: &str) -> Foundation {
    let owned = plan.namespaces.owned(spec);
    Foundation {
        namespaces: owned.into_iter().filter(|name| *name != plan.namespaces.network).collect(),
        shared_charts: plan.shared_charts(),
        guarded: guarded_namespaces(spec, poets_open),
        recorded_in: recorded_in.to_owned(),
        disruption_budgets: plan.disruption_budgets(),
    }
}
