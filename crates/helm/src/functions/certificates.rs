//! Private keys and certificates.

use std::any::Any;
use std::net::IpAddr;
use std::rc::Rc;

use rand::RngCore as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber,
};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use spacecraft_gotemplate::value::{Data, Object};
use spacecraft_gotemplate::{Call, CallError, CallResult, Function, Functions, Type, Value};

use super::cast::to_text;
use super::der::{inside_pkcs8, pem, pkcs8_from_pem};
use super::encoding::decode_base64;
use super::{Surroundings, failure};
use crate::keys::RsaSize;

const CERTIFICATE: Type = Type::Named(Certificate::TYPE);

/// A certificate and its private key, both in PEM.
struct Certificate {
    certificate: String,
    key: String,
}

impl Certificate {
    const TYPE: &'static str = "sprig.certificate";

    fn into_value(self) -> Value {
        Value::Object(Rc::new(self))
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Certificate").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

impl Object for Certificate {
    fn type_name(&self) -> &str {
        Self::TYPE
    }

    fn kind(&self) -> &'static str {
        "struct"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(self.certificate.as_str().into()),
            "Key" => Some(self.key.as_str().into()),
            _ => None,
        }
    }

    fn data(&self) -> Data {
        Data::Fields(vec![
            ("Cert", Some("Cert"), self.certificate.as_str().into()),
            ("Key", Some("Key"), self.key.as_str().into()),
        ])
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What a certificate is to say.
struct Request<'r> {
    common_name: String,
    addresses: &'r [Value],
    names: &'r [Value],
    days: i64,
    is_authority: bool,
}

impl<'r> Request<'r> {
    /// The arguments `name, addresses, names, days` of a call.
    fn of(call: &Call<'r>) -> Self {
        Self {
            common_name: call.text(0).into_owned(),
            addresses: list(call.value(1)),
            names: list(call.value(2)),
            days: call.int(3),
            is_authority: false,
        }
    }
}

fn list(value: &Value) -> &[Value] {
    match value {
        Value::List(list) => list,
        _ => &[],
    }
}

pub(super) fn add(functions: &mut Functions, surroundings: &Rc<Surroundings>) {
    let around = Rc::clone(surroundings);
    functions.insert(
        "genPrivateKey",
        Function::new(&[Type::String], move |call| {
            let kind = call.text(0);
            // The key of a certificate has half the bits, and is found in an eighth of the time.
            call.takes_long(if kind == "rsa" { 8 * super::SLOW_STEPS } else { super::SLOW_STEPS })?;
            private_key(&kind, &around)
        }),
    );
    functions.insert("buildCustomCert", Function::new(&[Type::String, Type::String], custom_certificate));
    let mut generator = |name, parameters, generate: fn(&Call<'_>, &Surroundings) -> CallResult| {
        let surroundings = Rc::clone(surroundings);
        functions.insert(
            name,
            Function::new(parameters, move |call| {
                call.takes_long(super::SLOW_STEPS)?;
                generate(call, &surroundings)
            }),
        );
    };
    const NAME: Type = Type::String;
    const ADDRESSES: Type = Type::List;
    const HOSTS: Type = Type::List;
    const DAYS: Type = Type::Int;
    generator("genCA", &[Type::String, Type::Int], |call, surroundings| authority(call, surroundings, None));
    generator("genCAWithKey", &[Type::String, Type::Int, Type::String], |call, surroundings| {
        authority(call, surroundings, Some(&call.text(2)))
    });
    generator("genSelfSignedCert", &[NAME, ADDRESSES, HOSTS, DAYS], |call, surroundings| {
        issue(&Request::of(call), surroundings, None, None)
    });
    generator(
        "genSelfSignedCertWithKey",
        &[NAME, ADDRESSES, HOSTS, DAYS, Type::String],
        |call, surroundings| issue(&Request::of(call), surroundings, Some(&call.text(4)), None),
    );
    generator("genSignedCert", &[NAME, ADDRESSES, HOSTS, DAYS, CERTIFICATE], |call, surroundings| {
        issue(&Request::of(call), surroundings, None, Some(call.value(4)))
    });
    generator(
        "genSignedCertWithKey",
        &[NAME, ADDRESSES, HOSTS, DAYS, CERTIFICATE, Type::String],
        |call, surroundings| {
            issue(&Request::of(call), surroundings, Some(&call.text(5)), Some(call.value(4)))
        },
    );
}

fn key_error(error: &impl std::fmt::Display) -> CallError {
    CallError::new(format!("error generating key: {error}"))
}

fn rsa_key(surroundings: &Surroundings, size: RsaSize) -> Result<Vec<u8>, CallError> {
    let key = surroundings.keys.key(size).map_err(|error| key_error(&error))?;
    Ok(key.expose().to_vec())
}

/// The PEM form in which Go writes a private key.
fn key_pem(label: &str, pkcs8: &[u8]) -> Result<String, CallError> {
    match (label, inside_pkcs8(pkcs8)) {
        ("PRIVATE KEY", _) => Ok(pem(label, pkcs8)),
        (_, Some(key)) => Ok(pem(label, &key)),
        (_, None) => Err(CallError::new("the generated key is malformed")),
    }
}

fn private_key(kind: &str, surroundings: &Surroundings) -> CallResult {
    let text = match kind {
        "" | "rsa" => key_pem("RSA PRIVATE KEY", &rsa_key(surroundings, RsaSize::Bits4096)?)?,
        "ecdsa" => pem("EC PRIVATE KEY", &p256_key()?),
        "ed25519" => {
            let key = aws_lc_rs::signature::Ed25519KeyPair::generate().map_err(|error| key_error(&error))?;
            let der = key.to_pkcs8v1().map_err(|error| key_error(&error))?;
            pem("PRIVATE KEY", der.as_ref())
        }
        "dsa" => return failure("DSA keys cannot be generated; use rsa, ecdsa or ed25519"),
        other => format!("Unknown type {other}"),
    };
    Ok(text.into())
}

fn p256_key() -> Result<Vec<u8>, CallError> {
    use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der};
    let algorithm = &aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
    let key = aws_lc_rs::signature::EcdsaKeyPair::generate(algorithm).map_err(|error| key_error(&error))?;
    let private = key.private_key();
    let der = AsDer::<EcPrivateKeyRfc5915Der<'_>>::as_der(&private).map_err(|error| key_error(&error))?;
    Ok(der.as_ref().to_vec())
}

