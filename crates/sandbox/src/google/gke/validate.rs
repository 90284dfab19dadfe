//! What GKE refuses in a cluster or node pool, and what it fills in.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{super::ApiError, versions};
use crate::google::{compute::catalog, machines};

const MAX_EXCLUSION_DAYS: i64 = 90;

/// A cluster as GKE accepts it.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) spec: Map<String, Value>,
    pub(crate) pools: Vec<Map<String, Value>>,
}

/// Checks a cluster to be created and fills in defaults.
pub(crate) fn cluster(
    mut spec: Map<String, Value>,
    location: &str,
    now: Timestamp,
) -> Result<Accepted, ApiError> {
    let name = take_text(&mut spec, "name");
    check_name("cluster.name", &name, 40)?;
    let version = resolve_version(&mut spec)?;
    check_labels(&spec)?;
    if let Some(policy) = spec.get("maintenancePolicy") {
        maintenance_policy(policy, now)?;
    }
    let uses_pools = spec.contains_key("nodePools");
    if uses_pools && (spec.contains_key("nodeConfig") || spec.contains_key("initialNodeCount")) {
        return Err(ApiError::invalid(
            "Cluster.initial_node_count and Cluster.node_config must not be set if Cluster.node_pools is specified.",
        ));
    }
    if exclusive_ranges(&spec) {
        return Err(ApiError::invalid(
            "Cannot specify both cluster_ipv4_cidr and ip_allocation_policy.use_ip_aliases.",
        ));
    }
    let zones = cluster_zones(&spec, location)?;
    let pools = requested_pools(&mut spec);
    let channel = release_channel(&spec);
    let pools: Vec<_> =
        pools.into_iter().map(|spec| pool(spec, &zones, channel.as_deref())).collect::<Result<_, _>>()?;
    if pools.is_empty() {
        return Err(ApiError::invalid("Cluster.initial_node_count must be greater than zero."));
    }
    fill_cluster(&mut spec, &zones);
    Ok(Accepted { name, version, spec, pools })
}

fn exclusive_ranges(spec: &Map<String, Value>) -> bool {
    let aliases = spec.get("ipAllocationPolicy").is_some_and(|policy| policy["useIpAliases"] == true);
    aliases && spec.contains_key("clusterIpv4Cidr")
}

fn resolve_version(spec: &mut Map<String, Value>) -> Result<String, ApiError> {
    let asked = take_text(spec, "initialClusterVersion");
    let channel = release_channel(spec);
    let known = channel.as_deref().and_then(versions::channel);
    let unsupported = || ApiError::invalid(format!("Master version \"{asked}\" is unsupported."));
    let (version, channel) = versions::resolve(&asked, known).ok_or_else(unsupported)?;
    spec.insert("releaseChannel".to_owned(), json!({"channel": channel.name}));
    Ok(version.to_owned())
}

/// The release channel of a cluster's spec, if it has one.
pub(crate) fn release_channel(spec: &Map<String, Value>) -> Option<String> {
    let channel = spec.get("releaseChannel")?["channel"].as_str()?;
    (channel != "UNSPECIFIED").then(|| channel.to_owned())
}

fn cluster_zones(spec: &Map<String, Value>, location: &str) -> Result<Vec<String>, ApiError> {
    let listed: Vec<String> = spec
        .get("locations")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|zone| Some(zone.as_str()?.to_owned()))
        .collect();
    if listed.is_empty() {
        return Ok(catalog::zones_of(location).into_iter().take(3).collect());
    }
    check_zones(&listed, location)?;
    Ok(listed)
}

fn check_zones(zones: &[String], location: &str) -> Result<(), ApiError> {
    let region = catalog::region_of(location);
    match zones.iter().find(|zone| !catalog::is_zone(zone) || catalog::region_of(zone) != region) {
        Some(zone) => Err(ApiError::invalid(format!("Location \"{zone}\" is not in region \"{region}\"."))),
        None => Ok(()),
    }
}

