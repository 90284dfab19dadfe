//! Arithmetic.

use spacecraft_gotemplate::{Call, CallResult, Function, Functions, List, Type, Value};

use super::cast::{to_float64, to_int64, to_text};
use super::decimal::{Operation, chain};
use super::failure;

const ANY: &[Type] = &[Type::Any];
const TWO: &[Type] = &[Type::Any, Type::Any];

pub(super) fn add(functions: &mut Functions) {
    add_casts(functions);
    add_integers(functions);
    add_floats(functions);
    add_ranges(functions);
}

fn add_casts(functions: &mut Functions) {
    functions.insert("int", Function::new(ANY, |call| Ok(Value::Int(to_int64(call.value(0))))));
    functions.insert("int64", Function::new(ANY, |call| Ok(Value::Int64(to_int64(call.value(0))))));
    functions.insert("float64", Function::new(ANY, |call| Ok(Value::Float(to_float64(call.value(0))))));
    functions.insert(
        "atoi",
        Function::new(&[Type::String], |call| Ok(Value::Int(call.text(0).parse().unwrap_or(0)))),
    );
    functions.insert(
        "toDecimal",
        Function::new(ANY, |call| {
            Ok(Value::Int64(i64::from_str_radix(&to_text(call.value(0)).to_str(), 8).unwrap_or(0)))
        }),
    );
}

fn add_integers(functions: &mut Functions) {
    functions.insert(
        "add",
        Function::variadic(&[], Type::Any, |call| {
            Ok(Value::Int64(folded(0, call.arguments(), i64::wrapping_add)))
        }),
    );
    functions
        .insert("add1", Function::new(ANY, |call| Ok(Value::Int64(to_int64(call.value(0)).wrapping_add(1)))));
    functions.insert(
        "sub",
        Function::new(TWO, |call| {
            Ok(Value::Int64(to_int64(call.value(0)).wrapping_sub(to_int64(call.value(1)))))
        }),
    );
    functions.insert(
        "mul",
        Function::variadic(ANY, Type::Any, |call| {
            Ok(Value::Int64(folded(to_int64(call.value(0)), call.rest(1), i64::wrapping_mul)))
        }),
    );
    functions.insert("div", Function::new(TWO, |call| divided(call, i64::wrapping_div)));
    functions.insert("mod", Function::new(TWO, |call| divided(call, i64::wrapping_rem)));
    let largest = Function::variadic(ANY, Type::Any, |call| {
        Ok(Value::Int64(folded(to_int64(call.value(0)), call.rest(1), i64::max)))
    });
    super::add_as(functions, &["max", "biggest"], &largest);
    functions.insert(
        "min",
        Function::variadic(ANY, Type::Any, |call| {
            Ok(Value::Int64(folded(to_int64(call.value(0)), call.rest(1), i64::min)))
        }),
    );
}

fn folded(first: i64, rest: &[Value], operation: fn(i64, i64) -> i64) -> i64 {
    rest.iter().map(to_int64).fold(first, operation)
}

fn divided(call: &Call<'_>, operation: fn(i64, i64) -> i64) -> CallResult {
    match to_int64(call.value(1)) {
        0 => failure("runtime error: integer divide by zero"),
        divisor => Ok(Value::Int64(operation(to_int64(call.value(0)), divisor))),
    }
}

fn add_floats(functions: &mut Functions) {
    let mut decimal = |name, operation: Operation| {
        functions.insert(
            name,
            Function::variadic(ANY, Type::Any, move |call| {
                chain(operation, to_float64(call.value(0)), call.rest(1).iter().map(to_float64))
                    .map(Value::Float)
                    .map_or_else(|| failure("decimal division by 0"), Ok)
            }),
        );
    };
    decimal("subf", Operation::Subtract);
    decimal("mulf", Operation::Multiply);
    decimal("divf", Operation::Divide);
    functions.insert(
        "addf",
        Function::variadic(&[], Type::Any, |call| {
            let sum = chain(Operation::Add, 0.0, call.arguments().iter().map(to_float64));
            Ok(Value::Float(sum.unwrap_or(0.0)))
        }),
    );
    functions.insert(
        "add1f",
        Function::new(ANY, |call| {
            let sum = chain(Operation::Add, to_float64(call.value(0)), std::iter::once(1.0));
            Ok(Value::Float(sum.unwrap_or(0.0)))
        }),
    );
    let mut extreme = |name, pick: fn(f64, f64) -> f64| {
        functions.insert(
            name,
            Function::variadic(ANY, Type::Any, move |call| {
                let first = to_float64(call.value(0));
                Ok(Value::Float(call.rest(1).iter().map(to_float64).fold(first, pick)))
            }),
        );
    };
    extreme("maxf", larger);
    extreme("minf", |left, right| -larger(-left, -right));
    functions.insert("ceil", Function::new(ANY, |call| Ok(Value::Float(to_float64(call.value(0)).ceil()))));
    functions.insert("floor", Function::new(ANY, |call| Ok(Value::Float(to_float64(call.value(0)).floor()))));
    functions.insert(
        "round",
        Function::variadic(&[Type::Any, Type::Int], Type::Float, |call| {
            let threshold = call.rest(2).first().map_or(0.5, to_float64);
            Ok(Value::Float(rounded(to_float64(call.value(0)), call.int(1), threshold)))
        }),
    );
}

