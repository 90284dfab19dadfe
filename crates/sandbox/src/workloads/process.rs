//! What a container was started with.

use std::collections::BTreeMap;

/// A container's command line, environment and mounted files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) image: String,
    /// Command and arguments together.
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
    /// Files from ConfigMaps and Secrets by where they are mounted, and by their bare names.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// What tells the process from others of its kind: the pod's `name` label, or its own name.
    pub(crate) identity: String,
    pub(crate) namespace: String,
}

impl Process {
    /// The words of the command line; a shell's `-c` text is split at white space.
    fn words(&self) -> impl Iterator<Item = &str> {
        self.arguments.iter().flat_map(|argument| {
            let is_script = argument.contains(' ') && argument.contains("--");
            let words: Vec<&str> =
                if is_script { argument.split_whitespace().collect() } else { vec![argument] };
            words
        })
    }

    /// The value of a flag, given as `--name=value` or `--name value` (or with one dash).
    pub(crate) fn argument(&self, name: &str) -> Option<String> {
        let words: Vec<&str> = self.words().collect();
        for (index, word) in words.iter().enumerate() {
            let Some(rest) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else { continue };
            match rest.split_once('=') {
                Some((flag, value)) if flag == name => return Some(value.trim_matches('"').to_owned()),
                None if rest == name => {
                    let next = words.get(index + 1).filter(|next| !next.starts_with('-'));
                    return Some(next.map_or_else(|| "true".to_owned(), |next| (*next).to_owned()));
                }
                _ => {}
            }
        }
        None
    }

    /// The text of a mounted file, by its path or else by its bare name.
    pub(crate) fn file(&self, path: &str) -> Option<String> {
        let bare = path.rsplit('/').next().unwrap_or(path);
        let bytes = self.files.get(path).or_else(|| self.files.get(bare))?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }

    /// The image's name without registry, folder, tag and digest.
    pub(crate) fn image_name(&self) -> &str {
        let path = self.image.split('@').next().unwrap_or_default();
        let last = path.rsplit('/').next().unwrap_or_default();
        last.split(':').next().unwrap_or_default()
    }

    /// The image's tag; `latest` without one.
    pub(crate) fn image_tag(&self) -> &str {
        let path = self.image.split('@').next().unwrap_or_default();
        let last = path.rsplit('/').next().unwrap_or_default();
        last.split_once(':').map_or("latest", |(_, tag)| tag)
    }
}

/// The port of a `host:port` address or a libp2p-like text that ends with one.
pub(crate) fn port_of(address: &str) -> Option<u16> {
    address.rsplit([':', '/']).next()?.parse().ok()
}

/// Whole seconds of a Go duration such as `1h30m`, `45s` or `1m0.5s`; `None` when it is none.
pub(crate) fn go_duration_seconds(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(digits)?;
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end)?;
        let factor = match unit {
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            "us" | "µs" => 0.000_001,
            "ns" => 0.000_000_001,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * factor;
        rest = after;
    }
    let whole = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
    u64::try_from(whole.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn process(arguments: &[&str]) -> Process {
        Process { arguments: arguments.iter().map(|text| (*text).to_owned()).collect(), ..Process::default() }
    }

    #[test]
    fn flags_are_found_in_every_spelling() {
        for arguments in [
            &["/bin/poet", "--restlisten=0.0.0.0:5000"][..],
            &["/bin/poet", "--restlisten", "0.0.0.0:5000"],
            &["/bin/sh", "-c", "/bin/poet --restlisten=0.0.0.0:5000 --jsonlog ; sleep 1"],
        ] {
            assert_eq!(process(arguments).argument("restlisten").as_deref(), Some("0.0.0.0:5000"));
        }
        assert_eq!(process(&["--jsonlog", "--x"]).argument("jsonlog").as_deref(), Some("true"));
        assert_eq!(process(&["--rest"]).argument("restlisten"), None);
    }

    #[test]
    fn images_have_names_and_tags() {
        let process = |image: &str| Process { image: image.to_owned(), ..Process::default() };
        assert_eq!(
            process("docker.elastic.co/elasticsearch/elasticsearch:8.5.1").image_name(),
            "elasticsearch"
        );
        assert_eq!(process("localhost:5000/spacemeshos/poet").image_tag(), "latest");
        assert_eq!(process("spacemeshos/go-spacemesh:v1.7.6@sha256:00").image_tag(), "v1.7.6");
    }

    #[test]
    fn go_durations_are_read() {
        assert_eq!(go_duration_seconds("1h30m"), Some(5_400));
        assert_eq!(go_duration_seconds("1m0.5s"), Some(60));
        assert_eq!(go_duration_seconds("300s"), Some(300));
        for wrong in ["", "5", "s", "5x", "1..2s"] {
            assert_eq!(go_duration_seconds(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_duration_reader_panic(text in any::<String>()) {
            let _ = go_duration_seconds(&text);
        }
    }
}
