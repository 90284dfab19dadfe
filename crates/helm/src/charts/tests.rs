mod conformance;

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use spacecraft_core::observer::Outcome;
use spacecraft_core::time::{SeededRandom, SystemClock};
use spacecraft_core::traits::{ChartInstaller, ChartRelease, Look, ObjectPatch, PatchKind};

use super::*;
use crate::testing::{FakeApi, patience};
use crate::values::ValueOptions;

const WIDGETS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.live.example.com";

fn charts(api: &FakeApi) -> Charts {
    Charts::new(
        ChartSources::new(None, None),
        Some(api.cluster()),
        Arc::new(SystemClock),
        Arc::new(SeededRandom::new(7)),
    )
}

fn chart() -> ChartReference {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/release-life/chart");
    ChartReference { chart: path.to_string_lossy().into_owned(), ..ChartReference::default() }
}

fn set(arguments: &[&str]) -> Values {
    let set = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    ValueOptions { set, ..ValueOptions::default() }.values(&|_| Ok(Vec::new())).unwrap()
}

fn options(arguments: &[&str]) -> ReleaseOptions {
    ReleaseOptions {
        name: "rel".to_owned(),
        namespace: "apps".to_owned(),
        chart: chart(),
        values: set(arguments),
        create_namespace: true,
        wait: true,
        ..ReleaseOptions::default()
    }
}

fn upgrade(arguments: &[&str], reuse: Reuse) -> UpgradeOptions {
    UpgradeOptions { release: options(arguments), reuse, ..UpgradeOptions::default() }
}

/// A revision as real Helm recorded it.
fn recorded(file: &str) -> Value {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/release-life/{file}-decoded.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn assert_recorded(release: &Release, file: &str) {
    let expected = recorded(file);
    let found = crate::values::as_kubernetes_json(serde_json::to_value(release).unwrap());
    for field in ["chart", "config", "manifest", "name", "namespace", "version"] {
        assert_eq!(found.get(field), expected.get(field), "{field} of {file}");
    }
    for field in ["status", "description", "notes"] {
        assert_eq!(found["info"][field], expected["info"][field], "{field} of {file}");
    }
    let hooks = |release: &Value| -> Vec<Value> {
        let hooks = release["hooks"].as_array().cloned().unwrap_or_default();
        hooks
            .into_iter()
            .map(|hook| json!([hook["name"], hook["manifest"], hook["weight"], hook["last_run"]["phase"]]))
            .collect()
    };
    assert_eq!(hooks(&found), hooks(&expected), "hooks of {file}");
}

#[tokio::test]
async fn a_chart_is_rendered_installed_and_upgraded_to_the_records_of_helm() {
    let api = FakeApi::default();
    let charts = charts(&api);
    let wait = patience(60);
    let release = charts.install(&options(&["message=one"]), &wait).await.unwrap();
    assert_recorded(&release, "01-sh.helm.release.v1.rel.v1");
    assert!(api.object(WIDGETS).is_some() && api.object("/api/v1/namespaces/apps").is_some());
    let release = charts.upgrade(&upgrade(&["replicas=2,extra=true"], Reuse::Always), &wait).await.unwrap();
    assert_eq!(release.config, set_as_read(&["message=one", "replicas=2", "extra=true"]));
    assert_eq!(release.manifest, recorded("08-sh.helm.release.v1.rel.v2")["manifest"].as_str().unwrap());
    let release = charts.upgrade(&upgrade(&["message=three"], Reuse::UnlessGiven), &wait).await.unwrap();
    assert_recorded(&release, "09-sh.helm.release.v1.rel.v3");
    let listed = charts.list(None, false).await.unwrap();
    assert_eq!((listed.len(), listed[0].version), (1, 3));
    assert_eq!(charts.history("apps", "rel", 2).await.unwrap().len(), 2);
    assert_eq!(charts.get("apps", "rel", Some(1)).await.unwrap().info.status, Status::Superseded);
}

/// Numbers of `--set` are integers until they went through a record.
fn set_as_read(arguments: &[&str]) -> Values {
    let mut values = set(arguments);
    if let Some(number) = values.get_mut("replicas") {
        *number = json!(2);
    }
    values
}

#[tokio::test]
async fn a_dry_run_shows_what_would_be_released_and_writes_nothing() {
    let api = FakeApi::default();
    let charts = charts(&api);
    let wait = patience(60);
    let dry = |options: ReleaseOptions| ReleaseOptions { dry_run: true, ..options };
    let release = charts.install(&dry(options(&["message=one"])), &wait).await.unwrap();
    assert_eq!((release.version, release.info.status), (1, Status::PendingInstall));
    assert_eq!(release.info.description, DRY_RUN);
    assert!(release.manifest.contains("# Source: live/templates/"), "{}", release.manifest);
    assert!(api.take_writes().is_empty());
    charts.install(&options(&["message=one"]), &wait).await.unwrap();
    api.take_writes();
    let again = charts.install(&dry(options(&[])), &wait).await.unwrap_err();
    assert_eq!(again.meaning(), Meaning::AlreadyExists);
    let mut next = upgrade(&["message=two"], Reuse::Always);
    next.release = dry(next.release);
    let release = charts.upgrade(&next, &wait).await.unwrap();
    assert_eq!((release.version, release.info.status), (2, Status::PendingUpgrade));
    assert!(api.take_writes().is_empty());
}

#[tokio::test]
async fn a_chart_that_cannot_be_rendered_or_modernised_leaves_not_even_its_namespace_or_definitions() {
    let api = FakeApi::default();
    let charts = charts(&api);
    for broken in [
        "a: {{ fail \"no\" }}",
        "apiVersion: nowhere.example.org/v1\nkind: Nothing\nmetadata: {name: a}",
        "apiVersion: admissionregistration.k8s.io/v1beta1\nkind: MutatingWebhookConfiguration\nmetadata: {name: a}\n\
         webhooks: [{name: w}]",
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("templates")).unwrap();
        std::fs::create_dir(folder.path().join("crds")).unwrap();
        std::fs::write(folder.path().join("Chart.yaml"), "apiVersion: v2\nname: b\nversion: 1.0.0\n")
            .unwrap();
        let kills = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/kills/chart/crds/things.yaml");
        std::fs::copy(kills, folder.path().join("crds/things.yaml")).unwrap();
        std::fs::write(folder.path().join("templates/a.yaml"), broken).unwrap();
        let mut options = options(&[]);
        options.chart.chart = folder.path().to_string_lossy().into_owned();
        let error = charts.install(&options, &patience(60)).await.unwrap_err();
        assert_eq!(error.meaning(), Meaning::Invalid, "{error}");
        assert!(api.take_writes().is_empty(), "{broken}");
    }
}

