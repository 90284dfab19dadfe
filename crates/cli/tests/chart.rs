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
fn template_takes_the_flags_of_an_installation_and_shows_templates_by_pattern() {
    let chart = chart(CONFIG_MAP);
    template(&chart)
        .args([
            "--wait",
            "--timeout",
            "3m",
            "--create-namespace",
            "--skip-crds",
            "--atomic",
            "--labels",
            "a=b",
        ])
        .args(["--show-only", "templates/*.yaml"])
        .assert()
        .success()
        .stdout(predicate::str::starts_with("---\n# Source: small/templates/map.yaml\n"));
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
        .code(2)
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
    let mut nowhere = spacecraft(chart.path());
    nowhere.args(["template", "web", "no-such-folder"]);
    nowhere.assert().code(2).stderr(predicate::str::contains("there is no such path"));
}

#[test]
fn a_command_line_that_is_wrong_is_told_from_a_failure() {
    let chart = chart(CONFIG_MAP);
    for wrong in [
        vec!["--no-such-flag"],
        vec!["template"],
        vec!["template", "web", "chart", "more"],
        vec!["pull", "chart", "--cert-file", "a"],
        vec!["uninstall", "web", "--cascade", "sideways"],
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

#[test]
fn a_release_that_is_not_named_has_helms_name_or_one_by_a_template() {
    let chart = chart(CONFIG_MAP);
    let named = |arguments: &[&str], name: &str| {
        let mut command = spacecraft(chart.path());
        command.arg("template").arg(chart.path()).args(arguments);
        command.assert().success().stdout(predicate::str::contains(format!("{{name: {name}, ")));
    };
    named(&[], "release-name");
    named(&["--generate-name"], "release-name");
    named(&["--name-template", "{{ lower \"WEB\" }}-1"], "web-1");
    let refused = |arguments: &[&str], reason: &str| {
        let mut command = template(&chart);
        command.args(arguments).assert().code(2).stderr(predicate::str::contains(reason));
    };
    refused(&["-g"], "cannot set --generate-name and also specify a name");
    refused(&["--name-template", "x"], "cannot set --name-template and also specify a name");
    spacecraft(chart.path())
        .args(["template", "--name-template", "{{ nothing }}"])
        .arg(chart.path())
        .assert()
        .code(2)
        .stderr(predicate::str::contains("function \"nothing\" not defined"));
}

#[test]
fn a_post_renderer_has_the_last_word_on_what_is_printed() {
    let chart = chart(CONFIG_MAP);
    template(&chart)
        .args(["--post-renderer", "/bin/sed", "--post-renderer-args", "s/hello/changed/"])
        .assert()
        .success()
        .stdout(predicate::str::contains("word: \"changed\""));
    template(&chart)
        .args(["--post-renderer", "/bin/false"])
        .assert()
        .code(1)
        .stderr(predicate::str::contains("exit status: 1. error output:"));
}

#[test]
fn values_can_come_from_standard_input() {
    let chart = chart(CONFIG_MAP);
    template(&chart)
        .args(["-f", "-"])
        .write_stdin("word: piped\n")
        .assert()
        .success()
        .stdout(predicate::str::contains("word: \"piped\""));
}

#[test]
fn show_prints_what_a_chart_holds() {
    let chart = chart(CONFIG_MAP);
    fs::write(chart.path().join("values.yaml"), "# the word\nword: hello\n").unwrap();
    fs::write(chart.path().join("README.md"), "read me\n").unwrap();
    let shown = |part: &str, text: &str| {
        spacecraft(chart.path())
            .args(["show", part])
            .arg(chart.path())
            .assert()
            .success()
            .stdout(text.to_owned());
    };
    shown("chart", "apiVersion: v2\nname: small\nversion: 1.2.3\n\n");
    shown("values", "# the word\nword: hello\n\n");
    shown("readme", "read me\n\n");
    shown("crds", "");
    shown(
        "all",
        "apiVersion: v2\nname: small\nversion: 1.2.3\n\n---\n# the word\nword: hello\n\n---\nread me\n\n",
    );
}

#[test]
fn what_is_not_done_is_refused_and_not_passed_over() {
    let chart = chart(CONFIG_MAP);
    for (flag, reason) in [
        ("--verify", "signatures of charts are not verified"),
        ("--insecure-skip-tls-verify", "certificates are always verified"),
    ] {
        template(&chart).arg(flag).assert().code(2).stdout("").stderr(predicate::str::contains(reason));
    }
}
