//! Go's `time.Time`, `time.Month` and `time.Weekday` as templates see them.

use std::any::Any;
use std::rc::Rc;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use spacecraft_gotemplate::value::{Data, Object};
use spacecraft_gotemplate::{CallError, Function, Type, Value};

use super::layout::{DAYS, MONTHS, format};

/// A point in time, seen from a time zone.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    timestamp: Timestamp,
    zone: TimeZone,
    /// What the zone is called, if that is not its own name.
    zone_text: Option<&'static str>,
}

const TIME: Type = Type::Named("time.Time");

impl Moment {
    pub(super) fn new(timestamp: Timestamp, zone: TimeZone) -> Self {
        Self { timestamp, zone, zone_text: None }
    }

    /// The same point in time, in a zone that is called so.
    pub(super) fn named(self, zone_text: &'static str) -> Self {
        Self { zone_text: Some(zone_text), ..self }
    }

    /// Go's zero time: the first of January of the year 1.
    pub(super) fn zero() -> Self {
        let first = jiff::civil::date(1, 1, 1).to_zoned(TimeZone::UTC);
        Self::new(first.map_or(Timestamp::MIN, |first| first.timestamp()), TimeZone::UTC)
    }

    pub(super) fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// The same point in time from another zone.
    pub(super) fn in_zone(&self, zone: TimeZone) -> Self {
        Self::new(self.timestamp, zone)
    }

    pub(super) fn civil(&self) -> DateTime {
        self.zone.to_datetime(self.timestamp)
    }

    pub(super) fn offset_seconds(&self) -> i32 {
        self.zone.to_offset(self.timestamp).seconds()
    }

    pub(super) fn zone_name(&self) -> String {
        if let Some(text) = self.zone_text {
            return text.to_owned();
        }
        if self.zone == TimeZone::UTC {
            return "UTC".to_owned();
        }
        let info = self.zone.to_offset_info(self.timestamp);
        let name = info.abbreviation();
        if name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return name.to_owned();
        }
        super::layout::format_offset(self.offset_seconds(), false, 2)
    }

    /// The moment `nanoseconds` later; none beyond the year 9999.
    pub(super) fn later(&self, nanoseconds: i64) -> Option<Self> {
        let timestamp = self.timestamp.checked_add(Span::new().nanoseconds(nanoseconds)).ok()?;
        Some(Self { timestamp, ..self.clone() })
    }

    /// Nanoseconds since another moment, as far as 64 bits go.
    pub(super) fn since(&self, earlier: Timestamp) -> i64 {
        let difference = self.timestamp.as_nanosecond() - earlier.as_nanosecond();
        i64::try_from(difference).unwrap_or(if difference < 0 { i64::MIN } else { i64::MAX })
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(Rc::new(self))
    }

    /// The moment in a value that holds one.
    pub(super) fn of(value: &Value) -> Option<&Self> {
        match value {
            Value::Object(object) => object.as_any().downcast_ref(),
            _ => None,
        }
    }

    /// A number of the date or the clock, by the name of Go's method.
    fn part(&self, name: &str) -> Option<i64> {
        let civil = self.civil();
        Some(match name {
            "Year" => i64::from(civil.year()),
            "Day" => i64::from(civil.day()),
            "YearDay" => i64::from(civil.day_of_year()),
            "Hour" => i64::from(civil.hour()),
            "Minute" => i64::from(civil.minute()),
            "Second" => i64::from(civil.second()),
            "Nanosecond" => i64::from(civil.subsec_nanosecond()),
            _ => return None,
        })
    }

    fn add_date(&self, years: i64, months: i64, days: i64) -> Option<Self> {
        let civil = self.civil();
        let month_index = i64::from(civil.year())
            .checked_add(years)?
            .checked_mul(12)?
            .checked_add(i64::from(civil.month()) - 1)?;
        let month_index = month_index.checked_add(months)?;
        let year = i16::try_from(month_index.div_euclid(12)).ok()?;
        let month = i8::try_from(month_index.rem_euclid(12) + 1).ok()?;
        let first = jiff::civil::Date::new(year, month, 1).ok()?;
        let shift = days.checked_add(i64::from(civil.day()) - 1)?;
        let date = first.checked_add(Span::new().try_days(shift).ok()?).ok()?;
        let zoned = date.to_datetime(civil.time()).to_zoned(self.zone.clone()).ok()?;
        Some(Self { timestamp: zoned.timestamp(), ..self.clone() })
    }
}

