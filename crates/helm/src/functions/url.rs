//! `urlParse` and `urlJoin`.

use spacecraft_gotemplate::{Call, CallError, CallResult, Function, Functions, Map, Type, Value};

use super::cast::to_text;
use super::failure;

pub(super) fn add(functions: &mut Functions) {
    functions.insert(
        "urlParse",
        Function::new(&[Type::String], |call| {
            let text = call.text(0);
            let parts = Parts::parse(&text).map_err(|problem| {
                CallError::new(format!("unable to parse url: parse {text:?}: {problem}"))
            })?;
            Ok(parts.into_value())
        }),
    );
    functions.insert("urlJoin", Function::new(&[Type::Map], join));
}

/// The parts of a URL. The path and the fragment are unescaped.
#[derive(Debug, Default)]
struct Parts {
    scheme: String,
    opaque: String,
    userinfo: String,
    host: String,
    path: String,
    query: String,
    fragment: String,
}

impl Parts {
    fn parse(text: &str) -> Result<Self, String> {
        if text.chars().any(|character| character.is_ascii_control()) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (scheme, rest) = split_scheme(rest)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut parts = Self {
            scheme: scheme.to_lowercase(),
            query: query.to_owned(),
            fragment: unescape(fragment)?,
            ..Self::default()
        };
        if !rest.starts_with('/') && !scheme.is_empty() {
            parts.opaque = rest.to_owned();
            return Ok(parts);
        }
        let first = rest.split('/').next().unwrap_or_default();
        if !rest.starts_with('/') && first.contains(':') {
            return Err("first path segment in URL cannot contain colon".to_owned());
        }
        let path = match rest.strip_prefix("//") {
            Some(rest) if !(rest.starts_with('/') && scheme.is_empty()) => {
                let (authority, path) =
                    rest.find('/').and_then(|slash| rest.split_at_checked(slash)).unwrap_or((rest, ""));
                parts.read_authority(authority)?;
                path
            }
            _ => rest,
        };
        parts.path = unescape(path)?;
        Ok(parts)
    }

    fn read_authority(&mut self, authority: &str) -> Result<(), String> {
        let (userinfo, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        let port = match host.strip_prefix('[') {
            Some(address) => {
                let after = address.split_once(']').ok_or_else(|| "missing ']' in host".to_owned())?.1;
                after.strip_prefix(':').or((!after.is_empty()).then_some(after))
            }
            None => host.rsplit_once(':').map(|(_, port)| port),
        };
        if port.is_some_and(|port| !port.bytes().all(|byte| byte.is_ascii_digit())) {
            let shown = port.unwrap_or_default();
            return Err(format!("invalid port {:?} after host", format!(":{shown}")));
        }
        if host.contains(' ') {
            return Err("invalid character \" \" in host name".to_owned());
        }
        self.userinfo = userinfo.to_owned();
        self.host = unescape(host)?;
        Ok(())
    }

    fn host_name(&self) -> &str {
        match self.host.strip_prefix('[') {
            Some(address) => address.split(']').next().unwrap_or_default(),
            None => self.host.split(':').next().unwrap_or_default(),
        }
    }

    fn into_value(self) -> Value {
        let host_name = self.host_name().to_owned();
        Value::map([
            ("scheme", self.scheme.into()),
            ("host", self.host.into()),
            ("hostname", host_name.into()),
            ("path", self.path.into()),
            ("query", self.query.into()),
            ("opaque", self.opaque.into()),
            ("fragment", self.fragment.into()),
            ("userinfo", self.userinfo.into()),
        ])
    }
}

fn split_scheme(text: &str) -> Result<(&str, &str), String> {
    let Some((scheme, rest)) = text.split_once(':') else { return Ok(("", text)) };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    match scheme {
        "" => Err("missing protocol scheme".to_owned()),
        _ if is_scheme => Ok((scheme, rest)),
        _ => Ok(("", text)),
    }
}

fn unescape(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(percent) = rest.find('%') {
        let (before, escape) = rest.split_at(percent);
        bytes.extend_from_slice(before.as_bytes());
        let code = escape.get(1..3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let Some(code) = code else {
            let shown: String = escape.chars().take(3).collect();
            return Err(format!("invalid URL escape {shown:?}"));
        };
        bytes.push(code);
        rest = escape.get(3..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn escape(text: &str, kept: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        let character = char::from(byte);
        if character.is_ascii_alphanumeric() || kept.contains(character) {
            escaped.push(character);
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// What may stand in a path as it is.
const PATH: &str = "-_.~$&+,/:;=@!'()*";
/// What may stand in a fragment as it is.
const FRAGMENT: &str = "-_.~$&+,/:;=?@!()*";

fn join(call: &Call<'_>) -> CallResult {
    let Some(map) = call.map(0) else { return failure("the url is nil") };
    let part = |name: &str| part_of(map, name);
    let mut url = String::new();
    let scheme = part("scheme")?;
    if !scheme.is_empty() {
        url.push_str(&scheme);
        url.push(':');
    }
    let opaque = part("opaque")?;
    if opaque.is_empty() {
        push_hierarchy(&mut url, &part("userinfo")?, &part("host")?, &part("path")?);
    } else {
        url.push_str(&opaque);
    }
    let (query, fragment) = (part("query")?, part("fragment")?);
    if !query.is_empty() {
        url.push('?');
        url.push_str(&query);
    }
    if !fragment.is_empty() {
        url.push('#');
        url.push_str(&escape(&fragment, FRAGMENT));
    }
    Ok(url.into())
}

fn part_of(map: &Map, name: &str) -> Result<String, CallError> {
    match map.get(name) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.to_str().into_owned()),
        Some(other) => Err(CallError::new(format!(
            "unable to parse {name} key, must be of type string, but {} found",
            to_text(&other.kind().into()).to_str()
        ))),
    }
}

fn push_hierarchy(url: &mut String, userinfo: &str, host: &str, path: &str) {
    if !host.is_empty() || !userinfo.is_empty() || !url.is_empty() && path.starts_with("//") {
        url.push_str("//");
        if !userinfo.is_empty() {
            url.push_str(userinfo);
            url.push('@');
        }
        url.push_str(host);
        if !path.is_empty() && !path.starts_with('/') {
            url.push('/');
        }
    } else if !url.is_empty() && host.is_empty() && !path.is_empty() && path.starts_with('/') {
        url.push_str("//");
    }
    url.push_str(&escape(path, PATH));
}
