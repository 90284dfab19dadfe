//! `sandbox ...`: the simulated cloud itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Arg, ArgAction, Command};
use serde::Serialize;
use serde_json::{Map, Value, json};
use spacecraft_core::settings::{self, SettingsError, SettingsErrors};
use spacecraft_core::state::SCHEMA;
use spacecraft_core::{Error, Meaning};
use spacecraft_sandbox::client::{AdminClient, AdminError};
use spacecraft_sandbox::faults::{Fault, FaultRule};
use spacecraft_sandbox::server::{ServeOptions, ensure_running, running, serve};
use spacecraft_sandbox::settings::SettingsChange;

use crate::arguments::of_named;
use crate::exit::ExitStatus;
use crate::session::{Known, Session, one_mistake};
use crate::wiring::sandbox_folder;

const SETTINGS_HELP: &str = "Settings (NAME=VALUE), each with what it is at first:
  api_latency_milliseconds=0   pod_start_seconds=2       cluster_creation_seconds=3
  cluster_deletion_seconds=2   node_pool_seconds=2       operation_seconds=0.2
  load_balancer_seconds=1      quotas.CPUS=20000         quotas.IN_USE_ADDRESSES=5000
  quotas.DISKS_TOTAL_GB=500000 denied_permissions=A,B    disabled_services=A,B
  stockout_zones=A,B           missing_images=A,B        crashing_images=A,B
  denied_github_permissions=A  slack_messages_per_second=0
  time_rate=1 (simulated seconds in a real one; 0 lets time stand still)";

/// The command line of `sandbox`.
pub(crate) fn arguments() -> Command {
    use settings::Command::Sandbox;
    Command::new("sandbox")
        .about("The simulated cloud: serve it, look into it, make it fail")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(of_named("serve", Sandbox, "Serve the simulated cloud until Ctrl-C; other commands start one by themselves").args([
            Arg::new("idle-minutes").long("idle-minutes").value_name("MINUTES").help("end after this long without a call; 0 never ends [default: 10 in the background, else 0]"),
            Arg::new("background").long("background").action(ArgAction::SetTrue).hide(true),
        ]))
        .subcommand(of_named("stop", Sandbox, "Stop the server; what exists stays in its folder"))
        .subcommand(of_named("inventory", Sandbox, "Print everything that exists, with counts of calls and writes, as JSON"))
        .subcommand(of_named("contents", Sandbox, "Print all that the services hold, as JSON: their state, and the objects of each cluster"))
        .subcommand(of_named("calls", Sandbox, "Print the last calls, one JSON document a line"))
        .subcommand(
            of_named("configure", Sandbox, "Change how long things take, what is refused, and how time runs").after_help(SETTINGS_HELP).args([
                Arg::new("setting").value_name("NAME=VALUE").action(ArgAction::Append).help("a setting to change; none prints all"),
                Arg::new("advance").long("advance").value_name("SECONDS").help("move simulated time forward"),
            ]),
        )
        .subcommand(of_named("fault", Sandbox, "Make the next calls that match fail").args([
            Arg::new("kind").value_name("KIND").value_parser(["status", "reset", "refused", "hang", "garbage", "other-shape", "html", "empty", "lost-reply", "no-reply", "truncated", "reset-mid-body"]).help("how they fail"),
            Arg::new("clear").long("clear").action(ArgAction::SetTrue).help("forget all faults"),
            Arg::new("service").long("service").value_name("SERVICE").help("only calls of this service, as inventory counts them"),
            Arg::new("method").long("method").value_name("METHOD").help("only calls with this HTTP method"),
            Arg::new("path").long("path").value_name("PATTERN").help("only calls to such a path; * stands for any text"),
            Arg::new("at").long("at").value_name("N").help("only call number N, counted over all services"),
            Arg::new("after").long("after").value_name("N").help("let so many matching calls pass first"),
            Arg::new("times").long("times").value_name("N").help("how many calls fail; 0 all [default: 1]"),
            Arg::new("status").long("status").value_name("CODE").help("the status, for kind status [default: 503]"),
            Arg::new("body").long("body").value_name("TEXT").help("the body, for kind status"),
            Arg::new("retry-after").long("retry-after").value_name("SECONDS").help("a Retry-After header, for kind status"),
        ]))
        .subcommand(of_named("reset", Sandbox, "Remove everything that exists in the simulated cloud"))
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    let Some((name, matches)) = session.matches.subcommand() else { return ExitStatus::Usage };
    let session = Session { matches, ..*session };
    let folder = match session.settings(settings::Command::Sandbox, &Known::default()) {
        Ok(settings) => sandbox_folder(&settings, session.environment),
        Err(wrong) => return session.output.wrong_settings(&wrong),
    };
    match name {
        "serve" => serve_folder(&session, folder).await,
        "stop" => stop(&session, folder).await,
        "inventory" => ask(&session, folder, |admin| Box::pin(async move { admin.inventory().await })).await,
        "contents" => ask(&session, folder, |admin| Box::pin(async move { admin.contents().await })).await,
        "calls" => calls(&session, folder).await,
        "configure" => configure(&session, folder).await,
        "fault" => fault(&session, folder).await,
        "reset" => reset(&session, folder).await,
        _ => ExitStatus::Usage,
    }
}

