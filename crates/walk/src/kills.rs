//! The kill walk: the process dies right before and right after every effect in turn, and the same command runs again.
//!
//! A killed process leaves the cloud as it is at that instant and nothing else, so the states around all effects are kept while one run
//! goes through undisturbed, and each of them is gone on from. [`die`] does it the long way: the transport goes dead in the middle of a
//! run, all its work is dropped, and whatever still calls then is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use jiff::Timestamp;
use serde_json::Value;
use spacecraft_cli::ExitStatus;
use spacecraft_cli::embedded::Ended;
use spacecraft_sandbox::World;
use spacecraft_sandbox::faults::{Fault, FaultRule};
use spacecraft_sandbox::inventory::Inventory;
use spacecraft_sandbox::server::{SeenCall, Witness};
use tokio::sync::Notify;

use crate::flows::{After, Flow, HOST, NETWORK, Preparation};
use crate::holdings::Holdings;
use crate::image::{BUILDS_BUCKET, Image};
use crate::recording::{Moment, Recorder, Side};
use crate::report::{Point, WalkReport};
use crate::shared;
use crate::stage::{Reached, Scene, Stage, complaint, told};
use crate::threads::Threads;

/// A flow that is ready to be walked.
#[derive(Debug)]
pub struct Prepared {
    /// The flow.
    pub flow: Flow,
    /// The cloud before anything.
    pub empty: Scene,
    /// The cloud before the command.
    pub beginning: Scene,
    /// What an undisturbed run did.
    pub recorder: Recorder,
    /// The side of its last effect behind which the command has ended; none when it wrote to the folder after that.
    pub end: Option<(u64, Side)>,
    /// The buckets before anything.
    pub empty_buckets: Image,
    /// What it ended with.
    pub expected: Image,
    /// What the same command comes to after its end.
    pub after_its_end: Image,
    /// What `gc` finds in the cloud before anything: what others left.
    pub garbage: Vec<String>,
}

/// Which points of a walk are walked, so that several walkers share them and a short walk leaves some out.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    /// This walker among all.
    pub walker: usize,
    /// How many walkers there are.
    pub walkers: usize,
    /// Every how many points one is walked.
    pub every: usize,
    /// The number of the one call whose points are walked; none walks those of all.
    pub at: Option<u64>,
    /// Whether points without problems are told one by one.
    pub keeps_all: bool,
    /// Who is told of points with problems as they are found.
    pub tell: fn(&Point),
}

impl Share {
    /// True when the point of an index is this walker's.
    #[must_use]
    pub fn has(&self, index: usize) -> bool {
        index.is_multiple_of(self.every.max(1))
            && (index / self.every.max(1)) % self.walkers.max(1) == self.walker
    }

    /// True when points of a call are walked.
    #[must_use]
    pub fn is_about(&self, call: &SeenCall) -> bool {
        self.at.is_none_or(|at| call.number == at)
    }
}

/// Prepares a flow and runs it undisturbed.
///
/// # Errors
///
/// When one of its commands fails.
pub async fn prepare(stage: &mut Stage, empty: &Scene, flow: &Flow, recorder: Recorder) -> Result<Prepared> {
    stage.go_on_from(empty).await?;
    let garbage = garbage(stage).await;
    stage.go_on_from(empty).await?;
    for preparation in &flow.prepared_by {
        match preparation {
            Preparation::Command(command) => done(stage, command).await?,
            Preparation::Loss => stage.lose(NETWORK).await?,
            Preparation::MissingImage(name) => stage.withhold_image(name).await?,
            Preparation::SharedCluster => shared::make(stage, HOST).await?,
        }
    }
    stage.save_configs()?;
    let beginning = stage.scene();
    let (ended, recorder) = stage.record(&flow.command, recorder).await;
    if let Some(complaint) = complaint_of(flow, &ended) {
        bail!("{}, undisturbed: {complaint}", flow.name);
    }
    let end = recorder.end(&stage.scene().objects);
    let expected = sound(flow, stage.settled().await)?;
    let after_its_end = match flow.after {
        After::Done | After::Gone => expected.clone(),
        After::More => {
            done(stage, &flow.command).await?;
            sound(flow, stage.settled().await)?
        }
    };
    let empty_buckets = Image::of(&Holdings::of(empty)).of_buckets();
    let (flow, empty) = (flow.clone(), empty.clone());
    Ok(Prepared { flow, empty, beginning, recorder, end, empty_buckets, expected, after_its_end, garbage })
}

