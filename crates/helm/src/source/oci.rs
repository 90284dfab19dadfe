//! Charts in OCI registries: manifests, digests and the bearer token dance.

use bytes::Bytes;
use serde::Deserialize;
use spacecraft_core::secret::SecretString;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{
    Client, Credential, Dialect, HeaderValue, Plain, Refusal, Reply, Response, StatusCode, header,
};
use url::Url;

use super::cache::check_digest;
use super::{ChartSources, Login, MAX_ARCHIVE_BYTES, SourceAccess};
use crate::version;

const MANIFEST_TYPES: &str =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
const CHART_LAYERS: [&str; 2] =
    ["application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/tar+gzip"];

/// A chart in a registry: `oci://host[:port]/path/chart[:tag][@sha256:digest]`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    host: String,
    path: String,
    tag: Option<String>,
    digest: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
}

#[derive(Debug, Deserialize)]
struct Layer {
    #[serde(rename = "mediaType")]
    media_type: String,
    digest: String,
}

/// The archive of the chart `name` in a version that meets `wanted`.
pub(super) async fn pull(sources: &ChartSources, name: &str, wanted: &str) -> Result<Bytes> {
    let cache = &sources.cache;
    let name = Name::parse(name)?;
    let mut registry =
        Registry { http: sources.http()?, access: &sources.access, name: &name, credential: None };
    let reference = match (&name.digest, &name.tag) {
        (Some(digest), _) => digest.clone(),
        (None, Some(tag)) if wanted.is_empty() => tag.clone(),
        _ => registry.tag_for(wanted).await?,
    };
    let manifest = registry.get(&format!("manifests/{reference}"), Some(MANIFEST_TYPES)).await?;
    if reference.starts_with("sha256:") {
        check_digest(&name.path, manifest.body(), &reference)?;
    }
    let manifest: Manifest = manifest.json("an image manifest")?;
    let is_chart = |layer: &&Layer| CHART_LAYERS.contains(&layer.media_type.as_str());
    let layer = manifest.layers.iter().find(is_chart).ok_or_else(|| {
        Error::new(
            Meaning::Invalid,
            "pull chart",
            &name.path,
            "what the registry has under this name is no chart",
        )
    })?;
    let digest = layer.digest.strip_prefix("sha256:").unwrap_or_default();
    if let Some(kept) = cache.get(digest).await {
        return Ok(kept);
    }
    let archive = registry.get(&format!("blobs/{}", layer.digest), None).await?.body().clone();
    check_digest(&name.path, &archive, &layer.digest)?;
    cache.keep(&archive).await;
    Ok(archive)
}

impl Name {
    fn parse(text: &str) -> Result<Self> {
        let invalid = || {
            Error::new(Meaning::Invalid, "pull chart", text, "this is no name of a chart in a registry")
                .with_hint("it looks like oci://registry.example.org/charts/name")
        };
        let rest = text.strip_prefix("oci://").ok_or_else(invalid)?;
        let (rest, digest) = rest.split_once('@').map_or((rest, None), |(rest, digest)| (rest, Some(digest)));
        let (host, path) = rest.split_once('/').ok_or_else(invalid)?;
        let (path, tag) = path.rsplit_once(':').map_or((path, None), |(path, tag)| (path, Some(tag)));
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
        let parts_are_valid = path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        let tag_is_valid =
            tag.is_none_or(|tag| !tag.is_empty() && tag.bytes().all(valid) && !tag.contains('/'));
        if host.is_empty() || !path.bytes().all(valid) || !parts_are_valid || !tag_is_valid {
            return Err(invalid());
        }
        Ok(Self {
            host: host.to_owned(),
            path: path.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }

    /// Registries on this machine are spoken to without TLS, as container tools do, and others if that is asked for.
    fn base(&self, plain_http: bool) -> String {
        let (host, _) = self.host.rsplit_once(':').unwrap_or((&self.host, ""));
        let is_here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        let scheme = if plain_http || is_here { "http" } else { "https" };
        format!("{scheme}://{}/v2/{}", self.host, self.path)
    }
}

/// One conversation with a registry, which learns its token on the way.
struct Registry<'a> {
    http: &'a Client,
    access: &'a SourceAccess,
    name: &'a Name,
    credential: Option<Credential>,
}

/// Replies that ask for a token are no failures here.
#[derive(Debug)]
struct AsksForToken;

impl Dialect for AsksForToken {
    fn refusal(&self, reply: &Reply<'_>) -> Option<Refusal> {
        if reply.status == StatusCode::UNAUTHORIZED && reply.headers.contains_key(header::WWW_AUTHENTICATE) {
            return None;
        }
        Plain.refusal(reply)
    }
}

impl Registry<'_> {
    async fn get(&mut self, path: &str, accept: Option<&'static str>) -> Result<Response> {
        let reply = self.ask(path, accept).await?;
        if reply.status() != StatusCode::UNAUTHORIZED {
            return Ok(reply);
        }
        let challenge = reply.header(header::WWW_AUTHENTICATE.as_str()).unwrap_or_default();
        self.credential = Some(self.credential_for(challenge).await?);
        let reply = self.ask(path, accept).await?;
        if reply.status() == StatusCode::UNAUTHORIZED {
            let reason = "the registry does not accept what it asked for, so the chart is not for everybody";
            return Err(Error::new(Meaning::Denied, "pull chart", &self.name.path, reason)
                .with_hint("--username and --password say who asks"));
        }
        Ok(reply)
    }

