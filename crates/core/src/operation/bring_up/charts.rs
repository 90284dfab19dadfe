//! The charts, stage by stage.

use super::BringUp;
use crate::charts::{self, ChartSecrets, ChartStage};
use crate::error::Result;
use crate::traits::ClusterServices;

impl BringUp<'_> {
    /// Installs the charts of some stages, one stage after the other and the charts of a stage side by side.
    pub(in crate::operation) async fn ensure_charts(
        &self,
        cluster: &ClusterServices,
        secrets: &ChartSecrets,
        stages: &[ChartStage],
    ) -> Result<()> {
        for stage in stages {
            let of_stage = self.plan.charts.iter().filter(|chart| chart.stage == *stage);
            let installs = of_stage.map(async |chart| {
                let release = charts::release(chart, self.spec, secrets, &self.materials.chart_templates)?;
                let step = chart_step(&chart.name);
                let wait = self.run.wait(&step);
                let detail = format!("{} {}", chart.chart, chart.version);
                let installer = &cluster.charts;
                self.run
                    .step(&step, &detail, || installer.look(&release), |_| installer.ensure(&release, &wait))
                    .await
            });
            for outcome in futures::future::join_all(installs).await {
                outcome?;
            }
        }
        Ok(())
    }
}

/// The step that installs a chart.
pub(in crate::operation) fn chart_step(name: &str) -> String {
    format!("chart {name}")
}
