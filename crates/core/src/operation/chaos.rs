//! `deploy-cm`: chaos mesh in the cluster of a network that is up.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bring_up::{BringUp, NetworkMaterials, chart_step, find_charts, poets_open};
use super::change::{Limits, plan_of, ready_record};
use super::run::{Basis, Run, anew_when_outdated};
use super::{OperationFailure, Services};
use crate::charts::{ChartSecrets, ChartStage};
use crate::error::Result;
use crate::names::NetworkName;
use crate::plan::Plan;
use crate::report::ChaosMeshReport;
use crate::spec::{ChaosSpec, ChartOverride, NetworkSpec};
use crate::state::{NetworkRecord, RecordStore};
use crate::traits::ChartInstaller;

/// What `deploy-cm` is to do.
#[derive(Debug)]
pub struct ChaosRequest {
    /// The network.
    pub network: NetworkName,
    /// Chaos mesh as it is to be.
    pub chaos: ChaosSpec,
    /// Changes to its chart, beside those that the record has, by the chart's name.
    pub charts: BTreeMap<String, ChartOverride>,
    /// Templates, files and tokens.
    pub materials: NetworkMaterials,
    /// How long it may take.
    pub limits: Limits,
}

/// Installs chaos mesh for a network, or sees that it is there. On a shared cluster all networks use the same one, which goes with the last of them.
///
/// # Errors
///
/// [`OperationFailure`]; before anything is changed [`Meaning::NotFound`](crate::Meaning::NotFound) without such a
/// network or such a version of the chart.
pub async fn deploy_chaos_mesh(
    services: &Services,
    request: ChaosRequest,
) -> Result<ChaosMeshReport, OperationFailure> {
    anew_when_outdated(async || deploy_once(services, &request).await).await
}

async fn deploy_once(
    services: &Services,
    request: &ChaosRequest,
) -> Result<ChaosMeshReport, OperationFailure> {
    let records = RecordStore::new(Arc::clone(&services.state_store), &request.network);
    let record = ready_record(services, &records, &request.network, "deploy chaos mesh for").await?;
    let mut spec = NetworkSpec { chaos: Some(request.chaos.clone()), ..record.spec.clone() };
    spec.charts.extend(request.charts.clone());
    let plan = plan_of(services, &spec)?;
    let run = Run::new(
        services,
        &request.network,
        "deploy-cm",
        intents(&spec, &plan),
        request.limits,
        Basis::of(&records).await,
    );
    let bring_up = BringUp { run: &run, spec: &spec, plan: &plan, materials: &request.materials, records };
    match run.keeping_lock(Box::pin(flow(&bring_up, record))).await {
        Ok(()) => {
            let mut report = ChaosMeshReport::new(&plan, &request.chaos);
            report.steps = run.finish(&report.summary()).await;
            Ok(report)
        }
        Err(error) => {
            let evidence = bring_up.evidence().await;
            Err(run.fail(error, evidence).await)
        }
    }
}

async fn flow(bring_up: &BringUp<'_>, mut record: NetworkRecord) -> Result<()> {
    let cluster = bring_up.connect().await?;
    remember(bring_up, &*cluster.charts, &mut record).await?;
    bring_up.ensure_cluster(&record).await?;
    bring_up.ensure_foundation(&*cluster.workloads, poets_open(bring_up.spec, &record)).await?;
    bring_up.ensure_charts(&cluster, &ChartSecrets::default(), &[ChartStage::Extras]).await?;
    bring_up.run.settle().await
}

/// Writes into the record that there is chaos mesh, as `create-network --chaos-mesh` would have, once its chart is known to exist.
async fn remember(
    bring_up: &BringUp<'_>,
    charts: &dyn ChartInstaller,
    record: &mut NetworkRecord,
) -> Result<()> {
    let before = record.clone();
    record.spec = bring_up.spec.clone();
    record.charts = bring_up.chart_records();
    let settings = bring_up.spec.to_settings();
    for name in ["chaos-mesh", "chaos-mesh-version", "charts"] {
        if let Some(value) = settings.get(name) {
            record.settings.insert(name.to_owned(), value.clone());
        }
    }
    let changed = *record != before;
    if changed {
        find_charts(charts, &bring_up.releases(&ChartSecrets::default(), ChartStage::Extras)?).await?;
    }
    bring_up.ensure_record("record", record, changed).await?;
    Ok(())
}

/// Every step that may write, with what it makes.
fn intents(spec: &NetworkSpec, plan: &Plan) -> Vec<(String, Vec<String>)> {
    let network = &spec.network;
    let mut intents = vec![
        ("record".to_owned(), vec![format!("record of {network}")]),
        ("cluster".to_owned(), vec![format!("workers of cluster {network}")]),
        ("foundation".to_owned(), vec![format!("namespaces of {network}")]),
    ];
    intents.extend(plan.charts.iter().filter(|chart| chart.stage == ChartStage::Extras).map(|chart| {
        let release = format!("chart release {} in namespace {}", chart.name, chart.namespace);
        (chart_step(&chart.name), vec![release])
    }));
    intents
}
