//! The one door to everything that commands do with charts and releases.

mod continuation;
mod definitions;
mod installer;
mod naming;
mod options;
mod reading;
mod rehearsal;
mod rendering;

use std::collections::BTreeMap;
use std::sync::Arc;

use spacecraft_core::observer::Event;
use spacecraft_core::time::{Clock, Random};
use spacecraft_core::wait::Wait;
use spacecraft_core::{Error, Meaning, Result};

pub use options::{
    ReleaseOptions, Rendered, Reuse, RollbackOptions, TemplateOptions, UninstallOptions, UpgradeOptions,
};
pub use rehearsal::DRY_RUN;
use rehearsal::first_revision;

use crate::capabilities::{Capabilities, KubeVersion};
use crate::chart::{Chart, ChartError, check};
use crate::cluster::{Cluster, Served};
use crate::keys::{NewRsaKeys, RsaKeys};
use crate::lookup::Lookups;
use crate::manifest;
use crate::operations::{
    Installation, Manner, Operation, Recovered, Rollback, Uninstallation, Uninstalled, Upgrade, current_of,
    labels_of,
};
use crate::release::storage::{Storage, Stored};
use crate::release::{ChartRecord, Release, Status};
use crate::render::{self, ReleaseInfo, Surroundings, finish};
use crate::source::{ChartReference, ChartSources};
use crate::values::{Nulls, Values, coalesce, combine_tables};

/// Renders charts, and installs and manages them as releases of a cluster.
#[derive(Debug, Clone)]
pub struct Charts {
    sources: ChartSources,
    cluster: Option<Cluster>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    keys: Arc<dyn RsaKeys>,
}

impl Charts {
    /// Charts from `sources`; without a cluster they can only be rendered.
    #[must_use]
    pub fn new(
        sources: ChartSources,
        cluster: Option<Cluster>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self { sources, cluster, clock, random, keys: Arc::new(NewRsaKeys) }
    }

    /// The same with RSA keys from elsewhere; without this every key is a new one.
    #[must_use]
    pub fn with_rsa_keys(self, keys: Arc<dyn RsaKeys>) -> Self {
        Self { keys, ..self }
    }

    /// The same with other sources of charts.
    #[must_use]
    pub fn with_sources(self, sources: ChartSources) -> Self {
        Self { sources, ..self }
    }

    /// Loads a chart that can be installed.
    ///
    /// # Errors
    /// If it cannot be found, read or installed.
    pub async fn load(&self, reference: &ChartReference) -> Result<Chart> {
        let chart = Box::pin(self.sources.load(reference)).await?;
        check::installable(&chart).map_err(|error| invalid("load chart", chart.name(), &error))?;
        if chart.metadata.deprecated {
            tracing::warn!(chart = chart.name(), "this chart is deprecated");
        }
        Ok(chart)
    }

    /// Renders a chart as `helm template` does. Needs no cluster, and asks none.
    ///
    /// # Errors
    /// [`Meaning::Invalid`] in Helm's words, and what loading the chart fails with.
    pub async fn template(&self, options: &TemplateOptions) -> Result<Rendered> {
        let chart = self.load(&options.chart).await?;
        release_name(&options.release_name)?;
        let release = options.release();
        let mut capabilities = Capabilities::default();
        if let Some(version) = &options.kube_version {
            capabilities.kube_version = KubeVersion::of(version);
        }
        capabilities.api_versions.extend(options.api_versions.iter().cloned());
        let surroundings = Surroundings {
            skip_schema_validation: options.skip_schema_validation,
            subchart_notes: options.render_subchart_notes,
            ..self.surroundings(release, capabilities, Arc::default())
        };
        let name = chart.name().to_owned();
        let mut output = render::render(chart, &options.values, &surroundings)
            .map_err(|error| invalid("render chart", &name, &error))?;
        finish(&mut output.sorted, None, &options.patches)?;
        options::rendered(&output, options).await
    }

