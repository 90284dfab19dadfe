//! Charts rendered for a cluster.

use std::sync::Arc;

use spacecraft_core::{Error, Meaning, Result};

use super::{Charts, ReleaseOptions, invalid};
use crate::chart::{Chart, ChartError};
use crate::cluster::Served;
use crate::lookup::Lookups;
use crate::post_renderer::PostRenderer;
use crate::release::{ChartRecord, Info, Release};
use crate::render::{Output, Prepared, ReleaseInfo, Surroundings, finish};
use crate::values::Values;

/// How often a chart is rendered anew because a template looked up something that was not known yet.
const MOST_RENDERS: usize = 10;

impl Charts {
    /// Renders for a cluster: with its capabilities, what templates look up in it, modernised for it, patched. Also answers what was modernised.
    pub(super) async fn render_for(
        &self,
        chart: Chart,
        values: &Values,
        info: ReleaseInfo,
        options: &ReleaseOptions,
        served: &Served,
    ) -> Result<(Release, Vec<String>)> {
        let output = self.render_with_lookups(chart, values, &info, options, served).await?;
        let Output { chart, mut sorted, notes } = output;
        let changes = finish(&mut sorted, options.modernise.then_some(served), &options.patches)?;
        let manifest = post_rendered(options.post_renderer.as_ref(), sorted.manifest_text()).await?;
        let release = Release {
            name: info.name,
            namespace: info.namespace,
            info: Info { notes, ..Info::default() },
            chart: ChartRecord::from(&chart),
            config: values.clone(),
            manifest,
            hooks: sorted.hooks,
            version: info.revision,
            apply_method: String::new(),
        };
        Ok((release, changes))
    }

    pub(super) async fn render_with_lookups(
        &self,
        chart: Chart,
        values: &Values,
        info: &ReleaseInfo,
        options: &ReleaseOptions,
        served: &Served,
    ) -> Result<Output> {
        let cluster = self.cluster()?;
        let name = chart.name().to_owned();
        let failed = |error: ChartError| invalid("render chart", &name, &error);
        let mut lookups = Arc::<Lookups>::default();
        let surroundings = |lookups: &Arc<Lookups>| Surroundings {
            skip_schema_validation: options.skip_schema_validation,
            subchart_notes: options.render_subchart_notes,
            ..self.surroundings(info.clone(), served.capabilities(), Arc::clone(lookups))
        };
        let prepared = Prepared::new(chart, values, &surroundings(&lookups)).map_err(failed)?;
        for _ in 0..MOST_RENDERS {
            let parts = prepared.render(&surroundings(&lookups));
            // Questions come before faults: a template may have failed for want of an answer.
            if let Some(known) = Arc::get_mut(&mut lookups)
                && known.fetch(cluster, served).await?
            {
                continue;
            }
            return Ok(prepared.into_output(parts.map_err(failed)?));
        }
        let reason = format!("its templates look up something new even after {MOST_RENDERS} renders");
        Err(Error::new(Meaning::Invalid, "render chart", name, reason))
    }
}

/// The manifest as the post-renderer, if there is one, makes it.
async fn post_rendered(renderer: Option<&PostRenderer>, manifest: String) -> Result<String> {
    match renderer {
        None => Ok(manifest),
        Some(renderer) => renderer.run(&manifest).await,
    }
}
