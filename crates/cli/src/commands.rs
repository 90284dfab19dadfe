//! One file per command.

mod add_miner;
mod chart;
mod completions;
mod create_network;
mod delete_miner;
mod delete_network;
mod deploy_cm;
mod deploy_ws;
mod gc;
mod hosts;
mod keys;
mod kubeconfig;
mod list;
mod logs;
mod man;
mod plan;
mod release_network;
mod rewards;
mod sandbox;
mod settings;
mod status;
mod tunnel;
mod upgrade_network;

use spacecraft_core::settings::{Command, SettingsErrors};

use crate::environment::Environment;
use crate::exit::ExitStatus;
use crate::output::Output;
use crate::session::{Known, Session};
use crate::typed::Typed;

/// The command lines of all of them, in the order in which help tells them.
pub(crate) fn arguments() -> [clap::Command; 23] {
    [
        create_network::arguments(),
        plan::arguments(),
        delete_network::arguments(),
        add_miner::arguments(),
        delete_miner::arguments(),
        hosts::arguments(),
        gc::arguments(),
        list::arguments(),
        status::arguments(),
        logs::arguments(),
        release_network::arguments(),
        rewards::arguments(),
        deploy_ws::arguments(),
        deploy_cm::arguments(),
        upgrade_network::arguments(),
        kubeconfig::arguments(),
        tunnel::arguments(),
        keys::arguments(),
        sandbox::arguments(),
        chart::arguments(),
        settings::arguments(),
        completions::arguments(),
        man::arguments(),
    ]
}

/// Runs the command that was asked for as this process.
pub(crate) fn dispatch(typed: &Typed, environment: Environment, output: Output) -> ExitStatus {
    if let Err(reason) = output.start_logging() {
        output.complain(&reason);
        return ExitStatus::Usage;
    }
    // Everything that speaks TLS takes this one provider of cryptography; one that is installed already is the same.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output.complain(&format!("start: {error}"));
            return ExitStatus::Failed;
        }
    };
    let status = runtime.block_on(run(typed, &environment, &output));
    runtime.shutdown_background();
    output.end_progress();
    status
}

/// Runs the command that was asked for on the runtime of the caller.
pub(crate) async fn run(typed: &Typed, environment: &Environment, output: &Output) -> ExitStatus {
    let Some((name, matches)) = typed.matches.subcommand() else { return ExitStatus::Usage };
    let session = Session { matches, environment, output, strays: &typed.strays };
    if !typed.strays.are_none() {
        return refuse(name, &session);
    }
    match name {
        "create-network" => Box::pin(create_network::run(&session)).await,
        "plan" => Box::pin(plan::run(&session)).await,
        "delete-network" => Box::pin(delete_network::run(&session)).await,
        "hosts" => Box::pin(hosts::run(&session)).await,
        "gc" => Box::pin(gc::run(&session)).await,
        "list" => Box::pin(list::run(&session)).await,
        "status" => Box::pin(status::run(&session)).await,
        "logs" => Box::pin(logs::run(&session)).await,
        "deploy-ws" => Box::pin(deploy_ws::run(&session)).await,
        "deploy-cm" => Box::pin(deploy_cm::run(&session)).await,
        "upgrade-network" => Box::pin(upgrade_network::run(&session)).await,
        "add-miner" => Box::pin(add_miner::run(&session)).await,
        "delete-miner" => Box::pin(delete_miner::run(&session)).await,
        "kubeconfig" => Box::pin(kubeconfig::run(&session)).await,
        "tunnel" => Box::pin(tunnel::run(&session)).await,
        "keys" => Box::pin(keys::run(&session)).await,
        "release-network" => Box::pin(release_network::run(&session)).await,
        "rewards" => Box::pin(rewards::run(&session)).await,
        "sandbox" => Box::pin(sandbox::run(&session)).await,
        "chart" => Box::pin(chart::run(&session)).await,
        "settings" => settings::run(&session),
        "completions" => completions::run(&session),
        "man" => man::run(&session),
        _ => ExitStatus::Usage,
    }
}

/// Tells what is wrong with a command line that has what its command does not know, together with all else that can be told before anything is called.
fn refuse(name: &str, session: &Session<'_>) -> ExitStatus {
    let innermost = session.matches.subcommand().map_or(session.matches, |(_, matches)| matches);
    let session = &Session { matches: innermost, ..*session };
    let wrong = mistakes(name, session).unwrap_or_else(|| SettingsErrors::of(session.strays.others.clone()));
    let status = session.output.wrong_settings(&wrong);
    session.output.say(&format!("spacecraft {name} --help tells what it takes"));
    status
}

/// What is wrong with the arguments of a command.
fn mistakes(name: &str, session: &Session<'_>) -> Option<SettingsErrors> {
    match name {
        "create-network" => create_network::asked(session).err(),
        "plan" => plan::asked(session).err(),
        "add-miner" => add_miner::asked(session).err(),
        "delete-miner" => delete_miner::asked(session).err(),
        "upgrade-network" => upgrade_network::asked(session).err(),
        "deploy-ws" => deploy_ws::asked(session).err(),
        "deploy-cm" => deploy_cm::asked(session).err(),
        "release-network" => release_network::asked(session).err(),
        "rewards" => rewards::asked(session).err(),
        "logs" => logs::asked(session).err(),
        "status" => status::asked(session).err(),
        "tunnel" => tunnel::asked(session).err(),
        "gc" => gc::asked(session).err(),
        _ => {
            let command = Command::ALL.into_iter().find(|command| command.name() == name)?;
            match command.needs_network() {
                true => session.named(command).err(),
                false => session.settings(command, &Known::default()).err(),
            }
        }
    }
}