/// What an undisturbed run came to, if it does not contradict itself.
fn sound(flow: &Flow, reached: Reached) -> Result<Image> {
    let mut problems = reached.problems(&reached.image);
    problems.extend(Threads::of(&reached.holdings).complaint(0));
    match problems.as_slice() {
        [] => Ok(reached.image),
        problems => bail!("{}, undisturbed: {}", flow.name, problems.join("; ")),
    }
}

impl Prepared {
    /// What the command comes to when it runs again after its process died at a moment: behind its very last effect it had ended.
    fn expected_after(&self, moment: &Moment) -> &Image {
        match self.end == Some((moment.call.number, moment.side)) {
            true => &self.after_its_end,
            false => &self.expected,
        }
    }

    /// What is wrong with how the command ended; nothing when it ended as it should. A run after the first may find that what it was to remove is gone.
    pub(crate) fn complaint(&self, ended: &Ended, ran_before: bool) -> Option<String> {
        let is_gone = ran_before && ended.status == ExitStatus::Usage && self.flow.after == After::Gone;
        complaint_of(&self.flow, ended).filter(|_| !is_gone)
    }
}

/// What is wrong with how a flow's command ended; nothing when it ended as it should.
fn complaint_of(flow: &Flow, ended: &Ended) -> Option<String> {
    (ended.status != flow.ends).then(|| told(ended))
}

/// Prepares a flow. One that cannot be is added to the report as a point with a problem.
pub(crate) async fn prepare_or_tell(
    stage: &mut Stage,
    empty: &Scene,
    flow: &Flow,
    recorder: Recorder,
    share: Share,
    report: &mut WalkReport,
) -> Option<Prepared> {
    match prepare(stage, empty, flow, recorder).await {
        Ok(prepared) => Some(prepared),
        Err(error) => {
            report.add(Point::of_beginning(flow.name, format!("{error:#}")), share);
            None
        }
    }
}

async fn done(stage: &Stage, command: &[String]) -> Result<()> {
    match complaint(&stage.run(command).await) {
        Some(complaint) => bail!("{}: {complaint}", command.join(" ")),
        None => Ok(()),
    }
}

/// Walks the effects of flows. One that does not come to its end undisturbed is a point with a problem.
///
/// # Errors
///
/// When the stage cannot go on.
pub async fn walk(stage: &mut Stage, flows: &[Flow], share: Share) -> Result<WalkReport> {
    let empty = stage.scene();
    let mut report = WalkReport::new();
    for flow in flows {
        let recorder = Recorder::of_scenes(stage);
        let Some(prepared) = prepare_or_tell(stage, &empty, flow, recorder, share, &mut report).await else {
            continue;
        };
        let begun_at = calls_of(&prepared.beginning.world);
        let moments = prepared.recorder.moments();
        for (index, alike) in alike(&moments, prepared.end).into_iter().enumerate() {
            let Some(first) = alike.first().filter(|_| share.has(index)) else { continue };
            if alike.iter().any(|moment| share.is_about(&moment.call)) {
                let expected = prepared.expected_after(first);
                let problems = go_on(stage, &prepared, &first.scene, expected).await?;
                for moment in alike {
                    report.add(point(&prepared, moment, begun_at, problems.clone()), share);
                }
            }
        }
    }
    Ok(report)
}

/// Moments one after the other, those together between which nothing but time passed: whoever dies at one of them leaves what is left by dying at another, such as
/// right after an effect and right before the next. Behind the very last effect the command has ended, so that this moment is like no other.
fn alike(moments: &[Moment], end: Option<(u64, Side)>) -> Vec<Vec<&Moment>> {
    let is_end = |moment: &Moment| end == Some((moment.call.number, moment.side));
    let marked: Vec<(u64, &Moment)> = moments.iter().map(|moment| (moment.scene.mark(), moment)).collect();
    marked
        .chunk_by(|(before, _), (mark, moment)| before == mark && !is_end(moment))
        .map(|alike| alike.iter().map(|(_, moment)| *moment).collect())
        .collect()
}

