//! How long a fleet takes to deploy on the simulated cloud with realistic delays, and what it costs in calls and memory.
//!
//! Every call takes 30 ms and every pod is ready 20 s after it is applied; the cluster is there already. Give fleet sizes as arguments; without any,
//! 100 and 1,000 nodes are deployed. A smaller one is upgraded in waves.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark reports to its reader and stops where it cannot go on"
)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// What every command of the benchmark is about.
const NETWORK: [&str; 4] = ["-n", "bench", "--provider", "sandbox"];

fn main() {
    let sizes: Vec<u32> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![100, 1000] } else { sizes };
    for nodes in sizes {
        deploy(nodes);
    }
    upgrade(30, 10);
    plan(1000);
}

fn simulated() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let delays = ["api_latency_milliseconds=30", "pod_start_seconds=20", "cluster_creation_seconds=1"];
    spacecraft(home.path(), &[&["sandbox", "configure"], &delays[..]].concat());
    home
}

fn creation(nodes: &str) -> Vec<&str> {
    [&["create-network"], &NETWORK[..], &["--logs", "none", "-m", nodes, "--output", "json"]].concat()
}

fn deploy(nodes: u32) {
    let home = simulated();
    let size = nodes.to_string();
    make_cluster(home.path(), &size);
    let before = inventory(home.path());
    let (took, memory) = measured(home.path(), &creation(&size));
    let after = inventory(home.path());
    let calls = calls(&after, "kubernetes") - calls(&before, "kubernetes");
    println!("{nodes} nodes on a cluster that is there: {:.1} s", took.as_secs_f64());
    println!("  Kubernetes calls a node: {:.2}", calls as f64 / f64::from(nodes));
    println!(
        "  most memory of the command: {memory} MiB, of the simulation: {} MiB",
        server_memory(home.path())
    );
    for (command, of_network) in [("hosts", &NETWORK[..]), ("list", &NETWORK[2..])] {
        let before = total(&inventory(home.path()));
        spacecraft(home.path(), &[&[command], of_network].concat());
        println!("  {command}: {} calls", total(&inventory(home.path())) - before);
    }
    spacecraft(home.path(), &["sandbox", "stop"]);
}

/// Starts a creation, and ends it when its cluster is there.
fn make_cluster(home: &Path, nodes: &str) {
    let mut creation =
        command(home, &creation(nodes)).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let talk = BufReader::new(creation.stderr.take().unwrap());
    let done = r#""step-done","step":"cluster""#;
    assert!(talk.lines().any(|line| line.unwrap().contains(done)), "there is no cluster");
    creation.kill().unwrap();
    creation.wait().unwrap();
}

fn upgrade(nodes: u32, wave: u32) {
    let home = simulated();
    let (size, wave) = (nodes.to_string(), wave.to_string());
    spacecraft(home.path(), &creation(&size));
    let change = ["upgrade-network", "--go-sm-image", "spacemeshos/go-spacemesh:v1.8.0"];
    let pace = ["--wave-size", &wave, "--restart-wait-time", "0", "--wait", "healthy", "--output", "json"];
    let began = Instant::now();
    let report = spacecraft(home.path(), &[&change[..], &NETWORK[..], &pace[..]].concat());
    let took = began.elapsed();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let waves =
        report["nodes"].as_array().unwrap().iter().filter_map(|node| node["wave"].as_u64()).max().unwrap();
    println!("upgrade of {nodes} nodes in {waves} waves: {:.1} s a wave", took.as_secs_f64() / waves as f64);
    spacecraft(home.path(), &["sandbox", "stop"]);
}

fn plan(nodes: u32) {
    let home = tempfile::tempdir().unwrap();
    let count = nodes.to_string();
    let (took, _) =
        measured(home.path(), &["plan", "--provider", "sandbox", "-m", &count, "--output", "json"]);
    println!("plan of {nodes} nodes: {} ms", took.as_millis());
}

fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spacecraft"));
    command.env_clear().env("HOME", home).args(arguments);
    command
}

fn spacecraft(home: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = command(home, arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Time and peak memory in MiB of a command that succeeds.
fn measured(home: &Path, arguments: &[&str]) -> (Duration, u64) {
    let began = Instant::now();
    let mut child = command(home, arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    loop {
        peak = peak.max(most_resident(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{arguments:?} failed");
            return (began.elapsed(), peak);
        }
        pause();
    }
}

#[allow(clippy::disallowed_methods, reason = "the benchmark watches another process in real time")]
fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}

/// The most memory that a process had resident so far, in MiB; 0 when it is gone.
fn most_resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kibibytes| kibibytes.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn server_memory(home: &Path) -> u64 {
    let info = std::fs::read(home.join(".local/state/spacecraft/sandbox/info.json")).unwrap();
    let info: Value = serde_json::from_slice(&info).unwrap();
    most_resident(u32::try_from(info["process_id"].as_u64().unwrap()).unwrap())
}

fn inventory(home: &Path) -> Value {
    serde_json::from_slice(&spacecraft(home, &["sandbox", "inventory", "--output", "json"])).unwrap()
}

fn calls(inventory: &Value, service: &str) -> u64 {
    inventory["calls"][service]["total"].as_u64().unwrap_or(0)
}

/// The calls of all services.
fn total(inventory: &Value) -> u64 {
    let services = inventory["calls"].as_object().into_iter().flatten();
    services.filter_map(|(_, calls)| calls["total"].as_u64()).sum()
}
