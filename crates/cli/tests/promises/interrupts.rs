//! Signals, and streams that cannot be written to.

use std::fs::OpenOptions;
use std::process::Stdio;

use crate::cloud::{Cloud, Ended, Started, until};

const CREATE: &str = "create-network -n net1 -m 3 --bootnode-amount 1 --logs none";

/// A creation that waits for its cluster for a long time.
fn waiting(cloud: &Cloud) -> Started {
    cloud.done("sandbox configure cluster_creation_seconds=3600");
    let started = cloud.start(CREATE);
    until("it waits for its cluster", || started.said().contains("waiting for"));
    started
}

fn assert_goes_on(cloud: &Cloud, ended: &Ended) {
    assert_eq!(ended.code, Some(3), "{ended:?}");
    for told in ["spacecraft create-network", "spacecraft delete-network", "--network-name net1"] {
        assert!(ended.stderr.contains(told), "{told} is not told: {}", ended.stderr);
    }
    cloud.done("sandbox configure cluster_creation_seconds=1 --advance 3600");
    cloud.done(CREATE);
}

#[test]
fn ctrl_c_and_sigterm_end_a_creation_in_order_and_it_can_go_on() {
    for signal in ["INT", "TERM"] {
        let cloud = Cloud::new();
        let started = waiting(&cloud);
        started.signal(signal);
        let ended = started.end();
        assert!(ended.stderr.contains("stopping"), "{}", ended.stderr);
        let objects = cloud.inventory()["buckets"].clone();
        let state =
            objects.as_object().unwrap().values().find(|bucket| bucket["net1/journal.json"].is_number());
        let state = state.unwrap_or_else(|| panic!("the journal is gone: {objects}"));
        assert!(state["net1/lock.json"].is_null(), "the lock was not given back: {state}");
        assert_goes_on(&cloud, &ended);
    }
}

#[test]
fn a_second_signal_ends_the_process_at_once_and_it_can_go_on() {
    let cloud = Cloud::new();
    cloud.done("sandbox fault hang --service gke --method POST");
    let started = cloud.start(CREATE);
    cloud.until(|inventory| inventory["calls"]["gke"]["writes"] == 1);
    started.signal("INT");
    until("the first signal is heard", || started.said().contains("once more ends at once"));
    started.signal("INT");
    let ended = started.end();
    assert_eq!((ended.code, ended.signal), (Some(3), None), "{ended:?}");
    assert!(ended.stderr.contains("run the same command again"), "{}", ended.stderr);
    cloud.done(CREATE);
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let cloud = Cloud::new();
    let mut command = cloud.command("plan -m 1000 --output json");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
}

#[test]
fn talk_that_nobody_hears_does_not_stop_an_operation() {
    let cloud = Cloud::new();
    let mut command = cloud.command(CREATE);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let cloud = Cloud::new();
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = cloud.command("plan").stdout(full()).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("write result to stdout"), "{output:?}");

    let logged = cloud.run(&format!("{CREATE} --log-file /dev/full"));
    assert_eq!(logged.code, Some(0), "{logged:?}");
    let output = cloud.command(CREATE).stdout(full()).stderr(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    cloud.done("delete-network -n net1 --yes");
}