#[tokio::test]
async fn a_release_that_does_not_exist_is_not_found() {
    let charts = charts(&FakeApi::default());
    let wait = patience(60);
    let meaning = |error: Error| error.meaning();
    assert_eq!(meaning(charts.get("apps", "rel", None).await.unwrap_err()), Meaning::NotFound);
    let error = charts.upgrade(&upgrade(&[], Reuse::default()), &wait).await.unwrap_err();
    assert_eq!(error.reason(), "\"rel\" has no deployed releases");
    let uninstall = UninstallOptions { name: "rel".to_owned(), ..UninstallOptions::default() };
    assert_eq!(meaning(charts.uninstall(&uninstall, &wait).await.unwrap_err()), Meaning::NotFound);
    let ignoring = UninstallOptions { ignore_not_found: true, ..uninstall };
    assert_eq!(charts.uninstall(&ignoring, &wait).await.unwrap(), None);
}

fn wanted(values: Value, patches: Vec<ObjectPatch>) -> ChartRelease {
    ChartRelease {
        name: "rel".to_owned(),
        namespace: "apps".to_owned(),
        repository: String::new(),
        chart: chart().chart,
        version: String::new(),
        values,
        patches,
        wait_ready: true,
        shared: false,
    }
}

#[tokio::test]
async fn ensuring_creates_then_changes_nothing_then_updates_what_differs() {
    let api = FakeApi::default();
    let charts = charts(&api);
    let wait = patience(60);
    let first = wanted(json!({"message": "one"}), Vec::new());
    assert_eq!(charts.look(&first).await.unwrap(), Look::Absent);
    assert_eq!(charts.ensure(&first, &wait).await.unwrap(), Outcome::Created);
    api.take_writes();
    assert_eq!(charts.look(&first).await.unwrap(), Look::Same);
    assert_eq!(charts.ensure(&first, &wait).await.unwrap(), Outcome::Unchanged);
    assert!(api.take_writes().is_empty());

    let other = wanted(json!({"message": "two", "replicas": 2}), Vec::new());
    let Look::Differs(differences) = charts.look(&other).await.unwrap() else { panic!("it differs") };
    assert_eq!(differences, ["values.message", "values.replicas"]);
    assert_eq!(charts.ensure(&other, &wait).await.unwrap(), Outcome::Updated);
    assert_eq!(charts.ensure(&other, &wait).await.unwrap(), Outcome::Unchanged);

    let patch = ObjectPatch {
        kind: "Service".to_owned(),
        name: Some("rel".to_owned()),
        patch_kind: PatchKind::Merge,
        patch: json!({"metadata": {"annotations": {"a": "b"}}}),
    };
    let patched = wanted(other.values.clone(), vec![patch]);
    assert_eq!(charts.look(&patched).await.unwrap(), Look::Differs(vec!["patches".to_owned()]));
    assert_eq!(charts.ensure(&patched, &wait).await.unwrap(), Outcome::Updated);
    assert_eq!(charts.ensure(&patched, &wait).await.unwrap(), Outcome::Unchanged);
    let service = api.object("/api/v1/namespaces/apps/services/rel").unwrap();
    assert_eq!(service["metadata"]["annotations"]["a"], "b");
    let release = charts.get("apps", "rel", None).await.unwrap();
    assert!(release.manifest.contains("a: b"), "the record has what was applied");

    assert_eq!(charts.remove("apps", "rel", &wait).await.unwrap(), Outcome::Removed);
    assert_eq!(charts.remove("apps", "rel", &wait).await.unwrap(), Outcome::Absent);
    assert!(api.object(WIDGETS).is_some(), "definitions stay");
}

