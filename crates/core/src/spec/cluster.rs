use super::reader::Reader;
use super::{ClusterSpec, ProviderKind};
use crate::machine::predefined_shape;
use crate::names::NetworkName;
use crate::quantity::{Bytes, MilliCpu};
use crate::traits::{Accelerator, MachineShape};

/// What the simulated cloud has in the place of a GCP project.
const SANDBOX_PROJECT: &str = "sandbox";
const SANDBOX_LOCATION: &str = "us-central1";
const SANDBOX_ZONE: &str = "us-central1-a";
/// The oldest minor version of Kubernetes 1 that GKE still offers, on its extended channel.
const OLDEST_MINOR: u32 = 30;
const LONGEST_LABEL: usize = 63;

impl Reader<'_> {
    pub(super) fn cluster(&mut self, provider: ProviderKind, network: Option<&NetworkName>) -> ClusterSpec {
        let (project, location, zone) = self.place(provider);
        let release_channel = self.text("release-channel").unwrap_or_default().to_owned();
        ClusterSpec {
            project,
            location,
            zone,
            machine: self.machine(),
            accelerator: self.accelerator(),
            vpc: self.vpc(),
            kubernetes_version: self.parsed("kubernetes-version", kubernetes_version),
            release_channel,
            most_workers: self
                .settings
                .number("max-nodes")
                .map(|most| u32::try_from(most).unwrap_or(u32::MAX)),
            namespace: self.namespace(provider, network),
        }
    }

    /// Project, location and zone; empty where a cluster exists already.
    fn place(&mut self, provider: ProviderKind) -> (String, String, String) {
        let stand_in = match provider {
            ProviderKind::Kubernetes => return Default::default(),
            _ if !self.were_read(&["provider"]) => return Default::default(),
            ProviderKind::Sandbox => Some((SANDBOX_PROJECT, SANDBOX_LOCATION, SANDBOX_ZONE)),
            ProviderKind::Gcp => None,
        };
        let project = self.place_part("gcp-project", stand_in.map(|place| place.0), project_name);
        let location = self.place_part("gcp-location", stand_in.map(|place| place.1), location_name);
        let zone = self.place_part("gcp-zone", stand_in.map(|place| place.2), zone_name);
        if !zone.is_empty()
            && !location.is_empty()
            && zone != location
            && !zone.starts_with(&format!("{location}-"))
            && self.were_read(&["gcp-location"])
        {
            let message = format!("this zone is not in gcp-location, which is {location}");
            self.wrong("gcp-zone", &zone, message);
        }
        (project, location, zone)
    }

    fn place_part(
        &mut self,
        name: &str,
        stand_in: Option<&str>,
        read: fn(&str) -> Result<String, String>,
    ) -> String {
        if self.text(name).is_some() {
            return self.parsed(name, read).unwrap_or_default();
        }
        match stand_in {
            Some(stand_in) => stand_in.to_owned(),
            None => {
                self.needed(name, "a cluster on GKE needs it");
                String::new()
            }
        }
    }

    /// The workers' machine: its size is known for common types and can be given for all.
    fn machine(&mut self) -> MachineShape {
        let machine_type = self.text("gcp-machine-type").unwrap_or_default().to_owned();
        let known = predefined_shape(&machine_type);
        let (cpu, memory) = (self.settings.cpu("gcp-machine-cpu"), self.settings.bytes("gcp-machine-memory"));
        let size = (cpu.or(known.map(|known| known.0)), memory.or(known.map(|known| known.1)));
        let unknown = MachineShape {
            machine_type: machine_type.clone(),
            cpu: MilliCpu::default(),
            memory: Bytes::default(),
        };
        match size {
            (Some(cpu), Some(memory)) if cpu.0 > 0 && memory.0 > 0 => {
                MachineShape { machine_type, cpu, memory }
            }
            _ if !self.were_read(&["gcp-machine-cpu", "gcp-machine-memory"]) => unknown,
            (Some(_), Some(_)) => {
                self.wrong(
                    "gcp-machine-type",
                    &machine_type,
                    "gcp-machine-cpu and gcp-machine-memory must be more than nothing",
                );
                unknown
            }
            _ => {
                let message = "the size of this machine type is not known here: give --gcp-machine-cpu and --gcp-machine-memory";
                self.wrong("gcp-machine-type", &machine_type, message);
                unknown
            }
        }
    }

    fn accelerator(&mut self) -> Option<Accelerator> {
        let count = self.number("accelerator-count");
        if !self.were_read(&["accelerator-type", "accelerator-count"]) {
            return None;
        }
        match (self.text("accelerator-type"), count) {
            (None, 0) => None,
            (Some(accelerator_type), 1..) => {
                Some(Accelerator { accelerator_type: accelerator_type.to_owned(), count })
            }
            (Some(given), 0) => {
                self.wrong(
                    "accelerator-count",
                    0,
                    format!("how many {given} has each worker? give 1 or more"),
                );
                None
            }
            (None, 1..) => {
                self.needed("accelerator-type", "accelerator-count asks for accelerators");
                None
            }
        }
    }

    fn vpc(&mut self) -> Option<String> {
        if !self.settings.flag("use-vpc") {
            return None;
        }
        self.parsed("vpc", |name| label(name, "a VPC network's name"))
    }

    /// On clusters of its own a network lives in `default`, on shared ones in a namespace of its name.
    fn namespace(&mut self, provider: ProviderKind, network: Option<&NetworkName>) -> String {
        if self.text("namespace").is_some() {
            return self.parsed("namespace", namespace_name).unwrap_or_default();
        }
        match provider {
            ProviderKind::Kubernetes => network.map(ToString::to_string).unwrap_or_default(),
            ProviderKind::Gcp | ProviderKind::Sandbox => "default".to_owned(),
        }
    }
}

