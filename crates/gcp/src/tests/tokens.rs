use rcgen::{KeyPair, PKCS_RSA_SHA256};
use serde_json::{Value, json};
use spacecraft_core::Meaning;
use spacecraft_core::secret::{ExposeSecret as _, SecretString};
use spacecraft_core::traits::BearerTokens as _;
use wiremock::matchers::{body_string_contains, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::Tokens;

/// A service account key of a throwaway key pair, with tokens granted at `token_uri`.
pub(super) fn key(token_uri: &str) -> Value {
    let pair = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    json!({"type": "service_account", "project_id": "p", "private_key_id": "1", "client_id": "1",
           "client_email": "spacecraft@p.iam.gserviceaccount.com", "private_key": pair.serialize_pem(),
           "token_uri": token_uri})
}

pub(super) fn secret(key: &Value) -> SecretString {
    SecretString::from(key.to_string())
}

async fn token_service(reply: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/token"))
        .and(body_string_contains("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"))
        .respond_with(reply)
        .mount(&server)
        .await;
    server
}

fn grant() -> ResponseTemplate {
    let grant = json!({"access_token": "granted-word", "expires_in": 3599, "token_type": "Bearer"});
    ResponseTemplate::new(200).set_body_json(grant)
}

#[tokio::test]
async fn a_service_account_gets_one_token_for_all_who_ask() {
    let server = token_service(grant()).await;
    let tokens = Tokens::from_service_account(&secret(&key(&format!("{}/token", server.uri())))).unwrap();
    let (one, other) = futures::join!(tokens.bearer_token(), tokens.bearer_token());
    assert_eq!(one.unwrap().expose_secret(), "granted-word");
    assert_eq!(other.unwrap().expose_secret(), "granted-word");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
    assert_eq!(tokens.project().await.unwrap(), "p");
    assert_eq!(format!("{tokens:?}"), "Tokens { .. }");
}

#[tokio::test]
async fn a_key_is_read_from_a_file() {
    let server = token_service(grant()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    std::fs::write(&file, key(&format!("{}/token", server.uri())).to_string()).unwrap();
    let tokens = Tokens::from_service_account_file(&file).unwrap();
    assert_eq!(tokens.bearer_token().await.unwrap().expose_secret(), "granted-word");
    let error = Tokens::from_service_account_file(&folder.path().join("none.json")).unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid);
    assert!(error.resource().ends_with("none.json"), "{error}");
}

#[tokio::test]
async fn a_refusal_and_a_reply_without_a_token_are_errors_with_advice() {
    let refused = ResponseTemplate::new(400).set_body_json(json!({"error": "invalid_grant"}));
    let garbage = ResponseTemplate::new(200).set_body_string("<html>");
    for (reply, expected) in [(refused, Meaning::Denied), (garbage, Meaning::Invalid)] {
        let server = token_service(reply).await;
        let tokens = Tokens::from_service_account(&secret(&key(&format!("{}/token", server.uri())))).unwrap();
        let error = tokens.bearer_token().await.unwrap_err();
        assert_eq!(error.meaning(), expected);
        assert!(error.hint().unwrap().contains("GOOGLE_APPLICATION_CREDENTIALS"));
    }
}

#[test]
fn what_is_no_usable_key_is_refused_without_showing_it() {
    let whole = key("https://oauth2.googleapis.com/token");
    let with = |field: &str, value: Value| {
        let mut key = whole.clone();
        key[field] = value;
        secret(&key)
    };
    Tokens::from_service_account(&secret(&whole)).unwrap();
    for wrong in [
        SecretString::from("no JSON"),
        SecretString::from("{}"),
        with("type", json!("authorized_user")),
        with("private_key", json!("c2VjcmV0")),
        with("token_uri", json!("http://tokens.example/token")),
        with("token_uri", json!("nonsense")),
    ] {
        let error = Tokens::from_service_account(&wrong).unwrap_err();
        assert_eq!(error.meaning(), Meaning::Invalid);
        assert!(!format!("{error:?}").contains("c2VjcmV0"), "{error:?}");
    }
}
