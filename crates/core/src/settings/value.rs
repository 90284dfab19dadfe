use std::time::Duration;

use serde_json::Value;

use super::setting::{BareUnit, Kind};
use crate::charts;
use crate::go_duration;
use crate::quantity::{Bytes, MilliCpu};
use crate::spec::ChartOverride;
use crate::spelling::nearest;

/// The value of a setting, read by its [`Kind`]. Secrets are kept apart.
#[derive(Debug, Clone, PartialEq)]
pub enum SettingValue {
    /// A text, path or choice.
    Text(String),
    /// A switch.
    Flag(bool),
    /// A whole number.
    Number(u64),
    /// An amount of processor.
    Cpu(MilliCpu),
    /// An amount of memory or disk.
    Bytes(Bytes),
    /// A duration.
    Duration(Duration),
    /// Several texts.
    List(Vec<String>),
    /// A document.
    Document(Value),
}

impl SettingValue {
    /// Reads a value that was given as text. Not for secrets.
    ///
    /// # Errors
    ///
    /// A sentence that says what would be right.
    pub(super) fn read_text(kind: Kind, text: &str) -> Result<Self, String> {
        match kind {
            Kind::Flag => read_flag(text),
            Kind::Number { least, most } => read_number(text, least, most),
            Kind::Cpu => MilliCpu::parse(text).map(Self::Cpu),
            Kind::Bytes => Bytes::parse(text).map(Self::Bytes),
            Kind::Duration(unit) => read_duration(text, unit),
            Kind::Choice(words) => read_choice(text, words),
            Kind::List => Ok(Self::List(split_list(text))),
            Kind::Charts => Err("changes to charts can only be given in a config file".to_owned()),
            Kind::Text
            | Kind::Path
            | Kind::NodeConfig
            | Kind::Objects
            | Kind::Secret
            | Kind::SecretFile
            | Kind::Pem
            | Kind::SecretPem => plain_text(text),
        }
    }

    /// Reads a value of a config file or record.
    ///
    /// # Errors
    ///
    /// A sentence that says what would be right.
    pub(super) fn read_document(kind: Kind, value: &Value) -> Result<Self, String> {
        match (kind, value) {
            (Kind::Charts, Value::Object(charts)) => {
                check_charts(charts)?;
                Ok(Self::Document(value.clone()))
            }
            (Kind::Charts, _) => Err("write an object of charts by name".to_owned()),
            (Kind::NodeConfig, Value::Object(_)) | (Kind::Objects, Value::Array(_)) => {
                Ok(Self::Document(value.clone()))
            }
            (Kind::List, Value::Array(items)) => {
                let texts: Option<Vec<String>> = items.iter().map(scalar_text).collect();
                texts.map(Self::List).ok_or_else(|| "write a list of texts".to_owned())
            }
            _ => {
                let text = scalar_text(value).ok_or_else(|| wanted(kind))?;
                Self::read_text(kind, &text)
            }
        }
    }

    /// The value as a record keeps it; reading it back gives the same value.
    #[must_use]
    pub fn to_document(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Flag(flag) => Value::from(*flag),
            Self::Number(number) => Value::from(*number),
            Self::Cpu(cpu) => Value::from(cpu.to_string()),
            Self::Bytes(bytes) => Value::from(bytes_text(*bytes)),
            Self::Duration(duration) => Value::from(go_duration::text(*duration)),
            Self::List(items) => Value::from(items.clone()),
            Self::Document(document) => document.clone(),
        }
    }
}

/// An amount that reads back as itself although a bare number means GiB: amounts that no binary suffix fits are written in thousandths of a kibibyte.
pub(crate) fn bytes_text(bytes: Bytes) -> String {
    let text = bytes.to_string();
    if text.bytes().all(|byte| byte.is_ascii_digit()) && bytes.0 > 0 {
        let (kibibytes, rest) = (bytes.0 / 1024, bytes.0 % 1024);
        return format!("{kibibytes}.{:0>9}Ki", rest * 1_000_000_000 / 1024);
    }
    text
}

