//! The operations that are walked, each a row.

use spacecraft_cli::ExitStatus;

/// A command from a prepared state.
#[derive(Debug, Clone)]
pub struct Flow {
    /// What it is called in reports.
    pub name: &'static str,
    /// What prepares its beginning.
    pub prepared_by: Vec<Preparation>,
    /// The command that is walked. `{folder}` stands for the folder of the stage, where the published config of each network that was prepared is in
    /// `NETWORK.json`, and configs to change to are in `allowed.json` and `agreed.json`.
    pub command: Vec<String>,
    /// How the command ends.
    pub ends: ExitStatus,
    /// What the same command finds after its end.
    pub after: After,
    /// The commands that remove what is there at its end.
    pub removed_by: Vec<Vec<String>>,
}

/// A piece of what brings a cloud to where a flow begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preparation {
    /// A command.
    Command(Vec<String>),
    /// The network's cluster and record go without a command of ours.
    Loss,
    /// From here on the images of a name cannot be pulled, whatever their tag.
    MissingImage(String),
    /// A cluster that networks can share, with its kubeconfig in `kubeconfig` and settings for it in `shared.json`.
    SharedCluster,
}

/// What a command finds that ran to its end before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Nothing to do.
    Done,
    /// That what it was to remove is not there, which it takes for a mistake.
    Gone,
    /// The same to do once more, to what comes next.
    More,
}

/// The network of all flows.
pub const NETWORK: &str = "net1";

/// The network that another one extends.
const PARENT: &str = "net0";

/// The network in whose cluster others are made that share it.
pub const HOST: &str = "host";

/// How commands find a shared cluster and the objects of its networks.
const ON_SHARED_CLUSTER: &str = "--provider kubernetes --kubeconfig {folder}/kubeconfig --object-dir {folder}/objects --config {folder}/shared.json";

/// The images of nodes, of all releases.
const NODE_IMAGES: &str = "spacemeshos/go-spacemesh";

/// The release that v1 networks are upgraded to.
const NEWER_IMAGE: &str = "spacemeshos/go-spacemesh:v1.7.7";

/// The images that nodes and PoETs of v0 networks are upgraded to.
const OTHER_V0_IMAGES: &str =
    "--go-sm-image spacemeshos/go-spacemesh-dev:v0.2.17-beta.0 --poet-image spacemeshos/poet:develop";

/// What is said in every upgrade.
const IN_PAIRS: &str = "--restart-wait-time 0 --wave-size 2";

/// The words of a command line.
pub(crate) fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn small(more: &str) -> String {
    format!("create-network -n {NETWORK} -m 3 -p 1 --bootnode-amount 1 --poet-gateway-amount 1 {more}")
}

/// A flow that goes from what `prepared_by` made.
fn flow_of(name: &'static str, prepared_by: &[&str], command: &str) -> Flow {
    Flow {
        name,
        prepared_by: prepared_by.iter().map(|line| Preparation::Command(words(line))).collect(),
        command: words(command),
        ends: ExitStatus::Done,
        after: After::Done,
        removed_by: vec![words(&deletion(NETWORK))],
    }
}

fn deletion(network: &str) -> String {
    format!("delete-network -n {network} --yes")
}

/// All flows.
#[must_use]
pub fn flows() -> Vec<Flow> {
    [creations(), changes(), changes_of_full(), life_of_v0(), removals(), on_shared_cluster()].concat()
}

fn bare() -> String {
    small("--logs none")
}

fn bare_v0() -> String {
    format!("{} --generation v0", bare())
}

/// With logs, metrics, alerts, profiles and DNS names.
fn full() -> String {
    small("--metrics --enable-slack-alerts --deploy-pyroscope --profile-miners 1")
}

fn creations() -> Vec<Flow> {
    let parent = bare().replace(NETWORK, PARENT);
    let extending =
        small(&format!("--logs none --bootstrap=false --miner-go-sm-config {{folder}}/{PARENT}.json"));
    let extended = flow_of("create, extending another network", &[&parent], &extending);
    let removed_by = [NETWORK, PARENT].map(|network| words(&deletion(network))).to_vec();
    vec![
        flow_of("create", &[], &bare()),
        flow_of("create with logs, metrics and DNS", &[], &full()),
        flow_of("create v0", &[], &bare_v0()),
        flow_of("create v0 with logs, metrics and DNS", &[], &format!("{} --generation v0", full())),
        Flow { removed_by, ..extended },
        taken_back(),
    ]
}

/// A creation whose nodes never come up, and that takes back what it made.
fn taken_back() -> Flow {
    let rollback = format!("{} --rollback", full());
    Flow {
        prepared_by: vec![Preparation::MissingImage(NODE_IMAGES.to_owned())],
        ends: ExitStatus::Failed,
        ..flow_of("create that fails, with rollback", &[], &rollback)
    }
}

