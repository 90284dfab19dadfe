//! Every command on a release, killed before and after each of its writes in turn, and run again. The cluster does not know a client that
//! died behind one write from one that died before the next, so each such place is tried once.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use spacecraft_core::time::{SeededRandom, SystemClock};

use super::*;
use crate::testing::{Death, FakeApi, patience};

/// A command as an operator types it, and types it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Install,
    /// With values that the cluster refuses once something was made.
    FailingAtomicInstall,
    InstallWithoutHooks,
    UpgradeOrInstall,
    Upgrade,
    AtomicUpgrade,
    FailingUpgrade,
    FailingAtomicUpgrade,
    /// To the revision before the last, which a second run has to go to as well.
    Rollback,
    RollbackToFirst,
    Uninstall,
    UninstallKeepingHistory,
    UninstallWithoutHooks,
}

use Command::*;

/// One cluster.
struct World {
    api: FakeApi,
    charts: Charts,
    wait: Wait,
}

fn release(values: &Value) -> ReleaseOptions {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/kills/chart");
    ReleaseOptions {
        name: "rel".to_owned(),
        namespace: "apps".to_owned(),
        chart: ChartReference { chart: path.to_string_lossy().into_owned(), ..ChartReference::default() },
        values: values.as_object().cloned().unwrap_or_default(),
        create_namespace: true,
        wait: true,
        ..ReleaseOptions::default()
    }
}

fn revised() -> Value {
    serde_json::json!({"message": "bye", "extra": true})
}

fn refused() -> Value {
    serde_json::json!({"message": "bye", "extra": true, "replicas": "many"})
}

impl World {
    fn on(api: FakeApi) -> Self {
        let sources = ChartSources::new(None, None);
        let random = Arc::new(SeededRandom::new(7));
        let charts = Charts::new(sources, Some(api.cluster()), Arc::new(SystemClock), random);
        Self { api, charts, wait: patience(600) }
    }

    /// The cluster as it is before the command.
    async fn before(command: Command) -> Self {
        let world = Self::on(FakeApi::default());
        match command {
            Install | FailingAtomicInstall | InstallWithoutHooks | UpgradeOrInstall => {}
            Rollback | RollbackToFirst => {
                world.run(Install).await.unwrap();
                world.run(Upgrade).await.unwrap();
            }
            _ => world.run(Install).await.unwrap(),
        }
        world.api.take_writes();
        world
    }

    /// Another cluster that has come to the same point.
    fn fork(&self) -> Self {
        Self::on(self.api.fork())
    }

    async fn run(&self, command: Command) -> Result<()> {
        Box::pin(self.run_here(command)).await
    }

    async fn run_here(&self, command: Command) -> Result<()> {
        let Self { charts, wait, .. } = self;
        let install = |options: ReleaseOptions| async move { charts.install(&options, wait).await.map(drop) };
        let upgrade = |release: ReleaseOptions| async move {
            let install = command == UpgradeOrInstall;
            charts
                .upgrade(&UpgradeOptions { release, install, ..UpgradeOptions::default() }, wait)
                .await
                .map(drop)
        };
        let rollback = |revision: u32| async move {
            let (name, namespace) = ("rel".to_owned(), "apps".to_owned());
            let options =
                RollbackOptions { name, namespace, revision, wait: true, ..RollbackOptions::default() };
            charts.rollback(&options, wait).await.map(drop)
        };
        let uninstall = |keep_history: bool, no_hooks: bool| async move {
            let (name, namespace) = ("rel".to_owned(), "apps".to_owned());
            let options =
                UninstallOptions { name, namespace, keep_history, no_hooks, ..UninstallOptions::default() };
            charts.uninstall(&options, wait).await.map(drop)
        };
        match command {
            Install => install(release(&Value::Null)).await,
            FailingAtomicInstall => install(ReleaseOptions { atomic: true, ..release(&refused()) }).await,
            InstallWithoutHooks => install(ReleaseOptions { no_hooks: true, ..release(&Value::Null) }).await,
            UpgradeOrInstall | Upgrade => upgrade(release(&revised())).await,
            AtomicUpgrade => upgrade(ReleaseOptions { atomic: true, ..release(&revised()) }).await,
            FailingUpgrade => upgrade(release(&refused())).await,
            FailingAtomicUpgrade => upgrade(ReleaseOptions { atomic: true, ..release(&refused()) }).await,
            Rollback => rollback(0).await,
            RollbackToFirst => rollback(1).await,
            Uninstall => uninstall(false, false).await,
            UninstallKeepingHistory => uninstall(true, false).await,
            UninstallWithoutHooks => uninstall(false, true).await,
        }
    }

