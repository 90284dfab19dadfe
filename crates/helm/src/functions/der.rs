//! As much of DER and PEM as private keys need.

use base64::{Engine as _, engine::general_purpose::STANDARD};

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// A PEM block with lines of 64 characters.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// The label and the content of the first PEM block in a text.
pub(super) fn read_pem(text: &str) -> Option<(&str, Vec<u8>)> {
    let (_, after) = text.split_once("-----BEGIN ")?;
    let (label, body) = after.split_once("-----")?;
    let (content, _) = body.split_once(&format!("-----END {label}-----"))?;
    let packed: String = content.split_whitespace().collect();
    Some((label, STANDARD.decode(packed).ok()?))
}

/// One element: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        let bytes = rest.get(..count).filter(|_| count <= 4)?;
        (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest.get(count..)?)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut der = vec![tag];
    if length < 0x80 {
        der.push(u8::try_from(length).unwrap_or(0));
    } else {
        let bytes: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
        der.push(0x80 | u8::try_from(bytes.len()).unwrap_or(0));
        der.extend(bytes);
    }
    der.extend_from_slice(content);
    der
}

/// The key inside a PKCS #8 document: PKCS #1 for RSA, SEC 1 for elliptic curves.
pub(super) fn inside_pkcs8(der: &[u8]) -> Option<Vec<u8>> {
    let (SEQUENCE, document, _) = element(der)? else { return None };
    let (INTEGER, _, rest) = element(document)? else { return None };
    let (SEQUENCE, _, rest) = element(rest)? else { return None };
    let (OCTET_STRING, key, _) = element(rest)? else { return None };
    Some(key.to_vec())
}

/// An RSA key in PKCS #1 as a PKCS #8 document.
pub(super) fn pkcs8_of_rsa(key: &[u8]) -> Vec<u8> {
    const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    pkcs8(RSA, key)
}

/// A P-256 key in SEC 1 as a PKCS #8 document.
pub(super) fn pkcs8_of_p256(key: &[u8]) -> Vec<u8> {
    const P256: &[u8] = &[
        0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
        0x01, 0x07,
    ];
    pkcs8(P256, key)
}

fn pkcs8(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let version = wrap(INTEGER, &[0]);
    let content = [version, wrap(SEQUENCE, algorithm), wrap(OCTET_STRING, key)].concat();
    wrap(SEQUENCE, &content)
}

/// The PKCS #8 document of a private key in any of the forms that PEM has for one.
pub(super) fn pkcs8_from_pem(text: &str) -> Option<Vec<u8>> {
    let (label, content) = read_pem(text)?;
    match label {
        "PRIVATE KEY" => Some(content),
        "RSA PRIVATE KEY" => Some(pkcs8_of_rsa(&content)),
        "EC PRIVATE KEY" => Some(pkcs8_of_p256(&content)),
        _ => None,
    }
}
