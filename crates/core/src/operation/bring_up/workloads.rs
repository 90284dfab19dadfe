//! Workloads: applied through one window, or wave by wave, and waited for together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::BringUp;
use crate::error::{Result, render_chain};
use crate::generation::GRPC_PORT;
use crate::observer::{Event, Outcome};
use crate::operation::window::sliding_window;
use crate::spec::{RolloutOrder, WaitFor};
use crate::topology::node_name;
use crate::traits::{Look, ServiceName, Workloads};
use crate::wait::Progress;
use crate::workload::{Part, Role, Workload};

/// How often something without a watch is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// How many differences of a group are told.
const MOST_DIFFERENCES: usize = 20;

/// How many nodes are asked at once.
const NODES_ASKED_AT_ONCE: usize = 50;

impl BringUp<'_> {
    /// One step over a group of workloads: those that differ are applied through the window.
    pub(in crate::operation) async fn ensure_group(
        &self,
        workloads: &dyn Workloads,
        step: &str,
        group: Vec<Wanted>,
    ) -> Result<Outcome> {
        let stays_otherwise = group.iter().any(|wanted| wanted.kept.is_some());
        let kept: Vec<Workload> = if stays_otherwise {
            group.iter().map(|wanted| wanted.as_it_may_stay().clone()).collect()
        } else {
            Vec::new()
        };
        let new: Vec<Workload> = group.into_iter().map(|wanted| wanted.new).collect();
        let may_stay = if stays_otherwise { &kept } else { &new };
        let looks = Mutex::new(Vec::new());
        let look = async || {
            let found = workloads.look_workloads(may_stay).await?;
            let together = together(may_stay, &found);
            *looks.lock().unwrap_or_else(PoisonError::into_inner) = found;
            Ok(together)
        };
        let detail = format!("{} of them", new.len());
        let apply = async |_| {
            let found = std::mem::take(&mut *looks.lock().unwrap_or_else(PoisonError::into_inner));
            let differing = new.iter().zip(found).filter(|(_, look)| !look.is_same());
            self.apply(workloads, step, differing.map(|(workload, _)| workload.clone()).collect()).await
        };
        self.run.step(step, &detail, look, apply).await
    }

    /// Applies workloads, all through one window, or wave by wave when the rollout is ordered.
    pub(in crate::operation) async fn apply(
        &self,
        workloads: &dyn Workloads,
        step: &str,
        all: Vec<Workload>,
    ) -> Result<Outcome> {
        let rollout = &self.spec.rollout;
        let width = usize::try_from(rollout.max_concurrent_deployments).unwrap_or(usize::MAX);
        let total = u64::try_from(all.len()).unwrap_or(u64::MAX);
        let (mut done, mut outcome) = (0, Outcome::Unchanged);
        let waves = match rollout.order {
            RolloutOrder::Parallel => vec![all],
            RolloutOrder::Ordered => waves(all, width),
        };
        for wave in waves {
            let names: Vec<String> = wave.iter().map(|workload| workload.name.clone()).collect();
            let applied = |one: Outcome| {
                done += 1;
                outcome = outcome.and(one);
                self.run.observe(&Event::Progress { step: step.to_owned(), done, total });
            };
            let apply = async |workload: Workload| workloads.ensure_workload(&workload).await;
            sliding_window(wave, width, || self.run.may_start(step), apply, applied).await?;
            if rollout.order == RolloutOrder::Ordered {
                self.wait_for(workloads, &names).await?;
            }
        }
        Ok(outcome)
    }

    /// Waits until workloads are ready; a run that only looks waits for nothing.
    pub(in crate::operation) async fn wait_for(
        &self,
        workloads: &dyn Workloads,
        names: &[String],
    ) -> Result<()> {
        if self.run.only_looks() {
            return Ok(());
        }
        let wait = self.run.wait("ready");
        self.services().interrupt.or("ready", workloads.wait_ready(names, &wait)).await
    }

    /// With `--wait healthy`: waits until each of these nodes answers over gRPC, through the Kubernetes API.
    pub(in crate::operation) async fn wait_healthy_if_asked(
        &self,
        workloads: &dyn Workloads,
        numbers: &BTreeSet<u32>,
    ) -> Result<()> {
        if self.spec.rollout.wait != WaitFor::Healthy || self.run.only_looks() {
            return Ok(());
        }
        let total = u64::try_from(numbers.len()).unwrap_or(u64::MAX);
        let mut done = 0;
        let answered = |()| {
            done += 1;
            self.run.observe(&Event::Progress { step: "healthy".to_owned(), done, total });
        };
        let wait = self.run.wait("healthy");
        let ask = async |name: String| {
            let service = ServiceName::new(workloads.namespace(), &name);
            wait.until(&name, LOOK_AGAIN, async || {
                let tunnel = workloads.tunnel(&service, GRPC_PORT).await?;
                Ok(match tunnel.told(self.services().spacemesh.node_status(tunnel.local).await) {
                    Ok(_) => Progress::Ready(()),
                    Err(error) => Progress::Pending(render_chain(&error)),
                })
            })
            .await
        };
        let names = numbers.iter().map(|number| node_name(*number));
        sliding_window(names, NODES_ASKED_AT_ONCE, || self.run.may_start("healthy"), ask, answered).await
    }
}

