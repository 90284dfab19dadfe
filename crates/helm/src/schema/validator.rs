//! The validator: keyword by keyword, in the order in which Helm's validator reports.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Map, Value};

use super::format;
use super::reference::resolve;
use super::scalars::{
    bounds, count, display, enum_text, equal, first_pair_of_equals, is_compound, missing, number_keywords,
    regex, text_keywords, type_fault,
};
use super::violation::{Violation, What, quote, quote_all};

/// How deep schemas may lead into each other for one value; a reference that leads to itself ends here.
const MAX_DEPTH: usize = 200;
/// How many schemas are applied at most; combinators inside each other could multiply without end.
const MAX_STEPS: usize = 1_000_000;
/// The same for the schema that schemas must meet, which multiplies nothing: a large schema takes some twenty for each of its parts.
const MAX_STEPS_OF_SCHEMAS: usize = 50_000_000;

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SchemaError {
    #[error("the schema refers to {0}, which is not in it")]
    Reference(String),
    #[error("the schema has a pattern that is no regular expression: {0}")]
    Pattern(String),
    #[error("the schema leads into itself without end at {0}")]
    Endless(String),
}

pub(super) type Outcome<T = ()> = Result<T, SchemaError>;

/// A schema document.
pub(super) struct Validator<'a> {
    root: &'a Value,
    draft: u16,
    asserts_formats: bool,
    max_steps: usize,
    steps: std::cell::Cell<usize>,
}

/// What one schema said of one value.
#[derive(Default)]
pub(super) struct Findings {
    violations: Vec<Violation>,
    /// Properties and items that some part of the schema spoke of.
    properties: BTreeSet<String>,
    items: BTreeSet<usize>,
}

impl Findings {
    pub(super) fn add(&mut self, at: &str, text: impl Into<String>) {
        self.violations.push(Violation::new(at, text));
    }

    /// Takes over what was spoken of by a schema that the value meets.
    fn absorb(&mut self, other: Findings) {
        self.properties.extend(other.properties);
        self.items.extend(other.items);
    }
}

/// One value with where it is and how deep the schemas are that lead to it.
#[derive(Clone, Copy)]
pub(super) struct Place<'v> {
    value: &'v Value,
    pub(super) at: &'v str,
    depth: usize,
}

impl<'a> Validator<'a> {
    /// A validator for the draft that the document names, 2020-12 if it names none.
    pub(super) fn new(root: &'a Value) -> Self {
        let named = root.get("$schema").and_then(Value::as_str).unwrap_or_default();
        let draft = [("draft-04", 4), ("draft-06", 6), ("draft-07", 7), ("2019-09", 2019)]
            .iter()
            .find_map(|(name, draft)| named.contains(name).then_some(*draft))
            .unwrap_or(2020);
        Self {
            root,
            draft,
            asserts_formats: draft <= 7,
            max_steps: MAX_STEPS,
            steps: std::cell::Cell::new(0),
        }
    }

    /// A validator for schemas, whose formats always count.
    pub(super) fn of_schemas(root: &'a Value) -> Self {
        Self { asserts_formats: true, max_steps: MAX_STEPS_OF_SCHEMAS, ..Self::new(root) }
    }

    pub(super) fn draft(&self) -> u16 {
        self.draft
    }

    /// All that is wrong with `value`.
    pub(super) fn validate(&self, value: &Value) -> Outcome<Vec<Violation>> {
        Ok(self.apply(self.root, Place { value, at: "", depth: 0 })?.violations)
    }

    fn apply(&self, schema: &Value, place: Place<'_>) -> Outcome<Findings> {
        let mut findings = Findings::default();
        self.steps.set(self.steps.get() + 1);
        if place.depth > MAX_DEPTH || self.steps.get() > self.max_steps {
            return Err(SchemaError::Endless(quote(&format!("#{}", place.at))));
        }
        match schema {
            Value::Bool(false) => findings.add(place.at, "false schema"),
            Value::Object(schema) => self.keywords(schema, place, &mut findings)?,
            _ => {}
        }
        Ok(findings)
    }

