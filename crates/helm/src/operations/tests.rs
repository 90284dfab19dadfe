use std::path::Path;

use serde_json::{Value, json};
use spacecraft_core::Meaning;

use super::*;
use crate::release::decode;
use crate::release::storage::from_secret;
use crate::testing::{FakeApi, patience};

/// A revision as real Helm recorded it.
fn recorded(file: &str) -> Release {
    let text = std::fs::read(folder().join(format!("{file}-decoded.json"))).unwrap();
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
    decode(text.as_bytes()).unwrap()
}

fn secret(file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder().join(format!("{file}.json"))).unwrap()).unwrap()
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/release-life")
}

/// The release before anything happened to it.
fn wanted(file: &str) -> Stored {
    let mut release = recorded(file);
    release.info.first_deployed = None;
    release.info.last_deployed = None;
    release.info.description.clear();
    for hook in &mut release.hooks {
        hook.last_run = crate::release::HookRun::default();
    }
    Stored { release, labels: BTreeMap::new() }
}

/// The same with all times blanked.
fn without_times(mut release: Release) -> Release {
    let info = &mut release.info;
    for time in [&mut info.first_deployed, &mut info.last_deployed, &mut info.deleted] {
        *time = time.map(|_| Timestamp::UNIX_EPOCH);
    }
    for hook in &mut release.hooks {
        let run = &mut hook.last_run;
        run.started_at = run.started_at.map(|_| Timestamp::UNIX_EPOCH);
        run.completed_at = run.completed_at.map(|_| Timestamp::UNIX_EPOCH);
    }
    release
}

const WAITING: Manner =
    Manner { no_hooks: false, wait: true, wait_for_jobs: false, take_ownership: false, force: false };

/// One cluster with a release in it.
struct World {
    api: FakeApi,
    cluster: Cluster,
    served: Served,
    wait: Wait,
}

impl World {
    fn new() -> Self {
        let api = FakeApi::default();
        Self { cluster: api.cluster(), served: FakeApi::served(), wait: patience(60), api }
    }

    /// A cluster with the records that Helm left after a step, and the objects of the revision in force.
    async fn after(step: &str, records: &[&str]) -> Self {
        let world = Self::new();
        for name in records {
            let path = format!("/api/v1/namespaces/apps/secrets/{name}");
            world.api.put(&path, secret(&format!("{step}-{name}")));
        }
        let history = world.history("rel").await;
        if let Some(current) = deployed(&history) {
            let operation = world.operation();
            let objects = operation.place_new(&current.release).unwrap();
            operation.apply(&objects, &current.release, WAITING, &mut Vec::new()).await.unwrap();
        }
        world.api.take_writes();
        world
    }

