//! The PoETs, and in v0 their activation at a planned instant.

use std::time::Duration;

use jiff::Timestamp;

use super::BringUp;
use super::fleet::{Fleet, all_new};
use crate::error::Result;
use crate::generation::{GRPC_PORT, REST_PORT};
use crate::observer::Outcome;
use crate::plan::{Bindings, PlannedPoet};
use crate::state::{GenesisRecord, NetworkRecord};
use crate::topology::node_name;
use crate::traits::{Look, PoetStart, ServiceName, Workloads};
use crate::workload::Workload;

/// No pod is up sooner than this.
const SHORTEST_DEPLOYMENT: Duration = Duration::from_secs(5);

impl BringUp<'_> {
    /// The workloads of all PoETs.
    pub(in crate::operation) fn poet_workloads(&self, bindings: &Bindings) -> Result<Vec<Workload>> {
        let poet =
            |poet: &PlannedPoet| bindings.poet(self.spec, self.plan, &self.materials.profile, poet.number);
        self.plan.poets.iter().map(poet).collect()
    }

    /// v0: deploys the PoETs so that their first round is computed from a planned instant, and activates them at that instant with the gateways in the
    /// order of their numbers. When the instant passed while they were being deployed, they are deployed again.
    pub(in crate::operation) async fn activate_poets(
        &self,
        workloads: &dyn Workloads,
        fleet: &mut Fleet,
        record: &mut NetworkRecord,
        bring_up: Duration,
    ) -> Result<()> {
        let Fleet { bindings, genesis, .. } = fleet;
        let already = genesis.poets_activated;
        if !already {
            self.plan_activation(bindings, record, genesis, bring_up).await?;
        }
        self.deploy_poets(workloads, bindings, true).await?;
        let look = async || Ok(if already { Look::Same } else { Look::Absent });
        let activate = async |_| {
            let mut deployment = bring_up;
            while is_past(genesis.poet_activation, self.services().clock.now()) {
                self.run.may_start("poet-activation")?;
                let began = self.services().clock.now();
                self.plan_activation(bindings, record, genesis, deployment).await?;
                self.deploy_poets(workloads, bindings, false).await?;
                deployment = deployment.max(elapsed(began, self.services().clock.now()));
            }
            for poet in &self.plan.poets {
                self.activate(workloads, &poet.name, genesis.poet_activation).await?;
            }
            genesis.poets_activated = true;
            self.write_genesis(record, genesis).await?;
            self.open_poets(workloads).await?;
            Ok(Outcome::Created)
        };
        self.run.step("poet-activation", "first rounds of the PoETs", look, activate).await?;
        Ok(())
    }

    /// Chooses and remembers the instant of activation: after the time that bringing pods up took just now, and half of that again. Fails when that is not before
    /// the genesis of a chain that is to start.
    async fn plan_activation(
        &self,
        bindings: &mut Bindings,
        record: &mut NetworkRecord,
        genesis: &mut GenesisRecord,
        deployment: Duration,
    ) -> Result<()> {
        let soon = deployment.max(SHORTEST_DEPLOYMENT) * 3 / 2;
        let instant = plus(self.services().clock.now(), soon);
        self.check_activation(record, genesis, instant)?;
        genesis.poet_activation = Some(instant);
        bindings.poet_activation = genesis.poet_activation;
        self.write_genesis(record, genesis).await
    }

    async fn write_genesis(&self, record: &mut NetworkRecord, genesis: &GenesisRecord) -> Result<()> {
        record.genesis = Some(genesis.clone());
        self.run.begin_writing().await?;
        self.write_record(record).await
    }

    async fn deploy_poets(
        &self,
        workloads: &dyn Workloads,
        bindings: &Bindings,
        as_step: bool,
    ) -> Result<()> {
        let poets = self.poet_workloads(bindings)?;
        let names: Vec<String> = poets.iter().map(|poet| poet.name.clone()).collect();
        if as_step {
            self.ensure_group(workloads, "poets", all_new(poets)).await?;
        } else {
            self.apply(workloads, "poets", poets).await?;
        }
        self.wait_for(workloads, &names).await
    }

    async fn activate(
        &self,
        workloads: &dyn Workloads,
        poet: &str,
        instant: Option<Timestamp>,
    ) -> Result<()> {
        let wait = self.run.wait("poet-activation");
        if let Some(instant) = instant {
            let left = elapsed(self.services().clock.now(), instant);
            if !left.is_zero() {
                wait.tell(poet, "its first round was computed for a moment that has not come yet");
                self.services().clock.sleep(left).await;
            }
        }
        let namespace = workloads.namespace();
        let gateway = |number: u32| format!("{}.{namespace}.svc:{GRPC_PORT}", node_name(number));
        let start = PoetStart { gateways: self.plan.gateways().into_iter().map(gateway).collect() };
        let service = ServiceName::new(namespace, poet);
        let tunnel = workloads.tunnel(&service, REST_PORT).await?;
        self.services().spacemesh.start_poet(tunnel.local, &start).await?;
        Ok(())
    }
}

fn is_past(instant: Option<Timestamp>, now: Timestamp) -> bool {
    instant.is_some_and(|instant| instant < now)
}

fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

fn plus(now: Timestamp, by: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(by).ok().and_then(|by| now.checked_add(by).ok()).unwrap_or(now)
}
