//! The secrets that a sandbox mints for its users: a service account's key, and what signs access tokens.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    hmac,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How long an access token lives, in seconds.
pub(crate) const TOKEN_SECONDS: i64 = 3599;

/// What the sandbox's users authenticate with. It never appears in `Debug` output.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// The service account's e-mail address.
    pub email: String,
    /// The service account's numeric identifier.
    pub client_id: String,
    /// The key's identifier, 40 hexadecimal digits.
    pub key_id: String,
    private_key_pem: String,
    public_key_base64: String,
    token_key_base64: String,
    /// A Cloudflare API token with all rights on the sandbox's zone.
    pub cloudflare_token: String,
    /// A Slack bot token.
    pub slack_token: String,
    /// The path of a Slack incoming webhook below the hooks service.
    pub slack_webhook_path: String,
    /// A GitHub token with push access.
    pub github_token: String,
    /// What admin calls carry as their bearer token.
    pub admin_token: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("email", &self.email).finish_non_exhaustive()
    }
}

/// The system could not make a key.
#[derive(Debug, thiserror::Error)]
#[error("make a service account key: the crypto library could not generate it")]
pub struct CannotMakeKey;

/// Who a valid access token speaks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenHolder {
    pub(crate) email: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires: i64,
}

/// Why an access token was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenFault {
    Malformed,
    Expired,
}

impl Credentials {
    /// Makes new random secrets for the given project.
    ///
    /// # Errors
    /// When the system's random source or the crypto library fails.
    pub fn generate(project: &str) -> Result<Self, CannotMakeKey> {
        let key = KeyPair::generate(KeySize::Rsa2048).map_err(|_| CannotMakeKey)?;
        let private: Pkcs8V1Der<'_> = key.as_der().map_err(|_| CannotMakeKey)?;
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().map_err(|_| CannotMakeKey)?;
        let mut token_key = [0_u8; 32];
        aws_lc_rs::rand::fill(&mut token_key).map_err(|_| CannotMakeKey)?;
        Ok(Self {
            email: format!("spacecraft@{project}.iam.gserviceaccount.com"),
            client_id: "100000000000000000001".to_owned(),
            key_id: random_hex(20)?,
            private_key_pem: pem("PRIVATE KEY", private.as_ref()),
            public_key_base64: STANDARD.encode(public.as_ref()),
            token_key_base64: STANDARD.encode(token_key),
            cloudflare_token: random_hex(20)?,
            slack_token: format!("sandbox-bot-{}", random_hex(12)?),
            slack_webhook_path: format!("/services/T1/B1/{}", random_hex(12)?),
            github_token: format!("sandbox-git-{}", random_hex(18)?),
            admin_token: random_hex(24)?,
        })
    }

    /// The key file of the service account, as the cloud's console hands it out, with the given token address.
    #[must_use]
    pub fn service_account_key(&self, project: &str, token_uri: &str) -> serde_json::Value {
        serde_json::json!({
            "type": "service_account",
            "project_id": project,
            "private_key_id": self.key_id,
            "private_key": self.private_key_pem,
            "client_email": self.email,
            "client_id": self.client_id,
            "token_uri": token_uri,
            "universe_domain": "googleapis.com",
        })
    }

    /// True when `signature` over `message` was made with the service account's private key (RS256).
    pub(crate) fn signed_by_service_account(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok(public) = STANDARD.decode(&self.public_key_base64) else { return false };
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public).verify(message, signature).is_ok()
    }

    /// An access token for the service account with these scopes, valid from `wall` on for [`TOKEN_SECONDS`].
    pub(crate) fn issue_token(&self, scopes: Vec<String>, wall: Timestamp) -> String {
        let expires = wall.as_second().saturating_add(TOKEN_SECONDS);
        let holder = TokenHolder { email: self.email.clone(), scopes, expires };
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&holder).unwrap_or_default());
        let tag = hmac::sign(&self.token_key(), claims.as_bytes());
        format!("ya29.{claims}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
    }

    /// An access token as the token service would issue it, for hosts that authenticate their callers in another way.
    #[must_use]
    pub fn access_token(&self, scopes: &[&str], wall: Timestamp) -> String {
        self.issue_token(scopes.iter().map(|scope| (*scope).to_owned()).collect(), wall)
    }

    /// Whom an access token speaks for.
    pub(crate) fn check_token(&self, token: &str, wall: Timestamp) -> Result<TokenHolder, TokenFault> {
        let holder = self.read_token(token).ok_or(TokenFault::Malformed)?;
        if holder.expires <= wall.as_second() { Err(TokenFault::Expired) } else { Ok(holder) }
    }

    fn read_token(&self, token: &str) -> Option<TokenHolder> {
        let (claims, tag) = token.strip_prefix("ya29.")?.split_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.token_key(), claims.as_bytes(), &tag).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }

    fn token_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(&self.token_key_base64).unwrap_or_default())
    }
}

fn random_hex(bytes: usize) -> Result<String, CannotMakeKey> {
    let mut buffer = vec![0_u8; bytes];
    aws_lc_rs::rand::fill(&mut buffer).map_err(|_| CannotMakeKey)?;
    Ok(hex::encode(buffer))
}

fn pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for (index, character) in encoded.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str(&format!("\n-----END {label}-----\n"));
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::LazyLock;

    use super::*;

    /// One set of credentials for all tests of a process: making an RSA key is slow.
    pub(crate) static CREDENTIALS: LazyLock<Credentials> =
        LazyLock::new(|| Credentials::generate("sandbox-project").expect("keys can be made"));

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_token_speaks_for_its_account_until_it_expires() {
        let token = CREDENTIALS.issue_token(vec!["a".to_owned()], at(1_000));
        assert_eq!(CREDENTIALS.check_token(&token, at(1_000 + TOKEN_SECONDS - 1)).unwrap().scopes, ["a"]);
        assert_eq!(CREDENTIALS.check_token(&token, at(1_000 + TOKEN_SECONDS)), Err(TokenFault::Expired));
    }

    #[test]
    fn a_changed_token_is_refused() {
        let token = CREDENTIALS.issue_token(vec![], at(1_000));
        let changed = token.replacen("ya29.", "ya29.A", 1);
        assert_eq!(CREDENTIALS.check_token(&changed, at(1_000)), Err(TokenFault::Malformed));
        assert_eq!(CREDENTIALS.check_token("nonsense", at(1_000)), Err(TokenFault::Malformed));
    }

    #[test]
    fn secrets_stay_out_of_debug_output() {
        let text = format!("{:?}", *CREDENTIALS);
        assert!(!text.contains(&CREDENTIALS.admin_token) && !text.contains("PRIVATE KEY"));
    }
}
