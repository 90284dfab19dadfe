//! Between the Kubernetes clusters and the cloud they run on: workers, disks and load balancers.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Entry, World, hosted::HostedCluster};
use crate::{
    google::{
        compute::{Disk, LoadBalancer, catalog},
        gke::cluster::Cluster,
    },
    kubernetes::Restoration,
    moment::seconds_after,
};

/// What a cluster makes its cloud do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloudEvent {
    /// A claim needs a disk.
    DiskWanted {
        /// The cluster's identifier.
        cluster: String,
        /// The name of the volume and of the disk: `pvc-` and the claim's identifier.
        volume: String,
        /// The claim's namespace.
        namespace: String,
        /// The claim's name.
        claim: String,
        /// The size asked for, in GiB.
        size_gib: u64,
        /// The disk type of the storage class, as in `pd-balanced`.
        kind: String,
        /// The zone of the worker that needs it, when known.
        zone: Option<String>,
        /// The labels of the storage class.
        labels: BTreeMap<String, String>,
    },
    /// A volume was deleted with its disk.
    DiskReleased {
        /// The cluster's identifier.
        cluster: String,
        /// The name of the volume and of the disk.
        volume: String,
    },
    /// A Service needs a load balancer.
    LoadBalancerWanted {
        /// The cluster's identifier.
        cluster: String,
        /// The Service's identifier.
        service_uid: String,
        /// The Service's namespace.
        namespace: String,
        /// The Service's name.
        service: String,
        /// The ports it listens on.
        ports: Vec<u16>,
    },
    /// A Service no longer needs its load balancer.
    LoadBalancerReleased {
        /// The Service's identifier.
        service_uid: String,
    },
}

impl World {
    /// Starts the Kubernetes APIs of clusters that came up, ends those of clusters that are gone, and hands workers over.
    pub(super) fn meet_clusters(&mut self, now: Timestamp) {
        let gke = &self.state.gke;
        self.state.workloads.retain_clusters(|id| gke.cluster_by_id(id).is_some());
        if self.replaying {
            return;
        }
        self.clusters.retain(|id, _| gke.cluster_by_id(id).is_some());
        for cluster in gke.clusters().filter(|cluster| cluster.has_control_plane()) {
            let hosted = self
                .clusters
                .entry(cluster.id.clone())
                .or_insert_with(|| HostedCluster::new(cluster, &self.state.settings, now));
            hosted.set_workers(cluster, now);
        }
    }

    /// Brings the clusters back whose objects a log held.
    pub(super) fn revive_clusters(
        &mut self,
        mut restorations: BTreeMap<String, Restoration>,
        now: Timestamp,
    ) {
        for cluster in self.state.gke.clusters().filter(|cluster| cluster.has_control_plane()) {
            let settings = &self.state.settings;
            let hosted = match restorations.remove(&cluster.id) {
                Some(restoration) => HostedCluster::restore(cluster, settings, restoration),
                None => HostedCluster::new(cluster, settings, now),
            };
            self.clusters.insert(cluster.id.clone(), hosted);
        }
    }

    /// Carries out what the clusters ask of their cloud, and logs what changed in them.
    pub(super) fn take_effects(&mut self, now: Timestamp) {
        self.announce_load_balancers(now);
        if self.replaying {
            return;
        }
        let ids: Vec<String> = self.clusters.keys().cloned().collect();
        for id in ids {
            let Some(hosted) = self.clusters.get_mut(&id) else { continue };
            let events = hosted.take_events(&id);
            for event in events {
                let mint_count = self.state.mint.count();
                self.apply_event(event.clone(), now);
                self.push_entry(Entry::Cloud { at: now, mint_count, event });
            }
            let Some(hosted) = self.clusters.get_mut(&id) else { continue };
            let changes = hosted.take_changes(now);
            if !changes.is_empty() {
                self.push_entry(Entry::Kubernetes { cluster: id, changes });
            }
        }
    }