    fn operation(&self) -> Operation<'_> {
        Operation::new(&self.cluster, &self.served, &self.wait)
    }

    async fn history(&self, name: &str) -> Vec<Stored> {
        Storage::new(self.cluster.clone()).history("apps", name).await.unwrap()
    }

    async fn install(&self, stored: Stored, atomic: bool) -> Result<Release> {
        let description = String::new();
        let installation = Installation {
            stored,
            manner: WAITING,
            atomic,
            description,
            replaced: None,
            is_taken_over: false,
        };
        self.operation().install(installation).await
    }

    async fn upgrade(&self, stored: Stored, atomic: bool) -> Result<Release> {
        let Recovered { history, .. } = self.operation().live_history("apps", &stored.release.name).await?;
        let upgrade = Upgrade {
            stored,
            manner: WAITING,
            atomic,
            cleanup_on_fail: false,
            history_max: 10,
            description: String::new(),
        };
        self.operation().upgrade(history, upgrade).await
    }

    async fn rollback(&self, revision: u32) -> Result<Release> {
        let Recovered { history, .. } = self.operation().live_history("apps", "rel").await?;
        let rollback = Rollback { revision, manner: WAITING, history_max: 10, cleanup_on_fail: false };
        self.operation().rollback(history, rollback).await
    }

    async fn uninstall(&self, how: Uninstallation) -> Option<Uninstalled> {
        self.operation().uninstall("apps", "rel", &how).await.unwrap()
    }

    async fn statuses(&self) -> Vec<String> {
        self.history("rel").await.iter().map(|stored| stored.release.info.status.to_string()).collect()
    }

    async fn assert_recorded(&self, step: &str, names: &[&str]) {
        for (stored, name) in self.history("rel").await.into_iter().zip(names) {
            let expected = without_times(recorded(&format!("{step}-{name}")));
            let found = without_times(stored.release);
            if found.info.status == Status::Failed {
                assert_eq!(expected.info.status, Status::Failed, "{name} after step {step}");
                continue;
            }
            assert_eq!(found, expected, "{name} after step {step}");
        }
        assert_eq!(self.history("rel").await.len(), names.len());
    }

    /// Compares all objects but records with those that Helm left on a real cluster.
    fn assert_objects(&self, step: &str) {
        let text = std::fs::read(folder().join(format!("{step}-objects.json"))).unwrap();
        let expected: Vec<Value> = serde_json::from_slice(&text).unwrap();
        let expected: Vec<&Value> =
            expected.iter().filter(|object| object["kind"] != "CustomResourceDefinition").collect();
        let mut found: Vec<Value> =
            self.api.objects().iter().filter(|object| !is_record(object)).map(brief).collect();
        found.sort_by_key(|object| format!("{} {}", object["kind"], object["name"]));
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "after step {step}");
    }
}

fn is_record(object: &Value) -> bool {
    object["type"] == "helm.sh/release.v1"
}

fn brief(object: &Value) -> Value {
    let metadata = &object["metadata"];
    let map = |field: &str| metadata.get(field).cloned().unwrap_or_else(|| json!({}));
    json!({
        "apiVersion": object["apiVersion"], "kind": object["kind"], "name": metadata["name"],
        "labels": map("labels"), "annotations": map("annotations"), "data": object["data"],
        "replicas": object["spec"]["replicas"],
    })
}

const V1: &str = "sh.helm.release.v1.rel.v1";
const V2: &str = "sh.helm.release.v1.rel.v2";
const V3: &str = "sh.helm.release.v1.rel.v3";
const V4: &str = "sh.helm.release.v1.rel.v4";
const V5: &str = "sh.helm.release.v1.rel.v5";

#[test]
fn every_recorded_secret_holds_the_release_that_was_decoded_from_it() {
    for file in
        ["01-sh.helm.release.v1.rel.v1", "13-sh.helm.release.v1.rel.v4", "20-sh.helm.release.v1.fresh.v1"]
    {
        let stored = from_secret(&secret(file)).unwrap();
        assert_eq!(stored.release, recorded(file));
        let decoded: Value =
            serde_json::from_slice(&std::fs::read(folder().join(format!("{file}-decoded.json"))).unwrap())
                .unwrap();
        let written = serde_json::to_value(&stored.release).unwrap();
        assert_eq!(crate::values::as_kubernetes_json(written), decoded, "{file}");
    }
}

#[tokio::test]
async fn a_releases_life_leaves_the_records_and_objects_that_helm_leaves() {
    let world = World::new();
    world.install(wanted("01-sh.helm.release.v1.rel.v1"), false).await.unwrap();
    world.assert_recorded("01", &[V1]).await;
    world.assert_objects("01");

    world.upgrade(wanted("08-sh.helm.release.v1.rel.v2"), false).await.unwrap();
    world.assert_recorded("08", &[V1, V2]).await;
    world.assert_objects("08");

    world.upgrade(wanted("09-sh.helm.release.v1.rel.v3"), false).await.unwrap();
    world.assert_recorded("09", &[V1, V2, V3]).await;
    world.assert_objects("09");

    let error = world.upgrade(wanted("13-sh.helm.release.v1.rel.v4"), false).await.unwrap_err();
    assert!(error.to_string().contains("revision 4 failed, revision 3 stays in force"), "{error}");
    assert_eq!(world.statuses().await, ["superseded", "superseded", "deployed", "failed"]);

    world.rollback(2).await.unwrap();
    world.assert_recorded("13", &[V1, V2, V3, V4, V5]).await;
    world.assert_objects("13");

    let uninstalled =
        world.uninstall(Uninstallation { wait: true, ..Uninstallation::default() }).await.unwrap();
    assert_eq!(uninstalled.kept, ["[Secret] rel-kept"]);
    let left: Vec<String> =
        world.api.objects().iter().map(|object| object["metadata"]["name"].to_string()).collect();
    assert_eq!(left, ["\"rel-post\"", "\"rel-kept\""]);
}

