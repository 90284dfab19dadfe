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

use clap::ArgMatches;

use crate::environment::Environment;
use crate::exit::ExitStatus;
use crate::output::Output;
use crate::session::Session;

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
pub(crate) fn dispatch(matches: &ArgMatches, environment: Environment, output: Output) -> ExitStatus {
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
    let status = runtime.block_on(run(matches, &environment, &output));
    runtime.shutdown_background();
    output.end_progress();
    status
}

/// Runs the command that was asked for on the runtime of the caller.
pub(crate) async fn run(matches: &ArgMatches, environment: &Environment, output: &Output) -> ExitStatus {
    let Some((name, matches)) = matches.subcommand() else { return ExitStatus::Usage };
    let session = Session { matches, environment, output };
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
