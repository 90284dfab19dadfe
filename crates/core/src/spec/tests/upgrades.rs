use std::collections::BTreeSet;

use super::*;
use crate::settings::SettingsErrors;
use crate::upgrade::{ConfigChange, HoldAt};

/// The upgrade that flags ask for, of a network that was made with `made`.
fn asked(
    made: &[(&str, &str)],
    flags: &[(&str, &str)],
    switches: UpgradeSwitches,
    files: &Files,
) -> Result<UpgradeSpec, SettingsErrors> {
    let made = spec(made);
    let settings = Settings::builder(Command::UpgradeNetwork)
        .flags(pairs(&[("provider", "sandbox"), ("network-name", "net1")]))
        .flags(pairs(flags))
        .record(made.to_settings(), RecordRank::BelowFlags)
        .build(files)?;
    UpgradeSpec::from_settings(&settings, switches, made.generation, files)
}

fn wrong(made: &[(&str, &str)], flags: &[(&str, &str)], switches: UpgradeSwitches) -> Vec<String> {
    let errors = asked(made, flags, switches, &Files::new()).unwrap_err().errors;
    errors.iter().map(ToString::to_string).collect()
}

const PLAIN: UpgradeSwitches =
    UpgradeSwitches { replace_config: false, restart_all: false, rollback: false, force_unlock: false };

#[test]
fn what_the_record_brings_is_no_wish_to_change_anything() {
    let wrong = wrong(&[], &[], PLAIN);
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(wrong[0].contains("an upgrade needs something new"), "{wrong:?}");
    let back = UpgradeSwitches { rollback: true, ..PLAIN };
    assert!(asked(&[], &[], back, &Files::new()).unwrap().changes_nothing());
}

#[test]
fn waves_must_be_healthy_unless_the_rollout_alone_is_asked_for() {
    let wait =
        |flags: &[(&str, &str)]| asked(&[("wait", "ready")], flags, PLAIN, &Files::new()).unwrap().wait;
    assert_eq!(wait(&[("poet-image", "x/y:1")]), WaitFor::Healthy, "the record's wait is the creation's");
    assert_eq!(wait(&[("poet-image", "x/y:1"), ("wait", "ready")]), WaitFor::Ready);
}

#[test]
fn everything_that_was_given_is_read() {
    let files = Files::from([("c.json".to_owned(), r#"{"logging": {"hare": "debug"}}"#.to_owned())]);
    let flags = [
        ("go-sm-image", "spacemeshos/go-spacemesh:v1.7.7"),
        ("go-sm-config", "c.json"),
        ("only", "3,5-7"),
        ("wave-size", "4"),
        ("hold-at", "30%"),
        ("restart-wait-time", "90s"),
    ];
    let read = asked(&[], &flags, PLAIN, &files).unwrap();
    assert_eq!(read.image.unwrap().tag(), Some("v1.7.7"));
    assert_eq!(read.config, Some(ConfigChange::Merge(json!({"logging": {"hare": "debug"}}))));
    assert_eq!(read.only, Some(BTreeSet::from([3, 5, 6, 7])));
    assert_eq!((read.wave_size, read.hold_at), (Some(4), HoldAt::parse("30%").ok()));
    assert_eq!(read.between_waves.as_secs(), 90);
    let minutes = asked(&[], &[("poet-image", "x/y:1")], PLAIN, &Files::new()).unwrap();
    assert_eq!(minutes.between_waves.as_secs(), 120, "the original waited two minutes");
}

#[test]
fn what_needs_no_record_is_told_before_it_is_read() {
    let alone = |flags: &[(&str, &str)], switches: UpgradeSwitches| {
        let builder = Settings::builder(Command::UpgradeNetwork).flags(pairs(flags));
        let (settings, _) = builder.build_what_can_be_read(&Files::new());
        let errors = UpgradeSpec::check_alone(&settings, switches, &Files::new()).err();
        errors.map_or_else(Vec::new, |wrong| wrong.errors.into_iter().map(|error| error.key).collect())
    };
    assert_eq!(alone(&[("go-sm-image", "x/y:v0.2.17-beta.0")], PLAIN), Vec::<String>::new());
    assert_eq!(alone(&[], PLAIN), ["go-sm-image"]);
    let wrong = [("go-sm-image", "x/y"), ("go-sm-config", "gone"), ("only", "x"), ("hold-at", "0%")];
    assert_eq!(alone(&wrong, PLAIN), ["go-sm-config", "go-sm-image", "hold-at", "only"]);
    let restart = UpgradeSwitches { restart_all: true, ..PLAIN };
    assert_eq!(alone(&[("poet-image", "x/y:1"), ("only", "3")], restart), ["only"]);
    assert_eq!(alone(&[("wave-size", "0"), ("poet-imgae", "x/y:1")], PLAIN), Vec::<String>::new());
}

#[test]
fn an_image_must_name_a_release_of_the_networks_generation() {
    let refused =
        |made: &[(&str, &str)], image: &str| wrong(made, &[("go-sm-image", image)], PLAIN).join("\n");
    assert!(refused(&[], "spacemeshos/go-spacemesh").contains("add a tag or a digest"));
    assert!(refused(&[], "spacemeshos/go-spacemesh:v0.2.17-beta.0").contains("of generation v0"));
    assert!(refused(&[("generation", "v0")], "spacemeshos/go-spacemesh:v1.7.7").contains("of generation v1"));
    assert!(refused(&[("generation", "v0")], "spacemeshos/go-spacemesh:v0.2.22").contains("are supported"));
    assert!(refused(&[], "not an image").contains("no image reference"));
    let poet = wrong(&[], &[("poet-image", "spacemeshos/poet")], PLAIN).join("\n");
    assert!(poet.contains("poet-image") && poet.contains("add a tag"), "{poet}");
}

#[test]
fn what_does_not_go_together_is_told_together() {
    let restart = UpgradeSwitches { restart_all: true, replace_config: true, ..PLAIN };
    let wrong = wrong(&[], &[("poet-image", "x/y:1"), ("only", "3"), ("hold-at", "30%")], restart);
    assert_eq!(wrong.len(), 3, "{wrong:?}");
    assert!(
        wrong[0].starts_with("go-sm-config")
            && wrong[1].starts_with("hold-at")
            && wrong[2].starts_with("only")
    );
    let numbers =
        super::upgrades::wrong(&[], &[("poet-image", "x/y:1"), ("only", "3-x"), ("hold-at", "0%")], PLAIN);
    assert_eq!(numbers.len(), 2, "{numbers:?}");
}
