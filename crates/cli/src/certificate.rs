//! The certificate of the public API: read and checked before anything is called.

use jiff::Timestamp;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use spacecraft_core::operation::TlsPair;
use spacecraft_core::secret::{ExposeSecret, SecretString};
use spacecraft_core::settings::{Settings, SettingsError, SettingsErrors};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

const CERTIFICATE: &str = "tls-crt";
const KEY: &str = "tls-key";

/// The pair of the settings, when both are given: that they belong together and are valid now.
///
/// # Errors
///
/// All that is wrong with them; that one of them is missing.
pub(crate) fn pair_of(settings: &Settings, now: Timestamp) -> Result<Option<TlsPair>, SettingsErrors> {
    let missing = |name: &str, other: &str| {
        let message = format!("it belongs to --{other}, which is given: give the path of a PEM file");
        Err(SettingsErrors { errors: vec![SettingsError::new(name, "", message)] })
    };
    match (settings.text(CERTIFICATE), settings.secret(KEY)) {
        (None, None) => Ok(None),
        (Some(_), None) => missing(KEY, CERTIFICATE),
        (None, Some(_)) => missing(CERTIFICATE, KEY),
        (Some(certificate), Some(key)) => checked(certificate, key, now).map(Some),
    }
}

fn checked(certificate: &str, key: &SecretString, now: Timestamp) -> Result<TlsPair, SettingsErrors> {
    let mut errors = Vec::new();
    let mut wrong = |name: &str, message: String| errors.push(SettingsError::new(name, "", message));
    let leaf = leaf_of(certificate).map_err(|message| wrong(CERTIFICATE, message)).ok();
    let parsed = leaf.as_ref().and_then(|leaf| {
        let unreadable = |error| wrong(CERTIFICATE, format!("its first certificate cannot be read: {error}"));
        X509Certificate::from_der(leaf).map(|(_, parsed)| parsed).map_err(unreadable).ok()
    });
    if let Some(parsed) = &parsed
        && let Err(message) = valid_at(parsed, now)
    {
        wrong(CERTIFICATE, message);
    }
    match public_key_of(key) {
        Err(message) => wrong(KEY, message),
        Ok(Some(public)) if parsed.as_ref().is_some_and(|parsed| parsed.public_key().raw != public) => {
            wrong(KEY, "it is not the key of the certificate in tls-crt".to_owned());
        }
        Ok(_) => {}
    }
    SettingsErrors::unless_empty(errors, || TlsPair {
        certificate: with_one_line_end(certificate),
        key: SecretString::from(with_one_line_end(key.expose_secret())),
    })
}

/// A text from a variable often lacks the line end that the same text has in a file.
fn with_one_line_end(pem: &str) -> String {
    format!("{}\n", pem.trim())
}

/// Checks that the pair's certificate is for all of `names`.
///
/// # Errors
///
/// The names that it is not for, with those that it has.
pub(crate) fn check_names(pair: &TlsPair, names: &[String]) -> Result<(), SettingsErrors> {
    let covered = leaf_of(&pair.certificate).map(|leaf| names_of(&leaf)).unwrap_or_default();
    let missing: Vec<&str> = names
        .iter()
        .filter(|name| !covered.iter().any(|pattern| covers(pattern, name)))
        .map(String::as_str)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let has = if covered.is_empty() { "no names".to_owned() } else { covered.join(", ") };
    let message = format!("it is not for {}; it has {has}", missing.join(" and "));
    Err(SettingsErrors { errors: vec![SettingsError::new(CERTIFICATE, "", message)] })
}

fn leaf_of(pem: &str) -> Result<CertificateDer<'static>, String> {
    match CertificateDer::pem_slice_iter(pem.as_bytes()).next() {
        Some(Ok(leaf)) => Ok(leaf),
        Some(Err(error)) => Err(format!("it is no PEM that can be read: {error}")),
        None => Err("it holds no certificate".to_owned()),
    }
}

fn valid_at(certificate: &X509Certificate<'_>, now: Timestamp) -> Result<(), String> {
    let validity = certificate.validity();
    let instant = |seconds: i64| Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    let (begins, ends) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    if now.as_second() > ends {
        return Err(format!("it expired at {}", instant(ends)));
    }
    if now.as_second() < begins {
        return Err(format!("it is not valid before {}", instant(begins)));
    }
    Ok(())
}

