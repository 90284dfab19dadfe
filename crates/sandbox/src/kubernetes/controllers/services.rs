//! Services and ingresses: endpoints, load balancers, addresses.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::kubernetes::Cluster;
use crate::kubernetes::backends::target_port;
use crate::kubernetes::object::{self, flag, items, set, text, text_or_empty, texts, whole};
use crate::kubernetes::resources::{ENDPOINT_SLICES, INGRESS_CLASSES, PODS, SERVICES};
use crate::kubernetes::selector::Selector;
use crate::kubernetes::shape::{CloudEffect, LoadBalancerPort};
use crate::kubernetes::store::{Key, Stored};

/// Marks services whose load balancer was asked for, and holds them until it is gone.
const LOAD_BALANCER_FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";

impl Cluster {
    pub(super) fn reconcile_service(&mut self, key: &Key) {
        let Some(service) = self.store.object(key) else { return };
        let balanced = text(&service, "/spec/type") == Some("LoadBalancer");
        if object::is_terminating(&service) {
            self.remove_finalizer(key, LOAD_BALANCER_FINALIZER);
        } else if balanced {
            self.want_load_balancer(key, &service);
        } else if holds_load_balancer(&service) {
            self.load_balancer_released(&service);
            self.edit(key, |service| set(service, "/status/loadBalancer", json!({})));
            self.remove_finalizer(key, LOAD_BALANCER_FINALIZER);
        }
    }

    fn want_load_balancer(&mut self, key: &Key, service: &Value) {
        let ports: Vec<LoadBalancerPort> = items(service, "/spec/ports")
            .iter()
            .map(|port| {
                let number =
                    |pointer: &str| whole(port, pointer).and_then(|one| u16::try_from(one).ok()).unwrap_or(0);
                LoadBalancerPort {
                    protocol: text(port, "/protocol").unwrap_or("TCP").to_owned(),
                    port: number("/port"),
                    node_port: number("/nodePort"),
                }
            })
            .collect();
        let ranges = items(service, "/spec/loadBalancerSourceRanges");
        let effect = CloudEffect::LoadBalancerWanted {
            service_uid: object::uid(service).to_owned(),
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            ports,
            address: text_or_empty(service, "/spec/loadBalancerIP").to_owned(),
            source_ranges: ranges.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        };
        let request = serde_json::to_string(&effect).unwrap_or_default();
        if self.allocations.requested(object::uid(service)) == Some(request.as_str()) {
            return;
        }
        self.allocations.note_request(object::uid(service), request);
        self.effects.push(effect);
        self.edit(key, |service| {
            if let Some(finalizers) = object::list_mut(service, "/metadata/finalizers")
                && !finalizers.iter().any(|one| one == LOAD_BALANCER_FINALIZER)
            {
                finalizers.push(LOAD_BALANCER_FINALIZER.into());
            }
        });
    }

    /// Tells the host that a service's load balancer is not needed any more.
    pub(in crate::kubernetes) fn load_balancer_released(&mut self, service: &Value) {
        if !holds_load_balancer(service) && self.allocations.requested(object::uid(service)).is_none() {
            return;
        }
        self.allocations.forget_request(object::uid(service));
        self.effects.push(CloudEffect::LoadBalancerReleased {
            service_uid: object::uid(service).to_owned(),
            namespace: object::namespace(service).to_owned(),
            name: object::name(service).to_owned(),
        });
    }

    /// Gives a service the address of its load balancer.
    pub fn set_load_balancer_address(&mut self, service_uid: &str, address: &str) {
        let Some(key) = self.store.by_uid(service_uid).cloned().filter(|key| key.resource == SERVICES) else {
            return;
        };
        self.edit(&key, |service| {
            set(service, "/status/loadBalancer", json!({"ingress": [{"ip": address, "ipMode": "VIP"}]}));
        });
        if let Some(service) = self.store.object(&key) {
            self.tell(
                &service,
                "Normal",
                "EnsuredLoadBalancer",
                "Ensured load balancer",
                "service-controller",
            );
        }
    }

