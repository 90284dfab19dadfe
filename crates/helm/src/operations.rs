//! What changes releases in a cluster: install, upgrade, roll back, uninstall.
//!
//! Each operation writes the record before it touches an object, so that whoever comes next sees what was under way, and
//! again when it ends. Errors say which revision is in force then.

mod hooks;
mod install;
mod recovery;
mod rollback;
mod uninstall;
mod upgrade;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use spacecraft_core::wait::Wait;
use spacecraft_core::{Error, Meaning, Result};

use crate::cluster::{Address, Cluster, Resource, Served};
use crate::manifest::{self, UNINSTALL_ORDER};
use crate::objects::{self, Owner, PlacedObject, foreign, is_kept, place, takeover_patch};
use crate::readiness::{Verdict, follow, of_release_object, takes_time};
use crate::release::storage::{Storage, Stored};
use crate::release::{Release, Status};

pub(crate) use install::{Installation, name_in_use};
pub(crate) use recovery::Recovered;
pub(crate) use rollback::Rollback;
pub(crate) use uninstall::Uninstallation;
pub use uninstall::Uninstalled;
pub(crate) use upgrade::{Upgrade, current_of};

/// How often a field takeover is tried while others change the object at the same time.
const TAKEOVER_ATTEMPTS: usize = 4;

/// What install, upgrade and rollback have in common.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Manner {
    /// Hooks do not run.
    pub(crate) no_hooks: bool,
    /// The operation ends when all objects are ready.
    pub(crate) wait: bool,
    /// Jobs have to be done for that.
    pub(crate) wait_for_jobs: bool,
    /// Objects that exist without the release's marks become part of it.
    pub(crate) take_ownership: bool,
    /// An object that cannot be changed is deleted and made anew.
    pub(crate) force: bool,
}

/// An operation on one release.
pub(crate) struct Operation<'a> {
    cluster: &'a Cluster,
    storage: Storage,
    served: &'a Served,
    wait: &'a Wait,
}

impl<'a> Operation<'a> {
    pub(crate) fn new(cluster: &'a Cluster, served: &'a Served, wait: &'a Wait) -> Self {
        Self { cluster, storage: Storage::new(cluster.clone()), served, wait }
    }

    fn now(&self) -> Timestamp {
        self.wait.clock().now()
    }

    async fn record(&self, stored: &Stored) -> Result<()> {
        self.storage.update(stored, self.now()).await
    }

    /// The objects of a manifest that is about to be applied.
    fn place_new(&self, release: &Release) -> Result<Vec<PlacedObject>> {
        let (placed, unknown) = place(&release.manifest, self.served, &release.namespace)?;
        match unknown.as_slice() {
            [] => Ok(placed),
            unknown => Err(Error::new(
                Meaning::Invalid,
                "build the objects of release",
                release.name.as_str(),
                format!("the cluster serves no {}", unknown.join(", ")),
            )
            .with_hint("install the custom resource definitions that the chart needs first")),
        }
    }

    /// Checks that a release's objects could be made: that the cluster serves their kinds, and, unless whose they are does not matter, that
    /// they belong to nobody else.
    pub(crate) async fn validate(&self, release: &Release, take_ownership: bool) -> Result<()> {
        let objects = self.place_new(release)?;
        if take_ownership {
            return Ok(());
        }
        self.check_ownership(&objects.iter().collect::<Vec<_>>(), release, "install").await
    }

    /// The objects of a manifest that was applied; those that the cluster cannot have any more are left out.
    fn place_former(&self, release: &Release) -> Vec<PlacedObject> {
        place(&release.manifest, self.served, &release.namespace)
            .map(|(placed, _)| placed)
            .unwrap_or_default()
    }

    /// Refuses objects that exist and belong to somebody else.
    async fn check_ownership(&self, objects: &[&PlacedObject], release: &Release, verb: &str) -> Result<()> {
        let owner = owner(release);
        let what = if verb == "upgrade" { "update" } else { verb };
        for placed in objects {
            let Some(live) = self.cluster.get(&placed.address).await? else { continue };
            if let Some(fault) = foreign(&placed.address, &live, owner) {
                let reason = format!("Unable to continue with {what}: {fault}");
                return Err(Error::new(Meaning::AlreadyExists, verb, release.name.as_str(), reason));
            }
        }
        Ok(())
    }

    /// Applies the objects in their order. Those that did not exist before are among `created` then, however it ends.
    async fn apply(
        &self,
        objects: &[PlacedObject],
        release: &Release,
        manner: Manner,
        created: &mut Vec<Address>,
    ) -> Result<()> {
        for placed in objects {
            let object = placed.owned_by(owner(release));
            if self.apply_one(placed, &object, manner.force).await? {
                created.push(placed.address.clone());
            }
        }
        Ok(())
    }

