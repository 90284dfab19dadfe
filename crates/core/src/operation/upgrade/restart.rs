//! All nodes and PoETs stopped, then started with what is new: for values that they must agree on at every moment.
//!
//! What runs tells how far a restart is: as long as anything runs with other values than the new ones, all that runs is stopped; nothing is started before.

use std::collections::BTreeSet;

use super::poets::unactivated;
use super::{Trouble, Upgrade};
use crate::error::Result;
use crate::observer::Outcome;
use crate::operation::bring_up::{BringUp, Fleet, all_new};
use crate::spec::Generation;
use crate::state::NetworkRecord;
use crate::traits::{Look, Workloads};
use crate::workload::Workload;

/// What is to run, and what runs of it.
struct Survey {
    poets: Vec<Workload>,
    nodes: Vec<Workload>,
    /// Names of workloads that run, with whatever values.
    running: BTreeSet<String>,
    /// Whether anything runs with other values.
    runs_otherwise: bool,
    /// Whether all of it runs as it is to.
    is_done: bool,
}

impl Upgrade<'_> {
    /// Restarts all nodes and PoETs with what the upgrade leads to, and sees that they are healthy.
    pub(super) async fn restart_all(
        &self,
        workloads: &dyn Workloads,
        fleet: &mut Fleet,
        record: &mut NetworkRecord,
    ) -> Result<(), Trouble> {
        let survey = self.survey(&self.bring_up, workloads, fleet).await?;
        let is_activated = fleet.genesis.poets_activated;
        let is_recorded =
            self.goal.selected.iter().all(|number| self.goal.is_recorded(&record.spec, *number))
                && record.spec.poet.image == self.goal.end.poet.image;
        if survey.is_done && is_recorded && is_activated && record.upgrade.is_none() {
            return Ok(());
        }
        self.note_touched(record, &self.goal.selected);
        record.spec = self.goal.end.clone();
        if survey.runs_otherwise {
            unactivated_in_v0(fleet, record, self.goal.end.generation);
        }
        self.bring_up.ensure_record("record", record, true).await?;
        self.bring_up.remember(record, fleet, false).await?;
        self.stop_and_start(&self.bring_up, workloads, fleet, record, survey).await?;
        self.see_nodes(workloads, record, "nodes", &self.goal.end.fleet.numbers()).await
    }

    /// Stops what has to be stopped and starts all that does not run, without judging its health.
    pub(super) async fn restart(
        &self,
        bring_up: &BringUp<'_>,
        workloads: &dyn Workloads,
        fleet: &mut Fleet,
        record: &mut NetworkRecord,
    ) -> Result<(), Trouble> {
        let survey = self.survey(bring_up, workloads, fleet).await?;
        if survey.runs_otherwise {
            unactivated_in_v0(fleet, record, bring_up.spec.generation);
            bring_up.ensure_record("record", record, true).await?;
        }
        self.stop_and_start(bring_up, workloads, fleet, record, survey).await
    }

    async fn survey(
        &self,
        bring_up: &BringUp<'_>,
        workloads: &dyn Workloads,
        fleet: &Fleet,
    ) -> Result<Survey> {
        let numbers = bring_up.spec.fleet.numbers();
        let wanted = bring_up.wanted_nodes(workloads, fleet, &numbers).await?;
        let poets = bring_up.poet_workloads(&fleet.bindings)?;
        let all: Vec<Workload> =
            poets.iter().cloned().chain(wanted.iter().map(|node| node.as_it_may_stay().clone())).collect();
        let looks = workloads.look_workloads(&all).await?;
        let observed = workloads.list().await?;
        let running: BTreeSet<String> =
            observed.into_iter().filter(|workload| !workload.stopped).map(|workload| workload.name).collect();
        let mut compared = all.iter().zip(&looks);
        Ok(Survey {
            runs_otherwise: compared
                .any(|(workload, look)| running.contains(&workload.name) && !look.is_same()),
            is_done: looks.iter().all(Look::is_same),
            nodes: wanted.into_iter().map(|node| node.new).collect(),
            poets,
            running,
        })
    }

    async fn stop_and_start(
        &self,
        bring_up: &BringUp<'_>,
        workloads: &dyn Workloads,
        fleet: &mut Fleet,
        record: &mut NetworkRecord,
        survey: Survey,
    ) -> Result<(), Trouble> {
        if survey.runs_otherwise {
            self.stop(bring_up, workloads, &survey).await?;
        }
        let node_names: Vec<String> = survey.nodes.iter().map(|node| node.name.clone()).collect();
        if bring_up.spec.generation == Generation::V1 {
            // Nodes end when they meet a PoET with other rounds, so that PoETs are up first.
            let poet_names: Vec<String> = survey.poets.iter().map(|poet| poet.name.clone()).collect();
            bring_up.ensure_group(workloads, "poets", all_new(survey.poets)).await?;
            self.see_rolled_out(workloads, "poets", &poet_names).await?;
        }
        let numbers = bring_up.spec.fleet.numbers();
        bring_up.ensure_nodes(workloads, fleet, &numbers).await?;
        self.see_rolled_out(workloads, "nodes", &node_names).await?;
        if !fleet.genesis.poets_activated {
            self.activate_anew(bring_up, workloads, fleet, record).await.map_err(Trouble::of_waiting)?;
        } else if bring_up.spec.generation == Generation::V0 {
            self.open_activated(bring_up, workloads).await?;
        }
        Ok(())
    }

    /// Stops all that runs, PoETs first: when no node runs any more, no PoET does.
    async fn stop(
        &self,
        bring_up: &BringUp<'_>,
        workloads: &dyn Workloads,
        survey: &Survey,
    ) -> Result<(), Trouble> {
        let stopped = |group: &[Workload]| -> Vec<Workload> {
            let running = group.iter().filter(|workload| survey.running.contains(&workload.name));
            running.map(|workload| Workload { stopped: true, ..workload.clone() }).collect()
        };
        let (poets, nodes) = (stopped(&survey.poets), stopped(&survey.nodes));
        let names: Vec<String> = poets.iter().chain(&nodes).map(|workload| workload.name.clone()).collect();
        let look = async || Ok(Look::Differs(Vec::new()));
        let apply = async |_| {
            bring_up.apply(workloads, "stop", poets).await?;
            bring_up.apply(workloads, "stop", nodes).await?;
            Ok(Outcome::Updated)
        };
        self.run.step("stop", &format!("{} nodes and PoETs", names.len()), look, apply).await?;
        self.see_rolled_out(workloads, "stop", &names).await
    }
}

fn unactivated_in_v0(fleet: &mut Fleet, record: &mut NetworkRecord, generation: Generation) {
    if generation == Generation::V0 {
        unactivated(fleet, record);
    }
}