    pub(super) fn reconcile_endpoints(&mut self, key: &Key) {
        let Some(service) = self.store.object(key) else { return };
        let selector = texts(&service, "/spec/selector");
        if selector.is_empty() || object::is_terminating(&service) {
            return;
        }
        let slices: Vec<Key> = self
            .store
            .owned_by(object::uid(&service))
            .filter(|key| key.resource == ENDPOINT_SLICES)
            .cloned()
            .collect();
        let slice = slices.into_iter().next().unwrap_or_else(|| {
            Key::new(ENDPOINT_SLICES, &key.namespace, &format!("{}-{}", key.name, self.mint.letters(5)))
        });
        let selector = Selector::of_labels(selector);
        let pods: Vec<Arc<Stored>> = self
            .store
            .list(PODS, Some(&key.namespace))
            .filter(|pod| selector.matches(&pod.labels))
            .filter(|pod| pod.pod.as_ref().is_some_and(|brief| !brief.ip.is_empty() && !brief.has_ended()))
            .cloned()
            .collect();
        let object = slice_object(&service, &pods);
        if self.store.get(&slice).is_none() {
            return self.make(&slice, object);
        }
        self.edit(&slice, |stored| {
            for part in ["endpoints", "ports"] {
                set(stored, &format!("/{part}"), object.get(part).cloned().unwrap_or_default());
            }
        });
    }

    /// Gives an ingress the address of the load balancer of the controller of its class.
    pub(super) fn reconcile_ingress(&mut self, key: &Key) {
        let Some(ingress) = self.store.object(key) else { return };
        let class = text(&ingress, "/spec/ingressClassName")
            .or_else(|| object::annotation(&ingress, "kubernetes.io/ingress.class"))
            .unwrap_or_default();
        let known = self.store.object(&Key::new(INGRESS_CLASSES, "", class));
        let address = known.and_then(|class| self.controller_address(&class));
        let status = address.map_or_else(|| json!({}), |address| json!({"ingress": [{"ip": address}]}));
        self.edit(key, |ingress| set(ingress, "/status/loadBalancer", status));
    }

    /// The address of the service that the controller of an ingress class is reached by: one with a load balancer that
    /// the same release installed, or the only one that calls itself a controller.
    fn controller_address(&self, class: &Value) -> Option<String> {
        const INSTANCE: &str = "app.kubernetes.io/instance";
        let release = object::labels(class).get(INSTANCE).cloned();
        let balanced = |stored: &&Arc<Stored>| {
            let controller =
                stored.labels.get("app.kubernetes.io/component").map(String::as_str) == Some("controller");
            match &release {
                Some(release) => stored.labels.get(INSTANCE) == Some(release),
                None => controller,
            }
        };
        self.store
            .list(SERVICES, None)
            .filter(balanced)
            .map(|stored| stored.object())
            .find_map(|service| text(&service, "/status/loadBalancer/ingress/0/ip").map(str::to_owned))
    }
}

fn holds_load_balancer(service: &Value) -> bool {
    items(service, "/metadata/finalizers").iter().any(|one| one == LOAD_BALANCER_FINALIZER)
}

fn slice_object(service: &Value, pods: &[Arc<Stored>]) -> Value {
    let endpoints: Vec<Value> = pods.iter().map(|pod| endpoint(service, pod)).collect();
    let first = pods.first().map(|pod| pod.object()).unwrap_or_default();
    let ports: Vec<Value> = items(service, "/spec/ports")
        .iter()
        .filter_map(|port| {
            Some(json!({
                "name": text_or_empty(port, "/name"),
                "protocol": text(port, "/protocol").unwrap_or("TCP"),
                "port": target_port(port, &first)?,
            }))
        })
        .collect();
    let mut labels = object::labels(service);
    labels.insert("kubernetes.io/service-name".to_owned(), object::name(service).to_owned());
    labels.insert(
        "endpointslice.kubernetes.io/managed-by".to_owned(),
        "endpointslice-controller.k8s.io".to_owned(),
    );
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "labels": labels,
            "ownerReferences": [object::controller_reference(service)],
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": ports,
    })
}

fn endpoint(service: &Value, pod: &Stored) -> Value {
    let brief = pod.pod.clone().unwrap_or_default();
    let serving = brief.ready || flag(service, "/spec/publishNotReadyAddresses");
    json!({
        "addresses": [brief.ip],
        "conditions": {
            "ready": serving && !pod.terminating,
            "serving": serving,
            "terminating": pod.terminating,
        },
        "nodeName": brief.node,
        "targetRef": {"kind": "Pod", "namespace": pod.namespace, "name": pod.name, "uid": pod.uid},
    })
}
