//! Who may write where: results to stdout, talk to stderr, each in one form.

pub(crate) mod failure;
mod progress;
mod streams;
pub(crate) mod table;

use std::collections::BTreeSet;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use clap::ArgMatches;
use serde::Serialize;
use spacecraft_core::error::{printable, steers_terminal};
use spacecraft_core::observer::{Event, Observer};

use crate::environment::Environment;
use crate::exit::ExitStatus;
use progress::Progress;
pub(crate) use streams::Streams;

/// In which form results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Tables and sentences.
    Text,
    /// One JSON document.
    Json,
}

/// Where a command writes.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    format: Format,
    quiet: bool,
    verbosity: u8,
    colour: bool,
    log_file: Option<PathBuf>,
    progress: Arc<Progress>,
    warnings: Arc<Mutex<BTreeSet<String>>>,
    streams: Streams,
}

impl Output {
    /// As the command line and the terminal want it.
    pub(crate) fn new(matches: &ArgMatches, environment: &Environment) -> Self {
        let matches = innermost(matches);
        let format = match matches.get_one::<String>("output").map(String::as_str) {
            Some("json") => Format::Json,
            _ => Format::Text,
        };
        let streams = environment.streams().clone();
        let terminal = streams.are_of_process() && io::stderr().is_terminal();
        let wants_colour = environment.get("NO_COLOR").is_none() && environment.get("TERM") != Some("dumb");
        let colour = terminal && wants_colour && !matches.get_flag("no-color");
        let quiet = matches.get_flag("quiet");
        let verbosity = matches.get_count("verbose");
        Self {
            format,
            quiet,
            verbosity,
            colour,
            log_file: matches.get_one::<String>("log-file").map(PathBuf::from),
            progress: Arc::new(Progress::new(format, quiet, verbosity, terminal, colour, streams.clone())),
            streams,
            warnings: Arc::default(),
        }
    }

    /// Starts logging.
    ///
    /// # Errors
    ///
    /// When the log file cannot be written.
    pub(crate) fn start_logging(&self) -> Result<(), String> {
        crate::logging::start(
            if self.quiet { 0 } else { self.verbosity },
            self.colour,
            self.log_file.as_deref(),
        )
        .map_err(|error| {
            let path = self.log_file.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
            format!("open log file {path}: {error}")
        })
    }

    /// True when the result is one JSON document.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Who operations tell what they do.
    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        self.progress.clone()
    }

    /// Tells the operator something, on stderr: a line of text, or for machines a line of JSON.
    pub(crate) fn say(&self, text: &str) {
        self.progress.observe(&Event::Note { text: text.to_owned() });
    }

    /// Asks the operator, however little they want to be told.
    pub(crate) fn ask(&self, question: &str) {
        self.progress.line(&printable(question));
    }

    /// Warns the operator on stderr, of each thing once.
    pub(crate) fn warn(&self, text: &str) {
        let mut told = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(text.to_owned()) {
            self.progress.observe(&Event::Warning { text: text.to_owned() });
        }
    }

    /// Tells the operator what went wrong, on stderr.
    pub(crate) fn complain(&self, text: &str) {
        if self.is_json() {
            let event = serde_json::json!({ "event": "error", "text": text }).to_string();
            self.progress.line(&without_steering(&event));
            return;
        }
        let mark = if self.colour { "\u{1b}[1;31merror:\u{1b}[0m" } else { "error:" };
        self.progress.line(&format!("{mark} {}", printable(text)));
    }

    /// Takes bars and spinners off the terminal.
    pub(crate) fn end_progress(&self) {
        self.progress.clear();
    }

    /// Writes the result: `document` as JSON, or `text`. A reader that closed the pipe has had enough, which is no failure.
    pub(crate) fn result(&self, document: &impl Serialize, text: impl FnOnce() -> String) -> ExitStatus {
        self.end_progress();
        let text = match self.format {
            Format::Text => printable(&text()),
            Format::Json => match serde_json::to_string_pretty(document) {
                Ok(json) => without_steering(&json),
                Err(error) => {
                    self.complain(&format!("write result: {error}"));
                    return ExitStatus::Failed;
                }
            },
        };
        self.write(&text)
    }

    /// Says what was done where there is nothing to show: `document` as JSON, or a sentence on stderr.
    pub(crate) fn done(&self, document: &impl Serialize, sentence: &str) -> ExitStatus {
        if self.is_json() {
            return self.result(document, String::new);
        }
        self.say(sentence);
        ExitStatus::Done
    }

    /// Writes text as it is, whatever the format: for scripts, manifests, kubeconfigs.
    pub(crate) fn write(&self, text: &str) -> ExitStatus {
        match self.write_part(text) {
            Ok(_) => ExitStatus::Done,
            Err(error) => {
                self.complain(&format!("write result to stdout: {error}"));
                ExitStatus::Failed
            }
        }
    }

    /// Writes a part of a result that comes bit by bit; false once the reader closed the pipe and so has had enough.
    ///
    /// # Errors
    ///
    /// When stdout cannot be written.
    pub(crate) fn write_part(&self, text: &str) -> io::Result<bool> {
        self.end_progress();
        match self.streams.to_stdout(text) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// JSON that says the same with what could steer a terminal written as escapes: what JSON itself leaves as it is. Such characters stand within texts only.
fn without_steering(json: &str) -> String {
    let mut clean = String::with_capacity(json.len());
    for character in json.chars() {
        if steers_terminal(character) {
            clean.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            clean.push(character);
        }
    }
    clean
}

/// Global arguments are seen from the innermost command.
fn innermost(matches: &ArgMatches) -> &ArgMatches {
    match matches.subcommand() {
        Some((_, inner)) => innermost(inner),
        None => matches,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_the_same_without_what_could_steer_a_terminal() {
        let hostile = "a\u{9b}2J\u{7f}\u{202e}b \u{e9}\u{1b}";
        let json = serde_json::to_string(&hostile).unwrap();
        let clean = without_steering(&json);
        let steers = |c: char| c.is_control() || c == '\u{202e}';
        assert!(!clean.contains(steers) && clean.contains('\u{e9}'), "{clean}");
        assert_eq!(serde_json::from_str::<String>(&clean).unwrap(), hostile);
    }
}
