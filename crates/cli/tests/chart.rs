//! `spacecraft chart` as operators and scripts see it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use predicates::prelude::{PredicateBooleanExt, predicate};
use tempfile::TempDir;

const CONFIG_MAP: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}
data: {word: {{ .Values.word | quote }}}
";

/// A chart with one template.
fn chart(template: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("templates")).unwrap();
    fs::write(folder.path().join("Chart.yaml"), "apiVersion: v2\nname: small\nversion: 1.2.3\n").unwrap();
    fs::write(folder.path().join("values.yaml"), "word: hello\n").unwrap();
    fs::write(folder.path().join("templates/map.yaml"), template).unwrap();
    folder
}

/// `spacecraft chart`, whose home is `home` and which knows nothing else of where it runs.
fn spacecraft(home: &Path) -> Command {
    let mut command = Command::cargo_bin("spacecraft").unwrap();
    command.env_clear().env("HOME", home).arg("chart");
    command
}

fn template(chart: &TempDir) -> Command {
    let mut command = spacecraft(chart.path());
    command.args(["template", "web"]).arg(chart.path());
    command
}

#[test]
fn template_prints_what_the_chart_renders_with_the_values_of_files_and_flags() {
    let chart = chart(CONFIG_MAP);
    let rendered = |word: &str| {
        format!(
            "---\n# Source: small/templates/map.yaml\napiVersion: v1\nkind: ConfigMap\n\
             metadata: {{name: web, namespace: apps}}\ndata: {{word: \"{word}\"}}\n"
        )
    };
    template(&chart).args(["-n", "apps"]).assert().success().stdout(rendered("hello"));
    let values = chart.path().join("more.yaml");
    fs::write(&values, "word: filed\n").unwrap();
    template(&chart).args(["-n", "apps", "-f"]).arg(&values).assert().success().stdout(rendered("filed"));
    template(&chart)
        .args(["-n", "apps", "--set", "word=set", "-f"])
        .arg(&values)
        .assert()
        .success()
        .stdout(rendered("set"));
}

#[test]
fn patches_change_what_is_rendered() {
    let chart = chart(CONFIG_MAP);
    let patches = chart.path().join("patches.yaml");
    fs::write(&patches, "- kind: ConfigMap\n  name: web\n  patch: {data: {word: patched}}\n").unwrap();
    template(&chart)
        .arg("--patches")
        .arg(&patches)
        .assert()
        .success()
        .stdout(predicate::str::contains("word: patched"));
    fs::write(&patches, "kind: ConfigMap\n").unwrap();
    template(&chart)
        .arg("--patches")
        .arg(&patches)
        .assert()
        .code(1)
        .stderr(predicate::str::contains("it is no list of patches"));
}

#[test]
fn a_broken_chart_fails_with_helms_own_error() {
    let chart = chart("a: {{ fail \"no word\" }}\n");
    template(&chart)
        .assert()
        .code(1)
        .stdout("")
        .stderr(predicate::str::contains("execution error at (small/templates/map.yaml:1:6): no word"));
    let missing = TempDir::new().unwrap();
    template(&missing).assert().code(1).stderr(predicate::str::contains("Chart.yaml file is missing"));
}

#[test]
fn a_command_line_that_is_wrong_is_told_from_a_failure() {
    let chart = chart(CONFIG_MAP);
    for wrong in [
        vec!["--no-such-flag"],
        vec!["template", "web"],
        vec!["install", "web", "chart", "--timeout", "soon"],
        vec!["install", "web", "chart", "--labels", "word"],
        vec!["upgrade", "web", "chart", "--reuse-values", "--reset-values"],
        vec!["rollback", "web", "first"],
        vec!["list", "--filter", "("],
        vec!["list", "-o", "xml"],
        vec!["list", "--provider", "sandbox"],
        vec!["get", "everything", "web"],
    ] {
        spacecraft(chart.path()).args(&wrong).assert().code(2).stdout("");
    }
}

#[test]
fn without_a_cluster_releases_cannot_be_listed_and_the_kubeconfig_that_is_missing_is_named() {
    let home = TempDir::new().unwrap();
    let named = predicate::str::contains("config").and(predicate::str::contains("--kubeconfig"));
    spacecraft(home.path()).args(["list", "-A"]).assert().code(1).stdout("").stderr(named);
}
