//! The `Retry-After` header: RFC 9110, section 10.2.3.

use std::time::Duration;

use http::{HeaderMap, header::RETRY_AFTER};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

static DATES: DateTimeParser = DateTimeParser::new();

/// The time that the header asks to wait from `now` on: seconds, or until an HTTP date; none without a header that can be read.
pub(crate) fn read(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DATES.parse_timestamp(text).ok()?;
    Some(Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, text.parse().unwrap());
        read(&headers, "1994-11-06T08:49:07Z".parse().unwrap())
    }

    #[test]
    fn seconds_and_dates_are_understood() {
        assert_eq!(read_text("7"), Some(Duration::from_secs(7)));
        assert_eq!(read_text("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(30)));
    }

    #[test]
    fn a_date_in_the_past_asks_for_no_wait() {
        assert_eq!(read_text("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn nonsense_asks_for_nothing() {
        for text in ["", "soon", "-1", "1.5", "Sun, 99 Nov"] {
            assert_eq!(read_text(text), None, "{text:?}");
        }
    }
}
