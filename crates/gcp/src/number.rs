//! Numbers as Google's services write them: 32 bits as JSON numbers, 64 bits as strings, and a zero left out.

use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;

/// Reads a number or a string of digits; absence is up to `#[serde(default)]`.
pub(crate) fn lenient<'de, D, N>(deserializer: D) -> Result<N, D::Error>
where
    D: Deserializer<'de>,
    N: FromStr,
{
    let text = match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        other => return Err(D::Error::custom(format!("expected a number, found {other}"))),
    };
    text.parse().map_err(|_| D::Error::custom(format!("expected a number, found {text:?}")))
}

#[cfg(test)]
mod unit_tests {
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Size(#[serde(deserialize_with = "super::lenient")] u64);

    #[test]
    fn numbers_come_bare_or_quoted() {
        assert_eq!(serde_json::from_str::<Size>("7").unwrap(), Size(7));
        assert_eq!(serde_json::from_str::<Size>("\"18446744073709551615\"").unwrap(), Size(u64::MAX));
        for wrong in ["-1", "\"x\"", "1.5", "null", "[]"] {
            assert!(serde_json::from_str::<Size>(wrong).is_err(), "{wrong}");
        }
    }
}
