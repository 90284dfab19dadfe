use std::time::Duration;

use serde_json::Value;

use crate::go_duration;
use crate::identity::wallet_address;
use crate::node_config::{ConfigProblem, NetworkTiming, NodeConfig, missing, problem};

const LONGEST_EXTRA_DATA: usize = 255;

pub(super) fn check(config: NodeConfig<'_>, timing: &NetworkTiming) -> Vec<ConfigProblem> {
    [
        check_hare_ends(config, timing),
        check_hare_runs(config, timing),
        check_confidence(config, timing),
        check_extra_data(config),
        check_prefix(config),
        check_provider(config),
        check_rounds(config, timing),
        check_positioning(config, timing),
    ]
    .into_iter()
    .filter_map(Result::err)
    .collect()
}

/// `hare3.preround-delay + 7 * hare3.iterations-limit * hare3.round-duration <= tortoise-zdist * layer-duration`
fn check_hare_ends(config: NodeConfig<'_>, timing: &NetworkTiming) -> Result<(), ConfigProblem> {
    let delay = config.duration("hare3.preround-delay")?.unwrap_or_default();
    let round = config.duration("hare3.round-duration")?.unwrap_or_default();
    let iterations = config.number("hare3.iterations-limit")?.unwrap_or_default();
    let layers = config.number("tortoise.tortoise-zdist")?.unwrap_or_default();
    let hare = delay.saturating_add(times(round, iterations.saturating_mul(7)));
    let wait = times(timing.layer, layers);
    if hare <= wait {
        return Ok(());
    }
    let message = format!(
        "hare may take {} (preround-delay + 7 x iterations-limit x round-duration), but tortoise waits only {} \
         (tortoise-zdist x layer-duration): nodes refuse to start; lengthen layers or shorten rounds",
        go_duration::text(hare),
        go_duration::text(wait),
    );
    Err(missing("hare3", &message))
}

/// Hare must be on from the first layers that can bring rewards, and nodes check `disable-layer > enable-layer`.
fn check_hare_runs(config: NodeConfig<'_>, timing: &NetworkTiming) -> Result<(), ConfigProblem> {
    if !config.switch("hare3.enable") {
        return match config.given("hare3.enable") {
            Some(given) if !config.switch("hare4.enable") => Err(problem(
                "hare3.enable",
                given,
                "without hare nodes never agree: leave this out or set it to true",
            )),
            _ => Ok(()),
        };
    }
    let path = "hare3.enable-layer";
    let enable = config.number(path)?.unwrap_or_default();
    if let Some(disable) = config.number("hare3.disable-layer")?.filter(|disable| *disable <= enable) {
        let message = format!("it must be greater than hare3.enable-layer, which is {enable}");
        return Err(problem("hare3.disable-layer", &Value::from(disable), &message));
    }
    if enable <= u64::from(timing.first_rewarded_layer()) {
        return Ok(());
    }
    let message = format!(
        "hare would start at layer {enable}, long after the first layer that needs it ({}): set it to 0",
        timing.first_rewarded_layer()
    );
    Err(problem(path, &Value::from(enable), &message))
}

/// `hare-eligibility.eligibility-confidence-param < layers-per-epoch`
fn check_confidence(config: NodeConfig<'_>, timing: &NetworkTiming) -> Result<(), ConfigProblem> {
    let path = "hare-eligibility.eligibility-confidence-param";
    let confidence = config.number(path)?.unwrap_or_default();
    if confidence < u64::from(timing.layers_per_epoch) {
        return Ok(());
    }
    let message = format!("it must be less than main.layers-per-epoch, which is {}", timing.layers_per_epoch);
    Err(problem(path, &Value::from(confidence), &message))
}

fn check_extra_data(config: NodeConfig<'_>) -> Result<(), ConfigProblem> {
    let path = "genesis.genesis-extra-data";
    match config.given(path) {
        None => Ok(()),
        Some(Value::String(text)) if (1..=LONGEST_EXTRA_DATA).contains(&text.len()) => Ok(()),
        Some(given) => Err(problem(
            path,
            given,
            "it must be a text of 1 to 255 bytes; leave it out to use the network's name",
        )),
    }
}

fn check_prefix(config: NodeConfig<'_>) -> Result<(), ConfigProblem> {
    let path = "main.network-hrp";
    let Some(given) = config.given(path) else { return Ok(()) };
    let good = given.as_str().is_some_and(|prefix| wallet_address(&[0; 32], prefix).is_ok());
    if good {
        Ok(())
    } else {
        Err(problem(path, given, "it must be a text that can start an address, such as \"stest\""))
    }
}

/// The node decodes the provider into a number and refuses a text.
fn check_provider(config: NodeConfig<'_>) -> Result<(), ConfigProblem> {
    let path = "smeshing.smeshing-opts.smeshing-opts-provider";
    match config.given(path) {
        Some(given) if given.as_u64().is_none() => {
            Err(problem(path, given, "it must be a number without quotes; 4294967295 is the processor"))
        }
        _ => Ok(()),
    }
}

