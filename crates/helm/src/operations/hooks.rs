//! Running the hooks of an event.

use serde_json::Value;
use spacecraft_core::{Error, Meaning, Result};

use super::{Operation, whole_text};
use crate::cluster::Address;
use crate::objects::{PlacedObject, place};
use crate::readiness::{follow, of_gone_hook, of_hook};
use crate::release::storage::Stored;
use crate::release::{Hook, HookEvent, HookPhase, HookRun};

const BEFORE_CREATION: &str = "before-hook-creation";
const SUCCEEDED: &str = "hook-succeeded";
const FAILED: &str = "hook-failed";

impl Operation<'_> {
    /// Runs the hooks of `event` one after the other, by weight and then by name, and keeps how they went in the record.
    ///
    /// # Errors
    /// When a hook fails; those after it do not run then.
    pub(super) async fn run_hooks(&self, stored: &mut Stored, event: HookEvent) -> Result<()> {
        let order = order_of(&stored.release.hooks, event);
        let mut succeeded = Vec::new();
        for index in order {
            match self.run_hook(stored, index).await {
                Ok(()) => succeeded.push(index),
                Err(error) => {
                    self.delete_by_policy(stored, &succeeded, SUCCEEDED).await?;
                    let what = format!("{} hook", event.as_str());
                    let name =
                        stored.release.hooks.get(index).map(|hook| hook.name.clone()).unwrap_or_default();
                    let reason = format!("failed {}: {}", event.as_str(), whole_text(&error));
                    return Err(
                        Error::new(error.meaning(), format!("run {what}"), name, reason).with_source(error)
                    );
                }
            }
        }
        self.delete_by_policy(stored, &succeeded, SUCCEEDED).await
    }

    async fn run_hook(&self, stored: &mut Stored, index: usize) -> Result<()> {
        let started_at = Some(self.now());
        let Some(hook) = stored.release.hooks.get_mut(index) else { return Ok(()) };
        if hook.delete_policies.is_empty() {
            hook.delete_policies.push(BEFORE_CREATION.to_owned());
        }
        hook.last_run = HookRun { started_at, completed_at: None, phase: HookPhase::Running };
        let (placed, unknown) = place(&hook.manifest, self.served, &stored.release.namespace)?;
        if let Some(unknown) = unknown.first() {
            let reason = format!("the cluster serves no {unknown}");
            return Err(Error::new(Meaning::Invalid, "build the hook", hook.name.as_str(), reason));
        }
        self.delete_by_policy(stored, &[index], BEFORE_CREATION).await?;
        self.record(stored).await?;
        let created = self.create_hooks(&placed).await;
        let is_created = created.is_ok();
        let outcome = if is_created { self.follow_hooks(&placed).await } else { created };
        let completed_at = Some(self.now());
        if let Some(hook) = stored.release.hooks.get_mut(index) {
            hook.last_run.completed_at = completed_at;
            hook.last_run.phase = if outcome.is_ok() { HookPhase::Succeeded } else { HookPhase::Failed };
        }
        // What could not be created may be another's, as it was before.
        if is_created && outcome.is_err() {
            self.delete_by_policy(stored, &[index], FAILED).await?;
        }
        outcome
    }

    async fn create_hooks(&self, objects: &[PlacedObject]) -> Result<()> {
        for placed in objects {
            self.create_hook(placed).await?;
        }
        Ok(())
    }

    async fn follow_hooks(&self, objects: &[PlacedObject]) -> Result<()> {
        let runs = |placed: &&PlacedObject| matches!(placed.address.resource.kind.as_str(), "Job" | "Pod");
        let targets: Vec<Address> =
            objects.iter().filter(runs).map(|placed| placed.address.clone()).collect();
        let judge = |address: &Address, object: Option<&Value>| {
            let manifest = objects.iter().find(|placed| placed.address == *address);
            let gone = || of_gone_hook(manifest.map_or(&Value::Null, |placed| &placed.object));
            object.map_or_else(gone, of_hook)
        };
        follow(self.cluster, self.wait, "hook", &targets, &judge).await
    }

    /// Creates a hook's object. A lost reply may mean that it was created after all.
    async fn create_hook(&self, placed: &PlacedObject) -> Result<()> {
        match self.cluster.create(&placed.address, &placed.plain()).await {
            Ok(_) => Ok(()),
            Err(error) if error.effect() == spacecraft_core::Effect::Possible => {
                if self.cluster.get(&placed.address).await?.is_some() { Ok(()) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes the objects of those hooks of `events` that were begun and go once they are through, however they end: the next run
    /// creates them, and could not while they are there.
    pub(super) async fn delete_begun_hooks(&self, stored: &Stored, events: [HookEvent; 2]) -> Result<()> {
        let is_begun = |hook: &Hook| {
            hook.last_run.started_at.is_some() && hook.events.iter().any(|event| events.contains(event))
        };
        let hooks = stored.release.hooks.iter().enumerate();
        let begun: Vec<usize> = hooks.filter(|(_, hook)| is_begun(hook)).map(|(index, _)| index).collect();
        self.delete_by_policy(stored, &begun, SUCCEEDED).await?;
        self.delete_by_policy(stored, &begun, FAILED).await
    }

    /// Deletes the objects of those hooks that have this policy; definitions of custom resources never go.
    async fn delete_by_policy(&self, stored: &Stored, hooks: &[usize], policy: &str) -> Result<()> {
        let mut deleted = Vec::new();
        for hook in hooks.iter().rev().filter_map(|index| stored.release.hooks.get(*index)) {
            let has_policy = hook.delete_policies.iter().any(|own| own == policy);
            if !has_policy || hook.kind == "CustomResourceDefinition" {
                continue;
            }
            let (placed, _) = place(&hook.manifest, self.served, &stored.release.namespace)?;
            for placed in placed {
                if self.cluster.delete(&placed.address).await? {
                    deleted.push(placed.address);
                }
            }
        }
        if deleted.is_empty() { Ok(()) } else { self.until_gone(&deleted).await }
    }
}

/// The places of the hooks of `event`, in the order in which they run.
fn order_of(hooks: &[Hook], event: HookEvent) -> Vec<usize> {
    let mut order: Vec<(i64, &str, usize)> = hooks
        .iter()
        .enumerate()
        .filter(|(_, hook)| hook.events.contains(&event))
        .map(|(index, hook)| (hook.weight, hook.name.as_str(), index))
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(.., index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_run_by_weight_and_then_by_name() {
        let hook = |name: &str, weight: i64, event: HookEvent| Hook {
            name: name.to_owned(),
            weight,
            events: vec![event],
            ..Hook::default()
        };
        let hooks = [
            hook("b", 5, HookEvent::PreInstall),
            hook("c", -5, HookEvent::PreInstall),
            hook("x", -9, HookEvent::PostInstall),
            hook("a", 5, HookEvent::PreInstall),
        ];
        assert_eq!(order_of(&hooks, HookEvent::PreInstall), [1, 3, 0]);
    }
}
