//! Whether what was just upgraded is healthy.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Trouble, Upgrade};
use crate::error::{Error, Meaning, Result};
use crate::generation::{GRPC_PORT, REST_PORT};
use crate::node_config::{NetworkTiming, NodeConfig};
use crate::observer::Event;
use crate::operation::window::sliding_window;
use crate::spec::WaitFor;
use crate::state::NetworkRecord;
use crate::topology::node_name;
use crate::traits::{NodeStatus, ServiceName, Workloads};
use crate::upgrade::{ChainClock, HealthWatch, Observation, Verdict};
use crate::wait::{Progress, Wait};

/// How often a node that is not healthy yet is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// How long the canary is watched once it is healthy.
const CANARY_WATCH: Duration = Duration::from_secs(3);

/// How many nodes are asked at once.
const NODES_ASKED_AT_ONCE: usize = 50;

impl Upgrade<'_> {
    /// Waits until nodes are rolled out and, unless the rollout alone counts, healthy; and sees that what the upgrade touched before is still up.
    pub(super) async fn see_nodes(
        &self,
        workloads: &dyn Workloads,
        record: &NetworkRecord,
        step: &str,
        numbers: &BTreeSet<u32>,
    ) -> Result<(), Trouble> {
        let names: Vec<String> = numbers.iter().map(|number| node_name(*number)).collect();
        self.see_rolled_out(workloads, step, &names).await?;
        self.see_touched(workloads, record, step).await?;
        if self.asked.wait == WaitFor::Ready {
            return Ok(());
        }
        let clock = self.chain_clock(record)?;
        let total = u64::try_from(names.len()).unwrap_or(u64::MAX);
        let mut done = 0;
        let healthy = |()| {
            done += 1;
            self.run.observe(&Event::Progress { step: step.to_owned(), done, total });
        };
        let wait = self.run.wait(step);
        let ask = async |name: String| self.see_node(workloads, clock, &name, &wait).await;
        sliding_window(names, NODES_ASKED_AT_ONCE, || self.run.may_start(step), ask, healthy)
            .await
            .map_err(Trouble::of_waiting)?;
        // One that answered may have crashed since.
        self.see_touched(workloads, record, step).await
    }

    /// Sees that all nodes that the upgrade touched so far are up; one that was may have crashed since.
    pub(super) async fn see_touched(
        &self,
        workloads: &dyn Workloads,
        record: &NetworkRecord,
        step: &str,
    ) -> Result<(), Trouble> {
        let touched = record.upgrade.iter().flat_map(|upgrade| &upgrade.touched);
        let present = touched.filter(|number| record.spec.fleet.contains(**number));
        let names: Vec<String> = present.map(|number| node_name(*number)).collect();
        self.see_rolled_out(workloads, step, &names).await
    }

    /// Watches a node that is healthy a moment longer: many a release crashes when it has just come up.
    pub(super) async fn watch_canary(
        &self,
        workloads: &dyn Workloads,
        record: &NetworkRecord,
        step: &str,
    ) -> Result<(), Trouble> {
        let moment = async {
            self.services().clock.sleep(CANARY_WATCH).await;
            Ok(())
        };
        self.services().interrupt.or(step, moment).await?;
        self.see_touched(workloads, record, step).await
    }

    /// Waits until workloads are rolled out: ready, by the newest generation of their Deployments, with nothing older left.
    pub(super) async fn see_rolled_out(
        &self,
        workloads: &dyn Workloads,
        step: &str,
        names: &[String],
    ) -> Result<(), Trouble> {
        let wait = self.run.wait(step);
        self.services()
            .interrupt
            .or(step, workloads.wait_ready(names, &wait))
            .await
            .map_err(Trouble::of_waiting)
    }

    async fn see_node(
        &self,
        workloads: &dyn Workloads,
        clock: ChainClock,
        name: &str,
        wait: &Wait,
    ) -> Result<()> {
        let service = ServiceName::new(workloads.namespace(), name);
        let watch = Mutex::new(HealthWatch::new(clock));
        let look = async || {
            let answer = self.node_status(workloads, &service).await;
            self.services().interrupt.check(wait.step())?;
            let is_silent = answer.is_err();
            let observation = Observation {
                at: self.services().clock.now(),
                // Without the tunnel's port, which is another one each time.
                answer: answer.map_err(|error| error.reason().to_owned()),
            };
            let verdict = watch.lock().unwrap_or_else(PoisonError::into_inner).note(&observation);
            if is_silent {
                // A pod that will never get up ends the wait here.
                workloads.wait_ready(&[name.to_owned()], wait).await?;
            }
            Ok(match verdict {
                Verdict::Healthy => Progress::Ready(()),
                Verdict::Pending(why) => Progress::Pending(why),
            })
        };
        wait.until(name, ASK_AGAIN, look).await
    }

    async fn node_status(&self, workloads: &dyn Workloads, service: &ServiceName) -> Result<NodeStatus> {
        let tunnel = workloads.tunnel(service, GRPC_PORT).await?;
        tunnel.told(self.services().spacemesh.node_status(tunnel.local).await)
    }

    /// Waits until a PoET is rolled out and, unless the rollout alone counts, answers.
    pub(super) async fn see_poet(&self, workloads: &dyn Workloads, name: &str) -> Result<(), Trouble> {
        self.see_rolled_out(workloads, name, &[name.to_owned()]).await?;
        if self.asked.wait == WaitFor::Ready {
            return Ok(());
        }
        let service = ServiceName::new(workloads.namespace(), name);
        let wait = self.run.wait(name);
        let ask = async || {
            self.services().interrupt.check(name)?;
            let answer = async {
                let tunnel = workloads.tunnel(&service, REST_PORT).await?;
                tunnel.told(self.services().spacemesh.poet_info(tunnel.local).await)
            };
            Ok(match answer.await {
                Ok(_) => Progress::Ready(()),
                Err(error) => Progress::Pending(format!("it does not answer: {}", error.reason())),
            })
        };
        wait.until(name, ASK_AGAIN, ask).await.map_err(Trouble::of_waiting)
    }

    /// The clock by which nodes are judged.
    fn chain_clock(&self, record: &NetworkRecord) -> Result<ChainClock> {
        let spec = &self.goal.end;
        let unknown =
            |reason: &str| Error::new(Meaning::Invalid, "judge health of", spec.network.as_str(), reason);
        let timing = NetworkTiming::read(NodeConfig::new(spec.generation, &spec.node.base_config))
            .map_err(|_| unknown("its config does not say how long layers are"))?;
        let genesis = record.genesis.as_ref().ok_or_else(|| unknown("it has no genesis"))?;
        let has_peers = spec.fleet.count() > 1 || !spec.fleet.bootstrap;
        Ok(ChainClock::new(genesis.genesis.time, &timing, has_peers))
    }
}