    async fn history(&self) -> Vec<Stored> {
        self.charts.storage().unwrap().history("apps", "rel").await.unwrap()
    }

    /// The objects that are there, records apart, without what only the cluster writes.
    fn objects(&self) -> Vec<String> {
        let objects = self.api.objects();
        let objects = objects.iter().filter(|object| object["type"] != "helm.sh/release.v1");
        objects
            .map(|object| format!("{} {} {}", object["kind"], object["metadata"]["name"], object["data"]))
            .collect()
    }

    /// Whether the command has said all that it had to say to the cluster.
    async fn is_through(&self, command: Command, revisions: usize) -> bool {
        let history = self.history().await;
        let last = history.last().map(|stored| stored.release.info.status);
        match command {
            Uninstall | UninstallWithoutHooks => last.is_none(),
            UninstallKeepingHistory => last == Some(Status::Uninstalled),
            FailingAtomicInstall | FailingUpgrade | FailingAtomicUpgrade => false,
            _ => history.len() >= revisions && last == Some(Status::Deployed),
        }
    }
}

/// How a command ends when nobody kills it.
struct Ending {
    is_success: bool,
    writes: usize,
    objects: Vec<String>,
    last: Option<Status>,
    revisions: usize,
}

async fn ending(command: Command, world: &World) -> Ending {
    let is_success = world.run(command).await.is_ok();
    let writes = world.api.take_writes().len();
    let history = world.history().await;
    let last = history.last().map(|stored| stored.release.info.status);
    Ending { is_success, writes, objects: world.objects(), last, revisions: history.len() }
}

/// All places to die at: before the first write, and behind each.
fn deaths(writes: usize) -> impl Iterator<Item = Death> {
    std::iter::once(Death::Before(1)).chain((1..=writes).map(Death::After))
}

async fn assert_converges(command: Command, world: World, death: Death, ending: &Ending) {
    let outcome = world.api.until_death(death, world.run(command)).await;
    assert!(outcome.is_none(), "{command:?} was not killed {death:?}");
    if !world.is_through(command, ending.revisions).await {
        let again = world.run(command).await;
        assert_eq!(again.is_ok(), ending.is_success, "{command:?} killed {death:?} and run again: {again:?}");
    }
    let history = world.history().await;
    let statuses: Vec<Status> = history.iter().map(|stored| stored.release.info.status).collect();
    assert_eq!(statuses.last().copied(), ending.last, "{command:?} killed {death:?}: {statuses:?}");
    let is_settled = |status: &Status| !status.is_pending() && *status != Status::Uninstalling;
    assert!(statuses.iter().all(is_settled), "{command:?} killed {death:?}: {statuses:?}");
    let in_force = statuses.iter().filter(|status| **status == Status::Deployed).count();
    assert!(in_force <= 1, "{command:?} killed {death:?}: {statuses:?}");
    assert_eq!(world.objects(), ending.objects, "{command:?} killed {death:?}");
}

async fn assert_converges_wherever_it_is_killed(command: Command) {
    let before = World::before(command).await;
    let ending = ending(command, &before.fork()).await;
    assert!(ending.writes > 3, "{command:?} wrote {} times", ending.writes);
    for death in deaths(ending.writes) {
        assert_converges(command, before.fork(), death, &ending).await;
    }
}

#[tokio::test]
async fn installs_that_were_killed_anywhere_converge_when_they_are_run_again() {
    for command in [Install, FailingAtomicInstall, InstallWithoutHooks, UpgradeOrInstall] {
        assert_converges_wherever_it_is_killed(command).await;
    }
}

#[tokio::test]
async fn upgrades_that_were_killed_anywhere_converge_when_they_are_run_again() {
    for command in [Upgrade, AtomicUpgrade] {
        assert_converges_wherever_it_is_killed(command).await;
    }
}