    /// Makes a cloud event happen.
    pub(super) fn apply_event(&mut self, event: CloudEvent, now: Timestamp) {
        match event {
            CloudEvent::DiskWanted { cluster, volume, namespace, claim, size_gib, kind, zone, labels } => {
                let Some(owner) = self.state.gke.cluster_by_id(&cluster) else { return };
                let zone = zone.filter(|zone| catalog::is_zone(zone)).unwrap_or_else(|| first_zone(owner));
                let disk = Disk {
                    id: self.state.mint.number(),
                    name: volume.clone(),
                    zone: zone.clone(),
                    size_gb: size_gib,
                    kind,
                    labels: disk_labels(owner, labels),
                    description: disk_description(&volume, &namespace, &claim),
                    created: now,
                    cluster: Some(cluster),
                    gone_at: None,
                };
                self.state.compute.disks.insert(format!("{zone}/{volume}"), disk);
            }
            CloudEvent::DiskReleased { cluster, volume } => {
                let is_it =
                    |disk: &Disk| disk.name == volume && disk.cluster.as_deref() == Some(cluster.as_str());
                self.state.compute.disks.retain(|_, disk| !is_it(disk));
            }
            CloudEvent::LoadBalancerWanted { cluster, service_uid, namespace, service, ports } => {
                self.want_load_balancer(cluster, service_uid, namespace, service, ports, now);
            }
            CloudEvent::LoadBalancerReleased { service_uid } => {
                if let Some(released) = self.state.compute.load_balancers.remove(&service_uid) {
                    self.state.compute.release_health_check(&released.cluster);
                }
            }
        }
    }

    fn want_load_balancer(
        &mut self,
        cluster: String,
        service_uid: String,
        namespace: String,
        service: String,
        ports: Vec<u16>,
        now: Timestamp,
    ) {
        let Some(owner) = self.state.gke.cluster_by_id(&cluster) else { return };
        let (region, node_tag) = (catalog::region_of(&owner.location), owner.node_tag());
        if let Some(known) = self.state.compute.load_balancers.get_mut(&service_uid) {
            known.ports = ports;
            return;
        }
        self.state.compute.add_health_check(&cluster, &node_tag);
        let id = self.state.mint.number();
        let name: String = format!("a{}", service_uid.replace('-', "")).chars().take(32).collect();
        let balancer = LoadBalancer {
            id,
            name,
            region,
            address: format!("127.61.{}.{}", (id >> 8) % 250, id % 250 + 1),
            cluster,
            node_tag,
            namespace,
            service,
            ports,
            created: now,
            ready: seconds_after(now, self.state.settings.load_balancer_seconds),
            announced: false,
            gone: BTreeSet::new(),
        };
        self.state.compute.load_balancers.insert(service_uid, balancer);
    }

    /// Tells Services the addresses of load balancers that have become ready.
    fn announce_load_balancers(&mut self, now: Timestamp) {
        let due = self
            .state
            .compute
            .load_balancers
            .iter_mut()
            .filter(|(_, balancer)| !balancer.announced && balancer.ready <= now);
        for (service_uid, balancer) in due {
            balancer.announced = true;
            if let Some(hosted) = self.clusters.get_mut(&balancer.cluster) {
                hosted.set_load_balancer_address(service_uid, &balancer.address);
            }
        }
    }
}

fn first_zone(cluster: &Cluster) -> String {
    let zones = cluster.pools.iter().flat_map(crate::google::gke::cluster::Pool::zones);
    let fallback = catalog::zones_of(&cluster.location).into_iter().next().unwrap_or_default();
    zones.into_iter().next().unwrap_or(fallback)
}

/// The labels of a disk: the cluster's, its storage class' and those that GKE adds.
fn disk_labels(cluster: &Cluster, class_labels: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut labels: BTreeMap<String, String> = cluster.resource_labels().collect();
    labels.extend(class_labels);
    labels.insert("goog-k8s-cluster-name".to_owned(), cluster.name.clone());
    labels.insert("goog-k8s-cluster-location".to_owned(), cluster.location.clone());
    labels.insert("goog-gke-volume".to_owned(), String::new());
    labels
}

/// The note that the disk driver leaves on a disk.
fn disk_description(volume: &str, namespace: &str, claim: &str) -> String {
    serde_json::json!({
        "kubernetes.io/created-for/pv/name": volume,
        "kubernetes.io/created-for/pvc/name": claim,
        "kubernetes.io/created-for/pvc/namespace": namespace,
        "storage.gke.io/created-by": "pd.csi.storage.gke.io",
    })
    .to_string()
}
