//! Claims and volumes: provisioned by class, bound, released.

use serde_json::{Value, json};

use crate::kubernetes::Cluster;
use crate::kubernetes::deletion::DeleteOptions;
use crate::kubernetes::object::{self, items, set, text, text_or_empty};
use crate::kubernetes::quantity::Quantity;
use crate::kubernetes::resources::{CLAIMS, PODS, STORAGE_CLASSES, VOLUMES};
use crate::kubernetes::shape::CloudEffect;
use crate::kubernetes::store::Key;
use crate::moment::seconds_after;

const CLAIM_FINALIZER: &str = "kubernetes.io/pvc-protection";
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// Notes when the provisioning of a claim's volume began, until it is bound.
const PROVISIONING_SINCE: &str = "volume.kubernetes.io/provisioning-since";
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
const PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";

impl Cluster {
    pub(super) fn reconcile_claim(&mut self, key: &Key) {
        let Some(claim) = self.store.object(key) else { return };
        if object::is_terminating(&claim) {
            return self.release_claim(key);
        }
        match text_or_empty(&claim, "/status/phase") {
            "Bound" => self.grow_claim(key, &claim),
            _ => self.bind_claim(key, &claim),
        }
    }

    /// Lets a deleted claim go once no pod uses it.
    fn release_claim(&mut self, key: &Key) {
        let used = self.store.list(PODS, Some(&key.namespace)).any(|pod| {
            pod.pod.as_ref().is_some_and(|brief| brief.claims.contains(&key.name) && !brief.has_ended())
        });
        if !used {
            let volume =
                self.store.object(key).map(|claim| text_or_empty(&claim, "/spec/volumeName").to_owned());
            self.remove_finalizer(key, CLAIM_FINALIZER);
            if let Some(volume) = volume {
                self.reconcile(VOLUMES, "", &volume);
            }
        }
    }

    fn bind_claim(&mut self, key: &Key, claim: &Value) {
        let named = text_or_empty(claim, "/spec/volumeName");
        let found = if named.is_empty() { self.matching_volume(claim) } else { Some(named.to_owned()) };
        if let Some(volume) = found {
            return self.bind(key, claim, &volume);
        }
        let class =
            self.store.object(&Key::new(STORAGE_CLASSES, "", text_or_empty(claim, "/spec/storageClassName")));
        let Some(class) = class else { return };
        if self.waits_for_consumer(claim) && object::annotation(claim, SELECTED_NODE).is_none() {
            let message = "waiting for first consumer to be created before binding";
            return self.tell(
                claim,
                "Normal",
                "WaitForFirstConsumer",
                message,
                "persistentvolume-controller",
            );
        }
        self.provision(key, claim, &class);
    }

    /// A free volume that was made by hand and fits.
    fn matching_volume(&self, claim: &Value) -> Option<String> {
        let wanted = size_of(claim, "/spec/resources/requests/storage")?;
        let class = text_or_empty(claim, "/spec/storageClassName");
        self.store
            .list(VOLUMES, None)
            .filter(|stored| stored.phase == "Available")
            .map(|stored| stored.object())
            .find(|volume| {
                text_or_empty(volume, "/spec/storageClassName") == class
                    && size_of(volume, "/spec/capacity/storage").is_some_and(|size| size >= wanted)
            })
            .map(|volume| object::name(&volume).to_owned())
    }

    /// Makes a volume for a claim, some time after the claim could have one.
    fn provision(&mut self, key: &Key, claim: &Value, class: &Value) {
        let provisioner = text_or_empty(class, "/provisioner").to_owned();
        if provisioner == "kubernetes.io/no-provisioner" {
            return;
        }
        let begun = object::annotation(claim, PROVISIONING_SINCE).and_then(|at| at.parse().ok());
        let Some(begun) = begun else {
            let (now, due) = (self.now, seconds_after(self.now, self.shape.times.volume_seconds));
            self.edit(key, |claim| {
                object::annotate(claim, PROVISIONER, &provisioner);
                object::annotate(claim, PROVISIONING_SINCE, &now.to_string());
            });
            return self.reconcile_at(key, due);
        };
        let due = seconds_after(begun, self.shape.times.volume_seconds);
        if due > self.now {
            return self.reconcile_at(key, due);
        }
        let name = format!("pvc-{}", object::uid(claim));
        self.make_volume(key, claim, class, &name);
        self.bind(key, claim, &name);
        let message = format!("Successfully provisioned volume {name}");
        self.tell(claim, "Normal", "ProvisioningSucceeded", &message, &provisioner);
    }

