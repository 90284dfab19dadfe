//! What is due, and when: each task once, in the order of its time and of its arrival.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Something that happens by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Task {
    /// A controller looks at an object: the resource says which controller.
    Reconcile { resource: String, namespace: String, name: String },
    /// The endpoints of a service are worked out anew.
    Endpoints { namespace: String, name: String },
    /// A pod without a worker is scheduled.
    Schedule { namespace: String, name: String },
    /// The kubelet looks at a pod.
    Kubelet { namespace: String, name: String },
    /// What an owner that is gone owned is collected.
    Collect { uid: String },
    /// All that could not be scheduled is tried again.
    ScheduleAll,
    /// Pods whose time has passed are forgotten: events older than an hour.
    ExpireEvents,
}

/// Tasks by their time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queue {
    due: BTreeMap<(Timestamp, u64), Task>,
    places: HashMap<Task, (Timestamp, u64)>,
    arrivals: u64,
    /// The places that changed since the last time changes were taken.
    changed: BTreeSet<(Timestamp, u64)>,
}

impl Queue {
    /// Adds a task. One that waits already keeps the earlier of both times.
    pub(crate) fn add(&mut self, task: Task, at: Timestamp) {
        if let Some(place) = self.places.get(&task).copied() {
            if place.0 <= at {
                return;
            }
            self.due.remove(&place);
            self.changed.insert(place);
        }
        self.arrivals += 1;
        let place = (at, self.arrivals);
        self.places.insert(task.clone(), place);
        self.due.insert(place, task);
        self.changed.insert(place);
    }

    /// When the next task is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes the next task that is due by an instant, with its own time.
    pub(crate) fn take(&mut self, until: Timestamp) -> Option<(Timestamp, Task)> {
        let entry = self.due.first_entry().filter(|entry| entry.key().0 <= until)?;
        let (place, task) = entry.remove_entry();
        self.places.remove(&task);
        self.changed.insert(place);
        Some((place.0, task))
    }

    /// What changed since the last call, in the form that [`Queue::restore`] reads.
    pub(crate) fn take_changes(&mut self) -> Vec<Value> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|place| self.change(place)).collect()
    }

    /// Every task, in the form that [`Queue::restore`] reads.
    pub(crate) fn snapshot(&self) -> Vec<Value> {
        self.due.keys().map(|place| self.change(*place)).collect()
    }

    fn change(&self, place: (Timestamp, u64)) -> Value {
        json!({"due": place.0, "arrival": place.1, "task": self.due.get(&place)})
    }

    /// Takes back one change.
    pub(crate) fn restore(&mut self, change: &Value) {
        let at = change.get("due").and_then(|due| Timestamp::deserialize(due).ok());
        let arrival = change.get("arrival").and_then(Value::as_u64);
        let Some(place) = at.zip(arrival) else { return };
        self.arrivals = self.arrivals.max(place.1);
        match change.get("task").and_then(|task| Task::deserialize(task).ok()) {
            Some(task) => {
                self.places.insert(task.clone(), place);
                self.due.insert(place, task);
            }
            None => {
                if let Some(task) = self.due.remove(&place)
                    && self.places.get(&task) == Some(&place)
                {
                    self.places.remove(&task);
                }
            }
        }
    }

    /// The number of tasks that ever arrived.
    pub(crate) fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// Ends a restoration.
    pub(crate) fn restored(&mut self, arrivals: u64) {
        self.arrivals = arrivals;
        self.changed.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(uid: &str) -> Task {
        Task::Collect { uid: uid.to_owned() }
    }

    #[test]
    fn a_task_waits_once_at_the_earliest_time_asked_for() {
        let (early, late) =
            ("2026-01-01T00:00:00Z".parse().unwrap(), "2026-01-01T00:01:00Z".parse().unwrap());
        let mut queue = Queue::default();
        queue.add(collect("a"), late);
        queue.add(collect("b"), late);
        queue.add(collect("a"), early);
        queue.add(collect("b"), late);
        assert_eq!(queue.take(late), Some((early, collect("a"))));
        assert_eq!(queue.take(early), None);
        assert_eq!(queue.take(late), Some((late, collect("b"))));
        assert_eq!(queue.next_due(), None);
    }

    #[test]
    fn a_restored_queue_has_the_same_tasks_in_the_same_order() {
        let at = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut queue = Queue::default();
        ["c", "a", "b"].iter().for_each(|uid| queue.add(collect(uid), at));
        let mut log = queue.take_changes();
        queue.take(at);
        log.extend(queue.take_changes());
        let mut restored = Queue::default();
        log.iter().for_each(|change| restored.restore(change));
        restored.restored(queue.arrivals());
        assert_eq!(restored.snapshot(), queue.snapshot());
    }
}