fn changes() -> Vec<Flow> {
    let upgrade = upgrade();
    let from_bare = |name, command: &str| flow_of(name, &[&bare()], command);
    vec![
        from_bare("deploy-ws", &format!("deploy-ws -n {NETWORK}")),
        from_bare("deploy-cm", &format!("deploy-cm -n {NETWORK}")),
        Flow { after: After::More, ..from_bare("add-miner", &addition()) },
        Flow { after: After::Gone, ..from_bare("delete-miner", &loss_of_one()) },
        from_bare("upgrade of the release", &upgrade_of_release()),
        from_bare("upgrade of the config", &format!("{upgrade} --go-sm-config {{folder}}/allowed.json")),
        from_bare(
            "upgrade with a restart of all",
            &format!("{upgrade} --go-sm-config {{folder}}/agreed.json --restart-all"),
        ),
        from_bare("release", &format!("release-network -n {NETWORK} --go-sm-release-version v1.7.6")),
    ]
}

fn addition() -> String {
    format!("add-miner -n {NETWORK} --count 2")
}

fn loss_of_one() -> String {
    format!("delete-miner 3 -n {NETWORK} --yes")
}

fn upgrade() -> String {
    format!("upgrade-network -n {NETWORK} {IN_PAIRS}")
}

fn upgrade_of_release() -> String {
    format!("{} --go-sm-image {NEWER_IMAGE}", upgrade())
}

/// Changes of a network with logs, metrics, alerts and profiles.
fn changes_of_full() -> Vec<Flow> {
    let from_full = |name, command: &str| flow_of(name, &[&full()], command);
    vec![
        Flow { after: After::More, ..from_full("add-miner with logs, metrics and alerts", &addition()) },
        from_full("upgrade with logs, metrics and alerts", &upgrade_of_release()),
    ]
}

fn life_of_v0() -> Vec<Flow> {
    let from_v0 = |name, command: &str| flow_of(name, &[&bare_v0()], command);
    vec![
        Flow { after: After::More, ..from_v0("add-miner v0", &addition()) },
        Flow { after: After::Gone, ..from_v0("delete-miner v0", &loss_of_one()) },
        from_v0("upgrade v0", &format!("{} {OTHER_V0_IMAGES}", upgrade())),
        Flow { after: After::Gone, ..from_v0("delete v0", &deletion(NETWORK)) },
    ]
}

fn removals() -> Vec<Flow> {
    let delete = deletion(NETWORK);
    let with_web_services = format!("deploy-ws -n {NETWORK}");
    let with_chaos_mesh = format!("deploy-cm -n {NETWORK}");
    let from_full = |name, command: &str| flow_of(name, &[&full()], command);
    let left_behind = flow_of("gc", &[&full(), &with_web_services], "gc --apply --yes --older-than 1s");
    let richest = [bare(), with_web_services, with_chaos_mesh];
    let prepared_by = [left_behind.prepared_by, vec![Preparation::Loss]].concat();
    vec![
        Flow { after: After::Gone, ..from_full("delete", &delete) },
        from_full("delete, keeping logs and metrics", &format!("{delete} --keep-logs-metrics")),
        Flow {
            after: After::Gone,
            ..flow_of("delete with web services", &richest.each_ref().map(String::as_str), &delete)
        },
        Flow { prepared_by, ..left_behind },
    ]
}

/// The life of a network in a cluster that is there and stays.
fn on_shared_cluster() -> Vec<Flow> {
    let command = format!("{} --metrics --p2p-port-base 5100 {ON_SHARED_CLUSTER}", bare());
    let there = |command: String| format!("{command} {ON_SHARED_CLUSTER}");
    let delete = there(deletion(NETWORK));
    let row = |name, prepared_by: &[Preparation], command: &str| Flow {
        prepared_by: prepared_by.to_vec(),
        removed_by: vec![words(&delete), words(&deletion(HOST))],
        ..flow_of(name, &[], command)
    };
    let created = [Preparation::SharedCluster, Preparation::Command(words(&command))];
    let from_created = |name, command: &str| row(name, &created, command);
    vec![
        row("create on a shared cluster", &[Preparation::SharedCluster], &command),
        Flow { after: After::More, ..from_created("add-miner on a shared cluster", &there(addition())) },
        Flow {
            after: After::Gone,
            ..from_created("delete-miner on a shared cluster", &there(loss_of_one()))
        },
        from_created("upgrade on a shared cluster", &there(upgrade_of_release())),
        Flow { after: After::Gone, ..from_created("delete on a shared cluster", &delete) },
    ]
}

/// The flow of a name.
#[must_use]
pub fn flow(name: &str) -> Option<Flow> {
    flows().into_iter().find(|flow| flow.name == name)
}
