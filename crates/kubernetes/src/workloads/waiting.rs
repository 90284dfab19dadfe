//! Waiting for many workloads by one watch of Deployments and one of pods.

mod fleet;

use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use spacecraft_core::wait::Wait;
use spacecraft_core::{Error, Result, render_chain};

use self::fleet::Fleet;
use super::{KubernetesWorkloads, logs, workers};
use crate::connection::follow;
use crate::observed::{Deployment, Pod};
use crate::readiness::{Circumstances, Hopeless, JUDGED_AGAIN_AFTER};
use crate::resource::{DEPLOYMENT, POD};

/// How often the workers are counted while pods find no place.
const WORKERS_COUNTED_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(15);
/// How many of a crashed container's last lines an error shows.
const SHOWN_LOG_LINES: u32 = 8;

/// What to do about what more time does not mend.
const BEYOND_PATIENCE: &str = "more time does not help: see that the image exists and that what it runs does not end by itself, then run the same command again";

/// Returns when every named workload is ready, or fails when one of them cannot get ready or patience ends.
pub(super) async fn until_ready(
    workloads: &KubernetesWorkloads,
    names: &[String],
    wait: &Wait,
) -> Result<()> {
    let mut fleet = Fleet::new(names);
    let mut deployments = follow::<Deployment>(workloads.connection.clone(), workloads.ours(DEPLOYMENT));
    let mut pods = follow::<Pod>(workloads.connection.clone(), workloads.ours(POD));
    let mut pool = Pool::default();
    let mut judged_again_at = later(wait.clock().now());
    while !fleet.is_ready() {
        if let Some((name, hopeless)) = fleet.hopeless() {
            return Err(explained(workloads, name, hopeless).await);
        }
        if wait.remaining().is_zero() {
            let timed_out = wait.timed_out(&fleet.what(), &fleet.why());
            return Err(match fleet.is_beyond_patience() {
                true => timed_out.with_hint(BEYOND_PATIENCE),
                false => timed_out,
            });
        }
        let circumstances = Circumstances { now: wait.clock().now(), pool_is_full: pool.is_full };
        let pause = std::time::Duration::try_from(judged_again_at.duration_since(circumstances.now));
        tokio::select! {
            Some(delta) = deployments.next() => fleet.note_deployments(delta?, circumstances),
            Some(delta) = pods.next() => fleet.note_pods(delta?, circumstances),
            () = wait.clock().sleep(pause.unwrap_or_default().min(wait.remaining())) => {
                pool.look(workloads, &fleet, wait.clock().now()).await;
                fleet.judge_all(Circumstances { now: wait.clock().now(), pool_is_full: pool.is_full });
                judged_again_at = later(wait.clock().now());
                fleet.tell(wait);
            }
        }
    }
    fleet.tell(wait);
    Ok(())
}

fn later(now: Timestamp) -> Timestamp {
    let pause = SignedDuration::try_from(JUDGED_AGAIN_AFTER).unwrap_or(SignedDuration::ZERO);
    now.saturating_add(pause).unwrap_or(Timestamp::MAX)
}

/// Whether the pool of workers is at its ceiling.
#[derive(Debug, Default)]
struct Pool {
    is_full: bool,
    counted: Option<Timestamp>,
}

impl Pool {
    /// Counts the workers now and then while pods find no place. Without a known ceiling, or when the workers cannot be counted, a worker
    /// can always come.
    async fn look(&mut self, workloads: &KubernetesWorkloads, fleet: &Fleet, now: Timestamp) {
        let Some(most) = workloads.most_workers.filter(|_| fleet.lacks_places()) else { return };
        if self.counted.is_some_and(|counted| now.duration_since(counted) < WORKERS_COUNTED_AGAIN_AFTER) {
            return;
        }
        self.counted = Some(now);
        match workers::list(workloads).await {
            Ok(workers) => self.is_full = u32::try_from(workers.len()).unwrap_or(u32::MAX) >= most,
            Err(error) => tracing::debug!(error = %render_chain(&error), "the workers cannot be counted"),
        }
    }
}

/// The error of a workload that will not get ready by itself, with the last words of what crashed.
async fn explained(workloads: &KubernetesWorkloads, name: &str, hopeless: &Hopeless) -> Error {
    let mut reason = hopeless.reason.clone();
    if let Some((pod, container)) = &hopeless.crashed {
        let lines = logs::last_words(workloads, pod, container, SHOWN_LOG_LINES).await;
        if !lines.is_empty() {
            reason.push_str("; its last log lines:\n");
            reason.push_str(&lines.join("\n"));
        }
    }
    Error::new(hopeless.meaning, "wait for", name, reason).with_hint(hopeless.hint)
}
