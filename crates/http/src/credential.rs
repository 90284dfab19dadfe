use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use spacecraft_core::secret::{ExposeSecret, SecretString};
use spacecraft_core::traits::BearerTokens;
use spacecraft_core::{Error, Meaning, Result};

/// Who asks. Each attempt asks the credential anew, so that a long series never goes on with a stale token.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A bearer token from a source that refreshes it.
    Bearer(Arc<dyn BearerTokens>),
    /// A bearer token that does not change.
    Token(SecretString),
    /// User and password.
    Basic {
        /// The user's name.
        user: String,
        /// The user's password.
        password: SecretString,
    },
    /// A secret in a header of its own. Redirects are not followed with it.
    Header {
        /// The header.
        name: HeaderName,
        /// Its secret value.
        value: SecretString,
    },
}

/// A header to send, and the secret in it that no message may repeat.
pub(crate) struct SecretHeader {
    name: HeaderName,
    value: HeaderValue,
    pub(crate) secret: SecretString,
}

impl SecretHeader {
    pub(crate) fn add_to(&self, headers: &mut HeaderMap) {
        headers.insert(self.name.clone(), self.value.clone());
    }
}

impl Credential {
    pub(crate) async fn header(&self) -> Result<SecretHeader> {
        match self {
            Self::Bearer(tokens) => authorization("Bearer ", tokens.bearer_token().await?),
            Self::Token(token) => authorization("Bearer ", token.clone()),
            Self::Basic { user, password } => {
                let pair = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
                let mut header = authorization("Basic ", SecretString::from(pair))?;
                header.secret = password.clone();
                Ok(header)
            }
            Self::Header { name, value } => secret_header(name.clone(), value.expose_secret(), value.clone()),
        }
    }

    pub(crate) fn forbids_redirects(&self) -> bool {
        matches!(self, Self::Header { .. })
    }
}

fn authorization(scheme: &str, secret: SecretString) -> Result<SecretHeader> {
    let text = SecretString::from(format!("{scheme}{}", secret.expose_secret()));
    secret_header(AUTHORIZATION, text.expose_secret(), secret)
}

fn secret_header(name: HeaderName, text: &str, secret: SecretString) -> Result<SecretHeader> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        let reason = "the secret has characters that a header cannot carry, such as a line end";
        Error::new(Meaning::Invalid, "prepare the credentials", "", reason)
    })?;
    value.set_sensitive(true);
    Ok(SecretHeader { name, value, secret })
}