/// A workload that is to be there.
#[derive(Debug)]
pub(in crate::operation) struct Wanted {
    /// As it may stay when it is so, where that is another way than it is applied.
    kept: Option<Workload>,
    /// As it is applied otherwise.
    pub new: Workload,
}

impl Wanted {
    /// One that is to be as it would be applied.
    pub(in crate::operation) fn new(new: Workload) -> Self {
        Self { kept: None, new }
    }

    /// One that may also stay as it is in `kept`.
    pub(in crate::operation) fn or_kept(kept: Workload, new: Workload) -> Self {
        Self { kept: Some(kept), new }
    }

    /// As it may stay when it is so.
    pub(in crate::operation) fn as_it_may_stay(&self) -> &Workload {
        self.kept.as_ref().unwrap_or(&self.new)
    }
}

/// What a group of looks says together, with what differs of the first few.
fn together(workloads: &[Workload], looks: &[Look]) -> Look {
    if looks.iter().all(Look::is_same) {
        return Look::Same;
    }
    if looks.iter().all(|look| *look == Look::Absent) {
        return Look::Absent;
    }
    let of_one = |(workload, look): (&Workload, &Look)| match look {
        Look::Same => Vec::new(),
        Look::Absent => vec![format!("{}: does not exist", workload.name)],
        Look::Differs(differences) => {
            differences.iter().map(|difference| format!("{}: {difference}", workload.name)).collect()
        }
    };
    Look::Differs(workloads.iter().zip(looks).flat_map(of_one).take(MOST_DIFFERENCES).collect())
}

/// Bootstrap node, then bootnodes, then miners in chunks of `width`; what is no node goes first.
fn waves(all: Vec<Workload>, width: usize) -> Vec<Vec<Workload>> {
    let mut by_turn: BTreeMap<u8, Vec<Workload>> = BTreeMap::new();
    for workload in all {
        let turn = match workload.part {
            Part::Node { role: Role::Bootstrap, .. } => 1,
            Part::Node { role: Role::Bootnode, .. } => 2,
            Part::Node { role: Role::Miner, .. } => 3,
            Part::Poet { .. } | Part::Beacon | Part::Watch | Part::Pyroscope => 0,
        };
        by_turn.entry(turn).or_default().push(workload);
    }
    by_turn
        .into_values()
        .flat_map(|turn| turn.chunks(width.max(1)).map(<[Workload]>::to_vec).collect::<Vec<_>>())
        .collect()
}
