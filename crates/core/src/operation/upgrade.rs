//! `upgrade-network`: another release or config for a network that runs, in waves that must be healthy, or for all nodes at once while nothing runs.
//!
//! The record is written before anything is touched, so that it always says what each node is meant to be: a run that died goes on from there.
//!
//! PoETs are upgraded before nodes. They are servers of the nodes: a newer PoET answers what older nodes ask, while a newer node may ask what an older PoET does
//! not know; and v0 PoETs need gateways when they start, which all nodes are able to be as long as none has been touched.

mod finish;
mod health;
mod poets;
mod restart;
mod rollback;
mod waves;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::bring_up::{BringUp, Fleet, NetworkMaterials};
use super::change::{Limits, plan_of, ready_record};
use super::run::{Basis, Run, anew_when_outdated};
use super::web_services::intents_to_follow;
use super::{OperationFailure, Services};
use crate::error::{Error, Meaning, Result, render_chain};
use crate::names::NetworkName;
use crate::plan::Plan;
use crate::report::UpgradeReport;
use crate::spec::UpgradeSpec;
use crate::spelling::counted;
use crate::state::{NetworkRecord, RecordStore, UpgradeRecord};
use crate::topology::{node_name, node_names};
use crate::traits::{ClusterServices, Evidence};
use crate::upgrade::{Estimate, Goal, Release, Wave};

/// What `upgrade-network` is to do.
#[derive(Debug)]
pub struct UpgradeRequest {
    /// The network.
    pub network: NetworkName,
    /// What was asked for.
    pub asked: UpgradeSpec,
    /// Templates, files and tokens.
    pub materials: NetworkMaterials,
}

/// Upgrades a network, goes on with an upgrade that was begun, or takes one back.
///
/// # Errors
///
/// [`OperationFailure`]; [`Meaning::Invalid`] or [`Meaning::NotFound`], with nothing changed, for a change that cannot be made, nodes that are not there, and a network
/// that is not up.
pub async fn upgrade_network(
    services: &Services,
    request: UpgradeRequest,
) -> Result<UpgradeReport, OperationFailure> {
    anew_when_outdated(async || upgrade_once(services, &request).await).await
}

async fn upgrade_once(
    services: &Services,
    request: &UpgradeRequest,
) -> Result<UpgradeReport, OperationFailure> {
    let records = RecordStore::new(Arc::clone(&services.state_store), &request.network);
    let record = ready_record(services, &records, &request.network, "upgrade").await?;
    check_settled(&record)?;
    let goal = goal(&record, &request.asked)?;
    let plan = plan_of(services, &goal.end)?;
    let run = Run::new(
        services,
        &request.network,
        "upgrade-network",
        intents(&goal, &plan),
        Limits {
            timeout: request.asked.timeout.saturating_add(estimate(&goal.waves, &request.asked).pauses()),
            step_timeout: request.asked.step_timeout,
            force_unlock: request.asked.switches.force_unlock,
        },
        Basis::of(&records).await,
    );
    let bring_up =
        BringUp { run: &run, spec: &goal.end, plan: &plan, materials: &request.materials, records };
    let upgrade = Upgrade { run: &run, asked: &request.asked, goal: &goal, bring_up };
    match run.keeping_lock(Box::pin(upgrade.flow(record))).await {
        Ok(End::Reached(mut report)) => {
            report.steps = run.finish(&report.summary()).await;
            Ok(*report)
        }
        Ok(End::TakenBack(error, evidence)) => Err(run.fail_restored(error, evidence).await),
        Err(error) => {
            let evidence = upgrade.bring_up.evidence().await;
            Err(run.fail(error, evidence).await)
        }
    }
}

/// Refuses a network whose nodes another command has not finished with.
fn check_settled(record: &NetworkRecord) -> Result<()> {
    let refuse = |reason: String, hint: &str| {
        Err(Error::new(Meaning::Invalid, "upgrade", record.network.as_str(), reason).with_hint(hint))
    };
    if !record.leaving.is_empty() {
        return refuse(
            format!("the removal of {} is not finished", node_names(&record.leaving)),
            "run delete-miner again with these numbers",
        );
    }
    if !record.joining.is_empty() {
        return refuse(
            format!("the addition of {} is not finished", node_names(&record.joining)),
            "run add-miner again",
        );
    }
    Ok(())
}

