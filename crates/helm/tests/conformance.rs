//! Every case of `testdata/helm-conformance`, which real Helm answered, rendered and compared.
//!
//! The README beside the cases has their layout and the rule of comparison; here only identical text counts.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use spacecraft_core::time::{SystemClock, SystemRandom};
use spacecraft_helm::Charts;
use spacecraft_helm::charts::{Rendered, TemplateOptions};
use spacecraft_helm::source::{ChartReference, ChartSources};
use spacecraft_helm::values::ValueOptions;

/// `case.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    release: String,
    namespace: String,
    kube_version: String,
    api_versions: Vec<String>,
    is_upgrade: bool,
    #[serde(rename = "includeCRDs")]
    include_crds: bool,
    values_files: Vec<String>,
    set: Vec<String>,
    set_string: Vec<String>,
    set_json: Vec<String>,
    set_file: Vec<String>,
    set_literal: Vec<String>,
    expect: String,
}

impl Case {
    fn values(&self) -> ValueOptions {
        ValueOptions {
            values_files: self.values_files.clone(),
            set_json: self.set_json.clone(),
            set: self.set.clone(),
            set_string: self.set_string.clone(),
            set_file: self.set_file.clone(),
            set_literal: self.set_literal.clone(),
        }
    }
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/helm-conformance")
}

fn case_folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(corpus()).into_iter().flatten();
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("case.json").exists())
        .collect();
    folders.sort();
    folders
}

/// The error with its causes, as commands show it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

async fn render(case: &Case, folder: &Path) -> Result<Rendered, String> {
    let values =
        case.values().values(&|path| std::fs::read(folder.join(path))).map_err(|error| chain(&error))?;
    let charts =
        Charts::new(ChartSources::new(None, None), None, Arc::new(SystemClock), Arc::new(SystemRandom));
    let options = TemplateOptions {
        release_name: case.release.clone(),
        chart: ChartReference {
            chart: folder.join("chart").to_string_lossy().into_owned(),
            ..ChartReference::default()
        },
        namespace: case.namespace.clone(),
        values,
        kube_version: Some(case.kube_version.clone()),
        api_versions: case.api_versions.clone(),
        include_crds: case.include_crds,
        is_upgrade: case.is_upgrade,
        ..TemplateOptions::default()
    };
    charts.template(&options).await.map_err(|error| chain(&error))
}

/// The lines that count: without carriage returns, trailing white space, and blank lines at both ends.
fn lines(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.split('\n').map(str::trim_end).collect();
    let first = lines.iter().position(|line| !line.is_empty()).unwrap_or(lines.len());
    let last = lines.iter().rposition(|line| !line.is_empty()).map_or(first, |last| last + 1);
    lines[first..last].to_vec()
}

fn check_text(expected: &str, actual: &str) -> Result<(), String> {
    let (expected, actual) = (lines(expected), lines(actual));
    let differs = expected.iter().zip(&actual).position(|(expected, actual)| expected != actual);
    match differs {
        Some(line) => {
            Err(format!("line {}:\n  expected {:?}\n  actual   {:?}", line + 1, expected[line], actual[line]))
        }
        None if expected.len() == actual.len() => Ok(()),
        None => Err(format!("{} lines where {} are expected", actual.len(), expected.len())),
    }
}

fn read(folder: &Path, name: &str) -> Result<String, String> {
    let bytes = std::fs::read(folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Renders one case and says what is wrong with the outcome.
async fn check(folder: &Path) -> Result<(), String> {
    let case: Case = serde_json::from_str(&read(folder, "case.json")?).map_err(|error| error.to_string())?;
    match (case.expect.as_str(), render(&case, folder).await) {
        ("error", Ok(_)) => Err("it rendered though it must fail".to_owned()),
        ("error", Err(error)) => check_error(&read(folder, "expected-error.txt")?, &error),
        (_, Err(error)) => Err(format!("it failed: {error:.600}")),
        (_, Ok(rendered)) => {
            check_text(&read(folder, "expected.yaml")?, &rendered.text)?;
            match read(folder, "expected-notes.txt") {
                Ok(notes) => {
                    check_text(&notes, &rendered.notes).map_err(|problem| format!("in the notes: {problem}"))
                }
                Err(_) => Ok(()),
            }
        }
    }
}

/// Each line of what is wanted must be part of the error.
fn check_error(wanted: &str, error: &str) -> Result<(), String> {
    match wanted.trim().lines().find(|line| !error.contains(*line)) {
        Some(line) => Err(format!("the error\n  {error:.600}\nlacks\n  {line}")),
        None if wanted.trim().is_empty() => Err("the case does not say what its error is".to_owned()),
        None => Ok(()),
    }
}

#[tokio::test]
async fn every_case_renders_to_the_text_of_helm_or_fails_as_helm_does() {
    let folders = case_folders();
    assert_eq!(folders.len(), 239, "the corpus is complete");
    let mut mistakes = String::new();
    let mut passed = 0;
    for folder in &folders {
        match check(folder).await {
            Ok(()) => passed += 1,
            Err(problem) => {
                let _ = writeln!(mistakes, "## {}\n{problem}", folder.display());
            }
        }
    }
    assert!(mistakes.is_empty(), "{passed} passed, {} failed\n{mistakes}", folders.len() - passed);
}