fn getter(value: Value) -> Function {
    Function::new(&[], move |_| Ok(value.clone()))
}

fn comparing(this: &Moment, make: fn(std::cmp::Ordering) -> bool) -> Function {
    let timestamp = this.timestamp;
    Function::new(const { &[TIME] }, move |call| {
        let other = Moment::of(call.value(0)).ok_or_else(|| CallError::new("the other value is no time"))?;
        Ok(make(timestamp.cmp(&other.timestamp)).into())
    })
}

impl Object for Moment {
    fn type_name(&self) -> &str {
        "time.Time"
    }

    fn kind(&self) -> &'static str {
        "struct"
    }

    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<Function> {
        let civil = self.civil();
        let this = self.clone();
        Some(match name {
            "Unix" => getter(Value::Int64(self.timestamp.as_second())),
            "UnixMilli" => getter(Value::Int64(self.timestamp.as_millisecond())),
            "UnixMicro" => getter(Value::Int64(self.timestamp.as_microsecond())),
            "UnixNano" => {
                getter(Value::Int64(i64::try_from(self.timestamp.as_nanosecond()).unwrap_or(i64::MIN)))
            }
            "Month" => getter(named_number("time.Month", &MONTHS, civil.month(), 1)),
            "Weekday" => {
                getter(named_number("time.Weekday", &DAYS, civil.weekday().to_sunday_zero_offset(), 0))
            }
            "String" => getter(self.text().unwrap_or_default().into()),
            "UTC" => getter(self.in_zone(TimeZone::UTC).into_value()),
            "Local" => getter(self.clone().into_value()),
            "IsZero" => getter((self.timestamp == Self::zero().timestamp).into()),
            "Before" => comparing(self, std::cmp::Ordering::is_lt),
            "After" => comparing(self, std::cmp::Ordering::is_gt),
            "Equal" => comparing(self, std::cmp::Ordering::is_eq),
            "Format" => Function::new(&[Type::String], move |call| Ok(format(&call.text(0), &this).into())),
            "AddDate" => Function::new(&[Type::Int, Type::Int, Type::Int], move |call| {
                let moved = this.add_date(call.int(0), call.int(1), call.int(2));
                moved.map(Self::into_value).ok_or_else(|| CallError::new("the date is out of range"))
            }),
            other => getter(Value::Int(self.part(other)?)),
        })
    }

    fn text(&self) -> Option<String> {
        Some(format("2006-01-02 15:04:05.999999999 -0700 MST", self))
    }

    fn data(&self) -> Data {
        Data::Value(format("2006-01-02T15:04:05.999999999Z07:00", self).into())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A month or a day of the week: a number with a name.
#[derive(Debug)]
struct NamedNumber {
    type_name: &'static str,
    name: &'static str,
    number: i64,
}

fn named_number(type_name: &'static str, names: &[&'static str], number: i8, first: i8) -> Value {
    let index = usize::try_from(number - first).unwrap_or(0);
    let name = names.get(index).copied().unwrap_or_default();
    Value::Object(Rc::new(NamedNumber { type_name, name, number: i64::from(number) }))
}

impl Object for NamedNumber {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn kind(&self) -> &'static str {
        "int"
    }

    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<Function> {
        (name == "String").then(|| getter(self.name.into()))
    }

    fn text(&self) -> Option<String> {
        Some(self.name.to_owned())
    }

    fn data(&self) -> Data {
        Data::Value(Value::Int(self.number))
    }

    fn is_true(&self) -> bool {
        self.number != 0
    }

    fn number(&self) -> Option<i64> {
        Some(self.number)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