/// What is asked for; with nothing new, the way back from an upgrade that did not end.
fn goal(record: &NetworkRecord, asked: &UpgradeSpec) -> Result<Goal> {
    if !asked.changes_nothing() {
        return Goal::new(record, asked);
    }
    let Some(upgrade) = &record.upgrade else {
        let reason = "there is no upgrade that did not end, so that there is nothing to take back";
        return Err(Error::new(Meaning::Invalid, "take back upgrade of", record.network.as_str(), reason)
            .with_hint(
                "to change to another release or config, give --go-sm-image, --go-sm-config or --poet-image",
            ));
    };
    Ok(Goal::back_to(record, upgrade, u32::MAX))
}

fn estimate(waves: &[Wave], asked: &UpgradeSpec) -> Estimate {
    Estimate::new(u32::try_from(waves.len()).unwrap_or(u32::MAX), asked.between_waves)
}

/// Every step that may write, with what it changes.
fn intents(goal: &Goal, plan: &Plan) -> Vec<(String, Vec<String>)> {
    let namespace = &plan.namespaces.network;
    let intent = |step: &str, what: String| (step.to_owned(), vec![what]);
    let mut intents = vec![
        intent("record", format!("record of {}", plan.network)),
        intent("workers", counted(plan.cluster.slots, "worker slot", "worker slots")),
        intent("keys", format!("key Secrets in namespace {namespace}")),
        intent(
            "foundation",
            format!("namespaces, network policies and disruption budgets of {}", plan.network),
        ),
        intent("firewall", format!("firewall rules of {}", plan.network)),
        intent("poets", format!("PoETs in namespace {namespace}")),
        intent("nodes", format!("nodes in namespace {namespace}")),
        intent("poet-activation", "first rounds of the PoETs".to_owned()),
    ];
    intents.extend(
        plan.poets
            .iter()
            .map(|poet| intent(&poet.name, format!("PoET {} in namespace {namespace}", poet.name))),
    );
    intents.extend(goal.waves.iter().map(|wave| {
        (wave_step(wave), wave.nodes.iter().map(|number| format!("node {}", node_name(*number))).collect())
    }));
    intents.extend([
        intent("stop", format!("all nodes and PoETs in namespace {namespace}")),
        intent("rollback", format!("nodes in namespace {namespace} as they were")),
        intent("config", format!("published config of {}", plan.network)),
    ]);
    intents.extend(goal.end.web_services.iter().flat_map(|wanted| intents_to_follow(plan, wanted)));
    intents
}

fn wave_step(wave: &Wave) -> String {
    format!("wave {}", wave.number)
}

/// How an upgrade ended.
enum End {
    /// As it was to, whether all of it is done or it holds.
    Reached(Box<UpgradeReport>),
    /// It was taken back because of this.
    TakenBack(Error, Option<Evidence>),
}

/// Why an upgrade cannot go on.
enum Trouble {
    /// What runs the new release or config is not healthy.
    Unhealthy(Error),
    /// Something else went wrong.
    Other(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl Trouble {
    /// The trouble of waiting for what is new: an error that says nothing of its health (the cluster cannot be asked, the operator asked to stop) is another one.
    fn of_waiting(error: Error) -> Self {
        match error.meaning() {
            Meaning::Interrupted | Meaning::Unavailable | Meaning::Denied | Meaning::PreconditionFailed => {
                Self::Other(error)
            }
            _ => Self::Unhealthy(error),
        }
    }
}

/// One upgrade under way.
#[derive(Debug)]
struct Upgrade<'a> {
    run: &'a Run,
    asked: &'a UpgradeSpec,
    goal: &'a Goal,
    /// The network as it is at the end.
    bring_up: BringUp<'a>,
}

impl Upgrade<'_> {
    fn services(&self) -> &Services {
        self.run.services()
    }

