//! The workloads that are waited for, as far as the watches have shown them: no effects.

use std::collections::{BTreeMap, HashMap};

use spacecraft_core::observer::Event;
use spacecraft_core::wait::Wait;

use crate::connection::Delta;
use crate::observed::{Deployment, Pod};
use crate::readiness::{Circumstances, Hopeless, Troubles, Verdict, judge};

/// How many workloads a reason names.
const MOST_NAMED: usize = 3;

/// All workloads that are waited for.
#[derive(Debug)]
pub(super) struct Fleet {
    members: BTreeMap<String, Member>,
    deployments: Sight,
    pods: Sight,
    told: Option<u64>,
}

/// One workload.
#[derive(Debug)]
struct Member {
    deployment: Option<Deployment>,
    pods: HashMap<String, Pod>,
    troubles: Troubles,
    verdict: Verdict,
}

/// Whether a kind of object has been seen.
#[derive(Debug, Default)]
struct Sight {
    complete: bool,
    blind: Option<String>,
}

impl Sight {
    fn note<T>(&mut self, delta: &Delta<T>) {
        match delta {
            Delta::All(_) => *self = Self { complete: true, blind: None },
            Delta::Blind(reason) => self.blind = Some(reason.clone()),
            Delta::Changed(_) | Delta::Gone(_) => self.blind = None,
        }
    }
}

impl Fleet {
    /// None of them has been seen yet.
    pub(super) fn new(names: &[String]) -> Self {
        let unseen = || Member {
            deployment: None,
            pods: HashMap::new(),
            troubles: Troubles::default(),
            verdict: Verdict::Pending("it has not been looked at yet".to_owned()),
        };
        Self {
            members: names.iter().map(|name| (name.clone(), unseen())).collect(),
            deployments: Sight::default(),
            pods: Sight::default(),
            told: None,
        }
    }

    pub(super) fn note_deployments(&mut self, delta: Delta<Deployment>, circumstances: Circumstances) {
        self.deployments.note(&delta);
        match delta {
            Delta::All(all) => {
                self.members.values_mut().for_each(|member| member.deployment = None);
                all.into_iter().for_each(|deployment| self.put_deployment(deployment));
                self.judge_all(circumstances);
            }
            Delta::Changed(deployment) => {
                let name = deployment.metadata.labels.name.clone();
                self.put_deployment(deployment);
                self.judge(name.as_deref(), circumstances);
            }
            Delta::Gone(deployment) => {
                let name = deployment.metadata.labels.name.as_deref();
                if let Some(member) = self.member(name) {
                    member.deployment = None;
                }
                self.judge(name, circumstances);
            }
            Delta::Blind(_) => {}
        }
    }

    pub(super) fn note_pods(&mut self, delta: Delta<Pod>, circumstances: Circumstances) {
        self.pods.note(&delta);
        match delta {
            Delta::All(all) => {
                self.members.values_mut().for_each(|member| member.pods.clear());
                all.into_iter().for_each(|pod| self.put_pod(pod));
                self.judge_all(circumstances);
            }
            Delta::Changed(pod) => {
                let name = pod.workload().map(str::to_owned);
                self.put_pod(pod);
                self.judge(name.as_deref(), circumstances);
            }
            Delta::Gone(pod) => {
                if let Some(member) = self.member(pod.workload()) {
                    member.pods.remove(&pod.metadata.name);
                }
                self.judge(pod.workload(), circumstances);
            }
            Delta::Blind(_) => {}
        }
    }

    fn member(&mut self, name: Option<&str>) -> Option<&mut Member> {
        self.members.get_mut(name?)
    }

    fn put_deployment(&mut self, deployment: Deployment) {
        let name = deployment.metadata.labels.name.clone();
        if let Some(member) = self.member(name.as_deref()) {
            member.deployment = Some(deployment);
        }
    }

    fn put_pod(&mut self, pod: Pod) {
        let name = pod.workload().map(str::to_owned);
        if let Some(member) = self.member(name.as_deref()) {
            member.pods.insert(pod.metadata.name.clone(), pod);
        }
    }

    fn is_seen(&self) -> bool {
        self.deployments.complete && self.pods.complete
    }

    fn judge(&mut self, name: Option<&str>, circumstances: Circumstances) {
        if self.is_seen()
            && let Some(member) = self.member(name)
        {
            member.judge(circumstances);
        }
    }

    /// Judges every workload anew: time alone can change a verdict.
    pub(super) fn judge_all(&mut self, circumstances: Circumstances) {
        if self.is_seen() {
            self.members.values_mut().for_each(|member| member.judge(circumstances));
        }
    }

    fn pending(&self) -> impl Iterator<Item = (&String, &String)> {
        self.members.iter().filter_map(|(name, member)| match &member.verdict {
            Verdict::Ready => None,
            Verdict::Pending(reason) => Some((name, reason)),
            Verdict::Hopeless(hopeless) => Some((name, &hopeless.reason)),
        })
    }

    /// True when all are ready.
    pub(super) fn is_ready(&self) -> bool {
        self.pending().next().is_none()
    }

    /// The first workload that will not get ready by itself.
    pub(super) fn hopeless(&self) -> Option<(&str, &Hopeless)> {
        self.members.iter().find_map(|(name, member)| match &member.verdict {
            Verdict::Hopeless(hopeless) => Some((name.as_str(), hopeless)),
            Verdict::Ready | Verdict::Pending(_) => None,
        })
    }

    /// True when some pod fits on no worker.
    pub(super) fn lacks_places(&self) -> bool {
        self.members.values().any(|member| member.troubles.lacks_place())
    }