    /// Renders a chart as `helm template` does with a cluster: with its capabilities and what templates look up in it. With `validates`,
    /// the objects also have to be of kinds that the cluster serves, and must not belong to somebody else.
    ///
    /// # Errors
    /// As [`Charts::template`], and if the cluster cannot be asked or does not take the objects.
    pub async fn template_on_cluster(
        &self,
        options: &TemplateOptions,
        validates: bool,
        wait: &Wait,
    ) -> Result<Rendered> {
        let cluster = self.cluster()?;
        let chart = self.load(&options.chart).await?;
        release_name(&options.release_name)?;
        let served = cluster.served().await?;
        let release = options.release();
        let how = ReleaseOptions {
            skip_schema_validation: options.skip_schema_validation,
            render_subchart_notes: options.render_subchart_notes,
            ..ReleaseOptions::default()
        };
        let mut output = self.render_with_lookups(chart, &options.values, &release, &how, &served).await?;
        finish(&mut output.sorted, None, &options.patches)?;
        if validates {
            let release = Release {
                name: release.name,
                namespace: release.namespace,
                manifest: output.sorted.manifest_text(),
                ..Release::default()
            };
            let operation = Operation::new(cluster, &served, wait);
            operation.validate(&release, options.is_upgrade).await?;
        }
        options::rendered(&output, options).await
    }

    /// Installs a chart under a name that is free.
    ///
    /// # Errors
    /// [`Meaning::AlreadyExists`] if the name, or an object, belongs to another release; nothing was changed then. What
    /// fails later is recorded with the release, or undone with `atomic`.
    pub async fn install(&self, options: &ReleaseOptions, wait: &Wait) -> Result<Release> {
        let cluster = self.cluster()?;
        release_name(&options.name)?;
        let chart = self.load(&options.chart).await?;
        let served = cluster.served().await?;
        if options.dry_run {
            self.name_is_free(options).await?;
            return self.rehearse_install(chart, options, &served, wait).await;
        }
        let operation = Operation::new(cluster, &served, wait);
        let found = operation.free_name(&options.namespace, &options.name, options.replace).await?;
        Box::pin(self.install_chart(chart, options, found, served, wait)).await
    }

    async fn install_chart(
        &self,
        chart: Chart,
        options: &ReleaseOptions,
        found: Recovered,
        mut served: Served,
        wait: &Wait,
    ) -> Result<Release> {
        let cluster = self.cluster()?;
        let (definitions, changes) = Self::definitions(&chart, &served, options)?;
        let expected = served.clone().with_definitions(definitions.iter().map(|(_, definition)| definition));
        let Recovered { mut history, left } = found;
        let release = first_revision(options);
        let rendered =
            self.render_or_go_on(chart, &options.values, release, options, &expected, left.as_ref());
        let (release, modernised) = rendered.await?;
        let operation = Operation::new(cluster, &expected, wait);
        operation.validate(&release, options.take_ownership).await?;
        tell(changes.into_iter().chain(modernised), wait);
        if options.create_namespace {
            operation.ensure_namespace(&options.namespace).await?;
        }
        if self.install_definitions(&definitions, wait).await? {
            served = cluster.served().await?;
        }
        let installation = Installation {
            stored: Stored { release, labels: options.labels.clone() },
            manner: manner(options),
            atomic: options.atomic,
            description: options.description.clone(),
            is_taken_over: history.is_empty() && left.is_some(),
            replaced: history.pop(),
        };
        Operation::new(cluster, &served, wait).install(installation).await
    }

    /// Makes a new revision of a release, or its first one if `install` says so and there is none.
    ///
    /// # Errors
    /// [`Meaning::NotFound`] if there is no release to upgrade. When something fails on the way, the former revision stays
    /// in force, which the error says.
    pub async fn upgrade(&self, options: &UpgradeOptions, wait: &Wait) -> Result<Release> {
        let cluster = self.cluster()?;
        let ReleaseOptions { name, namespace, .. } = &options.release;
        release_name(name)?;
        let mut chart = self.load(&options.release.chart).await?;
        let served = cluster.served().await?;
        let operation = Operation::new(cluster, &served, wait);
        let Recovered { history, left } = self.history_before(&operation, options).await?;
        let is_uninstalled = |stored: &Stored| stored.release.info.status == Status::Uninstalled;
        if options.install && history.last().is_none_or(is_uninstalled) {
            if options.release.dry_run {
                return self.rehearse_install(chart, &options.release, &served, wait).await;
            }
            if !history.is_empty() {
                operation.uninstall(namespace, name, &Uninstallation::default()).await?;
            }
            let found = Recovered { history: Vec::new(), left };
            return Box::pin(self.install_chart(chart, &options.release, found, served, wait)).await;
        }
        let current = current_of(&history, name)?;
        let values = reused_values(&mut chart, &options.release.values, &current.release, options.reuse)?;
        let release = ReleaseInfo {
            name: name.clone(),
            namespace: namespace.clone(),
            revision: history.last().map_or(1, |last| last.release.version.saturating_add(1)),
            is_upgrade: true,
        };
        let rendered =
            self.render_or_go_on(chart, &values, release, &options.release, &served, left.as_ref());
        let (release, modernised) = rendered.await?;
        tell(modernised, wait);
        if options.release.dry_run {
            return Ok(self.rehearsed(release, Status::PendingUpgrade));
        }
        let upgrade = Upgrade {
            stored: Stored { release, labels: labels_of(history.last(), &options.release.labels) },
            manner: manner(&options.release),
            atomic: options.release.atomic,
            cleanup_on_fail: options.cleanup_on_fail,
            history_max: options.history_max,
            description: options.release.description.clone(),
        };
        operation.upgrade(history, upgrade).await
    }

