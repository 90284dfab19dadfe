//! `chart template`: a chart rendered without a cluster.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use clap::Command;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_helm::Charts;
use spacecraft_helm::charts::TemplateOptions;

use super::flags::{self, list, many, one, switch};
use super::target::{Target, patience};
use super::{naming, pull, source};
use crate::session::Session;

/// The name of a release that is not named, as in Helm.
const UNNAMED: &str = "release-name";

pub(super) fn arguments() -> Command {
    Command::new("template")
        .about("Render a chart, as helm template does")
        .args(naming::arguments())
        .args(source::arguments())
        .arg(source::dependency_update())
        .arg(flags::namespace())
        .args(flags::values())
        .args(flags::rendering())
        .args([
            many("api-versions", "VERSION", "API versions that the cluster is taken to serve")
                .short('a')
                .value_delimiter(','),
            one("kube-version", "VERSION", "Kubernetes version that the cluster is taken to have"),
            switch("include-crds", "print the chart's CRDs too"),
            switch("is-upgrade", "set .Release.IsUpgrade instead of .Release.IsInstall"),
            switch("no-hooks", "leave hooks out"),
            switch("skip-tests", "leave tests out"),
            many("show-only", "FILE", "print only the templates that match").short('s'),
            one("output-dir", "FOLDER", "write a file for each template to this folder instead of printing"),
            switch("release-name", "put the files into a folder named like the release")
                .requires("output-dir"),
            switch("validate", "render for the cluster, and check the objects against what is there"),
            one("dry-run", "WHERE", "server: render for the cluster, whose objects templates can look up")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("client")
                .value_parser(["client", "server", "true", "none", "false"])
                .hide_possible_values(true),
        ])
        .args(flags::places())
        .args(flags::installing_only())
}

/// Why nothing was rendered.
pub(super) enum Unrendered {
    /// The command line says what cannot be: arguments that do not go together, a file or chart that is not there.
    Usage(Error),
    /// The chart, or the cluster, does not do.
    Failure(Error),
}

impl From<Error> for Unrendered {
    fn from(error: Error) -> Self {
        match error.meaning() {
            Meaning::NotFound => Self::Usage(error),
            _ => Self::Failure(error),
        }
    }
}

pub(super) async fn run(session: &Session<'_>) -> Result<String, Unrendered> {
    let validates = session.switch("validate");
    let looks = validates || session.argument("dry-run") == Some("server");
    let (name, text) = if looks {
        let target = Target::open(session).await?.with_sources(session)?;
        let options = options(session, &target.charts, &target.namespace).await?;
        let wait = patience(session, "template");
        let rendered = target.charts.template_on_cluster(&options, validates, &wait).await?;
        (options.release_name, rendered.text)
    } else {
        let charts = pull::offline(session).map_err(Unrendered::Usage)?;
        let namespace = session.argument("release-namespace").unwrap_or("default");
        let options = self::options(session, &charts, namespace).await?;
        let rendered = charts.template(&options).await?;
        (options.release_name, rendered.text)
    };
    match session.argument("output-dir").map(Path::new) {
        None => Ok(text),
        Some(folder) if session.switch("release-name") => {
            Ok(write_files(&folder.join(inside(&name)?), &text)?)
        }
        Some(folder) => Ok(write_files(folder, &text)?),
    }
}

/// What is to be rendered and how, as the command line says.
async fn options(
    session: &Session<'_>,
    charts: &Charts,
    namespace: &str,
) -> Result<TemplateOptions, Unrendered> {
    let given = async {
        let named = naming::named(session, charts, Some(UNNAMED))?;
        let values = charts.read_values(&flags::value_options(session)).await?;
        Ok((named, values, flags::patches(session)?))
    };
    let (named, values, patches) = given.await.map_err(Unrendered::Usage)?;
    Ok(TemplateOptions {
        chart: source::reference(session, &named.chart),
        release_name: named.release,
        namespace: namespace.to_owned(),
        values,
        kube_version: session.argument("kube-version").map(str::to_owned),
        api_versions: list(session, "api-versions"),
        include_crds: session.switch("include-crds"),
        is_upgrade: session.switch("is-upgrade"),
        no_hooks: session.switch("no-hooks"),
        skip_tests: session.switch("skip-tests"),
        show_only: list(session, "show-only"),
        skip_schema_validation: session.switch("skip-schema-validation"),
        render_subchart_notes: session.switch("render-subchart-notes"),
        patches,
        post_renderer: flags::post_renderer(session),
    })
}

/// Writes every document to the file in `folder` that is named like its template, and says which, as Helm does.
fn write_files(folder: &Path, text: &str) -> Result<String> {
    let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut said = String::new();
    for document in format!("\n{text}").split("\n---\n# Source: ").skip(1) {
        let (name, content) = document.split_once('\n').unwrap_or((document, ""));
        let path = folder.join(inside(name)?);
        said.push_str(&format!("wrote {}\n", path.display()));
        let content = content.trim_end_matches('\n');
        files.entry(path).or_default().push_str(&format!("---\n# Source: {name}\n{content}\n"));
    }
    for (path, content) in &files {
        write_file(path, content).map_err(|error| {
            Error::new(Meaning::Other, "write", path.display().to_string(), "it cannot be written")
                .with_source(error)
        })?;
    }
    Ok(said)
}

/// The path of a template, which a hostile chart may have named to lie somewhere else.
pub(super) fn inside(name: &str) -> Result<&Path> {
    let path = Path::new(name);
    if path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Ok(path);
    }
    Err(Error::new(Meaning::Invalid, "write template", name, "its path leads out of the folder"))
}

/// Writes a file that only its owner can read when it is new: a chart's templates may hold secrets.
pub(super) fn write_file(path: &Path, content: impl AsRef<[u8]>) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    crate::private_file::write(path, content.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_becomes_a_file_with_all_its_documents_and_none_leaves_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let text = "---\n# Source: web/templates/a.yaml\na: 1\n---\n# Source: web/templates/b.yaml\nb: 1\n\
            ---\n# Source: web/templates/a.yaml\na: 2\n";
        let said = write_files(folder.path(), text).unwrap();
        assert_eq!(said.lines().count(), 3);
        let written = std::fs::read_to_string(folder.path().join("web/templates/a.yaml")).unwrap();
        let wanted = "---\n# Source: web/templates/a.yaml\na: 1\n---\n# Source: web/templates/a.yaml\na: 2\n";
        assert_eq!(written, wanted);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let file = std::fs::metadata(folder.path().join("web/templates/a.yaml")).unwrap();
            assert_eq!(file.permissions().mode() & 0o077, 0, "others can read what may be a secret");
        }
        let escaped = write_files(folder.path(), "---\n# Source: ../../x.yaml\na: 1\n").unwrap_err();
        assert_eq!(escaped.meaning(), Meaning::Invalid);
    }
}
