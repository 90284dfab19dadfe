//! Keys and passwords: made once, kept in Secrets, which are the truth ever after.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::BringUp;
use crate::error::{Error, Meaning, Result};
use crate::identity::{
    CoinbaseSource, NodeIdentity, NodeKeys, PoetIdentity, PoetKey, node_secret_name, poet_secret_name,
};
use crate::node_config::NodeConfig;
use crate::observer::{Event, Outcome};
use crate::operation::window::sliding_window;
use crate::plan::{Plan, WATCH_SECRET};
use crate::secret::{ExposeSecret, SecretBytes, SecretString};
use crate::spec::{Generation, NetworkSpec};
use crate::state::{NetworkRecord, NodeRecord, PoetRecord};
use crate::time::Random;
use crate::traits::{Look, Workloads};
use crate::workload::{NetworkSecret, Part};

/// The Secret with the login of Elasticsearch and Kibana.
pub(crate) const ELASTIC_SECRET: &str = "elastic-credentials";

/// The Secret with the login of Grafana.
pub(crate) const GRAFANA_SECRET: &str = "grafana-credentials";

const PASSWORD: &str = "password";
const USERNAME: &str = "username";

/// Letters and digits of a password: all that every service takes unquoted, without those that look alike.
const PASSWORD_LETTERS: &[u8; 57] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

const PASSWORD_LENGTH: usize = 32;

/// What the network's Secrets hold, as far as operations need it.
#[derive(Debug)]
pub(in crate::operation) struct NetworkKeys {
    /// Public identities of nodes, by number.
    pub nodes: BTreeMap<u32, NodeIdentity>,
    /// v1: public identities of PoETs, by number.
    pub poets: BTreeMap<u32, PoetIdentity>,
    /// The password of the Elasticsearch user `elastic`.
    pub elastic_password: SecretString,
    /// The password of Grafana's administrator.
    pub grafana_password: SecretString,
}

impl BringUp<'_> {
    /// Makes the Secrets that are missing; those that exist stay as they are.
    pub(in crate::operation) async fn ensure_keys(&self, workloads: &dyn Workloads) -> Result<NetworkKeys> {
        let present = Mutex::new(BTreeMap::new());
        let keep = |secrets: Vec<NetworkSecret>| {
            let mut present = present.lock().unwrap_or_else(PoisonError::into_inner);
            present.extend(secrets.into_iter().map(|secret| (secret.name.clone(), secret)));
        };
        let missing = || -> Result<Vec<NetworkSecret>> {
            let present = present.lock().unwrap_or_else(PoisonError::into_inner);
            let token = self.materials.slack_token.as_ref();
            secrets_of(self.spec, self.plan, token, &*self.services().random, &|name| {
                !present.contains_key(name)
            })
        };
        let look = async || {
            keep(workloads.secrets().await?);
            let missing = missing()?;
            let found = if missing.is_empty() { Look::Same } else { Look::Absent };
            if self.run.only_looks() {
                // Whoever makes the network again makes keys like these; what else would change because of that is looked at too.
                keep(missing);
            }
            Ok(found)
        };
        let create = async |_| {
            let missing = missing()?;
            let total = u64::try_from(missing.len()).unwrap_or(u64::MAX);
            let mut done = 0;
            let created = |secret| {
                keep(vec![secret]);
                done += 1;
                self.run.observe(&Event::Progress { step: "keys".to_owned(), done, total });
            };
            let width = usize::try_from(self.spec.rollout.max_concurrent_deployments).unwrap_or(usize::MAX);
            let may_start = || self.run.may_start("keys");
            sliding_window(
                missing,
                width,
                may_start,
                async |secret| workloads.create_secret(&secret).await,
                created,
            )
            .await?;
            Ok(Outcome::Created)
        };
        self.run.step("keys", "identities and passwords", look, create).await?;
        let present = present.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.read_keys(&present)
    }

    fn read_keys(&self, present: &BTreeMap<String, NetworkSecret>) -> Result<NetworkKeys> {
        let spec = self.spec;
        let find = |name: &str| {
            present.get(name).ok_or_else(|| {
                Error::new(Meaning::NotFound, "read Secret", name, "it was not there after it had been made")
                    .with_hint("run the same command again")
            })
        };
        let mut keys = NetworkKeys {
            nodes: BTreeMap::new(),
            poets: BTreeMap::new(),
            elastic_password: SecretString::default(),
            grafana_password: SecretString::default(),
        };
        for node in &self.plan.nodes {
            let secret = find(&node_secret_name(node.number))?;
            let read = NodeKeys::from_secret(spec.generation, coinbase_source(spec, node.number), secret)?;
            keys.nodes.insert(node.number, read.identity());
        }
        if spec.generation == Generation::V1 {
            for poet in &self.plan.poets {
                let secret = find(&poet_secret_name(poet.number))?;
                keys.poets.insert(poet.number, PoetKey::from_secret(secret)?.identity());
            }
        }
        if spec.logs.is_some() {
            keys.elastic_password = read_password(find(ELASTIC_SECRET)?)?;
        }
        if spec.metrics.is_some() {
            keys.grafana_password = read_password(find(GRAFANA_SECRET)?)?;
        }
        Ok(keys)
    }
}