    async fn apply_one(&self, placed: &PlacedObject, object: &Value, force: bool) -> Result<bool> {
        let address = &placed.address;
        if address.name.is_empty() {
            self.cluster.create(address, object).await?;
            return Ok(true);
        }
        let existed = self.take_over(address).await?;
        match self.cluster.apply(address, object).await {
            Ok(_) => Ok(!existed),
            Err(error) if force && existed && error.meaning() == Meaning::Invalid => {
                self.cluster.delete(address).await?;
                self.until_gone(std::slice::from_ref(address)).await?;
                self.cluster.apply(address, object).await.map(|_| false)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes fields that Helm applied client-side server-side ones; true if the object exists.
    async fn take_over(&self, address: &Address) -> Result<bool> {
        for attempt in 1.. {
            let Some(live) = self.cluster.get(address).await? else { return Ok(false) };
            let Some(patch) = takeover_patch(&live) else { return Ok(true) };
            match self.cluster.json_patch(address, &patch).await {
                Ok(_) => return Ok(true),
                Err(error) if error.is_not_found() => return Ok(false),
                Err(error)
                    if attempt == TAKEOVER_ATTEMPTS || error.meaning() != Meaning::PreconditionFailed =>
                {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
        Ok(true)
    }

    /// Deletes what a former revision had and the new one has not, but for what is to be kept or belongs to another.
    async fn remove_gone(
        &self,
        former: &[PlacedObject],
        current: &[PlacedObject],
        release: &Release,
    ) -> Result<()> {
        let mut gone = objects::gone(former, current);
        gone.sort_by(|one, other| {
            manifest::by_kind(&one.address.resource.kind, &other.address.resource.kind, UNINSTALL_ORDER)
        });
        for placed in gone {
            let Some(live) = self.cluster.get(&placed.address).await? else { continue };
            if is_kept(&live) || is_kept(&placed.object) || objects::belongs_to_another(&live, owner(release))
            {
                continue;
            }
            self.cluster.delete(&placed.address).await?;
        }
        Ok(())
    }

    async fn until_ready(&self, objects: &[PlacedObject], manner: Manner, release: &Release) -> Result<()> {
        if !manner.wait {
            return Ok(());
        }
        let targets: Vec<Address> = objects
            .iter()
            .map(|placed| placed.address.clone())
            .filter(|address| {
                takes_time(&address.resource.kind, manner.wait_for_jobs) && !address.name.is_empty()
            })
            .collect();
        let judge = |_: &Address, object: Option<&Value>| {
            object.map_or_else(
                || Verdict::Pending("it does not exist".to_owned()),
                |object| of_release_object(object, manner.wait_for_jobs),
            )
        };
        follow(self.cluster, self.wait, &format!("release {}", release.name), &targets, &judge).await
    }

    async fn until_gone(&self, addresses: &[Address]) -> Result<()> {
        let judge = |_: &Address, object: Option<&Value>| match object {
            None => Verdict::Ready,
            Some(_) => Verdict::Pending("it still exists".to_owned()),
        };
        follow(self.cluster, self.wait, "deleted objects", addresses, &judge).await
    }

    /// Creates the release's namespace unless it exists.
    pub(crate) async fn ensure_namespace(&self, namespace: &str) -> Result<()> {
        let resource = Resource {
            api_version: "v1".to_owned(),
            kind: "Namespace".to_owned(),
            plural: "namespaces".to_owned(),
            namespaced: false,
        };
        let address = Address::new(resource, "", namespace);
        if self.cluster.get(&address).await?.is_some() {
            return Ok(());
        }
        let object = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": {"name": namespace}},
        });
        match self.cluster.create(&address, &object).await {
            Ok(_) => Ok(()),
            Err(error) if error.meaning() == Meaning::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn owner(release: &Release) -> Owner<'_> {
    Owner { name: &release.name, namespace: &release.namespace }
}

/// The newest revision of a history that is in force.
pub(crate) fn deployed(history: &[Stored]) -> Option<&Stored> {
    history.iter().rev().find(|stored| stored.release.info.status == Status::Deployed)
}

/// The text of an error with all its causes, for a record's description.
fn whole_text(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(layer) = cause {
        let line = layer.to_string();
        if !text.ends_with(&line) {
            text.push_str(": ");
            text.push_str(&line);
        }
        cause = layer.source();
    }
    text
}

/// Labels of a new revision: those of the last one, under those that were given.
pub(crate) fn labels_of(last: Option<&Stored>, given: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut labels = last.map(|stored| stored.labels.clone()).unwrap_or_default();
    labels.extend(given.clone());
    labels
}

#[cfg(test)]
mod tests;