fn custom_certificate(call: &Call<'_>) -> CallResult {
    let decoded = |index: usize, what: &str| {
        decode_base64(call.bytes(index))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .map_err(|_| CallError::new(format!("unable to decode base64 {what}")))
    };
    let (certificate, key) = (decoded(0, "certificate")?, decoded(1, "private key")?);
    if super::der::read_pem(&certificate).is_none_or(|(label, _)| label != "CERTIFICATE") {
        return failure("unable to decode certificate");
    }
    if pkcs8_from_pem(&key).is_none() {
        return failure("error parsing private key: unable to decode PEM encoded private key");
    }
    Ok(Certificate { certificate, key }.into_value())
}

fn authority(call: &Call<'_>, surroundings: &Surroundings, key: Option<&str>) -> CallResult {
    let request = Request {
        common_name: call.text(0).into_owned(),
        addresses: &[],
        names: &[],
        days: call.int(1),
        is_authority: true,
    };
    issue(&request, surroundings, key, None)
}

/// A key pair for signing, from a PEM text or newly generated, and its PEM text.
fn key_pair(given: Option<&str>, surroundings: &Surroundings) -> Result<(KeyPair, String), CallError> {
    let (pkcs8, text) = match given {
        Some(text) => {
            let problem = || CallError::new("parsing private key: no PEM data in input");
            (pkcs8_from_pem(text).ok_or_else(problem)?, text.to_owned())
        }
        None => {
            let pkcs8 = rsa_key(surroundings, RsaSize::Bits2048)?;
            let text = key_pem("RSA PRIVATE KEY", &pkcs8)?;
            (pkcs8, text)
        }
    };
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8));
    let pair =
        KeyPair::try_from(&der).map_err(|error| CallError::new(format!("parsing private key: {error}")))?;
    Ok((pair, text))
}

/// Makes a certificate, signed by `authority` or by its own key.
fn issue(
    request: &Request<'_>,
    surroundings: &Surroundings,
    key: Option<&str>,
    authority: Option<&Value>,
) -> CallResult {
    let parameters = parameters(request, surroundings)?;
    let (pair, key) = key_pair(key, surroundings)?;
    let signed = match authority {
        None => parameters.self_signed(&pair),
        Some(authority) => {
            let authority = certificate_of(authority)?;
            let (authority_pair, _) = key_pair(Some(&authority.key), surroundings)?;
            let issuer = Issuer::from_ca_cert_pem(&authority.certificate, authority_pair)
                .map_err(|error| CallError::new(format!("unable to parse certificate: {error}")))?;
            parameters.signed_by(&pair, &issuer)
        }
    };
    let signed = signed.map_err(|error| CallError::new(format!("error creating certificate: {error}")))?;
    Ok(Certificate { certificate: pem("CERTIFICATE", signed.der()), key }.into_value())
}

fn certificate_of(value: &Value) -> Result<&Certificate, CallError> {
    let found = match value {
        Value::Object(object) => object.as_any().downcast_ref(),
        _ => None,
    };
    found.ok_or_else(|| CallError::new("the authority is no certificate"))
}

fn parameters(request: &Request<'_>, surroundings: &Surroundings) -> Result<CertificateParams, CallError> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, request.common_name.as_str());
    let (from, to) = validity(surroundings, request.days)?;
    parameters.not_before = from;
    parameters.not_after = to;
    let mut serial = [0; 16];
    surroundings.random.borrow_mut().fill_bytes(&mut serial);
    serial[0] &= 0x7f;
    parameters.serial_number = Some(SerialNumber::from_slice(&serial));
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    parameters.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    parameters.is_ca = IsCa::ExplicitNoCa;
    if request.is_authority {
        parameters.key_usages.push(KeyUsagePurpose::KeyCertSign);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    for name in request.names {
        let name = to_text(name).to_str().into_owned();
        let problem = || CallError::new(format!("error parsing alternate dns name: {name}"));
        parameters.subject_alt_names.push(SanType::DnsName(name.as_str().try_into().map_err(|_| problem())?));
    }
    for address in request.addresses {
        parameters.subject_alt_names.push(SanType::IpAddress(parse_address(address)?));
    }
    Ok(parameters)
}

fn parse_address(address: &Value) -> Result<IpAddr, CallError> {
    let Value::String(text) = address else {
        let shown = spacecraft_gotemplate::fmt::display(address);
        return Err(CallError::new(format!("error parsing ip: {shown} is not a string")));
    };
    text.to_str().parse().map_err(|_| CallError::new(format!("error parsing ip: {}", text.to_str())))
}

fn validity(
    surroundings: &Surroundings,
    days: i64,
) -> Result<(::time::OffsetDateTime, ::time::OffsetDateTime), CallError> {
    let problem = || CallError::new(format!("a certificate cannot be valid for {days} days"));
    let seconds = days.checked_mul(86_400).ok_or_else(problem)?;
    let now = surroundings.now.as_second();
    let at = |seconds: i64| ::time::OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| problem());
    Ok((at(now)?, at(now.checked_add(seconds).ok_or_else(problem)?)?))
}
