//! The fault walk: calls fail, once and in every way, and the operation succeeds all the same, or stops with a clear error and succeeds when
//! it runs again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Result;
use jiff::SignedDuration;
use serde_json::Value;
use spacecraft_cli::ExitStatus;
use spacecraft_cli::embedded::Ended;
use spacecraft_sandbox::faults::{Fault, FaultRule};
use spacecraft_sandbox::server::SeenCall;

use crate::flows::Flow;
use crate::kills::{Prepared, Share, calls_of, changed, prepare_or_tell};
use crate::recording::{Heard, Recorder};
use crate::report::{Point, WalkReport};
use crate::shape::{pattern, shape};
use crate::stage::{Scene, Stage, excerpt};
use crate::threads::Threads;

/// What a `Retry-After` header asks for.
const RETRY_AFTER_SECONDS: u32 = 7;
/// How long an operator reads what a command said before it runs again; no server is away for as long.
const BEFORE_RUNNING_AGAIN: Duration = Duration::from_secs(10);
/// The most attempts of one call.
const MOST_ATTEMPTS: usize = 6;
/// How many mishaps befall one run of a short walk.
const TOGETHER: usize = 8;
/// The event by which a watch says that it cannot go on from where it was asked to.
const EXPIRED: &str = concat!(
    r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","#,
    r#""message":"too old resource version","reason":"Expired","code":410}}"#,
    "\n"
);

/// Whether every call is walked, or of calls that are alike the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Every call.
    Calls,
    /// The first call of every shape.
    Shapes,
}

/// The ways in which a call can fail, each with its name.
#[must_use]
pub fn ways(call: &SeenCall) -> Vec<(&'static str, Fault)> {
    let status = |status, retry_after| Fault::Status { status, body: None, retry_after };
    let mut ways = vec![
        ("429", status(429, None)),
        ("500", status(500, None)),
        ("503", status(503, None)),
        ("reset", Fault::Reset),
        ("refused", Fault::Refused),
        ("hang", Fault::Hang),
        ("JSON of another shape", Fault::OtherShape),
        ("HTML", Fault::Html),
        ("empty body", Fault::Empty),
        ("garbage", Fault::Garbage),
        ("truncated", Fault::Truncated),
        ("reset in the middle", Fault::ResetMidBody),
    ];
    if learns_of_retry_after(call) {
        ways.push(("429 with Retry-After", status(429, Some(RETRY_AFTER_SECONDS))));
    }
    if is_google(call) {
        ways.push(("403 of a quota", status(403, None)));
    }
    if call.path.contains("watch=") {
        ways.push(("410", status(410, None)));
        let expired = Fault::Status { status: 200, body: Some(EXPIRED.to_owned()), retry_after: None };
        ways.push(("410 in the stream", expired));
    }
    if call.is_effect {
        ways.push(("lost reply", Fault::LostReply));
        ways.push(("no reply", Fault::NoReply));
    }
    ways
}

/// Whether whoever makes a call is told what a `Retry-After` header asks for: the library that fetches Google's tokens repeats at once, and the one that opens tunnels
/// into pods keeps headers of refusals to itself.
fn learns_of_retry_after(call: &SeenCall) -> bool {
    call.service != "oauth" && !call.path.contains("/portforward")
}

fn is_google(call: &SeenCall) -> bool {
    ["gke", "compute", "storage", "resource-manager", "service-usage"].contains(&call.service)
}

/// A call and a way for it to fail.
#[derive(Debug, Clone)]
struct Mishap {
    call: SeenCall,
    way: &'static str,
    fault: Fault,
}

/// Walks the calls of flows. Of calls that are alike, those of earlier flows stand for those of later ones. A flow that does not come to its end
/// undisturbed is a point with a problem.
///
/// # Errors
///
/// When the stage cannot go on.
pub async fn walk(stage: &mut Stage, flows: &[Flow], share: Share, scope: Scope) -> Result<WalkReport> {
    let empty = stage.scene();
    let mut report = WalkReport::new();
    let mut known = BTreeSet::new();
    for flow in flows {
        stage.forget_downloads()?;
        let recorder = Recorder::of_calls();
        let Some(prepared) = prepare_or_tell(stage, &empty, flow, recorder, share, &mut report).await else {
            continue;
        };
        let begun_at = calls_of(&prepared.beginning.world);
        let mut calls = chosen(&prepared.recorder.calls(), scope, &mut known);
        calls.retain(|call| share.is_about(call));
        for (index, together) in groups(&calls, scope).into_iter().enumerate() {
            if share.has(index) {
                for (mishap, problems) in meet_all(stage, &prepared, &together).await? {
                    report.add(point(&prepared, &mishap, begun_at, problems), share);
                }
            }
        }
    }
    Ok(report)
}

