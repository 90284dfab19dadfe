//! The functions that need the templates or the cluster: `include`, `tpl`, `required`, `fail` and `lookup`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use spacecraft_gotemplate::{
    Call, CallError, CallResult, Function, Functions, NameHash, Parsed, TemplateSet, Type, Value, number,
    parse,
};

use super::context::Lookup;
use super::error::marked;

/// How often a template may include itself, as in Helm.
const MAX_INCLUDES: usize = 1_000;

/// How many times each template is being included inside itself.
type Depths = HashMap<String, usize, NameHash>;

/// The name of templates made by `tpl`, which Helm gives to the whole set.
const SET_NAME: &str = "gotpl";

/// Adds the functions.
pub(super) fn add(functions: &mut Functions, lookup: Option<Arc<dyn Lookup>>) {
    let included: Rc<RefCell<Depths>> = Rc::default();
    let nested = Rc::clone(&included);
    functions
        .insert("include", Function::new(&[Type::String, Type::Any], move |call| include(call, &included)));
    let parsed: Rc<RefCell<HashMap<String, Parsed>>> = Rc::default();
    functions
        .insert("tpl", Function::new(&[Type::String, Type::Any], move |call| tpl(call, &parsed, &nested)));
    functions.insert("required", Function::new(&[Type::String, Type::Any], required));
    functions
        .insert("fail", Function::new(&[Type::String], |call| Err(CallError::new(marked(&call.text(0))))));
    functions.insert(
        "lookup",
        Function::new(&[Type::String, Type::String, Type::String, Type::String], move |call| {
            let Some(lookup) = &lookup else { return Ok(Value::map::<&str>([])) };
            let found = lookup.lookup(&call.text(0), &call.text(1), &call.text(2), &call.text(3));
            found.map(Value::from).map_err(CallError::new)
        }),
    );
}

fn include(call: &Call<'_>, included: &RefCell<Depths>) -> CallResult {
    let name = call.text(0);
    if !enter(&mut included.borrow_mut(), &name) {
        return Err(CallError::new(format!(
            "rendering template has a nested reference name: {name}: unable to execute template"
        )));
    }
    let output = call.interpreter().execute(call.templates(), &name, call.value(1));
    leave(&mut included.borrow_mut(), &name);
    output.map(|output| Value::text(&*output)).map_err(|error| CallError::of(&error))
}

/// Counts one more inclusion of a template inside itself; false if there are too many.
fn enter(included: &mut Depths, name: &str) -> bool {
    match included.get_mut(name) {
        Some(depth) if *depth > MAX_INCLUDES => return false,
        Some(depth) => *depth += 1,
        None => drop(included.insert(name.to_owned(), 1)),
    }
    true
}

fn leave(included: &mut Depths, name: &str) {
    if let Some(depth) = included.get_mut(name) {
        *depth -= 1;
    }
}

/// Renders a text as a template that can call all others; what it defines is known inside of it only.
fn tpl(call: &Call<'_>, known: &RefCell<HashMap<String, Parsed>>, included: &RefCell<Depths>) -> CallResult {
    let text = call.text(0);
    let already_known = known.borrow().get(text.as_ref()).cloned();
    let parsed = match already_known {
        Some(parsed) => parsed,
        None => {
            let parsed = parse_text(call, &text)?;
            known.borrow_mut().insert(text.clone().into_owned(), parsed.clone());
            parsed
        }
    };
    let mut templates = TemplateSet::over(call.templates());
    templates.add(&parsed);
    if !enter(&mut included.borrow_mut(), SET_NAME) {
        return Err(CallError::new(format!(
            "texts are rendered inside one another more than {MAX_INCLUDES} times"
        )));
    }
    let output = call.interpreter().execute_template(&templates, parsed.main(), call.value(1));
    leave(&mut included.borrow_mut(), SET_NAME);
    let output = output.map_err(|error| {
        let quoted = number::quote_go(text.as_bytes());
        CallError::new(format!("error during tpl function execution for {quoted}: {error}"))
    })?;
    Ok(without_missing(&output))
}

fn parse_text(call: &Call<'_>, text: &str) -> Result<Parsed, CallError> {
    parse(SET_NAME, text, call.interpreter().functions().names()).map_err(|error| {
        let quoted = number::quote_go(text.as_bytes());
        CallError::new(format!("cannot parse template {quoted}: {error}"))
    })
}

fn without_missing(output: &[u8]) -> Value {
    const MISSING: &[u8] = super::MISSING.as_bytes();
    let mut places = memchr::memmem::find_iter(output, MISSING).peekable();
    if places.peek().is_none() {
        return Value::text(output);
    }
    let mut kept = Vec::with_capacity(output.len());
    let mut start = 0;
    for place in places.chain([output.len()]) {
        kept.extend_from_slice(output.get(start..place).unwrap_or_default());
        start = place + MISSING.len();
    }
    Value::text(kept)
}

fn required(call: &Call<'_>) -> CallResult {
    let is_missing = match call.value(1) {
        Value::Nil => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    };
    if is_missing {
        return Err(CallError::new(marked(&call.text(0))));
    }
    Ok(call.value(1).clone())
}