fn point(prepared: &Prepared, moment: &Moment, begun_at: u64, problems: Vec<String>) -> Point {
    let fate = match moment.side {
        Side::Before => "killed before",
        Side::After => "killed after",
    };
    Point {
        flow: prepared.flow.name,
        call: moment.call.number.saturating_sub(begun_at),
        at: moment.call.number,
        what: format!("{} {} {}", moment.call.service, moment.call.method, moment.call.path),
        fate: fate.to_owned(),
        problems,
    }
}

/// How many calls a cloud had so far.
#[must_use]
pub fn calls_of(world: &World) -> u64 {
    world.inventory().calls.values().map(|count| count.total).sum()
}

/// Goes on after a death: the same command comes to the right end, and from the same state everything can be removed.
async fn go_on(
    stage: &mut Stage,
    prepared: &Prepared,
    left: &Scene,
    expected: &Image,
) -> Result<Vec<String>> {
    stage.go_on_from(left).await?;
    let mut problems = Vec::new();
    problems.extend(run_again(stage, prepared).await.map(|complaint| format!("run again: {complaint}")));
    let reached = stage.settled().await;
    problems.extend(reached.problems(expected));
    problems.extend(Threads::of(&reached.holdings).complaint(1));
    let kept = reached.holdings.secrets_in_use();
    for (name, before) in Holdings::of(left).secrets_in_use() {
        if kept.get(&name).is_some_and(|after| *after != before) {
            problems.push(format!("changed while in use: {name}"));
        }
    }
    stage.go_on_from(left).await?;
    problems.extend(remove(stage, prepared).await);
    Ok(problems)
}

/// Runs the command of a flow again, and tells what is wrong with its end.
pub(crate) async fn run_again(stage: &Stage, prepared: &Prepared) -> Option<String> {
    prepared.complaint(&stage.run(&prepared.flow.command).await, true)
}

/// Removes everything, and tells what is left then.
async fn remove(stage: &Stage, prepared: &Prepared) -> Vec<String> {
    let mut problems = Vec::new();
    for command in &prepared.flow.removed_by {
        let ended = stage.run(command).await;
        if ended.status != ExitStatus::Usage
            && let Some(complaint) = complaint(&ended)
        {
            problems.push(format!("remove: {complaint}"));
        }
    }
    let reached = stage.settled().await;
    problems.extend(left_over(&prepared.empty, &reached.scene));
    problems.extend(prepared.empty_buckets.differences(&reached.image.of_buckets()));
    problems.extend(garbage(stage).await.into_iter().filter(|found| !prepared.garbage.contains(found)));
    problems
}

/// What `gc` finds.
async fn garbage(stage: &Stage) -> Vec<String> {
    let ended = stage.run(&["gc".to_owned()]).await;
    let document: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
    let found = ["remains", "notices", "problems"].map(|kind| (kind, document[kind].clone()));
    let told = |(kind, found): (&str, Value)| match found.as_array() {
        Some(found) if found.is_empty() => None,
        _ => Some(format!("gc finds {kind}: {found}")),
    };
    let complaint = complaint(&ended).map(|complaint| format!("gc: {complaint}"));
    complaint.into_iter().chain(found.into_iter().filter_map(told)).collect()
}

/// What a cloud has that it had not before the network, or has no more. What was published as a release stays.
#[must_use]
pub fn left_over(before: &Scene, after: &Scene) -> Vec<String> {
    let of = |scene: &Scene| {
        let mut inventory = scene.world.inventory();
        inventory.buckets.remove(BUILDS_BUCKET);
        inventory.buckets.values_mut().flat_map(BTreeMap::values_mut).for_each(|generation| *generation = 0);
        inventory
    };
    let left = differences(&of(before), &of(after)).into_iter().chain(objects_left(before, after));
    left.map(|left| format!("left over: {left}")).collect()
}

/// In what a cloud differs from what it was before, whatever was written again included. Of journals counts what they say, to the byte: an operation that made
/// nothing puts back what was there before it.
#[must_use]
pub fn changed(before: &Scene, after: &Scene) -> Vec<String> {
    let of = |scene: &Scene| {
        let mut inventory = scene.world.inventory();
        let objects = inventory.buckets.values_mut().flatten();
        objects.filter(|(name, _)| is_journal(name)).for_each(|(_, generation)| *generation = 0);
        inventory
    };
    let mut changes = differences(&of(before), &of(after));
    changes.extend((journals(before) != journals(after)).then(|| "what a journal says".to_owned()));
    changes.extend(
        (!before.objects.named().eq(after.objects.named())).then(|| "objects in the folder".to_owned()),
    );
    changes
}