fn chosen(calls: &[Heard], scope: Scope, known: &mut BTreeSet<String>) -> Vec<SeenCall> {
    let is_new = |heard: &&Heard| scope == Scope::Calls || known.insert(shape(&heard.call));
    let mut chosen: Vec<SeenCall> = calls.iter().filter(is_new).map(|heard| heard.call.clone()).collect();
    if scope == Scope::Shapes {
        // Calls side by side come in another order for another walker, and all of them are to share out the same points.
        chosen.sort_by_cached_key(shape);
    }
    chosen
}

/// Which mishaps befall one run together. Those of a short walk are spread out, each far from the others, and all of one way.
fn groups(calls: &[SeenCall], scope: Scope) -> Vec<Vec<Mishap>> {
    let mishaps = |call: &SeenCall| {
        let call = call.clone();
        ways(&call).into_iter().map(move |(way, fault)| Mishap { call: call.clone(), way, fault })
    };
    let all: Vec<Mishap> = calls.iter().flat_map(mishaps).collect();
    if scope == Scope::Calls {
        return all.into_iter().map(|mishap| vec![mishap]).collect();
    }
    let mut by_way: BTreeMap<&str, Vec<Mishap>> = BTreeMap::new();
    all.into_iter().for_each(|mishap| by_way.entry(mishap.way).or_default().push(mishap));
    by_way.into_values().flat_map(spread).collect()
}

fn spread(mishaps: Vec<Mishap>) -> Vec<Vec<Mishap>> {
    let count = mishaps.len().div_ceil(TOGETHER);
    let mut groups = vec![Vec::new(); count];
    for (index, mishap) in mishaps.into_iter().enumerate() {
        if let Some(group) = groups.get_mut(index % count.max(1)) {
            group.push(mishap);
        }
    }
    groups
}

fn point(prepared: &Prepared, mishap: &Mishap, begun_at: u64, problems: Vec<String>) -> Point {
    Point {
        flow: prepared.flow.name,
        call: mishap.call.number.saturating_sub(begun_at),
        at: mishap.call.number,
        what: shape(&mishap.call),
        fate: mishap.way.to_owned(),
        problems,
    }
}

/// Lets mishaps befall one command; those that it did not meet, and all of them when anything is wrong then, befall one of their own.
async fn meet_all(
    stage: &mut Stage,
    prepared: &Prepared,
    together: &[Mishap],
) -> Result<Vec<(Mishap, Vec<String>)>> {
    let met_well = match together.len() {
        0 | 1 => BTreeSet::new(),
        _ => {
            let (problems, met) = meet(stage, prepared, together).await?;
            if problems.is_empty() { met } else { BTreeSet::new() }
        }
    };
    let mut found = Vec::new();
    for mishap in together {
        let problems = match met_well.contains(&shape(&mishap.call)) {
            true => Vec::new(),
            false => meet(stage, prepared, std::slice::from_ref(mishap)).await?.0,
        };
        found.push((mishap.clone(), problems));
    }
    Ok(found)
}

/// Runs the command with calls failing, and again as often as it stopped at one. Also tells the shapes of the calls that failed.
async fn meet(
    stage: &mut Stage,
    prepared: &Prepared,
    mishaps: &[Mishap],
) -> Result<(Vec<String>, BTreeSet<String>)> {
    stage.go_on_from(&prepared.beginning).await?;
    stage.forget_downloads()?;
    rules(mishaps).into_iter().for_each(|rule| stage.set_fault(rule));
    let mut met = BTreeSet::new();
    let mut problems = Vec::new();
    let mut stopped_with = None;
    loop {
        let (ended, recorder) = stage.record(&prepared.flow.command, Recorder::of_calls()).await;
        let calls = recorder.calls();
        let failed: Vec<usize> = failing(&calls).collect();
        let undisturbed = prepared.recorder.calls();
        problems.extend(failed.iter().flat_map(|index| repetitions(&calls, *index, &undisturbed)));
        met.extend(failed.iter().filter_map(|index| Some(shape(&calls.get(*index)?.call))));
        match prepared.complaint(&ended, stopped_with.is_some()) {
            None => break,
            Some(complaint) if failed.is_empty() => {
                problems.extend(stopped_with.map(|error| format!("stopped with: {error}")));
                problems.push(format!("run without a call that fails: {complaint}"));
                break;
            }
            Some(_) => problems.extend(unclear(&ended, &prepared.beginning, &stage.scene())),
        }
        stopped_with = Some(excerpt(&ended));
        tokio::time::sleep(BEFORE_RUNNING_AGAIN).await;
    }
    if met.is_empty() {
        problems.push("the call was never made".to_owned());
    }
    let reached = stage.settled().await;
    problems.extend(reached.problems(&prepared.expected));
    // What could not be told opens no thread, and ends none.
    let untold = met.iter().filter(|shape| shape.starts_with("slack ")).count();
    problems.extend(Threads::of(&reached.holdings).complaint(2 * untold));
    Ok((problems, met))
}

