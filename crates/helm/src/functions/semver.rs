//! Versions and constraints in the grammar of Masterminds/semver, as Helm and charts use them.

mod constraint;

use std::cmp::Ordering;
use std::fmt;

pub use constraint::Constraint;

/// A semantic version; minor and patch may be left out when written.
#[derive(Debug, Clone)]
pub struct Version {
    /// The first number.
    pub major: u64,
    /// The second number.
    pub minor: u64,
    /// The third number.
    pub patch: u64,
    /// What follows `-`.
    pub prerelease: String,
    /// What follows `+`; it plays no part in comparisons.
    pub metadata: String,
    /// The version as it was written.
    pub original: String,
}

/// Why a text is not a version or a constraint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not the grammar of a version.
    #[error("invalid semantic version")]
    InvalidVersion,
    /// A numeric part of the prerelease has a leading zero.
    #[error("version segment starts with 0")]
    SegmentStartsWithZero,
    /// Characters that a prerelease cannot have.
    #[error("invalid prerelease string")]
    InvalidPrerelease,
    /// Not the grammar of a constraint.
    #[error("improper constraint: {0}")]
    ImproperConstraint(String),
}

/// The parts of a version as written; those of a constraint may be `x` or `*`.
#[derive(Debug)]
pub(super) struct Parts<'t> {
    pub(super) numbers: [Option<&'t str>; 3],
    pub(super) prerelease: &'t str,
    pub(super) metadata: &'t str,
}

/// Splits a version off the beginning of a text; `is_number` says which characters a number has.
pub(super) fn split_version(text: &str, is_number: fn(char) -> bool) -> Option<(Parts<'_>, &str)> {
    let mut rest = text.strip_prefix('v').unwrap_or(text);
    let mut numbers = [None; 3];
    for (index, number) in numbers.iter_mut().enumerate() {
        let after_point = if index == 0 { Some(rest) } else { rest.strip_prefix('.') };
        let Some(body) = after_point else { break };
        let length = body.find(|character| !is_number(character)).unwrap_or(body.len());
        if length == 0 {
            break;
        }
        let (digits, after) = body.split_at_checked(length)?;
        *number = Some(digits);
        rest = after;
    }
    numbers[0]?;
    let (prerelease, after) = split_identifiers(rest, '-');
    let (metadata, after) = split_identifiers(after, '+');
    Some((Parts { numbers, prerelease, metadata }, after))
}

/// Dot-separated identifiers after a mark.
fn split_identifiers(text: &str, mark: char) -> (&str, &str) {
    let Some(body) = text.strip_prefix(mark) else { return ("", text) };
    let is_identifier = |character: char| character.is_ascii_alphanumeric() || character == '-';
    let mut length = 0;
    loop {
        let part = body.get(length..).unwrap_or_default();
        let part_length = part.find(|character| !is_identifier(character)).unwrap_or(part.len());
        if part_length == 0 {
            length = length.saturating_sub(1);
            break;
        }
        length += part_length;
        if !body.get(length..).is_some_and(|rest| rest.starts_with('.')) {
            break;
        }
        length += 1;
    }
    if length == 0 {
        return ("", text);
    }
    body.split_at_checked(length).unwrap_or(("", text))
}

impl Version {
    /// Reads a version such as `1.2.3-rc.1+build`, `v1.2` or `1`.
    ///
    /// # Errors
    /// [`Error`] if the text is not a version.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let parsed = split_version(text, |character| character.is_ascii_digit());
        let (parts, rest) = parsed.ok_or(Error::InvalidVersion)?;
        if !rest.is_empty() {
            return Err(Error::InvalidVersion);
        }
        Self::of_parts(&parts, text)
    }

    /// Reads a version that has all three numbers, no leading zeros and no `v`.
    ///
    /// # Errors
    /// [`Error`] if the text is not such a version.
    pub fn parse_strict(text: &str) -> Result<Self, Error> {
        let version = Self::parse(text)?;
        let plain = format!("{}.{}.{}", version.major, version.minor, version.patch);
        if text.strip_prefix(&plain).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '+'])) {
            Ok(version)
        } else {
            Err(Error::InvalidVersion)
        }
    }

    fn of_parts(parts: &Parts<'_>, original: &str) -> Result<Self, Error> {
        let number = |index: usize| {
            let digits = parts.numbers.get(index).copied().flatten().unwrap_or("0");
            digits.parse::<u64>().map_err(|_| Error::InvalidVersion)
        };
        for part in parts.prerelease.split('.') {
            let is_numeric = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if is_numeric && part.len() > 1 && part.starts_with('0') {
                return Err(Error::SegmentStartsWithZero);
            }
        }
        Ok(Self {
            major: number(0)?,
            minor: number(1)?,
            patch: number(2)?,
            prerelease: parts.prerelease.to_owned(),
            metadata: parts.metadata.to_owned(),
            original: original.to_owned(),
        })
    }

    pub(super) fn numbers(&self) -> [u64; 3] {
        [self.major, self.minor, self.patch]
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(formatter, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(formatter, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers()
            .cmp(&other.numbers())
            .then_with(|| compare_prereleases(&self.prerelease, &other.prerelease))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

/// A version without a prerelease comes after those with one.
pub(super) fn compare_prereleases(left: &str, right: &str) -> Ordering {
    match (left.is_empty(), right.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => {
            let (mut left, mut right) = (left.split('.'), right.split('.'));
            loop {
                match (left.next(), right.next()) {
                    (None, None) => return Ordering::Equal,
                    (None, Some(_)) => return Ordering::Less,
                    (Some(_), None) => return Ordering::Greater,
                    (Some(left), Some(right)) => match compare_identifiers(left, right) {
                        Ordering::Equal => {}
                        unequal => return unequal,
                    },
                }
            }
        }
    }
}

/// Numbers by value and before words.
fn compare_identifiers(left: &str, right: &str) -> Ordering {
    match (left.parse::<u64>(), right.parse::<u64>()) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => left.cmp(right),
    }
}
