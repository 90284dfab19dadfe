use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::SCHEMA;
use crate::error::{Effect, Error, Meaning, Result};
use crate::names::NetworkName;
use crate::traits::{ObjectStore, Precondition, PutOptions, StoredObject};
use crate::wait::Wait;

/// A holder that has not renewed its lock for this long is dead.
pub const LEASE: Duration = Duration::from_secs(60);

/// How often a holder renews.
pub const RENEWAL: Duration = Duration::from_secs(20);

/// How often somebody who waits looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The command, such as `create-network`.
    pub operation: String,
    /// Who runs it, as `user@host`.
    pub operator: String,
    /// The host, by a name that no other host has.
    pub host: String,
    /// The process on that host.
    pub process_id: u32,
    /// When that process started, so that a later process of the same number is not taken for it.
    pub process_started: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} by {} (process {})", self.operation, self.operator, self.process_id)
    }
}

/// The content of a lock object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockDocument {
    /// [`SCHEMA`].
    pub schema: String,
    /// `Lock`.
    pub kind: String,
    /// Who holds it.
    pub holder: Holder,
    /// When they took it.
    pub taken_at: Timestamp,
    /// How often they renewed it.
    pub renewals: u64,
}

/// Tells whether a process of this host still runs.
pub trait HolderProbe: Debug + Send + Sync {
    /// True when `holder` is a process of this very host that certainly no longer runs.
    fn is_certainly_dead(&self, holder: &Holder) -> bool;
}

/// A lock on a network, held.
///
/// Nothing is released when it is dropped: dropping makes no calls. A lock that is not released runs out by itself.
#[derive(Debug)]
pub struct Lock {
    store: Arc<dyn ObjectStore>,
    key: String,
    fence: i64,
    taken_over: bool,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    document: LockDocument,
    generation: i64,
}

impl Lock {
    /// The key of a network's lock.
    #[must_use]
    pub fn key(network: &NetworkName) -> String {
        format!("{network}/lock.json")
    }

