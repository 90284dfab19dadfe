//! How repositories and registries are asked.

use spacecraft_core::secret::SecretString;
use spacecraft_http::Credential;
use url::Url;

/// A user and a password.
#[derive(Debug, Clone)]
pub struct Login {
    /// `--username`.
    pub user: String,
    /// `--password`.
    pub password: SecretString,
}

/// How repositories and registries are asked.
#[derive(Debug, Clone, Default)]
pub struct SourceAccess {
    /// Who asks. Only the host that the operator named is told, unless `pass_credentials` says otherwise.
    pub login: Option<Login>,
    /// `--pass-credentials`: hosts that a repository's index names are told the password too.
    pub pass_credentials: bool,
    /// `--plain-http`: registries are asked without TLS.
    pub plain_http: bool,
}

impl SourceAccess {
    /// The credential for a URL that the operator named. A URL that holds a user and a password of its own has those sent.
    pub(super) fn for_url(&self, url: &Url) -> Option<Credential> {
        if !url.username().is_empty() {
            return None;
        }
        let Login { user, password } = self.login.as_ref()?;
        Some(Credential::Basic { user: user.clone(), password: password.clone() })
    }

    /// The credential for a URL that something at `origin` named.
    pub(super) fn for_linked(&self, url: &Url, origin: &Url) -> Option<Credential> {
        if self.pass_credentials || url.origin() == origin.origin() { self.for_url(url) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_for_the_host_that_was_named_alone_unless_it_is_to_be_passed_on() {
        let url = |text: &str| Url::parse(text).unwrap();
        let repository = url("https://charts.example.org/stable");
        let login = Login { user: "me".to_owned(), password: SecretString::from("word".to_owned()) };
        let access = SourceAccess { login: Some(login), ..SourceAccess::default() };
        assert!(access.for_linked(&url("https://charts.example.org/a.tgz"), &repository).is_some());
        for other in [
            "https://elsewhere.example.org/a.tgz",
            "http://charts.example.org/a.tgz",
            "https://charts.example.org:8443/a",
        ] {
            assert!(access.for_linked(&url(other), &repository).is_none(), "{other}");
        }
        let passing = SourceAccess { pass_credentials: true, ..access };
        assert!(passing.for_linked(&url("https://elsewhere.example.org/a.tgz"), &repository).is_some());
        assert!(SourceAccess::default().for_url(&repository).is_none());
    }
}
