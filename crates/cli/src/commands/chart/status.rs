//! `chart status`.

use clap::Command;
use spacecraft_core::Result;

use super::flags::{self, parsed, switch};
use super::target::Target;
use super::text::{notes, status, written};
use crate::session::Session;

pub(super) fn arguments() -> Command {
    Command::new("status")
        .about("Print how a release stands, as helm status does")
        .arg(flags::release())
        .arg(flags::namespace())
        .arg(flags::revision())
        .arg(switch("show-desc", "print what its history says of it too"))
        .args(flags::places())
        .arg(flags::output())
}

pub(super) async fn run(session: &Session<'_>) -> Result<String> {
    let target = Target::open(session).await?;
    let name = flags::text(session, "release");
    let release = target.charts.get(&target.namespace, &name, parsed(session, "revision")).await?;
    written(session, &release, || {
        let description = match session.switch("show-desc") {
            true => format!("DESCRIPTION: {}\n", release.info.description),
            false => String::new(),
        };
        Ok(format!("{}{}", status(&release, &description), notes(&release)))
    })
}
