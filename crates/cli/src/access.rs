//! What leads to the cloud from here: the kubeconfig and Google's credentials, looked for before anything is called.

use std::path::{Path, PathBuf};

use spacecraft_core::secret::SecretString;
use spacecraft_core::settings::{Settings, SettingsError};
use spacecraft_core::{Error, Meaning, Result, render_chain};
use spacecraft_gcp::Tokens;

use crate::environment::Environment;
use crate::folders;

/// How to be known to Google.
const LOGIN: &str = "name a service account key here or in GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth application-default login`";
const KEY_SETTING: &str = "gcp-credentials-file";
const KEY_VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
const READ_KUBECONFIG: &str = "read kubeconfig";
/// Where Linux tells what machine it runs on; Google's say so.
const PRODUCT: &str = "/sys/class/dmi/id/product_name";

/// What is missing or unreadable, as a mistake in the settings. That this machine is not logged in to Google is told beside other mistakes only:
/// without any, a call tells for certain.
pub(crate) fn mistake(settings: &Settings, environment: &Environment, others: bool) -> Option<SettingsError> {
    match settings.text("provider").filter(|_| !settings.is_unread("provider")) {
        Some("kubernetes") => kubeconfig(settings, environment).err().and_then(|error| as_mistake(&error)),
        Some("gcp") => key_file(settings, environment)
            .or_else(|| (others && !may_be_logged_in(settings, environment)).then(not_logged_in)),
        _ => None,
    }
}

/// The mistake in the settings that is behind an error, if it is that what leads to the cloud is missing or cannot be read.
pub(crate) fn as_mistake(error: &Error) -> Option<SettingsError> {
    match error.operation() {
        READ_KUBECONFIG => Some(SettingsError::new("kubeconfig", error.resource(), reason(error))),
        spacecraft_gcp::GET_CREDENTIALS if error.meaning() == Meaning::Denied => {
            Some(SettingsError::new(KEY_SETTING, "", format!("{}; {LOGIN}", render_chain(error))))
        }
        _ => None,
    }
}

/// Why, without the resource, which is told as the setting's value.
fn reason(error: &Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{}{cause}{hint}", error.reason())
}

/// The text of the kubeconfig that the settings name, independent of the folder that it was in.
///
/// # Errors
///
/// [`Meaning::Invalid`] when it cannot be read or is none.
pub(crate) fn kubeconfig(settings: &Settings, environment: &Environment) -> Result<SecretString> {
    let named = settings.text("kubeconfig").map(first_that_exists);
    let path = named.unwrap_or_else(|| folders::kubeconfig(environment));
    let invalid = |reason: &str| {
        Error::new(Meaning::Invalid, READ_KUBECONFIG, path.display().to_string(), reason)
            .with_hint("name another one with --kubeconfig")
    };
    let text =
        std::fs::read_to_string(&path).map_err(|error| invalid("it cannot be read").with_source(error))?;
    // The working folder of the moment does not change what a path in the file means.
    let absolute = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
    let folder = absolute.parent().unwrap_or(Path::new("/"));
    spacecraft_kubernetes::kubeconfig::with_absolute_paths(&SecretString::from(text), folder)
        .map_err(|error| invalid(error.reason()))
}

/// `KUBECONFIG` may list several files, which kubectl merges; here the first that there is counts.
fn first_that_exists(listed: &str) -> PathBuf {
    let whole = PathBuf::from(listed);
    if whole.exists() {
        return whole;
    }
    std::env::split_paths(listed).find(|path| path.is_file()).unwrap_or(whole)
}

/// What is wrong with the file of the key that is named.
fn key_file(settings: &Settings, environment: &Environment) -> Option<SettingsError> {
    // Who gives the key itself in place of its path does not find it in a message.
    let shown = |path: &str| if path.contains(['{', '\n']) { String::new() } else { path.to_owned() };
    let mistake = |path: &str, message: String| SettingsError::new(KEY_SETTING, shown(path), message);
    if let Some(path) = settings.text(KEY_SETTING) {
        let error = Tokens::from_service_account_file(Path::new(path)).err()?;
        return Some(mistake(path, format!("{}; {LOGIN}", reason(&error))));
    }
    let path = environment.get(KEY_VARIABLE)?;
    let error = std::fs::File::open(path).err()?;
    Some(mistake(path, format!("the file that {KEY_VARIABLE} names cannot be read: {error}")))
}