    /// Who holds the lock of a network; none when nobody does, or when it cannot be read.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn holder(store: &dyn ObjectStore, network: &NetworkName) -> Result<Option<Holder>> {
        let found = store.get(&Self::key(network)).await?;
        let document = found.and_then(|object| serde_json::from_slice::<LockDocument>(&object.bytes).ok());
        Ok(document.map(|document| document.holder))
    }

    /// Takes the lock of a network. A holder who renews it is respected; one who is certainly dead, or has not renewed it for [`LEASE`], is
    /// replaced; `force` replaces any.
    ///
    /// # Errors
    ///
    /// [`Meaning::Unavailable`] when somebody alive holds it; those of the store.
    pub async fn take(
        store: Arc<dyn ObjectStore>,
        network: &NetworkName,
        holder: Holder,
        probe: &dyn HolderProbe,
        wait: &Wait,
        force: bool,
    ) -> Result<Self> {
        let key = Self::key(network);
        let document = LockDocument {
            schema: SCHEMA.to_owned(),
            kind: "Lock".to_owned(),
            holder,
            taken_at: wait.clock().now(),
            renewals: 0,
        };
        loop {
            let present = store.get(&key).await?;
            let (precondition, taken_over) = match present {
                None => (Precondition::Absent, false),
                Some(object) => {
                    let other: Option<LockDocument> = serde_json::from_slice(&object.bytes).ok();
                    let dead = other.as_ref().is_some_and(|other| probe.is_certainly_dead(&other.holder));
                    if !force && !dead {
                        until_dead(&*store, &key, object.generation, other.as_ref(), wait).await?;
                    }
                    (Precondition::Generation(object.generation), true)
                }
            };
            match write(&*store, &key, &document, precondition).await {
                Ok(generation) => {
                    let held = Mutex::new(Held { document, generation });
                    return Ok(Self { store, key, fence: generation, taken_over, held });
                }
                Err(error)
                    if error.meaning() == Meaning::PreconditionFailed && !wait.remaining().is_zero() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The generation with which the lock was taken; it is part of every record that is written under it.
    #[must_use]
    pub fn fence(&self) -> i64 {
        self.fence
    }

    /// True when the lock was taken from somebody else, whose late writes must be made to fail.
    #[must_use]
    pub fn was_taken_over(&self) -> bool {
        self.taken_over
    }

    /// Renews the lock every [`RENEWAL`] for as long as this future is polled.
    ///
    /// # Errors
    ///
    /// Returns only when the lock is lost: somebody else has it, or it could not be renewed for [`LEASE`].
    pub async fn keep(&self, clock: &dyn crate::time::Clock) -> Error {
        let mut renewed_at = clock.now();
        loop {
            clock.sleep(RENEWAL).await;
            let lease = Duration::try_from(clock.now().duration_since(renewed_at)).unwrap_or(LEASE);
            let renewed = tokio::select! {
                biased;
                renewed = self.renew() => renewed,
                () = clock.sleep(LEASE.saturating_sub(lease)) => Err(Error::new(
                    Meaning::TimedOut,
                    "renew lock",
                    &self.key,
                    "there is no answer",
                )),
            };
            match renewed {
                Ok(()) => renewed_at = clock.now(),
                Err(error) if error.meaning() == Meaning::PreconditionFailed => {
                    return Error::new(
                        Meaning::PreconditionFailed,
                        "keep lock",
                        &self.key,
                        "another operation took it over",
                    )
                    .with_source(error)
                    .with_hint("see who is at work on the network, then run the command again");
                }
                Err(error) => {
                    let silent = Duration::try_from(clock.now().duration_since(renewed_at)).unwrap_or(LEASE);
                    if silent >= LEASE {
                        return Error::new(
                            Meaning::Unavailable,
                            "keep lock",
                            &self.key,
                            "it could not be renewed in time",
                        )
                        .with_source(error);
                    }
                }
            }
        }
    }

    async fn renew(&self) -> Result<()> {
        let mut held = self.held.lock().await;
        let mut document = held.document.clone();
        document.renewals += 1;
        let precondition = Precondition::Generation(held.generation);
        held.generation = write(&*self.store, &self.key, &document, precondition).await?;
        held.document = document;
        Ok(())
    }

    /// Gives the lock back, also where a renewal was given up half-way.
    ///
    /// # Errors
    ///
    /// Those of the store; a lock that somebody else has by now is left to them.
    pub async fn release(&self) -> Result<()> {
        let held = self.held.lock().await;
        match self.remove(held.generation).await {
            Err(error) if error.meaning() == Meaning::PreconditionFailed => {
                let Some(present) = self.store.get(&self.key).await? else { return Ok(()) };
                if !is_later_renewal(&present, &held.document) {
                    return Ok(());
                }
                self.remove(present.generation).await
            }
            removed => removed,
        }
    }

    async fn remove(&self, generation: i64) -> Result<()> {
        self.store.delete(&self.key, Precondition::Generation(generation)).await.map(drop)
    }
}

/// True when `object` is what a renewal of `held` wrote whose reply nobody waited for.
fn is_later_renewal(object: &StoredObject, held: &LockDocument) -> bool {
    serde_json::from_slice::<LockDocument>(&object.bytes)
        .is_ok_and(|found| LockDocument { renewals: held.renewals, ..found } == *held)
}

/// Writes a lock object, and answers its generation. Where the reply was lost, now or when the same was written before, looks whether it is there.
async fn write(
    store: &dyn ObjectStore,
    key: &str,
    document: &LockDocument,
    precondition: Precondition,
) -> Result<i64> {
    match store.put(key, encode(document)?, &PutOptions::json(precondition)).await {
        Err(error)
            if error.effect() == Effect::Possible || error.meaning() == Meaning::PreconditionFailed =>
        {
            let present = store.get(key).await.ok().flatten();
            let is_ours = |object: &StoredObject| {
                serde_json::from_slice::<LockDocument>(&object.bytes).is_ok_and(|found| found == *document)
            };
            present.filter(is_ours).map(|object| object.generation).ok_or(error)
        }
        written => written,
    }
}

/// Returns when the lock object has had the same generation for [`LEASE`].
async fn until_dead(
    store: &dyn ObjectStore,
    key: &str,
    generation: i64,
    other: Option<&LockDocument>,
    wait: &Wait,
) -> Result<()> {
    let who = other.map_or_else(|| "an unknown holder".to_owned(), |other| other.holder.to_string());
    let patience = wait.within(LEASE);
    // Naps are counted, not read off the clock: one that is set forward meanwhile would end a lease that its holder renews in time.
    let mut waited = Duration::ZERO;
    loop {
        let now = store.get(key).await?.map(|object| object.generation);
        if now != Some(generation) {
            return match now {
                None => Ok(()),
                Some(_) => Err(Error::new(Meaning::Unavailable, "lock", key, format!("it is held: {who} is at work"))
                    .with_hint("wait for that operation to end; --force-unlock breaks the lock of one that is certainly dead")),
            };
        }
        if waited >= LEASE {
            return Ok(());
        }
        if wait.remaining().is_zero() {
            return Err(wait.timed_out(key, &who));
        }
        patience.tell(
            "the network's lock",
            &format!("{who} may still be at work; its lease ends within a minute"),
        );
        let nap = LOOK_AGAIN.min(LEASE.saturating_sub(waited)).min(wait.remaining());
        wait.clock().sleep(nap).await;
        waited = waited.saturating_add(nap);
    }
}

fn encode(document: &LockDocument) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(document).map_err(|error| {
        Error::new(Meaning::Other, "write lock", "", "it cannot be encoded").with_source(error)
    })
}
