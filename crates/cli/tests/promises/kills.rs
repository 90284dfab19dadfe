//! Death at random moments, ten times.

use rand::{Rng as _, SeedableRng as _};

use crate::cloud::{Cloud, existing};

/// Another seed dies at other moments.
const SEED: u64 = 5;
const CREATE: &str = "create-network -n net1 -m 50 --logs none";
const DEATHS: usize = 10;

#[test]
fn a_creation_of_fifty_nodes_that_is_killed_ten_times_is_finished_and_deleted_without_a_trace() {
    let cloud = Cloud::new();
    let before = cloud.inventory();
    let mut random = rand::rngs::StdRng::seed_from_u64(SEED);
    // Calls take long enough for a moment to be met, and the creation is not through before its last death.
    cloud.done("sandbox configure api_latency_milliseconds=20");
    let mut deaths = 0;
    while deaths < DEATHS {
        let last = calls(&cloud) + random.random_range(5_u64..60);
        let mut creation = cloud.start(CREATE);
        while !creation.has_ended() && calls(&cloud) < last {}
        if !creation.has_ended() {
            creation.signal("KILL");
            deaths += 1;
        }
        let ended = creation.end();
        assert_eq!(ended.signal, Some(9), "it was through before its death number {deaths}: {ended:?}");
    }
    cloud.done("sandbox configure api_latency_milliseconds=0");
    cloud.done(CREATE);
    let report = cloud.json(CREATE);
    let steps = report["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["outcome"] == "unchanged"), "{steps:?}");
    assert_eq!(report["nodes"].as_array().unwrap().len(), 50);
    cloud.done("delete-network -n net1 --yes");
    assert_eq!(existing(&cloud.inventory()), existing(&before));
}

fn calls(cloud: &Cloud) -> u64 {
    let inventory = cloud.inventory();
    inventory["calls"].as_object().unwrap().values().filter_map(|service| service["total"].as_u64()).sum()
}
