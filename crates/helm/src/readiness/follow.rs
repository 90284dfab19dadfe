//! Waiting for objects by watching them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::select_all;
use serde_json::Value;
use spacecraft_core::wait::Wait;
use spacecraft_core::{Error, Meaning, Result};

use super::Verdict;
use crate::cluster::{Address, Change, Cluster, Followed};

/// The pause before everything is looked at again after a watch ended.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the reasons are told while nothing changes.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// What an object is judged by; none is given where it does not exist.
pub(crate) type Judge<'a> = &'a (dyn Fn(&Address, Option<&Value>) -> Verdict + Send + Sync);

/// Waits until `judge` finds every one of `targets` ready.
///
/// # Errors
/// As soon as one has failed, or with all reasons when the patience ends.
pub(crate) async fn follow(
    cluster: &Cluster,
    wait: &Wait,
    what: &str,
    targets: &[Address],
    judge: Judge<'_>,
) -> Result<()> {
    let mut reasons = Reasons::default();
    loop {
        let versions = look(cluster, targets, judge, &mut reasons).await?;
        if reasons.is_empty() {
            return Ok(());
        }
        reasons.tell(wait, what)?;
        if watch(cluster, wait, what, versions, targets, judge, &mut reasons).await? {
            return Ok(());
        }
        wait.clock().sleep(PAUSE.min(wait.remaining())).await;
    }
}

/// Why the objects that are not ready are not.
#[derive(Default)]
struct Reasons(BTreeMap<Address, String>);

impl Reasons {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn note(&mut self, address: &Address, verdict: Verdict) -> Result<()> {
        match verdict {
            Verdict::Ready => {
                self.0.remove(address);
            }
            Verdict::Pending(why) => {
                self.0.insert(address.clone(), why);
            }
            Verdict::Failed(why) => {
                return Err(Error::new(Meaning::Other, "wait for", address.to_string(), why));
            }
        }
        Ok(())
    }

    /// Tells the reasons, or fails with them once the patience has ended.
    fn tell(&self, wait: &Wait, what: &str) -> Result<()> {
        const SHOWN: usize = 5;
        let mut shown: Vec<String> =
            self.0.iter().take(SHOWN).map(|(address, why)| format!("{address}: {why}")).collect();
        if let Some(more) = self.0.len().checked_sub(SHOWN + 1) {
            shown.push(format!("and {} more", more + 1));
        }
        let why = shown.join("; ");
        if wait.remaining().is_zero() {
            return Err(wait.timed_out(what, &why));
        }
        wait.tell(what, &why);
        Ok(())
    }
}

/// Lists all kinds of targets and judges each target; answers the versions of the lists.
async fn look(
    cluster: &Cluster,
    targets: &[Address],
    judge: Judge<'_>,
    reasons: &mut Reasons,
) -> Result<Vec<(Followed, String)>> {
    let mut versions = Vec::new();
    for followed in targets.iter().map(followed).collect::<BTreeSet<_>>() {
        let (objects, version) = cluster.list(&followed.resource, followed.namespace.as_deref(), "").await?;
        let by_name: BTreeMap<&str, &Value> =
            objects.iter().filter_map(|object| Some((name(object)?, object))).collect();
        for target in targets.iter().filter(|target| self::followed(target) == followed) {
            let object = by_name.get(target.name.as_str()).map(|object| typed(object, target));
            reasons.note(target, judge(target, object.as_ref()))?;
        }
        versions.push((followed, version));
    }
    Ok(versions)
}

/// Judges by what the watches tell; true once all targets are ready, false if the watches ended before.
async fn watch(
    cluster: &Cluster,
    wait: &Wait,
    what: &str,
    versions: Vec<(Followed, String)>,
    targets: &[Address],
    judge: Judge<'_>,
    reasons: &mut Reasons,
) -> Result<bool> {
    let mut streams = Vec::new();
    for (followed, version) in versions {
        if reasons.0.keys().any(|address| self::followed(address) == followed) {
            let opened = cluster.watch(&followed, &version).await;
            let Ok(stream) = opened else { return Ok(false) };
            streams.push(stream.map(move |change| (followed.clone(), change)));
        }
    }
    let mut changes = select_all(streams);
    loop {
        let pause = TELL_EVERY.min(wait.remaining());
        tokio::select! {
            next = changes.next() => {
                let Some((followed, Ok(change))) = next else { return Ok(false) };
                apply(&followed, &change, targets, judge, reasons)?;
                if reasons.is_empty() {
                    return Ok(true);
                }
            }
            () = wait.clock().sleep(pause) => reasons.tell(wait, what)?,
        }
    }
}

fn apply(
    followed: &Followed,
    change: &Change,
    targets: &[Address],
    judge: Judge<'_>,
    reasons: &mut Reasons,
) -> Result<()> {
    let (Change::Seen(object) | Change::Gone(object)) = change;
    let target = targets
        .iter()
        .find(|target| name(object) == Some(target.name.as_str()) && self::followed(target) == *followed);
    let Some(target) = target else { return Ok(()) };
    let seen = matches!(change, Change::Seen(_)).then(|| typed(object, target));
    reasons.note(target, judge(target, seen.as_ref()))
}

fn followed(address: &Address) -> Followed {
    Followed { resource: address.resource.clone(), namespace: address.namespace.clone() }
}

fn name(object: &Value) -> Option<&str> {
    object.pointer("/metadata/name")?.as_str()
}

/// Objects in lists do not say their kind.
fn typed(object: &Value, target: &Address) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.entry("kind").or_insert_with(|| Value::from(target.resource.kind.as_str()));
    }
    object
}
