//! The suite of every chart installer, on a chart in a folder.

use spacecraft_testkit::conformance::Subject;

use super::*;

fn release() -> ChartRelease {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/conformance/chart");
    ChartRelease {
        name: "rel".to_owned(),
        namespace: "apps".to_owned(),
        repository: String::new(),
        chart: chart.display().to_string(),
        version: "1.0.0".to_owned(),
        values: json!({}),
        patches: Vec::new(),
        wait_ready: true,
        shared: false,
    }
}

spacecraft_testkit::chart_installer_conformance!(async {
    let api = FakeApi::default();
    Subject::new(charts(&api)).keeping(release())
});
