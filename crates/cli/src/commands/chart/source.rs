//! Where a chart comes from, and who asks for it.

use std::io::Read;
use std::path::Path;

use clap::Arg;
use spacecraft_core::secret::SecretString;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_helm::source::{ChartReference, ChartSources, Login, SourceAccess};
use spacecraft_http::{Client, ClientIdentity, ClientOptions};

use super::flags::{self, one, switch, text};
use crate::folders;
use crate::session::Session;

/// The variable that may hold the password for a repository or registry.
const PASSWORD: &str = "CHART_PASSWORD";

/// Helm's flags for repositories and registries.
pub(super) fn arguments() -> Vec<Arg> {
    vec![
        one("repo", "URL", "the chart repository"),
        one("version", "VERSION", "a version or a constraint; the newest if not given"),
        switch("devel", "development versions count too; same as --version '>0.0.0-0'"),
        one("username", "NAME", "who asks the repository or registry"),
        one(
            "password",
            "TEXT",
            "the password of --username; CHART_PASSWORD or --password-file do not show it to others",
        )
        .conflicts_with_all(["password-file", "password-stdin"]),
        one("password-file", "FILE", "a file that holds the password of --username")
            .conflicts_with("password-stdin"),
        switch("password-stdin", "read the password of --username from standard input"),
        switch("pass-credentials", "tell user and password to all hosts that a repository names"),
        one("ca-file", "FILE", "certificate authorities in PEM to trust beside the system's"),
        one("cert-file", "FILE", "the certificate in PEM that says who asks").requires("key-file"),
        one("key-file", "FILE", "the key in PEM of --cert-file").requires("cert-file"),
        switch("plain-http", "ask registries without TLS"),
        switch("insecure-skip-tls-verify", "is refused: certificates are always verified").hide(true),
        switch("verify", "is refused: provenance is not verified").hide(true),
        one("keyring", "FILE", "has no effect without --verify").hide(true),
    ]
}

/// `--dependency-update`, of commands that render.
pub(super) fn dependency_update() -> Arg {
    switch("dependency-update", "fetch charts that the chart declares and that are not packed with it")
}

/// The chart that the command line names.
pub(super) fn reference(session: &Session<'_>, chart: &str) -> ChartReference {
    let version = text(session, "version");
    let any = version.is_empty() && session.switch("devel");
    ChartReference {
        chart: chart.to_owned(),
        repository: text(session, "repo"),
        version: if any { ">0.0.0-0".to_owned() } else { version },
        update_dependencies: session.switch("dependency-update"),
    }
}

/// The sources of charts, as the command line says to ask them.
///
/// # Errors
/// If something that is asked for cannot be done, or a file cannot be read.
pub(super) fn sources(session: &Session<'_>) -> Result<ChartSources> {
    refuse(session)?;
    let (client, options) = crate::wiring::client(session.environment)?;
    let client = match (session.argument("ca-file"), identity(session)?) {
        (None, None) => client,
        (authorities, identity) => {
            let extra_roots = authorities.map(read).transpose()?.into_iter().collect();
            Client::new(ClientOptions { extra_roots, identity, ..options })?
        }
    };
    let access = SourceAccess {
        login: login(session)?,
        pass_credentials: session.switch("pass-credentials"),
        plain_http: session.switch("plain-http"),
    };
    Ok(ChartSources::new(Some(client), Some(folders::charts(session.environment))).with_access(access))
}

fn refuse(session: &Session<'_>) -> Result<()> {
    let refused = |operation: &str, reason: &str, hint: &str| {
        Err(Error::new(Meaning::Unsupported, operation, flags::text(session, "chart"), reason)
            .with_hint(hint))
    };
    if session.switch("verify") {
        let hint = "leave --verify away; digests of repositories and registries are checked all the same";
        return refused("verify the provenance of chart", "signatures of charts are not verified", hint);
    }
    if session.switch("insecure-skip-tls-verify") {
        let hint = "--ca-file names the authority of a repository that the system does not know";
        return refused(
            "ask without verifying certificates for chart",
            "certificates are always verified",
            hint,
        );
    }
    Ok(())
}

fn identity(session: &Session<'_>) -> Result<Option<ClientIdentity>> {
    let (Some(certificate), Some(key)) = (session.argument("cert-file"), session.argument("key-file")) else {
        return Ok(None);
    };
    Ok(Some(ClientIdentity { certificates: read(certificate)?, key: SecretString::from(read(key)?) }))
}

fn login(session: &Session<'_>) -> Result<Option<Login>> {
    let Some(user) = session.argument("username") else { return Ok(None) };
    let password = match (session.argument("password"), session.argument("password-file")) {
        (Some(password), _) => password.to_owned(),
        (None, Some(path)) => read(path)?,
        (None, None) if session.switch("password-stdin") => read_input()?,
        (None, None) => session.environment.get(PASSWORD).unwrap_or_default().to_owned(),
    };
    let password = SecretString::from(password.trim_end_matches(['\r', '\n']).to_owned());
    Ok(Some(Login { user: user.to_owned(), password }))
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(Path::new(path)).map_err(|error| {
        Error::new(Meaning::Invalid, "read", path, "the file cannot be read").with_source(error)
    })
}

fn read_input() -> Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| {
        Error::new(Meaning::Invalid, "read", "the password", "standard input cannot be read")
            .with_source(error)
    })?;
    Ok(text)
}