    async fn ask(&self, path: &str, accept: Option<&'static str>) -> Result<Response> {
        let mut request = self
            .http
            .get(format!("{}/{path}", self.name.base(self.access.plain_http)))
            .about("pull chart", format!("{}/{}", self.name.host, self.name.path))
            .dialect(std::sync::Arc::new(AsksForToken))
            .largest_reply(MAX_ARCHIVE_BYTES);
        if let Some(types) = accept {
            request = request.header(header::ACCEPT, HeaderValue::from_static(types));
        }
        if let Some(credential) = &self.credential {
            request = request.credential(credential.clone());
        }
        request.send().await
    }

    /// What the registry asks for: a token, or user and password.
    async fn credential_for(&self, challenge: &str) -> Result<Credential> {
        if let Some(challenge) = Challenge::parse(challenge) {
            return self.fetch_token(&challenge).await.map(Credential::Token);
        }
        let is_basic = challenge.trim_start().to_ascii_lowercase().starts_with("basic");
        let own = is_basic.then(|| self.login()).flatten();
        own.ok_or_else(|| {
            self.denied("it asks for something else than a bearer token, so the chart is not for everybody")
                .with_hint("--username and --password say who asks")
        })
    }

    fn login(&self) -> Option<Credential> {
        let Login { user, password } = self.access.login.as_ref()?;
        Some(Credential::Basic { user: user.clone(), password: password.clone() })
    }

    fn denied(&self, reason: &str) -> Error {
        Error::new(Meaning::Denied, "get a token of registry", &self.name.host, reason)
    }

    /// A token from where the registry says that there are some, which may be another host: it is told the password, but never
    /// without TLS.
    async fn fetch_token(&self, challenge: &Challenge) -> Result<SecretString> {
        #[derive(Deserialize)]
        struct Token {
            #[serde(default)]
            token: String,
            #[serde(default)]
            access_token: String,
        }
        let mut request =
            self.http.get(&challenge.realm).about("get a token of registry", self.name.host.as_str());
        for (name, value) in [("service", &challenge.service), ("scope", &challenge.scope)] {
            if !value.is_empty() {
                request = request.query(name, value);
            }
        }
        if let Some(login) = self.login().filter(|_| self.trusts(&challenge.realm)) {
            request = request.credential(login);
        }
        let token: Token = request.send().await?.json("a token")?;
        let token = if token.token.is_empty() { token.access_token } else { token.token };
        if token.is_empty() { Err(self.denied("it gave none")) } else { Ok(SecretString::from(token)) }
    }

    fn trusts(&self, realm: &Url) -> bool {
        let registry = Url::parse(&self.name.base(self.access.plain_http)).ok();
        realm.scheme() == "https" || registry.is_some_and(|registry| registry.origin() == realm.origin())
    }

