//! Death at random moments on a cluster that is there already: that of a simulated network, or any that a kubeconfig names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use kube::api::{Api, DynamicObject, ListParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use kube::discovery::{Discovery, verbs};
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;

use crate::cloud::{Cloud, Ended, Started};

/// Another seed dies at other moments.
const SEED: u64 = 12;
const DEATHS: usize = 6;
const NETWORK: &str = "spacecraft-deaths";
const FLEET: &str = "-m 8 -p 2 --bootnode-amount 1 --logs none --wait ready --p2p-port-base 5200";
/// A scratch cluster to die on. Its workers need not run containers, but somebody must say that pods are ready.
const OTHER_CLUSTER: &str = "SPACECRAFT_TEST_KUBECONFIG";

/// Commands for a network on the cluster of a kubeconfig, whose records are in a folder.
struct Shared<'a> {
    cloud: &'a Cloud,
    kubeconfig: PathBuf,
    objects: PathBuf,
}

impl Shared<'_> {
    fn line(&self, command: &str) -> String {
        let (kubeconfig, objects) = (self.kubeconfig.display(), self.objects.display());
        format!(
            "{command} --provider kubernetes -n {NETWORK} --kubeconfig {kubeconfig} --object-dir {objects}"
        )
    }

    fn start(&self, command: &str) -> Started {
        self.cloud.start_command(self.cloud.bare_command(&self.line(command)))
    }

    fn done(&self, command: &str) -> Ended {
        let ended = self.start(command).end();
        assert_eq!(ended.code, Some(0), "{command}: {ended:?}");
        ended
    }

    fn json(&self, command: &str) -> Value {
        serde_json::from_str(&self.done(&format!("{command} --output json")).stdout).unwrap()
    }

    /// The objects of the network, and of no network in particular that it could have made: all that carry our label or are in its namespaces.
    fn objects_of_network(&self) -> BTreeSet<String> {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let all = runtime.block_on(all_objects(&self.kubeconfig)).unwrap();
        all.into_iter().filter(|object| object.contains(NETWORK)).collect()
    }

    /// The files below the folder of objects that tell of the network.
    fn files_of_network(&self) -> Vec<String> {
        let mut folders = vec![self.objects.clone()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path.display().to_string()) }
            }
        }
        files.retain(|file| file.contains(NETWORK));
        files
    }

    /// Runs a command until it has told so many lines, and kills it then.
    fn kill_after(&self, command: &str, lines: usize) -> Ended {
        let mut started = self.start(&format!("{command} -v"));
        while !started.has_ended() && started.said().lines().count() < lines {
            crate::cloud::pause_shortly();
        }
        started.signal_unless_ended("KILL");
        started.end()
    }
}

/// Kind, name, namespace and labels of everything that can be listed, in one line each; events apart, which outlive what they tell of.
async fn all_objects(kubeconfig: &Path) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let read = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?;
    let client = kube::Client::try_from(config)?;
    let discovery = Discovery::new(client.clone()).run().await?;
    let mut objects = Vec::new();
    for (resource, capabilities) in
        discovery.groups().flat_map(kube::discovery::ApiGroup::recommended_resources)
    {
        if !capabilities.supports_operation(verbs::LIST) || resource.kind == "Event" {
            continue;
        }
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        for object in api.list(&ListParams::default()).await?.items {
            let metadata = object.metadata;
            objects.push(format!(
                "{} {:?} {:?} {:?}",
                resource.kind, metadata.namespace, metadata.name, metadata.labels
            ));
        }
    }
    Ok(objects)
}

/// A creation and a deletion that die at random moments, and what they leave when they came to their ends at last.
fn check(cloud: &Cloud, kubeconfig: PathBuf) {
    let shared = Shared { cloud, kubeconfig, objects: cloud.home().join("objects") };
    assert_eq!(shared.objects_of_network(), BTreeSet::new(), "an earlier run left something");
    let mut random = rand::rngs::StdRng::seed_from_u64(SEED);
    let create = format!("create-network {FLEET}");
    for death in 0..DEATHS {
        let ended = shared.kill_after(&create, random.random_range(1..14 + death));
        assert_eq!(ended.signal, Some(9), "it was through before death {death}: {ended:?}");
    }
    shared.done(&create);
    let report = shared.json(&create);
    let steps = report["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["outcome"] == "unchanged"), "{steps:?}");
    assert_eq!(report["nodes"].as_array().unwrap().len(), 8);
    let made = shared.objects_of_network();
    assert!(made.len() > 50, "{made:?}");
    for _ in 0..DEATHS / 2 {
        let ended = shared.kill_after("delete-network --yes", random.random_range(1..4));
        assert_eq!(ended.signal, Some(9), "it was through before it died: {ended:?}");
    }
    shared.done("delete-network --yes");
    assert_eq!(shared.objects_of_network(), BTreeSet::new());
    assert_eq!(shared.files_of_network(), Vec::<String>::new());
}

#[test]
fn a_creation_on_a_shared_cluster_that_is_killed_at_random_moments_is_finished_and_deleted_without_a_trace() {
    let cloud = Cloud::new();
    cloud.done("create-network -n base -m 12 -p 1 --bootnode-amount 1 --logs none");
    cloud.done("sandbox configure api_latency_milliseconds=20");
    let kubeconfig = cloud.home().join("kubeconfig");
    fs::write(&kubeconfig, cloud.done("kubeconfig -n base --provider sandbox").stdout).unwrap();
    check(&cloud, kubeconfig);
}

#[test]
#[ignore = "needs a real API server, named by SPACECRAFT_TEST_KUBECONFIG"]
#[allow(clippy::disallowed_methods, reason = "tests are told by a variable which real cluster they may use")]
fn the_same_on_the_cluster_that_a_variable_names() {
    let kubeconfig = std::env::var_os(OTHER_CLUSTER).unwrap();
    check(&Cloud::new(), PathBuf::from(kubeconfig));
}
