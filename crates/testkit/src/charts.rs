use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{ChartInstaller, ChartRelease, InstalledRelease, Look};
use spacecraft_core::wait::{Progress, Wait};
use spacecraft_core::{Error, Meaning, Result};

use crate::cluster::ClusterLink;
use crate::difference;
use crate::ledger::Ledger;
use crate::shared::Shared;

/// Chart releases in memory.
#[derive(Debug, Clone, Default)]
pub struct InMemoryCharts {
    ledger: Ledger,
    link: ClusterLink,
    state: Shared<Releases>,
}

#[derive(Debug, Default)]
struct Releases {
    incarnation: u64,
    installed: BTreeMap<Place, Deployed>,
    held_back: BTreeMap<String, String>,
    published: Option<BTreeSet<(String, String)>>,
}

/// Namespace and name.
type Place = (String, String);

#[derive(Debug, Clone)]
struct Deployed {
    release: ChartRelease,
    revision: u32,
}

impl InMemoryCharts {
    /// No releases; calls are counted in `ledger`.
    #[must_use]
    pub fn with_ledger(ledger: Ledger) -> Self {
        Self { ledger, ..Self::default() }
    }

    /// Releases that live and die with a network's cluster, counted in that cluster's ledger.
    #[must_use]
    pub fn in_cluster(link: ClusterLink) -> Self {
        Self { ledger: link.ledger(), link, state: Shared::default() }
    }

    /// The calls so far, and faults to come.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Publishes these charts in these versions and no others; at first every chart is there in every version.
    pub fn publish_only<'a>(&self, charts: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let charts = charts.into_iter().map(|(chart, version)| (chart.to_owned(), version.to_owned()));
        self.state.lock().published = Some(charts.collect());
    }

    /// Keeps what a release installs from becoming ready, for this reason.
    pub fn hold_back(&self, release: impl Into<String>, reason: impl Into<String>) {
        self.state.lock().held_back.insert(release.into(), reason.into());
    }

    /// Lets what a release installs become ready.
    pub fn let_go(&self, release: &str) {
        self.state.lock().held_back.remove(release);
    }

    /// The releases as they were last asked for.
    #[must_use]
    pub fn installed(&self) -> Vec<ChartRelease> {
        self.state.lock().installed.values().map(|deployed| deployed.release.clone()).collect()
    }

    /// The state in the present cluster: a new cluster has no releases.
    fn present(&self) -> Result<std::sync::MutexGuard<'_, Releases>> {
        let incarnation = self.link.incarnation()?;
        let mut releases = self.state.lock();
        if releases.incarnation != incarnation {
            releases.incarnation = incarnation;
            releases.installed.clear();
        }
        Ok(releases)
    }

    fn check_published(&self, wanted: &ChartRelease) -> Result<()> {
        let chart = (wanted.chart.clone(), wanted.version.clone());
        if self.state.lock().published.as_ref().is_none_or(|published| published.contains(&chart)) {
            return Ok(());
        }
        let reason = format!("no version meets {:?}", wanted.version);
        Err(Error::new(Meaning::NotFound, "find chart", &wanted.chart, reason))
    }

    fn install(&self, wanted: &ChartRelease) -> Result<Outcome> {
        self.check_published(wanted)?;
        let mut releases = self.present()?;
        let wanted = lasting(wanted);
        let place = (wanted.namespace.clone(), wanted.name.clone());
        let before = releases.installed.get(&place);
        let outcome = match before {
            None => Outcome::Created,
            Some(deployed) if deployed.release == wanted => return Ok(Outcome::Unchanged),
            Some(_) => Outcome::Updated,
        };
        let revision = before.map_or(1, |deployed| deployed.revision + 1);
        releases.installed.insert(place, Deployed { release: wanted, revision });
        Ok(outcome)
    }

    fn look_for_readiness(&self, release: &str) -> Progress<()> {
        match self.state.lock().held_back.get(release) {
            Some(reason) => Progress::Pending(reason.clone()),
            None => Progress::Ready(()),
        }
    }
}

/// A release without how its installation is waited for, which is no property of it.
fn lasting(release: &ChartRelease) -> ChartRelease {
    ChartRelease { wait_ready: true, ..release.clone() }
}

impl Deployed {
    fn summary(&self) -> InstalledRelease {
        InstalledRelease {
            name: self.release.name.clone(),
            namespace: self.release.namespace.clone(),
            chart: self.release.chart.clone(),
            version: self.release.version.clone(),
            revision: self.revision,
            status: "deployed".to_owned(),
        }
    }
}

#[async_trait]
impl ChartInstaller for InMemoryCharts {
    async fn find(&self, release: &ChartRelease) -> Result<()> {
        let call = self.ledger.begin("charts.find", &release.name).await?;
        self.check_published(release)?;
        call.read(())
    }

    async fn look(&self, release: &ChartRelease) -> Result<Look> {
        let call = self.ledger.begin("charts.look", &release.name).await?;
        let releases = self.present()?;
        let deployed = releases.installed.get(&(release.namespace.clone(), release.name.clone()));
        call.read(difference::look(deployed.map(|deployed| &deployed.release), &lasting(release)))
    }

    async fn ensure(&self, release: &ChartRelease, wait: &Wait) -> Result<Outcome> {
        let call = self.ledger.begin("charts.ensure", &release.name).await?;
        let outcome = self.install(release)?;
        if release.wait_ready {
            let look = || async { Ok(self.look_for_readiness(&release.name)) };
            wait.until(&format!("release {}", release.name), Duration::from_secs(2), look).await?;
        }
        call.changed(outcome)
    }

    async fn remove(&self, namespace: &str, name: &str, _wait: &Wait) -> Result<Outcome> {
        let call = self.ledger.begin("charts.remove", name).await?;
        let removed = self.present()?.installed.remove(&(namespace.to_owned(), name.to_owned()));
        call.changed(if removed.is_some() { Outcome::Removed } else { Outcome::Absent })
    }

    async fn list(&self, namespace: Option<&str>) -> Result<Vec<InstalledRelease>> {
        let call = self.ledger.begin("charts.list", namespace.unwrap_or_default()).await?;
        let releases = self.present()?;
        let all = releases.installed.values().map(Deployed::summary);
        call.read(all.filter(|release| namespace.is_none_or(|wanted| release.namespace == wanted)).collect())
    }
}
