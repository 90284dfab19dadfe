use serde_json::Value;
use url::Url;

use super::reader::Reader;
use super::{AlertsSpec, ChaosSpec, LogsSpec, MetricsSpec, ProfilingSpec};
use crate::settings::FileReader;

/// Nodes that push profiles unless told otherwise, as the original had it.
const PROFILED_NODES: [u32; 2] = [10, 20];

impl Reader<'_> {
    /// The log stack; none for `--logs none`.
    pub(super) fn logs(&mut self, files: &dyn FileReader) -> Option<LogsSpec> {
        if self.text("logs") == Some("none") {
            return None;
        }
        let logs = LogsSpec {
            elasticsearch: self.resources("es-cpu", "es-memory"),
            heap: self.bytes("es-heap-memory"),
            disk: self.bytes("es-disk-size"),
            replicas: self.number("es-replicas"),
            master_nodes: self.number("es-master-nodes"),
            kibana: self.resources("kibana-cpu", "kibana-memory"),
            expiry_days: self.number("logs-expiry"),
            saved_objects: self.saved_objects(files),
        };
        if logs.heap >= logs.elasticsearch.memory && self.were_read(&["logs", "es-memory"]) {
            let message = format!(
                "Elasticsearch needs memory besides its Java heap: it must be less than es-memory, which is {}; half is usual",
                logs.elasticsearch.memory
            );
            self.wrong("es-heap-memory", logs.heap, message);
        }
        if logs.master_nodes > logs.replicas && self.were_read(&["logs", "es-replicas"]) {
            let message = format!("so many can never agree: there are {} (es-replicas)", logs.replicas);
            self.wrong("es-master-nodes", logs.master_nodes, message);
        }
        Some(logs)
    }

    /// Kibana objects, one a line, from a file or from the record.
    fn saved_objects(&mut self, files: &dyn FileReader) -> Option<String> {
        const NAME: &str = "kibana-saved-objects";
        if let Some(Value::Array(objects)) = self.settings.document(NAME) {
            return Some(lines(objects));
        }
        let path = self.text(NAME)?;
        let text = match files.read_text(path) {
            Ok(text) => text,
            Err(error) => {
                self.wrong(NAME, path, format!("the file cannot be read: {error}"));
                return None;
            }
        };
        let objects: Result<Vec<Value>, _> =
            text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect();
        match objects {
            Ok(objects) if objects.iter().all(Value::is_object) => Some(lines(&objects)),
            Ok(_) => {
                self.wrong(NAME, path, "every line must be a JSON object");
                None
            }
            Err(error) => {
                self.wrong(NAME, path, format!("every line must be a JSON object: {error}"));
                None
            }
        }
    }

    /// The metrics stack; none without `--metrics`.
    pub(super) fn metrics(&mut self) -> Option<MetricsSpec> {
        let push_gateway_url = self.parsed("push-gateway-url", http_url);
        self.settings.flag("metrics").then_some(MetricsSpec { push_gateway_url })
    }

    /// The profiler; none without `--deploy-pyroscope`.
    pub(super) fn profiling(&mut self, nodes: u32) -> Option<ProfilingSpec> {
        let numbers = self.profiled_nodes(nodes);
        if !self.settings.flag("deploy-pyroscope") {
            return None;
        }
        let resources = self.resources("pyroscope-cpu", "pyroscope-memory");
        Some(ProfilingSpec { image: self.image("pyroscope-image")?, resources, nodes: numbers })
    }

    fn profiled_nodes(&mut self, nodes: u32) -> Vec<u32> {
        const NAME: &str = "profile-miners";
        if self.settings.get(NAME).is_none() {
            let usual: Vec<u32> = PROFILED_NODES.into_iter().filter(|number| *number <= nodes).collect();
            return if usual.is_empty() { vec![nodes] } else { usual };
        }
        let mut numbers = Vec::new();
        let judged = self.were_read(&["miners"]);
        for text in self.settings.list(NAME) {
            match text.parse() {
                Ok(number) if (1..=nodes).contains(&number) || (number > 0 && !judged) => {
                    numbers.push(number)
                }
                Ok(_) | Err(_) => self.wrong(NAME, text, format!("nodes have numbers from 1 to {nodes}")),
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// Alerts on Slack; none without `--enable-slack-alerts`. Messages need token and channel both.
    pub(super) fn alerts(&mut self) -> Option<AlertsSpec> {
        let wanted = self.settings.flag("enable-slack-alerts");
        let channel = self.parsed("slack-channel-id", channel_id);
        if (wanted || self.text("slack-channel-id").is_some())
            && self.settings.secret("slack-token").is_none()
            && self.were_read(&["slack-token-file"])
        {
            self.needed_secret("slack-token", "messages on Slack need a token");
        }
        if !wanted {
            return None;
        }
        if self.text("slack-channel-id").is_none() {
            self.needed("slack-channel-id", "alerts go to a channel");
        }
        Some(AlertsSpec { image: self.image("sw-image")?, channel: channel? })
    }

    /// Chaos mesh; none without `--chaos-mesh`.
    pub(super) fn chaos(&mut self) -> Option<ChaosSpec> {
        let version = self.parsed("chaos-mesh-version", chart_version);
        if self.settings.flag("chaos-mesh") { version.map(|version| ChaosSpec { version }) } else { None }
    }
}

impl ChaosSpec {
    /// Chaos mesh of this version of its chart.
    ///
    /// # Errors
    ///
    /// A sentence that says what a version looks like.
    pub fn of_version(version: &str) -> Result<Self, String> {
        chart_version(version).map(|version| Self { version })
    }
}

/// One object a line.
fn lines(objects: &[Value]) -> String {
    objects.iter().map(|object| format!("{object}\n")).collect()
}

fn http_url(text: &str) -> Result<String, String> {
    let wrong = || "write a URL such as https://host:9091".to_owned();
    let url = Url::parse(text).map_err(|error| format!("{}: {error}", wrong()))?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(text.to_owned())
    } else {
        Err(wrong())
    }
}

fn channel_id(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err("a channel's id has capitals and digits: it is the last part of the channel's link".to_owned())
}

fn chart_version(text: &str) -> Result<String, String> {
    let version = text.strip_prefix('v').unwrap_or(text);
    let release = version.split(['-', '+']).next().unwrap_or_default();
    let numbers = release.split('.').filter(|part| part.parse::<u32>().is_ok()).count();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
    if numbers == 3 && release.split('.').count() == 3 && version.bytes().all(allowed) {
        return Ok(text.to_owned());
    }
    Err("a chart's version looks like 2.8.3".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_channels_and_versions_have_their_forms() {
        assert!(http_url("http://gateway:9091/x").is_ok());
        for bad in ["gateway:9091", "ftp://x", "http://", ""] {
            assert!(http_url(bad).is_err(), "{bad}");
        }
        assert!(channel_id("C0123ABCD").is_ok());
        for bad in ["#general", "general", ""] {
            assert!(channel_id(bad).is_err(), "{bad}");
        }
        for good in ["2.8.3", "v1.0.0", "1.2.3-rc.1"] {
            assert!(chart_version(good).is_ok(), "{good}");
        }
        for bad in ["2.8", "latest", "1.2.3 4", "1.2.x"] {
            assert!(chart_version(bad).is_err(), "{bad}");
        }
    }
}