#[tokio::test]
async fn ensuring_recovers_what_a_killed_client_left() {
    let api = FakeApi::default();
    let charts = charts(&api);
    let wait = patience(60);
    let release = wanted(json!({}), Vec::new());
    charts.ensure(&release, &wait).await.unwrap();
    let storage = charts.storage().unwrap();
    for status in [Status::PendingInstall, Status::PendingUpgrade] {
        let mut left = storage.history("apps", "rel").await.unwrap().pop().unwrap();
        left.release.info.status = status;
        storage.update(&left, jiff::Timestamp::UNIX_EPOCH).await.unwrap();
        if status == Status::PendingUpgrade {
            left.release.version += 1;
            left.release.info.status = Status::PendingUpgrade;
            storage.create(&left, jiff::Timestamp::UNIX_EPOCH).await.unwrap();
            left.release.version -= 1;
            left.release.info.status = Status::Deployed;
            storage.update(&left, jiff::Timestamp::UNIX_EPOCH).await.unwrap();
        }
        charts.ensure(&release, &wait).await.unwrap();
        let history = storage.history("apps", "rel").await.unwrap();
        assert!(history.iter().all(|stored| !stored.release.info.status.is_pending()), "{status}");
        assert_eq!(history.last().unwrap().release.info.status, Status::Deployed);
        assert_eq!(charts.ensure(&release, &wait).await.unwrap(), Outcome::Unchanged);
    }
}

#[tokio::test]
async fn rendering_needs_no_cluster_and_managing_does() {
    let charts = Charts::new(
        ChartSources::new(None, None),
        None,
        Arc::new(SystemClock),
        Arc::new(SeededRandom::new(7)),
    );
    let template = TemplateOptions {
        release_name: "rel".to_owned(),
        namespace: "apps".to_owned(),
        chart: chart(),
        show_only: vec!["templates/tests/t.yaml".to_owned()],
        ..TemplateOptions::default()
    };
    let rendered = charts.template(&template).await.unwrap();
    assert!(rendered.text.starts_with("---\n# Source: live/templates/tests/t.yaml\n"), "{}", rendered.text);
    assert_eq!(rendered.notes, "Release rel revision 1: hello\n");
    let error = charts.install(&options(&[]), &patience(1)).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Unsupported);
}
