//! Where files of the user are kept.

use std::path::PathBuf;

use crate::environment::Environment;

/// The folder of the simulated cloud unless `--sandbox-dir` says otherwise.
pub(crate) fn sandbox(environment: &Environment) -> PathBuf {
    below(environment, "XDG_STATE_HOME", ".local/state").join("spacecraft").join("sandbox")
}

/// The folder of support bundles.
pub(crate) fn support(environment: &Environment) -> PathBuf {
    below(environment, "XDG_STATE_HOME", ".local/state").join("spacecraft").join("support")
}

/// The folder of downloaded charts.
pub(crate) fn charts(environment: &Environment) -> PathBuf {
    below(environment, "XDG_CACHE_HOME", ".cache").join("spacecraft").join("charts")
}

/// The kubeconfig that tools take by themselves.
pub(crate) fn kubeconfig(environment: &Environment) -> PathBuf {
    home(environment).join(".kube").join("config")
}

/// Where the gcloud tool leaves the credentials of applications.
pub(crate) fn google_login(environment: &Environment) -> PathBuf {
    home(environment).join(".config").join("gcloud").join("application_default_credentials.json")
}

/// The file of a program that the search path finds.
pub(crate) fn program(environment: &Environment, name: &str) -> Option<PathBuf> {
    let folders = environment.get("PATH").unwrap_or_default();
    std::env::split_paths(folders).map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn below(environment: &Environment, variable: &str, in_home: &str) -> PathBuf {
    match environment.get(variable).map(PathBuf::from).filter(|path| path.is_absolute()) {
        Some(path) => path,
        None => home(environment).join(in_home),
    }
}

fn home(environment: &Environment) -> PathBuf {
    environment.get("HOME").map_or_else(|| PathBuf::from("."), PathBuf::from)
}
