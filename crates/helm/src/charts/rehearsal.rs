//! `--dry-run`: the release as it would be, with nothing changed for it.

use spacecraft_core::Result;
use spacecraft_core::wait::Wait;

use super::{Charts, ReleaseOptions, UninstallOptions, UpgradeOptions, tell};
use crate::chart::Chart;
use crate::cluster::Served;
use crate::operations::{Operation, Recovered, Uninstalled, name_in_use};
use crate::release::{Release, Status};
use crate::render::ReleaseInfo;

/// What a release says of itself that was rendered only, as in Helm.
pub const DRY_RUN: &str = "Dry run complete";

impl Charts {
    /// The revisions that there are; what a dead client left unfinished is only settled when something is to be changed.
    pub(super) async fn history_before(
        &self,
        operation: &Operation<'_>,
        options: &UpgradeOptions,
    ) -> Result<Recovered> {
        let ReleaseOptions { namespace, name, dry_run, .. } = &options.release;
        match (dry_run, options.install) {
            (true, _) => {
                let history = self.storage()?.history(namespace, name).await?;
                Ok(Recovered { history, left: None })
            }
            (false, true) => operation.installable_history(namespace, name).await,
            (false, false) => operation.live_history(namespace, name).await,
        }
    }

    /// What would be uninstalled; nothing is changed.
    pub(super) async fn rehearse_uninstall(&self, options: &UninstallOptions) -> Result<Option<Uninstalled>> {
        match self.get(&options.namespace, &options.name, None).await {
            Ok(release) => Ok(Some(Uninstalled { release, kept: Vec::new() })),
            Err(error) if error.is_not_found() && options.ignore_not_found => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Refuses the name of a release that exists.
    pub(super) async fn name_is_free(&self, options: &ReleaseOptions) -> Result<()> {
        let history = self.storage()?.history(&options.namespace, &options.name).await?;
        if history.is_empty() { Ok(()) } else { Err(name_in_use(&options.name)) }
    }

    /// The first revision as an installation would make it; nothing is changed.
    pub(super) async fn rehearse_install(
        &self,
        chart: Chart,
        options: &ReleaseOptions,
        served: &Served,
        wait: &Wait,
    ) -> Result<Release> {
        let (definitions, _) = Self::definitions(&chart, served, options)?;
        let served = &served.clone().with_definitions(definitions.iter().map(|(_, definition)| definition));
        let release = first_revision(options);
        let (release, changes) = self.render_for(chart, &options.values, release, options, served).await?;
        tell(changes, wait);
        Operation::new(self.cluster()?, served, wait).validate(&release, options.take_ownership).await?;
        Ok(self.rehearsed(release, Status::PendingInstall))
    }

    /// A release that was rendered only, with the status that it would have at first.
    pub(super) fn rehearsed(&self, mut release: Release, status: Status) -> Release {
        let now = Some(self.clock.now());
        let info = &mut release.info;
        info.first_deployed = info.first_deployed.or(now);
        info.last_deployed = now;
        info.status = status;
        DRY_RUN.clone_into(&mut info.description);
        release
    }
}

/// What templates see of a release that is to be installed.
pub(super) fn first_revision(options: &ReleaseOptions) -> ReleaseInfo {
    ReleaseInfo {
        name: options.name.clone(),
        namespace: options.namespace.clone(),
        revision: 1,
        is_upgrade: false,
    }
}
