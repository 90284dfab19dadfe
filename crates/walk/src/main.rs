//! The full walks, as commands of their own.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use mimalloc::MiMalloc;
use spacecraft_walk::faults;
use spacecraft_walk::faults::Scope;
use spacecraft_walk::flows::{Flow, flows};
use spacecraft_walk::interrupts;
use spacecraft_walk::kills;
use spacecraft_walk::kills::Share;
use spacecraft_walk::report::{Point, WalkReport};
use spacecraft_walk::walkers::walk_side_by_side;

/// The simulated cloud makes many small values, of which this allocator makes less work than the system's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn command_line() -> Command {
    let names = || PossibleValuesParser::new(flows().iter().map(|flow| flow.name));
    let walk = |name: &'static str, about: &'static str| {
        Command::new(name).about(about).args([
            Arg::new("flow")
                .long("flow")
                .value_name("NAME")
                .value_parser(names())
                .hide_possible_values(true)
                .help("only this flow"),
            Arg::new("except")
                .long("except")
                .value_name("NAME")
                .value_parser(names())
                .hide_possible_values(true)
                .action(ArgAction::Append)
                .help("all flows but this one; may be given again"),
            Arg::new("every")
                .long("every")
                .value_name("N")
                .default_value("1")
                .value_parser(clap::value_parser!(usize))
                .help("every how many points one is walked"),
            Arg::new("at")
                .long("at")
                .value_name("N")
                .value_parser(clap::value_parser!(u64))
                .help("only the points of this call, as `at` in a report numbers it"),
            Arg::new("walkers")
                .long("walkers")
                .value_name("N")
                .default_value("2")
                .value_parser(clap::value_parser!(usize))
                .help("how many walk side by side"),
            Arg::new("all")
                .long("all")
                .action(ArgAction::SetTrue)
                .help("tell all points, not only those with problems"),
        ])
    };
    Command::new("spacecraft-walk")
        .about("Walks every side effect and every call of every operation")
        .subcommand_required(true)
        .subcommand(walk(
            "kills",
            "Kill the process before and after every effect, and run the command again",
        ))
        .subcommand(walk("faults", "Make every call fail once in every way"))
        .subcommand(walk("shapes", "Make the first of all calls that are alike fail once in every way"))
        .subcommand(walk("interrupts", "Ask the process to stop at every effect, and run the command again"))
        .subcommand(Command::new("flows").about("Print the names of the flows"))
}

fn main() -> ExitCode {
    match run(&command_line().get_matches()) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr().lock(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(matches: &ArgMatches) -> Result<ExitCode> {
    match matches.subcommand() {
        Some(("kills", matches)) => {
            tell(&walked(matches, |stage, flows, share| Box::pin(kills::walk(stage, flows, share)))?)
        }
        Some(("faults", matches)) => tell(&walked(matches, |stage, flows, share| {
            Box::pin(faults::walk(stage, flows, share, Scope::Calls))
        })?),
        Some(("shapes", matches)) => tell(&walked(matches, |stage, flows, share| {
            Box::pin(faults::walk(stage, flows, share, Scope::Shapes))
        })?),
        Some(("interrupts", matches)) => {
            tell(&walked(matches, |stage, flows, share| Box::pin(interrupts::walk(stage, flows, share)))?)
        }
        _ => {
            for flow in flows() {
                writeln!(std::io::stdout().lock(), "{}", flow.name)?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn walked(matches: &ArgMatches, walk: spacecraft_walk::walkers::Walk) -> Result<WalkReport> {
    let number = |name: &str| matches.get_one::<usize>(name).copied().unwrap_or(1).max(1);
    let only = matches.get_one::<String>("flow");
    let left_out: Vec<&String> = matches.get_many("except").into_iter().flatten().collect();
    let is_chosen = |flow: &Flow| {
        only.is_none_or(|name| name == flow.name) && left_out.iter().all(|name| *name != flow.name)
    };
    let chosen: Vec<Flow> = flows().into_iter().filter(is_chosen).collect();
    let share = Share {
        walker: 0,
        walkers: number("walkers"),
        every: number("every"),
        at: matches.get_one("at").copied(),
        keeps_all: matches.get_flag("all"),
        tell: tell_point,
    };
    walk_side_by_side(&chosen, share, walk)?.of_points()
}

fn tell_point(point: &Point) {
    let _ = writeln!(std::io::stderr().lock(), "{point}");
}

fn tell(report: &WalkReport) -> Result<ExitCode> {
    write!(std::io::stderr().lock(), "{}", report.summary())?;
    let document = serde_json::to_string_pretty(report).context("write the report")?;
    writeln!(std::io::stdout().lock(), "{document}")?;
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