    /// Goes back to an earlier revision, which becomes a new one.
    ///
    /// # Errors
    /// [`Meaning::NotFound`] if there is no such release or revision, and what fails on the way.
    pub async fn rollback(&self, options: &RollbackOptions, wait: &Wait) -> Result<Release> {
        let cluster = self.cluster()?;
        let served = cluster.served().await?;
        let operation = Operation::new(cluster, &served, wait);
        if options.dry_run {
            return operation.rehearse_rollback(&options.namespace, &options.name, options.revision).await;
        }
        let Recovered { history, .. } = operation.live_history(&options.namespace, &options.name).await?;
        if history.is_empty() {
            return Err(not_found("roll back release", &options.name));
        }
        let manner = Manner {
            no_hooks: options.no_hooks,
            wait: options.wait || options.wait_for_jobs,
            wait_for_jobs: options.wait_for_jobs,
            take_ownership: false,
            force: options.force,
        };
        let rollback = Rollback {
            revision: options.revision,
            manner,
            history_max: options.history_max,
            cleanup_on_fail: options.cleanup_on_fail,
        };
        operation.rollback(history, rollback).await
    }

    /// Uninstalls a release. Its CRDs stay, and so does what its resource policy keeps.
    ///
    /// # Errors
    /// [`Meaning::NotFound`] if there is no such release, unless `ignore_not_found` says otherwise, and what fails on the
    /// way; running it again goes on.
    pub async fn uninstall(&self, options: &UninstallOptions, wait: &Wait) -> Result<Option<Uninstalled>> {
        let cluster = self.cluster()?;
        if options.dry_run {
            return self.rehearse_uninstall(options).await;
        }
        let served = cluster.served().await?;
        let how = Uninstallation {
            no_hooks: options.no_hooks,
            keep_history: options.keep_history,
            wait: options.wait,
            description: options.description.clone(),
            cascade: options.cascade,
        };
        let operation = Operation::new(cluster, &served, wait);
        let uninstalled = operation.uninstall(&options.namespace, &options.name, &how).await?;
        if uninstalled.is_none() && !options.ignore_not_found {
            return Err(not_found("uninstall release", &options.name));
        }
        Ok(uninstalled)
    }

    /// The newest revision of every release of a namespace, or of all namespaces, by name: those that are in force or
    /// failed, or with `all` those of any status.
    ///
    /// # Errors
    /// If the records cannot be read.
    pub async fn list(&self, namespace: Option<&str>, all: bool) -> Result<Vec<Release>> {
        self.list_labelled(namespace, all, "").await
    }

    /// The same, of those records alone whose labels a selector chooses, such as `team=core,tier!=web`; an empty one chooses all.
    ///
    /// # Errors
    /// If the records cannot be read, or the cluster does not understand the selector.
    pub async fn list_labelled(
        &self,
        namespace: Option<&str>,
        all: bool,
        selector: &str,
    ) -> Result<Vec<Release>> {
        let mut newest: BTreeMap<(String, String), Release> = BTreeMap::new();
        for stored in self.storage()?.all(namespace, selector).await? {
            let key = (stored.release.name.clone(), stored.release.namespace.clone());
            let known = newest.get(&key).map_or(0, |release| release.version);
            if stored.release.version > known {
                newest.insert(key, stored.release);
            }
        }
        let shown =
            |release: &Release| all || matches!(release.info.status, Status::Deployed | Status::Failed);
        Ok(newest.into_values().filter(shown).collect())
    }

    /// The revisions of a namespace's releases, or of those of all namespaces, that a later one took the place of, by name.
    ///
    /// # Errors
    /// If the records cannot be read.
    pub async fn superseded(&self, namespace: Option<&str>) -> Result<Vec<Release>> {
        let stored = self.storage()?.all(namespace, "").await?;
        let mut releases: Vec<Release> = stored.into_iter().map(|stored| stored.release).collect();
        releases.retain(|release| release.info.status == Status::Superseded);
        releases.sort_by(|a, b| (&a.name, &a.namespace, a.version).cmp(&(&b.name, &b.namespace, b.version)));
        Ok(releases)
    }

