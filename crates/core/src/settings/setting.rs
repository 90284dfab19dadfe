use std::fmt;

use super::builder::variable_name;

/// One thing that an operator can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name: the flag without `--`, and the key in config files. The variable is `SPACECRAFT_` and the name in capitals with underscores.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// What it is when nobody gives it.
    pub default: DefaultValue,
    /// What it is for, in one line.
    pub help: &'static str,
    /// The commands that use it. Others accept it in the environment and in the config file, where it means nothing to them.
    pub commands: &'static [Command],
    /// The flag's short form.
    pub short: Option<char>,
    /// Other spellings that are taken.
    pub aliases: &'static [&'static str],
    /// Environment variables besides its own, of lower rank.
    pub variables: &'static [&'static str],
}

/// What the values of a setting are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// The path of a file or folder.
    Path,
    /// A switch; as a flag it may stand alone for `true`.
    Flag,
    /// A whole number within these bounds.
    Number {
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// An amount of processor; a bare number is cores.
    Cpu,
    /// An amount of memory or disk; a bare number is GiB.
    Bytes,
    /// A duration such as `90s` or `1h30m`; a bare number is in this unit.
    Duration(BareUnit),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Several texts: with commas, as an array, or the flag given several times.
    List,
    /// A node config: the name of a built-in one, the path of a file, or in a config file the config itself.
    NodeConfig,
    /// Objects: the path of a file of newline-delimited JSON, or in a config file an array of them.
    Objects,
    /// Changes to charts; in the config file only.
    Charts,
    /// A secret: from its variable or the file named by `<name>-file`, never from the command line.
    Secret,
    /// The path of the file that holds the secret whose name this setting's has before `-file`.
    SecretFile,
    /// A text in PEM: the path of a file, or in the variable the text itself.
    Pem,
    /// The same, and secret.
    SecretPem,
}

impl Kind {
    /// True for secrets themselves (not for paths to them).
    #[must_use]
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::SecretPem)
    }

    /// True when the setting can be given on the command line at all.
    #[must_use]
    pub const fn has_flag(self) -> bool {
        !matches!(self, Self::Charts)
    }
}

/// The unit of a bare number where a duration is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BareUnit {
    /// Seconds.
    Seconds,
    /// Minutes.
    Minutes,
}

/// What a setting is when nobody gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultValue {
    /// Nothing.
    None,
    /// This text, read like any other.
    Is(&'static str),
    /// It follows from other settings, as this text explains.
    Follows(&'static str),
}

impl Setting {
    /// A setting without default, short form or other spellings.
    pub(super) const fn new(
        name: &'static str,
        kind: Kind,
        commands: &'static [Command],
        help: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            default: DefaultValue::None,
            help,
            commands,
            short: None,
            aliases: &[],
            variables: &[],
        }
    }

    pub(super) const fn default(mut self, text: &'static str) -> Self {
        self.default = DefaultValue::Is(text);
        self
    }

    pub(super) const fn follows(mut self, text: &'static str) -> Self {
        self.default = DefaultValue::Follows(text);
        self
    }

    pub(super) const fn short(mut self, letter: char) -> Self {
        self.short = Some(letter);
        self
    }

    pub(super) const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(super) const fn variables(mut self, variables: &'static [&'static str]) -> Self {
        self.variables = variables;
        self
    }

    /// What it is when nobody gives it to `command`, as help tells it; none when it is nothing then.
    #[must_use]
    pub fn default_text(&self, command: Command) -> Option<String> {
        let usual = match self.default {
            DefaultValue::None => None,
            DefaultValue::Is(text) | DefaultValue::Follows(text) => Some(text.to_owned()),
        };
        match command {
            Command::UpgradeNetwork | Command::Status if self.name == "wait" => Some("healthy".to_owned()),
            _ if self.name == "network-name" && !command.creates() => None,
            _ if command.needs_network() && self.is_of_network() => Some("as the network has it".to_owned()),
            Command::DeployWs if self.commands == [Command::DeployWs] && !self.is_given_as_file() => {
                usual.map(|usual| format!("as deployed before, else {usual}"))
            }
            _ => usual,
        }
    }

    /// True when the record of a network has its value. Where the record is, and how long a run may take, it does not say.
    fn is_of_network(&self) -> bool {
        const OF_RUN: [&str; 14] = [
            "charts",
            "config",
            "context",
            "gcp-credentials-file",
            "gcp-project",
            "kubeconfig",
            "network-name",
            "object-dir",
            "provider",
            "sandbox-dir",
            "state-bucket",
            "step-timeout",
            "templates",
            "timeout",
        ];
        let is_secret = self.kind.is_secret() || self.kind == Kind::SecretFile;
        self.commands.contains(&Command::CreateNetwork) && !OF_RUN.contains(&self.name) && !is_secret
    }

    fn is_given_as_file(&self) -> bool {
        matches!(self.kind, Kind::Pem | Kind::SecretPem)
    }

    /// The environment variable of the setting, such as `SPACECRAFT_MINER_RAM`.
    #[must_use]
    pub fn variable(&self) -> String {
        variable_name(self.name)
    }

    /// Its name and the other spellings that are taken, camel case left out.
    pub(super) fn spellings(&self) -> impl Iterator<Item = &str> {
        [self.name].into_iter().chain(self.aliases.iter().copied())
    }

    /// The setting's name in camel case (`minerRam`), which config files may use too.
    #[must_use]
    pub fn camel_case(&self) -> String {
        camel_case(self.name)
    }
}