#[tokio::test]
async fn a_life_that_helm_began_goes_on_from_every_recorded_state() {
    for (step, records) in
        [("01", vec![V1]), ("08", vec![V1, V2]), ("09", vec![V1, V2, V3]), ("13", vec![V1, V2, V3, V4, V5])]
    {
        let next = u32::try_from(records.len()).unwrap() + 1;
        let world = World::after(step, &records).await;
        let release = world.upgrade(wanted("08-sh.helm.release.v1.rel.v2"), false).await.unwrap();
        assert_eq!((release.version, release.info.status), (next, Status::Deployed), "upgrade after {step}");
        let release = world.rollback(1).await.unwrap();
        assert_eq!(release.info.description, "Rollback to 1");
        assert_eq!(world.statuses().await.iter().filter(|status| *status == "deployed").count(), 1);
        world.uninstall(Uninstallation::default()).await.unwrap();
        assert!(world.history("rel").await.is_empty(), "uninstall after {step}");
    }
}

#[tokio::test]
async fn what_helm_applied_client_side_is_taken_over_before_it_is_applied() {
    let world = World::after("01", &[V1]).await;
    let path = "/api/v1/namespaces/apps/configmaps/rel";
    let mut live = world.api.object(path).unwrap();
    live["metadata"]["managedFields"] =
        json!([{"manager": "helm", "operation": "Update", "fieldsV1": {"f:data": {}}}]);
    world.api.put(path, live);
    world.upgrade(wanted("08-sh.helm.release.v1.rel.v2"), false).await.unwrap();
    let patches = world.api.take_writes().iter().filter(|write| *write == &format!("PATCH {path}")).count();
    assert_eq!(patches, 2, "the takeover and the apply");
}

#[tokio::test]
async fn a_failed_hook_fails_the_install_and_is_recorded() {
    let world = World::new();
    world.api.fail_job("rel-pre-b");
    let error = world.install(wanted("01-sh.helm.release.v1.rel.v1"), false).await.unwrap_err();
    assert!(error.to_string().contains("failed pre-install"), "{error}");
    assert!(error.to_string().contains("BackoffLimitExceeded"), "{error}");
    let history = world.history("rel").await;
    assert_eq!(history[0].release.info.status, Status::Failed);
    assert!(history[0].release.info.description.starts_with("Release \"rel\" failed: "));
    assert!(world.api.object("/apis/apps/v1/namespaces/apps/deployments/rel").is_none());
    assert!(
        world.api.object("/apis/batch/v1/namespaces/apps/jobs/rel-pre-b").is_some(),
        "it stays, to be looked at"
    );
    assert!(world.api.object("/apis/batch/v1/namespaces/apps/jobs/rel-pre-a").is_none());
}

#[tokio::test]
async fn an_atomic_install_that_fails_leaves_nothing() {
    let mut world = World::new();
    world.api.never_ready();
    world.wait = patience(0);
    let error = world.install(wanted("01-sh.helm.release.v1.rel.v1"), true).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::TimedOut);
    assert!(error.to_string().contains("it was uninstalled due to atomic being set"), "{error}");
    assert!(world.history("rel").await.is_empty());
    assert!(world.api.object("/apis/apps/v1/namespaces/apps/deployments/rel").is_none());
}

