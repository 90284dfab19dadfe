//! What a zone and its region have to give: machine types and quota.

use serde::Deserialize;
use spacecraft_core::Result;
use spacecraft_core::quantity::Bytes;
use spacecraft_core::traits::{Accelerator, PreflightRequest};

use super::last_segment;
use crate::api::{Api, find};
use crate::gke::BOOT_DISK_GB;
use crate::number;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Zone {
    pub(crate) status: String,
    region: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MachineType {
    #[serde(deserialize_with = "number::lenient")]
    pub(crate) guest_cpus: u64,
    #[serde(deserialize_with = "number::lenient")]
    pub(crate) memory_mb: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Region {
    quotas: Vec<Quota>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Quota {
    metric: String,
    limit: f64,
    usage: f64,
}

/// An amount that a network will take from a quota.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Need {
    metric: String,
    amount: f64,
    unit: &'static str,
}

impl Zone {
    /// The region's name.
    pub(crate) fn region(&self) -> &str {
        last_segment(&self.region)
    }
}

impl Region {
    /// The needs that do not fit, each in a sentence. A metric that the region does not list is not limited by it.
    pub(crate) fn shortages(&self, needs: &[Need]) -> Vec<(String, String)> {
        needs.iter().filter_map(|need| self.shortage(need)).collect()
    }

    fn shortage(&self, need: &Need) -> Option<(String, String)> {
        let quota = self.quotas.iter().find(|quota| quota.metric == need.metric)?;
        if quota.usage + need.amount <= quota.limit {
            return None;
        }
        let Need { metric, amount, unit } = need;
        let (limit, usage) = (quota.limit, quota.usage);
        let text = format!(
            "the network needs {amount} {unit}, and {} of {limit} are free; ask for a higher quota or choose a smaller network",
            (limit - usage).max(0.0)
        );
        Some((metric.clone(), text))
    }
}

/// What of a network is there already, which is part of the usage of its region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Present {
    /// Its workers.
    pub(crate) workers: u32,
    /// Disk of its claims.
    pub(crate) disk: Bytes,
}

/// What a network takes from the quotas of its region, beyond what it has.
pub(crate) fn needs(request: &PreflightRequest, present: Present) -> Vec<Need> {
    let workers = request.cluster.workers.saturating_sub(present.workers);
    let machine = &request.cluster.machine;
    let each = |amount: u64| whole(amount) * f64::from(workers);
    let need = |metric: &str, amount: f64, unit| Need { metric: metric.to_owned(), amount, unit };
    let claims = Bytes(request.disk.0.saturating_sub(present.disk.0));
    let mut needs = vec![
        need(&processor_metric(&machine.machine_type), each(machine.cpu.0.div_ceil(1000)), "processors"),
        need("INSTANCES", each(1), "machines"),
        need("IN_USE_ADDRESSES", each(1) + f64::from(request.addresses), "addresses"),
        need("SSD_TOTAL_GB", each(BOOT_DISK_GB) + whole(claims.in_gibi_rounded_up()), "GB of disk"),
    ];
    if let Some(accelerator) = &request.cluster.accelerator {
        let amount = each(u64::from(accelerator.count));
        needs.push(need(&accelerator_metric(accelerator), amount, "accelerators"));
    }
    needs.retain(|need| need.amount > 0.0);
    needs
}

/// A count as a quota counts; beyond 32 bits no quota goes.
fn whole(amount: u64) -> f64 {
    f64::from(u32::try_from(amount).unwrap_or(u32::MAX))
}

/// The quota of processors of a machine series: the oldest and E2 share one, each other has its own.
fn processor_metric(machine_type: &str) -> String {
    match machine_type.split('-').next().unwrap_or_default() {
        "e2" | "n1" | "f1" | "g1" | "custom" => "CPUS".to_owned(),
        series => format!("{}_CPUS", series.to_ascii_uppercase()),
    }
}

/// The quota of an accelerator: `nvidia-tesla-t4` is `NVIDIA_T4_GPUS`.
fn accelerator_metric(accelerator: &Accelerator) -> String {
    let name = accelerator.accelerator_type.trim_start_matches("nvidia-").trim_start_matches("tesla-");
    format!("NVIDIA_{}_GPUS", name.to_ascii_uppercase().replace('-', "_"))
}

pub(crate) async fn zone(api: &Api, zone: &str) -> Result<Option<Zone>> {
    let url = api.compute(&["zones", zone]);
    find(api.get(&url).about("get zone", zone), "a zone").await
}

pub(crate) async fn region(api: &Api, region: &str) -> Result<Option<Region>> {
    let url = api.compute(&["regions", region]);
    find(api.get(&url).about("get region", region), "a region").await
}

pub(crate) async fn machine_type(api: &Api, zone: &str, name: &str) -> Result<Option<MachineType>> {
    let url = api.compute(&["zones", zone, "machineTypes", name]);
    find(api.get(&url).about("get machine type", name), "a machine type").await
}

#[cfg(test)]
mod unit_tests {
    use serde_json::json;
    use spacecraft_core::names::NetworkName;
    use spacecraft_core::quantity::MilliCpu;
    use spacecraft_core::traits::{ClusterRequest, MachineShape};

    use super::*;

    fn request() -> PreflightRequest {
        PreflightRequest {
            cluster: ClusterRequest {
                network: NetworkName::new("net1").unwrap(),
                kubernetes_version: None,
                release_channel: "regular".to_owned(),
                machine: MachineShape {
                    machine_type: "e2-standard-16".to_owned(),
                    cpu: MilliCpu::cores(16),
                    memory: Bytes::gibi(64),
                },
                workers: 3,
                most_workers: 5,
                accelerator: Some(Accelerator { accelerator_type: "nvidia-tesla-t4".to_owned(), count: 2 }),
                vpc: None,
            },
            disk: Bytes::gibi(110),
            disks: 11,
            addresses: 1,
            creates_cluster: true,
        }
    }

    fn amounts(present: Present) -> Vec<(String, f64)> {
        needs(&request(), present).into_iter().map(|need| (need.metric, need.amount)).collect()
    }

    #[test]
    fn a_new_cluster_needs_machines_and_what_is_on_them() {
        let expected = [
            ("CPUS", 48.0),
            ("INSTANCES", 3.0),
            ("IN_USE_ADDRESSES", 4.0),
            ("SSD_TOTAL_GB", 410.0),
            ("NVIDIA_T4_GPUS", 6.0),
        ];
        assert_eq!(amounts(Present::default()), expected.map(|(metric, amount)| (metric.to_owned(), amount)));
    }

    #[test]
    fn what_a_cluster_that_is_there_uses_already_is_not_asked_for_again() {
        let told = |workers, disk| amounts(Present { workers, disk: Bytes::gibi(disk) });
        let expected = [("IN_USE_ADDRESSES", 1.0)].map(|(metric, amount)| (metric.to_owned(), amount));
        assert_eq!(told(3, 110), expected);
        assert_eq!(told(4, 200), expected, "a pool that grew by itself has room");
    }

    #[test]
    fn a_network_that_grows_needs_its_new_workers_and_what_is_on_them() {
        let expected = [
            ("CPUS", 16.0),
            ("INSTANCES", 1.0),
            ("IN_USE_ADDRESSES", 2.0),
            ("SSD_TOTAL_GB", 110.0),
            ("NVIDIA_T4_GPUS", 2.0),
        ];
        let present = Present { workers: 2, disk: Bytes::gibi(100) };
        assert_eq!(amounts(present), expected.map(|(metric, amount)| (metric.to_owned(), amount)));
    }

    #[test]
    fn newer_machine_series_have_quotas_of_their_own() {
        assert_eq!(processor_metric("n2-standard-8"), "N2_CPUS");
        assert_eq!(processor_metric("c2d-highcpu-8"), "C2D_CPUS");
        assert_eq!(processor_metric("e2-medium"), "CPUS");
    }

    #[test]
    fn what_does_not_fit_is_told_with_what_is_free() {
        let region: Region = serde_json::from_value(json!({"quotas": [
            {"metric": "CPUS", "limit": 72.0, "usage": 24.5}, {"metric": "INSTANCES", "limit": 3.0}
        ]}))
        .unwrap();
        assert_eq!(
            region.shortages(&needs(&request(), Present::default())),
            [(
                "CPUS".to_owned(),
                "the network needs 48 processors, and 47.5 of 72 are free; ask for a higher quota or choose a smaller network"
                    .to_owned()
            )]
        );
    }
}
