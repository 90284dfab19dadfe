//! What people were told: an operation that writes begins a thread, and how it ends is said in that.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::holdings::{Holdings, text_at};

/// Threads of messages by how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Threads {
    /// How many have no end: those of processes that died.
    pub open: usize,
    /// How many have exactly one end.
    pub ended: usize,
    /// How many have more than one.
    pub ended_twice: usize,
}

impl Threads {
    /// The threads that a cloud's people see.
    #[must_use]
    pub fn of(holdings: &Holdings) -> Self {
        let messages = holdings.contents.pointer("/services/slack/messages").and_then(Value::as_array);
        let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
        for message in messages.into_iter().flatten() {
            match message["thread_ts"].as_str() {
                Some(thread) => *ends.entry(thread).or_default() += 1,
                None => drop(ends.entry(text_at(message, "/ts")).or_default()),
            }
        }
        let with = |wanted: fn(usize) -> bool| ends.values().filter(|ends| wanted(**ends)).count();
        Self {
            open: with(|ends| ends == 0),
            ended: with(|ends| ends == 1),
            ended_twice: with(|ends| ends > 1),
        }
    }

    /// What is wrong with the threads after a run that came to its end by itself; `allowed_open` may have no end for other reasons.
    #[must_use]
    pub fn complaint(self, allowed_open: usize) -> Option<String> {
        let is_well = self.open <= allowed_open && self.ended_twice == 0;
        (!is_well).then(|| format!("messages: {self:?}, where {allowed_open} may be open"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn threads(messages: &Value) -> Threads {
        let contents = json!({"services": {"slack": {"messages": messages}}});
        Threads::of(&Holdings { contents, stored: Vec::new() })
    }

    #[test]
    fn an_operation_that_told_its_end_once_has_told_enough() {
        let begin = json!({"ts": "1", "thread_ts": null});
        let end = json!({"ts": "2", "thread_ts": "1"});
        assert_eq!(threads(&json!([begin, end])).complaint(0), None);
        assert!(threads(&json!([begin])).complaint(0).is_some());
        assert_eq!(threads(&json!([begin])).complaint(1), None);
        assert!(threads(&json!([begin, end, end])).complaint(1).is_some());
    }
}
