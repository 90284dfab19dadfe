//! `chart pull`.

use std::path::Path;

use clap::Command;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_helm::Charts;
use spacecraft_helm::chart::{self, File};

use super::flags::{self, one, switch, text};
use super::source;
use super::template::{inside, write_file};
use crate::connector::Connector;
use crate::folders;
use crate::session::Session;

pub(super) fn arguments() -> Command {
    Command::new("pull")
        .visible_alias("fetch")
        .about("Download a packed chart, as helm pull does")
        .arg(flags::chart())
        .args(source::arguments())
        .arg(one("destination", "FOLDER", "where to put it").short('d').default_value("."))
        .arg(switch("untar", "unpack it, and keep no archive"))
        .arg(
            one("untardir", "FOLDER", "where to unpack it, seen from --destination")
                .default_value(".")
                .requires("untar"),
        )
}

pub(super) async fn run(session: &Session<'_>) -> Result<String> {
    let charts = offline(session)?;
    let (name, archive) = charts.pull(&source::reference(session, &text(session, "chart"))).await?;
    let destination = text(session, "destination");
    if session.switch("untar") {
        let files = chart::unpacked(&archive)
            .map_err(|error| Error::new(Meaning::Invalid, "unpack chart", name, error.to_string()))?;
        unpack(&files, &Path::new(&destination).join(text(session, "untardir")))?;
        return Ok(String::new());
    }
    let path = Path::new(&destination).join(name);
    std::fs::write(&path, &archive).map_err(|error| {
        Error::new(Meaning::Other, "write chart", path.display().to_string(), "it cannot be written")
            .with_source(error)
    })?;
    Ok(String::new())
}

/// Writes the files of a chart into a folder of its name, which must not be there.
fn unpack(files: &[File], folder: &Path) -> Result<()> {
    let about = folder.display().to_string();
    let chart = files.first().and_then(|file| file.name.split('/').next()).unwrap_or_default();
    if folder.join(chart).exists() {
        let reason = format!("a file or directory with the name {chart} already exists");
        return Err(Error::new(Meaning::Invalid, "unpack chart", about, reason));
    }
    for file in files {
        write_file(&folder.join(inside(&file.name)?), &file.data).map_err(|error| {
            let reason = format!("{} cannot be written", file.name);
            Error::new(Meaning::Other, "unpack chart", about.clone(), reason).with_source(error)
        })?;
    }
    Ok(())
}

/// Charts without a cluster, from where the command line says.
pub(super) fn offline(session: &Session<'_>) -> Result<Charts> {
    let (client, options) = crate::wiring::client(session.environment)?;
    let cache = folders::charts(session.environment);
    let rsa_keys = session.environment.rsa_keys();
    let connector = Connector::new(client, options, cache, rsa_keys, std::collections::BTreeMap::new());
    Ok(connector.charts_on(None).with_sources(source::sources(session)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_unpacked_into_a_folder_of_its_name_which_must_not_be_there() {
        let file = |name: &str| File { name: name.to_owned(), data: b"a: 1\n".to_vec().into() };
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().join("here");
        unpack(&[file("web/Chart.yaml"), file("web/templates/a.yaml")], &here).unwrap();
        assert_eq!(std::fs::read_to_string(here.join("web/templates/a.yaml")).unwrap(), "a: 1\n");
        let again = unpack(&[file("web/Chart.yaml")], &here).unwrap_err();
        assert_eq!(again.meaning(), Meaning::Invalid);
        assert!(again.to_string().contains("already exists"), "{again}");
        assert!(unpack(&[file("x/../../y")], &here).is_err());
        assert!(!folder.path().join("y").exists());
    }
}
