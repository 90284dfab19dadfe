//! Custom resource definitions of a chart's `crds/`, which are installed before anything is rendered.

use std::collections::BTreeMap;

use serde_json::Value;
use spacecraft_core::wait::Wait;
use spacecraft_core::{Error, Meaning, Result};

use super::{Charts, ReleaseOptions, invalid};
use crate::chart::{Chart, Crd};
use crate::cluster::{Address, Served};
use crate::manifest;
use crate::objects::place;
use crate::readiness::{Verdict, follow, of_release_object};
use crate::render::finish;

/// A definition and where it goes.
type Placed = (Address, Value);

impl Charts {
    /// The custom resource definitions of a chart's `crds/`, as the cluster can take them, and what was changed in them for that.
    ///
    /// # Errors
    /// If one cannot be read or modernised.
    pub(super) fn definitions(
        chart: &Chart,
        served: &Served,
        options: &ReleaseOptions,
    ) -> Result<(Vec<Placed>, Vec<String>)> {
        let (mut placed, mut changes) = (Vec::new(), Vec::new());
        if !options.skip_crds {
            for crd in chart.crds() {
                definitions(&crd, served, options.modernise, &mut placed, &mut changes)?;
            }
        }
        Ok((placed, changes))
    }

    /// Creates those definitions that do not exist and waits until they can be used; true if there was one to create.
    pub(super) async fn install_definitions(&self, definitions: &[Placed], wait: &Wait) -> Result<bool> {
        let cluster = self.cluster()?;
        let mut created = Vec::new();
        for (address, object) in definitions {
            match cluster.create(address, object).await {
                Ok(_) => created.push(address.clone()),
                Err(error) if error.meaning() == Meaning::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        let judge = |_: &Address, object: Option<&Value>| {
            let absent = || Verdict::Pending("it does not exist".to_owned());
            object.map_or_else(absent, |object| of_release_object(object, false))
        };
        let patience = wait.within(std::time::Duration::from_secs(60));
        follow(cluster, &patience, "custom resource definitions", &created, &judge).await?;
        Ok(!created.is_empty())
    }
}

/// The objects of one file of `crds/`, as the cluster can take them.
fn definitions(
    crd: &Crd,
    served: &Served,
    modernise: bool,
    definitions: &mut Vec<Placed>,
    changes: &mut Vec<String>,
) -> Result<()> {
    let text = String::from_utf8_lossy(&crd.data).into_owned();
    let files = BTreeMap::from([(crd.path.clone(), text)]);
    let mut sorted = manifest::sort(&files).map_err(|error| invalid("read", &crd.path, &error))?;
    changes.extend(finish(&mut sorted, modernise.then_some(served), &[])?);
    for manifest in &sorted.manifests {
        let (placed, unknown) = place(&manifest.content, served, "")?;
        if let Some(unknown) = unknown.first() {
            let reason = format!("the cluster serves no {unknown}");
            return Err(Error::new(Meaning::Invalid, "install the definitions of", &crd.path, reason));
        }
        definitions.extend(placed.into_iter().map(|placed| (placed.address.clone(), placed.plain())));
    }
    Ok(())
}