/// The public key that belongs to a private one, as certificates write it; none when the kind of key does not tell.
fn public_key_of(key: &SecretString) -> Result<Option<Vec<u8>>, String> {
    let pem = key.expose_secret();
    if pem.contains("ENCRYPTED") {
        return Err("it is encrypted, and an ingress controller cannot ask for its password".to_owned());
    }
    let private = PrivateKeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| "it holds no private key in PEM (PKCS #8, PKCS #1 or SEC 1)".to_owned())?;
    let signing = any_supported_type(&private)
        .map_err(|_| "it is no RSA, ECDSA or Ed25519 key that can be used for TLS".to_owned())?;
    Ok(signing.public_key().map(|public| public.as_ref().to_vec()))
}

/// The DNS names that a certificate is for.
fn names_of(leaf: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, parsed)) = X509Certificate::from_der(leaf) else { return Vec::new() };
    let Ok(Some(names)) = parsed.subject_alternative_name() else { return Vec::new() };
    let dns = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    };
    names.value.general_names.iter().filter_map(dns).collect()
}

/// Whether a name of a certificate, which may begin with `*.` for any one label, is for `name`.
fn covers(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => name.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    const NOW: &str = "2026-06-01T00:00:00Z";

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    fn certificate(key: &KeyPair, names: &[&str], last_year: i32) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 1, 1);
        params.self_signed(key).unwrap().pem()
    }

    fn messages(result: Result<TlsPair, SettingsErrors>) -> Vec<String> {
        let errors = result.unwrap_err().errors;
        errors.into_iter().map(|error| format!("{}: {}", error.key, error.message)).collect()
    }

    fn secret(key: &KeyPair) -> SecretString {
        SecretString::from(key.serialize_pem())
    }

    #[test]
    fn a_pair_that_fits_is_taken_and_covers_what_its_wildcard_says() {
        for algorithm in
            [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ED25519, &rcgen::PKCS_ECDSA_P384_SHA384]
        {
            let key = KeyPair::generate_for(algorithm).unwrap();
            let pem = certificate(&key, &["*.spacemesh.io"], 2030);
            let pair = checked(&pem, &secret(&key), now()).unwrap();
            check_names(&pair, &["api-net1.spacemesh.io".to_owned()]).unwrap();
            let other = check_names(&pair, &["a.b.spacemesh.io".to_owned()]).unwrap_err();
            assert!(other.errors[0].message.contains("*.spacemesh.io"), "{other:?}");
        }
    }

    #[test]
    fn a_key_of_another_certificate_and_an_expired_one_are_told_together() {
        let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let told = messages(checked(&certificate(&key, &["a.io"], 2025), &secret(&other), now()));
        assert_eq!(
            told,
            [
                "tls-crt: it expired at 2025-01-01T00:00:00Z",
                "tls-key: it is not the key of the certificate in tls-crt",
            ]
        );
    }

    #[test]
    fn what_is_no_certificate_or_key_is_told() {
        let key = KeyPair::generate().unwrap();
        let pem = certificate(&key, &["a.io"], 2030);
        let swapped = messages(checked(&key.serialize_pem(), &SecretString::from(pem.clone()), now()));
        assert_eq!(swapped.len(), 2, "{swapped:?}");
        let broken = format!("{}\n", pem.lines().take(3).collect::<Vec<_>>().join("\n"));
        assert_eq!(messages(checked(&broken, &secret(&key), now())).len(), 1);
        let future = messages(checked(&pem, &secret(&key), "2019-01-01T00:00:00Z".parse().unwrap()));
        assert_eq!(future, ["tls-crt: it is not valid before 2020-01-01T00:00:00Z"]);
    }

    #[test]
    fn a_wildcard_is_for_one_label() {
        assert!(covers("*.a.io", "x.a.io") && covers("x.a.io", "x.a.io"));
        for (pattern, name) in
            [("*.a.io", "a.io"), ("*.a.io", "x.y.a.io"), ("*.a.io", ".a.io"), ("a.io", "x.a.io")]
        {
            assert!(!covers(pattern, name), "{pattern} {name}");
        }
    }
}
