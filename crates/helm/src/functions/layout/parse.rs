//! Reading dates by a layout.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

use super::super::time::Moment;
use super::{DAYS, Element, MONTHS, next_element};

/// What has been read of a date.
#[derive(Debug, Default)]
struct Parsed {
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
    year_day: Option<i16>,
    hour: i8,
    minute: i8,
    second: i8,
    nanosecond: i32,
    half: Option<bool>,
    zone: Option<TimeZone>,
}

/// Why an element could not be read.
enum Problem {
    Mismatch,
    OutOfRange(&'static str),
}

/// Reads a date by a layout; `zone` is that of dates that name none.
///
/// # Errors
/// Go's message.
pub(in super::super) fn parse(layout: &str, text: &str, zone: &TimeZone) -> Result<Moment, String> {
    let cannot = |value: &str, element: &str| {
        format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quoted(text),
            quoted(layout),
            quoted(value),
            quoted(element)
        )
    };
    let out_of_range = |what: &str| format!("parsing time {}: {what} out of range", quoted(text));
    let mut parsed = Parsed::default();
    let mut rest_of_layout = layout;
    let mut value = text;
    while let Some((before, element, written, after)) = next_element(rest_of_layout) {
        value = skip(value, before).map_err(|left| cannot(left, before))?;
        let expects_fraction = matches!(next_element(after), Some(("", Element::Fraction { .. }, ..)));
        value = match parsed.read(element, value, expects_fraction) {
            Ok(value) => value,
            Err(Problem::Mismatch) => return Err(cannot(value, written)),
            Err(Problem::OutOfRange(what)) => return Err(out_of_range(what)),
        };
        rest_of_layout = after;
    }
    value = skip(value, rest_of_layout).map_err(|left| cannot(left, rest_of_layout))?;
    if !value.is_empty() {
        return Err(format!("parsing time {}: extra text: {}", quoted(text), quoted(value)));
    }
    parsed.moment(zone).map_err(out_of_range)
}

/// A text in quotes, as Go has it in messages about times: all that is not plain ASCII is escaped byte by byte.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..=b'~' => quoted.push(char::from(byte)),
            other => quoted.push_str(&format!("\\x{other:02x}")),
        }
    }
    quoted + "\""
}

/// Passes over a layout's text; a space in it stands for any number of spaces. What does not fit is answered with all that follows it.
fn skip<'v>(value: &'v str, text: &str) -> Result<&'v str, &'v str> {
    let mut value = value;
    for character in text.chars() {
        if character == ' ' {
            if !value.is_empty() && !value.starts_with(' ') {
                return Err(value);
            }
            value = value.trim_start_matches(' ');
        } else {
            value = value.strip_prefix(character).ok_or(value)?;
        }
    }
    Ok(value)
}

/// A number of so many digits, and what follows.
fn number<T: std::str::FromStr>(value: &str, least: usize, most: usize) -> Result<(T, &str), Problem> {
    let count = value.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (digits, rest) = value.split_at_checked(count).filter(|_| count >= least).ok_or(Problem::Mismatch)?;
    Ok((digits.parse().map_err(|_| Problem::Mismatch)?, rest))
}

/// The index of the name that a value begins with, and what follows.
fn name<'v>(value: &'v str, names: &[&str], length: Option<usize>) -> Result<(i8, &'v str), Problem> {
    for (index, name) in names.iter().enumerate() {
        let name = name.get(..length.unwrap_or(name.len())).unwrap_or(name);
        if let Some((head, rest)) = value.split_at_checked(name.len())
            && head.eq_ignore_ascii_case(name)
        {
            return Ok((i8::try_from(index).unwrap_or(0), rest));
        }
    }
    Err(Problem::Mismatch)
}

fn within<T: PartialOrd>(
    number: T,
    range: std::ops::RangeInclusive<T>,
    what: &'static str,
) -> Result<T, Problem> {
    if range.contains(&number) { Ok(number) } else { Err(Problem::OutOfRange(what)) }
}

