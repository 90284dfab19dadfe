//! The charts, stage by stage.

use futures::future::try_join_all;

use super::BringUp;
use crate::charts::{self, ChartSecrets, ChartStage};
use crate::error::Result;
use crate::observer::Outcome;
use crate::traits::{ChartInstaller, ChartRelease, ClusterServices};

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
        for outcome in futures::future::join_all(installs).await {
            together = together.and(outcome?);
        }
        Ok(together)
    }
}

/// Sees to it that the charts of releases can be had, before anything is written down that counts on them.
pub(in crate::operation) async fn find_charts(
    installer: &dyn ChartInstaller,
    releases: &[ChartRelease],
) -> Result<()> {
    try_join_all(releases.iter().map(|release| installer.find(release))).await.map(drop)
}

/// The step that installs a chart.
pub(in crate::operation) fn chart_step(name: &str) -> String {
    format!("chart {name}")
}