    /// One violation for all that is wrong with the value by this schema, or what the schema spoke of.
    fn check(&self, schema: &Value, place: Place<'_>) -> Outcome<Result<Findings, Violation>> {
        let deeper = Place { depth: place.depth + 1, ..place };
        let mut findings = self.apply(schema, deeper)?;
        Ok(match findings.violations.len() {
            0 => Ok(findings),
            1 => Err(findings.violations.remove(0)),
            _ => Err(Violation { at: place.at.to_owned(), what: What::Group, causes: findings.violations }),
        })
    }

    fn check_into(&self, schema: &Value, place: Place<'_>, findings: &mut Findings) -> Outcome {
        match self.check(schema, place)? {
            Ok(met) => findings.absorb(met),
            Err(violation) => findings.violations.push(violation),
        }
        Ok(())
    }

    /// Checks a part of the value.
    fn check_part(
        &self,
        schema: &Value,
        whole: Place<'_>,
        name: &str,
        part: &Value,
    ) -> Outcome<Option<Violation>> {
        let at = format!("{}/{}", whole.at, name.replace('~', "~0").replace('/', "~1"));
        Ok(self.check(schema, Place { value: part, at: &at, depth: whole.depth })?.err())
    }

    fn keywords(&self, schema: &Map<String, Value>, place: Place<'_>, findings: &mut Findings) -> Outcome {
        if let Some(violation) = self.own_kind(schema, place) {
            findings.violations.push(violation);
            return Ok(());
        }
        for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
            if let Some(reference) = schema.get(keyword).and_then(Value::as_str) {
                self.reference(reference, place, findings)?;
                if self.draft < 2019 {
                    return Ok(());
                }
            }
        }
        match place.value {
            Value::Object(object) => self.object(schema, object, place, findings)?,
            Value::Array(items) => self.array(schema, items, place, findings)?,
            Value::String(text) => text_keywords(schema, text, place, findings)?,
            Value::Number(value) => {
                number_keywords(schema, value.as_f64().unwrap_or_default(), place, findings)
            }
            Value::Null | Value::Bool(_) => {}
        }
        self.combinators(schema, place, findings)?;
        if self.draft >= 2019 { self.unevaluated(schema, place, findings) } else { Ok(()) }
    }

    /// `type`, `const`, `enum` and `format`: the first that is not met is all that is told.
    fn own_kind(&self, schema: &Map<String, Value>, place: Place<'_>) -> Option<Violation> {
        let Place { value, at, .. } = place;
        if let Some(wanted) = schema.get("type")
            && let Some(text) = type_fault(wanted, value)
        {
            return Some(Violation::new(at, text));
        }
        if let Some(wanted) = schema.get("const")
            && !equal(wanted, value)
        {
            let text = if is_compound(wanted) {
                "'const' failed".to_owned()
            } else {
                format!("value must be {}", display(wanted))
            };
            return Some(Violation::new(at, text));
        }
        if let Some(Value::Array(wanted)) = schema.get("enum")
            && !wanted.iter().any(|wanted| equal(wanted, value))
        {
            return Some(Violation::new(at, enum_text(wanted)));
        }
        let (format, text) = (schema.get("format")?.as_str()?, value.as_str()?);
        let fault = self.asserts_formats.then(|| format::fault(format, text)).flatten()?;
        Some(Violation::new(at, format!("{} is not valid {format}: {fault}", quote(text))))
    }

    fn reference(&self, reference: &str, place: Place<'_>, findings: &mut Findings) -> Outcome {
        let target = resolve(self.root, reference).ok_or_else(|| SchemaError::Reference(quote(reference)))?;
        match self.check(target, place)? {
            Ok(met) => findings.absorb(met),
            Err(violation) => {
                let causes = match violation {
                    Violation { what: What::Group, causes, .. } => causes,
                    other => vec![other],
                };
                let at = place.at.to_owned();
                findings.violations.push(Violation { at, what: What::Reference, causes });
            }
        }
        Ok(())
    }

    fn object(
        &self,
        schema: &Map<String, Value>,
        object: &Map<String, Value>,
        place: Place<'_>,
        findings: &mut Findings,
    ) -> Outcome {
        bounds(schema, "minProperties", "maxProperties", object.len(), place, findings);
        let missing = missing(schema.get("required"), object);
        match missing.as_slice() {
            [] => {}
            [one] => findings.add(place.at, format!("missing property {}", quote(one))),
            several => {
                findings.add(place.at, format!("missing properties {}", quote_all(several.iter().copied())));
            }
        }
        self.dependencies(schema, "dependencies", object, place, findings)?;
        self.properties(schema, object, place, findings)?;
        if let Some(names) = schema.get("propertyNames") {
            for name in object.keys() {
                let name_value = Value::from(name.as_str());
                let name_place = Place { value: &name_value, ..place };
                if let Err(violation) = self.check(names, name_place)? {
                    let text = format!("invalid propertyName {}", quote(name));
                    findings.violations.push(Violation::because(place.at, text, vec![violation]));
                }
            }
        }
        self.dependencies(schema, "dependentSchemas", object, place, findings)?;
        self.dependencies(schema, "dependentRequired", object, place, findings)
    }

    fn dependencies(
        &self,
        schema: &Map<String, Value>,
        keyword: &str,
        object: &Map<String, Value>,
        place: Place<'_>,
        findings: &mut Findings,
    ) -> Outcome {
        let dependencies = schema.get(keyword).and_then(Value::as_object).into_iter().flatten();
        for (name, needed) in dependencies.filter(|(name, _)| object.contains_key(*name)) {
            if !needed.is_array() {
                self.check_into(needed, place, findings)?;
                continue;
            }
            let missing = missing(Some(needed), object);
            if !missing.is_empty() {
                let text = format!("properties {} required, if {} exists", quote_all(missing), quote(name));
                findings.add(place.at, text);
            }
        }
        Ok(())
    }

    fn properties(
        &self,
        schema: &Map<String, Value>,
        object: &Map<String, Value>,
        place: Place<'_>,
        findings: &mut Findings,
    ) -> Outcome {
        let patterns = schema.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
        let patterns: Vec<(Regex, &Value)> =
            patterns.map(|(pattern, schema)| Ok((regex(pattern)?, schema))).collect::<Outcome<_>>()?;
        let mut additional = Vec::new();
        for (name, value) in object {
            let named = schema.get("properties").and_then(|properties| properties.get(name));
            let by_pattern =
                patterns.iter().filter(|(pattern, _)| pattern.is_match(name)).map(|(_, schema)| *schema);
            let mut applying: Vec<&Value> = named.into_iter().chain(by_pattern).collect();
            if applying.is_empty() {
                match schema.get("additionalProperties") {
                    Some(Value::Bool(false)) => additional.push(name.as_str()),
                    other => applying.extend(other),
                }
            }
            if !applying.is_empty() {
                findings.properties.insert(name.clone());
            }
            for schema in applying {
                findings.violations.extend(self.check_part(schema, place, name, value)?);
            }
        }
        if !additional.is_empty() {
            findings.add(place.at, format!("additional properties {} not allowed", quote_all(additional)));
        }
        Ok(())
    }

    fn array(
        &self,
        schema: &Map<String, Value>,
        items: &[Value],
        place: Place<'_>,
        findings: &mut Findings,
    ) -> Outcome {
        bounds(schema, "minItems", "maxItems", items.len(), place, findings);
        if schema.get("uniqueItems") == Some(&Value::Bool(true))
            && let Some((one, other)) = first_pair_of_equals(items)
        {
            findings.add(place.at, format!("items at {one} and {other} are equal"));
        }
        self.items(schema, items, place, findings)?;
        self.contains(schema, items, place, findings)
    }

    fn items(
        &self,
        schema: &Map<String, Value>,
        items: &[Value],
        place: Place<'_>,
        findings: &mut Findings,
    ) -> Outcome {
        let by_place = ["prefixItems", "items"].iter().find_map(|keyword| schema.get(*keyword)?.as_array());
        let rest = match schema.get("items") {
            Some(Value::Array(_)) | None => schema.get("additionalItems"),
            one => one,
        };
        let placed = by_place.map_or(0, Vec::len);
        for (index, item) in items.iter().enumerate() {
            let Some(schema) = by_place.and_then(|schemas| schemas.get(index)).or(rest) else {
                continue;
            };
            findings.items.insert(index);
            if index >= placed && *schema == Value::Bool(false) && by_place.is_some() {
                let count = items.len() - placed;
                findings.add(place.at, format!("last {count} additionalItem(s) not allowed"));
                break;
            }
            findings.violations.extend(self.check_part(schema, place, &index.to_string(), item)?);
        }
        Ok(())
    }

    fn contains(
        &self,
        schema: &Map<String, Value>,
        items: &[Value],
        place: Place<'_>,
        findings: &mut Findings,
    ) -> Outcome {
        let Some(contained) = schema.get("contains") else {
            return Ok(());
        };
        let (mut causes, mut matched) = (Vec::new(), Vec::new());
        for (index, item) in items.iter().enumerate() {
            match self.check_part(contained, place, &index.to_string(), item)? {
                Some(violation) => causes.push(violation),
                None => matched.push(index),
            }
        }
        let wanted = count(schema, "minContains").unwrap_or(1);
        let places = || matched.iter().map(usize::to_string).collect::<Vec<_>>().join(" ");
        if matched.len() < wanted {
            let text = match (schema.contains_key("minContains"), matched.len()) {
                (false, _) => "no items match contains schema".to_owned(),
                (true, 0) => {
                    format!("min {wanted} items required to match contains schema, but none matched")
                }
                (true, found) => format!(
                    "min {wanted} items required to match contains schema, but matched {found} items at {}",
                    places()
                ),
            };
            findings.violations.push(Violation::because(place.at, text, causes));
        }
        if let Some(most) = count(schema, "maxContains").filter(|most| matched.len() > *most) {
            let (found, places) = (matched.len(), places());
            let text = format!(
                "max {most} items required to match contains schema, but matched {found} items at {places}"
            );
            findings.add(place.at, text);
        }
        findings.items.extend(matched);
        Ok(())
    }

    fn combinators(&self, schema: &Map<String, Value>, place: Place<'_>, findings: &mut Findings) -> Outcome {
        if let Some(not) = schema.get("not")
            && self.check(not, place)?.is_ok()
        {
            findings.add(place.at, "'not' failed");
        }
        let list = |keyword: &str| {
            schema.get(keyword).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
        };
        let (causes, _) = self.check_each(list("allOf"), place, findings)?;
        if !causes.is_empty() {
            findings.violations.push(Violation::because(place.at, "'allOf' failed", causes));
        }
        let (causes, met) = self.check_each(list("anyOf"), place, findings)?;
        if met.is_empty() && !causes.is_empty() {
            findings.violations.push(Violation::because(place.at, "'anyOf' failed", causes));
        }
        let (causes, met) = self.check_each(list("oneOf"), place, findings)?;
        match met.as_slice() {
            [] if !causes.is_empty() => {
                findings.violations.push(Violation::because(
                    place.at,
                    "'oneOf' failed, none matched",
                    causes,
                ));
            }
            [one, other, ..] => {
                findings.add(place.at, format!("'oneOf' failed, subschemas {one}, {other} matched"));
            }
            _ => {}
        }
        let Some(condition) = schema.get("if") else {
            return Ok(());
        };
        let branch = match self.check(condition, place)? {
            Ok(met) => {
                findings.absorb(met);
                "then"
            }
            Err(_) => "else",
        };
        schema.get(branch).map_or(Ok(()), |schema| self.check_into(schema, place, findings))
    }

    /// What is wrong by those that are not met, and the places of those that are.
    fn check_each(
        &self,
        schemas: &[Value],
        place: Place<'_>,
        findings: &mut Findings,
    ) -> Outcome<(Vec<Violation>, Vec<usize>)> {
        let (mut causes, mut met) = (Vec::new(), Vec::new());
        for (index, schema) in schemas.iter().enumerate() {
            match self.check(schema, place)? {
                Ok(outcome) => {
                    findings.absorb(outcome);
                    met.push(index);
                }
                Err(violation) => causes.push(violation),
            }
        }
        Ok((causes, met))
    }

    fn unevaluated(&self, schema: &Map<String, Value>, place: Place<'_>, findings: &mut Findings) -> Outcome {
        if let (Some(rest), Value::Object(object)) = (schema.get("unevaluatedProperties"), place.value) {
            for (name, value) in object {
                if findings.properties.insert(name.clone()) {
                    findings.violations.extend(self.check_part(rest, place, name, value)?);
                }
            }
        }
        if let (Some(rest), Value::Array(items)) = (schema.get("unevaluatedItems"), place.value) {
            for (index, item) in items.iter().enumerate() {
                if findings.items.insert(index) {
                    findings.violations.extend(self.check_part(rest, place, &index.to_string(), item)?);
                }
            }
        }
        Ok(())
    }
}
