//! What a walk found, as JSON.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::kills::Share;

/// One point of a walk.
#[derive(Debug, Clone, Serialize)]
pub struct Point {
    /// The flow.
    pub flow: &'static str,
    /// The number of the call, from 1 since the flow began.
    pub call: u64,
    /// The call's number among all calls of a simulated cloud that began empty, as `sandbox fault --at` counts it.
    pub at: u64,
    /// What was called.
    pub what: String,
    /// What befell it.
    pub fate: String,
    /// What went wrong; nothing when all went well.
    pub problems: Vec<String>,
}

impl Point {
    /// The point at which a flow begins: it is one with a problem when the flow does not come to its end undisturbed.
    #[must_use]
    pub fn of_beginning(flow: &'static str, problem: String) -> Self {
        let what = "the whole command".to_owned();
        Self { flow, call: 0, at: 0, what, fate: "undisturbed".to_owned(), problems: vec![problem] }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flow, call, at, what, fate, problems } = self;
        write!(formatter, "{flow}: {fate} call {call} ({what}, at {at}):")?;
        problems.iter().try_for_each(|problem| write!(formatter, "\n  {problem}"))
    }
}

/// The points of one flow.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FlowSummary {
    /// How many points were walked.
    pub points: usize,
    /// How many of them came to the right end.
    pub converged: usize,
}

/// A whole walk.
#[derive(Debug, Clone, Default, Serialize)]
pub struct WalkReport {
    /// `spacecraft/v1`.
    pub schema: &'static str,
    /// `WalkReport`.
    pub kind: &'static str,
    /// Sums by flow.
    pub flows: BTreeMap<&'static str, FlowSummary>,
    /// All points, or those with problems alone.
    pub points: Vec<Point>,
}

impl WalkReport {
    /// A report without points.
    #[must_use]
    pub fn new() -> Self {
        Self { schema: "spacecraft/v1", kind: "WalkReport", ..Self::default() }
    }

    /// Adds a point; those with problems are told at once, and those without only counted unless `share` keeps all.
    pub fn add(&mut self, point: Point, share: Share) {
        let flow = self.flows.entry(point.flow).or_default();
        flow.points += 1;
        if point.problems.is_empty() {
            flow.converged += 1;
        } else {
            (share.tell)(&point);
        }
        if share.keeps_all || !point.problems.is_empty() {
            self.points.push(point);
        }
    }

    /// Adds the points of another report.
    pub fn merge(&mut self, other: Self) {
        for (name, summary) in other.flows {
            let flow = self.flows.entry(name).or_default();
            flow.points += summary.points;
            flow.converged += summary.converged;
        }
        self.points.extend(other.points);
    }

    /// True when every point came to the right end.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.flows.values().all(|flow| flow.points == flow.converged)
    }

    /// The report, if a point was walked at all: a walk that went nowhere has shown nothing.
    ///
    /// # Errors
    ///
    /// When none was.
    pub fn of_points(self) -> Result<Self> {
        ensure!(self.points_walked() > 0, "no point was walked: none is among those that were asked for");
        Ok(self)
    }

    fn points_walked(&self) -> usize {
        self.flows.values().map(|flow| flow.points).sum()
    }

    /// A line per flow.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for (name, flow) in &self.flows {
            let end = if flow.points == flow.converged {
                "all converged".to_owned()
            } else {
                format!("{} of them DID NOT converge", flow.points - flow.converged)
            };
            text.push_str(&format!("{name}: {} points, {end}\n", flow.points));
        }
        let points = self.points_walked();
        let converged: usize = self.flows.values().map(|flow| flow.converged).sum();
        text.push_str(&format!("all operations: {points} points, {converged} of them converged\n"));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARE: Share = Share { walker: 0, walkers: 1, every: 1, at: None, keeps_all: false, tell: |_| {} };

    #[test]
    fn a_walk_without_points_is_an_error_and_not_clean_with_a_point_that_has_problems() {
        assert!(WalkReport::new().of_points().is_err());
        let mut report = WalkReport::new();
        report.add(Point::of_beginning("create", "it failed".to_owned()), SHARE);
        assert!(!report.of_points().unwrap().is_clean());
    }
}
