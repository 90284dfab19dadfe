//! Every call of a network's life goes wrong once, in every way, and the life goes on.

use std::sync::Arc;

use spacecraft_core::Result;
use spacecraft_core::time::Clock;
use spacecraft_core::traits::{
    ClusterProvider as _, ClusterRequest, FirewallOpening, FirewallRequest, Look, ObjectStore as _,
    Precondition, PutOptions,
};
use spacecraft_core::wait::Wait;
use spacecraft_sandbox::credentials::Credentials;
use spacecraft_sandbox::google::PROJECT;
use spacecraft_testkit::conformance::patience;

use super::fixture::{network, request};
use super::sandbox::{Fault, Sandbox};
use crate::{Bucket, Gke};

const KEY: &str = "net1/network.json";

struct Life {
    sandbox: Sandbox,
    gke: Gke,
    bucket: Bucket,
}

fn firewall() -> FirewallRequest {
    let opening = FirewallOpening {
        name: "public".to_owned(),
        ports: vec![("tcp".to_owned(), "5001-5010".to_owned())],
        sources: vec!["0.0.0.0/0".to_owned()],
    };
    FirewallRequest { network: network(), vpc: None, openings: vec![opening] }
}

fn larger() -> ClusterRequest {
    ClusterRequest { workers: 4, ..request() }
}

impl Life {
    async fn begin(credentials: &Credentials) -> Self {
        let sandbox = Sandbox::with_credentials(credentials.clone()).await;
        let (gke, bucket) = (sandbox.gke(), sandbox.bucket().await);
        Self { sandbox, gke, bucket }
    }

    fn wait(&self) -> Wait {
        patience(Arc::new(self.sandbox.clock.clone()) as Arc<dyn Clock>)
    }

    async fn create(&self) -> Result<()> {
        self.gke.ensure_cluster(&request(), &self.wait()).await?;
        self.gke.ensure_cluster(&larger(), &self.wait()).await?;
        self.gke.ensure_firewall(&firewall(), &self.wait()).await?;
        if self.bucket.get(KEY).await?.is_none() {
            self.bucket.put(KEY, b"{}".to_vec(), &PutOptions::json(Precondition::Absent)).await?;
        }
        Ok(())
    }

    async fn delete(&self) -> Result<()> {
        self.gke.delete_cluster(&network(), &self.wait()).await?;
        for rule in self.gke.firewall_rules(Some(&network())).await? {
            self.gke.delete_firewall_rule(&rule, &self.wait()).await?;
        }
        for (key, generation) in self.bucket.list("net1/").await? {
            self.bucket.delete(&key, Precondition::Generation(generation)).await?;
        }
        Ok(())
    }

    async fn assert_created(&self, circumstances: &str) {
        assert_eq!(self.gke.look_cluster(&larger()).await.unwrap(), Look::Same, "{circumstances}");
        assert_eq!(self.gke.look_firewall(&firewall()).await.unwrap(), Look::Same, "{circumstances}");
        assert_eq!(self.bucket.get(KEY).await.unwrap().unwrap().bytes, b"{}", "{circumstances}");
    }

    async fn assert_gone(&self, circumstances: &str) {
        assert_eq!(self.gke.get(&network()).await.unwrap(), None, "{circumstances}");
        assert_eq!(self.gke.firewall_rules(None).await.unwrap(), [], "{circumstances}");
        assert_eq!(self.bucket.list("").await.unwrap(), [], "{circumstances}");
    }

    /// Plans the fault and counts from the next call on.
    fn plan(&self, fault: Option<(u32, Fault)>) {
        let mut plan = self.sandbox.plan.lock().unwrap();
        plan.fault = fault;
        plan.calls = 0;
    }

    fn calls(&self) -> u32 {
        self.sandbox.plan.lock().unwrap().calls
    }
}

/// Garbage is not asked for again, for the call was done; everything else is got over at once.
fn may_stop(fault: Fault) -> bool {
    fault == Fault::Garbage
}

async fn walk(fault: Fault) {
    let credentials = Credentials::generate(PROJECT).unwrap();
    let mut number = 1;
    loop {
        let life = Life::begin(&credentials).await;
        let circumstances = format!("{fault:?} at call {number}");
        life.plan(Some((number, fault)));
        let created = life.create().await;
        let creating = life.calls();
        if created.is_err() {
            assert!(may_stop(fault), "{circumstances}: {created:?}");
            life.create().await.unwrap();
        }
        life.plan(None);
        life.assert_created(&circumstances).await;
        life.plan(Some((number.saturating_sub(creating), fault)));
        let deleted = life.delete().await;
        let reached = creating + life.calls();
        if deleted.is_err() {
            assert!(may_stop(fault), "{circumstances}: {deleted:?}");
            life.delete().await.unwrap();
        }
        life.plan(None);
        life.assert_gone(&circumstances).await;
        if number > reached {
            assert!(number > 30, "the walk saw {number} calls only");
            return;
        }
        number += 1;
    }
}

#[tokio::test]
async fn a_service_that_is_unavailable_for_one_call_stops_nothing() {
    walk(Fault::Unavailable).await;
}

#[tokio::test]
async fn one_lost_reply_stops_nothing_and_doubles_nothing() {
    walk(Fault::LostReply).await;
}

#[tokio::test]
async fn one_reply_of_garbage_is_got_over_by_running_again() {
    walk(Fault::Garbage).await;
}