    /// The tag of the newest version that meets `wanted`. In tags `+` is written `_`.
    async fn tag_for(&mut self, wanted: &str) -> Result<String> {
        #[derive(Deserialize)]
        struct Tags {
            tags: Option<Vec<String>>,
        }
        let is_exact = version::is_full(wanted);
        if is_exact {
            return Ok(wanted.replace('+', "_"));
        }
        let tags: Tags = self.get("tags/list", None).await?.json("a list of tags")?;
        let versions: Vec<String> =
            tags.tags.unwrap_or_default().into_iter().map(|tag| tag.replace('_', "+")).collect();
        newest(&versions, wanted).map(|version| version.replace('+', "_")).ok_or_else(|| {
            let reason = format!("none of its {} versions meets {wanted:?}", versions.len());
            Error::new(Meaning::NotFound, "find chart", &self.name.path, reason)
        })
    }
}

fn newest<'a>(versions: &'a [String], wanted: &str) -> Option<&'a str> {
    let constraint = if wanted.is_empty() { "*" } else { wanted };
    versions
        .iter()
        .map(String::as_str)
        .filter(|version| version::is_valid(version) && version::satisfies(version, constraint))
        .max_by(|one, other| version::compare(one, other))
}

/// `WWW-Authenticate: Bearer realm="...",service="...",scope="..."`.
#[derive(Debug, PartialEq, Eq)]
struct Challenge {
    realm: Url,
    service: String,
    scope: String,
}

impl Challenge {
    fn parse(header: &str) -> Option<Self> {
        let (scheme, mut rest) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service, mut scope) = (None, String::new(), String::new());
        while let Some((name, after)) = rest.split_once("=\"") {
            let (value, after) = after.split_once('"')?;
            match name.trim_matches([',', ' ']) {
                "realm" => realm = Url::parse(value).ok(),
                "service" => value.clone_into(&mut service),
                "scope" => value.clone_into(&mut scope),
                _ => {}
            }
            rest = after;
        }
        let realm = realm.filter(|realm| matches!(realm.scheme(), "http" | "https"))?;
        Some(Self { realm, service, scope })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_host_a_path_and_perhaps_a_tag_or_digest() {
        let name = Name::parse("oci://ghcr.io/org/charts/demo:1.2.3").unwrap();
        assert_eq!((name.host.as_str(), name.path.as_str()), ("ghcr.io", "org/charts/demo"));
        assert_eq!(name.tag.as_deref(), Some("1.2.3"));
        assert_eq!(name.base(false), "https://ghcr.io/v2/org/charts/demo");
        assert_eq!(name.base(true), "http://ghcr.io/v2/org/charts/demo");
        let name = Name::parse("oci://localhost:5000/demo@sha256:00").unwrap();
        assert_eq!(name.base(false), "http://localhost:5000/v2/demo");
        assert_eq!(name.digest.as_deref(), Some("sha256:00"));
        for bad in ["https://x/y", "oci://x", "oci:///x", "oci://x/../y", "oci://x/a?b=c", "oci://x/a:t/../b"]
        {
            assert!(Name::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_challenge_tells_where_the_token_is() {
        let challenge = Challenge::parse(
            r#"Bearer realm="https://auth.example.org/token",service="reg",scope="repository:a:pull""#,
        )
        .unwrap();
        assert_eq!(challenge.realm.as_str(), "https://auth.example.org/token");
        assert_eq!((challenge.service.as_str(), challenge.scope.as_str()), ("reg", "repository:a:pull"));
        assert_eq!(Challenge::parse("Basic realm=\"x\""), None);
        assert_eq!(Challenge::parse("Bearer realm=\"file:///etc/passwd\""), None);
    }

    #[test]
    fn the_newest_version_that_meets_the_constraint_is_chosen() {
        let versions: Vec<String> = ["1.0.0", "1.2.0", "latest", "2.0.0-rc.1"].map(String::from).to_vec();
        assert_eq!(newest(&versions, ""), Some("1.2.0"));
        assert_eq!(newest(&versions, "<1.1"), Some("1.0.0"));
        assert_eq!(newest(&versions, ">2"), None);
    }
}
