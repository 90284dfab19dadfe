//! What every [`ChartInstaller`] promises.

use serde_json::{Value, json};
use spacecraft_core::Meaning;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{ChartInstaller, ChartRelease, InstalledRelease, Look};
use spacecraft_core::wait::Wait;

/// Runs the suite on an installer without releases; the argument is a future of a [`Subject`](super::Subject) that keeps a
/// [`ChartRelease`] of a chart which can be installed in no other version and takes any value under the key `conformance`.
#[macro_export]
macro_rules! chart_installer_conformance {
    ($subject:expr) => {
        $crate::conformance_tests! { $subject, charts(keep, wait):
            a_chart_that_is_not_published_is_not_found_and_not_installed
            a_release_is_installed_once
            values_that_differ_make_a_new_revision
            a_list_is_of_one_namespace_or_of_all
            what_was_removed_is_gone
            removing_what_is_not_installed_is_absent
        }
    };
}

fn with_value(release: &ChartRelease, value: &str) -> ChartRelease {
    let mut changed = release.clone();
    match &mut changed.values {
        Value::Object(values) => drop(values.insert("conformance".to_owned(), json!(value))),
        values => *values = json!({"conformance": value}),
    }
    changed
}

async fn only(charts: &dyn ChartInstaller, release: &ChartRelease) -> InstalledRelease {
    let installed = charts.list(Some(&release.namespace)).await.unwrap();
    let [installed] = installed.as_slice() else { panic!("there is not one release: {installed:?}") };
    assert_eq!(installed.name, release.name);
    assert_eq!(installed.status, "deployed");
    installed.clone()
}

pub async fn a_chart_that_is_not_published_is_not_found_and_not_installed(
    charts: &dyn ChartInstaller,
    release: &ChartRelease,
    wait: &Wait,
) {
    charts.find(release).await.unwrap();
    let unknown = ChartRelease {
        chart: format!("{}-that-nobody-made", release.chart),
        version: "99.99.99".to_owned(),
        ..release.clone()
    };
    assert_eq!(charts.find(&unknown).await.unwrap_err().meaning(), Meaning::NotFound);
    assert_eq!(charts.ensure(&unknown, wait).await.unwrap_err().meaning(), Meaning::NotFound);
    assert_eq!(charts.list(None).await.unwrap(), [], "finding installs nothing");
}

pub async fn a_release_is_installed_once(charts: &dyn ChartInstaller, release: &ChartRelease, wait: &Wait) {
    assert_eq!(charts.look(release).await.unwrap(), Look::Absent);
    assert_eq!(charts.ensure(release, wait).await.unwrap(), Outcome::Created);
    assert_eq!(charts.look(release).await.unwrap(), Look::Same);
    assert_eq!(charts.ensure(release, wait).await.unwrap(), Outcome::Unchanged);
    assert_eq!(only(charts, release).await.revision, 1);
}

pub async fn values_that_differ_make_a_new_revision(
    charts: &dyn ChartInstaller,
    release: &ChartRelease,
    wait: &Wait,
) {
    charts.ensure(release, wait).await.unwrap();
    let changed = with_value(release, "new");
    assert!(matches!(charts.look(&changed).await.unwrap(), Look::Differs(_)));
    assert_eq!(charts.ensure(&changed, wait).await.unwrap(), Outcome::Updated);
    assert_eq!(only(charts, release).await.revision, 2);
    assert_eq!(charts.look(&changed).await.unwrap(), Look::Same);
}

pub async fn a_list_is_of_one_namespace_or_of_all(
    charts: &dyn ChartInstaller,
    release: &ChartRelease,
    wait: &Wait,
) {
    let second = ChartRelease { namespace: format!("{}-2", release.namespace), ..release.clone() };
    charts.ensure(release, wait).await.unwrap();
    charts.ensure(&second, wait).await.unwrap();
    only(charts, release).await;
    only(charts, &second).await;
    assert_eq!(charts.list(None).await.unwrap().len(), 2);
}

pub async fn what_was_removed_is_gone(charts: &dyn ChartInstaller, release: &ChartRelease, wait: &Wait) {
    charts.ensure(release, wait).await.unwrap();
    let removed = charts.remove(&release.namespace, &release.name, wait).await.unwrap();
    assert_eq!(removed, Outcome::Removed);
    assert_eq!(charts.list(None).await.unwrap(), []);
    assert_eq!(charts.look(release).await.unwrap(), Look::Absent);
    assert_eq!(charts.ensure(release, wait).await.unwrap(), Outcome::Created, "it can be installed again");
}

pub async fn removing_what_is_not_installed_is_absent(
    charts: &dyn ChartInstaller,
    release: &ChartRelease,
    wait: &Wait,
) {
    let removed = charts.remove(&release.namespace, &release.name, wait).await.unwrap();
    assert_eq!(removed, Outcome::Absent);
}
