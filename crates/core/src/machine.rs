//! What a worker machine has, and what of it pods can have.

use crate::quantity::{Bytes, MilliCpu, Resources};
use crate::traits::MachineShape;

/// Pods that a GKE worker takes.
pub const PODS_PER_WORKER: u32 = 110;

/// Persistent disks that can be attached to one machine, its boot disk aside.
pub const DISKS_PER_WORKER: u32 = 127;

/// Memory that GKE holds ready for evicting pods.
const EVICTION_RESERVE: Bytes = Bytes::mebi(100);

/// What GKE runs on each worker by itself: network agent, DNS cache, log and metrics agents, disk driver, metadata server. Requests seen on
/// default clusters, rounded up.
pub const SYSTEM_PER_WORKER: Resources = Resources { cpu: MilliCpu(500), memory: Bytes::mebi(800) };

/// How many pods that are.
pub const SYSTEM_PODS_PER_WORKER: u32 = 12;

/// What GKE runs once in a cluster by itself: DNS, metrics server, autoscalers, API tunnels.
pub const SYSTEM_PER_CLUSTER: Resources = Resources { cpu: MilliCpu(1000), memory: Bytes::gibi(1) };

/// Processor and memory of a predefined machine type of Compute Engine; none when the name is not one of the common series.
///
/// ```
/// use spacecraft_core::machine::predefined_shape;
/// use spacecraft_core::quantity::{Bytes, MilliCpu};
///
/// assert_eq!(predefined_shape("e2-standard-16"), Some((MilliCpu::cores(16), Bytes::gibi(64))));
/// assert_eq!(predefined_shape("my-own-type"), None);
/// ```
#[must_use]
pub fn predefined_shape(machine_type: &str) -> Option<(MilliCpu, Bytes)> {
    if let Some((_, shape)) = SHARED_CORE.iter().find(|(name, _)| *name == machine_type) {
        return Some(*shape);
    }
    let mut parts = machine_type.split('-');
    let (series, class, cores) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || cores.starts_with('0') {
        return None;
    }
    let cores: u64 = cores.parse().ok().filter(|cores| (1..=416).contains(cores))?;
    let (_, mebibytes_a_core) = SERIES
        .iter()
        .find(|(known, _)| *known == series)
        .and_then(|(_, classes)| classes.iter().find(|(known, _)| *known == class))?;
    Some((MilliCpu::cores(cores), Bytes::mebi(cores * mebibytes_a_core)))
}

const SHARED_CORE: [(&str, (MilliCpu, Bytes)); 5] = [
    ("e2-micro", (MilliCpu(250), Bytes::gibi(1))),
    ("e2-small", (MilliCpu(500), Bytes::gibi(2))),
    ("e2-medium", (MilliCpu(1000), Bytes::gibi(4))),
    ("g1-small", (MilliCpu(500), Bytes::mebi(1740))),
    ("f1-micro", (MilliCpu(200), Bytes::mebi(614))),
];

/// Mebibytes of memory for each core, by series and class.
const SERIES: [(&str, &[(&str, u64)]); 12] = [
    ("e2", &[("standard", 4096), ("highmem", 8192), ("highcpu", 1024)]),
    ("n1", &[("standard", 3840), ("highmem", 6656), ("highcpu", 921)]),
    ("n2", &[("standard", 4096), ("highmem", 8192), ("highcpu", 1024)]),
    ("n2d", &[("standard", 4096), ("highmem", 8192), ("highcpu", 1024)]),
    ("n4", &[("standard", 4096), ("highmem", 8192), ("highcpu", 2048)]),
    ("c2", &[("standard", 4096)]),
    ("c2d", &[("standard", 4096), ("highmem", 8192), ("highcpu", 2048)]),
    ("c3", &[("standard", 4096), ("highmem", 8192), ("highcpu", 2048)]),
    ("c3d", &[("standard", 4096), ("highmem", 8192), ("highcpu", 2048)]),
    ("c4", &[("standard", 3840), ("highmem", 7936), ("highcpu", 2048)]),
    ("t2d", &[("standard", 4096)]),
    ("t2a", &[("standard", 4096)]),
];

/// What pods can have of a machine, by GKE's published reservations: of processor 6 % of the first core, 1 % of the second, 0.5 % of the
/// next two and 0.25 % of the rest; of memory 25 % of the first 4 GiB, 20 % of the next 4, 10 % of the next 8, 6 % of the next 112 and 2 %
/// above, and 100 MiB for evictions.
#[must_use]
pub fn allocatable(machine: &MachineShape) -> Resources {
    let cpu = MilliCpu(machine.cpu.0.saturating_sub(reserved_millicpu(machine.cpu.0)));
    let kept = reserved_memory(machine.memory.0).saturating_add(EVICTION_RESERVE.0);
    Resources { cpu, memory: Bytes(machine.memory.0.saturating_sub(kept)) }
}

/// Hundred-thousandths of each slice that are kept back, in order; the last slice has no end.
fn reserved(amount: u64, slices: &[(u64, u64)], rest: u64) -> u64 {
    let mut left = amount;
    let mut kept = 0_u128;
    for (slice, share) in slices {
        let part = left.min(*slice);
        kept += u128::from(part) * u128::from(*share);
        left -= part;
    }
    kept += u128::from(left) * u128::from(rest);
    u64::try_from(kept.div_ceil(100_000)).unwrap_or(amount)
}

fn reserved_millicpu(millicpu: u64) -> u64 {
    reserved(millicpu, &[(1000, 6_000), (1000, 1_000), (2000, 500)], 250)
}

fn reserved_memory(bytes: u64) -> u64 {
    const GIBI: u64 = Bytes::gibi(1).0;
    reserved(bytes, &[(4 * GIBI, 25_000), (4 * GIBI, 20_000), (8 * GIBI, 10_000), (112 * GIBI, 6_000)], 2_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shape(cores: u64, gibi: u64) -> MachineShape {
        MachineShape { machine_type: String::new(), cpu: MilliCpu::cores(cores), memory: Bytes::gibi(gibi) }
    }

    #[test]
    fn a_standard_machine_of_16_cores_keeps_back_what_gke_documents() {
        let pods = allocatable(&shape(16, 64));
        assert_eq!(pods.cpu, MilliCpu(15_890));
        // 1 + 0.8 + 0.8 + 2.88 GiB, and 100 MiB.
        assert_eq!(64 * 1024 - pods.memory.0 / (1 << 20), 5712);
    }

    #[test]
    fn types_of_unknown_series_or_sizes_are_not_guessed() {
        for name in
            ["", "e2", "e2-standard", "e2-standard-0", "e2-standard-016", "e2-custom-4-8192", "x9-standard-4"]
        {
            assert_eq!(predefined_shape(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn pods_never_get_more_than_the_machine_has(cores in 0_u64..500, gibi in 0_u64..20_000) {
            let machine = shape(cores, gibi);
            let pods = allocatable(&machine);
            prop_assert!(pods.cpu <= machine.cpu && pods.memory <= machine.memory);
        }
    }
}
