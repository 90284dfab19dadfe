//! `chart uninstall`.

use clap::Command;
use spacecraft_core::Result;
use spacecraft_helm::Propagation;
use spacecraft_helm::charts::UninstallOptions;

use super::flags::{self, list, one, switch, text};
use super::target::{Target, patience};
use crate::session::Session;

pub(super) fn arguments() -> Command {
    Command::new("uninstall")
        .visible_aliases(["delete", "un"])
        .about("Uninstall releases, as helm uninstall does")
        .arg(flags::release().num_args(1..))
        .arg(flags::namespace())
        .args([
            switch("no-hooks", "run no hooks"),
            switch("keep-history", "keep the records, marked as uninstalled"),
            switch("ignore-not-found", "a release that is not there is no failure"),
            switch("wait", "wait until what is deleted is gone"),
            one("description", "TEXT", "what the release's history says of it"),
            one(
                "cascade",
                "HOW",
                "what becomes of objects that deleted ones own: background, orphan or foreground",
            )
            .value_parser(["background", "orphan", "foreground"])
            .default_value("background")
            .hide_possible_values(true),
            switch("dry-run", "change nothing"),
            flags::limit(),
        ])
        .args(flags::places())
}

pub(super) async fn run(session: &Session<'_>) -> Result<String> {
    let target = Target::open(session).await?;
    let mut said = String::new();
    for name in list(session, "release") {
        let options = UninstallOptions {
            name: name.clone(),
            namespace: target.namespace.clone(),
            no_hooks: session.switch("no-hooks"),
            keep_history: session.switch("keep-history"),
            ignore_not_found: session.switch("ignore-not-found"),
            wait: session.switch("wait"),
            description: text(session, "description"),
            cascade: cascade(session),
            dry_run: session.switch("dry-run"),
        };
        let uninstalled = target.charts.uninstall(&options, &patience(session, "uninstall")).await?;
        let kept = uninstalled.map(|uninstalled| uninstalled.kept).unwrap_or_default();
        if !kept.is_empty() {
            said.push_str("These resources were kept due to the resource policy:\n");
            kept.iter().for_each(|object| said.push_str(&format!("{object}\n")));
            said.push('\n');
        }
        said.push_str(&format!("release \"{name}\" uninstalled\n"));
    }
    Ok(said)
}

fn cascade(session: &Session<'_>) -> Propagation {
    match session.argument("cascade") {
        Some("orphan") => Propagation::Orphan,
        Some("foreground") => Propagation::Foreground,
        _ => Propagation::Background,
    }
}
