//! The parts of load balancers, as somebody deletes them whose cluster is gone: forwarding rules, target pools, health checks.

use http::Method;
use serde_json::{Value, json};

use super::network::{PARTS, Part, health_check_of};
use super::{Compute, LoadBalancer, list, ok, project_link, resource_not_found, unknown_path};
use crate::{
    context::Context,
    google::{ApiError, PROJECT, Reply},
    wire::Request,
};

/// A kind of regional part: its name in paths, and how it is shown.
struct Kind {
    name: &'static str,
    part: Part,
    show: fn(&LoadBalancer) -> Option<Value>,
}

const FORWARDING_RULES: Kind =
    Kind { name: "forwardingRules", part: Part::ForwardingRule, show: LoadBalancer::to_json };
const TARGET_POOLS: Kind =
    Kind { name: "targetPools", part: Part::TargetPool, show: LoadBalancer::pool_json };

fn in_use(target: &str, user: &str) -> ApiError {
    ApiError::invalid(format!(
        "The resource 'projects/{PROJECT}/{target}' is already being used by 'projects/{PROJECT}/{user}'"
    ))
    .with_reason("resourceInUseByAnotherResource")
}

impl Compute {
    pub(super) fn handle_forwarding_rules(
        &mut self,
        request: &Request,
        region: &str,
        rest: &[&str],
        context: &mut Context<'_>,
    ) -> Reply {
        self.handle_parts(&FORWARDING_RULES, request, region, rest, context)
    }

    pub(super) fn handle_target_pools(
        &mut self,
        request: &Request,
        region: &str,
        rest: &[&str],
        context: &mut Context<'_>,
    ) -> Reply {
        self.handle_parts(&TARGET_POOLS, request, region, rest, context)
    }

    fn handle_parts(
        &mut self,
        kind: &Kind,
        request: &Request,
        region: &str,
        rest: &[&str],
        context: &mut Context<'_>,
    ) -> Reply {
        let here = self.load_balancers.values().filter(|balancer| balancer.region == region);
        match (&request.method, rest) {
            (&Method::GET, []) => {
                context.require(&format!("compute.{}.list", kind.name))?;
                list(request, &format!("compute#{}List", kind.name), here.filter_map(kind.show).collect())
            }
            (&Method::GET, [name]) => {
                context.require(&format!("compute.{}.get", kind.name))?;
                let found = here.filter(|balancer| balancer.name == *name).find_map(kind.show);
                let missing = || resource_not_found(&format!("regions/{region}/{}/{name}", kind.name));
                ok(&found.ok_or_else(missing)?)
            }
            (&Method::DELETE, [name]) => self.delete_part(kind, request, region, name, context),
            _ => Err(unknown_path(request)),
        }
    }

    fn delete_part(
        &mut self,
        kind: &Kind,
        request: &Request,
        region: &str,
        name: &str,
        context: &mut Context<'_>,
    ) -> Reply {
        context.require(&format!("compute.{}.delete", kind.name))?;
        if let Some(reply) = self.repeated(request, context)? {
            return reply;
        }
        let scope = format!("regions/{region}");
        let target = format!("{scope}/{}/{name}", kind.name);
        let balancer = self
            .load_balancers
            .values_mut()
            .find(|balancer| balancer.name == name && balancer.region == region && balancer.has(kind.part))
            .ok_or_else(|| resource_not_found(&target))?;
        if kind.part == Part::TargetPool && balancer.has(Part::ForwardingRule) {
            return Err(in_use(&target, &format!("{scope}/forwardingRules/{name}")));
        }
        balancer.gone.insert(kind.part);
        self.forget_spent_balancers();
        self.begin(request, "delete", &scope, &target, context)
    }

    /// A load balancer is gone once all its parts are.
    pub(super) fn forget_spent_balancers(&mut self) {
        self.load_balancers.retain(|_, balancer| balancer.gone.len() < PARTS);
    }

    /// The health checks of workers, and the firewall rules for them, that no load balancer needs any more.
    pub(crate) fn idle_health_checks(&self) -> impl Iterator<Item = &String> {
        self.health_checks.iter().filter(|check| !self.is_checked(check))
    }

    /// The firewall rules of health checks that no load balancer needs any more.
    pub(crate) fn idle_health_firewalls(&self) -> impl Iterator<Item = &String> {
        self.health_firewalls
            .keys()
            .filter(|rule| !rule.strip_suffix("-http-hc").is_some_and(|check| self.is_checked(check)))
    }

    /// True while a target pool uses the health check.
    fn is_checked(&self, check: &str) -> bool {
        let pools = self.load_balancers.values().filter(|balancer| balancer.has(Part::TargetPool));
        pools.into_iter().any(|balancer| health_check_of(&balancer.cluster) == check)
    }

    /// The controller of Services makes the health check of a cluster's workers with the first load balancer.
    pub(crate) fn add_health_check(&mut self, cluster: &str, node_tag: &str) {
        let check = health_check_of(cluster);
        self.health_firewalls.insert(format!("{check}-http-hc"), node_tag.to_owned());
        self.health_checks.insert(check);
    }

    /// And it removes it with the last.
    pub(crate) fn release_health_check(&mut self, cluster: &str) {
        if !self.load_balancers.values().any(|balancer| balancer.cluster == cluster) {
            let check = health_check_of(cluster);
            self.health_firewalls.remove(&format!("{check}-http-hc"));
            self.health_checks.remove(&check);
        }
    }

    pub(super) fn handle_health_checks(
        &mut self,
        request: &Request,
        rest: &[&str],
        context: &mut Context<'_>,
    ) -> Reply {
        let shown = |name: &String| {
            json!({
                "kind": "compute#httpHealthCheck", "name": name, "port": 10_256, "requestPath": "/healthz",
                "selfLink": format!("{}/global/httpHealthChecks/{name}", project_link()),
            })
        };
        match (&request.method, rest) {
            (&Method::GET, []) => {
                context.require("compute.httpHealthChecks.list")?;
                list(request, "compute#httpHealthCheckList", self.health_checks.iter().map(shown).collect())
            }
            (&Method::DELETE, [name]) => {
                context.require("compute.httpHealthChecks.delete")?;
                if let Some(reply) = self.repeated(request, context)? {
                    return reply;
                }
                let target = format!("global/httpHealthChecks/{name}");
                if self.is_checked(name) {
                    return Err(in_use(&target, "a target pool"));
                }
                if !self.health_checks.remove(*name) {
                    return Err(resource_not_found(&target));
                }
                self.begin(request, "delete", "global", &target, context)
            }
            _ => Err(unknown_path(request)),
        }
    }

    /// Deletes a firewall rule that GKE keeps for a load balancer or a health check; false when it is none.
    pub(super) fn delete_balancer_firewall(&mut self, name: &str) -> bool {
        let guarded = name.strip_prefix("k8s-fw-");
        let balancer = self
            .load_balancers
            .values_mut()
            .find(|balancer| guarded == Some(balancer.name.as_str()) && balancer.has(Part::Firewall));
        let found = balancer.map(|balancer| balancer.gone.insert(Part::Firewall)).is_some();
        self.forget_spent_balancers();
        found || self.health_firewalls.remove(name).is_some()
    }
}
