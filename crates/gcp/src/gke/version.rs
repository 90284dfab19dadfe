//! Which Kubernetes version a new cluster gets. Patches come and go within weeks, so what is offered is always asked.

use serde::Deserialize;
use spacecraft_core::{Error, Meaning, Result};

use super::Gke;
use crate::api::fetch;

/// What a location offers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ServerConfig {
    channels: Vec<Channel>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Channel {
    channel: String,
    default_version: String,
    valid_versions: Vec<String>,
}

impl ServerConfig {
    /// The exact version for what was asked (`1.35`, `1.35.5`, `1.35.5-gke.1`, `latest`, or nothing for the channel's default).
    fn choose(&self, channel: &str, asked: Option<&str>) -> Result<String, String> {
        let wanted = channel.to_ascii_uppercase();
        let channel = self.channels.iter().find(|offered| offered.channel == wanted).ok_or_else(|| {
            let names: Vec<_> = self.channels.iter().map(|channel| channel.channel.to_lowercase()).collect();
            format!("the release channel {channel} is not offered; these are: {}", listed(&names))
        })?;
        match asked {
            None | Some("" | "-") => channel.default(),
            Some("latest") => channel.newest(),
            Some(asked) => channel.matching(asked),
        }
    }
}

impl Channel {
    fn default(&self) -> Result<String, String> {
        if self.default_version.is_empty() { self.newest() } else { Ok(self.default_version.clone()) }
    }

    /// GKE lists versions with the newest first.
    fn newest(&self) -> Result<String, String> {
        let newest = self.valid_versions.first().cloned();
        newest.ok_or_else(|| format!("the release channel {} offers no version", self.name()))
    }

    /// The default when it matches, else the newest that does.
    fn matching(&self, asked: &str) -> Result<String, String> {
        let default = std::iter::once(&self.default_version);
        let found = default.chain(&self.valid_versions).find(|version| is_version(version, asked));
        found.cloned().ok_or_else(|| {
            let name = self.name();
            let offered = listed(&self.valid_versions);
            format!("the release channel {name} does not offer Kubernetes {asked}; it offers: {offered}")
        })
    }

    fn name(&self) -> String {
        self.channel.to_lowercase()
    }
}

/// True when `version` is `asked` or a closer description of it: `1.35` is asked by `1.35.5-gke.1`, and `1.3` is not.
fn is_version(version: &str, asked: &str) -> bool {
    version.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl Gke {
    /// The exact version that a new cluster gets.
    pub(crate) async fn resolve_version(&self, channel: &str, asked: Option<&str>) -> Result<String> {
        let operation = "choose Kubernetes version in";
        let url = self.api.container(&["locations", &self.location, "serverConfig"]);
        let request = self.api.get(&url).about(operation, self.location.as_str());
        let config: ServerConfig = fetch(request, "a GKE server config").await?;
        config.choose(channel, asked).map_err(|reason| {
            Error::new(Meaning::Invalid, operation, self.location.as_str(), reason)
                .with_hint("set --release-channel and --kubernetes-version to what is offered")
        })
    }
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    fn config() -> ServerConfig {
        serde_json::from_value(serde_json::json!({"channels": [
            {"channel": "REGULAR", "defaultVersion": "1.35.5-gke.2",
             "validVersions": ["1.36.0-gke.1", "1.35.6-gke.1", "1.35.5-gke.2", "1.3.1-gke.1"]},
            {"channel": "STABLE", "validVersions": []}
        ]}))
        .unwrap()
    }

    #[test]
    fn the_channels_default_is_taken_when_nothing_or_something_it_satisfies_is_asked() {
        for asked in [None, Some("1.35"), Some("1.35.5"), Some("1.35.5-gke.2"), Some("1")] {
            assert_eq!(config().choose("regular", asked).unwrap(), "1.35.5-gke.2", "{asked:?}");
        }
    }

    #[test]
    fn else_the_newest_that_was_asked_for_is_taken() {
        for (asked, expected) in
            [("1.36", "1.36.0-gke.1"), ("1.35.6", "1.35.6-gke.1"), ("1.3", "1.3.1-gke.1")]
        {
            assert_eq!(config().choose("REGULAR", Some(asked)).unwrap(), expected);
        }
        assert_eq!(config().choose("regular", Some("latest")).unwrap(), "1.36.0-gke.1");
    }

    #[test]
    fn what_is_not_offered_is_refused_with_what_is() {
        assert_eq!(
            config().choose("regular", Some("1.34")).unwrap_err(),
            "the release channel regular does not offer Kubernetes 1.34; it offers: 1.36.0-gke.1, 1.35.6-gke.1, 1.35.5-gke.2, 1.3.1-gke.1"
        );
        assert_eq!(
            config().choose("rapid", None).unwrap_err(),
            "the release channel rapid is not offered; these are: regular, stable"
        );
        assert!(config().choose("stable", None).is_err());
    }
}