    fn make_volume(&mut self, key: &Key, claim: &Value, class: &Value, name: &str) {
        let size = text_or_empty(claim, "/spec/resources/requests/storage");
        let driver = text_or_empty(class, "/provisioner");
        let class_name = object::name(class);
        let volume = json!({
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {
                "annotations": {PROVISIONED_BY: driver},
                "finalizers": ["kubernetes.io/pv-protection"],
            },
            "spec": {
                "capacity": {"storage": size},
                "accessModes": items(claim, "/spec/accessModes"),
                "persistentVolumeReclaimPolicy": text(class, "/reclaimPolicy").unwrap_or("Delete"),
                "storageClassName": class_name,
                "volumeMode": text(claim, "/spec/volumeMode").unwrap_or("Filesystem"),
                "csi": {"driver": driver, "fsType": "ext4", "volumeHandle": name},
                "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": key.namespace,
                    "name": key.name, "uid": object::uid(claim)},
            },
            "status": {"phase": "Bound"},
        });
        self.effects.push(CloudEffect::DiskWanted {
            volume: name.to_owned(),
            claim: key.name.clone(),
            namespace: key.namespace.clone(),
            size_bytes: size_of(claim, "/spec/resources/requests/storage").unwrap_or(0),
            labels: object::labels(claim),
            class: class_name.to_owned(),
            disk_type: text_or_empty(class, "/parameters/type").to_owned(),
        });
        self.make(&Key::new(VOLUMES, "", name), volume);
    }

    fn bind(&mut self, key: &Key, claim: &Value, volume: &str) {
        let place = Key::new(VOLUMES, "", volume);
        let Some(found) = self.store.object(&place) else { return };
        let owner = text_or_empty(&found, "/spec/claimRef/uid");
        if !owner.is_empty() && owner != object::uid(claim) {
            return;
        }
        self.edit(&place, |volume| {
            set(
                volume,
                "/spec/claimRef",
                json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "namespace": key.namespace, "name": key.name, "uid": object::uid(claim)}),
            );
            set(volume, "/status/phase", "Bound");
        });
        self.edit(key, |claim| {
            set(claim, "/spec/volumeName", volume);
            set(claim, "/status/phase", "Bound");
            set(claim, "/status/accessModes", items(claim, "/spec/accessModes").to_vec());
            set(claim, "/status/capacity", found.pointer("/spec/capacity").cloned().unwrap_or_default());
            object::annotate(claim, "pv.kubernetes.io/bind-completed", "yes");
            if let Some(all) = claim.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
                all.remove(PROVISIONING_SINCE);
            }
        });
        self.wake_pods(&key.namespace, |pod| pod.claims.contains(&key.name));
    }

    /// Gives a bound claim that asks for more its new size.
    fn grow_claim(&mut self, key: &Key, claim: &Value) {
        let wanted = claim.pointer("/spec/resources/requests/storage").cloned().unwrap_or_default();
        let has = size_of(claim, "/status/capacity/storage");
        if size_of(claim, "/spec/resources/requests/storage") <= has {
            return;
        }
        let volume = Key::new(VOLUMES, "", text_or_empty(claim, "/spec/volumeName"));
        self.edit(&volume, |volume| set(volume, "/spec/capacity/storage", wanted.clone()));
        self.edit(key, |claim| set(claim, "/status/capacity/storage", wanted));
    }

    pub(super) fn reconcile_volume(&mut self, key: &Key) {
        let Some(volume) = self.store.object(key) else { return };
        let claim = Key::new(
            CLAIMS,
            text_or_empty(&volume, "/spec/claimRef/namespace"),
            text_or_empty(&volume, "/spec/claimRef/name"),
        );
        let wanted = text_or_empty(&volume, "/spec/claimRef/uid");
        let held = self.store.get(&claim).is_some_and(|claim| claim.uid == wanted);
        if object::is_terminating(&volume) {
            if !held {
                self.remove_finalizer(key, "kubernetes.io/pv-protection");
            }
        } else if volume.pointer("/spec/claimRef/uid").is_none() {
            self.edit(key, |volume| set(volume, "/status/phase", "Available"));
        } else if !held {
            match text(&volume, "/spec/persistentVolumeReclaimPolicy") {
                Some("Delete") => drop(self.begin_deletion(key, &DeleteOptions::background())),
                _ => drop(self.edit(key, |volume| set(volume, "/status/phase", "Released"))),
            }
        }
    }

    /// Tells the host that a volume's disk is not needed any more.
    pub(in crate::kubernetes) fn disk_released(&mut self, volume: &Value) {
        let deletes = text(volume, "/spec/persistentVolumeReclaimPolicy") == Some("Delete");
        if deletes && object::annotation(volume, PROVISIONED_BY).is_some() {
            self.effects.push(CloudEffect::DiskReleased { volume: object::name(volume).to_owned() });
        }
    }
}

fn size_of(object: &Value, pointer: &str) -> Option<u64> {
    text(object, pointer).and_then(Quantity::parse).and_then(|size| u64::try_from(size.units()).ok())
}