    async fn flow(&self, mut record: NetworkRecord) -> Result<End> {
        let cluster = self.bring_up.connect().await?;
        let keys = self.bring_up.ensure_keys(&*cluster.workloads).await?;
        let mut fleet = self.bring_up.bind(&*cluster.workloads, &keys, &mut record).await?;
        if self.asked.changes_nothing() {
            self.take_back(&cluster, &mut record).await?;
            return self.report(&record, true).map(End::Reached);
        }
        match self.forward(&cluster, &mut fleet, &mut record).await {
            Ok(ended) => {
                if ended {
                    self.finish(&cluster, &fleet, &mut record).await?;
                }
                self.run.settle().await?;
                self.report(&record, ended).map(End::Reached)
            }
            Err(Trouble::Unhealthy(error)) if self.asked.switches.rollback => {
                let evidence = cluster.workloads.evidence().await.ok();
                self.run
                    .warn(format!("{}\nall that was touched returns to what it was", render_chain(&error)));
                match self.take_back(&cluster, &mut record).await {
                    Ok(()) => Ok(End::TakenBack(self.taken_back(error), evidence)),
                    Err(back) => Err(self.not_taken_back(error, &back)),
                }
            }
            Err(Trouble::Unhealthy(error)) => Err(self.stopped_unhealthy(error)),
            Err(Trouble::Other(error)) => Err(error),
        }
    }

    /// Upgrades what is not upgraded yet; false when it holds before the end.
    async fn forward(
        &self,
        cluster: &ClusterServices,
        fleet: &mut Fleet,
        record: &mut NetworkRecord,
    ) -> Result<bool, Trouble> {
        if self.restarts_all(record) {
            self.restart_all(&*cluster.workloads, fleet, record).await?;
            return Ok(true);
        }
        self.upgrade_poets(&self.bring_up, &*cluster.workloads, fleet, record).await?;
        self.upgrade_in_waves(&*cluster.workloads, fleet, record).await
    }

    /// Whether all stop for it: because it was asked for, or because an upgrade that began so is to end so.
    fn restarts_all(&self, record: &NetworkRecord) -> bool {
        let begun = record.upgrade.as_ref().filter(|upgrade| upgrade.to == self.goal.target);
        self.asked.switches.restart_all || begun.is_some_and(|upgrade| upgrade.restart_all)
    }

    /// Notes in the record that the upgrade touches these nodes, and, while its spec is still as it was, what the network ran before.
    fn note_touched(&self, record: &mut NetworkRecord, numbers: &BTreeSet<u32>) {
        let from = Release::of(&record.spec);
        let begun = record.upgrade.take().filter(|upgrade| upgrade.to == self.goal.target);
        let mut upgrade = begun.unwrap_or_else(|| UpgradeRecord {
            to: self.goal.target.clone(),
            from,
            touched: BTreeSet::new(),
            restart_all: self.asked.switches.restart_all,
        });
        upgrade.touched.extend(numbers);
        record.upgrade = Some(upgrade);
    }

    fn taken_back(&self, cause: Error) -> Error {
        let reason = "what was upgraded was not healthy, and runs again as before";
        Error::new(Meaning::Other, "upgrade", self.network().as_str(), reason).with_source(cause)
    }

    fn not_taken_back(&self, cause: Error, back: &Error) -> Error {
        let reason = format!("it was not healthy and could not be taken back either: {}", render_chain(back));
        Error::new(back.meaning(), "upgrade", self.network().as_str(), reason)
            .with_source(cause)
            .with_hint("run the command again, or upgrade-network with --rollback alone to take it back")
    }

    fn stopped_unhealthy(&self, cause: Error) -> Error {
        let reason = "what was upgraded last is not healthy, so that nothing further is touched";
        Error::new(cause.meaning(), "upgrade", self.network().as_str(), reason).with_source(cause).with_hint(
            "run the same command again to go on once that is mended, or upgrade-network with --rollback alone to take back what was touched",
        )
    }

    fn network(&self) -> &NetworkName {
        &self.goal.end.network
    }
}
