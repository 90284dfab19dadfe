//! Constraints on versions.

use super::{Error, Parts, Version, compare_prereleases, split_version};

/// Alternatives joined by `||`, each of conditions that must all hold: `>=1.2 <2 || ~3.1`.
///
/// A version with a prerelease meets an alternative only if a condition of it has one too.
#[derive(Debug, Clone)]
pub struct Constraint {
    alternatives: Vec<Vec<Condition>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    TildeOrEqual,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// The longer operators come first.
const OPERATORS: [(&str, Operator); 11] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("~>", Operator::Tilde),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
    ("=", Operator::TildeOrEqual),
];

/// How much of a condition's version was left open, as in `1.x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Patch,
    Minor,
    Everything,
}

#[derive(Debug, Clone)]
struct Condition {
    operator: Operator,
    version: Version,
    open: Open,
}

impl Constraint {
    /// Reads a constraint.
    ///
    /// # Errors
    /// [`Error::ImproperConstraint`] if the text is not one.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let alternatives = text.split("||").map(parse_alternative).collect::<Result<_, _>>()?;
        Ok(Self { alternatives })
    }

    /// Whether a version meets the constraint.
    #[must_use]
    pub fn matches(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|conditions| {
            let takes_prereleases =
                conditions.iter().any(|condition| !condition.version.prerelease.is_empty());
            let allowed = version.prerelease.is_empty() || takes_prereleases;
            allowed && conditions.iter().all(|condition| condition.holds(version))
        })
    }
}

fn is_number_or_wildcard(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, 'x' | 'X' | '*' | '|')
}

/// Conditions separated by commas or white space; `1.2 - 1.4` is a range with both its ends.
fn parse_alternative(text: &str) -> Result<Vec<Condition>, Error> {
    let improper = || Error::ImproperConstraint(text.to_owned());
    let mut rest = text.trim();
    let mut conditions = Vec::new();
    if rest.is_empty() {
        let version = Version::parse("0.0.0")?;
        return Ok(vec![Condition { operator: Operator::TildeOrEqual, version, open: Open::Everything }]);
    }
    while !rest.is_empty() {
        let (condition, after) = parse_condition(rest).ok_or_else(improper)??;
        let spaced = after.trim_start();
        match spaced.strip_prefix('-').filter(|end| end.starts_with(char::is_whitespace)) {
            Some(end) if spaced.len() < after.len() && !starts_with_operator(rest) => {
                let (end, after) = parse_condition(end.trim_start()).ok_or_else(improper)??;
                conditions.push(Condition { operator: Operator::GreaterOrEqual, ..condition });
                conditions.push(Condition { operator: Operator::LessOrEqual, ..end });
                rest = separated(after).ok_or_else(improper)?;
            }
            _ => {
                conditions.push(condition);
                rest = separated(after).ok_or_else(improper)?;
            }
        }
    }
    Ok(conditions)
}

fn starts_with_operator(text: &str) -> bool {
    OPERATORS.iter().any(|(written, _)| text.starts_with(written))
}

/// What follows a separator; conditions cannot stand right behind one another.
fn separated(after: &str) -> Option<&str> {
    let rest = after.trim_start();
    if rest.is_empty() {
        return Some(rest);
    }
    match rest.strip_prefix(',') {
        Some(next) if !next.trim().is_empty() => Some(next.trim_start()),
        Some(_) => None,
        None => (rest.len() < after.len()).then_some(rest),
    }
}

fn parse_condition(text: &str) -> Option<Result<(Condition, &str), Error>> {
    let found =
        OPERATORS.iter().find_map(|(written, operator)| Some((*operator, text.strip_prefix(written)?)));
    let (operator, rest) = found.unwrap_or((Operator::TildeOrEqual, text));
    let (parts, rest) = split_version(rest.trim_start(), is_number_or_wildcard)?;
    Some(condition_of(operator, &parts).map(|condition| (condition, rest)))
}

fn condition_of(operator: Operator, parts: &Parts<'_>) -> Result<Condition, Error> {
    let is_open = |number: Option<&str>| number.is_none_or(|digits| matches!(digits, "x" | "X" | "*"));
    let [major, minor, patch] = parts.numbers;
    let (open, numbers) = if is_open(major) {
        (Open::Everything, [None, None, None])
    } else if is_open(minor) {
        (Open::Minor, [major, None, None])
    } else if is_open(patch) {
        (Open::Patch, [major, minor, None])
    } else {
        (Open::Nothing, parts.numbers)
    };
    let kept = Parts { numbers, prerelease: parts.prerelease, metadata: parts.metadata };
    Ok(Condition { operator, version: Version::of_parts(&kept, "")?, open })
}

impl Condition {
    fn holds(&self, version: &Version) -> bool {
        match self.operator {
            Operator::TildeOrEqual if self.open == Open::Nothing => *version == self.version,
            Operator::TildeOrEqual | Operator::Tilde => self.holds_tilde(version),
            Operator::NotEqual => self.holds_not_equal(version),
            Operator::Greater => self.holds_greater(version),
            Operator::Less => *version < self.version,
            Operator::GreaterOrEqual => *version >= self.version,
            Operator::LessOrEqual => self.holds_less_or_equal(version),
            Operator::Caret => self.holds_caret(version),
        }
    }

    fn holds_not_equal(&self, version: &Version) -> bool {
        let [major, minor, patch] = self.version.numbers();
        match self.open {
            Open::Nothing => *version != self.version,
            _ if version.major != major => true,
            Open::Minor => false,
            _ if version.minor != minor => true,
            Open::Patch => compare_prereleases(&version.prerelease, &self.version.prerelease).is_ne(),
            Open::Everything => version.patch != patch || *version != self.version,
        }
    }

    /// `>11` is met from 12 on, `>11.1` from 11.2 on.
    fn holds_greater(&self, version: &Version) -> bool {
        let [major, minor, _] = self.version.numbers();
        match self.open {
            Open::Minor => version.major > major,
            Open::Patch => (version.major, version.minor) > (major, minor),
            Open::Nothing | Open::Everything => *version > self.version,
        }
    }

    fn holds_less_or_equal(&self, version: &Version) -> bool {
        let [major, minor, _] = self.version.numbers();
        match self.open {
            Open::Nothing => *version <= self.version,
            Open::Minor => version.major <= major,
            Open::Patch | Open::Everything => {
                version.major < major || version.major == major && version.minor <= minor
            }
        }
    }

    fn holds_tilde(&self, version: &Version) -> bool {
        if *version < self.version {
            return false;
        }
        let is_zero = self.version.numbers() == [0, 0, 0];
        if is_zero && matches!(self.open, Open::Nothing | Open::Everything) {
            return true;
        }
        let [major, minor, _] = self.version.numbers();
        version.major == major && (version.minor == minor || self.open == Open::Minor)
    }

    /// What does not change the first number that is not zero.
    fn holds_caret(&self, version: &Version) -> bool {
        let [major, minor, patch] = self.version.numbers();
        if *version < self.version {
            return false;
        }
        if major > 0 || self.open == Open::Minor {
            return version.major == major;
        }
        if version.major > 0 {
            return false;
        }
        if minor > 0 || self.open == Open::Patch {
            return version.minor == minor;
        }
        version.minor == 0 && version.patch == patch
    }
}