async fn serve_folder(session: &Session<'_>, folder: PathBuf) -> ExitStatus {
    let background = session.switch("background");
    let minutes = match session.argument("idle-minutes").map(str::parse::<u64>).transpose() {
        Ok(minutes) => minutes.unwrap_or(if background { 10 } else { 0 }),
        Err(_) => {
            return session.output.wrong_settings(&one_mistake(
                "idle-minutes",
                session.argument("idle-minutes").unwrap_or_default(),
                "write whole minutes",
            ));
        }
    };
    let idle = (minutes > 0).then(|| Duration::from_secs(minutes.saturating_mul(60)));
    if !background {
        session.output.say(&format!("serving the simulated cloud in {} until Ctrl-C", folder.display()));
    }
    match serve(&folder, ServeOptions { idle, background }).await {
        Ok(()) => ExitStatus::Done,
        Err(error) => session.output.failed(about(&folder, "serve").with_source(error)),
    }
}

/// An error of the simulated cloud in `folder`, whose cause says more.
fn about(folder: &Path, attempt: &str) -> Error {
    let operation = format!("{attempt} the simulated cloud in");
    Error::new(Meaning::Unavailable, operation, folder.display().to_string(), "")
}

async fn stop(session: &Session<'_>, folder: PathBuf) -> ExitStatus {
    let running = running(&folder).await;
    let was_running = running.is_some();
    if let Some(info) = running
        && let Err(error) = AdminClient::new(info).stop().await
    {
        return session.output.failed(about(&folder, "stop").with_source(error));
    }
    let document =
        json!({ "schema": SCHEMA, "kind": "SandboxStop", "folder": folder, "was_running": was_running });
    let sentence = match was_running {
        true => format!("stopped; what exists stays in {}", folder.display()),
        false => format!("no server runs for {}", folder.display()),
    };
    session.output.done(&document, &sentence)
}

async fn reset(session: &Session<'_>, folder: PathBuf) -> ExitStatus {
    let admin = match admin(session, &folder).await {
        Ok(admin) => admin,
        Err(status) => return status,
    };
    match admin.reset().await {
        Ok(()) => {
            let document = json!({ "schema": SCHEMA, "kind": "SandboxReset", "folder": folder });
            session.output.done(&document, &format!("nothing exists in {} any more", folder.display()))
        }
        Err(error) => session.output.failed(about(&folder, "reset").with_source(error)),
    }
}

