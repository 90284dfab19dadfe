//! The token service of Google's OAuth: the JWT bearer grant of service accounts.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    credentials::{Credentials, TOKEN_SECONDS},
    wire::{Request, Response},
};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How far a caller's clock may be off, in seconds.
const CLOCK_SKEW_SECONDS: i64 = 300;

/// Answers `POST /token`. Tokens are issued and checked in real time, see [`Moment`](crate::moment::Moment).
pub(crate) fn handle(
    credentials: &Credentials,
    token_uri: &str,
    request: &Request,
    wall: Timestamp,
) -> Response {
    if request.segments() != ["token"] {
        return Response::text(StatusCode::NOT_FOUND, "Not Found");
    }
    if request.method != Method::POST {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", "Only POST is allowed.");
    }
    match grant(credentials, token_uri, request, wall) {
        Ok(token) => Response::json(
            StatusCode::OK,
            &json!({"access_token": token, "expires_in": TOKEN_SECONDS, "token_type": "Bearer"}),
        ),
        Err((error, description)) => refuse(StatusCode::BAD_REQUEST, error, description),
    }
}

fn refuse(status: StatusCode, error: &str, description: &str) -> Response {
    Response::json(status, &json!({"error": error, "error_description": description}))
}

type Refusal = (&'static str, &'static str);

const NOT_SHORT_LIVED: Refusal = (
    "invalid_grant",
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat \
     and exp values in the JWT claim.",
);

#[derive(Deserialize)]
struct Claims {
    iss: String,
    #[serde(default)]
    scope: String,
    aud: String,
    iat: i64,
    exp: i64,
}

fn grant(
    credentials: &Credentials,
    token_uri: &str,
    request: &Request,
    wall: Timestamp,
) -> Result<String, Refusal> {
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if field("grant_type") != Some(JWT_BEARER) {
        return Err(("unsupported_grant_type", "Invalid grant_type."));
    }
    let assertion = field("assertion").ok_or(("invalid_request", "Missing required parameter: assertion"))?;
    let claims = verified_claims(credentials, assertion)?;
    check_claims(token_uri, &claims, wall)?;
    let scopes: Vec<String> = claims.scope.split_whitespace().map(str::to_owned).collect();
    if scopes.is_empty() {
        return Err(("invalid_scope", "Invalid OAuth scope or ID token audience provided."));
    }
    Ok(credentials.issue_token(scopes, wall))
}

fn verified_claims(credentials: &Credentials, assertion: &str) -> Result<Claims, Refusal> {
    const MALFORMED: Refusal = ("invalid_grant", "Invalid JWT: Failed to parse the assertion.");
    let (message, signature) = assertion.rsplit_once('.').ok_or(MALFORMED)?;
    let (header, claims) = message.split_once('.').ok_or(MALFORMED)?;
    // Some clients pad the parts, and Google's service takes that.
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| MALFORMED);
    let header: Value = serde_json::from_slice(&decode(header)?).map_err(|_| MALFORMED)?;
    if header["alg"] != "RS256" {
        return Err(("invalid_grant", "Invalid JWT: Unsupported signature algorithm."));
    }
    let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| MALFORMED)?;
    if claims.iss != credentials.email {
        return Err(("invalid_grant", "Invalid grant: account not found"));
    }
    if credentials.signed_by_service_account(message.as_bytes(), &decode(signature)?) {
        Ok(claims)
    } else {
        Err(("invalid_grant", "Invalid JWT Signature."))
    }
}

fn check_claims(token_uri: &str, claims: &Claims, wall: Timestamp) -> Result<(), Refusal> {
    if claims.aud != token_uri {
        return Err(("invalid_grant", "Invalid JWT: The audience is not this token endpoint."));
    }
    let now = wall.as_second();
    let lifetime = claims.exp.saturating_sub(claims.iat);
    let in_future = claims.iat > now.saturating_add(CLOCK_SKEW_SECONDS);
    let expired = claims.exp < now.saturating_sub(CLOCK_SKEW_SECONDS);
    if !(0..=3600).contains(&lifetime) || in_future || expired {
        return Err(NOT_SHORT_LIVED);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        rand::SystemRandom,
        signature::{RSA_PKCS1_SHA256, RsaKeyPair},
    };
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;
    use crate::credentials::tests::CREDENTIALS;

    const TOKEN_URI: &str = "http://127.0.0.1:1/token";
    const NOW: i64 = 1_800_000_000;

    fn assertion(claims: &Value, key: &str) -> String {
        let pem: String = key.lines().filter(|line| !line.starts_with("---")).collect();
        let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(pem).unwrap()).unwrap();
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
        let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn claims() -> Value {
        json!({"iss": CREDENTIALS.email, "scope": super::super::CLOUD_PLATFORM, "aud": TOKEN_URI,
               "iat": NOW, "exp": NOW + 3600})
    }

    fn ask(assertion: &str) -> (StatusCode, Value) {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", JWT_BEARER)
            .append_pair("assertion", assertion)
            .finish();
        let request = Request {
            method: Method::POST,
            path: "/token".to_owned(),
            query: String::new(),
            headers: HeaderMap::new(),
            body: Bytes::from(body),
        };
        let response = handle(&CREDENTIALS, TOKEN_URI, &request, Timestamp::from_second(NOW).unwrap());
        (response.status, serde_json::from_slice(&response.body).unwrap())
    }

    fn own_key() -> String {
        let key = CREDENTIALS.service_account_key("p", TOKEN_URI);
        key["private_key"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_signed_assertion_is_exchanged_for_a_token_that_works() {
        let (status, body) = ask(&assertion(&claims(), &own_key()));
        assert_eq!(status, StatusCode::OK);
        let token = body["access_token"].as_str().unwrap();
        assert!(CREDENTIALS.check_token(token, Timestamp::from_second(NOW).unwrap()).is_ok());
    }

    #[test]
    fn a_signature_of_another_key_is_refused() {
        let other = Credentials::generate("other").unwrap().service_account_key("p", TOKEN_URI);
        let (status, body) = ask(&assertion(&claims(), other["private_key"].as_str().unwrap()));
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(body["error_description"], "Invalid JWT Signature.");
    }

    #[test]
    fn an_assertion_for_another_audience_or_time_or_without_scope_is_refused() {
        for (field, value, error) in [
            ("aud", json!("https://elsewhere.example/token"), "invalid_grant"),
            ("exp", json!(NOW + 7200), "invalid_grant"),
            ("iat", json!(NOW + 1000), "invalid_grant"),
            ("iss", json!("nobody@example.com"), "invalid_grant"),
            ("scope", json!(""), "invalid_scope"),
        ] {
            let mut claims = claims();
            claims[field] = value;
            let (status, body) = ask(&assertion(&claims, &own_key()));
            assert_eq!((status, body["error"].as_str()), (StatusCode::BAD_REQUEST, Some(error)), "{field}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "a.b", "a.b.c", "....", "é.é.é"] {
            assert_eq!(ask(text).0, StatusCode::BAD_REQUEST, "{text}");
        }
    }
}
