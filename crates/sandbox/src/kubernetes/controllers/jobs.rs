//! Jobs: pods until enough of them ended well, or too many did not.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::pods::{Pod, count_of, set_count};
use crate::kubernetes::Cluster;
use crate::kubernetes::deletion::DeleteOptions;
use crate::kubernetes::object::{self, flag, set, text, whole};
use crate::kubernetes::store::Key;

/// How a job ended.
struct Verdict {
    kind: &'static str,
    before: &'static str,
    reason: &'static str,
    message: &'static str,
}

const COMPLETE: Verdict = Verdict {
    kind: "Complete",
    before: "SuccessCriteriaMet",
    reason: "CompletionsReached",
    message: "Reached expected number of succeeded pods",
};
const BACKOFF: Verdict = Verdict {
    kind: "Failed",
    before: "FailureTarget",
    reason: "BackoffLimitExceeded",
    message: "Job has reached the specified backoff limit",
};
const DEADLINE: Verdict = Verdict {
    kind: "Failed",
    before: "FailureTarget",
    reason: "DeadlineExceeded",
    message: "Job was active longer than specified deadline",
};

impl Cluster {
    pub(super) fn reconcile_job(&mut self, key: &Key) {
        let Some(job) = self.store.object(key) else { return };
        if object::is_terminating(&job) {
            return;
        }
        if is_finished(&job) {
            return self.expire_job(key, &job);
        }
        let pods = self.pods_of(object::uid(&job), "");
        let (mut succeeded, mut failed) = (0_i64, 0_i64);
        for pod in &pods {
            succeeded += i64::from(pod.phase == "Succeeded");
            failed += i64::from(pod.phase == "Failed");
        }
        let restarts = self.restarts_of(&pods);
        let verdict = self.judge(&job, succeeded, failed + restarts);
        let active: Vec<Pod> = pods.into_iter().filter(Pod::is_active).collect();
        match &verdict {
            Some(_) => {
                for pod in &active {
                    self.begin_deletion(&pod.key, &DeleteOptions::background());
                }
            }
            None => self.start_pods(key, &job, &active, succeeded),
        }
        self.write_job_status(key, (succeeded, failed), verdict.as_ref());
    }

    /// How often containers of pods that restart in place have failed.
    fn restarts_of(&self, pods: &[Pod]) -> i64 {
        pods.iter()
            .filter(|pod| pod.is_active())
            .filter_map(|pod| self.store.object(&pod.key))
            .flat_map(|pod| object::items(&pod, "/status/containerStatuses").to_vec())
            .filter_map(|status| whole(&status, "/restartCount"))
            .sum()
    }

    fn judge(&mut self, job: &Value, succeeded: i64, failed: i64) -> Option<Verdict> {
        let wanted = whole(job, "/spec/completions").unwrap_or(1);
        if succeeded >= wanted {
            return Some(COMPLETE);
        }
        if failed > whole(job, "/spec/backoffLimit").unwrap_or(6) {
            return Some(BACKOFF);
        }
        let started = object::instant(job, "/status/startTime")?;
        let seconds = whole(job, "/spec/activeDeadlineSeconds")?;
        let due = started.checked_add(SignedDuration::from_secs(seconds)).ok()?;
        if due <= self.now {
            return Some(DEADLINE);
        }
        let key = Key::new(crate::kubernetes::resources::JOBS, object::namespace(job), object::name(job));
        self.reconcile_at(&key, due);
        None
    }

    fn start_pods(&mut self, key: &Key, job: &Value, active: &[Pod], succeeded: i64) {
        if flag(job, "/spec/suspend") {
            return;
        }
        let left = whole(job, "/spec/completions").unwrap_or(1) - succeeded;
        let wanted = whole(job, "/spec/parallelism").unwrap_or(1).min(left);
        for _ in count_of(active)..wanted {
            if self.make_pod(job, None, |_| {}).is_err() {
                let retry = self.later(10);
                self.reconcile_at(key, retry);
                return;
            }
        }
    }

    fn write_job_status(&mut self, key: &Key, (succeeded, failed): (i64, i64), verdict: Option<&Verdict>) {
        let uid = self.store.get(key).map(|stored| stored.uid.clone()).unwrap_or_default();
        let pods: Vec<Pod> = self.pods_of(&uid, "").into_iter().filter(Pod::is_active).collect();
        let ready = i64::try_from(pods.iter().filter(|pod| pod.ready).count()).unwrap_or(0);
        let (active, now) = (if verdict.is_some() { 0 } else { count_of(&pods) }, self.now);
        self.edit(key, |job| {
            object::set_default(job, "/status/startTime", object::written(now));
            set_count(job, "/status/active", active);
            set_count(job, "/status/succeeded", succeeded);
            set_count(job, "/status/failed", failed);
            set(job, "/status/ready", if verdict.is_some() { 0 } else { ready });
            set(job, "/status/terminating", 0);
            set(job, "/status/uncountedTerminatedPods", json!({}));
            if let Some(verdict) = verdict {
                for kind in [verdict.before, verdict.kind] {
                    let condition = json!({"type": kind, "status": "True", "reason": verdict.reason,
                        "message": verdict.message, "lastProbeTime": object::written(now)});
                    object::set_condition(job, condition, now);
                }
                if verdict.kind == COMPLETE.kind {
                    set(job, "/status/completionTime", object::written(now));
                }
            }
        });
        if let (Some(verdict), Some(job)) = (verdict, self.store.object(key)) {
            let (kind, reason, message) = match verdict.kind {
                "Complete" => ("Normal", "Completed", "Job completed"),
                _ => ("Warning", verdict.reason, verdict.message),
            };
            self.tell(&job, kind, reason, message, "job-controller");
        }
    }

    /// Deletes a finished job once it has been kept as long as it asks for.
    fn expire_job(&mut self, key: &Key, job: &Value) {
        // The controller notices an ended job a moment later: its end is there to be seen, even with a time to live of zero.
        let Some(seconds) = whole(job, "/spec/ttlSecondsAfterFinished").map(|seconds| seconds.max(1)) else {
            return;
        };
        let ended = ["Complete", "Failed"].iter().find_map(|kind| {
            object::condition(job, kind).and_then(|one| object::instant(one, "/lastTransitionTime"))
        });
        let Some(due) = ended.and_then(|ended| ended.checked_add(SignedDuration::from_secs(seconds)).ok())
        else {
            return;
        };
        if due <= self.now {
            self.begin_deletion(key, &DeleteOptions::background());
        } else {
            self.reconcile_at(key, due);
        }
    }
}

fn is_finished(job: &Value) -> bool {
    ["Complete", "Failed"].iter().any(|kind| {
        object::condition(job, kind).is_some_and(|condition| text(condition, "/status") == Some("True"))
    })
}