/// The running server's controls; the server is started when none runs.
async fn admin(session: &Session<'_>, folder: &Path) -> Result<AdminClient, ExitStatus> {
    let failed = |error: Error| session.output.failed(error);
    let executable = std::env::current_exe()
        .map_err(|error| failed(about(folder, "find the program that serves").with_source(error)))?;
    let running = ensure_running(folder, &executable).await;
    running
        .map(|running| AdminClient::new(running.info))
        .map_err(|error| failed(about(folder, "start").with_source(error)))
}

type Asked<'a, T> = std::pin::Pin<Box<dyn Future<Output = Result<T, AdminError>> + Send + 'a>>;

/// Prints what the server answers, as JSON whatever the format.
async fn ask<T: Serialize>(
    session: &Session<'_>,
    folder: PathBuf,
    question: impl for<'a> FnOnce(&'a AdminClient) -> Asked<'a, T>,
) -> ExitStatus {
    let admin = match admin(session, &folder).await {
        Ok(admin) => admin,
        Err(status) => return status,
    };
    match question(&admin).await {
        Ok(answer) => {
            session.output.result(&answer, || serde_json::to_string_pretty(&answer).unwrap_or_default())
        }
        Err(error) => session.output.failed(about(&folder, "look into").with_source(error)),
    }
}

async fn calls(session: &Session<'_>, folder: PathBuf) -> ExitStatus {
    let admin = match admin(session, &folder).await {
        Ok(admin) => admin,
        Err(status) => return status,
    };
    match admin.calls(0).await {
        Ok(calls) => {
            let lines: String =
                calls.iter().filter_map(|call| Some(serde_json::to_string(call).ok()? + "\n")).collect();
            session.output.write(&lines)
        }
        Err(error) => session.output.failed(about(&folder, "look into").with_source(error)),
    }
}

async fn configure(session: &Session<'_>, folder: PathBuf) -> ExitStatus {
    let change = match change(session) {
        Ok(change) => change,
        Err(wrong) => return session.output.wrong_settings(&wrong),
    };
    if change == SettingsChange::default() {
        return ask(session, folder, |admin| Box::pin(async move { admin.settings().await })).await;
    }
    let admin = match admin(session, &folder).await {
        Ok(admin) => admin,
        Err(status) => return status,
    };
    let configured = async {
        admin.configure(&change).await?;
        admin.settings().await
    };
    match configured.await {
        Ok(settings) => {
            let document = json!({ "schema": SCHEMA, "kind": "SandboxSettings", "settings": settings });
            session.output.done(&document, "configured")
        }
        Err(error) => refused(session, &folder, "configure", error),
    }
}

/// What is to change, or every argument that cannot be read.
fn change(session: &Session<'_>) -> Result<SettingsChange, SettingsErrors> {
    let mut change = SettingsChange::default();
    let mut mistakes = Vec::new();
    for text in session.arguments("setting") {
        match text.split_once('=') {
            Some((name, value)) => insert(&mut change.settings, name, value),
            None => mistakes.push(SettingsError::new("setting", text, "write NAME=VALUE")),
        }
    }
    if let Some(text) = session.argument("advance") {
        match text.parse::<f64>() {
            Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => change.advance_seconds = seconds,
            _ => mistakes.push(SettingsError::new("advance", text, "write seconds")),
        }
    }
    SettingsErrors::unless_empty(mistakes, || change)
}

/// Tells why the server does not do what it is told: it refuses what it does not know, which is a mistake in the arguments.
fn refused(session: &Session<'_>, folder: &Path, attempt: &str, error: AdminError) -> ExitStatus {
    match error {
        AdminError::Refused { status, message, .. } if status.is_client_error() => {
            let given = session.arguments("setting").join(" ");
            session.output.refused_settings(&one_mistake("setting", &given, message))
        }
        error => session.output.failed(about(folder, attempt).with_source(error)),
    }
}

