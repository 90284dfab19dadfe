//! The end of an upgrade: what is published follows, the record says what runs, and the report tells it.

use super::Upgrade;
use crate::error::Result;
use crate::operation::bring_up::Fleet;
use crate::operation::web_services::follow;
use crate::report::{UpgradeReport, UpgradedNode};
use crate::state::{NetworkRecord, SCHEMA};
use crate::topology::{node_name, role_of};
use crate::traits::ClusterServices;

impl Upgrade<'_> {
    /// Publishes the config that is new, lets the web services follow, and closes the upgrade in the record.
    pub(super) async fn finish(
        &self,
        cluster: &ClusterServices,
        fleet: &Fleet,
        record: &mut NetworkRecord,
    ) -> Result<()> {
        let observed = cluster.workloads.list().await?;
        record.config_url = Some(self.bring_up.publish(fleet, &observed).await?);
        let is_ours = record.upgrade.as_ref().is_some_and(|upgrade| upgrade.to == self.goal.target);
        let changed = is_ours || record.spec != self.goal.end;
        if changed {
            record.upgrade = None;
            record.spec = self.goal.end.clone();
            record.settings = self.goal.end.to_settings();
        }
        follow(&self.bring_up, cluster, record).await?;
        self.bring_up.ensure_record("record", record, changed).await?;
        Ok(())
    }

    /// What the network runs now.
    pub(super) fn report(&self, record: &NetworkRecord, ended: bool) -> Result<Box<UpgradeReport>> {
        let spec = &record.spec;
        let status = match (ended, self.asked.changes_nothing()) {
            (_, true) => "taken back",
            (true, false) => "upgraded",
            (false, false) => "held",
        };
        let wave_of = |number: u32| {
            let wave = self.goal.waves.iter().find(|wave| wave.nodes.contains(&number));
            wave.map(|wave| wave.number)
        };
        let node = |number: u32| UpgradedNode {
            name: node_name(number),
            role: role_of(number, &spec.fleet),
            wave: wave_of(number),
            image: spec.makeup(number).image.clone(),
            upgraded: self.goal.selected.contains(&number) && self.goal.is_recorded(spec, number),
        };
        Ok(Box::new(UpgradeReport {
            schema: SCHEMA.to_owned(),
            kind: "UpgradeReport".to_owned(),
            network: spec.network.clone(),
            generation: spec.generation,
            status: status.to_owned(),
            poet_image: spec.poet.image.clone(),
            config_changes: self.goal.changes.clone(),
            nodes: spec.fleet.numbers().into_iter().map(node).collect(),
            config_url: record.config_url.clone(),
            steps: Vec::new(),
        }))
    }
}
