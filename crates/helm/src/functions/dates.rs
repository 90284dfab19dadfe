//! Dates and durations.

use std::rc::Rc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use spacecraft_gotemplate::{CallError, Function, Functions, Type, Value};

use super::time::Moment;
use super::{Surroundings, add_as, duration, layout};

const TIME: Type = Type::Named("time.Time");
const SECOND: i64 = 1_000_000_000;

pub(super) fn add(functions: &mut Functions, surroundings: &Rc<Surroundings>) {
    let mut with = |names: &[&'static str],
                    parameters,
                    call: fn(&Surroundings, &[Value]) -> Result<Value, CallError>| {
        let surroundings = Rc::clone(surroundings);
        let function = Function::new(parameters, move |arguments| call(&surroundings, arguments.arguments()));
        add_as(functions, names, &function);
    };
    with(&["now"], &[], |surroundings, _| Ok(surroundings.moment().into_value()));
    with(&["date"], &[Type::String, Type::Any], |surroundings, arguments| {
        Ok(date(surroundings, text(arguments, 0), value(arguments, 1), "Local"))
    });
    with(
        &["dateInZone", "date_in_zone"],
        &[Type::String, Type::Any, Type::String],
        |surroundings, arguments| {
            Ok(date(surroundings, text(arguments, 0), value(arguments, 1), &text(arguments, 2)))
        },
    );
    with(&["htmlDate"], &[Type::Any], |surroundings, arguments| {
        Ok(date(surroundings, "2006-01-02", value(arguments, 0), "Local"))
    });
    with(&["htmlDateInZone"], &[Type::Any, Type::String], |surroundings, arguments| {
        Ok(date(surroundings, "2006-01-02", value(arguments, 0), &text(arguments, 1)))
    });
    with(&["ago"], &[Type::Any], |surroundings, arguments| {
        let moment = surroundings.moment_of(value(arguments, 0));
        let passed = surroundings.moment().since(moment.timestamp());
        Ok(duration::format(rounded_to_seconds(passed)).into())
    });
    with(&["toDate"], &[Type::String, Type::String], |surroundings, arguments| {
        let parsed = layout::parse(&text(arguments, 0), &text(arguments, 1), &surroundings.time_zone);
        Ok(parsed.unwrap_or_else(|_| Moment::zero()).into_value())
    });
    with(&["mustToDate"], &[Type::String, Type::String], |surroundings, arguments| {
        let parsed = layout::parse(&text(arguments, 0), &text(arguments, 1), &surroundings.time_zone);
        parsed.map(Moment::into_value).map_err(CallError::new)
    });
    with(&["dateModify", "date_modify"], &[Type::String, TIME], |_, arguments| {
        Ok(modified(arguments).unwrap_or_else(|_| value(arguments, 1).clone()))
    });
    with(&["mustDateModify", "must_date_modify"], &[Type::String, TIME], |_, arguments| modified(arguments));
    with(&["unixEpoch"], &[TIME], |_, arguments| {
        let seconds = Moment::of(value(arguments, 0)).map_or(0, |moment| moment.timestamp().as_second());
        Ok(seconds.to_string().into())
    });
    with(&["duration"], &[Type::Any], |_, arguments| {
        let seconds = match value(arguments, 0) {
            Value::String(text) => text.to_str().parse().unwrap_or(0),
            Value::Int64(seconds) => *seconds,
            _ => 0,
        };
        Ok(duration::format(seconds.wrapping_mul(SECOND)).into())
    });
    with(&["durationRound"], &[Type::Any], |surroundings, arguments| {
        let length = match value(arguments, 0) {
            Value::String(text) => duration::parse(&text.to_str()).unwrap_or(0),
            Value::Int64(nanoseconds) => *nanoseconds,
            other => Moment::of(other).map_or(0, |moment| surroundings.moment().since(moment.timestamp())),
        };
        Ok(duration::rounded(length).into())
    });
}

fn value(arguments: &[Value], index: usize) -> &Value {
    arguments.get(index).unwrap_or(&Value::Nil)
}

fn text(arguments: &[Value], index: usize) -> std::borrow::Cow<'_, str> {
    value(arguments, index).as_text().map_or_else(Default::default, |text| text.to_str())
}

fn rounded_to_seconds(nanoseconds: i64) -> i64 {
    let half = if nanoseconds < 0 { -SECOND / 2 } else { SECOND / 2 };
    nanoseconds.saturating_add(half) / SECOND * SECOND
}

impl Surroundings {
    fn moment(&self) -> Moment {
        Moment::new(self.now, self.time_zone.clone())
    }

    /// A time as it is, a number as seconds since 1970, anything else as now.
    fn moment_of(&self, value: &Value) -> Moment {
        let seconds = match value {
            Value::Int(seconds) | Value::Int64(seconds) => *seconds,
            other => return Moment::of(other).cloned().unwrap_or_else(|| self.moment()),
        };
        Timestamp::from_second(seconds)
            .map_or_else(|_| self.moment(), |timestamp| Moment::new(timestamp, self.time_zone.clone()))
    }

    /// The zone of that name; UTC if there is none.
    fn zone(&self, name: &str) -> TimeZone {
        match name {
            "Local" => self.time_zone.clone(),
            "" | "UTC" => TimeZone::UTC,
            name => TimeZone::get(name).unwrap_or(TimeZone::UTC),
        }
    }
}

fn date(surroundings: &Surroundings, layout: impl AsRef<str>, value: &Value, zone: &str) -> Value {
    let moment = surroundings.moment_of(value).in_zone(surroundings.zone(zone));
    layout::format(layout.as_ref(), &moment).into()
}

fn modified(arguments: &[Value]) -> Result<Value, CallError> {
    let length = duration::parse(&text(arguments, 0)).map_err(CallError::new)?;
    let moment = Moment::of(value(arguments, 1)).ok_or_else(|| CallError::new("the value is no time"))?;
    let later = moment.later(length).ok_or_else(|| CallError::new("the date is out of range"))?;
    Ok(later.into_value())
}
