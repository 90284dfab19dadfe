//! What networks are made with besides their spec: templates, files and tokens.

use std::collections::BTreeMap;

use spacecraft_core::charts::{self, Namespaces};
use spacecraft_core::generation::Profile;
use spacecraft_core::operation::{NOTES_TEMPLATE, NetworkMaterials};
use spacecraft_core::settings::Settings;
use spacecraft_core::spec::NetworkSpec;
use spacecraft_core::templates::Templates;
use spacecraft_core::{Error, Meaning, Result};

/// The file of `--templates` that replaces the whole config of Filebeat.
const FILEBEAT: &str = "filebeat.yml";

/// The same for the release that ships logs of web services.
const FILEBEAT_OF_WEB_SERVICES: &str = "filebeat-ws.yml";

/// The built-in templates and files, but for those that `--templates` replaces.
pub(crate) fn materials(settings: &Settings, spec: &NetworkSpec) -> Result<NetworkMaterials> {
    let overrides = template_overrides(settings)?;
    let built_in = || spacecraft_elastic::filebeat_config(&spec.network, &Namespaces::of(spec).network);
    Ok(NetworkMaterials {
        profile: Profile::new(spec.generation, &overrides)?,
        chart_templates: Templates::new(&charts::TEMPLATES, &overrides)?,
        filebeat_config: overrides.get(FILEBEAT).cloned().unwrap_or_else(built_in),
        kibana_objects: spacecraft_elastic::built_in_objects(),
        slack_token: settings.secret("slack-token").cloned(),
    })
}

/// The `filebeat.yml` that ships logs of web services, which run in `namespace`.
pub(crate) fn web_services_filebeat_config(settings: &Settings, namespace: &str) -> Result<String> {
    let overrides = template_overrides(settings)?;
    let built_in = || spacecraft_elastic::web_services_filebeat_config(namespace);
    Ok(overrides.get(FILEBEAT_OF_WEB_SERVICES).cloned().unwrap_or_else(built_in))
}

/// The files of `--templates`, by name relative to the folder.
pub(crate) fn template_overrides(settings: &Settings) -> Result<BTreeMap<String, String>> {
    let Some(folder) = settings.text("templates").map(std::path::Path::new) else {
        return Ok(BTreeMap::new());
    };
    let mut overrides = BTreeMap::new();
    let names = Profile::template_names().chain(charts::TEMPLATES.iter().map(|(name, _)| *name)).chain([
        FILEBEAT,
        FILEBEAT_OF_WEB_SERVICES,
        NOTES_TEMPLATE,
    ]);
    for name in names {
        let path = folder.join(name);
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                overrides.insert(name.to_owned(), text);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Error::new(
                    Meaning::Invalid,
                    "read template",
                    path.display().to_string(),
                    "it cannot be read",
                )
                .with_source(error));
            }
        }
    }
    Ok(overrides)
}