/// The text of a scalar; none for arrays, objects and null.
fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What a value of this kind looks like.
fn wanted(kind: Kind) -> String {
    match kind {
        Kind::Flag => "write true or false",
        Kind::Number { .. } => "write a whole number",
        Kind::Cpu => "write cores or thousandths, such as 2, 1.5 or 100m",
        Kind::Bytes => "write GiB or a quantity, such as 2, 500Mi or 1.5Gi",
        Kind::Duration(_) => "write a duration, such as 90s, 10m or 1h30m",
        Kind::Choice(_) => "write one of the words there are",
        Kind::List => "write a list of texts",
        Kind::NodeConfig => "write the name of a node config, the path of a file, or the config itself",
        Kind::Objects => "write the path of a file, or an array of objects",
        Kind::Charts => "write an object of charts by name",
        Kind::Text | Kind::Path | Kind::Secret | Kind::SecretFile | Kind::Pem | Kind::SecretPem => {
            "write a text"
        }
    }
    .to_owned()
}

fn plain_text(text: &str) -> Result<SettingValue, String> {
    if text.chars().any(char::is_control) {
        return Err("it has a line end or another control character in it".to_owned());
    }
    Ok(SettingValue::Text(text.to_owned()))
}

fn read_flag(text: &str) -> Result<SettingValue, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "1" => Ok(SettingValue::Flag(true)),
        "false" | "f" | "0" => Ok(SettingValue::Flag(false)),
        _ => Err(wanted(Kind::Flag)),
    }
}

fn read_number(text: &str, least: u64, most: u64) -> Result<SettingValue, String> {
    let number = text.trim().parse().ok().filter(|number| (least..=most).contains(number));
    number.map(SettingValue::Number).ok_or_else(|| format!("write a whole number from {least} to {most}"))
}

fn read_duration(text: &str, unit: BareUnit) -> Result<SettingValue, String> {
    let text = text.trim();
    let duration = match text.parse::<u32>() {
        Ok(bare) => Ok(Duration::from_secs(match unit {
            BareUnit::Seconds => u64::from(bare),
            BareUnit::Minutes => u64::from(bare) * 60,
        })),
        Err(_) => go_duration::parse(text),
    };
    duration.map(SettingValue::Duration)
}

fn read_choice(text: &str, words: &[&str]) -> Result<SettingValue, String> {
    if words.contains(&text) {
        return Ok(SettingValue::Text(text.to_owned()));
    }
    Err(format!("write one of {}", words.join(", ")))
}

fn split_list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn check_charts(charts: &serde_json::Map<String, Value>) -> Result<(), String> {
    let known: Vec<&str> = charts::names().into_keys().collect();
    for (name, change) in charts {
        if !known.contains(&name.as_str()) {
            let hint = nearest(name, known.iter().copied()).map_or_else(
                || format!("there are {}", known.join(", ")),
                |near| format!("did you mean {near}?"),
            );
            return Err(format!("there is no chart {name:?}; {hint}"));
        }
        let change: ChartOverride =
            serde_json::from_value(change.clone()).map_err(|error| format!("charts.{name}: {error}"))?;
        if change.repo.as_deref().is_some_and(names_a_user) {
            return Err(format!(
                "charts.{name}: the repository's URL has a user in it, and would be kept in the network's record: leave the user out"
            ));
        }
    }
    Ok(())
}

