//! Cluster IPs and node ports: which are taken, and which are given next.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::Cluster;
use super::object::{self, items, set, text, text_or_empty, texts, whole};
use super::selector::Selector;
use super::status::Mistake;

/// The range of node ports; the first 86 are given only to those who ask for them.
const NODE_PORTS: std::ops::RangeInclusive<i64> = 30000..=32767;
const STATIC_NODE_PORTS: i64 = 86;

/// What services have taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Allocations {
    addresses: BTreeSet<String>,
    node_ports: BTreeMap<(i64, String), String>,
    /// The selectors of services, by namespace and name.
    selectors: BTreeMap<(String, String), Selector>,
    /// What load balancers were last asked to be, by the UID of their service.
    requested: BTreeMap<String, String>,
}

fn node_ports(service: &Value) -> Vec<(i64, String)> {
    let mut ports: Vec<(i64, String)> = items(service, "/spec/ports")
        .iter()
        .filter_map(|port| {
            let number = whole(port, "/nodePort").filter(|number| *number != 0)?;
            Some((number, text(port, "/protocol").unwrap_or("TCP").to_owned()))
        })
        .collect();
    let health = whole(service, "/spec/healthCheckNodePort").filter(|number| *number != 0);
    ports.extend(health.map(|number| (number, "TCP".to_owned())));
    ports
}

impl Allocations {
    /// Notes what a service takes.
    pub(crate) fn take(&mut self, service: &Value) {
        if let Some(address) =
            text(service, "/spec/clusterIP").filter(|address| !matches!(*address, "" | "None"))
        {
            self.addresses.insert(address.to_owned());
        }
        for port in node_ports(service) {
            self.node_ports.insert(port, object::uid(service).to_owned());
        }
        let selector = texts(service, "/spec/selector");
        if !selector.is_empty() {
            let place = (object::namespace(service).to_owned(), object::name(service).to_owned());
            self.selectors.insert(place, Selector::of_labels(selector));
        }
    }

    /// Notes that a service takes it no longer.
    pub(crate) fn release(&mut self, service: &Value) {
        self.addresses.remove(text_or_empty(service, "/spec/clusterIP"));
        for port in node_ports(service) {
            self.node_ports.remove(&port);
        }
        self.selectors.remove(&(object::namespace(service).to_owned(), object::name(service).to_owned()));
    }

    /// The names and selectors of the services of a namespace.
    pub(crate) fn selectors<'a>(
        &'a self,
        namespace: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Selector)> {
        self.selectors
            .range((namespace.to_owned(), String::new())..)
            .take_while(move |((each, _), _)| each == namespace)
            .map(|((_, name), selector)| (name.as_str(), selector))
    }

    /// What the load balancer of a service was last asked to be.
    pub(crate) fn requested(&self, service_uid: &str) -> Option<&str> {
        self.requested.get(service_uid).map(String::as_str)
    }

    /// What every load balancer was last asked to be, by the UID of its service.
    pub(crate) fn requests(&self) -> &BTreeMap<String, String> {
        &self.requested
    }

    /// Takes back what load balancers were asked to be.
    pub(crate) fn restore_requests(&mut self, requested: BTreeMap<String, String>) {
        self.requested = requested;
    }

    /// Notes what the load balancer of a service is asked to be.
    pub(crate) fn note_request(&mut self, service_uid: &str, request: String) {
        self.requested.insert(service_uid.to_owned(), request);
    }

    /// Notes that a service has no load balancer any more.
    pub(crate) fn forget_request(&mut self, service_uid: &str) {
        self.requested.remove(service_uid);
    }

    fn is_free(&self, port: &(i64, String), uid: &str) -> bool {
        self.node_ports.get(port).is_none_or(|owner| owner == uid)
    }
}

