//! Go's date layouts: a format is the reference time, Mon Jan 2 15:04:05 MST 2006, written as wanted.

mod parse;

pub(super) use parse::parse;

use super::time::Moment;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// An element of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    LongMonth,
    ShortMonth,
    Month,
    PaddedMonth,
    LongDay,
    ShortDay,
    Day,
    SpacedDay,
    PaddedDay,
    SpacedYearDay,
    YearDay,
    Hour24,
    Hour12,
    PaddedHour12,
    Minute,
    PaddedMinute,
    Second,
    PaddedSecond,
    LongYear,
    Year,
    UpperHalf,
    LowerHalf,
    ZoneName,
    /// `Z07:00` and its like: `Z` for UTC; colons between the parts; how many parts (hours, minutes, seconds).
    Zone {
        letter: bool,
        colons: bool,
        parts: u8,
    },
    /// Digits of the fraction of a second; without trailing zeros if `trimmed`.
    Fraction {
        digits: usize,
        trimmed: bool,
    },
}

/// The written elements, a longer one before those it begins with.
const ELEMENTS: [(&str, Element); 33] = [
    ("January", Element::LongMonth),
    ("Jan", Element::ShortMonth),
    ("Monday", Element::LongDay),
    ("Mon", Element::ShortDay),
    ("MST", Element::ZoneName),
    ("002", Element::YearDay),
    ("01", Element::PaddedMonth),
    ("02", Element::PaddedDay),
    ("03", Element::PaddedHour12),
    ("04", Element::PaddedMinute),
    ("05", Element::PaddedSecond),
    ("06", Element::Year),
    ("15", Element::Hour24),
    ("1", Element::Month),
    ("2006", Element::LongYear),
    ("2", Element::Day),
    ("__2", Element::SpacedYearDay),
    ("_2", Element::SpacedDay),
    ("3", Element::Hour12),
    ("4", Element::Minute),
    ("5", Element::Second),
    ("PM", Element::UpperHalf),
    ("pm", Element::LowerHalf),
    ("-07:00:00", Element::Zone { letter: false, colons: true, parts: 3 }),
    ("-070000", Element::Zone { letter: false, colons: false, parts: 3 }),
    ("-07:00", Element::Zone { letter: false, colons: true, parts: 2 }),
    ("-0700", Element::Zone { letter: false, colons: false, parts: 2 }),
    ("-07", Element::Zone { letter: false, colons: false, parts: 1 }),
    ("Z07:00:00", Element::Zone { letter: true, colons: true, parts: 3 }),
    ("Z070000", Element::Zone { letter: true, colons: false, parts: 3 }),
    ("Z07:00", Element::Zone { letter: true, colons: true, parts: 2 }),
    ("Z0700", Element::Zone { letter: true, colons: false, parts: 2 }),
    ("Z07", Element::Zone { letter: true, colons: false, parts: 1 }),
];

/// The element that a layout begins with, and its length.
fn element_at(layout: &str) -> Option<(Element, usize)> {
    if let Some(fraction) = layout.strip_prefix(['.', ',']) {
        return fraction_at(fraction);
    }
    // `_2006` is an underscore and a year.
    if layout.starts_with("_2006") {
        return None;
    }
    let (written, element) = ELEMENTS.iter().find(|(written, element)| {
        let after = layout.strip_prefix(written);
        let is_short_name = matches!(element, Element::ShortMonth | Element::ShortDay);
        after.is_some_and(|after| !(is_short_name && after.starts_with(|c: char| c.is_ascii_lowercase())))
    })?;
    Some((*element, written.len()))
}

fn fraction_at(fraction: &str) -> Option<(Element, usize)> {
    let first = fraction.chars().next().filter(|digit| matches!(digit, '0' | '9'))?;
    let digits = fraction.find(|digit| digit != first).unwrap_or(fraction.len());
    let ends = !fraction.get(digits..)?.starts_with(|digit: char| digit.is_ascii_digit());
    ends.then_some((Element::Fraction { digits, trimmed: first == '9' }, digits + 1))
}

