//! The interrupt walk: the operator asks to stop at every effect in turn. The command ends in time, says that it can go on, or that nothing is left if nothing is, and goes on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use spacecraft_cli::ExitStatus;
use spacecraft_core::interrupt::{Interrupter, interrupt};
use spacecraft_sandbox::World;
use spacecraft_sandbox::server::{SeenCall, Witness};

use crate::flows::{After, Flow};
use crate::kills::{Prepared, Share, calls_of, changed, prepare_or_tell, run_again};
use crate::recording::Recorder;
use crate::report::{Point, WalkReport};
use crate::stage::{Stage, told};
use crate::threads::Threads;

/// The time that an operation has to come to its end.
const LONGEST_GOODBYE: SignedDuration = SignedDuration::from_secs(5);

/// Asks to stop when an effect comes, by its number from 0: how often a command asks meanwhile may differ from run to run.
#[derive(Debug)]
struct Alarm {
    effect: usize,
    effects: AtomicUsize,
    interrupter: Interrupter,
    rung: Mutex<Option<Timestamp>>,
}

impl Witness for Alarm {
    fn begins(&self, call: &SeenCall, _world: &World, now: Timestamp) {
        if call.is_effect && self.effects.fetch_add(1, Ordering::Relaxed) == self.effect {
            *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
            self.interrupter.stop();
        }
    }

    fn handled(&self, _call: &SeenCall, _world: &World, _now: Timestamp) {}
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
        let recorder = Recorder::of_calls();
        let Some(prepared) = prepare_or_tell(stage, &empty, flow, recorder, share, &mut report).await else {
            continue;
        };
        let begun_at = calls_of(&prepared.beginning.world);
        let calls = prepared.recorder.calls();
        let effects = calls.iter().map(|heard| &heard.call).filter(|call| call.is_effect);
        for (index, call) in effects.enumerate() {
            if share.has(index) && share.is_about(call) {
                let problems = stop(stage, &prepared, index).await?;
                let point = Point {
                    flow: flow.name,
                    call: call.number.saturating_sub(begun_at),
                    at: call.number,
                    what: format!("{} {} {}", call.service, call.method, call.path),
                    fate: "asked to stop at".to_owned(),
                    problems,
                };
                report.add(point, share);
            }
        }
    }
    Ok(report)
}

async fn stop(stage: &mut Stage, prepared: &Prepared, effect: usize) -> Result<Vec<String>> {
    stage.go_on_from(&prepared.beginning).await?;
    let (interrupter, wish) = interrupt();
    let alarm = Arc::new(Alarm { effect, effects: AtomicUsize::new(0), interrupter, rung: Mutex::default() });
    stage.watch(Some(alarm.clone()));
    let ended = stage.run_unless_stopped(&prepared.flow.command, wish).await;
    let now = stage.scene().now;
    stage.watch(None);
    let mut problems = Vec::new();
    let rung = *alarm.rung.lock().unwrap_or_else(PoisonError::into_inner);
    match rung.map(|rung| now.duration_since(rung)) {
        None => problems.push("the call was never made".to_owned()),
        Some(taken) if taken > LONGEST_GOODBYE && ended.status != prepared.flow.ends => {
            problems.push(format!("it took {taken:#} to stop"));
        }
        Some(_) => {}
    }
    let is_right = match ended.status {
        status if status == prepared.flow.ends => true,
        ExitStatus::Failed => changed(&prepared.beginning, &stage.scene()).is_empty(),
        status => status == ExitStatus::Resumable,
    };
    if !is_right {
        problems.push(format!("stopped: {}", told(&ended)));
    }
    if ended.status != prepared.flow.ends || prepared.flow.after != After::More {
        problems.extend(run_again(stage, prepared).await.map(|complaint| format!("run again: {complaint}")));
    }
    let reached = stage.settled().await;
    problems.extend(reached.problems(&prepared.expected));
    problems.extend(Threads::of(&reached.holdings).complaint(0));
    Ok(problems)
}
