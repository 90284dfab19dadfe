//! What the program is made of: the rules of `deny.toml` that can be checked without asking anybody.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use spacecraft_core::generation::default_images;
use spacecraft_core::settings::{DefaultValue, catalogue};
use spacecraft_core::spec::Generation;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn toml_file(name: &str) -> toml::Table {
    std::fs::read_to_string(workspace().join(name)).unwrap().parse().unwrap()
}

fn names<'a>(table: &'a toml::Table, section: &str, list: &str) -> BTreeSet<&'a str> {
    let items = table[section][list].as_array().unwrap();
    items.iter().filter_map(|item| item.as_str().or_else(|| item.get("name")?.as_str())).collect()
}

/// Name, version and source of every crate in the lock file.
fn locked(lock: &toml::Table) -> Vec<(&str, &str, Option<&str>)> {
    let packages = lock["package"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let field = |key: &str| package.get(key).and_then(toml::Value::as_str);
            (field("name").unwrap(), field("version").unwrap(), field("source"))
        })
        .collect()
}

#[test]
fn every_crate_comes_from_the_registry_or_from_here() {
    let lock = toml_file("Cargo.lock");
    let elsewhere: Vec<_> = locked(&lock)
        .into_iter()
        .filter(|(name, _, source)| match source {
            None => !name.starts_with("spacecraft"),
            Some(source) => !source.starts_with("registry+https://github.com/rust-lang/crates.io-index"),
        })
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

#[test]
fn no_crate_is_banned_and_none_is_there_twice_but_in_versions_that_are_known() {
    let (rules, lock) = (toml_file("deny.toml"), toml_file("Cargo.lock"));
    let (banned, skipped) = (names(&rules, "bans", "deny"), names(&rules, "bans", "skip"));
    let packages = locked(&lock);
    let known: BTreeSet<(&str, &str)> = skipped.iter().filter_map(|text| text.split_once("@=")).collect();
    assert_eq!(known.len(), skipped.len(), "a version is missing: {skipped:?}");
    let mut others: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, version, _) in &packages {
        if !known.contains(&(*name, *version)) {
            others.entry(name).or_default().push(version);
        }
    }
    let wrong: Vec<_> =
        others.iter().filter(|(name, versions)| banned.contains(*name) || versions.len() > 1).collect();
    assert!(wrong.is_empty(), "banned, or there in a version that is not known: {wrong:?}");
    let there: BTreeSet<_> = packages.iter().map(|(name, version, _)| (*name, *version)).collect();
    let stale: Vec<_> =
        known.iter().filter(|one| !there.contains(*one) || !others.contains_key(one.0)).collect();
    assert!(stale.is_empty(), "no longer there twice: {stale:?}");
}

#[test]
fn every_licence_is_one_of_those_that_are_allowed() {
    let rules = toml_file("deny.toml");
    let allowed = names(&rules, "licenses", "allow");
    let packages: Vec<Value> = targets(&rules).into_iter().flat_map(packages).collect();
    assert!(packages.len() > 400, "only {} packages were looked at", packages.len());
    let wrong: Vec<String> = packages
        .iter()
        .filter(|package| !package["source"].is_null())
        .filter(|package| !Expression::of(package["license"].as_str().unwrap_or_default()).met_by(&allowed))
        .map(|package| format!("{}: {}", package["name"], package["license"]))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The platforms that programs are released for.
fn targets(rules: &toml::Table) -> Vec<&str> {
    let targets = rules["graph"]["targets"].as_array().unwrap();
    targets.iter().filter_map(toml::Value::as_str).collect()
}

/// The packages of a platform. All that are in the lock file were fetched before; `cargo fetch --locked` does it.
fn packages(target: &str) -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked", "--filter-platform", target])
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    serde_json::from_value(metadata["packages"].take()).unwrap()
}

/// A licence expression of SPDX, read word by word: `OR` binds less than `AND`, and an older `/` means `OR`.
struct Expression(Vec<String>);

impl Expression {
    fn of(text: &str) -> Self {
        let spaced = text.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ").replace(" WITH ", "~");
        Self(spaced.split_whitespace().rev().map(|word| word.replace('~', " WITH ")).collect())
    }

    fn met_by(mut self, allowed: &BTreeSet<&str>) -> bool {
        self.any(allowed)
    }

    fn any(&mut self, allowed: &BTreeSet<&str>) -> bool {
        let mut met = self.all(allowed);
        while self.0.last().is_some_and(|word| word == "OR") {
            self.0.pop();
            met |= self.all(allowed);
        }
        met
    }

    fn all(&mut self, allowed: &BTreeSet<&str>) -> bool {
        let mut met = self.one(allowed);
        while self.0.last().is_some_and(|word| word == "AND") {
            self.0.pop();
            met &= self.one(allowed);
        }
        met
    }

    fn one(&mut self, allowed: &BTreeSet<&str>) -> bool {
        match self.0.pop().as_deref() {
            Some("(") => {
                let met = self.any(allowed);
                self.0.pop();
                met
            }
            Some(licence) => allowed.contains(licence),
            None => false,
        }
    }
}

#[test]
fn licence_expressions_are_read_as_spdx_means_them() {
    let allowed = BTreeSet::from(["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"]);
    let met = |text: &str| Expression::of(text).met_by(&allowed);
    assert!(met("MIT") && met("GPL-3.0/MIT") && met("GPL-3.0 OR MIT") && met("ISC AND (GPL-3.0 OR MIT)"));
    assert!(met("Apache-2.0 WITH LLVM-exception"));
    assert!(!met("") && !met("GPL-3.0") && !met("MIT AND GPL-3.0") && !met("GPL-3.0 OR MIT AND Apache-2.0"));
}

/// The one image that is only published under a floating tag.
const FLOATING: &str = "sw-image";

#[test]
fn images_that_are_used_by_default_are_pinned() {
    let mut images: Vec<String> = catalogue()
        .iter()
        .filter(|setting| setting.name.ends_with("-image") && setting.name != FLOATING)
        .filter_map(|setting| match setting.default {
            DefaultValue::Is(image) => Some(image.to_owned()),
            DefaultValue::Follows(_) | DefaultValue::None => None,
        })
        .collect();
    for generation in [Generation::V0, Generation::V1] {
        let (node, poet) = default_images(generation);
        images.extend([node.to_owned(), poet.to_owned()]);
    }
    assert!(images.len() > 4, "{images:?}");
    let floats = |image: &String| {
        let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
        ["", "latest", "develop", "main", "master", "stable", "edge", "nightly"].contains(&tag)
    };
    let floating: Vec<_> = images.iter().filter(|image| floats(image)).collect();
    assert!(floating.is_empty(), "{floating:?}");
}
