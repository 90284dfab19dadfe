//! Whole flows on a simulated cluster, which is as strict as a real one: the conformance suite, waits that fail, a large fleet.

// Helpers of tests may fail like tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fleet;
mod hosted;

use std::sync::Arc;

use spacecraft_core::time::SystemClock;
use spacecraft_testkit::conformance::Subject;

spacecraft_testkit::workloads_conformance!(async {
    let cluster = hosted::Hosted::start().await;
    let workloads = cluster.workloads(None).await;
    Subject::new(workloads).with_clock(Arc::new(SystemClock)).keeping(cluster)
});
