use std::time::Duration;

use serde_json::Value;

use crate::go_duration;
use crate::node_config::{ConfigProblem, NetworkTiming, NodeConfig, missing, problem};

pub(super) fn check(config: NodeConfig<'_>, timing: &NetworkTiming) -> Vec<ConfigProblem> {
    [check_hare(config, timing), check_network_id(config), check_services(config)]
        .into_iter()
        .filter_map(Result::err)
        .collect()
}

/// `layer-duration-sec * tortoise-zdist > hare-wakeup-delta + (1 + 4 * hare-limit-iterations) * hare-round-duration-sec`
fn check_hare(config: NodeConfig<'_>, timing: &NetworkTiming) -> Result<(), ConfigProblem> {
    let layers = config.number("tortoise.tortoise-zdist")?.unwrap_or_default();
    let iterations = config.number("hare.hare-limit-iterations")?.unwrap_or_default();
    let round = config.duration("hare.hare-round-duration-sec")?.unwrap_or_default();
    let wakeup = config.duration("hare.hare-wakeup-delta")?.unwrap_or_default();
    let rounds = iterations.saturating_mul(4).saturating_add(1);
    let hare = wakeup.saturating_add(times(round, rounds));
    let wait = times(timing.layer, layers);
    if wait > hare {
        return Ok(());
    }
    let message = format!(
        "hare may take {} (hare-wakeup-delta + (1 + 4 x hare-limit-iterations) x hare-round-duration-sec), but tortoise waits only {} \
         (tortoise-zdist x layer-duration-sec): nodes refuse to start; lengthen layers or shorten rounds",
        go_duration::text(hare),
        go_duration::text(wait),
    );
    Err(missing("hare", &message))
}

/// The P2P handshake and the data folder depend on the network id, so it has to be there.
fn check_network_id(config: NodeConfig<'_>) -> Result<(), ConfigProblem> {
    let path = "p2p.network-id";
    let Some(given) = config.given(path) else {
        return Err(missing(path, "the network id is missing: add a number that no other network has"));
    };
    match config.network_id() {
        Some(_) => Ok(()),
        None => Err(problem(path, given, "the network id is a number from 0 to 4294967295")),
    }
}

/// Services are listed in a text with commas or in an array.
fn check_services(config: NodeConfig<'_>) -> Result<(), ConfigProblem> {
    let Some(given) = config.given("api.grpc") else { return Ok(()) };
    let texts_only = |items: &Vec<Value>| items.iter().all(Value::is_string);
    if given.is_string() || given.as_array().is_some_and(texts_only) {
        return Ok(());
    }
    Err(problem(
        "api.grpc",
        given,
        "services are listed like \"node,mesh,globalstate\" or [\"node\", \"mesh\"]",
    ))
}

fn times(duration: Duration, count: u64) -> Duration {
    duration.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::consensus::check;
    use crate::spec::Generation;

    fn paths(config: &serde_json::Value) -> Vec<String> {
        check(Generation::V0, config).into_iter().map(|problem| problem.path).collect()
    }

    #[test]
    fn hare_must_end_before_tortoise_stops_waiting() {
        let with_round = |seconds: u64| {
            json!({
                "main": {"layer-duration-sec": 30, "layers-per-epoch": 6},
                "p2p": {"network-id": 1},
                "hare": {"hare-round-duration-sec": seconds, "hare-wakeup-delta": 9, "hare-limit-iterations": 5},
                "tortoise": {"tortoise-zdist": 8},
            })
        };
        assert_eq!(paths(&with_round(10)), [""; 0]);
        assert_eq!(paths(&with_round(11)), ["hare"]);
        let mut exactly = with_round(11);
        exactly["main"]["layer-duration-sec"] = json!(30);
        exactly["hare"]["hare-wakeup-delta"] = json!(240 - 21 * 11);
        assert_eq!(paths(&exactly), ["hare"], "equal is not enough");
    }

    #[test]
    fn the_network_id_must_be_a_number() {
        let with = |p2p: serde_json::Value| json!({"preset": "testnet", "main": {"layer-duration-sec": 120, "layers-per-epoch": 6}, "p2p": p2p});
        assert_eq!(paths(&with(json!({}))), ["p2p.network-id"]);
        assert_eq!(paths(&with(json!({"network-id": "x"}))), ["p2p.network-id"]);
        assert_eq!(paths(&with(json!({"network-id": 4_294_967_296_u64}))), ["p2p.network-id"]);
        assert_eq!(paths(&with(json!({"network-id": "7"}))), [""; 0]);
    }

    #[test]
    fn services_must_be_named_by_texts() {
        let config = json!({"preset": "testnet", "main": {"layer-duration-sec": 120, "layers-per-epoch": 6}, "p2p": {"network-id": 1}, "api": {"grpc": [1]}});
        assert_eq!(paths(&config), ["api.grpc"]);
    }
}