/// `quotas.CPUS=8` sets one entry of a map; lists are written with commas.
fn insert(settings: &mut Map<String, Value>, name: &str, value: &str) {
    const LISTS: [&str; 7] = [
        "denied_permissions",
        "disabled_services",
        "stockout_zones",
        "denied_cloudflare_permissions",
        "denied_github_permissions",
        "missing_images",
        "crashing_images",
    ];
    let value = if let Ok(list) = serde_json::from_str::<Vec<Value>>(value) {
        Value::from(list)
    } else if LISTS.contains(&name) {
        Value::from(value.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect::<Vec<_>>())
    } else {
        serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))
    };
    match name.split_once('.') {
        None => {
            settings.insert(name.to_owned(), value);
        }
        Some((map, key)) => {
            let entry = settings.entry(map.to_owned()).or_insert_with(|| Value::Object(Map::new()));
            if let Some(entries) = entry.as_object_mut() {
                entries.insert(key.to_owned(), value);
            }
        }
    }
}

async fn fault(session: &Session<'_>, folder: PathBuf) -> ExitStatus {
    let rule = match (session.switch("clear"), rule(session)) {
        (true, _) => None,
        (false, Ok(rule)) => Some(rule),
        (false, Err(wrong)) => return session.output.wrong_settings(&wrong),
    };
    let admin = match admin(session, &folder).await {
        Ok(admin) => admin,
        Err(status) => return status,
    };
    let (done, sentence) = match &rule {
        None => (admin.clear_faults().await, "all faults are forgotten"),
        Some(rule) => (admin.fault(rule).await, "calls that match will fail"),
    };
    match done {
        Ok(()) => {
            let document = json!({ "schema": SCHEMA, "kind": "SandboxFault", "rule": rule });
            session.output.done(&document, sentence)
        }
        Err(error) => refused(session, &folder, "disturb", error),
    }
}

/// The rule that the arguments describe, or what is wrong with them.
fn rule(session: &Session<'_>) -> Result<FaultRule, SettingsErrors> {
    let text = |name: &str| session.argument(name).map(str::to_owned);
    let fault = match session.argument("kind") {
        None => return Err(one_mistake("kind", "", "say how calls fail, such as status, or give --clear")),
        Some("status") => Fault::Status {
            status: number(session, "status")?.unwrap_or(503),
            body: text("body"),
            retry_after: number(session, "retry-after")?,
        },
        Some("refused") => Fault::Refused,
        Some("hang") => Fault::Hang,
        Some("garbage") => Fault::Garbage,
        Some("other-shape") => Fault::OtherShape,
        Some("html") => Fault::Html,
        Some("empty") => Fault::Empty,
        Some("lost-reply") => Fault::LostReply,
        Some("no-reply") => Fault::NoReply,
        Some("truncated") => Fault::Truncated,
        Some("reset-mid-body") => Fault::ResetMidBody,
        Some(_) => Fault::Reset,
    };
    Ok(FaultRule {
        service: text("service"),
        method: text("method"),
        path: text("path"),
        at: number(session, "at")?,
        after: number(session, "after")?.unwrap_or_default(),
        times: number(session, "times")?,
        fault,
    })
}

fn number<T: std::str::FromStr>(
    session: &Session<'_>,
    name: &'static str,
) -> Result<Option<T>, SettingsErrors> {
    let wrong = |text| one_mistake(name, text, "write a whole number");
    session.argument(name).map(|text| text.parse().map_err(|_| wrong(text))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_numbers_lists_and_entries_of_maps() {
        let mut settings = Map::new();
        insert(&mut settings, "pod_start_seconds", "20");
        insert(&mut settings, "missing_images", "a,b");
        insert(&mut settings, "quotas.CPUS", "8");
        assert_eq!(
            Value::Object(settings),
            serde_json::json!({"pod_start_seconds": 20, "missing_images": ["a", "b"], "quotas": {"CPUS": 8}})
        );
    }
}