#[tokio::test]
async fn an_atomic_upgrade_that_fails_is_rolled_back() {
    let world = World::after("09", &[V1, V2, V3]).await;
    let error = world.upgrade(wanted("13-sh.helm.release.v1.rel.v4"), true).await.unwrap_err();
    assert!(error.to_string().contains("rolled back to revision 3 as revision 5"), "{error}");
    assert_eq!(world.statuses().await, ["superseded", "superseded", "superseded", "failed", "deployed"]);
}

/// A revision that makes a ConfigMap and then fails at a Deployment.
fn failing_half_way(annotations: &str) -> Stored {
    let mut stored = wanted("09-sh.helm.release.v1.rel.v3");
    stored.release.hooks.clear();
    stored.release.manifest = format!(
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: made\n  annotations: {annotations}\n---\napiVersion: \
         apps/v1\nkind: Deployment\nmetadata: {{name: rel}}\nspec: {{replicas: many}}\n"
    );
    stored
}

const MADE: &str = "/api/v1/namespaces/apps/configmaps/made";

#[tokio::test]
async fn what_an_upgrade_made_before_it_failed_goes_if_that_is_asked_for() {
    for cleanup_on_fail in [false, true] {
        let world = World::after("09", &[V1, V2, V3]).await;
        let history = world.history("rel").await;
        let upgrade = Upgrade {
            stored: failing_half_way("{}"),
            manner: WAITING,
            atomic: false,
            cleanup_on_fail,
            history_max: 10,
            description: String::new(),
        };
        world.operation().upgrade(history, upgrade).await.unwrap_err();
        assert_eq!(world.api.object(MADE).is_none(), cleanup_on_fail);
        assert_eq!(world.statuses().await, ["superseded", "superseded", "deployed", "failed"]);
    }
}

#[tokio::test]
async fn going_back_from_a_failed_upgrade_takes_what_it_made_away_but_for_what_is_to_be_kept() {
    for (annotations, stays) in [("{}", false), ("{helm.sh/resource-policy: keep}", true)] {
        let world = World::after("09", &[V1, V2, V3]).await;
        let error = world.upgrade(failing_half_way(annotations), true).await.unwrap_err();
        assert!(error.to_string().contains("rolled back to revision 3 as revision 5"), "{error}");
        assert_eq!(world.api.object(MADE).is_some(), stays);
    }
}

#[tokio::test]
async fn after_installs_that_failed_there_is_nothing_to_go_back_to() {
    let world = World::new();
    world.install(failing_half_way("{}"), false).await.unwrap_err();
    let error = world.upgrade(failing_half_way("{}"), true).await.unwrap_err();
    assert!(!error.to_string().contains("rolled back"), "{error}");
    assert_eq!(world.statuses().await, ["failed", "failed"]);
}

#[tokio::test]
async fn a_hook_that_cannot_be_created_is_left_to_whoever_made_its_object() {
    let world = World::new();
    let path = "/apis/batch/v1/namespaces/apps/jobs/rel-pre-b";
    world.api.put(path, json!({"kind": "Job", "metadata": {"name": "rel-pre-b", "namespace": "apps"}}));
    let mut stored = wanted("01-sh.helm.release.v1.rel.v1");
    for hook in &mut stored.release.hooks {
        hook.delete_policies = vec!["hook-failed".to_owned()];
    }
    let error = world.install(stored, false).await.unwrap_err();
    assert!(error.to_string().contains("already exists"), "{error}");
    assert!(world.api.object(path).is_some());
}

#[tokio::test]
async fn an_object_of_another_release_stops_everything_before_it_begins() {
    let world = World::new();
    let path = "/api/v1/namespaces/apps/services/rel";
    world.api.put(path, json!({"kind": "Service", "metadata": {"name": "rel", "namespace": "apps"}}));
    let error = world.install(wanted("01-sh.helm.release.v1.rel.v1"), false).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::AlreadyExists);
    assert!(
        error.to_string().contains("Service \"rel\" in namespace \"apps\" exists and cannot be imported"),
        "{error}"
    );
    assert!(world.api.take_writes().is_empty());
}