/// Whether there is anything that Google's libraries would take.
fn may_be_logged_in(settings: &Settings, environment: &Environment) -> bool {
    settings.text(KEY_SETTING).is_some()
        || environment.get(KEY_VARIABLE).is_some()
        || folders::google_login(environment).exists()
        || folders::program(environment, "gcloud").is_some()
        || std::fs::read_to_string(PRODUCT).is_ok_and(|product| product.contains("Google"))
}

fn not_logged_in() -> SettingsError {
    SettingsError::new(KEY_SETTING, "", format!("this machine is not logged in to Google Cloud; {LOGIN}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use spacecraft_core::settings::{Command, SystemFiles};

    use super::*;

    fn told(flags: &[(&str, &str)], variables: &[(&str, &str)], others: bool) -> Option<SettingsError> {
        let owned = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let (settings, _) = Settings::builder(Command::CreateNetwork)
            .flags(owned(flags))
            .environment(owned(variables))
            .build_what_can_be_read(&SystemFiles);
        mistake(&settings, &Environment::of_variables(owned(variables)), others)
    }

    #[test]
    fn a_kubeconfig_that_is_missing_or_none_is_a_mistake_with_its_path() {
        let missing = told(&[("provider", "kubernetes"), ("kubeconfig", "/nowhere/k")], &[], false).unwrap();
        assert_eq!((missing.key.as_str(), missing.value.as_str()), ("kubeconfig", "/nowhere/k"));
        assert!(missing.message.contains("cannot be read: No such file"), "{}", missing.message);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, "- a list").unwrap();
        let path = file.to_str().unwrap();
        let none = told(&[("provider", "kubernetes")], &[("KUBECONFIG", path)], false).unwrap();
        assert_eq!(none.value, path);
        assert!(none.message.contains("it is YAML, but no kubeconfig"), "{}", none.message);
        std::fs::write(&file, "apiVersion: v1").unwrap();
        let listed = format!("/nowhere/k:{path}");
        assert_eq!(told(&[("provider", "kubernetes")], &[("KUBECONFIG", &listed)], false), None);
    }

    #[test]
    fn keys_of_google_that_cannot_be_read_are_mistakes_with_what_named_them() {
        let flag =
            told(&[("provider", "gcp"), ("gcp-credentials-file", "/nowhere/k.json")], &[], false).unwrap();
        assert_eq!((flag.key.as_str(), flag.value.as_str()), ("gcp-credentials-file", "/nowhere/k.json"));
        let variable = told(&[], &[("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/k.json")], false).unwrap();
        assert!(variable.message.contains("GOOGLE_APPLICATION_CREDENTIALS"), "{}", variable.message);
        let key_itself = r#"{"private_key": "x"}"#;
        let hidden = told(&[], &[("GOOGLE_APPLICATION_CREDENTIALS", key_itself)], false).unwrap();
        assert!(!hidden.to_string().contains("private_key"), "{hidden}");
    }

    #[test]
    fn a_machine_that_is_not_logged_in_is_told_beside_other_mistakes_and_otherwise_asked_for_certain() {
        let home = tempfile::tempdir().unwrap();
        let variables = [("HOME", home.path().to_str().unwrap())];
        assert_eq!(told(&[], &variables, false), None);
        let told_beside = told(&[], &variables, true).unwrap();
        assert!(told_beside.message.contains("gcloud auth application-default login"));
        let login = home.path().join(".config/gcloud");
        std::fs::create_dir_all(&login).unwrap();
        std::fs::write(login.join("application_default_credentials.json"), "{}").unwrap();
        assert_eq!(told(&[], &variables, true), None);
        assert_eq!(told(&[("provider", "sandbox")], &[], true), None);
    }
}
