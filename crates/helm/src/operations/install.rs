//! The first revision of a release.

use spacecraft_core::{Error, Meaning, Result};

use super::recovery::Recovered;
use super::{Manner, Operation, whole_text};
use crate::objects::PlacedObject;
use crate::release::storage::Stored;
use crate::release::{HookEvent, Release, Status};

/// A release that is to be installed: its record as it will be, but for status and times.
#[derive(Debug)]
pub(crate) struct Installation {
    pub(crate) stored: Stored,
    pub(crate) manner: Manner,
    /// What fails is uninstalled again.
    pub(crate) atomic: bool,
    /// For the record, in place of `Install complete`.
    pub(crate) description: String,
    /// The last revision of the release whose name is used again.
    pub(crate) replaced: Option<Stored>,
    /// The record of a first install is there that a client left pending: it is written anew.
    pub(crate) is_taken_over: bool,
}

/// Helm's complaint about the name of a release that exists.
pub(crate) fn name_in_use(name: &str) -> Error {
    let reason = "cannot re-use a name that is still in use";
    Error::new(Meaning::AlreadyExists, "install release", name, reason)
        .with_hint("upgrade the release, or uninstall it first")
}

impl Operation<'_> {
    /// Refuses the name of a release that exists, unless it is to be replaced and can be: then its last revision is all the history that is
    /// answered. A name that was left pending, or half uninstalled, by a client that died becomes free again.
    ///
    /// # Errors
    /// [`Meaning::AlreadyExists`] in Helm's words.
    pub(crate) async fn free_name(&self, namespace: &str, name: &str, replace: bool) -> Result<Recovered> {
        let history = self.storage.history(namespace, name).await?;
        let Recovered { mut history, left } =
            self.finish_uninstallation(self.recover(history).await?).await?;
        let is_replaceable =
            |last: &Stored| matches!(last.release.info.status, Status::Uninstalled | Status::Failed);
        match history.pop() {
            Some(last) if replace && is_replaceable(&last) => Ok(Recovered { history: vec![last], left }),
            Some(_) => Err(name_in_use(name)),
            None => Ok(Recovered { history, left }),
        }
    }

    /// Installs a release.
    ///
    /// # Errors
    /// If an object belongs to somebody else (nothing was changed then), or something fails on the way: then the record
    /// says so, or with `atomic` nothing is left.
    pub(crate) async fn install(&self, installation: Installation) -> Result<Release> {
        let Installation { mut stored, manner, atomic, description, replaced, is_taken_over } = installation;
        let objects = self.place_new(&stored.release)?;
        if !manner.take_ownership {
            self.check_ownership(&objects.iter().collect::<Vec<_>>(), &stored.release, "install").await?;
        }
        let info = &mut stored.release.info;
        info.first_deployed = Some(self.now());
        info.last_deployed = info.first_deployed;
        info.status = Status::PendingInstall;
        "Initial install underway".clone_into(&mut info.description);
        if let Some(last) = replaced {
            self.take_the_place_of(last, &mut stored).await?;
        }
        match is_taken_over {
            true => self.record(&stored).await?,
            false => self.storage.create(&stored, self.now()).await?,
        }
        if let Err(error) = self.install_objects(&mut stored, &objects, manner).await {
            return Err(self.failed_install(stored, error, atomic, manner.no_hooks).await);
        }
        stored.release.info.status = Status::Deployed;
        stored.release.info.description =
            if description.is_empty() { "Install complete".to_owned() } else { description };
        self.record(&stored).await?;
        Ok(stored.release)
    }

    /// Makes a release the next revision after one that it replaces.
    async fn take_the_place_of(&self, mut last: Stored, stored: &mut Stored) -> Result<()> {
        stored.release.version = last.release.version.saturating_add(1);
        if last.release.info.status == Status::Failed {
            return Ok(());
        }
        last.release.info.status = Status::Superseded;
        "superseded by new release".clone_into(&mut last.release.info.description);
        self.record(&last).await
    }

    async fn install_objects(
        &self,
        stored: &mut Stored,
        objects: &[PlacedObject],
        manner: Manner,
    ) -> Result<()> {
        if !manner.no_hooks {
            self.run_hooks(stored, HookEvent::PreInstall).await?;
        }
        self.apply(objects, &stored.release, manner, &mut Vec::new()).await?;
        self.until_ready(objects, manner, &stored.release).await?;
        if manner.no_hooks { Ok(()) } else { self.run_hooks(stored, HookEvent::PostInstall).await }
    }

    async fn failed_install(&self, stored: Stored, error: Error, atomic: bool, no_hooks: bool) -> Error {
        let name = stored.release.name.clone();
        if !atomic {
            self.record_failure(stored, &error).await;
            return error.with_hint(format!(
                "what was made of release {name} is still there; upgrade --install goes on from it, uninstall removes it"
            ));
        }
        // Its record goes from pending to uninstalling at once: a client that dies here leaves a name that can be used again.
        let what_remains = match self.uninstall_failed(stored, no_hooks).await {
            Ok(()) => "it was uninstalled due to atomic being set".to_owned(),
            Err(left) => format!("and uninstalling it failed too: {}", whole_text(&left)),
        };
        let reason = format!("release {name} failed, {what_remains}");
        Error::new(error.meaning(), "install release", name, reason).with_source(error)
    }

    async fn record_failure(&self, mut stored: Stored, error: &Error) {
        let name = stored.release.name.clone();
        stored.release.info.status = Status::Failed;
        stored.release.info.description = format!("Release {name:?} failed: {}", whole_text(error));
        if let Err(unrecorded) = self.record(&stored).await {
            tracing::warn!(release = name, error = %unrecorded, "the failure could not be recorded");
        }
    }
}