/// Splits a layout into the text before its first element, the element and how it is written, and what follows.
pub(super) fn next_element(layout: &str) -> Option<(&str, Element, &str, &str)> {
    layout.char_indices().find_map(|(index, _)| {
        let (before, rest) = layout.split_at_checked(index)?;
        let (element, length) = element_at(rest)?;
        let (written, after) = rest.split_at_checked(length)?;
        Some((before, element, written, after))
    })
}

/// Writes a moment by a layout.
pub(super) fn format(layout: &str, moment: &Moment) -> String {
    let mut text = String::new();
    let mut rest = layout;
    while let Some((before, element, written, after)) = next_element(rest) {
        text.push_str(before);
        text.push_str(&format_element(element, written, moment));
        rest = after;
    }
    text + rest
}

fn format_element(element: Element, written: &str, moment: &Moment) -> String {
    let civil = moment.civil();
    let hour12 = match civil.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    let half = if civil.hour() >= 12 { "PM" } else { "AM" };
    let name = |names: &[&'static str], index: i8| {
        names.get(usize::try_from(index).unwrap_or(0)).copied().unwrap_or_default()
    };
    let day_name = name(&DAYS, civil.weekday().to_sunday_zero_offset());
    let month_name = name(&MONTHS, civil.month() - 1);
    match element {
        Element::LongMonth => month_name.to_owned(),
        Element::ShortMonth => month_name.chars().take(3).collect(),
        Element::Month => civil.month().to_string(),
        Element::PaddedMonth => format!("{:02}", civil.month()),
        Element::LongDay => day_name.to_owned(),
        Element::ShortDay => day_name.chars().take(3).collect(),
        Element::Day => civil.day().to_string(),
        Element::SpacedDay => format!("{:2}", civil.day()),
        Element::PaddedDay => format!("{:02}", civil.day()),
        Element::SpacedYearDay => format!("{:3}", civil.day_of_year()),
        Element::YearDay => format!("{:03}", civil.day_of_year()),
        Element::Hour24 => format!("{:02}", civil.hour()),
        Element::Hour12 => hour12.to_string(),
        Element::PaddedHour12 => format!("{hour12:02}"),
        Element::Minute => civil.minute().to_string(),
        Element::PaddedMinute => format!("{:02}", civil.minute()),
        Element::Second => civil.second().to_string(),
        Element::PaddedSecond => format!("{:02}", civil.second()),
        Element::LongYear => format!("{:04}", civil.year()),
        Element::Year => format!("{:02}", civil.year().rem_euclid(100)),
        Element::UpperHalf => half.to_owned(),
        Element::LowerHalf => half.to_lowercase(),
        Element::ZoneName => moment.zone_name(),
        Element::Zone { letter: true, .. } if moment.offset_seconds() == 0 => "Z".to_owned(),
        Element::Zone { colons, parts, .. } => format_offset(moment.offset_seconds(), colons, parts),
        Element::Fraction { digits, trimmed } => {
            format_fraction(civil.subsec_nanosecond(), digits, trimmed, written)
        }
    }
}

pub(super) fn format_offset(seconds: i32, colons: bool, parts: u8) -> String {
    let magnitude = seconds.unsigned_abs();
    let sign = if seconds < 0 { '-' } else { '+' };
    let numbers = [magnitude / 3600, magnitude / 60 % 60, magnitude % 60];
    let texts: Vec<String> =
        numbers.iter().take(usize::from(parts)).map(|number| format!("{number:02}")).collect();
    format!("{sign}{}", texts.join(if colons { ":" } else { "" }))
}

fn format_fraction(nanoseconds: i32, digits: usize, trimmed: bool, written: &str) -> String {
    let point = written.get(..1).unwrap_or(".");
    let all = format!("{nanoseconds:09}");
    let shown = format!("{:0<digits$}", all.get(..digits.min(9)).unwrap_or(&all));
    let shown = if trimmed { shown.trim_end_matches('0') } else { &shown };
    if shown.is_empty() { String::new() } else { format!("{point}{shown}") }
}