/// `0 < cycle-gap < epoch` and `phase-shift < epoch`: rounds start at `genesis + phase-shift + e * epoch` and end `cycle-gap` before the next one.
fn check_rounds(config: NodeConfig<'_>, timing: &NetworkTiming) -> Result<(), ConfigProblem> {
    let Some(poet) = timing.poet else { return Ok(()) };
    let epoch = timing.epoch();
    let wrong = |path: &str, duration: Duration, what: &str| {
        let value =
            config.effective(path).cloned().unwrap_or_else(|| Value::from(go_duration::text(duration)));
        let message = format!(
            "{what}; an epoch lasts {} (layer-duration x layers-per-epoch)",
            go_duration::text(epoch)
        );
        Err(problem(path, &value, &message))
    };
    if poet.cycle_gap.is_zero() || poet.cycle_gap >= epoch {
        return wrong(
            "poet.cycle-gap",
            poet.cycle_gap,
            "it must be more than nothing and less than an epoch",
        );
    }
    if poet.phase_shift >= epoch {
        return wrong("poet.phase-shift", poet.phase_shift, "it must be less than an epoch");
    }
    if poet.grace_period >= epoch {
        return wrong("poet.grace-period", poet.grace_period, "it must be less than an epoch");
    }
    Ok(())
}

/// `positioning-atx-selection-timeout < grace-period`
fn check_positioning(config: NodeConfig<'_>, timing: &NetworkTiming) -> Result<(), ConfigProblem> {
    let path = "poet.positioning-atx-selection-timeout";
    let (Some(given), Some(poet)) = (config.given(path), timing.poet) else { return Ok(()) };
    let timeout = config.duration(path)?.unwrap_or_default();
    if timeout < poet.grace_period {
        return Ok(());
    }
    let message =
        format!("it must be less than poet.grace-period, which is {}", go_duration::text(poet.grace_period));
    Err(problem(path, given, &message))
}

fn times(duration: Duration, count: u64) -> Duration {
    duration.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::consensus::check;
    use crate::node_config::set;
    use crate::spec::Generation;

    /// Paths of the problems of a good config in which one value is another.
    fn problems_with(path: &str, value: Value) -> Vec<String> {
        let mut config =
            json!({"preset": "fastnet", "main": {"layer-duration": "15s", "layers-per-epoch": 4}});
        set(&mut config, path, value).unwrap();
        check(Generation::V1, &config).into_iter().map(|problem| problem.path).collect()
    }

    #[test]
    fn hare_may_take_as_long_as_tortoise_waits_and_no_longer() {
        assert_eq!(problems_with("hare3.preround-delay", json!("20s200ms")), [""; 0]);
        assert_eq!(problems_with("hare3.preround-delay", json!("20s201ms")), ["hare3"]);
    }

    #[test]
    fn hare_must_be_enabled_in_time() {
        assert_eq!(problems_with("hare3.enable", json!(false)), ["hare3.enable"]);
        assert_eq!(problems_with("hare3.enable-layer", json!(9)), ["hare3.enable-layer"]);
        assert_eq!(problems_with("hare3.disable-layer", json!(0)), ["hare3.disable-layer"]);
        let mainnet = json!({"main": {"layer-duration": "5m", "layers-per-epoch": 4032}});
        let paths: Vec<_> = check(Generation::V1, &mainnet).into_iter().map(|problem| problem.path).collect();
        assert_eq!(paths, ["hare3.enable-layer"]);
    }

    #[test]
    fn confidence_must_be_less_than_an_epoch() {
        assert_eq!(problems_with("hare-eligibility.eligibility-confidence-param", json!(3)), [""; 0]);
        assert_eq!(
            problems_with("hare-eligibility.eligibility-confidence-param", json!(4)),
            ["hare-eligibility.eligibility-confidence-param"]
        );
    }

    #[test]
    fn extra_data_prefix_and_provider_have_their_forms() {
        assert_eq!(problems_with("genesis.genesis-extra-data", json!("")), ["genesis.genesis-extra-data"]);
        assert_eq!(
            problems_with("genesis.genesis-extra-data", json!("x".repeat(256))),
            ["genesis.genesis-extra-data"]
        );
        assert_eq!(problems_with("main.network-hrp", json!("")), ["main.network-hrp"]);
        let provider = "smeshing.smeshing-opts.smeshing-opts-provider";
        assert_eq!(problems_with(provider, json!("0")), [provider]);
        assert_eq!(problems_with(provider, json!(0)), [""; 0]);
    }

    #[test]
    fn poet_rounds_must_fit_into_an_epoch() {
        assert_eq!(problems_with("poet.cycle-gap", json!("1m")), ["poet.cycle-gap"]);
        assert_eq!(problems_with("poet.cycle-gap", json!("0s")), ["poet.cycle-gap"]);
        assert_eq!(problems_with("poet.phase-shift", json!("1m")), ["poet.phase-shift"]);
        assert_eq!(problems_with("poet.cycle-gap", json!(30)), ["poet.cycle-gap"], "a number is no duration");
        let positioning = "poet.positioning-atx-selection-timeout";
        assert_eq!(problems_with(positioning, json!("10s")), [positioning]);
        assert_eq!(problems_with(positioning, json!("9s")), [""; 0]);
    }
}
