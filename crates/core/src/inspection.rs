//! Looking at networks: nothing here writes.

mod hosts;
mod networks;
mod status;

pub use hosts::{Host, HostsReport, find_hosts};
pub use networks::{ClusterSummary, Login, NetworkRow, NetworksReport, NodeCount, Standing, find_networks};
pub use status::{
    ChartHealth, GenesisState, Listing, NameHealth, NodeHealth, PoetHealth, StatusReport, WebServicesState,
    WorkloadHealth, find_status,
};

use std::time::Duration;

use crate::error::{Error, Meaning, Result};
use crate::time::Clock;

/// What `work` answers, unless it takes longer than `limit`: one place that does not answer must not hold up the others.
async fn within<T>(
    clock: &dyn Clock,
    limit: Duration,
    doing: &str,
    what: &str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        biased;
        done = work => done,
        () = pass(clock, limit) => {
            let reason = format!("there was no answer within {} seconds", limit.as_secs());
            Err(Error::new(Meaning::TimedOut, doing, what, reason))
        }
    }
}

/// Lets `duration` pass in small steps, so that work beside it gets its turns on a clock on which sleeping takes no time.
async fn pass(clock: &dyn Clock, duration: Duration) {
    let mut left = duration;
    while !left.is_zero() {
        let step = left.min(Duration::from_millis(50));
        clock.sleep(step).await;
        left -= step;
    }
}
