//! Custom resource definitions of a chart's `crds/`, which are installed before anything is rendered.

use std::collections::BTreeMap;

use spacecraft_core::wait::Wait;
use spacecraft_core::{Error, Meaning, Result};

use super::{Charts, invalid};
use crate::chart::{Chart, Crd};
use crate::cluster::{Address, Served};
use crate::manifest;
use crate::objects::place;
use crate::readiness::{Verdict, follow, of_release_object};
use crate::render::finish;

impl Charts {
    /// Creates those custom resource definitions of `crds/` that do not exist and waits until they can be used; true if
    /// there was one to create.
    pub(super) async fn install_crds(
        &self,
        chart: &Chart,
        served: &Served,
        modernise: bool,
        wait: &Wait,
    ) -> Result<bool> {
        let cluster = self.cluster()?;
        let mut created = Vec::new();
        for crd in chart.crds() {
            for (address, object) in definitions(&crd, served, modernise)? {
                match cluster.create(&address, &object).await {
                    Ok(_) => created.push(address),
                    Err(error) if error.meaning() == Meaning::AlreadyExists => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let judge = |_: &Address, object: Option<&serde_json::Value>| {
            let absent = || Verdict::Pending("it does not exist".to_owned());
            object.map_or_else(absent, |object| of_release_object(object, false))
        };
        let patience = wait.within(std::time::Duration::from_secs(60));
        follow(cluster, &patience, "custom resource definitions", &created, &judge).await?;
        Ok(!created.is_empty())
    }
}

/// The objects of one file of `crds/`, as the cluster can take them.
fn definitions(crd: &Crd, served: &Served, modernise: bool) -> Result<Vec<(Address, serde_json::Value)>> {
    let text = String::from_utf8_lossy(&crd.data).into_owned();
    let files = BTreeMap::from([(crd.path.clone(), text)]);
    let mut sorted = manifest::sort(&files).map_err(|error| invalid("read", &crd.path, &error))?;
    finish(&mut sorted, modernise.then_some(served), &[])?;
    let mut definitions = Vec::new();
    for manifest in &sorted.manifests {
        let (placed, unknown) = place(&manifest.content, served, "")?;
        if let Some(unknown) = unknown.first() {
            let reason = format!("the cluster serves no {unknown}");
            return Err(Error::new(Meaning::Invalid, "install the definitions of", &crd.path, reason));
        }
        definitions.extend(placed.into_iter().map(|placed| (placed.address.clone(), placed.plain())));
    }
    Ok(definitions)
}
