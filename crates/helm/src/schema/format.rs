//! The formats of texts that the drafts up to 7 assert.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::functions::re2::compile;

/// Why `text` is not of this `format`, or nothing if it is, or if the format is not known.
pub(super) fn fault(format: &str, text: &str) -> Option<String> {
    if format == "regex" {
        return compile(text).err();
    }
    let is_valid = match format {
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "hostname" => is_hostname(text),
        "email" => text.rsplit_once('@').is_some_and(|(name, host)| !name.is_empty() && is_hostname(host)),
        "uri" => url::Url::parse(text).is_ok(),
        "uuid" => text.len() == 36 && uuid::Uuid::try_parse(text).is_ok(),
        "date" => text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10,
        "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
        "json-pointer" => text.is_empty() || text.starts_with('/'),
        _ => true,
    };
    (!is_valid).then(|| "it has another form".to_owned())
}

fn is_hostname(text: &str) -> bool {
    let is_label = |label: &str| {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(valid)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_by_their_form() {
        for (format, good, bad) in [
            ("ipv4", "10.0.0.1", "10.0.0.256"),
            ("ipv6", "::1", "10.0.0.1"),
            ("hostname", "a-b.example.org", "-a.example.org"),
            ("email", "me@example.org", "example.org"),
            ("uri", "https://example.org/x", "not a uri"),
            ("date", "2026-11-22", "2026-13-22"),
            ("date-time", "2026-11-22T10:00:00Z", "2026-11-22"),
            ("regex", "^a$", "("),
        ] {
            assert_eq!(fault(format, good), None, "{good}");
            assert!(fault(format, bad).is_some(), "{bad}");
        }
        assert_eq!(fault("unheard-of", "x"), None);
    }
}
