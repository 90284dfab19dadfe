//! The functions that charts can call: sprig's and Helm's own.
//!
//! `include`, `tpl`, `required`, `fail` and `lookup` depend on the rendering and are added by the engine.

mod cast;
mod certificates;
mod collections;
mod crypto;
mod data;
mod dates;
mod decimal;
mod defaults;
mod der;
mod duration;
mod encoding;
mod layout;
mod lists;
mod math;
mod merge;
mod octets;
mod password;
mod paths;
mod random;
pub(crate) mod re2;
mod reflection;
mod regex;
pub mod semver;
mod strings;
mod texts;
mod time;
mod toml;
mod url;
mod versions;
mod words;

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use spacecraft_gotemplate::{CallError, CallResult, Function, Functions, Type, Value};

use crate::keys::{NewRsaKeys, RsaKeys};

/// What functions depend on besides their arguments: the time, chance, and RSA keys.
pub(crate) struct Surroundings {
    now: jiff::Timestamp,
    time_zone: jiff::tz::TimeZone,
    random: RefCell<StdRng>,
    keys: Arc<dyn RsaKeys>,
}

impl Surroundings {
    /// Surroundings in which it is `now`, chance comes from a secret seed, and RSA keys from `keys`.
    pub(crate) fn new(
        now: jiff::Timestamp,
        time_zone: jiff::tz::TimeZone,
        seed: [u8; 32],
        keys: Arc<dyn RsaKeys>,
    ) -> Self {
        Self { now, time_zone, random: RefCell::new(StdRng::from_seed(seed)), keys }
    }

    /// Surroundings for functions that are only named, never called.
    pub(crate) fn fixed() -> Self {
        Self::new(jiff::Timestamp::UNIX_EPOCH, jiff::tz::TimeZone::UTC, [0; 32], Arc::new(NewRsaKeys))
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Surroundings").field("now", &self.now).finish_non_exhaustive()
    }
}

/// Go's own functions, sprig's, and those of Helm's that do not depend on the rendering.
pub(crate) fn library(surroundings: &Rc<Surroundings>) -> Functions {
    let mut functions = Functions::builtin();
    strings::add(&mut functions);
    words::add(&mut functions);
    texts::add(&mut functions);
    lists::add(&mut functions);
    collections::add(&mut functions);
    merge::add(&mut functions);
    defaults::add(&mut functions);
    math::add(&mut functions);
    reflection::add(&mut functions);
    paths::add(&mut functions);
    encoding::add(&mut functions);
    data::add(&mut functions);
    regex::add(&mut functions);
    versions::add(&mut functions);
    url::add(&mut functions);
    dates::add(&mut functions, surroundings);
    random::add(&mut functions, surroundings);
    crypto::add(&mut functions, surroundings);
    password::add(&mut functions);
    certificates::add(&mut functions, surroundings);
    functions.insert("getHostByName", Function::new(&[Type::String], |_| Ok(Value::from(""))));
    functions
}

/// What an RSA key or a hash of a password takes, in steps of a template: a hundred of them are as much as a whole rendering may take, which
/// no chart comes near.
const SLOW_STEPS: u64 = 500_000;

/// A point in time by a layout of Go's, such as `2006-01-02 15:04:05Z0700`.
#[must_use]
pub fn format_time(layout: &str, time: jiff::Timestamp) -> String {
    layout::format(layout, &time::Moment::new(time, jiff::tz::TimeZone::UTC))
}

/// A failure with a message.
fn failure(message: impl Into<String>) -> CallResult {
    Err(CallError::new(message))
}

/// Adds one function under its names.
fn add_as(functions: &mut Functions, names: &[&'static str], function: &Function) {
    for name in names {
        functions.insert(name, function.clone());
    }
}
