//! Random text and numbers.

use std::rc::Rc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rand::Rng as _;
use rand::RngCore as _;
use rand::seq::SliceRandom as _;
use spacecraft_gotemplate::{CallResult, Function, Functions, Type, Value};

use super::{Surroundings, failure};

pub(super) fn add(functions: &mut Functions, surroundings: &Rc<Surroundings>) {
    let mut text = |name, accepted: fn(u8) -> bool| {
        let alphabet: Vec<u8> = (b' '..=b'~').filter(|byte| accepted(*byte)).collect();
        let surroundings = Rc::clone(surroundings);
        functions.insert(
            name,
            Function::new(&[Type::Int], move |call| {
                let count = usize::try_from(call.int(0)).unwrap_or(0);
                call.reserve(count)?;
                let mut random = surroundings.random.borrow_mut();
                let pick = |_| alphabet.get(random.random_range(0..alphabet.len())).copied().unwrap_or(b'0');
                Ok(Value::text((0..count).map(pick).collect::<Vec<u8>>()))
            }),
        );
    };
    text("randAlphaNum", |byte| byte.is_ascii_alphanumeric());
    text("randAlpha", |byte| byte.is_ascii_alphabetic());
    text("randNumeric", |byte| byte.is_ascii_digit());
    text("randAscii", |_| true);
    let source = Rc::clone(surroundings);
    functions.insert(
        "randInt",
        Function::new(&[Type::Int, Type::Int], move |call| random_int(&source, call.int(0), call.int(1))),
    );
    let source = Rc::clone(surroundings);
    functions.insert(
        "randBytes",
        Function::new(&[Type::Int], move |call| {
            let count = usize::try_from(call.int(0)).unwrap_or(0);
            call.reserve(count.saturating_mul(2))?;
            let mut bytes = vec![0; count];
            source.random.borrow_mut().fill_bytes(&mut bytes);
            Ok(STANDARD.encode(bytes).into())
        }),
    );
    let source = Rc::clone(surroundings);
    functions.insert(
        "shuffle",
        Function::new(&[Type::String], move |call| {
            let mut characters: Vec<char> = call.text(0).chars().collect();
            characters.shuffle(&mut *source.random.borrow_mut());
            Ok(String::from_iter(characters).into())
        }),
    );
    let source = Rc::clone(surroundings);
    functions.insert(
        "uuidv4",
        Function::new(&[], move |_| {
            let mut bytes = [0; 16];
            source.random.borrow_mut().fill_bytes(&mut bytes);
            Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string().into())
        }),
    );
}

/// At least `from`, less than `to`.
fn random_int(surroundings: &Surroundings, from: i64, to: i64) -> CallResult {
    if to <= from {
        return failure("invalid argument to Intn");
    }
    Ok(Value::Int(surroundings.random.borrow_mut().random_range(from..to)))
}
