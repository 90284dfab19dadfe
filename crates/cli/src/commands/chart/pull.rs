//! `chart pull`.

use std::path::Path;

use clap::Command;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_helm::Charts;

use super::flags::{self, one, text};
use super::source;
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
}

pub(super) async fn run(session: &Session<'_>) -> Result<String> {
    let charts = offline(session)?;
    let (name, archive) = charts.pull(&source::reference(session, &text(session, "chart"))).await?;
    let path = Path::new(&text(session, "destination")).join(name);
    std::fs::write(&path, &archive).map_err(|error| {
        Error::new(Meaning::Other, "write chart", path.display().to_string(), "it cannot be written")
            .with_source(error)
    })?;
    Ok(String::new())
}

/// Charts without a cluster, from where the command line says.
pub(super) fn offline(session: &Session<'_>) -> Result<Charts> {
    let (client, options) = crate::wiring::client(session.environment)?;
    let cache = folders::charts(session.environment);
    let charts = Connector::new(client, options, cache, std::collections::BTreeMap::new()).charts(None);
    Ok(charts.with_sources(source::sources(session)?))
}