/// A name of words and hyphens as the original spells flags, such as `minerRam` for `miner-ram`.
#[must_use]
pub fn camel_case(name: &str) -> String {
    let mut words = name.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut name, word| {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        name
    })
}

/// The commands that take settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Command {
    /// `create-network`
    CreateNetwork,
    /// `plan`
    Plan,
    /// `delete-network`
    DeleteNetwork,
    /// `add-miner`
    AddMiner,
    /// `delete-miner`
    DeleteMiner,
    /// `upgrade-network`
    UpgradeNetwork,
    /// `deploy-ws`
    DeployWs,
    /// `deploy-cm`
    DeployCm,
    /// `hosts`
    Hosts,
    /// `list`
    List,
    /// `status`
    Status,
    /// `rewards`
    Rewards,
    /// `release-network`
    ReleaseNetwork,
    /// `kubeconfig`
    Kubeconfig,
    /// `tunnel`
    Tunnel,
    /// `logs`
    Logs,
    /// `keys`
    Keys,
    /// `gc`
    Gc,
    /// `chart`
    Chart,
    /// `sandbox`
    Sandbox,
}

impl Command {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::CreateNetwork,
        Self::Plan,
        Self::DeleteNetwork,
        Self::AddMiner,
        Self::DeleteMiner,
        Self::UpgradeNetwork,
        Self::DeployWs,
        Self::DeployCm,
        Self::Hosts,
        Self::List,
        Self::Status,
        Self::Rewards,
        Self::ReleaseNetwork,
        Self::Kubeconfig,
        Self::Tunnel,
        Self::Logs,
        Self::Keys,
        Self::Gc,
        Self::Chart,
        Self::Sandbox,
    ];

    /// The command as it is typed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateNetwork => "create-network",
            Self::Plan => "plan",
            Self::DeleteNetwork => "delete-network",
            Self::AddMiner => "add-miner",
            Self::DeleteMiner => "delete-miner",
            Self::UpgradeNetwork => "upgrade-network",
            Self::DeployWs => "deploy-ws",
            Self::DeployCm => "deploy-cm",
            Self::Hosts => "hosts",
            Self::List => "list",
            Self::Status => "status",
            Self::Rewards => "rewards",
            Self::ReleaseNetwork => "release-network",
            Self::Kubeconfig => "kubeconfig",
            Self::Tunnel => "tunnel",
            Self::Logs => "logs",
            Self::Keys => "keys",
            Self::Gc => "gc",
            Self::Chart => "chart",
            Self::Sandbox => "sandbox",
        }
    }

    /// The original's name of the command, where it had one.
    #[must_use]
    pub const fn original_name(self) -> Option<&'static str> {
        match self {
            Self::CreateNetwork => Some("createNetwork"),
            Self::DeleteNetwork => Some("deleteNetwork"),
            Self::AddMiner => Some("addMiner"),
            Self::DeleteMiner => Some("deleteMiner"),
            Self::UpgradeNetwork => Some("upgradeNetwork"),
            Self::DeployWs => Some("deployWS"),
            Self::DeployCm => Some("deployCM"),
            Self::ReleaseNetwork => Some("releaseNetwork"),
            _ => None,
        }
    }

    /// True for commands that make a network out of settings: for these the name has a default.
    #[must_use]
    pub const fn creates(self) -> bool {
        matches!(self, Self::CreateNetwork | Self::Plan)
    }

    /// True for commands that work on one network that exists, and must be told which.
    #[must_use]
    pub const fn needs_network(self) -> bool {
        !self.creates()
            && !matches!(self, Self::List | Self::Gc | Self::Sandbox | Self::Chart | Self::Rewards)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
