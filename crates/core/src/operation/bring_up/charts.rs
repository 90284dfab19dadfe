//! The charts, stage by stage.

use std::collections::BTreeSet;

use futures::future::{join_all, try_join_all};

use super::BringUp;
use crate::charts::{self, ChartSecrets, ChartStage, PlannedChart};
use crate::error::{Error, Meaning, Result, render_chain};
use crate::observer::Outcome;
use crate::traits::{ChartInstaller, ChartRelease, ClusterServices, InstalledRelease};

impl BringUp<'_> {
    /// The releases of a stage, as they are to be.
    pub(in crate::operation) fn releases(
        &self,
        secrets: &ChartSecrets,
        stage: ChartStage,
    ) -> Result<Vec<ChartRelease>> {
        let of_stage = self.plan.charts.iter().filter(|chart| chart.stage == stage);
        let templates = &self.materials.chart_templates;
        of_stage.map(|chart| charts::release(chart, self.spec, secrets, templates)).collect()
    }

    /// Sees to it that all charts can be had that `create-network` installs, but for those that are `had` already.
    pub(in crate::operation) async fn find_charts_unless(
        &self,
        had: impl Fn(&PlannedChart) -> bool,
    ) -> Result<()> {
        let (secrets, templates) = (ChartSecrets::default(), &self.materials.chart_templates);
        let charts = self.plan.charts.iter().filter(|chart| chart.stage != ChartStage::WebServices);
        let wanted = charts.filter(|chart| !had(chart));
        let releases = wanted.map(|chart| charts::release(chart, self.spec, &secrets, templates));
        let releases: Vec<ChartRelease> = releases.collect::<Result<_>>()?;
        find_charts(&*self.services().connector.charts(), &releases).await
    }

    /// The same on a cluster that may have some of them.
    pub(in crate::operation) async fn find_missing_charts(
        &self,
        installer: &dyn ChartInstaller,
    ) -> Result<()> {
        let namespaces: BTreeSet<&str> =
            self.plan.charts.iter().map(|chart| chart.namespace.as_str()).collect();
        let lists = namespaces.into_iter().map(|namespace| installer.list(Some(namespace)));
        let installed = try_join_all(lists).await?.concat();
        self.find_charts_unless(|chart| installed.iter().any(|release| is_installed(chart, release))).await
    }

    /// Installs the charts of some stages, one stage after the other and the charts of a stage side by side.
    pub(in crate::operation) async fn ensure_charts(
        &self,
        cluster: &ClusterServices,
        secrets: &ChartSecrets,
        stages: &[ChartStage],
    ) -> Result<()> {
        for stage in stages {
            let releases = self.releases(secrets, *stage)?;
            self.ensure_releases(&*cluster.charts, &releases).await?;
        }
        Ok(())
    }

    /// Installs releases side by side, or sees that they are there.
    pub(in crate::operation) async fn ensure_releases(
        &self,
        installer: &dyn ChartInstaller,
        releases: &[ChartRelease],
    ) -> Result<Outcome> {
        let installs = releases.iter().map(async |release| {
            let step = chart_step(&release.name);
            let wait = self.run.wait(&step);
            let detail = format!("{} {}", release.chart, release.version);
            self.run
                .step(&step, &detail, || installer.look(release), |_| installer.ensure(release, &wait))
                .await
        });
        let mut together = Outcome::Unchanged;
        for outcome in join_all(installs).await {
            together = together.and(outcome?);
        }
        Ok(together)
    }
}

fn is_installed(chart: &PlannedChart, release: &InstalledRelease) -> bool {
    (&release.namespace, &release.name, &release.version) == (&chart.namespace, &chart.name, &chart.version)
}

/// Sees to it that the charts of releases can be had, before anything is written down that counts on them.
///
/// # Errors
///
/// That of the chart that cannot be had; of several, one that tells of all.
pub(in crate::operation) async fn find_charts(
    installer: &dyn ChartInstaller,
    releases: &[ChartRelease],
) -> Result<()> {
    let found = join_all(releases.iter().map(|release| installer.find(release))).await;
    let mut missing: Vec<Error> = found.into_iter().filter_map(Result::err).collect();
    match missing.len() {
        0 | 1 => missing.pop().map_or(Ok(()), Err),
        _ => Err(together(&missing)),
    }
}

/// One error that tells of several.
fn together(errors: &[Error]) -> Error {
    let reasons: Vec<String> = errors.iter().map(|error| render_chain(error)).collect();
    let worst = errors.iter().find(|error| error.meaning() != Meaning::NotFound);
    let meaning = worst.map_or(Meaning::NotFound, Error::meaning);
    let error = Error::new(meaning, "find charts", "", reasons.join("\n  "));
    if errors.iter().any(Error::is_of_reply) { error.of_reply() } else { error }
}

/// The step that installs a chart.
pub(in crate::operation) fn chart_step(name: &str) -> String {
    format!("chart {name}")
}
