//! The first revision of a release.

use spacecraft_core::{Error, Meaning, Result};

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
}

/// Helm's complaint about the name of a release that exists.
pub(crate) fn name_in_use(name: &str) -> Error {
    let reason = "cannot re-use a name that is still in use";
    Error::new(Meaning::AlreadyExists, "install release", name, reason)
        .with_hint("upgrade the release, or uninstall it first")
}

impl Operation<'_> {
    /// Refuses the name of a release that exists. A name that was left pending by a client that died is free again.
    ///
    /// # Errors
    /// [`Meaning::AlreadyExists`] in Helm's words.
    pub(crate) async fn free_name(&self, namespace: &str, name: &str) -> Result<()> {
        let history = self.storage.history(namespace, name).await?;
        let history = self.recover(history).await?;
        if history.is_empty() {
            return Ok(());
        }
        Err(name_in_use(name))
    }

    /// Installs a release.
    ///
    /// # Errors
    /// If an object belongs to somebody else (nothing was changed then), or something fails on the way: then the record
    /// says so, or with `atomic` nothing is left.
    pub(crate) async fn install(&self, installation: Installation) -> Result<Release> {
        let Installation { mut stored, manner, atomic, description } = installation;
        let objects = self.place_new(&stored.release)?;
        if !manner.take_ownership {
            self.check_ownership(&objects.iter().collect::<Vec<_>>(), &stored.release, "install").await?;
        }
        let info = &mut stored.release.info;
        info.first_deployed = Some(self.now());
        info.last_deployed = info.first_deployed;
        info.status = Status::PendingInstall;
        "Initial install underway".clone_into(&mut info.description);
        self.storage.create(&stored, self.now()).await?;
        if let Err(error) = self.install_objects(&mut stored, &objects, manner).await {
            return Err(self.failed_install(stored, error, atomic).await);
        }
        stored.release.info.status = Status::Deployed;
        stored.release.info.description =
            if description.is_empty() { "Install complete".to_owned() } else { description };
        self.record(&stored).await?;
        Ok(stored.release)
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
        self.apply(objects, &stored.release, manner).await?;
        self.until_ready(objects, manner, &stored.release).await?;
        if manner.no_hooks { Ok(()) } else { self.run_hooks(stored, HookEvent::PostInstall).await }
    }

    async fn failed_install(&self, mut stored: Stored, error: Error, atomic: bool) -> Error {
        let name = stored.release.name.clone();
        stored.release.info.status = Status::Failed;
        stored.release.info.description = format!("Release {name:?} failed: {}", whole_text(&error));
        if let Err(unrecorded) = self.record(&stored).await {
            tracing::warn!(release = name, error = %unrecorded, "the failure could not be recorded");
        }
        if !atomic {
            return error.with_hint(format!(
                "what was made of release {name} is still there; upgrade --install goes on from it, uninstall removes it"
            ));
        }
        let what_remains = match self.uninstall_failed(stored).await {
            Ok(()) => "it was uninstalled due to atomic being set".to_owned(),
            Err(left) => format!("and uninstalling it failed too: {}", whole_text(&left)),
        };
        let reason = format!("release {name} failed, {what_remains}");
        Error::new(error.meaning(), "install release", name, reason).with_source(error)
    }
}