/// The larger of two floats: zero is larger than minus zero, and nothing is larger than what is no number.
fn larger(left: f64, right: f64) -> f64 {
    if left.is_nan() || right.is_nan() {
        return f64::NAN;
    }
    if left.total_cmp(&right).is_lt() { right } else { left }
}

/// Rounds up where what is cut off is at least `threshold`.
fn rounded(value: f64, places: i64, threshold: f64) -> f64 {
    let power = 10f64.powi(i32::try_from(places.clamp(-400, 400)).unwrap_or(0));
    let shifted = power * value;
    let whole = if shifted.fract() >= threshold { shifted.ceil() } else { shifted.floor() };
    whole / power
}

fn add_ranges(functions: &mut Functions) {
    functions.insert(
        "until",
        Function::new(&[Type::Int], |call| {
            let count = call.int(0);
            int_list(call, steps(0, count, if count < 0 { -1 } else { 1 }))
        }),
    );
    functions.insert(
        "untilStep",
        Function::new(&[Type::Int, Type::Int, Type::Int], |call| {
            int_list(call, steps(call.int(0), call.int(1), call.int(2)))
        }),
    );
    functions.insert("seq", Function::variadic(&[], Type::Int, sequence));
}

/// The numbers from `start` up to, but without, `stop`.
struct Steps {
    next: i64,
    stop: i64,
    step: i64,
}

fn steps(start: i64, stop: i64, step: i64) -> Steps {
    let goes_there = if stop < start { step < 0 } else { step > 0 };
    Steps { next: start, stop: if goes_there { stop } else { start }, step }
}

impl Steps {
    /// How many numbers there are.
    fn length(&self) -> usize {
        let distance = i128::from(self.stop) - i128::from(self.next);
        let step = i128::from(if self.step == 0 { 1 } else { self.step });
        let whole = distance / step + i128::from(distance % step != 0);
        usize::try_from(whole.max(0)).unwrap_or(usize::MAX)
    }
}

impl Iterator for Steps {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        let is_there = if self.step < 0 { self.next <= self.stop } else { self.next >= self.stop };
        if is_there {
            return None;
        }
        let current = self.next;
        self.next = current.saturating_add(self.step);
        Some(current)
    }
}

fn int_list(call: &Call<'_>, steps: Steps) -> CallResult {
    call.reserve(steps.length().saturating_mul(size_of::<Value>()))?;
    Ok(Value::List(List::of("int", steps.map(Value::Int).collect())))
}

/// As the command `seq`: `last`, `first last` or `first increment last`, but with the last number included.
fn sequence(call: &Call<'_>) -> CallResult {
    let numbers: Vec<i64> = call.arguments().iter().map(to_int64).collect();
    let steps = match numbers.as_slice() {
        [last] => inclusive(1, *last, None),
        [first, last] => inclusive(*first, *last, None),
        [first, step, last] if *last < *first && *step > 0 => steps(*first, *first, 1),
        [first, step, last] => inclusive(*first, *last, Some(*step)),
        _ => return Ok("".into()),
    };
    call.reserve(steps.length().saturating_mul(4))?;
    let texts: Vec<String> = steps.map(|number| number.to_string()).collect();
    Ok(texts.join(" ").into())
}

fn inclusive(first: i64, last: i64, step: Option<i64>) -> Steps {
    let direction = if last < first { -1 } else { 1 };
    steps(first, last.saturating_add(direction), step.unwrap_or(direction))
}
