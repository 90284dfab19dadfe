//! Machine types: how many CPUs and how much memory a name stands for.

use serde_json::{Value, json};

/// What a machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine {
    pub(crate) milli_cpus: u64,
    pub(crate) memory_mib: u64,
}

/// The series that the sandbox's zones offer, with hundredths of a GiB per CPU in their `standard`,
/// `highmem` and `highcpu` shapes.
const SERIES: [(&str, [u64; 3]); 8] = [
    ("n1", [375, 650, 90]),
    ("n2", [400, 800, 100]),
    ("n2d", [400, 800, 100]),
    ("e2", [400, 800, 100]),
    ("c2", [400, 400, 400]),
    ("c2d", [400, 800, 200]),
    ("c3", [400, 800, 200]),
    ("t2d", [400, 400, 400]),
];
const SIZES: [u64; 12] = [1, 2, 4, 8, 16, 22, 30, 32, 48, 64, 80, 96];
const SHARED_CORE: [(&str, u64, u64); 3] =
    [("e2-micro", 2_000, 1_024), ("e2-small", 2_000, 2_048), ("e2-medium", 2_000, 4_096)];

/// The machine of a type's name, as in `n2-standard-8`.
pub(crate) fn machine(name: &str) -> Option<Machine> {
    if let Some((_, milli_cpus, memory_mib)) = SHARED_CORE.iter().find(|(shared, ..)| *shared == name) {
        return Some(Machine { milli_cpus: *milli_cpus, memory_mib: *memory_mib });
    }
    let mut parts = name.splitn(3, '-');
    let (series, shape, size) = (parts.next()?, parts.next()?, parts.next()?);
    let (_, ratios) = SERIES.iter().find(|(known, _)| *known == series)?;
    let shape = ["standard", "highmem", "highcpu"].into_iter().position(|known| known == shape)?;
    let ratio = ratios.get(shape)?;
    let cpus = SIZES.into_iter().find(|known| known.to_string() == size)?;
    Some(Machine { milli_cpus: cpus * 1_000, memory_mib: cpus * 1_024 * ratio / 100 })
}

impl Machine {
    /// What the kubelet leaves to pods, by GKE's reservations: 6 % of the first core, 1 % of the second, 0.5 % of the
    /// next two, 0.25 % of the rest; 25 % of the first 4 GiB, 20 % of the next 4, 10 % of the next 8, 6 % of the next
    /// 112, 2 % above, and 100 MiB.
    pub(crate) fn allocatable(self) -> Self {
        let cpu_bands = [(1_000, 600), (1_000, 100), (2_000, 50), (u64::MAX, 25)];
        let memory_bands = [(4_096, 2_500), (4_096, 2_000), (8_192, 1_000), (114_688, 600), (u64::MAX, 200)];
        Self {
            milli_cpus: self.milli_cpus.saturating_sub(reserved(self.milli_cpus, &cpu_bands)),
            memory_mib: self.memory_mib.saturating_sub(reserved(self.memory_mib, &memory_bands) + 100),
        }
    }
}

/// The sum over bands of (width, share in ten thousandths), rounded up.
fn reserved(amount: u64, bands: &[(u64, u64)]) -> u64 {
    let mut rest = amount;
    let mut ten_thousandths = 0;
    for (width, share) in bands {
        let part = rest.min(*width);
        ten_thousandths += part * share;
        rest -= part;
    }
    ten_thousandths.div_ceil(10_000)
}

/// The resource of a machine type in a zone; `prefix` is the address of the project.
pub(crate) fn resource(prefix: &str, zone: &str, name: &str) -> Option<Value> {
    let machine = machine(name)?;
    Some(json!({
        "kind": "compute#machineType",
        "name": name,
        "guestCpus": machine.milli_cpus / 1_000,
        "memoryMb": machine.memory_mib,
        "isSharedCpu": SHARED_CORE.iter().any(|(shared, ..)| *shared == name),
        "maximumPersistentDisks": 128,
        "zone": zone,
        "selfLink": format!("{prefix}/zones/{zone}/machineTypes/{name}"),
    }))
}

/// The names of all machine types.
pub(crate) fn names() -> Vec<String> {
    let sized = SERIES.iter().flat_map(|(series, _)| {
        ["standard", "highmem", "highcpu"]
            .into_iter()
            .flat_map(move |shape| SIZES.into_iter().map(move |size| format!("{series}-{shape}-{size}")))
    });
    SHARED_CORE.iter().map(|(name, ..)| (*name).to_owned()).chain(sized).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_size() {
        assert_eq!(machine("n2-standard-8"), Some(Machine { milli_cpus: 8_000, memory_mib: 32_768 }));
        assert_eq!(machine("n1-standard-4"), Some(Machine { milli_cpus: 4_000, memory_mib: 15_360 }));
        assert_eq!(machine("e2-medium"), Some(Machine { milli_cpus: 2_000, memory_mib: 4_096 }));
        for unknown in
            ["", "n2", "n2-standard", "n2-standard-7", "n9-standard-8", "n2-standard-08", "x-y-z-w"]
        {
            assert_eq!(machine(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn allocatable_follows_the_published_bands() {
        let allocatable = machine("n2-standard-4").unwrap().allocatable();
        assert_eq!(allocatable.milli_cpus, 4_000 - 80);
        assert_eq!(allocatable.memory_mib, 16_384 - 1_024 - 820 - 820 - 100 + 1);
    }

    #[test]
    fn every_listed_name_is_known() {
        assert!(names().iter().all(|name| machine(name).is_some()));
    }
}
