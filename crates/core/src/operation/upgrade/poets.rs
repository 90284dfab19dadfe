//! PoETs: one after the other in v1, which start by themselves; together in v0, where they have to be activated anew.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Trouble, Upgrade};
use crate::error::Result;
use crate::observer::Outcome;
use crate::operation::bring_up::{BringUp, Fleet};
use crate::spec::Generation;
use crate::state::NetworkRecord;
use crate::traits::{Look, Workloads};
use crate::workload::Workload;

/// How long v0 PoETs are expected to take from being applied to being ready, by which the instant of their activation is planned.
const EXPECTED_DEPLOYMENT: Duration = Duration::from_secs(30);

impl Upgrade<'_> {
    /// Gives PoETs the image that `bring_up` has for them, when the upgrade is about it.
    pub(super) async fn upgrade_poets(
        &self,
        bring_up: &BringUp<'_>,
        workloads: &dyn Workloads,
        fleet: &mut Fleet,
        record: &mut NetworkRecord,
    ) -> Result<(), Trouble> {
        if self.goal.target.poet_image.is_none() {
            return Ok(());
        }
        let poets = bring_up.poet_workloads(&fleet.bindings)?;
        let looks = workloads.look_workloads(&poets).await?;
        let is_recorded = record.spec.poet.image == bring_up.spec.poet.image;
        match bring_up.spec.generation {
            Generation::V1 => {
                let begun = record.upgrade.as_ref().is_some_and(|upgrade| upgrade.to == self.goal.target);
                for (poet, look) in poets.iter().zip(looks) {
                    if !look.is_same() || !is_recorded {
                        self.upgrade_poet(bring_up, workloads, record, poet).await?;
                    }
                    if !look.is_same() || begun {
                        self.see_poet(workloads, &poet.name).await?;
                    }
                }
                Ok(())
            }
            Generation::V0 => {
                let is_same = looks.iter().all(Look::is_same) && fleet.genesis.poets_activated;
                if is_same && is_recorded {
                    return Ok(self.open_activated(bring_up, workloads).await?);
                }
                self.note_poets(bring_up, fleet, record).await?;
                self.activate_anew(bring_up, workloads, fleet, record).await.map_err(Trouble::of_waiting)
            }
        }
    }

    async fn upgrade_poet(
        &self,
        bring_up: &BringUp<'_>,
        workloads: &dyn Workloads,
        record: &mut NetworkRecord,
        poet: &Workload,
    ) -> Result<()> {
        let apply = async |_| {
            self.note_touched(record, &BTreeSet::new());
            record.spec.poet.image.clone_from(&poet.image);
            bring_up.write_record(record).await?;
            Ok(workloads.ensure_workload(poet).await?.and(Outcome::Updated))
        };
        let look = async || Ok(Look::Differs(Vec::new()));
        self.run.step(&poet.name, &poet.image.to_string(), look, apply).await?;
        Ok(())
    }

    /// v0: remembers the new image, and that no PoET counts as activated any more: a PoET that was restarted has to be.
    async fn note_poets(
        &self,
        bring_up: &BringUp<'_>,
        fleet: &mut Fleet,
        record: &mut NetworkRecord,
    ) -> Result<()> {
        self.note_touched(record, &BTreeSet::new());
        record.spec.poet.image.clone_from(&bring_up.spec.poet.image);
        unactivated(fleet, record);
        bring_up.ensure_record("record", record, true).await?;
        Ok(())
    }

    /// v0: deploys PoETs whose first round is computed for a planned instant and activates them then; nobody else can reach them in between.
    pub(super) async fn activate_anew(
        &self,
        bring_up: &BringUp<'_>,
        workloads: &dyn Workloads,
        fleet: &mut Fleet,
        record: &mut NetworkRecord,
    ) -> Result<()> {
        bring_up.ensure_foundation(workloads, false).await?;
        bring_up.ensure_firewall(false).await?;
        bring_up.activate_poets(workloads, fleet, record, EXPECTED_DEPLOYMENT).await
    }

    /// v0: lets everybody reach PoETs that are activated, which a run that died right after it noted that they are did not come to.
    pub(super) async fn open_activated(
        &self,
        bring_up: &BringUp<'_>,
        workloads: &dyn Workloads,
    ) -> Result<()> {
        bring_up.ensure_foundation(workloads, true).await?;
        bring_up.ensure_firewall(true).await
    }
}

/// v0: notes that no PoET is activated.
pub(super) fn unactivated(fleet: &mut Fleet, record: &mut NetworkRecord) {
    fleet.genesis.poets_activated = false;
    record.genesis = Some(fleet.genesis.clone());
}
