//! The naming rules of Kubernetes, each answering with the reasons why a text breaks it.

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
'[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const DNS_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end \
with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. \
'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const PORT_NAME: &str = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";

fn too_long(limit: usize) -> String {
    format!("must be no more than {limit} bytes")
}

fn is_lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn bounded(text: &str, edge: impl Fn(u8) -> bool, inside: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) => {
            edge(*first) && edge(*last) && bytes.iter().all(|byte| edge(*byte) || inside(*byte))
        }
        _ => false,
    }
}

fn is_dns_label(text: &str) -> bool {
    bounded(text, is_lower, |byte| byte == b'-')
}

/// A DNS label: most names of services, namespaces and containers.
pub(crate) fn dns_label(text: &str) -> Vec<String> {
    let mut why = Vec::new();
    if text.len() > 63 {
        why.push(too_long(63));
    }
    if !is_dns_label(text) {
        why.push(LABEL.to_owned());
    }
    why
}

/// A DNS label that starts with a letter: names of services.
pub(crate) fn dns_1035_label(text: &str) -> Vec<String> {
    let mut why = Vec::new();
    if text.len() > 63 {
        why.push(too_long(63));
    }
    if !is_dns_label(text) || !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        why.push(DNS_1035.to_owned());
    }
    why
}

/// A DNS name: the names of most objects.
pub(crate) fn dns_subdomain(text: &str) -> Vec<String> {
    let mut why = Vec::new();
    if text.len() > 253 {
        why.push(too_long(253));
    }
    if !text.split('.').all(is_dns_label) {
        why.push(SUBDOMAIN.to_owned());
    }
    why
}

/// A name that only has to be one segment of a path: RBAC names.
pub(crate) fn path_segment(text: &str) -> Vec<String> {
    if matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    ["/", "%"]
        .iter()
        .filter(|one| text.contains(**one))
        .map(|one| format!("may not contain '{one}'"))
        .collect()
}

fn is_label_edge(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn is_label_inside(byte: u8) -> bool {
    matches!(byte, b'-' | b'_' | b'.')
}

/// The value of a label.
pub(crate) fn label_value(text: &str) -> Vec<String> {
    let mut why = Vec::new();
    if text.len() > 63 {
        why.push(too_long(63));
    }
    if !text.is_empty() && !bounded(text, is_label_edge, is_label_inside) {
        why.push(LABEL_VALUE.to_owned());
    }
    why
}

/// The key of a label or annotation: a name with an optional DNS prefix.
pub(crate) fn qualified_name(text: &str) -> Vec<String> {
    let mut why = Vec::new();
    let name = match text.split_once('/') {
        None => text,
        Some((prefix, name)) => {
            if prefix.is_empty() {
                why.push("prefix part must be non-empty".to_owned());
            } else {
                why.extend(dns_subdomain(prefix).into_iter().map(|one| format!("prefix part {one}")));
            }
            name
        }
    };
    if name.is_empty() {
        why.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        why.push(format!("name part {}", too_long(63)));
    }
    if !bounded(name, is_label_edge, is_label_inside) {
        why.push(QUALIFIED.to_owned());
    }
    why
}

/// A key of a ConfigMap or Secret.
pub(crate) fn config_key(text: &str) -> Vec<String> {
    let mut why = Vec::new();
    if text.len() > 253 {
        why.push(too_long(253));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || is_label_inside(byte);
    if text.is_empty() || !text.bytes().all(allowed) {
        why.push(CONFIG_KEY.to_owned());
    } else if text == "." || text.starts_with("..") {
        why.push(format!("must not be or start with '{text}'"));
    }
    why
}

/// The name of a container's port.
pub(crate) fn port_name(text: &str) -> Vec<String> {
    let mut why = Vec::new();
    if text.len() > 15 {
        why.push("must be no more than 15 characters".to_owned());
    }
    if !text.bytes().all(|byte| is_lower(byte) || byte == b'-') {
        why.push(PORT_NAME.to_owned());
    }
    if !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        why.push("must contain at least one letter (a-z)".to_owned());
    }
    if text.contains("--") {
        why.push("must not contain consecutive hyphens".to_owned());
    }
    if text.starts_with('-') || text.ends_with('-') {
        why.push("must not begin or end with a hyphen".to_owned());
    }
    why
}

/// The name of an environment variable: any printable ASCII but `=`.
pub(crate) fn environment_name(text: &str) -> Vec<String> {
    let allowed = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'=';
    if text.bytes().all(allowed) {
        return Vec::new();
    }
    vec![
        "a valid environment variable name must consist only of printable ASCII characters other than '='"
            .to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_of_lower_case_letters_digits_and_inner_dashes_are_labels(name in "[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?") {
            prop_assert!(dns_label(&name).is_empty());
            prop_assert!(dns_subdomain(&name).is_empty());
            prop_assert!(label_value(&name).is_empty());
        }

        #[test]
        fn a_name_with_an_upper_case_letter_is_no_label(name in "[a-z]{0,5}[A-Z][a-z]{0,5}") {
            prop_assert!(!dns_label(&name).is_empty());
            prop_assert!(!dns_subdomain(&name).is_empty());
            prop_assert!(label_value(&name).is_empty());
        }

        #[test]
        fn no_text_makes_a_rule_panic(text in ".{0,80}") {
            let _ = (dns_label(&text), dns_1035_label(&text), dns_subdomain(&text), qualified_name(&text));
            let _ = (label_value(&text), config_key(&text), port_name(&text), environment_name(&text));
        }
    }

    #[test]
    fn keys_may_have_a_dns_prefix() {
        assert!(qualified_name("spacecraft.io/network").is_empty());
        assert!(!qualified_name("Spacecraft.io/network").is_empty());
        assert!(!qualified_name("/network").is_empty());
        assert!(!qualified_name("a/b/c").is_empty());
    }
}