/// `letters-letters-digits`, as `us-central1`, and for zones `-letter` after it.
fn location_name(text: &str) -> Result<String, String> {
    let is_region = |text: &str| {
        let letters = text.trim_end_matches(|c: char| c.is_ascii_digit());
        letters.len() < text.len()
            && letters.split('-').count() >= 2
            && letters
                .split('-')
                .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase()))
    };
    let is_zone = text.rsplit_once('-').is_some_and(|(region, letter)| {
        is_region(region) && letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_lowercase())
    });
    if is_region(text) || is_zone {
        Ok(text.to_owned())
    } else {
        Err("a location is a region such as us-central1 or a zone such as us-central1-a".to_owned())
    }
}

fn zone_name(text: &str) -> Result<String, String> {
    let location = location_name(text)?;
    if location.ends_with(|last: char| last.is_ascii_lowercase()) {
        Ok(location)
    } else {
        Err("a zone is a region with a letter, such as us-central1-a".to_owned())
    }
}

/// 6 to 30 lower-case letters, digits and hyphens; older projects have a domain and a colon before that.
fn project_name(text: &str) -> Result<String, String> {
    let id = text.rsplit_once(':').map_or(text, |(_, id)| id);
    let domain =
        text.rsplit_once(':').is_none_or(|(domain, _)| domain.split('.').all(|part| label(part, "").is_ok()));
    if (6..=30).contains(&id.len()) && label(id, "").is_ok() && domain {
        Ok(text.to_owned())
    } else {
        Err("a project id has 6 to 30 lower-case letters, digits and hyphens, and starts with a letter"
            .to_owned())
    }
}

fn namespace_name(text: &str) -> Result<String, String> {
    let name = label(text, "a namespace")?;
    if name.starts_with("kube-") {
        return Err("namespaces that start with kube- belong to Kubernetes".to_owned());
    }
    Ok(name)
}

/// At most 63 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen.
fn label(text: &str, what: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let good = (1..=LONGEST_LABEL).contains(&text.len())
        && text.bytes().all(allowed)
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-');
    if good {
        Ok(text.to_owned())
    } else {
        Err(format!("{what} has at most 63 lower-case letters, digits and hyphens, and starts with a letter"))
    }
}

/// `1.35`, `1.35.5` or `1.35.5-gke.1163012`.
fn kubernetes_version(text: &str) -> Result<String, String> {
    let wrong = || "a version looks like 1.35, 1.35.5 or 1.35.5-gke.1163012".to_owned();
    let (release, build) =
        text.split_once("-gke.").map_or((text, None), |(release, build)| (release, Some(build)));
    let numbers: Vec<u32> =
        release.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
    let minor = match numbers.as_slice() {
        [1, minor] if build.is_none() => *minor,
        [1, minor, _] => *minor,
        _ => return Err(wrong()),
    };
    if build.is_some_and(|build| build.is_empty() || !build.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(wrong());
    }
    if minor < OLDEST_MINOR {
        return Err(format!(
            "GKE does not offer Kubernetes before 1.{OLDEST_MINOR} any more: leave it out to take what the release channel brings"
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_zones_and_projects_have_googles_forms() {
        for good in ["us-central1", "us-central1-a", "europe-west12", "northamerica-northeast1-c"] {
            assert!(location_name(good).is_ok(), "{good}");
        }
        for bad in ["us", "us-central", "US-central1", "us-central1-aa", "us-central1a", "1", "-1", ""] {
            assert!(location_name(bad).is_err(), "{bad}");
        }
        assert!(zone_name("us-central1").is_err());
        for good in ["spacemesh-198810", "example.com:my-project"] {
            assert!(project_name(good).is_ok(), "{good}");
        }
        for bad in ["short", "Upper-case", "ends-with-", "a b c d e f"] {
            assert!(project_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn versions_that_gke_cannot_have_are_refused() {
        for good in ["1.35", "1.35.5", "1.36.0-gke.3302004"] {
            assert!(kubernetes_version(good).is_ok(), "{good}");
        }
        for bad in ["1", "1.35-gke.1", "1.35.5-gke.", "2.0", "v1.35", "1.35.5.1", "latest"] {
            assert!(kubernetes_version(bad).is_err(), "{bad}");
        }
        assert!(kubernetes_version("1.21.14-gke.3000").unwrap_err().contains("any more"));
    }

    #[test]
    fn namespaces_of_kubernetes_itself_are_refused() {
        assert!(namespace_name("kube-system").is_err());
        assert!(namespace_name("Net").is_err());
        assert!(namespace_name("default").is_ok());
    }
}
