//! A cluster that is there and that networks can share.

use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::flows::words;
use crate::stage::{Stage, complaint};

/// Charts of networks on shared clusters, and the simulated repositories that have them.
const CHARTS: [(&str, &str); 2] = [
    ("kube-prometheus-stack", "prometheus-community.github.io"),
    ("prometheus-pushgateway", "prometheus-community.github.io"),
];
/// The path of the charts at their repository's host.
const BELOW: &str = "helm-charts";

/// Makes the cluster of a network `host`, and writes down how others find it and their charts: `kubeconfig` and `shared.json` in the stage's folder.
///
/// # Errors
///
/// When a command fails.
pub(crate) async fn make(stage: &Stage, host: &str) -> Result<()> {
    let create = format!("create-network -n {host} -m 1 -p 1 --bootnode-amount 0 --logs none");
    if let Some(complaint) = complaint(&stage.run(&words(&create)).await) {
        bail!("make a cluster to share: {complaint}");
    }
    let told = stage.run(&words(&format!("kubeconfig -n {host}"))).await;
    if let Some(complaint) = complaint(&told) {
        bail!("find the cluster to share: {complaint}");
    }
    let document: Value = serde_json::from_str(&told.stdout).context("read what kubeconfig told")?;
    let kubeconfig = document["kubeconfig"].as_str().context("kubeconfig told no kubeconfig")?;
    fs::write(stage.folder().join("kubeconfig"), kubeconfig).context("write the kubeconfig")?;
    let scene = stage.scene();
    let urls = &scene.world.environment().urls;
    let charts: serde_json::Map<String, _> = CHARTS
        .iter()
        .map(|(chart, at)| ((*chart).to_owned(), json!({"repo": format!("{}/{BELOW}", urls.of(at))})))
        .collect();
    let settings = json!({"charts": charts}).to_string();
    fs::write(stage.folder().join("shared.json"), settings).context("write the settings")
}