impl Parsed {
    /// Reads one element, and gives what follows it.
    fn read<'v>(
        &mut self,
        element: Element,
        value: &'v str,
        before_fraction: bool,
    ) -> Result<&'v str, Problem> {
        let rest = match element {
            Element::LongMonth | Element::ShortMonth => {
                let length = (element == Element::ShortMonth).then_some(3);
                let (index, rest) = name(value, &MONTHS, length)?;
                self.month = Some(index + 1);
                rest
            }
            Element::LongDay => name(value, &DAYS, None)?.1,
            Element::ShortDay => name(value, &DAYS, Some(3))?.1,
            Element::Month | Element::PaddedMonth => {
                let (month, rest) = number(value, least_digits(element == Element::PaddedMonth), 2)?;
                self.month = Some(within(month, 1..=12, "month")?);
                rest
            }
            Element::Day | Element::SpacedDay | Element::PaddedDay => {
                let value = if element == Element::SpacedDay {
                    value.strip_prefix(' ').unwrap_or(value)
                } else {
                    value
                };
                let (day, rest) = number(value, least_digits(element == Element::PaddedDay), 2)?;
                self.day = Some(day);
                rest
            }
            Element::SpacedYearDay | Element::YearDay => {
                let trimmed = if element == Element::YearDay { value } else { value.trim_start_matches(' ') };
                let (day, rest) = number(trimmed, 1, 3)?;
                self.year_day = Some(day);
                rest
            }
            Element::LongYear => {
                let (year, rest) = number(value, 4, 4)?;
                self.year = year;
                rest
            }
            Element::Year => {
                let (year, rest) = number::<i16>(value, 2, 2)?;
                self.year = year + if year >= 69 { 1900 } else { 2000 };
                rest
            }
            Element::UpperHalf | Element::LowerHalf => self.read_half(element, value)?,
            Element::ZoneName => self.read_zone_name(value)?,
            Element::Zone { letter, colons, parts } => self.read_offset(value, letter, colons, parts)?,
            Element::Fraction { digits, trimmed } => self.read_fraction(value, digits, trimmed)?,
            _ => self.read_clock(element, value, before_fraction)?,
        };
        Ok(rest)
    }

    fn read_clock<'v>(
        &mut self,
        element: Element,
        value: &'v str,
        before_fraction: bool,
    ) -> Result<&'v str, Problem> {
        let padded = matches!(element, Element::PaddedHour12 | Element::PaddedMinute | Element::PaddedSecond);
        let (read, rest) = number(value, least_digits(padded), 2)?;
        match element {
            Element::Hour24 => self.hour = within(read, 0..=23, "hour")?,
            Element::Hour12 | Element::PaddedHour12 => self.hour = within(read, 0..=12, "hour")?,
            Element::Minute | Element::PaddedMinute => self.minute = within(read, 0..=59, "minute")?,
            _ => {
                self.second = within(read, 0..=59, "second")?;
                // A fraction may follow the seconds even if the layout has none.
                if !before_fraction && rest.starts_with(['.', ',']) {
                    let digits = rest.bytes().skip(1).take_while(u8::is_ascii_digit).count();
                    if digits > 0 {
                        return self.read_fraction(rest, digits, false);
                    }
                }
            }
        }
        Ok(rest)
    }

    fn read_half<'v>(&mut self, element: Element, value: &'v str) -> Result<&'v str, Problem> {
        let words = if element == Element::UpperHalf { ["AM", "PM"] } else { ["am", "pm"] };
        for (word, is_afternoon) in words.into_iter().zip([false, true]) {
            if let Some(rest) = value.strip_prefix(word) {
                self.half = Some(is_afternoon);
                return Ok(rest);
            }
        }
        Err(Problem::Mismatch)
    }

    fn read_zone_name<'v>(&mut self, value: &'v str) -> Result<&'v str, Problem> {
        let length = value.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(value.len());
        let (name, rest) = value.split_at_checked(length).ok_or(Problem::Mismatch)?;
        if !(3..=5).contains(&name.len()) {
            return Err(Problem::Mismatch);
        }
        self.zone = Some(TimeZone::UTC);
        Ok(rest)
    }

    fn read_offset<'v>(
        &mut self,
        value: &'v str,
        letter: bool,
        colons: bool,
        parts: u8,
    ) -> Result<&'v str, Problem> {
        if letter && let Some(rest) = value.strip_prefix('Z') {
            self.zone = Some(TimeZone::UTC);
            return Ok(rest);
        }
        let (negative, mut rest) = match (value.strip_prefix('-'), value.strip_prefix('+')) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(Problem::Mismatch),
        };
        let mut seconds = 0i32;
        let limits =
            [(24, "time zone offset hour"), (60, "time zone offset minute"), (60, "time zone offset second")];
        let units = [3600, 60, 1].into_iter().zip(limits);
        for (part, (unit, limits)) in units.take(usize::from(parts)).enumerate() {
            if part > 0 && colons {
                rest = rest.strip_prefix(':').ok_or(Problem::Mismatch)?;
            }
            let (read, after) = number::<i32>(rest, 2, 2)?;
            let (most, what) = limits;
            seconds += within(read, 0..=most, what)? * unit;
            rest = after;
        }
        let seconds = if negative { -seconds } else { seconds };
        let offset = Offset::from_seconds(seconds).map_err(|_| Problem::OutOfRange("time zone offset"))?;
        self.zone = Some(if seconds == 0 { TimeZone::UTC } else { TimeZone::fixed(offset) });
        Ok(rest)
    }

    fn read_fraction<'v>(
        &mut self,
        value: &'v str,
        digits: usize,
        trimmed: bool,
    ) -> Result<&'v str, Problem> {
        let Some(fraction) = value.strip_prefix(['.', ',']) else {
            return if trimmed { Ok(value) } else { Err(Problem::Mismatch) };
        };
        let count = if trimmed { fraction.bytes().take_while(u8::is_ascii_digit).count() } else { digits };
        let (read, rest) = fraction.split_at_checked(count).ok_or(Problem::Mismatch)?;
        if read.is_empty() || !read.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(Problem::Mismatch);
        }
        let nanoseconds: String = read.chars().chain(std::iter::repeat('0')).take(9).collect();
        self.nanosecond = nanoseconds.parse().map_err(|_| Problem::Mismatch)?;
        Ok(rest)
    }

    fn moment(&self, zone: &TimeZone) -> Result<Moment, &'static str> {
        let hour = match (self.half, self.hour) {
            (Some(true), hour) if hour < 12 => hour + 12,
            (Some(false), 12) => 0,
            (_, hour) => hour,
        };
        let date = match self.year_day {
            Some(day) => Date::new(self.year, 1, 1)
                .ok()
                .and_then(|first| first.with().day_of_year(day).build().ok())
                .ok_or("day-of-year")?,
            None => {
                Date::new(self.year, self.month.unwrap_or(1), self.day.unwrap_or(1)).map_err(|_| "day")?
            }
        };
        let time = Time::new(hour, self.minute, self.second, self.nanosecond).map_err(|_| "hour")?;
        let zone = self.zone.clone().unwrap_or_else(|| zone.clone());
        let zoned = DateTime::from_parts(date, time).to_zoned(zone.clone()).map_err(|_| "year")?;
        Ok(Moment::new(zoned.timestamp(), zone))
    }
}

fn least_digits(padded: bool) -> usize {
    if padded { 2 } else { 1 }
}