/// The pools of the request: those listed, or the one that the deprecated fields describe.
fn requested_pools(spec: &mut Map<String, Value>) -> Vec<Map<String, Value>> {
    if let Some(Value::Array(pools)) = spec.remove("nodePools") {
        return pools
            .into_iter()
            .filter_map(|pool| if let Value::Object(pool) = pool { Some(pool) } else { None })
            .collect();
    }
    let Some(count) = spec.remove("initialNodeCount") else { return Vec::new() };
    let config = spec.remove("nodeConfig").unwrap_or_else(|| json!({}));
    let mut pool = Map::new();
    pool.insert("name".to_owned(), json!("default-pool"));
    pool.insert("initialNodeCount".to_owned(), count);
    pool.insert("config".to_owned(), config);
    vec![pool]
}

/// Checks a node pool and fills in defaults; `zones` are the cluster's.
pub(crate) fn pool(
    mut spec: Map<String, Value>,
    zones: &[String],
    channel: Option<&str>,
) -> Result<Map<String, Value>, ApiError> {
    let name = spec.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    check_name("node_pool.name", &name, 40)?;
    let config = spec.entry("config").or_insert_with(|| json!({}));
    fill_config(config)?;
    spec.entry("locations").or_insert_with(|| json!(zones));
    if let Some(first) = zones.first() {
        check_zones(&listed_zones(&spec), first)?;
    }
    management(
        spec.entry("management").or_insert_with(|| json!({"autoUpgrade": true, "autoRepair": true})),
        channel,
    )?;
    if let Some(value) = spec.get("autoscaling") {
        autoscaling(value)?;
    }
    let pods = spec.entry("maxPodsConstraint").or_insert_with(|| json!({"maxPodsPerNode": "110"}));
    let pods_per_node = pods["maxPodsPerNode"].as_str().and_then(|text| text.parse::<u32>().ok());
    if !pods_per_node.is_some_and(|pods| (8..=256).contains(&pods)) {
        return Err(ApiError::invalid(
            "NodePool.max_pods_constraint.max_pods_per_node must be between 8 and 256.",
        ));
    }
    spec.entry("initialNodeCount").or_insert_with(|| json!(0));
    spec.entry("upgradeSettings").or_insert_with(|| json!({"maxSurge": 1, "strategy": "SURGE"}));
    Ok(spec)
}

fn listed_zones(spec: &Map<String, Value>) -> Vec<String> {
    let listed = spec.get("locations").and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(|zone| Some(zone.as_str()?.to_owned())).collect()
}

fn fill_config(config: &mut Value) -> Result<(), ApiError> {
    let defaults = json!({
        "machineType": "e2-medium", "diskSizeGb": 100, "diskType": "pd-standard", "imageType": "COS_CONTAINERD",
        "serviceAccount": "default", "shieldedInstanceConfig": {"enableIntegrityMonitoring": true},
        "metadata": {"disable-legacy-endpoints": "true"},
    });
    for (name, value) in defaults.as_object().into_iter().flatten() {
        if config.get(name).is_none() {
            config[name] = value.clone();
        }
    }
    let machine = config["machineType"].as_str().unwrap_or_default();
    if machines::machine(machine).is_none() {
        return Err(ApiError::invalid(format!("Machine type with name '{machine}' does not exist.")));
    }
    if config["diskSizeGb"].as_i64().unwrap_or_default() < 10 {
        return Err(ApiError::invalid("NodeConfig.disk_size_gb must be at least 10."));
    }
    Ok(())
}

/// Checks a pool's management against the cluster's release channel.
pub(crate) fn management(management: &Value, channel: Option<&str>) -> Result<(), ApiError> {
    match channel {
        Some(channel) if management["autoUpgrade"] != true => Err(ApiError::invalid(format!(
            "Auto_upgrade cannot be false when release_channel {channel} is set."
        ))),
        _ => Ok(()),
    }
}

/// Checks a pool's autoscaling limits.
pub(crate) fn autoscaling(autoscaling: &Value) -> Result<(), ApiError> {
    let number = |name: &str| autoscaling[name].as_i64().unwrap_or_default();
    let total = number("totalMaxNodeCount") > 0 || number("totalMinNodeCount") > 0;
    let each = number("maxNodeCount") > 0 || number("minNodeCount") > 0;
    if total && each {
        return Err(ApiError::invalid(
            "Autoscaling limits per zone and for the whole node pool must not be set together.",
        ));
    }
    let (low, high) =
        if total { ("totalMinNodeCount", "totalMaxNodeCount") } else { ("minNodeCount", "maxNodeCount") };
    if autoscaling["enabled"] == true && (number(high) < 1 || number(low) < 0 || number(low) > number(high)) {
        return Err(ApiError::invalid(format!(
            "Node pool autoscaling limits are invalid: minimum {} and maximum {}.",
            number(low),
            number(high)
        )));
    }
    Ok(())
}

