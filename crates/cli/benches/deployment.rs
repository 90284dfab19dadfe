//! How long a fleet takes to deploy on the simulated cloud with realistic delays, and what it costs in calls and memory.
//!
//! Every call takes 30 ms, every pod is ready 20 s after it is applied, and the cluster takes a second. Give fleet sizes as arguments; without any,
//! 100 and 1,000 nodes are deployed.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark reports to its reader and stops where it cannot go on"
)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

fn main() {
    let sizes: Vec<u32> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![100, 1000] } else { sizes };
    for nodes in sizes {
        deploy(nodes);
    }
    plan(1000);
}

fn deploy(nodes: u32) {
    let home = tempfile::tempdir().unwrap();
    let network = ["-n", "bench", "--provider", "sandbox", "--logs", "none"];
    let size = ["-m".to_owned(), nodes.to_string()];
    spacecraft(
        home.path(),
        &[
            "sandbox",
            "configure",
            "api_latency_milliseconds=30",
            "pod_start_seconds=20",
            "cluster_creation_seconds=1",
        ],
    );
    let before = inventory(home.path());
    let began = Instant::now();
    let arguments: Vec<&str> =
        ["create-network"].into_iter().chain(network).chain(size.iter().map(String::as_str)).collect();
    let (took, memory) = measured(home.path(), &arguments);
    let after = inventory(home.path());
    let calls = calls(&after, "kubernetes") - calls(&before, "kubernetes");
    println!("{nodes} nodes: {:.1} s in all, cluster included", took.as_secs_f64());
    println!("  Kubernetes calls a node: {:.2}", calls as f64 / f64::from(nodes));
    println!("  memory of the command: {memory} MiB, of the simulation: {} MiB", server_memory(home.path()));
    println!("  wall: {:.1} s", began.elapsed().as_secs_f64());
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
    let mut child = command(home, arguments)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut peak = 0;
    loop {
        peak = peak.max(resident(child.id()));
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

/// Resident memory of a process in MiB; 0 when it is gone.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kibibytes| kibibytes.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn server_memory(home: &Path) -> u64 {
    let info = std::fs::read(home.join(".local/state/spacecraft/sandbox/info.json")).unwrap();
    let info: Value = serde_json::from_slice(&info).unwrap();
    resident(u32::try_from(info["process_id"].as_u64().unwrap()).unwrap())
}

fn inventory(home: &Path) -> Value {
    serde_json::from_slice(&spacecraft(home, &["sandbox", "inventory", "--output", "json"])).unwrap()
}

fn calls(inventory: &Value, service: &str) -> u64 {
    inventory["calls"][service]["total"].as_u64().unwrap_or(0)
}
