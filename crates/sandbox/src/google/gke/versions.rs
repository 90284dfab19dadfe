//! The Kubernetes versions that the simulated GKE offers, per release channel, newest first.

use serde_json::{Value, json};

/// One release channel.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) name: &'static str,
    pub(crate) default: &'static str,
    versions: &'static [&'static str],
}

const V136: &str = "1.36.0-gke.3302004";
const V135: &str = "1.35.5-gke.1163012";
const V134: &str = "1.34.8-gke.1000000";
const V133: &str = "1.33.12-gke.1202000";

/// From the most to the least mature, EXTENDED last: the order in which a version without a channel is looked up.
const CHANNELS: [Channel; 4] = [
    Channel { name: "STABLE", default: V134, versions: &[V135, V134, V133] },
    Channel { name: "REGULAR", default: V135, versions: &[V136, V135, V134, V133] },
    Channel { name: "RAPID", default: V136, versions: &[V136, V135, V134, V133] },
    Channel { name: "EXTENDED", default: V135, versions: &[V136, V135, V134, V133] },
];

/// The channel of a name; `UNSPECIFIED` is none.
pub(crate) fn channel(name: &str) -> Option<&'static Channel> {
    CHANNELS.iter().find(|channel| channel.name == name)
}

/// The full version and channel that a request for `version` (an alias, a prefix or a full version; empty or `-` for
/// the default) ends up with.
pub(crate) fn resolve(
    version: &str,
    requested: Option<&'static Channel>,
) -> Option<(&'static str, &'static Channel)> {
    let is_default = matches!(version, "" | "-");
    match requested {
        Some(channel) => channel.find(version).map(|found| (found, channel)),
        None if is_default => resolve(version, channel("REGULAR")),
        None => CHANNELS.iter().find_map(|channel| channel.find(version).map(|found| (found, channel))),
    }
}

impl Channel {
    fn find(&self, version: &str) -> Option<&'static str> {
        match version {
            "" | "-" => Some(self.default),
            "latest" => self.versions.first().copied(),
            _ => self.versions.iter().copied().find(|known| is_alias(version, known)),
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "channel": self.name,
            "defaultVersion": self.default,
            "validVersions": self.versions,
            "upgradeTargetVersion": self.default,
        })
    }
}

/// `1.35`, `1.35.5` and `1.35.5-gke.1163012` all stand for the last.
fn is_alias(version: &str, known: &str) -> bool {
    known.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
}

/// The body of `serverConfig`.
pub(crate) fn server_config() -> Value {
    let versions = [V136, V135, V134, V133];
    json!({
        "defaultClusterVersion": V135,
        "validMasterVersions": versions,
        "validNodeVersions": versions,
        "defaultImageType": "COS_CONTAINERD",
        "validImageTypes": ["COS_CONTAINERD", "UBUNTU_CONTAINERD"],
        "channels": CHANNELS.iter().map(Channel::to_json).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_name_the_newest_version_of_the_channel() {
        let stable = channel("STABLE");
        assert_eq!(resolve("1.35", stable).unwrap().0, V135);
        assert_eq!(resolve("1.35.5", stable).unwrap().0, V135);
        assert_eq!(resolve("", stable).unwrap().0, V134);
        assert_eq!(resolve("latest", channel("RAPID")).unwrap().0, V136);
    }

    #[test]
    fn without_a_channel_the_most_mature_one_that_has_the_version_is_taken() {
        assert_eq!(resolve("1.36", None).unwrap().1.name, "REGULAR");
        assert_eq!(resolve("1.34", None).unwrap().1.name, "STABLE");
        assert_eq!(resolve("-", None).unwrap().1.name, "REGULAR");
    }

    #[test]
    fn versions_that_are_gone_or_made_up_are_unknown() {
        for version in ["1.21.14-gke.3000", "1.3", "1.35.5-gke.1", "36", "1.35."] {
            assert!(resolve(version, None).is_none(), "{version}");
        }
        assert!(resolve("1.36", channel("STABLE")).is_none());
    }
}