/// Whether a URL has user information, and so perhaps a password, before its host.
fn names_a_user(url: &str) -> bool {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    after_scheme.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const ONE_TO_TEN: Kind = Kind::Number { least: 1, most: 10 };

    #[test]
    fn numbers_may_be_given_as_numbers_or_texts_as_in_the_originals_files() {
        for value in [json!(2), json!("2"), json!(" 2 ")] {
            assert_eq!(SettingValue::read_document(ONE_TO_TEN, &value), Ok(SettingValue::Number(2)));
            assert_eq!(
                SettingValue::read_document(Kind::Bytes, &value),
                Ok(SettingValue::Bytes(Bytes::gibi(2)))
            );
            assert_eq!(
                SettingValue::read_document(Kind::Cpu, &value),
                Ok(SettingValue::Cpu(MilliCpu::cores(2)))
            );
        }
        assert_eq!(
            SettingValue::read_document(Kind::Cpu, &json!(1.5)),
            Ok(SettingValue::Cpu(MilliCpu(1500)))
        );
    }

    #[test]
    fn bare_durations_have_the_unit_of_the_setting() {
        let read = |unit, text| SettingValue::read_text(Kind::Duration(unit), text).unwrap();
        assert_eq!(read(BareUnit::Minutes, "10"), SettingValue::Duration(Duration::from_secs(600)));
        assert_eq!(read(BareUnit::Seconds, "6000"), SettingValue::Duration(Duration::from_secs(6000)));
        assert_eq!(read(BareUnit::Minutes, "90s"), SettingValue::Duration(Duration::from_secs(90)));
    }

    #[test]
    fn what_is_out_of_bounds_or_of_another_type_is_refused_with_what_would_be_right() {
        let refusal = |kind, value: Value| SettingValue::read_document(kind, &value).unwrap_err();
        assert_eq!(refusal(ONE_TO_TEN, json!(0)), "write a whole number from 1 to 10");
        assert_eq!(refusal(ONE_TO_TEN, json!([1])), "write a whole number");
        assert_eq!(refusal(Kind::Flag, json!("maybe")), "write true or false");
        assert_eq!(refusal(Kind::Choice(&["a", "b"]), json!("c")), "write one of a, b");
        assert_eq!(
            refusal(Kind::Bytes, json!({"a": 1})),
            "write GiB or a quantity, such as 2, 500Mi or 1.5Gi"
        );
        assert!(refusal(Kind::Text, json!("a\nb")).contains("control character"));
    }

    #[test]
    fn lists_come_with_commas_or_as_arrays() {
        let expected = Ok(SettingValue::List(vec!["10".to_owned(), "20".to_owned()]));
        assert_eq!(SettingValue::read_text(Kind::List, "10, 20"), expected);
        assert_eq!(SettingValue::read_document(Kind::List, &json!([10, "20"])), expected);
        assert_eq!(SettingValue::read_document(Kind::List, &json!("10,20")), expected);
    }

    #[test]
    fn changes_to_charts_are_checked_to_the_last_key() {
        let read = |value: Value| SettingValue::read_document(Kind::Charts, &value);
        assert!(read(json!({"kibana": {"version": "8.5.1", "values": {"a": 1}}})).is_ok());
        assert!(read(json!({"kibanna": {}})).unwrap_err().ends_with("did you mean kibana?"));
        assert!(
            read(json!({"kibana": {"versoin": "1"}}))
                .unwrap_err()
                .starts_with("charts.kibana: unknown field")
        );
        assert!(SettingValue::read_text(Kind::Charts, "{}").unwrap_err().contains("config file"));
        let repository = |url: &str| read(json!({"kibana": {"repo": url}}));
        assert!(repository("https://charts.example/a@b").is_ok());
        let refused = repository("https://user:hush-hush@charts.example/").unwrap_err();
        assert!(refused.contains("leave the user out") && !refused.contains("hush"), "{refused}");
    }

    proptest! {
        #[test]
        fn a_recorded_value_reads_back_as_itself(bytes in 0..u64::MAX / 4, milli in any::<u32>(), seconds in any::<u32>(), text in "[ -~]{0,20}", flag in any::<bool>()) {
            let cases = [
                (Kind::Bytes, SettingValue::Bytes(Bytes(bytes))),
                (Kind::Cpu, SettingValue::Cpu(MilliCpu(u64::from(milli)))),
                (Kind::Duration(BareUnit::Minutes), SettingValue::Duration(Duration::from_secs(u64::from(seconds)))),
                (Kind::Text, SettingValue::Text(text)),
                (Kind::Flag, SettingValue::Flag(flag)),
            ];
            for (kind, value) in cases {
                prop_assert_eq!(SettingValue::read_document(kind, &value.to_document()), Ok(value));
            }
        }

        #[test]
        fn no_text_makes_reading_panic(text in any::<String>()) {
            for kind in [Kind::Flag, ONE_TO_TEN, Kind::Cpu, Kind::Bytes, Kind::Duration(BareUnit::Seconds), Kind::List, Kind::Charts, Kind::Text] {
                let _ = SettingValue::read_text(kind, &text);
                let _ = SettingValue::read_document(kind, &json!({text.clone(): {"values": text}}));
            }
        }
    }
}
