//! Looks for secrets in bytes, in every form that they could have been written down in.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::bytes::Regex;

/// Shorter texts are found by chance.
const SHORTEST: usize = 12;
/// Long values are looked for by their beginning too, where private keys have their secret half.
const HEAD: usize = 40;

/// Secrets by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrets(BTreeMap<String, Vec<u8>>);

/// What finds any of some secrets.
pub(super) struct Finder {
    pattern: Regex,
    names: BTreeMap<Vec<u8>, String>,
}

impl Secrets {
    pub(super) fn add(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.0.insert(name.into(), value.into());
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn finder(&self) -> Finder {
        let mut names = BTreeMap::new();
        for (name, value) in &self.0 {
            let forms = cores(value).into_iter().flat_map(|core| forms(&core));
            for form in forms.filter(|form| form.len() >= SHORTEST) {
                names.entry(form).or_insert_with(|| name.clone());
            }
        }
        let texts = names.keys().filter_map(|form| std::str::from_utf8(form).ok());
        let words: Vec<String> = texts.map(regex::escape).collect();
        Finder { pattern: Regex::new(&words.join("|")).unwrap(), names }
    }
}

impl Finder {
    /// The names of the secrets that are in `content`, each with what stands before it.
    pub(super) fn find(&self, content: &[u8]) -> BTreeMap<&str, String> {
        let mut found = BTreeMap::new();
        for hit in self.pattern.find_iter(content) {
            let before = &content[hit.start().saturating_sub(150)..hit.start()];
            let before = String::from_utf8_lossy(before).into_owned();
            found.entry(self.names[hit.as_bytes()].as_str()).or_insert(before);
        }
        found
    }
}

/// The parts of a value that are secret: the lines of a PEM block, the texts of a JSON document, and long values' beginnings.
fn cores(value: &[u8]) -> Vec<Vec<u8>> {
    let Ok(text) = std::str::from_utf8(value) else { return vec![value.to_vec()] };
    if text.starts_with("-----BEGIN") {
        return text.lines().filter(|line| !line.starts_with("-----")).map(|line| line.into()).collect();
    }
    let texts = match serde_json::from_str(text) {
        Ok(serde_json::Value::Object(object)) => {
            // The ID in the file of a P2P key is that of the peer, which everybody knows.
            let secret = object.iter().filter(|(name, _)| *name != "ID");
            secret.filter_map(|(_, value)| value.as_str().map(str::to_owned)).collect()
        }
        _ => vec![text.to_owned()],
    };
    let heads = texts.iter().filter_map(|text| text.get(..HEAD).map(str::to_owned));
    let all: BTreeSet<String> = heads.chain(texts.clone()).collect();
    all.into_iter().map(String::into_bytes).collect()
}

/// The ways in which bytes could be written down: plainly, within URLs and JSON, in hexadecimal digits, and in base64 of either alphabet.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(secret);
    let json = serde_json::to_string(&text).unwrap();
    let url: String = url::form_urlencoded::byte_serialize(secret).collect();
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![secret.to_vec(), url.into(), json.trim_matches('"').into(), hex.into()];
    // In the middle of a longer text, base64 shows one of three faces, whose ends depend on the neighbours.
    for before in 0..3 {
        let encoded = STANDARD.encode([&vec![b'x'; before], secret].concat());
        let whole = encoded.trim_end_matches('=');
        let first = if before == 0 { 0 } else { 4 };
        let face = whole[first.min(whole.len())..whole.len().saturating_sub(2)].to_owned();
        forms.push(face.replace('+', "-").replace('/', "_").into());
        forms.push(face.into());
    }
    forms
}

#[test]
fn a_secret_is_found_in_every_form() {
    let mut secrets = Secrets::default();
    secrets.add("password", "a/secret+password?0");
    secrets.add("key", "-----BEGIN KEY-----\nMC4CAQAwBQYDK2Vw\n-----END KEY-----\n");
    let finder = secrets.finder();
    for written in [
        "x a/secret+password?0 x",
        "?token=a%2Fsecret%2Bpassword%3F0&x",
        "612f7365637265742b70617373776f72643f30",
        &STANDARD.encode("a/secret+password?0"),
        &STANDARD.encode("user:a/secret+password?0@"),
        &STANDARD.encode("user :a/secret+password?0@"),
        &STANDARD.encode("{\"a\":\"a/secret+password?0\"}"),
    ] {
        assert!(finder.find(written.as_bytes()).contains_key("password"), "{written}");
    }
    assert!(finder.find(b"key: \"MC4CAQAwBQYDK2Vw\\n\"").contains_key("key"));
    assert!(finder.find(b"a/secret password").is_empty());
}
