//! Charts that a chart declares and that are not packed with it.

use std::path::Path;

use spacecraft_core::{Error, Meaning, Result};

use super::{ChartReference, ChartSources, SourceAccess};
use crate::chart::{Chart, Dependency, load};
use crate::version;

impl ChartSources {
    /// Adds the charts that `chart` declares and that are not packed with it, in memory.
    ///
    /// # Errors
    /// If one of them cannot be found or loaded.
    pub(super) async fn add_missing(&self, chart: &mut Chart, reference: &ChartReference) -> Result<()> {
        let is_packed = |dependency: &&Dependency| {
            chart.dependencies.iter().any(|packed| packed.name() == dependency.name)
        };
        let declared = &chart.metadata.dependencies;
        let missing: Vec<Dependency> =
            declared.iter().filter(|dependency| !is_packed(dependency)).cloned().collect();
        for dependency in missing {
            chart.dependencies.push(self.dependency(&dependency, reference).await?);
        }
        Ok(())
    }

    /// Whoever serves a dependency is not told the password for the chart.
    async fn dependency(&self, dependency: &Dependency, parent: &ChartReference) -> Result<Chart> {
        let Dependency { name, version, repository, .. } = dependency;
        if let Some(path) = repository.strip_prefix("file://") {
            return beside(Path::new(&parent.chart), path, dependency);
        }
        let is_known = ["https://", "http://", "oci://"].iter().any(|scheme| repository.starts_with(scheme));
        if !is_known {
            let reason = format!("its repository is {repository:?}, which is no URL");
            return Err(Error::new(Meaning::Invalid, "find dependency", name, reason).with_hint(
                "name the repository by its URL in Chart.yaml, or pack the dependency into charts/",
            ));
        }
        let reference = ChartReference {
            chart: name.clone(),
            repository: repository.clone(),
            version: version.clone(),
            update_dependencies: false,
        };
        Box::pin(self.clone().with_access(SourceAccess::default()).load(&reference)).await
    }
}

/// A dependency in a folder that is named from the chart's own.
fn beside(parent: &Path, path: &str, dependency: &Dependency) -> Result<Chart> {
    let path = parent.join(path);
    let failed =
        |reason: String| Error::new(Meaning::Invalid, "load dependency", dependency.name.as_str(), reason);
    let chart = load(&path).map_err(|error| failed(error.to_string()))?;
    if version::satisfies(&chart.metadata.version, &dependency.version) {
        return Ok(chart);
    }
    let (found, wanted) = (&chart.metadata.version, &dependency.version);
    Err(failed(format!("the chart at {} is version {found}, and {wanted} is wanted", path.display())))
}