/// The Secrets of a network that `is_wanted` says yes to by name, newly made: keys of nodes and PoETs, logins, and the Slack token of spacemesh-watch.
///
/// # Errors
///
/// [`Meaning::Invalid`] when spacemesh-watch wants its Secret and there is no token, or keys cannot be made.
pub fn secrets_of(
    spec: &NetworkSpec,
    plan: &Plan,
    slack_token: Option<&SecretString>,
    random: &dyn Random,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<NetworkSecret>> {
    let mut secrets = Vec::new();
    for node in plan.nodes.iter().filter(|node| is_wanted(&node_secret_name(node.number))) {
        let part = Part::Node { number: node.number, role: node.role };
        let keys = NodeKeys::generate(spec.generation, coinbase_source(spec, node.number), random)?;
        secrets.push(keys.to_secret(node.number, part));
    }
    if spec.generation == Generation::V1 {
        let poets = plan.poets.iter().filter(|poet| is_wanted(&poet_secret_name(poet.number)));
        secrets.extend(poets.map(|poet| PoetKey::generate(random).to_secret(poet.number)));
    }
    let logins =
        [(ELASTIC_SECRET, "elastic", spec.logs.is_some()), (GRAFANA_SECRET, "admin", spec.metrics.is_some())];
    for (name, user, has_service) in logins {
        if has_service && is_wanted(name) {
            secrets.push(login(name, user, &password(random)));
        }
    }
    if spec.alerts.is_some() && is_wanted(WATCH_SECRET) {
        secrets.push(watch_secret(slack_token)?);
    }
    Ok(secrets)
}

fn watch_secret(slack_token: Option<&SecretString>) -> Result<NetworkSecret> {
    let token = slack_token.ok_or_else(|| {
        let problem = "there is no Slack token for spacemesh-watch";
        Error::new(Meaning::Invalid, "make Secret", WATCH_SECRET, problem)
    })?;
    let token = SecretBytes::new(token.expose_secret());
    Ok(NetworkSecret {
        name: WATCH_SECRET.to_owned(),
        part: Some(Part::Watch),
        data: BTreeMap::from([("slack-token".to_owned(), token)]),
    })
}

/// The identities that a network's record holds, without passwords.
pub(in crate::operation) fn recorded_keys(record: &NetworkRecord) -> NetworkKeys {
    let node = |node: &NodeRecord| NodeIdentity {
        peer_id: node.peer_id.clone(),
        smesher_id: node.smesher_id.clone().unwrap_or_default(),
        coinbase: node.coinbase.clone(),
    };
    let poet = |poet: &PoetRecord| {
        let public_key = poet.public_key.clone()?;
        Some((poet.number, PoetIdentity { public_key }))
    };
    NetworkKeys {
        nodes: record.nodes.iter().map(|recorded| (recorded.number, node(recorded))).collect(),
        poets: record.poets.iter().filter_map(poet).collect(),
        elastic_password: SecretString::default(),
        grafana_password: SecretString::default(),
    }
}

/// Where the rewards of a node go.
fn coinbase_source(spec: &NetworkSpec, number: u32) -> CoinbaseSource<'_> {
    match spec.makeup(number).coinbase {
        Some(address) => CoinbaseSource::Given(address),
        None => CoinbaseSource::Own {
            prefix: NodeConfig::new(spec.generation, &spec.node.base_config).address_prefix(),
        },
    }
}

impl BringUp<'_> {
    /// The password of the Elasticsearch user `elastic`, which was made when the network was.
    pub(in crate::operation) async fn elastic_password(
        &self,
        workloads: &dyn Workloads,
    ) -> Result<SecretString> {
        let secret = workloads.read_secret(workloads.namespace(), ELASTIC_SECRET).await?;
        let secret = secret.ok_or_else(|| {
            Error::new(Meaning::NotFound, "read Secret", ELASTIC_SECRET, "it is not there")
                .with_hint("run create-network again, which makes it")
        })?;
        read_password(&secret)
    }
}

fn login(name: &str, user: &str, password: &str) -> NetworkSecret {
    let data = BTreeMap::from([
        (USERNAME.to_owned(), SecretBytes::new(user)),
        (PASSWORD.to_owned(), SecretBytes::new(password)),
    ]);
    NetworkSecret { name: name.to_owned(), part: None, data }
}

fn read_password(secret: &NetworkSecret) -> Result<SecretString> {
    let text = secret.data.get(PASSWORD).and_then(SecretBytes::expose_text);
    text.map(SecretString::from).ok_or_else(|| {
        Error::new(Meaning::Invalid, "read Secret", &secret.name, "it has no text under the key password")
    })
}

/// A password of 32 letters and digits: about 186 bits.
fn password(random: &dyn Random) -> String {
    let letters = u64::try_from(PASSWORD_LETTERS.len()).unwrap_or(1);
    std::iter::repeat_with(|| random.number() % letters)
        .filter_map(|at| usize::try_from(at).ok().and_then(|at| PASSWORD_LETTERS.get(at)))
        .map(|letter| char::from(*letter))
        .take(PASSWORD_LENGTH)
        .collect()
}