#[tokio::test]
async fn a_first_install_left_pending_is_made_anew() {
    let world = World::new();
    let mut left = wanted("01-sh.helm.release.v1.rel.v1");
    left.release.info.status = Status::PendingInstall;
    world.operation().storage.create(&left, Timestamp::UNIX_EPOCH).await.unwrap();
    let found = world.operation().free_name("apps", "rel", false).await.unwrap();
    assert_eq!((found.history, found.left), (Vec::new(), Some(left.clone())));
    assert_eq!(world.statuses().await, ["pending-install"], "it stays until another takes its place");
    let installation = Installation {
        stored: wanted("01-sh.helm.release.v1.rel.v1"),
        manner: WAITING,
        atomic: false,
        description: String::new(),
        replaced: None,
        is_taken_over: true,
    };
    world.operation().install(installation).await.unwrap();
    assert_eq!(world.statuses().await, ["deployed"]);
}

#[tokio::test]
async fn an_upgrade_left_pending_counts_as_failed_and_what_it_made_goes_with_the_next() {
    let world = World::after("01", &[V1]).await;
    let mut left = wanted("08-sh.helm.release.v1.rel.v2");
    left.release.info.status = Status::PendingUpgrade;
    let operation = world.operation();
    operation.storage.create(&left, Timestamp::UNIX_EPOCH).await.unwrap();
    let objects = operation.place_new(&left.release).unwrap();
    operation.apply(&objects, &left.release, WAITING, &mut Vec::new()).await.unwrap();
    let release = world.upgrade(wanted("09-sh.helm.release.v1.rel.v3"), false).await.unwrap();
    assert_eq!(release.version, 3);
    assert_eq!(world.statuses().await, ["superseded", "failed", "deployed"]);
    assert!(world.api.object("/api/v1/namespaces/apps/configmaps/rel-extra").is_none());
}

#[tokio::test]
async fn the_name_of_a_release_that_exists_is_refused() {
    let world = World::after("01", &[V1]).await;
    let error = world.operation().free_name("apps", "rel", false).await.unwrap_err();
    assert_eq!(error.reason(), "cannot re-use a name that is still in use");
}

#[tokio::test]
async fn history_is_kept_up_to_its_limit() {
    let world = World::new();
    world.install(wanted("01-sh.helm.release.v1.rel.v1"), false).await.unwrap();
    for _ in 0..12 {
        world.upgrade(wanted("08-sh.helm.release.v1.rel.v2"), false).await.unwrap();
    }
    let revisions: Vec<u32> =
        world.history("rel").await.iter().map(|stored| stored.release.version).collect();
    assert_eq!(revisions, (4..=13).collect::<Vec<_>>());
}

#[tokio::test]
async fn history_can_be_kept_when_a_release_goes_and_be_rolled_back_to() {
    let world = World::after("01", &[V1]).await;
    world.uninstall(Uninstallation { keep_history: true, ..Uninstallation::default() }).await.unwrap();
    let last = &world.history("rel").await[0].release;
    assert_eq!(
        (last.info.status, last.info.description.as_str()),
        (Status::Uninstalled, "Uninstallation complete")
    );
    let release = world.rollback(1).await.unwrap();
    assert_eq!((release.version, release.info.status), (2, Status::Deployed));
    assert!(world.api.object("/apis/apps/v1/namespaces/apps/deployments/rel").is_some());
}

#[tokio::test]
async fn what_a_wait_was_for_is_told_when_its_time_is_over() {
    let mut world = World::new();
    world.api.never_ready();
    world.wait = patience(0);
    let error = world.install(wanted("01-sh.helm.release.v1.rel.v1"), false).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::TimedOut);
    assert!(
        error.to_string().contains("Deployment rel in namespace apps: 0 of 1 updated pods are ready"),
        "{error}"
    );
}
