use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{ConfigProblem, problem};
use crate::spec::Generation;
use crate::spelling::nearest;

/// Which keys a generation's node configs have, and what it has instead of the other generation's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCatalogue {
    generation: Generation,
    /// Paths that are taken; none where unknown keys are ignored by the node (v0).
    known: Option<Known>,
    /// What there is instead, by path; a path stands for all below it.
    replaced: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Known {
    exact: BTreeSet<String>,
    /// Paths below which any key is taken.
    open: BTreeSet<String>,
}

/// The name under which an operator's template folder may replace the catalogue of v1 keys.
pub const V1_KEYS: &str = "v1/config.keys";

impl KeyCatalogue {
    /// The catalogue of a generation: v0.2.17-beta.0, or v1.7.
    #[must_use]
    pub fn of(generation: Generation) -> Self {
        match generation {
            Generation::V0 => Self {
                generation,
                known: None,
                replaced: replacements(include_str!("../../configs/v0/replaced.keys")),
            },
            Generation::V1 => Self {
                generation,
                known: Some(known(include_str!("../../configs/v1/config.keys"))),
                replaced: replacements(include_str!("../../configs/v1/replaced.keys")),
            },
        }
    }

    /// The same catalogue with other known keys: one path a line, `.*` at its end for any keys below it, `#` for comments. Only v1 nodes refuse
    /// unknown keys, so for v0 nothing changes.
    #[must_use]
    pub fn with_known_keys(mut self, text: &str) -> Self {
        if self.known.is_some() {
            self.known = Some(known(text));
        }
        self
    }

    /// The generation whose keys these are.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    fn replacement(&self, path: &str) -> Option<&str> {
        self.replaced.get(path).map(String::as_str)
    }

    fn nearest_to(&self, path: &str) -> Option<&str> {
        let known = self.known.as_ref()?;
        nearest(path, known.exact.iter().map(String::as_str))
    }
}

impl Known {
    fn takes_all_below(&self, path: &str) -> bool {
        self.open.contains(path)
    }

    fn is_section(&self, path: &str) -> bool {
        let start = format!("{path}.");
        self.exact.range(start.clone()..).next().is_some_and(|next| next.starts_with(&start))
            || self.open.range(start.clone()..).next().is_some_and(|next| next.starts_with(&start))
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn known(text: &str) -> Known {
    let mut known = Known::default();
    for line in lines(text) {
        match line.strip_suffix(".*") {
            Some(open) => known.open.insert(open.to_owned()),
            None => known.exact.insert(line.to_owned()),
        };
    }
    known
}

fn replacements(text: &str) -> BTreeMap<String, String> {
    lines(text)
        .filter_map(|line| line.split_once(" = "))
        .map(|(path, instead)| (path.to_owned(), instead.to_owned()))
        .collect()
}

/// Keys of `config` that nodes of the catalogue's generation would refuse (v1) or ignore although they matter (v0).
#[must_use]
pub fn misplaced_keys(catalogue: &KeyCatalogue, config: &Value) -> Vec<ConfigProblem> {
    let mut problems = Vec::new();
    walk(catalogue, "", config, &mut problems);
    problems
}

fn walk(catalogue: &KeyCatalogue, above: &str, value: &Value, problems: &mut Vec<ConfigProblem>) {
    let Some(entries) = value.as_object() else { return };
    for (key, value) in entries {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        if let Some(instead) = catalogue.replacement(&path) {
            let message = format!("{} does not have this key; it has {instead}", catalogue.generation);
            problems.push(problem(&path, value, &message));
            continue;
        }
        match &catalogue.known {
            None => walk(catalogue, &path, value, problems),
            Some(known) if known.exact.contains(&path) => {}
            Some(known) if known.takes_all_below(&path) => walk_open(catalogue, &path, value, problems),
            Some(known) if known.is_section(&path) && value.is_object() => {
                walk(catalogue, &path, value, problems)
            }
            Some(_) => problems.push(unknown(catalogue, &path, value)),
        }
    }
}

/// Below an open section only keys that are known to be replaced are looked for.
fn walk_open(catalogue: &KeyCatalogue, above: &str, value: &Value, problems: &mut Vec<ConfigProblem>) {
    let closed = KeyCatalogue { known: None, ..catalogue.clone() };
    walk(&closed, above, value, problems);
}

fn unknown(catalogue: &KeyCatalogue, path: &str, value: &Value) -> ConfigProblem {
    let hint = match catalogue.nearest_to(path) {
        Some(near) => format!("did you mean {near}?"),
        None => {
            format!("a newer release that takes it needs its own list of keys, {V1_KEYS}, in --templates")
        }
    };
    problem(
        path,
        value,
        &format!("{} nodes refuse to start with a key they do not know; {hint}", catalogue.generation),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn paths(generation: Generation, config: &Value) -> Vec<(String, String)> {
        let problems = misplaced_keys(&KeyCatalogue::of(generation), config);
        problems.into_iter().map(|problem| (problem.path, problem.message)).collect()
    }

    #[test]
    fn v0_keys_in_a_v1_config_are_named_with_what_replaces_them() {
        let config = json!({"main": {"poet-server": "x:1", "layer-duration-sec": 30}, "p2p": {"network-id": 7}, "hare": {"hare-exp-leaders": 5}});
        let found = paths(Generation::V1, &config);
        let named: Vec<_> = found.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(named, ["hare", "main.layer-duration-sec", "main.poet-server", "p2p.network-id"]);
        assert!(found[1].1.contains("main.layer-duration, with a unit"), "{}", found[1].1);
    }

    #[test]
    fn v1_keys_in_a_v0_config_are_named_with_what_replaces_them() {
        let config = json!({"main": {"poet-servers": [], "x": 1}, "hare3": {}, "genesis": {"genesis-extra-data": "a"}});
        let named: Vec<_> = paths(Generation::V0, &config).into_iter().map(|(path, _)| path).collect();
        assert_eq!(named, ["genesis.genesis-extra-data", "hare3", "main.poet-servers"]);
    }

    #[test]
    fn a_key_that_v1_does_not_know_is_an_error_with_the_nearest_one() {
        let found = paths(Generation::V1, &json!({"main": {"layer-duratoin": "1s"}}));
        assert_eq!(found[0].0, "main.layer-duratoin");
        assert!(found[0].1.ends_with("did you mean main.layer-duration?"), "{}", found[0].1);
    }

    #[test]
    fn accounts_and_open_sections_may_hold_any_key() {
        let config = json!({"genesis": {"accounts": {"stest1x": 1}}, "fetch": {"a": {"b": 1}}, "logging": {"hare": "debug"}});
        assert_eq!(paths(Generation::V1, &config), []);
    }

    #[test]
    fn a_newer_release_may_bring_its_own_keys() {
        let catalogue = KeyCatalogue::of(Generation::V1).with_known_keys("# mine\nnew.*\nmain.key\n");
        assert_eq!(misplaced_keys(&catalogue, &json!({"new": {"x": 1}, "main": {"key": 1}})), []);
        assert_eq!(misplaced_keys(&catalogue, &json!({"preset": "fastnet"})).len(), 1);
    }

    proptest! {
        #[test]
        fn no_config_makes_checking_panic(key in "\\PC{0,20}", inner in "\\PC{0,20}") {
            for generation in [Generation::V0, Generation::V1] {
                let config = json!({key.clone(): {inner.clone(): [1, null]}, "main": {inner.clone(): 1}});
                let _ = misplaced_keys(&KeyCatalogue::of(generation), &config);
            }
        }
    }
}
