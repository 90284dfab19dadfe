//! Several walkers side by side, each with a stage and a thread of its own.

use std::pin::Pin;

use anyhow::{Context, Result, anyhow};
use jiff::{SignedDuration, Timestamp};

use crate::flows::Flow;
use crate::kills::Share;
use crate::report::WalkReport;
use crate::stage::Stage;

/// A walk over flows.
pub type Walk =
    for<'a> fn(&'a mut Stage, &'a [Flow], Share) -> Pin<Box<dyn Future<Output = Result<WalkReport>> + 'a>>;

/// Walks flows with as many walkers as `share` says, and adds up what they found.
///
/// # Errors
///
/// When a stage cannot be set up, or a flow fails undisturbed.
pub fn walk_side_by_side(flows: &[Flow], share: Share, walk: Walk) -> Result<WalkReport> {
    std::thread::scope(|scope| {
        let walkers: Vec<_> = (0..share.walkers)
            .map(|walker| scope.spawn(move || walk_alone(flows, Share { walker, ..share }, walk)))
            .collect();
        let mut report = WalkReport::new();
        for walker in walkers {
            report.merge(walker.join().map_err(|_| anyhow!("a walker came to grief"))??);
        }
        Ok(report)
    })
}

fn walk_alone(flows: &[Flow], share: Share, walk: Walk) -> Result<WalkReport> {
    on_stage(async |stage| walk(stage, flows, share).await)
}

/// Does something with a stage, on a runtime whose time passes only while nothing else is to be done.
///
/// # Errors
///
/// When the stage cannot be set up, and what `act` fails with.
pub fn on_stage<T>(act: impl AsyncFnOnce(&mut Stage) -> Result<T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .context("start a runtime")?;
    runtime.block_on(async {
        // TLS goes by the machine's clock: certificates that are made on the stage must be valid already.
        let yesterday = Timestamp::now() - SignedDuration::from_hours(24);
        let mut stage = Stage::set_up(yesterday).await?;
        act(&mut stage).await
    })
}