    /// One revision of a release, the last one if none is named.
    ///
    /// # Errors
    /// [`Meaning::NotFound`] if there is none.
    pub async fn get(&self, namespace: &str, name: &str, revision: Option<u32>) -> Result<Release> {
        let history = self.storage()?.history(namespace, name).await?;
        let wanted = |stored: &Stored| revision.is_none_or(|revision| stored.release.version == revision);
        let found = history.into_iter().rfind(wanted);
        found.map(|stored| stored.release).ok_or_else(|| not_found("get release", name))
    }

    /// The revisions of a release, oldest first, no more than the newest `most`.
    ///
    /// # Errors
    /// [`Meaning::NotFound`] if there is none.
    pub async fn history(&self, namespace: &str, name: &str, most: usize) -> Result<Vec<Release>> {
        let history = self.storage()?.history(namespace, name).await?;
        if history.is_empty() {
            return Err(not_found("get the history of release", name));
        }
        let skipped = history.len().saturating_sub(most);
        Ok(history.into_iter().skip(skipped).map(|stored| stored.release).collect())
    }

    fn cluster(&self) -> Result<&Cluster> {
        self.cluster.as_ref().ok_or_else(|| Error::unsupported("manage releases", "offline chart"))
    }

    fn storage(&self) -> Result<Storage> {
        Ok(Storage::new(self.cluster()?.clone()))
    }

    fn surroundings(
        &self,
        release: ReleaseInfo,
        capabilities: Capabilities,
        lookups: Arc<Lookups>,
    ) -> Surroundings {
        Surroundings {
            release,
            capabilities,
            lookups,
            now: self.clock.now(),
            random: Arc::clone(&self.random),
            keys: Arc::clone(&self.keys),
            skip_schema_validation: false,
            subchart_notes: false,
        }
    }
}

/// The values of an upgrade, given what the release was installed with; may put earlier defaults into the chart.
fn reused_values(chart: &mut Chart, given: &Values, current: &Release, reuse: Reuse) -> Result<Values> {
    let mut values = given.clone();
    match reuse {
        Reuse::Never => {}
        Reuse::UnlessGiven if values.is_empty() => values.clone_from(&current.config),
        Reuse::UnlessGiven => {}
        Reuse::OverNewDefaults => combine_tables(&mut values, current.config.clone(), Nulls::Remove),
        Reuse::Always => {
            chart.values = current.computed_values()?;
            combine_tables(&mut values, current.config.clone(), Nulls::Remove);
        }
    }
    Ok(values)
}

impl Release {
    /// The values that the release was rendered with: those given, over the chart's own.
    ///
    /// # Errors
    /// If the record's values do not fit its chart.
    pub fn computed_values(&self) -> Result<Values> {
        let ChartRecord { metadata, values, .. } = self.chart.clone();
        let chart = Chart { metadata, values, ..Chart::default() };
        coalesce(&chart, &self.config)
            .map_err(|error| invalid("compute the values of release", &self.name, &error))
    }

    /// The texts of all hooks, each after its source.
    #[must_use]
    pub fn hooks_text(&self) -> String {
        manifest::to_text(self.hooks.iter().map(|hook| (hook.path.as_str(), hook.manifest.as_str())))
    }
}

fn manner(options: &ReleaseOptions) -> Manner {
    Manner {
        no_hooks: options.no_hooks,
        wait: options.wait || options.wait_for_jobs || options.atomic,
        wait_for_jobs: options.wait_for_jobs,
        take_ownership: options.take_ownership,
        force: options.force,
    }
}

/// Tells what was changed for a cluster.
fn tell(changes: impl IntoIterator<Item = String>, wait: &Wait) {
    for text in changes {
        wait.observer().observe(&Event::Note { text });
    }
}

fn release_name(name: &str) -> Result<()> {
    check::release_name(name).map_err(|error| Error::new(Meaning::Invalid, error.to_string(), "", ""))
}

fn invalid(operation: &str, what: &str, error: &ChartError) -> Error {
    Error::new(Meaning::Invalid, operation, what, error.to_string())
}

fn not_found(operation: &str, name: &str) -> Error {
    Error::new(Meaning::NotFound, operation, name, "release: not found")
}

#[cfg(test)]
mod kills;
#[cfg(test)]
mod tests;