#[tokio::test]
async fn failing_upgrades_that_were_killed_anywhere_converge_when_they_are_run_again() {
    for command in [FailingUpgrade, FailingAtomicUpgrade] {
        assert_converges_wherever_it_is_killed(command).await;
    }
}

#[tokio::test]
async fn rollbacks_that_were_killed_anywhere_converge_when_they_are_run_again() {
    for command in [Rollback, RollbackToFirst] {
        assert_converges_wherever_it_is_killed(command).await;
    }
}

#[tokio::test]
async fn uninstalls_that_were_killed_anywhere_converge_when_they_are_run_again() {
    for command in [Uninstall, UninstallKeepingHistory, UninstallWithoutHooks] {
        assert_converges_wherever_it_is_killed(command).await;
    }
}

/// A hook that is deleted only in the end is in nobody's way, whichever command comes after a dead one.
#[tokio::test]
async fn a_release_can_be_uninstalled_and_installed_again_wherever_a_client_died() {
    for command in [Install, Upgrade, Rollback, Uninstall] {
        let before = World::before(command).await;
        let writes = ending(command, &before.fork()).await.writes;
        for death in deaths(writes) {
            let world = before.fork();
            world.api.until_death(death, world.run(command)).await;
            for next in [UpgradeOrInstall, Uninstall] {
                let world = world.fork();
                let is_gone = world.history().await.is_empty();
                let outcome = world.run(next).await;
                let is_absent = outcome.as_ref().is_err_and(Error::is_not_found) && is_gone;
                assert!(
                    outcome.is_ok() || is_absent,
                    "{next:?} after {command:?} died {death:?}: {outcome:?}"
                );
            }
        }
    }
}

/// A chart with a password that its template draws by lot.
fn drawn(message: &str) -> UpgradeOptions {
    let release = release(&serde_json::json!({"message": message, "drawn": true}));
    UpgradeOptions { release, install: true, ..UpgradeOptions::default() }
}

impl World {
    /// Before a chart's first install, and before an upgrade to it.
    async fn before_drawing(is_upgrade: bool) -> Self {
        let world = Self::before(UpgradeOrInstall).await;
        if is_upgrade {
            world.run(Install).await.unwrap();
            world.api.take_writes();
        }
        world
    }

    async fn draw(&self, message: &str) -> Result<()> {
        Box::pin(self.charts.upgrade(&drawn(message), &self.wait)).await.map(drop)
    }

    fn password(&self) -> Option<Value> {
        self.api.object("/api/v1/namespaces/apps/secrets/rel-drawn").map(|secret| secret["data"].clone())
    }

    fn message(&self) -> Value {
        self.api.object("/api/v1/namespaces/apps/configmaps/rel").unwrap_or_default()["data"]["message"]
            .clone()
    }
}

#[tokio::test]
async fn what_a_client_that_died_drew_by_lot_stays_however_often_it_dies() {
    for is_upgrade in [false, true] {
        let before = World::before_drawing(is_upgrade).await;
        let whole = before.fork();
        whole.draw("hello").await.unwrap();
        for death in deaths(whole.api.take_writes().len()) {
            let world = before.fork();
            world.api.until_death(death, world.draw("hello")).await;
            let Some(password) = world.password() else { continue };
            for again in 1..5 {
                let world = world.fork();
                world.api.until_death(Death::After(again), world.draw("hello")).await;
                assert_eq!(
                    world.password().as_ref(),
                    Some(&password),
                    "died {death:?}, and then after {again}"
                );
                world.draw("hello").await.unwrap();
                assert_eq!(
                    world.password().as_ref(),
                    Some(&password),
                    "died {death:?}, and then after {again}"
                );
                let status = world.history().await.last().map(|stored| stored.release.info.status);
                assert_eq!(status, Some(Status::Deployed), "died {death:?}, and then after {again}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_asked_for_anew_after_a_death_is_rendered_anew() {
    for is_upgrade in [false, true] {
        let world = World::before_drawing(is_upgrade).await;
        let whole = world.fork();
        whole.draw("hello").await.unwrap();
        let writes = whole.api.take_writes().len();
        assert!(world.api.until_death(Death::After(writes - 4), world.draw("hello")).await.is_none());
        let password = world.password();
        assert!(password.is_some());
        world.draw("bye").await.unwrap();
        assert_eq!(world.message(), "bye");
        assert_ne!(world.password(), password);
    }
}
