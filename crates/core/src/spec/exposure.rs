use std::collections::BTreeMap;
use std::net::IpAddr;

use super::reader::Reader;
use super::{ChartOverride, ExposureSpec, ProviderKind, Publish, StorageSpec};
use crate::identity::is_domain_name;

impl Reader<'_> {
    /// Who may reach what. Public names need a token for DNS: without one nothing gets a name, unless that was asked for, which is then a mistake.
    pub(super) fn exposure(&mut self) -> ExposureSpec {
        let publish = match self.text("publish") {
            Some("none") => Publish::None,
            _ => Publish::Dashboards,
        };
        // The simulated cloud brings a token of its own.
        let dns = self.settings.secret("cloudflare-api-token").is_some()
            || self.text("provider") == Some("sandbox");
        let judged = self.were_read(&["publish", "provider", "cloudflare-api-token-file"]);
        if publish == Publish::Dashboards && !dns && self.settings.is_given("publish") && judged {
            self.needed_secret(
                "cloudflare-api-token",
                "public names are made at Cloudflare, which needs a token",
            );
        }
        ExposureSpec {
            allow_from: self.allowed_ranges(),
            publish,
            domain: self.parsed("domain", domain_name).unwrap_or_default(),
            dns,
        }
    }

    fn allowed_ranges(&mut self) -> Vec<String> {
        let mut ranges = Vec::new();
        for text in self.settings.list("allow-from") {
            match address_range(text) {
                Ok(range) => ranges.push(range),
                Err(message) => self.wrong("allow-from", text, message),
            }
        }
        ranges.sort();
        ranges.dedup();
        ranges
    }

    /// Where things are kept. On a shared cluster there is no project whose buckets could be meant.
    pub(super) fn storage(&mut self, provider: ProviderKind, project: &str) -> StorageSpec {
        let object_dir = self.text("object-dir").map(str::to_owned);
        let buckets_given = self.settings.is_given("bucket") && self.settings.is_given("state-bucket");
        let judged = self.were_read(&["provider", "bucket", "state-bucket"]);
        if provider == ProviderKind::Kubernetes && object_dir.is_none() && !buckets_given && judged {
            self.needed(
                "object-dir",
                "published config and record need a place, a folder or --bucket and --state-bucket",
            );
        }
        let bucket = self.bucket("bucket").unwrap_or_default();
        // A folder needs no bucket, and without a project there is no name for one.
        let own = match object_dir {
            Some(_) => String::new(),
            None => format!("spacecraft-state-{}", project.replace([':', '.'], "-")),
        };
        let state_bucket = self.bucket("state-bucket").unwrap_or(own);
        let discovery_bucket = self.bucket("discovery-bucket").unwrap_or_default();
        let judged = self.were_read(&["object-dir", "bucket", "discovery-bucket"]);
        if object_dir.is_none() && (state_bucket == bucket || state_bucket == discovery_bucket) && judged {
            self.wrong(
                "state-bucket",
                &state_bucket,
                "records are private: they need a bucket of their own, not a public one",
            );
        }
        StorageSpec { object_dir, bucket, state_bucket, discovery_bucket }
    }

    fn bucket(&mut self, name: &str) -> Option<String> {
        self.parsed(name, bucket_name)
    }

    /// What differs from the defaults of charts.
    pub(super) fn charts(&mut self) -> BTreeMap<String, ChartOverride> {
        let Some(document) = self.settings.document("charts") else { return BTreeMap::new() };
        match serde_json::from_value(document.clone()) {
            Ok(charts) => charts,
            Err(error) => {
                self.wrong("charts", "", error.to_string());
                BTreeMap::new()
            }
        }
    }
}

fn domain_name(text: &str) -> Result<String, String> {
    if is_domain_name(text) && text.contains('.') {
        Ok(text.to_owned())
    } else {
        Err("a domain looks like spacemesh.io".to_owned())
    }
}

/// The naming rules of Cloud Storage.
fn bucket_name(text: &str) -> Result<String, String> {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    let edge = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let good = (3..=63).contains(&text.len())
        && text.bytes().all(allowed)
        && text.starts_with(edge)
        && text.ends_with(edge)
        && !text.contains("..")
        && !text.starts_with("goog");
    if good {
        Ok(text.to_owned())
    } else {
        Err("a bucket's name has 3 to 63 lower-case letters, digits, hyphens, underscores and dots, starts and ends with a letter or digit, and does not start with goog".to_owned())
    }
}

/// A range such as `203.0.113.0/24`; a bare address is the range of it alone.
fn address_range(text: &str) -> Result<String, String> {
    let wrong = || "write an address range such as 203.0.113.0/24, or one address".to_owned();
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => most,
        Some(length) => length.parse::<u32>().ok().filter(|length| *length <= most).ok_or_else(wrong)?,
    };
    let first = first_address(address, length);
    if first != address {
        return Err(format!("{address} is inside of this range, not its start: write {first}/{length}"));
    }
    Ok(format!("{address}/{length}"))
}

/// The address with all bits after `length` cleared.
fn first_address(address: IpAddr, length: u32) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - length.min(32)).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - length.min(128)).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_start_where_their_length_says() {
        assert_eq!(address_range("203.0.113.0/24").as_deref(), Ok("203.0.113.0/24"));
        assert_eq!(address_range("203.0.113.7").as_deref(), Ok("203.0.113.7/32"));
        assert_eq!(address_range("0.0.0.0/0").as_deref(), Ok("0.0.0.0/0"));
        assert_eq!(address_range("2001:db8::/32").as_deref(), Ok("2001:db8::/32"));
        assert!(address_range("203.0.113.7/24").unwrap_err().ends_with("write 203.0.113.0/24"));
        for bad in ["", "/24", "203.0.113.0/33", "203.0.113/24", "::/129", "x/8", "1.2.3.4/-1"] {
            assert!(address_range(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn buckets_and_domains_have_their_forms() {
        for good in ["spacecraft-data", "a.b", "a_1"] {
            assert!(bucket_name(good).is_ok(), "{good}");
        }
        for bad in ["ab", "-ab", "Bucket", "a..b", "google-x", "a b c", &"a".repeat(64)] {
            assert!(bucket_name(bad).is_err(), "{bad}");
        }
        assert!(domain_name("spacemesh.io").is_ok());
        for bad in ["io", "space_mesh.io", "https://spacemesh.io", "a..b", ""] {
            assert!(domain_name(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_range_that_is_taken_is_taken_again(address in any::<u32>(), length in 0_u32..=32) {
            let first = first_address(IpAddr::V4(address.into()), length);
            let range = address_range(&format!("{first}/{length}")).unwrap();
            prop_assert_eq!(address_range(&range), Ok(range.clone()));
        }
    }
}
