//! The suites that every cluster provider and every object store pass, on ours, against the simulated cloud.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use spacecraft_http::Idempotency;
use spacecraft_testkit::conformance::Subject;
use spacecraft_testkit::conformance::cluster::foreign_cluster;

use super::sandbox::{Sandbox, ZONE};
use crate::{Bucket, Gke};

/// A cloud with one cluster in it that somebody else made.
async fn cloud_with_a_foreign_cluster() -> Subject<Gke, Sandbox> {
    let sandbox = Sandbox::start().await;
    let gke = sandbox.gke();
    let url = gke.api.container(&["locations", ZONE, "clusters"]);
    let pool = json!({"name": "default", "initialNodeCount": 1});
    let body = json!({"cluster": {"name": foreign_cluster(), "nodePools": [pool]}});
    gke.api.post(&url, &body, Idempotency::NotRepeatable).send().await.unwrap();
    sandbox.clock.advance(Duration::from_secs(3600));
    Subject::new(gke).with_clock(Arc::new(sandbox.clock.clone())).keeping(sandbox)
}

async fn empty_bucket() -> Subject<Bucket, Sandbox> {
    let sandbox = Sandbox::start().await;
    let bucket = sandbox.bucket().await;
    Subject::new(bucket).with_clock(Arc::new(sandbox.clock.clone())).keeping(sandbox)
}

mod clusters {
    spacecraft_testkit::cluster_provider_conformance!(super::cloud_with_a_foreign_cluster());
}

mod files {
    spacecraft_testkit::file_store_conformance!(super::empty_bucket());
}

mod objects {
    spacecraft_testkit::object_store_conformance!(super::empty_bucket());
}
