use std::sync::LazyLock;

use serde_json::Value;

use crate::spec::Generation;

/// Values of a preset that matter here, by generation and name; the empty name is what holds without a preset.
struct Preset {
    generation: Generation,
    name: &'static str,
    value: Value,
}

static PRESETS: LazyLock<Vec<Preset>> = LazyLock::new(|| {
    let preset = |generation, name, text: &str| Preset {
        generation,
        name,
        value: serde_json::from_str(text).unwrap_or_default(),
    };
    vec![
        preset(Generation::V0, "", include_str!("../../configs/v0/presets/default.json")),
        preset(Generation::V0, "testnet", include_str!("../../configs/v0/presets/testnet.json")),
        preset(Generation::V0, "fastnet", include_str!("../../configs/v0/presets/fastnet.json")),
        preset(Generation::V1, "", include_str!("../../configs/v1/presets/default.json")),
        preset(Generation::V1, "testnet", include_str!("../../configs/v1/presets/testnet.json")),
        preset(Generation::V1, "fastnet", include_str!("../../configs/v1/presets/fastnet.json")),
        preset(Generation::V1, "standalone", include_str!("../../configs/v1/presets/standalone.json")),
    ]
});

static NOTHING: Value = Value::Null;

/// The names of a generation's presets.
pub(crate) fn preset_names(generation: Generation) -> Vec<&'static str> {
    let named = PRESETS.iter().filter(|preset| preset.generation == generation && !preset.name.is_empty());
    named.map(|preset| preset.name).collect()
}

/// The values of the preset `name`, or those that hold without one when there is no such preset.
pub(super) fn preset_or_default(generation: Generation, name: &str) -> &'static Value {
    let of =
        |name: &str| PRESETS.iter().find(|preset| preset.generation == generation && preset.name == name);
    of(name).or_else(|| of("")).map_or(&NOTHING, |preset| &preset.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_can_be_read() {
        for preset in PRESETS.iter() {
            assert!(preset.value.is_object(), "{} {}", preset.generation, preset.name);
        }
        assert_eq!(preset_names(Generation::V1), ["testnet", "fastnet", "standalone"]);
        assert_eq!(preset_names(Generation::V0), ["testnet", "fastnet"]);
    }
}
