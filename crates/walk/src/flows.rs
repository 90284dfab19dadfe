//! The operations that are walked, each a row.

/// A command from a prepared state.
#[derive(Debug, Clone)]
pub struct Flow {
    /// What it is called in reports.
    pub name: &'static str,
    /// The commands that prepare its beginning.
    pub prepared_by: Vec<Vec<String>>,
    /// The command that is walked. `{folder}` stands for the folder of the stage, where the published config of each network that was prepared is in
    /// `NETWORK.json`.
    pub command: Vec<String>,
    /// The commands that remove what is there at its end.
    pub removed_by: Vec<Vec<String>>,
}

/// The network of all flows.
pub const NETWORK: &str = "net1";

/// The network that another one extends.
const PARENT: &str = "net0";

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn small(more: &str) -> String {
    format!("create-network -n {NETWORK} -m 3 -p 1 --bootnode-amount 1 --poet-gateway-amount 1 {more}")
}

/// All flows.
#[must_use]
pub fn flows() -> Vec<Flow> {
    let bare = small("--logs none");
    let full = small("--metrics --enable-slack-alerts --deploy-pyroscope --profile-miners 1");
    let parent = bare.replace(NETWORK, PARENT);
    let extending =
        small(&format!("--logs none --bootstrap=false --miner-go-sm-config {{folder}}/{PARENT}.json"));
    let delete = format!("delete-network -n {NETWORK} --yes");
    let row = |name, prepared_by: &[&str], command: &str| Flow {
        name,
        prepared_by: prepared_by.iter().map(|line| words(line)).collect(),
        command: words(command),
        removed_by: vec![words(&delete)],
    };
    let extended = row("create, extending another network", &[&parent], &extending);
    let removals = vec![words(&delete), words(&delete.replace(NETWORK, PARENT))];
    vec![
        row("create", &[], &bare),
        row("create with logs, metrics and DNS", &[], &full),
        row("create v0", &[], &small("--generation v0")),
        Flow { removed_by: removals, ..extended },
        row("deploy-ws", &[&bare], &format!("deploy-ws -n {NETWORK}")),
        row("deploy-cm", &[&bare], &format!("deploy-cm -n {NETWORK}")),
        row("delete", &[&full], &delete),
        row("delete, keeping logs and metrics", &[&full], &format!("{delete} --keep-logs-metrics")),
    ]
}

/// The flow of a name.
#[must_use]
pub fn flow(name: &str) -> Option<Flow> {
    flows().into_iter().find(|flow| flow.name == name)
}