fn is_journal(name: &str) -> bool {
    name.ends_with("/journal.json")
}

/// The journals in buckets, by bucket and name, as the cloud stores them.
fn journals(scene: &Scene) -> BTreeMap<(String, String), Value> {
    let contents = scene.world.contents();
    let buckets = contents.pointer("/services/storage/buckets").and_then(Value::as_object);
    let in_bucket = |(bucket, content): (&String, &Value)| {
        let objects = content["objects"].as_object().cloned().unwrap_or_default();
        let bucket = bucket.clone();
        objects.into_iter().map(move |(name, object)| ((bucket.clone(), name), object["data"].clone()))
    };
    let all = buckets.into_iter().flatten().flat_map(in_bucket);
    all.filter(|((_, name), _)| is_journal(name)).collect()
}

fn objects_left(before: &Scene, after: &Scene) -> Option<String> {
    let names = |scene: &Scene| scene.objects.named().map(|(name, _)| name).collect::<Vec<_>>();
    let (before, after) = (names(before), names(after));
    (before != after).then(|| format!("objects in the folder: {after:?} instead of {before:?}"))
}

fn differences(before: &Inventory, after: &Inventory) -> Vec<String> {
    let of = |inventory: &Inventory| {
        let mut value = serde_json::to_value(inventory).unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            for passing in ["calls", "slack_messages", "releases"] {
                fields.remove(passing);
            }
        }
        value
    };
    let (before, after) = (of(before), of(after));
    let kinds = before.as_object().into_iter().flatten();
    kinds
        .filter(|(kind, value)| after.get(kind) != Some(value))
        .map(|(kind, value)| format!("{kind}: {} instead of {value}", after[kind]))
        .collect()
}

/// Ends a process when a call was reached, and counts the calls that come after its end.
#[derive(Debug)]
struct Reaper {
    call: u64,
    side: Side,
    kill: Arc<Notify>,
    late: AtomicU64,
    reached: AtomicU64,
}

impl Reaper {
    fn meets(&self, call: &SeenCall, side: Side) {
        if self.reached.load(Ordering::Relaxed) > 0 {
            self.late.fetch_add(1, Ordering::Relaxed);
        } else if call.number == self.call && side == self.side {
            self.reached.store(1, Ordering::Relaxed);
            self.kill.notify_one();
        }
    }
}

impl Witness for Reaper {
    fn begins(&self, call: &SeenCall, _world: &World, _now: Timestamp) {
        self.meets(call, Side::Before);
    }

    fn handled(&self, call: &SeenCall, _world: &World, _now: Timestamp) {
        if self.side == Side::After {
            self.meets(call, Side::After);
        }
    }
}

/// Runs a flow and really ends its process at a call, then goes on as [`walk`] does. What still calls after its end is a problem.
///
/// # Errors
///
/// When the flow does not come to the call.
pub async fn die(stage: &mut Stage, prepared: &Prepared, moment: &Moment) -> Result<Vec<String>> {
    stage.go_on_from(&prepared.beginning).await?;
    let fault = if moment.side == Side::Before { Fault::Hang } else { Fault::NoReply };
    stage.set_fault(FaultRule { at: Some(moment.call.number), fault, ..FaultRule::default() });
    let kill = Arc::new(Notify::new());
    let reaper = Arc::new(Reaper {
        call: moment.call.number,
        side: moment.side,
        kill: kill.clone(),
        late: AtomicU64::new(0),
        reached: AtomicU64::new(0),
    });
    stage.watch(Some(reaper.clone()));
    if let Some(ended) = stage.run_until(&prepared.flow.command, &kill).await {
        bail!("the command ended by itself: {:?}", complaint(&ended));
    }
    tokio::time::sleep(Duration::from_secs(90)).await;
    let late = reaper.late.load(Ordering::Relaxed);
    stage.watch(None);
    let left = stage.scene();
    let mut problems = go_on(stage, prepared, &left, prepared.expected_after(moment)).await?;
    if late > 0 {
        problems.push(format!("{late} calls were made after the process had ended"));
    }
    Ok(problems)
}
