//! `semver` and `semverCompare`.

use std::any::Any;
use std::cmp::Ordering;
use std::rc::Rc;

use spacecraft_gotemplate::value::{Data, Object};
use spacecraft_gotemplate::{CallError, Function, Functions, Type, Value};

use super::semver::{Constraint, Version};

const VERSION: Type = Type::Named("*semver.Version");

pub(super) fn add(functions: &mut Functions) {
    functions.insert(
        "semver",
        Function::new(&[Type::String], |call| {
            let version = Version::parse(&call.text(0)).map_err(|error| CallError::of(&error))?;
            Ok(shared(version))
        }),
    );
    functions.insert(
        "semverCompare",
        Function::new(&[Type::String, Type::String], |call| {
            let constraint = Constraint::parse(&call.text(0)).map_err(|error| CallError::of(&error))?;
            let version = Version::parse(&call.text(1)).map_err(|error| CallError::of(&error))?;
            Ok(constraint.matches(&version).into())
        }),
    );
}

fn shared(version: Version) -> Value {
    Value::Object(Rc::new(VersionObject(Rc::new(version))))
}

/// A version as templates see it.
#[derive(Debug, Clone)]
struct VersionObject(Rc<Version>);

impl VersionObject {
    /// A method that compares the version with another.
    fn comparing(&self, make: fn(Ordering) -> Value) -> Function {
        let version = Rc::clone(&self.0);
        Function::new(const { &[VERSION] }, move |call| match call.value(0) {
            Value::Object(other) => match other.as_any().downcast_ref::<Self>() {
                Some(other) => Ok(make(version.as_ref().cmp(&other.0))),
                None => Err(CallError::new("the other version is none")),
            },
            _ => Err(CallError::new("runtime error: invalid memory address or nil pointer dereference")),
        })
    }

    fn getter(value: Value) -> Function {
        Function::new(&[], move |_| Ok(value.clone()))
    }

    fn next(&self, part: usize) -> Function {
        let [major, minor, patch] = self.0.numbers();
        let (major, minor, patch) = match part {
            0 => (major.wrapping_add(1), 0, 0),
            1 => (major, minor.wrapping_add(1), 0),
            _ if !self.0.prerelease.is_empty() => (major, minor, patch),
            _ => (major, minor, patch.wrapping_add(1)),
        };
        let text = format!("{major}.{minor}.{patch}");
        let version = Version {
            major,
            minor,
            patch,
            prerelease: String::new(),
            metadata: String::new(),
            original: text,
        };
        Self::getter(shared(version))
    }
}

impl Object for VersionObject {
    fn type_name(&self) -> &str {
        "*semver.Version"
    }

    fn kind(&self) -> &'static str {
        "ptr"
    }

    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<Function> {
        let version = &self.0;
        Some(match name {
            "Major" => Self::getter(Value::Uint64(version.major)),
            "Minor" => Self::getter(Value::Uint64(version.minor)),
            "Patch" => Self::getter(Value::Uint64(version.patch)),
            "Prerelease" => Self::getter(version.prerelease.as_str().into()),
            "Metadata" => Self::getter(version.metadata.as_str().into()),
            "Original" => Self::getter(version.original.as_str().into()),
            "String" => Self::getter(version.to_string().into()),
            "IncMajor" => self.next(0),
            "IncMinor" => self.next(1),
            "IncPatch" => self.next(2),
            "Compare" => self.comparing(|ordering| {
                Value::Int(match ordering {
                    Ordering::Less => -1,
                    Ordering::Equal => 0,
                    Ordering::Greater => 1,
                })
            }),
            "Equal" => self.comparing(|ordering| ordering.is_eq().into()),
            "LessThan" => self.comparing(|ordering| ordering.is_lt().into()),
            "LessThanEqual" => self.comparing(|ordering| ordering.is_le().into()),
            "GreaterThan" => self.comparing(|ordering| ordering.is_gt().into()),
            "GreaterThanEqual" => self.comparing(|ordering| ordering.is_ge().into()),
            _ => return None,
        })
    }

    fn text(&self) -> Option<String> {
        Some(self.0.to_string())
    }

    fn data(&self) -> Data {
        Data::Value(self.0.to_string().into())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
