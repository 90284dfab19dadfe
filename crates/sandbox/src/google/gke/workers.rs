//! The machines of node pools.

use jiff::Timestamp;
use serde_json::Value;

use super::cluster::{Cluster, Status, Worker};

/// Brings the control plane and the pools of a cluster up.
pub(super) fn start_cluster(cluster: &mut Cluster, now: Timestamp, endpoints: &[String]) {
    cluster.endpoint = endpoints.get(usize::from(cluster.index)).cloned();
    let pools: Vec<String> = cluster.pools.iter().map(|pool| pool.name.clone()).collect();
    for pool in pools {
        start_pool(cluster, &pool, now);
    }
}

/// Makes the machines that a pool begins with.
pub(super) fn start_pool(cluster: &mut Cluster, pool: &str, now: Timestamp) {
    let per_zone =
        cluster.pool(pool).and_then(|pool| pool.spec.get("initialNodeCount")).and_then(Value::as_u64);
    if let Some(pool) = cluster.pool_mut(pool) {
        pool.status = Status::Running;
    }
    let per_zone = per_zone.and_then(|count| u32::try_from(count).ok()).unwrap_or_default();
    resize_pool(cluster, pool, per_zone, now);
}

/// Adds or removes machines until every zone of the pool has as many as wanted; the newest go first.
pub(super) fn resize_pool(cluster: &mut Cluster, pool: &str, nodes_per_zone: u32, now: Timestamp) {
    let Some(known) = cluster.pool(pool) else { return };
    let prefix = known.instance_prefix(cluster);
    let mut workers = known.workers.clone();
    for zone in known.zones() {
        let wanted = usize::try_from(nodes_per_zone).unwrap_or_default();
        let mut here = workers.iter().filter(|worker| worker.zone == zone).count();
        while here > wanted {
            let newest = workers.iter().rposition(|worker| worker.zone == zone);
            newest.map(|index| workers.remove(index));
            here -= 1;
        }
        for _ in here..wanted {
            workers.push(new_worker(cluster, &prefix, &zone, now));
        }
    }
    if let Some(known) = cluster.pool_mut(pool) {
        known.workers = workers;
    }
}

fn new_worker(cluster: &mut Cluster, prefix: &str, zone: &str, now: Timestamp) -> Worker {
    cluster.workers_made += 1;
    let number = cluster.workers_made;
    let (high, low) = (number / 250, number % 250 + 1);
    let index = u32::from(cluster.index);
    Worker {
        name: format!("{prefix}-{}", suffix(&cluster.id, number)),
        zone: zone.to_owned(),
        internal_ip: format!("10.{}.{high}.{low}", 128 + index),
        external_ip: format!("127.{}.{high}.{low}", 64 + index),
        created: now,
    }
}

/// Four characters that no other machine of the cluster has.
fn suffix(id: &str, number: u32) -> String {
    let salt =
        id.chars().take(4).fold(0_u32, |salt, digit| salt * 16 + digit.to_digit(16).unwrap_or_default());
    let mut rest = (number.wrapping_mul(7_919).wrapping_add(salt)) % 1_679_616;
    let mut letters = Vec::new();
    for _ in 0..4 {
        letters.push(char::from_digit(rest % 36, 36).unwrap_or('0'));
        rest /= 36;
    }
    letters.into_iter().collect()
}
