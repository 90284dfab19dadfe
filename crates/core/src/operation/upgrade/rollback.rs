//! The way back: what an upgrade touched runs again as it did before.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Trouble, Upgrade};
use crate::error::{Error, Result};
use crate::observer::Outcome;
use crate::operation::bring_up::{BringUp, Fleet, Wanted};
use crate::operation::change::plan_of;
use crate::operation::web_services::follow;
use crate::spelling::counted;
use crate::state::{NetworkRecord, RecordStore};
use crate::topology::node_name;
use crate::traits::{ClusterServices, Look, Workloads};
use crate::upgrade::Goal;
use crate::workload::Workload;

impl Upgrade<'_> {
    /// Returns all that the upgrade in the record touched to what it was, the last wave first; the published config and the web services follow, which an
    /// upgrade that was nearly through may have changed.
    pub(super) async fn take_back(
        &self,
        cluster: &ClusterServices,
        record: &mut NetworkRecord,
    ) -> Result<()> {
        let Some(upgrade) = record.upgrade.clone() else { return Ok(()) };
        let services = self.services();
        let spec = upgrade.from.restored_in(&record.spec, &upgrade.touched);
        let plan = plan_of(services, &spec)?;
        let records = RecordStore::new(Arc::clone(&services.state_store), self.network());
        records.read().await?;
        let materials = self.bring_up.materials;
        let bring_up = BringUp { run: self.run, spec: &spec, plan: &plan, materials, records };
        let workloads = &*cluster.workloads;
        let keys = bring_up.ensure_keys(workloads).await?;
        let mut fleet = bring_up.bind(workloads, &keys, record).await?;
        record.spec = spec.clone();
        if upgrade.restart_all {
            bring_up.ensure_record("record", record, true).await?;
            bring_up.remember(record, &fleet, false).await?;
            self.restart(&bring_up, workloads, &mut fleet, record).await.map_err(Trouble::into_error)?;
        } else {
            self.return_nodes(&bring_up, workloads, &fleet, record, &upgrade.touched).await?;
            let poets = self.upgrade_poets(&bring_up, workloads, &mut fleet, record).await;
            poets.map_err(Trouble::into_error)?;
        }
        let observed = workloads.list().await?;
        record.config_url = Some(bring_up.publish(&fleet, &observed).await?);
        follow(&bring_up, cluster, record).await?;
        record.upgrade = None;
        bring_up.ensure_record("record", record, true).await?;
        Ok(())
    }

    async fn return_nodes(
        &self,
        bring_up: &BringUp<'_>,
        workloads: &dyn Workloads,
        fleet: &Fleet,
        record: &mut NetworkRecord,
        touched: &BTreeSet<u32>,
    ) -> Result<()> {
        let wanted = bring_up.wanted_nodes(workloads, fleet, touched).await?;
        // Earlier runs of the upgrade may have touched others than those that this one was to.
        let most =
            if self.asked.changes_nothing() { u32::MAX } else { record.spec.fleet.count().div_ceil(10) };
        let most = self.asked.wave_size.unwrap_or(most);
        let back = record.upgrade.as_ref().map(|upgrade| Goal::back_to(record, upgrade, most));
        let waves = back.map(|back| back.waves).unwrap_or_default();
        let look = async || Ok(Look::Differs(Vec::new()));
        let apply = async |_| {
            bring_up.write_record(record).await?;
            for wave in waves.iter().rev() {
                let names: Vec<String> = wave.nodes.iter().map(|number| node_name(*number)).collect();
                let of_wave = |wanted: &&Wanted| names.contains(&wanted.new.name);
                self.return_wave(bring_up, workloads, wanted.iter().filter(of_wave)).await?;
            }
            Ok(Outcome::Updated)
        };
        let detail = format!("back to what it was: {}", counted(touched.len(), "node", "nodes"));
        self.run.step("rollback", &detail, look, apply).await?;
        Ok(())
    }

    async fn return_wave(
        &self,
        bring_up: &BringUp<'_>,
        workloads: &dyn Workloads,
        wave: impl Iterator<Item = &Wanted>,
    ) -> Result<()> {
        let (stay, new): (Vec<Workload>, Vec<Workload>) =
            wave.map(|wanted| (wanted.as_it_may_stay().clone(), wanted.new.clone())).unzip();
        let names: Vec<String> = new.iter().map(|workload| workload.name.clone()).collect();
        let looks = workloads.look_workloads(&stay).await?;
        let differing = new.into_iter().zip(looks).filter(|(_, look)| !look.is_same());
        bring_up.apply(workloads, "rollback", differing.map(|(workload, _)| workload).collect()).await?;
        bring_up.wait_for(workloads, &names).await
    }
}

impl Trouble {
    /// The error, whatever it says of health.
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Unhealthy(error) | Self::Other(error) => error,
        }
    }
}