/// How mishaps are told to the simulated cloud, each to befall one call.
fn rules(mishaps: &[Mishap]) -> Vec<FaultRule> {
    let rule = |mishap: &Mishap| FaultRule {
        service: Some(mishap.call.service.to_owned()),
        method: Some(mishap.call.method.clone()),
        path: Some(pattern(&mishap.call)),
        fault: mishap.fault.clone(),
        ..FaultRule::default()
    };
    match mishaps {
        [alone] => {
            let (at, fault) = (Some(alone.call.number), alone.fault.clone());
            vec![FaultRule { at, fault, ..FaultRule::default() }]
        }
        // The first of several shifts the numbers of the calls behind it.
        several => several.iter().map(rule).collect(),
    }
}

/// Where calls that failed are.
fn failing(calls: &[Heard]) -> impl Iterator<Item = usize> {
    calls.iter().enumerate().filter(|(_, heard)| heard.call.fault.is_some()).map(|(index, _)| index)
}

/// What is wrong with how a failing call was repeated: sooner than asked for, or without a pause. Calls that an undisturbed run makes as well in that time, such
/// as others of several side by side, are no repetitions.
fn repetitions(calls: &[Heard], index: usize, undisturbed: &[Heard]) -> Vec<String> {
    let Some(failed) = calls.get(index) else { return Vec::new() };
    let asked = match &failed.call.fault {
        Some(Fault::Status { retry_after: Some(seconds), .. }) => {
            SignedDuration::from_secs((*seconds).into())
        }
        _ => SignedDuration::ZERO,
    };
    let repeated_within = |time: SignedDuration| {
        let expected =
            counterpart(undisturbed, failed).map_or(0, |index| alike_within(undisturbed, index, time));
        alike_within(calls, index, time).saturating_sub(expected)
    };
    let mut problems = Vec::new();
    if repeated_within(asked) > 0 {
        problems.push(format!("repeated sooner than after the {asked:#} that were asked for"));
    }
    let hurried = repeated_within(SignedDuration::from_millis(10));
    if hurried > MOST_ATTEMPTS {
        problems.push(format!("repeated {hurried} times without a pause"));
    }
    problems
}

/// Where an undisturbed run makes a call that failed: at its number, or where calls before it failed too, at the first like it.
fn counterpart(undisturbed: &[Heard], failed: &Heard) -> Option<usize> {
    let alike = |heard: &Heard| are_alike(&heard.call, &failed.call);
    let same = |heard: &Heard| heard.call.number == failed.call.number && alike(heard);
    undisturbed.iter().position(same).or_else(|| undisturbed.iter().position(alike))
}

fn are_alike(a: &SeenCall, b: &SeenCall) -> bool {
    (a.service, &a.method, &a.path) == (b.service, &b.method, &b.path)
}

/// How many calls like one of them come after it and sooner than after some time.
fn alike_within(calls: &[Heard], index: usize, time: SignedDuration) -> usize {
    let Some((first, after)) = calls.get(index..).and_then(<[Heard]>::split_first) else { return 0 };
    let soon = after.iter().filter(|heard| heard.at.duration_since(first.at) < time);
    soon.filter(|heard| are_alike(&heard.call, &first.call)).count()
}

/// What is wrong with how a command told that it stopped.
fn unclear(ended: &Ended, before: &Scene, after: &Scene) -> Vec<String> {
    let mut problems = Vec::new();
    let left = changed(before, after);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
    // `gc` goes on with the remains of other networks, and tells what failed beside each.
    let place = if document["kind"] == "Garbage" { "/failed/0/error" } else { "/error" };
    let error = document.pointer(place).and_then(Value::as_str).unwrap_or_default();
    if !(document["kind"] == "Failure" || document["kind"] == "Garbage") || error.len() < 10 {
        problems.push(format!("it stopped without a clear error: {}", excerpt(ended)));
    }
    if !left.is_empty() && ended.status != ExitStatus::Resumable {
        problems.push(format!("{:?} though something is left: {left:?}: {error}", ended.status));
    }
    if ended.status == ExitStatus::Usage {
        problems.push(format!("a fault is told as wrong usage: {error}"));
    }
    problems
}
