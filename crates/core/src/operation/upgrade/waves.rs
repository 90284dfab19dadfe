//! Nodes upgraded wave by wave.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::{Trouble, Upgrade, estimate, wave_step};
use crate::error::Result;
use crate::go_duration;
use crate::node_config::later;
use crate::observer::Outcome;
use crate::operation::bring_up::Fleet;
use crate::state::NetworkRecord;
use crate::topology::node_names;
use crate::traits::{Look, Workloads};
use crate::upgrade::{Estimate, Wave};
use crate::workload::Workload;

impl Upgrade<'_> {
    /// Upgrades the nodes that are not upgraded yet, wave by wave; false when it holds before the last one.
    pub(super) async fn upgrade_in_waves(
        &self,
        workloads: &dyn Workloads,
        fleet: &Fleet,
        record: &mut NetworkRecord,
    ) -> Result<bool, Trouble> {
        let pending = self.pending(workloads, fleet, record).await?;
        let waves: Vec<(&Wave, BTreeSet<u32>)> = self
            .goal
            .waves
            .iter()
            .map(|wave| {
                (wave, wave.nodes.iter().copied().filter(|number| pending.contains(number)).collect())
            })
            .filter(|(_, numbers): &(_, BTreeSet<u32>)| !numbers.is_empty())
            .collect();
        // Before it holds, too: a wave that was applied by a run that failed is not through.
        self.see_those_before(workloads, record, &pending).await?;
        if self.holds(&pending) {
            return Ok(false);
        }
        let mut estimate =
            estimate(&waves.iter().map(|(wave, _)| (*wave).clone()).collect::<Vec<_>>(), self.asked);
        let mut left = pending;
        for (at, (wave, numbers)) in waves.iter().enumerate() {
            if at > 0 {
                if self.holds(&left) {
                    return Ok(false);
                }
                self.pause(workloads, record, wave).await?;
            }
            self.tell_time_left(wave, numbers, &estimate);
            let began = self.services().clock.now();
            self.upgrade_wave(workloads, fleet, record, wave, numbers).await?;
            if at == 0 {
                self.watch_canary(workloads, record, &wave_step(wave)).await?;
            }
            estimate.note_wave(elapsed(began, self.services().clock.now()));
            left.retain(|number| !numbers.contains(number));
        }
        Ok(true)
    }

    /// The numbers of the nodes that are not as they are to be, by the record or by what runs.
    async fn pending(
        &self,
        workloads: &dyn Workloads,
        fleet: &Fleet,
        record: &NetworkRecord,
    ) -> Result<BTreeSet<u32>> {
        let selected = &self.goal.selected;
        let (stay, _) = self.wanted(workloads, fleet, selected).await?;
        let looks = workloads.look_workloads(&stay).await?;
        let differs = selected
            .iter()
            .zip(looks)
            .filter(|(number, look)| !look.is_same() || !self.goal.is_recorded(&record.spec, **number));
        Ok(differs.map(|(number, _)| *number).collect())
    }

    /// Nodes as they may stay, and as they are applied otherwise, by number.
    async fn wanted(
        &self,
        workloads: &dyn Workloads,
        fleet: &Fleet,
        numbers: &BTreeSet<u32>,
    ) -> Result<(Vec<Workload>, Vec<Workload>)> {
        let wanted = self.bring_up.wanted_nodes(workloads, fleet, numbers).await?;
        Ok(wanted.into_iter().map(|wanted| (wanted.as_it_may_stay().clone(), wanted.new)).unzip())
    }

    /// Whether the upgrade holds while these nodes are left.
    fn holds(&self, left: &BTreeSet<u32>) -> bool {
        let all = self.goal.selected.len();
        !left.is_empty()
            && self.asked.hold_at.is_some_and(|hold| hold.is_reached(all.saturating_sub(left.len()), all))
    }

    /// An upgrade that goes on begins with a look at the nodes that it upgraded before: they may not have been judged, or have fallen ill since.
    async fn see_those_before(
        &self,
        workloads: &dyn Workloads,
        record: &NetworkRecord,
        pending: &BTreeSet<u32>,
    ) -> Result<(), Trouble> {
        let begun = record.upgrade.as_ref().filter(|upgrade| upgrade.to == self.goal.target);
        let touched = begun.map(|upgrade| &upgrade.touched).into_iter().flatten();
        let before: BTreeSet<u32> = touched
            .copied()
            .filter(|number| self.goal.selected.contains(number) && !pending.contains(number))
            .collect();
        if before.is_empty() {
            return Ok(());
        }
        self.see_nodes(workloads, record, "nodes upgraded before", &before).await
    }

    /// One wave: remembered, applied, and seen to be healthy.
    async fn upgrade_wave(
        &self,
        workloads: &dyn Workloads,
        fleet: &Fleet,
        record: &mut NetworkRecord,
        wave: &Wave,
        numbers: &BTreeSet<u32>,
    ) -> Result<(), Trouble> {
        let step = wave_step(wave);
        let (stay, new) = self.wanted(workloads, fleet, numbers).await?;
        let looks = Mutex::new(Vec::new());
        let look = async || {
            *looks.lock().unwrap_or_else(PoisonError::into_inner) = workloads.look_workloads(&stay).await?;
            Ok(Look::Differs(Vec::new()))
        };
        let apply = async |_| {
            let looks = std::mem::take(&mut *looks.lock().unwrap_or_else(PoisonError::into_inner));
            self.note_touched(record, numbers);
            record.spec = self.goal.with_nodes(&record.spec, numbers);
            self.bring_up.write_record(record).await?;
            let differing = new.iter().zip(looks).filter(|(_, look)| !look.is_same());
            let differing = differing.map(|(workload, _)| workload.clone()).collect();
            Ok(self.bring_up.apply(workloads, &step, differing).await?.and(Outcome::Updated))
        };
        self.run.step(&step, &node_names(numbers), look, apply).await?;
        self.see_nodes(workloads, record, &step, numbers).await
    }

    /// Waits for as long as was asked for between waves, and sees what has become of those that are through.
    async fn pause(
        &self,
        workloads: &dyn Workloads,
        record: &NetworkRecord,
        next: &Wave,
    ) -> Result<(), Trouble> {
        let pause = self.asked.between_waves;
        let step = wave_step(next);
        if !pause.is_zero() {
            let why =
                format!("{} between waves were asked for (--restart-wait-time)", go_duration::text(pause));
            self.run.wait(&step).tell(&step, &why);
            let sleep = async {
                self.services().clock.sleep(pause).await;
                Ok(())
            };
            self.services().interrupt.or(&step, sleep).await?;
            self.see_touched(workloads, record, &step).await?;
        }
        Ok(self.run.may_start(&step)?)
    }

    fn tell_time_left(&self, wave: &Wave, numbers: &BTreeSet<u32>, estimate: &Estimate) {
        let left = estimate.left();
        let until = later(self.services().clock.now(), left);
        self.run.tell(format!(
            "wave {} of {}: {}; all waves are through in about {}, at {}",
            wave.number,
            self.goal.waves.len(),
            node_names(numbers),
            go_duration::text(Duration::from_secs(left.as_secs())),
            until.strftime("%H:%M:%S UTC"),
        ));
    }
}

fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}
