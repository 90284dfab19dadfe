//! Progress: bars on a terminal, lines without one, JSON lines for machines.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use spacecraft_core::error::printable;
use spacecraft_core::observer::{Event, Observer, Outcome};

use super::{Format, Streams};

const TICK: Duration = Duration::from_millis(120);

/// Tells on stderr what operations do.
#[derive(Debug)]
pub(crate) struct Progress {
    style: Style,
    verbose: bool,
    colour: bool,
    streams: Streams,
    steps: Mutex<BTreeMap<String, Step>>,
}

#[derive(Debug)]
enum Style {
    /// Errors only.
    Silent,
    /// One line per event.
    Lines,
    /// One JSON document per line and event.
    Json,
    /// A spinner or bar per step.
    Bars(MultiProgress),
}

/// A step under way.
#[derive(Debug, Default)]
struct Step {
    bar: Option<ProgressBar>,
    told: u64,
}

impl Progress {
    pub(super) fn new(
        format: Format,
        quiet: bool,
        verbosity: u8,
        terminal: bool,
        colour: bool,
        streams: Streams,
    ) -> Self {
        let style = match (quiet, format, terminal) {
            (true, _, _) => Style::Silent,
            (false, Format::Json, _) => Style::Json,
            // Log lines and bars would draw over each other.
            (false, Format::Text, true) if verbosity < 2 => Style::Bars(MultiProgress::new()),
            (false, Format::Text, _) => Style::Lines,
        };
        Self { style, verbose: verbosity > 0, colour, streams, steps: Mutex::default() }
    }

    /// Writes a line above the bars, if there are any.
    pub(super) fn line(&self, text: &str) {
        match &self.style {
            Style::Bars(bars) => {
                if bars.println(text).is_err() {
                    self.streams.to_stderr(text);
                }
            }
            Style::Silent | Style::Lines | Style::Json => self.streams.to_stderr(text),
        }
    }

    /// Takes the bars away.
    pub(super) fn clear(&self) {
        self.lock().clear();
        if let Style::Bars(bars) = &self.style {
            // A terminal that cannot be written to has no bars to take away.
            let _ = bars.clear();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Step>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self, bars: &MultiProgress, event: &Event) {
        let mut steps = self.lock();
        match event {
            Event::StepStarted { step, detail } => {
                let bar = bars.add(ProgressBar::new_spinner().with_style(spinner()));
                bar.set_prefix(step.clone());
                bar.set_message(printable(detail));
                bar.enable_steady_tick(TICK);
                steps.entry(step.clone()).or_default().bar = Some(bar);
            }
            Event::Progress { step, done, total } => {
                if let Some(bar) = steps.get(step).and_then(|step| step.bar.as_ref()) {
                    bar.set_style(counting());
                    bar.set_length(*total);
                    bar.set_position(*done);
                }
            }
            Event::Waiting { step, what, why } => {
                let entry = steps.entry(step.clone()).or_default();
                let bar = entry.bar.get_or_insert_with(|| {
                    let bar = bars.add(ProgressBar::new_spinner().with_style(spinner()));
                    bar.set_prefix(step.clone());
                    bar.enable_steady_tick(TICK);
                    bar
                });
                bar.set_message(printable(&format!("waiting for {what}: {why}")));
            }
            Event::StepDone { step, outcome } => {
                if let Some(bar) = steps.remove(step).and_then(|step| step.bar) {
                    bar.finish_and_clear();
                }
                drop(steps);
                self.line(&self.done(step, *outcome));
            }
            Event::Resource { .. } | Event::Note { .. } | Event::Warning { .. } => {
                drop(steps);
                if let Some(text) = self.sentence(event) {
                    self.line(&printable(&text));
                }
            }
        }
    }

    /// The event as a line; none for what is not worth one.
    fn sentence(&self, event: &Event) -> Option<String> {
        Some(match event {
            Event::StepStarted { step, detail } => format!("{step}: {detail}"),
            Event::Progress { step, done, total } => return self.milestone(step, *done, *total),
            Event::Resource { resource, outcome, .. } if self.verbose => format!("  {resource} {outcome}"),
            Event::Resource { .. } => return None,
            Event::Waiting { step, what, why } => format!("{step}: waiting for {what}: {why}"),
            Event::StepDone { step, outcome } => self.done(step, *outcome),
            Event::Note { text } => text.clone(),
            Event::Warning { text } => {
                format!("{} {text}", if self.colour { "\u{1b}[33mwarning:\u{1b}[0m" } else { "warning:" })
            }
        })
    }

    /// Counting goes by quarters, so that a thousand nodes are four lines, and what is made in a moment is no more.
    fn milestone(&self, step: &str, done: u64, total: u64) -> Option<String> {
        let quarter = done.saturating_mul(4).checked_div(total)?;
        let mut steps = self.lock();
        let told = &mut steps.entry(step.to_owned()).or_default().told;
        if quarter <= *told {
            return None;
        }
        *told = quarter;
        Some(format!("{step}: {done} of {total}"))
    }

    fn done(&self, step: &str, outcome: Outcome) -> String {
        match (self.colour, outcome) {
            (true, Outcome::Unchanged | Outcome::Absent) => format!("\u{1b}[2m{step}: {outcome}\u{1b}[0m"),
            (true, _) => format!("{step}: \u{1b}[32m{outcome}\u{1b}[0m"),
            (false, _) => format!("{step}: {outcome}"),
        }
    }
}

impl Observer for Progress {
    fn observe(&self, event: &Event) {
        match &self.style {
            Style::Silent => {}
            Style::Bars(bars) => self.draw(bars, event),
            Style::Json => {
                if let Ok(line) = serde_json::to_string(event) {
                    self.streams.to_stderr(&super::without_steering(&line));
                }
            }
            Style::Lines => {
                if let Some(text) = self.sentence(event) {
                    self.streams.to_stderr(&printable(&text));
                }
            }
        }
    }
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("{spinner:.cyan} {prefix:.bold} {wide_msg} {elapsed:.dim}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn counting() -> ProgressStyle {
    ProgressStyle::with_template(
        "{spinner:.cyan} {prefix:.bold} [{bar:30.cyan}] {pos}/{len} {wide_msg} {elapsed:.dim}",
    )
    .map(|style| style.progress_chars("=> "))
    .unwrap_or_else(|_| ProgressStyle::default_bar())
}