impl Cluster {
    /// Gives a service the cluster IP and node ports that it needs and does not name.
    ///
    /// # Errors
    /// The mistakes in those that it names: out of range, or taken.
    pub(super) fn allocate(&mut self, service: &mut Value) -> Result<(), Vec<Mistake>> {
        let kind = text_or_empty(service, "/spec/type").to_owned();
        let mut mistakes = Vec::new();
        if kind == "ExternalName" {
            return Ok(());
        }
        self.allocate_address(service, &mut mistakes);
        if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
            self.allocate_node_ports(service, &mut mistakes);
        }
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
    }

    fn allocate_address(&mut self, service: &mut Value, mistakes: &mut Vec<Mistake>) {
        let asked = text_or_empty(service, "/spec/clusterIP").to_owned();
        let own = self.own_address(service);
        if asked.is_empty() {
            let address = self.free_address();
            set(service, "/spec/clusterIP", address);
        } else if asked != "None" && own.as_deref() != Some(&asked) {
            let [first, second] = self.shape.service_range;
            let parsed: Option<Ipv4Addr> = asked.parse().ok();
            if parsed.is_none_or(|address| address.octets()[..2] != [first, second]) {
                let detail = format!(
                    "failed to allocate IP {asked}: the provided IP ({asked}) is not in the valid range. \
                     The range of valid IPs is {first}.{second}.0.0/16"
                );
                mistakes.push(Mistake::invalid("spec.clusterIPs", json!([asked]), &detail));
            } else if self.allocations.addresses.contains(&asked) {
                let detail = format!("failed to allocate IP {asked}: provided IP is already allocated");
                mistakes.push(Mistake::invalid("spec.clusterIPs", json!([asked]), &detail));
            }
        }
        let address = text_or_empty(service, "/spec/clusterIP").to_owned();
        set(service, "/spec/clusterIPs", json!([address]));
    }

    fn own_address(&self, service: &Value) -> Option<String> {
        let key = super::store::Key::new(
            super::resources::SERVICES,
            object::namespace(service),
            object::name(service),
        );
        self.store.object(&key).and_then(|stored| text(&stored, "/spec/clusterIP").map(str::to_owned))
    }

    fn free_address(&mut self) -> String {
        let [first, second] = self.shape.service_range;
        loop {
            let drawn = self.mint.number();
            let [.., third, fourth] = drawn.to_be_bytes();
            let address = format!("{first}.{second}.{third}.{}", fourth.clamp(2, 254));
            if !self.allocations.addresses.contains(&address) {
                return address;
            }
        }
    }

    fn allocate_node_ports(&mut self, service: &mut Value, mistakes: &mut Vec<Mistake>) {
        let uid = object::uid(service).to_owned();
        let wants = object::flag(service, "/spec/allocateLoadBalancerNodePorts")
            || text(service, "/spec/type") == Some("NodePort");
        let mut taken: BTreeSet<(i64, String)> = node_ports(service).into_iter().collect();
        let mut ports = items(service, "/spec/ports").to_vec();
        for (index, port) in ports.iter_mut().enumerate() {
            let field = format!("spec.ports[{index}].nodePort");
            let protocol = text(port, "/protocol").unwrap_or("TCP").to_owned();
            match whole(port, "/nodePort").filter(|number| *number != 0) {
                Some(number) if !NODE_PORTS.contains(&number) => {
                    let detail =
                        "provided port is not in the valid range. The range of valid ports is 30000-32767";
                    mistakes.push(Mistake::invalid(field, number, detail));
                }
                Some(number) if !self.allocations.is_free(&(number, protocol.clone()), &uid) => {
                    mistakes.push(Mistake::invalid(field, number, "provided port is already allocated"));
                }
                Some(_) => {}
                None if wants => match self.free_node_port(&protocol, &taken) {
                    Some(number) => {
                        taken.insert((number, protocol));
                        set(port, "/nodePort", number);
                    }
                    None => mistakes.push(Mistake::invalid(
                        field,
                        0,
                        "failed to allocate a nodePort: range is full",
                    )),
                },
                None => {}
            }
        }
        set(service, "/spec/ports", ports);
        self.allocate_health_port(service, &taken);
    }

    fn allocate_health_port(&mut self, service: &mut Value, taken: &BTreeSet<(i64, String)>) {
        let local = text(service, "/spec/externalTrafficPolicy") == Some("Local");
        let balanced = text(service, "/spec/type") == Some("LoadBalancer");
        if local
            && balanced
            && whole(service, "/spec/healthCheckNodePort").unwrap_or(0) == 0
            && let Some(number) = self.free_node_port("TCP", taken)
        {
            set(service, "/spec/healthCheckNodePort", number);
        }
    }

    /// A free port: drawn at random from above the band kept for those who ask, or the first free one of all.
    fn free_node_port(&mut self, protocol: &str, taken: &BTreeSet<(i64, String)>) -> Option<i64> {
        let free = |cluster: &Self, number: i64| {
            let port = (number, protocol.to_owned());
            !taken.contains(&port) && cluster.allocations.is_free(&port, "")
        };
        let first = NODE_PORTS.start() + STATIC_NODE_PORTS;
        let count = NODE_PORTS.end() - first + 1;
        for _ in 0..32 {
            let drawn = i64::try_from(self.mint.number() % u64::try_from(count).unwrap_or(1)).unwrap_or(0);
            if free(self, first + drawn) {
                return Some(first + drawn);
            }
        }
        (first..=*NODE_PORTS.end()).chain(*NODE_PORTS.start()..first).find(|number| free(self, *number))
    }
}