/// Checks a maintenance policy: exclusions without upgrades last at most 90 days.
pub(crate) fn maintenance_policy(policy: &Value, now: Timestamp) -> Result<(), ApiError> {
    let exclusions = policy["window"]["maintenanceExclusions"].as_object();
    for (name, exclusion) in exclusions.into_iter().flatten() {
        check_exclusion(name, exclusion, now)?;
    }
    Ok(())
}

fn check_exclusion(name: &str, exclusion: &Value, now: Timestamp) -> Result<(), ApiError> {
    let invalid =
        |problem: &str| ApiError::invalid(format!("Maintenance exclusion \"{name}\" is invalid: {problem}."));
    let time = |field: &str| exclusion[field].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let options = &exclusion["maintenanceExclusionOptions"];
    let scope = options["scope"].as_str().unwrap_or("NO_UPGRADES");
    let until_support_ends = options["endTimeBehavior"] == "UNTIL_END_OF_SUPPORT";
    if until_support_ends && scope == "NO_UPGRADES" {
        return Err(invalid("end_time_behavior UNTIL_END_OF_SUPPORT needs a scope that allows patches"));
    }
    let start = time("startTime").ok_or_else(|| invalid("start_time is required"))?;
    let end = match time("endTime") {
        Some(end) => end,
        None if until_support_ends => return Ok(()),
        None => return Err(invalid("end_time is required")),
    };
    if end <= start || end <= now {
        return Err(invalid("end_time must be after start_time and in the future"));
    }
    let days = end.duration_since(start).as_hours() / 24;
    if scope == "NO_UPGRADES" && days > MAX_EXCLUSION_DAYS {
        return Err(invalid("a NO_UPGRADES exclusion can last at most 90 days"));
    }
    Ok(())
}

/// Checks the keys and values of `resourceLabels`.
pub(crate) fn check_labels(spec: &Map<String, Value>) -> Result<(), ApiError> {
    let labels = spec.get("resourceLabels").and_then(Value::as_object);
    for (key, value) in labels.into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        let lawful = |text: &str| {
            text.len() <= 63
                && text.chars().all(|c| c.is_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
        };
        let starts_well = key.chars().next().is_some_and(char::is_lowercase);
        if !starts_well || !lawful(key) || !lawful(value) {
            return Err(ApiError::invalid(format!(
                "Invalid field 'resource_labels': label \"{key}={value}\"."
            )));
        }
    }
    if labels.is_some_and(|labels| labels.len() > 64) {
        return Err(ApiError::invalid("Invalid field 'resource_labels': at most 64 labels are allowed."));
    }
    Ok(())
}

fn check_name(field: &str, name: &str, limit: usize) -> Result<(), ApiError> {
    let lawful = name.len() <= limit
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if lawful {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "Invalid value for field \"{field}\": \"{name}\". Names must be at most {limit} characters of lowercase \
         letters, digits and hyphens, start with a letter and end with a letter or digit."
    )))
}

fn fill_cluster(spec: &mut Map<String, Value>, zones: &[String]) {
    spec.insert("locations".to_owned(), json!(zones));
    for (name, value) in [("network", json!("default")), ("subnetwork", json!("default"))] {
        let short =
            spec.get(name).and_then(Value::as_str).and_then(|path| path.rsplit('/').next()).map(Value::from);
        spec.insert(name.to_owned(), short.unwrap_or(value));
    }
    spec.entry("loggingConfig").or_insert_with(
        || json!({"componentConfig": {"enableComponents": ["SYSTEM_COMPONENTS", "WORKLOADS"]}}),
    );
    spec.entry("addonsConfig")
        .or_insert_with(|| json!({"gcePersistentDiskCsiDriverConfig": {"enabled": true}}));
}

fn take_text(spec: &mut Map<String, Value>, field: &str) -> String {
    match spec.remove(field) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}