    /// True when nothing that is not ready would be with more time.
    pub(super) fn is_beyond_patience(&self) -> bool {
        let mut unready = self.members.values().filter(|member| member.verdict != Verdict::Ready).peekable();
        unready.peek().is_some() && unready.all(|member| member.troubles.outlast_patience())
    }

    /// What is waited for.
    pub(super) fn what(&self) -> String {
        let mut pending = self.pending().map(|(name, _)| name);
        match (pending.next(), pending.count()) {
            (Some(name), 0) => name.clone(),
            (_, others) => format!("{} workloads", others + 1),
        }
    }

    /// Why they are not ready, naming the first few.
    pub(super) fn why(&self) -> String {
        if let Some(blind) = self.deployments.blind.as_ref().or(self.pods.blind.as_ref()) {
            return format!("the cluster cannot be looked at: {blind}");
        }
        let count = self.pending().count();
        let mut reasons: Vec<String> =
            self.pending().take(MOST_NAMED).map(|(name, reason)| format!("{name}: {reason}")).collect();
        if count > MOST_NAMED {
            reasons.push(format!("and {} more", count - MOST_NAMED));
        }
        reasons.join("; ")
    }

    /// Tells how far the fleet is, when that changed, and what it waits for.
    pub(super) fn tell(&mut self, wait: &Wait) {
        let total = self.members.len() as u64;
        let done = total.saturating_sub(self.pending().count() as u64);
        if self.told != Some(done) {
            self.told = Some(done);
            wait.observer().observe(&Event::Progress { step: wait.step().to_owned(), done, total });
        }
        if done < total {
            wait.tell(&self.what(), &self.why());
        }
    }
}

impl Member {
    fn judge(&mut self, circumstances: Circumstances) {
        let pods = self.pods.values();
        self.verdict = judge(self.deployment.as_ref(), pods, &mut self.troubles, circumstances);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn now() -> Circumstances {
        Circumstances { now: Timestamp::UNIX_EPOCH, pool_is_full: false }
    }

    fn deployment(name: &str) -> Deployment {
        serde_json::from_value(json!({
            "metadata": { "name": name, "labels": { "name": name } },
            "spec": { "replicas": 1 },
            "status": { "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1 },
        }))
        .unwrap()
    }

    fn pod(name: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": { "name": format!("{name}-x"), "labels": { "name": name } },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] },
        }))
        .unwrap()
    }

    fn fleet() -> Fleet {
        Fleet::new(&["miner-1".to_owned(), "miner-10".to_owned()])
    }

    #[test]
    fn nothing_is_judged_before_both_kinds_were_seen() {
        let mut fleet = fleet();
        fleet.note_pods(Delta::All(vec![pod("miner-1"), pod("miner-10")]), now());
        assert!(fleet.why().contains("has not been looked at yet"));
        fleet.note_deployments(Delta::All(vec![deployment("miner-1"), deployment("miner-10")]), now());
        assert!(fleet.is_ready());
    }

    #[test]
    fn a_workload_is_not_taken_for_one_whose_name_begins_alike() {
        let mut fleet = fleet();
        fleet.note_deployments(Delta::All(vec![deployment("miner-1"), deployment("miner-10")]), now());
        fleet.note_pods(Delta::All(vec![pod("miner-10")]), now());
        assert_eq!(fleet.what(), "miner-1");
        assert_eq!(fleet.why(), "miner-1: its pod does not exist yet");
    }

    #[test]
    fn a_ready_workload_whose_pod_goes_is_no_longer_ready() {
        let mut fleet = fleet();
        fleet.note_deployments(Delta::All(vec![deployment("miner-1"), deployment("miner-10")]), now());
        fleet.note_pods(Delta::All(vec![pod("miner-1"), pod("miner-10")]), now());
        fleet.note_pods(Delta::Gone(pod("miner-10")), now());
        assert_eq!(fleet.what(), "miner-10");
        fleet.note_pods(Delta::Changed(pod("miner-10")), now());
        assert!(fleet.is_ready());
    }

    #[test]
    fn a_new_list_replaces_what_was_known() {
        let mut fleet = fleet();
        fleet.note_deployments(Delta::All(vec![deployment("miner-1"), deployment("miner-10")]), now());
        fleet.note_pods(Delta::All(vec![pod("miner-1"), pod("miner-10")]), now());
        fleet.note_pods(Delta::All(vec![pod("miner-1")]), now());
        assert_eq!(fleet.what(), "miner-10");
    }

    #[test]
    fn more_time_helps_unless_all_that_is_left_crashes_or_has_no_image() {
        let waiting = |name: &str, reason: &str| {
            let mut pod = pod(name);
            pod.status = serde_json::from_value(json!({ "containerStatuses": [{
                "name": "miner", "restartCount": 1, "state": { "waiting": { "reason": reason } },
            }] }))
            .unwrap();
            pod
        };
        let mut fleet = fleet();
        fleet.note_deployments(Delta::All(vec![deployment("miner-1"), deployment("miner-10")]), now());
        let starting = waiting("miner-10", "ContainerCreating");
        fleet.note_pods(Delta::All(vec![waiting("miner-1", "ErrImagePull"), starting]), now());
        assert!(!fleet.is_beyond_patience(), "miner-10 only needs time");
        fleet.note_pods(Delta::Changed(waiting("miner-10", "CrashLoopBackOff")), now());
        assert!(fleet.is_beyond_patience());
        fleet.note_pods(Delta::All(vec![pod("miner-1"), pod("miner-10")]), now());
        assert!(!fleet.is_beyond_patience());
    }

    #[test]
    fn an_api_that_cannot_be_reached_is_the_reason_that_is_told() {
        let mut fleet = fleet();
        fleet.note_pods(Delta::Blind("no connection".to_owned()), now());
        assert_eq!(fleet.why(), "the cluster cannot be looked at: no connection");
    }
}
