//! What the network publishes: the config that others join with, and the epoch-2 beacon beside it.

use futures::future::try_join_all;
use serde_json::Value;

use super::BringUp;
use super::fleet::{Fleet, no_address};
use crate::error::{Error, Meaning, Result};
use crate::observer::Outcome;
use crate::plan::{beacon_url, published_config};
use crate::traits::{Look, ObjectStore, Precondition, PutOptions};
use crate::workload::{ObservedWorkload, Part};

/// The folder of a network's published objects.
pub(crate) fn archive(network: &str) -> String {
    format!("{network}-archive/")
}

impl BringUp<'_> {
    /// Publishes the config, and in v1 the beacon's files; answers the config's URL.
    pub(in crate::operation) async fn publish(
        &self,
        fleet: &Fleet,
        observed: &[ObservedWorkload],
    ) -> Result<String> {
        let store = &*self.services().config_store;
        let folder = archive(self.spec.network.as_str());
        let config_key = format!("{folder}config.json");
        let objects = self.published_objects(fleet, observed, &folder)?;
        let look = async || {
            let looks = objects.iter().map(|(key, bytes)| look_object(store, key, bytes));
            let looks = try_join_all(looks).await?;
            Ok(match (looks.iter().all(Look::is_same), looks.iter().all(|look| *look == Look::Absent)) {
                (true, _) => Look::Same,
                (_, true) => Look::Absent,
                _ => Look::Differs(vec![config_key.clone()]),
            })
        };
        let write = async |found| {
            let put = objects.iter().map(async |(key, bytes)| {
                if !look_object(store, key, bytes).await?.is_same() {
                    store.put(key, bytes.clone(), &PutOptions::json(Precondition::None)).await?;
                }
                Ok::<_, Error>(())
            });
            try_join_all(put).await?;
            Ok(if found == Look::Absent { Outcome::Created } else { Outcome::Updated })
        };
        self.run.step("config", &format!("publishing {}", store.url(&config_key)), look, write).await?;
        Ok(store.url(&config_key))
    }

    fn published_objects(
        &self,
        fleet: &Fleet,
        observed: &[ObservedWorkload],
        folder: &str,
    ) -> Result<Vec<(String, Vec<u8>)>> {
        let spec = self.spec;
        let store = &*self.services().config_store;
        let poet = match poet_url(fleet, observed, "poet-1") {
            Some(url) => url,
            // Who only looks is told that the PoET is missing by the step that makes it; what is published differs then, too.
            None if self.run.only_looks() => String::new(),
            None => return Err(no_address("poet-1")),
        };
        let directory = beacon_url(spec).map(|_| store.url(folder).trim_end_matches('/').to_owned());
        let config =
            published_config(spec, self.plan, &self.materials.profile, &fleet.bindings, &poet, directory)?;
        let mut objects = vec![(format!("{folder}config.json"), indented(&config)?)];
        objects.extend(
            fleet
                .beacon_files
                .iter()
                .filter(|file| !file.name.ends_with(".conf"))
                .map(|file| (format!("{folder}{}", file.name), file.content.clone().into_bytes())),
        );
        Ok(objects)
    }
}

/// The public URL of a PoET.
pub(super) fn poet_url(fleet: &Fleet, observed: &[ObservedWorkload], poet: &str) -> Option<String> {
    let observed = observed.iter().find(|workload| workload.name == poet)?;
    let port = observed.node_ports.get("restport")?;
    Some(format!("http://{}:{port}", address_of(fleet, observed)?))
}

/// Where a workload's node ports are reached: PoETs at the worker that slot 0 is on, which stays when pods move; nodes at the worker their pod runs on, the only
/// one that answers for them.
pub(super) fn address_of(fleet: &Fleet, observed: &ObservedWorkload) -> Option<String> {
    let reached = observed.address(&fleet.workers).map(str::to_owned);
    let first = fleet.bindings.slot_addresses.get(&0).cloned();
    match observed.part {
        Part::Poet { .. } => first.or(reached),
        _ => reached.or(first),
    }
}

async fn look_object(store: &dyn ObjectStore, key: &str, bytes: &[u8]) -> Result<Look> {
    Ok(match store.get(key).await? {
        None => Look::Absent,
        Some(object) if object.bytes == bytes => Look::Same,
        Some(_) => Look::Differs(vec![key.to_owned()]),
    })
}

/// The config as it is published: JSON indented by tabs, as the original wrote it.
fn indented(config: &Value) -> Result<Vec<u8>> {
    let failed = |error: serde_json::Error| {
        Error::new(Meaning::Other, "encode config", "config.json", "it is no JSON").with_source(error)
    };
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(
        &mut bytes,
        serde_json::ser::PrettyFormatter::with_indent(b"\t"),
    );
    serde::Serialize::serialize(config, &mut serializer).map_err(failed)?;
    bytes.push(b'\n');
    Ok(bytes)
}
